"""The class study of 62 mothers and babies: talk of minds, salivary oxytocin and postnatal symptoms.

**The population.** A mother's liability to depression D moves how much of her talk fits the mind of her baby (z_talk),
which goes with the baby's oxytocin (z_infant), which goes with the mother's (z_mother)::

    z_talk   = talk_on_depression * D + e
    z_infant = infant_on_talk * z_talk + infant_on_depression * D + e
    z_mother = mother_on_infant * z_infant + mother_on_depression * D + e          (each of variance 1)

    comments in five minutes    ~ negative binomial (mean 88, size 12.8)
    appropriate comments        ~ binomial(comments, p), logit p = -2.88 + 0.52 z_talk
    non-attuned comments        ~ beta-binomial(comments, 1.55, 86.1)
    log oxytocin                = log median + log 1.8 * (sqrt(reliability) z + sqrt(1 - reliability) e)
                                  + 0.10 for every 3 hours after 9 in the morning
                                  + 0.15 if the feed was over an hour ago

Log oxytocin is normal, so that no skewness gives away which of two correlated things came first.

**Sources.** Counts and shares: computed from two open data sets of the Meins group (UK and Korea, 129 mothers, ten
minutes, halved here); symptoms: `dyadlab.studies.epds`; design (62 dyads, 26 of them at 9 or more, five
minutes without toys): Lindley Baron-Cohen and others (2024) and its sister papers. The latent .60 between talk
and infant oxytocin is what an observed .3 needs once both measures are as unreliable as they are. *Assumed*, for
want of a published figure: the oxytocin medians and reliability, what clock time and feeding do to it, everything
about the mother's own oxytocin (that it goes with the infant's is reported by Feldman and others, 2010, without an
r), ages, feeding.

**Two kinds of sample.** :func:`replicate` is an honest random sample. :func:`class_study` is *matched*: an honest
sample whose talk and saliva are then exchanged between mothers of the same group until three correlations hit
``MATCHED``. It tells its stories clearly and hides the sampling error that replicates show.
"""

import math
from dataclasses import asdict, dataclass, replace

from dyadlab.studies import epds
from dyadlab.studies.arithmetic import (
    correlation,
    correlation_t,
    dot,
    mean,
    partial_correlation,
    rank_sum_z,
    ranks,
    sd,
    standardise,
    welch_t,
)
from dyadlab.studies.stream import Stream
from dyadlab.studies.tables import TEXT, WHOLE, Table, decimals

COLUMNS = {
    "dyad_id": TEXT,
    "elevated": WHOLE,
    "epds_total": WHOLE,
    "mother_age_years": WHOLE,
    "infant_age_months": decimals(1),
    "infant_sex": TEXT,
    "feeding": TEXT,
    "n_comments": WHOLE,
    "n_appropriate": WHOLE,
    "n_non_attuned": WHOLE,
    "appropriate_pct": decimals(1),
    "non_attuned_pct": decimals(1),
    "oxytocin_infant_pg_ml": decimals(1),
    "oxytocin_mother_pg_ml": decimals(1),
    "clock_time_h": decimals(1),
    "minutes_since_feed": WHOLE,
}

CUTOFF = 9
N_ELEVATED, N_OTHER = 26, 36


@dataclass(frozen=True)
class Population:
    """The true parameters. Paths are standardised; medians in pg/ml; log effects in natural logarithms."""

    talk_on_depression: float = -0.45
    infant_on_talk: float = 0.60
    infant_on_depression: float = 0.0
    mother_on_infant: float = 0.60
    mother_on_depression: float = -0.10
    oxytocin_reliability: float = 0.50
    comments_mean: float = 88.0
    comments_size: float = 12.8
    appropriate_logit: float = -2.88
    appropriate_spread: float = 0.52
    non_attuned_a: float = 1.55
    non_attuned_b: float = 86.1
    infant_median_pg_ml: float = 25.0
    mother_median_pg_ml: float = 30.0
    oxytocin_fold: float = 1.8
    log_rise_per_hour: float = 0.10 / 3
    log_rise_after_feed: float = 0.15
    feed_is_past_min: float = 60.0

    def rest_of_infant(self):
        """SD of what talk and depression leave of the infant's oxytocin."""
        a, b, c = self.infant_on_talk, self.infant_on_depression, self.talk_on_depression
        return math.sqrt(1 - a * a - b * b - 2 * a * b * c)

    def rest_of_mother(self):
        """SD of what the infant's oxytocin and depression leave of the mother's."""
        a, b = self.mother_on_infant, self.mother_on_depression
        infant_with_depression = self.infant_on_depression + self.infant_on_talk * self.talk_on_depression
        return math.sqrt(1 - a * a - b * b - 2 * a * b * infant_with_depression)


