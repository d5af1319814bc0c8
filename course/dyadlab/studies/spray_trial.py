"""A placebo-controlled crossover of a nasal oxytocin spray: each mother plays twice, once after each spray.

``logit p = mother + log(OR) * oxytocin + period + carry-over + occasion``; comments that fit the infant's mind are
binomial out of all comments of five minutes. The default truth is no effect at all (OR 1.00), after the published
trial, whose effect on talk was not significant (Lindley Baron-Cohen et al., 2024); the width of the interval, not
the point, is what this trial teaches.

Saliva is taken after the spray. It stays raised for hours, probably by what was never taken up (van IJzendoorn et
al., 2012; Martins et al., 2020), so it says nothing about what reached anything else. By how much is assumed.

Standard library only.
"""

import math
from dataclasses import asdict, dataclass, replace

from dyadlab.studies.stream import Stream
from dyadlab.studies.tables import TEXT, WHOLE, Table, decimals

COLUMNS = {
    "mother_id": TEXT,
    "sequence": TEXT,
    "period": WHOLE,
    "spray": TEXT,
    "n_comments": WHOLE,
    "n_appropriate": WHOLE,
    "appropriate_pct": decimals(1),
    "oxytocin_mother_pg_ml": decimals(1),
}
SPRAYS = {"A": "oxytocin", "B": "placebo"}


@dataclass(frozen=True)
class Spray:
    """True parameters.

    Shares, comments and occasions are fitted to open data of 129 mothers (Meins group), halved to five minutes, so that
    two visits correlate .50 and the effect has a standard error of .53 percentage points.
    """

    mothers: int = 62
    """Half of them (31) in each sequence."""
    odds_ratio: float = 1.00
    """What the oxytocin spray does to the odds that a comment is appropriate."""
    period: float = -0.10
    """Change of the logit from the first to the second visit (assumed): the novelty wears off."""
    carry_over: float = 0.0
    """Share of log(odds_ratio) that is still at work at the second visit of those who had oxytocin first."""
    days_between: int = 7
    """Between the visits (assumed; the published trial's interval is not known to us). After a week nothing of the
    spray is left; two visits on one day would make carry_over about 0.8."""
    logit: float = -2.88
    """Logit of the appropriate share of the mother in the middle: 5.3 %, so that the mean is 6 %."""
    between: float = 0.52
    """SD of mothers' logits."""
    occasion: float = 0.25
    """SD of a mother's logit from visit to visit."""
    comments: float = 88.0
    """Mean number of comments in five minutes; negative binomial of size 12.8 in all."""
    talk_between: float = 20.0
    """Gamma shape of what a mother's talkativeness keeps from visit to visit (assumed)."""
    talk_occasion: float = 36.0
    """Gamma shape of what it does not; 1/20 + 1/36 is about 1/12.8."""
    saliva_median: float = 25.0
    """Salivary oxytocin after placebo, pg/ml."""
    saliva_log_sd: float = 0.5878
    """Its log-SD, ln 1.8."""
    saliva_stability: float = 0.60
    """Correlation of a mother's log values between visits (assumed)."""
    contamination: tuple = (50.0, 500.0)
    """Saliva after the oxytocin spray is multiplied by something between these, evenly in logs (assumed)."""


WORLDS = {
    "anchor-like": Spray(),
    "meta-analytic": replace(Spray(), odds_ratio=1.05),
    "null": Spray(),
}


def class_study(seed, parameters=WORLDS["anchor-like"]):
    """The trial that is the same for everybody."""
    return draw(Stream("spray_trial", seed), parameters)


def replicate(student_id, world):
    """A student's own trial: an honest random sample of the same size."""
    return draw(Stream("spray_trial", student_id), WORLDS[world])


def truth(world="anchor-like"):
    """The true parameters by name."""
    return asdict(WORLDS[world])


def draw(stream, parameters):
    """A trial with these parameters: two rows for each mother, first visit first."""
    s = parameters
    half = s.mothers // 2
    sequences = stream.shuffle(["AB"] * half + ["BA"] * (s.mothers - half))
    width = max(2, len(str(s.mothers)))
    rows = []
    for number, sequence in enumerate(sequences, start=1):
        logit = s.logit + s.between * stream.normal()
        talk = stream.gamma(s.talk_between) / s.talk_between
        usual = math.sqrt(s.saliva_stability) * stream.normal()
        for period, letter in enumerate(sequence, start=1):
            effect = math.log(s.odds_ratio)
            here = logit + s.occasion * stream.normal()
            if letter == "A":
                here += effect
            if period == 2:
                here += s.period
                if sequence == "AB":
                    here += s.carry_over * effect
            mean = s.comments * talk * stream.gamma(s.talk_occasion) / s.talk_occasion
            comments = max(1, stream.poisson(mean))
            appropriate = stream.binomial(comments, 1 / (1 + math.exp(-here)))
            level = usual + math.sqrt(1 - s.saliva_stability) * stream.normal()
            saliva = s.saliva_median * math.exp(s.saliva_log_sd * level)
            low, high = s.contamination
            contamination = low * (high / low) ** stream.uniform()
            if letter == "A":
                saliva *= contamination
            rows.append(
                (
                    f"X{number:0{width}d}",
                    sequence,
                    period,
                    SPRAYS[letter],
                    comments,
                    appropriate,
                    100 * appropriate / comments,
                    saliva,
                )
            )
    return Table(COLUMNS, rows)
