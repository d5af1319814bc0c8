"""Two groups compared: a difference of means with its interval and test, and its size."""

from typing import NamedTuple

import numpy as np

from dyadlab.models.given import MakesNoSense, confidence_level, group

__all__ = ["Effect", "Welch", "hedges_g", "welch"]


class Welch(NamedTuple):
    """A difference of two means with its interval and Welch's test."""

    difference: float
    low: float
    high: float
    t: float
    df: float
    p: float

    def __repr__(self):
        return (
            f"difference {self.difference:.3f}, interval {self.low:.3f} to {self.high:.3f}; "
            f"t({self.df:.1f}) = {self.t:.2f}, p = {self.p:.3f}"
        )


def welch(first, second, confidence=0.95):
    """Mean of ``first`` minus mean of ``second``, with Welch's interval and two-sided test (Welch, 1947).

    ``t = difference / sqrt(s1²/n1 + s2²/n2)`` with Satterthwaite's degrees of freedom: the groups may
    differ in spread. first, second : numbers without missing values, at least two each.
    Returns a :class:`Welch`.
    """
    from scipy.stats import t as student

    first, second = group(first, "the first group"), group(second, "the second group")
    share_1, share_2 = first.var(ddof=1) / len(first), second.var(ddof=1) / len(second)
    error = np.sqrt(share_1 + share_2)
    if error == 0:
        raise MakesNoSense("Within each group all values are the same, so there is no spread to test against.")
    df = (share_1 + share_2) ** 2 / (share_1**2 / (len(first) - 1) + share_2**2 / (len(second) - 1))
    difference = first.mean() - second.mean()
    half_width = student.ppf(0.5 + confidence_level(confidence) / 2, df) * error
    t = difference / error
    p = 2 * student.sf(abs(t), df)
    return Welch(*map(float, (difference, difference - half_width, difference + half_width, t, df, p)))


class Effect(NamedTuple):
    """A standardised difference with its interval."""

    g: float
    low: float
    high: float

    def __repr__(self):
        return f"g = {self.g:.2f}, interval {self.low:.2f} to {self.high:.2f}"


def hedges_g(first, second, confidence=0.95):
    """Difference of two means in units of their common standard deviation, corrected for small samples.

    ``d = (mean1 - mean2) / s_pooled``; ``g = J·d`` with ``J = 1 - 3/(4·df - 1)``, df = n1 + n2 - 2 (Hedges,
    1981). Interval: ``g ± z·J·sqrt((n1+n2)/(n1·n2) + d²/(2(n1+n2)))`` (Borenstein et al., 2009, ch. 4).
    first, second : numbers without missing values, at least two each. Returns an :class:`Effect`.
    """
    from scipy.stats import norm

    first, second = group(first, "the first group"), group(second, "the second group")
    n1, n2 = len(first), len(second)
    df = n1 + n2 - 2
    pooled = np.sqrt(((n1 - 1) * first.var(ddof=1) + (n2 - 1) * second.var(ddof=1)) / df)
    if pooled == 0:
        raise MakesNoSense("Within each group all values are the same, so there is no spread to measure against.")
    d = (first.mean() - second.mean()) / pooled
    j = 1 - 3 / (4 * df - 1)
    error = j * np.sqrt((n1 + n2) / (n1 * n2) + d**2 / (2 * (n1 + n2)))
    z = norm.ppf(0.5 + confidence_level(confidence) / 2)
    return Effect(float(j * d), float(j * d - z * error), float(j * d + z * error))
