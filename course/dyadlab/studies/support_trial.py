"""A randomised trial of support for mothers in hearing what their baby may think and feel, against a control.

Each mother has a latent propensity before and after, coupled by a Gaussian copula and turned into a share of
appropriate (and, separately, non-attuned) comments by a beta distribution; support multiplies the odds
afterwards. Counts are binomial out of all comments of a ten-minute session. Means, spreads and stabilities are
fitted to what we computed from the open data of a trial of a mind-mindedness app (Larkin et al., 2023).

Standard library only.
"""

import itertools
import math
from bisect import bisect_left
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from statistics import NormalDist

from dyadlab.studies.stream import Stream
from dyadlab.studies.tables import TEXT, WHOLE, Table, decimals

COLUMNS = {
    "mother_id": TEXT,
    "arm": TEXT,
    "n_comments_baseline": WHOLE,
    "n_appropriate_baseline": WHOLE,
    "n_non_attuned_baseline": WHOLE,
    "appropriate_pct_baseline": decimals(1),
    "non_attuned_pct_baseline": decimals(1),
    "completed": WHOLE,
    "adherent": WHOLE,
    "n_comments_followup": WHOLE,
    "n_appropriate_followup": WHOLE,
    "n_non_attuned_followup": WHOLE,
    "appropriate_pct_followup": decimals(1),
    "non_attuned_pct_followup": decimals(1),
}
ARMS = ("support", "control")
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Support:
    """True parameters. From that trial, except where it says *assumed*.

    Shares are given as the mean of a beta distribution and its two shape parameters' sum.
    """

    per_arm: int = 76
    odds_ratio: float = 1.50
    """What support does to the odds that a comment at follow-up is appropriate."""
    odds_ratio_non_attuned: float = 0.65
    """... and that it is non-attuned (assumed)."""
    appropriate_baseline: tuple = (0.0398, 90.0)
    appropriate_followup: tuple = (0.033, 46.0)
    """Without support."""
    appropriate_stability: float = 0.62
    """Correlation of a mother's propensity before and after."""
    non_attuned_baseline: tuple = (0.0245, 86.0)
    """Spread fitted to the published SD of 2.05 points."""
    non_attuned_followup: tuple = (0.0155, 70.0)
    """Without support; spread fitted to the published SD of 1.74 points."""
    non_attuned_stability: float = 0.15
    """Published stability over these six months is .08 to .22."""
    comments: float = 178.0
    """Mean number of comments in ten minutes; negative binomial of size 12.8 in all."""
    talk_between: float = 20.0
    """Gamma shape of what a mother's talkativeness keeps from session to session (assumed)."""
    talk_occasion: float = 36.0
    """Gamma shape of what it does not; 1/20 + 1/36 is about 1/12.8."""
    dropout: tuple = (0.11, 0.05)
    """Share lost to follow-up: support, control (8 and 4 of 76)."""
    dropout_pull: float = -0.20
    """Correlation of leaving with the baseline propensity: who talks less of minds leaves more (assumed)."""
    adherence: tuple = (0.55, 0.38)
    """Share of completers who used their app at least a few times a week: support (36/66), control (28/74)."""
    adherence_pull: float = 0.25
    """Correlation of using it with the baseline propensity (assumed). Using it changes nothing by itself:
    support works as well for those who use it little, so that a comparison of users is a comparison of
    different mothers."""


WORLDS = {
    "anchor-like": Support(),
    "meta-analytic": replace(Support(), odds_ratio=1.25, odds_ratio_non_attuned=0.80),
    "null": replace(Support(), odds_ratio=1.00, odds_ratio_non_attuned=1.00),
}


def class_study(seed, parameters=WORLDS["anchor-like"]):
    """The trial that is the same for everybody."""
    return draw(Stream("support_trial", seed), parameters)


def replicate(student_id, world):
    """A student's own trial: an honest random sample of the same size."""
    return draw(Stream("support_trial", student_id), WORLDS[world])


def truth(world="anchor-like"):
    """The true parameters by name."""
    return asdict(WORLDS[world])


