"""How well something is measured, and what that does to a correlation: coders, sessions and attenuation."""

from typing import NamedTuple

import numpy as np

from dyadlab.models.given import MakesNoSense, one_number, proportions

__all__ = [
    "COMMENTS_HALF", "ExpectedAgreement", "attenuated", "disattenuated", "expected_agreement", "share_reliability",
    "simulate_shares", "spearman_brown",
]  # fmt: skip

COMMENTS_HALF = 58.07
"""From how many comments a share of appropriate comments has a reliability of one half: the sum of the two numbers of a
beta distribution, Beta(3.47, 54.6), fitted to open data of 63 mothers in ten minutes of play (Lee, Meins & Larkin,
2023; the fit is ours). The mean of that distribution is 6 per cent."""
_MEAN_SHARE = 0.06


# --- Two coders -----------------------------------------------------------------------------------


class ExpectedAgreement(NamedTuple):
    """What two coders of known accuracy come to: raw agreement, agreement by chance, kappa."""

    raw_agreement: float
    by_chance: float
    kappa: float


def expected_agreement(prevalence, accuracy, second_accuracy=None):
    """Raw agreement and kappa that two coders of a yes-or-no question will have, on average over many comments.

    Each is right about any comment with the probability ``accuracy``, whatever the comment and the other coder.
    ``p_o = a1*a2 + (1-a1)*(1-a2)`` does not depend on prevalence; each coder says yes to ``v*a + (1-v)*(1-a)`` of the
    comments, from which follow p_e and kappa as in Cohen (1960). That kappa falls where a code is rare although
    nobody codes worse was shown by Feinstein and Cicchetti (1990).

    prevalence : the proportion of comments with yes as their true answer. accuracy, second_accuracy : proportions, by
    default the same. Numbers or arrays that go together. Returns an :class:`ExpectedAgreement`; kappa is nan where
    both would always give the same one code.
    """
    v, first = proportions(prevalence, "prevalence"), proportions(accuracy, "accuracy")
    second = first if second_accuracy is None else proportions(second_accuracy, "accuracy of the second coder")
    agreed = first * second + (1 - first) * (1 - second)
    yes = [v * a + (1 - v) * (1 - a) for a in (first, second)]
    by_chance = yes[0] * yes[1] + (1 - yes[0]) * (1 - yes[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa = np.where(by_chance < 1, (agreed - by_chance) / (1 - by_chance), np.nan)
    agreed, by_chance, kappa = np.broadcast_arrays(agreed, by_chance, kappa)
    return ExpectedAgreement(*(_plain(value) for value in (agreed, by_chance, kappa)))


# --- A session ------------------------------------------------------------------------------------


def share_reliability(comments, *, notices=1.0, false_alarm=0.0, mean=_MEAN_SHARE, half=COMMENTS_HALF):
    """The reliability of a share of comments, such as the appropriate ones, from a session of so many comments.

    Each mother has a share p of her own, drawn from a beta distribution; the session draws its comments from it
    (beta-binomial model; Lord, 1965). A faultless coder then has the reliability ``n / (n + half)``, which grows with
    n as Spearman and Brown say. A coder who notices a share of what is there and imagines some of what is not counts
    ``q = p*notices + (1-p)*false_alarm``; reliability is var(q) divided by ``var(q) + mean(q*(1-q)) / n``.

    comments : n, a number or an array. notices, false_alarm : proportions. mean : the mean share. half : the n at
    which a faultless coder's reliability is one half. Returns proportions, shaped like ``comments``.
    """
    try:
        n = np.asarray(comments, dtype=float)
    except (TypeError, ValueError):
        raise MakesNoSense("For the comments of a session, a number is wanted.") from None
    if not (n > 0).all():
        raise MakesNoSense("A session should hold at least one comment.")
    hit, alarm = proportions(notices, "share noticed"), proportions(false_alarm, "share of false alarms")
    mean, half = float(proportions(mean, "mean share")), one_number(half, "half")
    if not 0 < mean < 1 or half <= 0:
        raise MakesNoSense("The mean share should lie between 0 and 1, and half should be more than 0 comments.")
    between = (hit - alarm) ** 2 * mean * (1 - mean) / (half + 1)
    counted = alarm + (hit - alarm) * mean
    within = counted * (1 - counted) - between
    if np.any((between + within) <= 0):
        raise MakesNoSense("A coder who gives every comment the same code measures nothing: there is no reliability.")
    return _plain(between / (between + within / n))


def simulate_shares(dyads, comments, *, rng, notices=1.0, false_alarm=0.0, mean=_MEAN_SHARE, half=COMMENTS_HALF):
    """True shares of simulated mothers, and the shares that a coder counts in one session each.

    The model of :func:`share_reliability`. rng : a numpy Generator. Returns two (dyads,) arrays of proportions.
    """
    true = rng.beta(mean * half, (1 - mean) * half, size=dyads)
    counted = true * notices + (1 - true) * false_alarm
    return true, rng.binomial(comments, counted) / comments


def spearman_brown(reliability, times):
    """Reliability of a measure made ``times`` as long (Spearman, 1910; Brown, 1910): ``k*r / (1 + (k-1)*r)``."""
    r = proportions(reliability, "reliability")
    k = one_number(times, "how many times as long")
    if k <= 0:
        raise MakesNoSense("How many times as long should be more than 0; one half is 0.5.")
    return _plain(k * r / (1 + (k - 1) * r))


# --- A correlation --------------------------------------------------------------------------------


def attenuated(true_r, reliability, second_reliability=1.0):
    """The correlation that two noisy measures show (Spearman, 1904): ``r_true * sqrt(rel_1 * rel_2)``."""
    r = _correlation(true_r)
    first, second = (proportions(one, "reliability") for one in (reliability, second_reliability))
    return _plain(r * np.sqrt(first * second))


def disattenuated(seen_r, reliability, second_reliability=1.0):
    """The correlation that two noisy measures would show without their noise (Spearman, 1904).

    ``r_seen / sqrt(rel_1 * rel_2)``. By chance it can leave -1 to 1; it is handed back as it is, not cut.
    """
    r = _correlation(seen_r)
    first, second = (proportions(one, "reliability") for one in (reliability, second_reliability))
    if not ((first > 0).all() and (second > 0).all()):
        raise MakesNoSense("With a reliability of 0 nothing was measured, and no correlation can be worked out.")
    return _plain(r / np.sqrt(first * second))


def _correlation(value):
    array = np.asarray(value, dtype=float)
    if not ((array >= -1) & (array <= 1)).all():
        raise MakesNoSense(f"A correlation lies between -1 and 1, and this is {value}.")
    return array


def _plain(value):
    return float(value) if np.ndim(value) == 0 else value