ANCHOR_LIKE = Population()
WORLDS = {
    # what one study found, Lindley Baron-Cohen and others (2024)
    "anchor-like": ANCHOR_LIKE,
    # what 63 studies find of depression (Georg and others, 2023), and a link that one study would mostly miss
    "meta-analytic": replace(ANCHOR_LIKE, talk_on_depression=-0.06, infant_on_talk=0.25, infant_on_depression=-0.10),
    "null": replace(
        ANCHOR_LIKE,
        talk_on_depression=0.0,
        infant_on_talk=0.0,
        infant_on_depression=0.0,
        mother_on_depression=0.0,
    ),
}


@dataclass(frozen=True)
class Matched:
    """What the class study's sample correlations are set to, and how closely."""

    talk_with_infant_oxytocin: float = 0.34
    symptoms_with_infant_oxytocin: float = -0.23
    talk_with_symptoms: float = -0.33
    within: float = 0.0015


MATCHED = Matched()


def truth(world):
    """The true parameters of a world, by name."""
    return asdict(WORLDS[world])


def replicate(student_id, world):
    """An honest random sample of 62 dyads (26 of them elevated), decided by the id alone."""
    return _table(sample(Stream("dyads", student_id), WORLDS[world]))


def sample(stream, population, n_elevated=N_ELEVATED, n_other=N_OTHER):
    """A random sample: rows in the order of COLUMNS, without the id and not yet rounded, in random order.

    Mothers come from the community one by one, as in a screening, and are kept until both groups are full.
    """
    wanted = {True: n_elevated, False: n_other}
    kept = []
    while wanted[True] or wanted[False]:
        liability = stream.normal()
        total = sum(epds.answers(stream, liability))
        elevated = total >= CUTOFF
        if wanted[elevated]:
            wanted[elevated] -= 1
            kept.append((liability, total))
    draw = _dyads_of(stream, population)
    return [draw(liability, total) for liability, total in stream.shuffle(kept)]


def _dyads_of(stream, population):
    """A function from a mother's liability and EPDS total to her row; what is constant is worked out once."""
    p = population
    rest_of_talk = math.sqrt(1 - p.talk_on_depression**2)
    rest_of_infant, rest_of_mother = p.rest_of_infant(), p.rest_of_mother()
    fold = math.log(p.oxytocin_fold)
    lasting, passing = fold * math.sqrt(p.oxytocin_reliability), fold * math.sqrt(1 - p.oxytocin_reliability)
    log_infant, log_mother = math.log(p.infant_median_pg_ml), math.log(p.mother_median_pg_ml)

    def draw(liability, total):
        e_talk, e_infant, e_mother, error_infant, error_mother, age = stream.normals(6)
        z_talk = p.talk_on_depression * liability + rest_of_talk * e_talk
        z_infant = p.infant_on_talk * z_talk + p.infant_on_depression * liability + rest_of_infant * e_infant
        z_mother = p.mother_on_infant * z_infant + p.mother_on_depression * liability + rest_of_mother * e_mother

        comments = min(400, max(10, stream.negative_binomial(p.comments_mean, p.comments_size)))
        share = 1 / (1 + math.exp(-(p.appropriate_logit + p.appropriate_spread * z_talk)))
        appropriate = stream.binomial(comments, share)
        non_attuned = min(comments - appropriate, stream.beta_binomial(comments, p.non_attuned_a, p.non_attuned_b))

        months, day, sex, fed = stream.uniforms(4)
        clock = round(9 + 8 * day, 1)
        minutes = min(240, int(stream.exponential(55)))
        circumstances = p.log_rise_per_hour * (clock - 9)
        if minutes > p.feed_is_past_min:
            circumstances += p.log_rise_after_feed
        return (
            int(total >= CUTOFF),
            total,
            min(44, max(23, round(33 + 4.5 * age))),
            3 + 6 * months,
            "girl" if sex < 0.5 else "boy",
            "breast" if fed < 0.55 else "mixed" if fed < 0.75 else "formula",
            comments,
            appropriate,
            non_attuned,
            100 * appropriate / comments,
            100 * non_attuned / comments,
            math.exp(log_infant + circumstances + lasting * z_infant + passing * error_infant),
            math.exp(log_mother + circumstances + lasting * z_mother + passing * error_mother),
            clock,
            minutes,
        )

    return draw


def _table(dyads):
    return Table(COLUMNS, [(f"D{number:02d}", *dyad) for number, dyad in enumerate(dyads, start=1)])


# ------------------------------------------------------------------------------------------- the class study

_TALK = ("n_comments", "n_appropriate", "n_non_attuned", "appropriate_pct", "non_attuned_pct")
_SALIVA = ("oxytocin_infant_pg_ml", "oxytocin_mother_pg_ml", "clock_time_h", "minutes_since_feed", "feeding")