def draw(stream, parameters):
    """A trial with these parameters: one row for each mother, in the order in which they were enrolled."""
    s = parameters
    arms = stream.shuffle([arm for arm in ARMS for _ in range(s.per_arm)])
    width = max(3, len(str(len(arms))))
    rows = []
    for number, arm in enumerate(arms, start=1):
        supported = arm == "support"
        appropriate = _pair(stream, s.appropriate_stability)
        non_attuned = _pair(stream, s.non_attuned_stability)
        talk = stream.gamma(s.talk_between) / s.talk_between
        before = _session(
            stream,
            s,
            talk,
            share(appropriate[0], *s.appropriate_baseline),
            share(non_attuned[0], *s.non_attuned_baseline),
        )
        after = _session(
            stream,
            s,
            talk,
            times_odds(share(appropriate[1], *s.appropriate_followup), s.odds_ratio if supported else 1),
            times_odds(share(non_attuned[1], *s.non_attuned_followup), s.odds_ratio_non_attuned if supported else 1),
        )
        which = ARMS.index(arm)
        left = _happens(stream, s.dropout[which], s.dropout_pull, appropriate[0])
        adherent = _happens(stream, s.adherence[which], s.adherence_pull, appropriate[0])
        rows.append(
            (
                f"R{number:0{width}d}",
                arm,
                *before,
                0 if left else 1,
                None if left else int(adherent),
                *((None,) * len(after) if left else after),
            )
        )
    return Table(COLUMNS, rows)


def _pair(stream, correlation):
    """Two standard normal draws with this correlation."""
    first, second = stream.normals(2)
    return first, correlation * first + math.sqrt(1 - correlation**2) * second


def _happens(stream, probability, pull, z):
    """Whether something of this probability happens, its liability correlated ``pull`` with z."""
    liability = pull * z + math.sqrt(1 - pull**2) * stream.normal()
    return liability > _NORMAL.inv_cdf(1 - probability)


def _session(stream, s, talk, appropriate, non_attuned):
    """Counts and shares of one session: comments, appropriate, non-attuned, and the latter two in per cent."""
    comments = max(1, stream.poisson(s.comments * talk * stream.gamma(s.talk_occasion) / s.talk_occasion))
    n_appropriate = stream.binomial(comments, appropriate)
    # A comment has one code, so the non-attuned are found among the comments that are left.
    n_non_attuned = stream.binomial(comments - n_appropriate, min(1.0, non_attuned / (1 - appropriate)))
    return (
        comments,
        n_appropriate,
        n_non_attuned,
        100 * n_appropriate / comments,
        100 * n_non_attuned / comments,
    )


def times_odds(p, odds_ratio):
    """The probability whose odds are ``odds_ratio`` times those of p."""
    return p * odds_ratio / (1 - p + p * odds_ratio)


def share(z, mean, total):
    """The value of a beta distribution that a standard normal value z stands for: the same rank in both.

    mean, total : the beta's mean and the sum of its shape parameters. Accurate to about 1e-5.
    """
    table = _beta_by_normal(mean, total)
    at = (min(max(z, -_REACH), _REACH) + _REACH) / _PACE
    below = min(int(at), len(table) - 2)
    return table[below] + (at - below) * (table[below + 1] - table[below])


_REACH, _PACE = 5.0, 0.05


@lru_cache(maxsize=32)
def _beta_by_normal(mean, total):
    """Beta quantiles at the normal values -5, -4.95, ..., 5: the density summed over the logit, inverted."""
    a, b = mean * total, (1 - mean) * total
    steps = 4000
    # The logit reaches far enough down for the smallest shape in use; nothing lies above the other end.
    low, high = math.log(mean / (1 - mean)) - 20 / min(a, 2.0) - 6, math.log(mean / (1 - mean)) + 6
    pace = (high - low) / steps
    ps = [1 / (1 + math.exp(-(low + i * pace))) for i in range(steps + 1)]
    weights = [math.exp(a * math.log(p / mean) + b * (math.log1p(-p) - math.log1p(-mean))) for p in ps]
    reach, reached = [0.0], 0.0
    for left, right in itertools.pairwise(weights):
        reached += (left + right) / 2
        reach.append(reached)
    quantiles = []
    for i in range(round(2 * _REACH / _PACE) + 1):
        wanted = _NORMAL.cdf(-_REACH + i * _PACE) * reached
        k = min(max(bisect_left(reach, wanted), 1), steps)
        part = (wanted - reach[k - 1]) / (reach[k] - reach[k - 1]) if reach[k] > reach[k - 1] else 0.0
        quantiles.append(ps[k - 1] + part * (ps[k] - ps[k - 1]))
    return quantiles