def class_study(seed, population=ANCHOR_LIKE, matched=MATCHED):
    """The matched sample: a random sample with ordinary margins, exchanged until it tells the story.

    Talk (counts and shares) moves as one unit and saliva (with clock time and feeding) as another, each only between
    mothers of the same group, so every row stays possible and percentages stay the counts'. A sample that cannot be
    brought there, or in which another analysis would tell another story, is drawn again.
    """
    for attempt in range(5000):
        stream = Stream("dyads, class study", seed, attempt=attempt)
        dyads = sample(stream, population)
        if not _ordinary(dyads):
            continue
        exchanged = _exchange(stream, dyads, matched)
        if exchanged is not None:
            table = _table(exchanged)
            if _tells_the_story(table):
                return table
    raise RuntimeError("no sample could be matched: the targets contradict each other")


def _column(dyads, name):
    """One column of rows that have no id yet, rounded as it is delivered."""
    at = list(COLUMNS).index(name) - 1
    return COLUMNS[name].deliver_all(dyad[at] for dyad in dyads)


def _ordinary(dyads):
    """Whether margins are close to the population's, so that a class sees ordinary means and spreads."""
    totals = _column(dyads, "epds_total")
    share = _column(dyads, "appropriate_pct")
    log_infant = [math.log(v) for v in _column(dyads, "oxytocin_infant_pg_ml")]
    return (
        abs(mean([t for t in totals if t < CUTOFF]) - 3.8) < 0.4
        and abs(mean([t for t in totals if t >= CUTOFF]) - 12.3) < 0.6
        and abs(mean(share) - 5.6) < 0.4
        and abs(sd(share) - 3.7) < 0.4
        and abs(mean(_column(dyads, "non_attuned_pct")) - 1.8) < 0.2
        and abs(mean(_column(dyads, "n_comments")) - 88) < 4
        and abs(mean(log_infant) - math.log(27)) < 0.12
        and abs(sd(log_infant) - 0.6) < 0.06
    )


def _exchange(stream, dyads, matched):
    """The dyads with talk and saliva exchanged inside groups until the three correlations are hit, or None."""
    symptoms = standardise(_column(dyads, "epds_total"))
    talk = standardise(_column(dyads, "appropriate_pct"))
    saliva = standardise([math.log(v) for v in _column(dyads, "oxytocin_infant_pg_ml")])
    whose_talk, whose_saliva = list(range(len(dyads))), list(range(len(dyads)))
    elevated = _column(dyads, "elevated")
    groups = [[i for i, e in enumerate(elevated) if e == group] for group in (1, 0)]

    def misses():
        return (
            dot(talk, saliva) - matched.talk_with_infant_oxytocin,
            dot(symptoms, saliva) - matched.symptoms_with_infant_oxytocin,
            dot(talk, symptoms) - matched.talk_with_symptoms,
        )

    now = misses()
    distance = math.fsum(m * m for m in now)
    for _ in range(6000):
        if max(map(abs, now)) < matched.within:
            whose = [whose_talk if n in _TALK else whose_saliva if n in _SALIVA else None for n in COLUMNS][1:]
            return [tuple(dyads[w[i] if w else i][at] for at, w in enumerate(whose)) for i in range(len(dyads))]
        i, j = stream.sample(stream.choice(groups), 2)
        values, whose = stream.choice([(talk, whose_talk), (saliva, whose_saliva)])
        values[i], values[j] = values[j], values[i]
        then = misses()
        if math.fsum(m * m for m in then) < distance:
            now, distance = then, math.fsum(m * m for m in then)
            whose[i], whose[j] = whose[j], whose[i]
        else:
            values[i], values[j] = values[j], values[i]
    return None


def _tells_the_story(table):
    """Whether the delivered numbers lead every reasonable analysis to the same conclusions.

    Limits for t and z leave room around 2.00 (5 per cent, 60 degrees of freedom), so that a neighbouring test agrees.
    """
    n = len(table)
    elevated, symptoms, talk = map(table.column, ("elevated", "epds_total", "appropriate_pct"))
    infant = [math.log(v) for v in table.column("oxytocin_infant_pg_ml")]
    mother = [math.log(v) for v in table.column("oxytocin_mother_pg_ml")]

    def by_group(values):
        return [[v for v, e in zip(values, elevated, strict=True) if e == group] for group in (0, 1)]

    rank_r = correlation(ranks(talk), ranks(infant))
    given_symptoms = partial_correlation(talk, infant, symptoms)
    return (
        correlation_t(rank_r, n) > 2.1
        and correlation_t(given_symptoms, n, held_constant=1) > 2.1
        and -1.97 < correlation_t(correlation(symptoms, infant), n) < -1.70
        and welch_t(*by_group(talk)) > 2.2
        and rank_sum_z(*by_group(talk)) > 2.2
        and 0 < welch_t(*by_group(table.column("n_comments"))) < 1.5
        and 0.4 < welch_t(*by_group(infant)) < 1.6
        and abs(rank_sum_z(*by_group(infant))) < 1.6
        and 0.3 < welch_t(*by_group(mother)) < 1.8
        and 0.22 < correlation(infant, mother) < 0.45
    )
