"""What the notebooks count, estimate and simulate: arrays in, arrays (or a few named numbers) out.

Nothing here draws, loads or knows about notebooks. Every function says its formula and where it comes from,
and answers input that makes no sense with a sentence. Lists, pandas columns and numpy arrays are all welcome.
"""

from typing import NamedTuple

import numpy as np

from dyadlab.sentences import Sentence

__all__ = [
    "EPDS_PRINTED_REVERSED", "Effect", "MakesNoSense", "Screening", "Welch", "epds_total", "hedges_g",
    "natural_frequencies", "predictive_values", "score_items", "screening_curve", "screening_table", "welch",
    "wilson_interval",
]  # fmt: skip


class MakesNoSense(Sentence, ValueError):
    """Numbers that a function cannot work with; the message says why and what it needs."""


# --- Scoring a questionnaire ----------------------------------------------------------------------

EPDS_PRINTED_REVERSED = (False, False, True, False, True, True, True, True, True, True)
"""Which of the ten items of the Edinburgh Postnatal Depression Scale are printed from most to least, so that
the first answer on the form is worth 3 points: items 3 and 5 to 10 (Cox, Holden & Sagovsky, 1987)."""

_HIGHEST = 3  # every item is answered 0, 1, 2 or 3


def score_items(answers, reverse=EPDS_PRINTED_REVERSED):
    """Item scores from answers as printed: ``3 - answer`` where ``reverse`` is true, ``answer`` elsewhere.

    answers : (n, k) table or array of 0, 1, 2, 3 or missing (nan). reverse : k times True or False.
    Returns the same kind of thing in the same shape; a missing answer stays missing.
    Raises MakesNoSense for other values or when the number of columns does not fit.
    """
    values = _numbers(answers, "the answers", dimensions=2)
    reverse = np.asarray(reverse, dtype=bool)
    if values.shape[1] != len(reverse):
        raise MakesNoSense(
            f"There are {values.shape[1]} columns of answers, and {len(reverse)} items to score. Give the "
            "item columns only: no names or numbers of mothers, no weeks."
        )
    given = values[~np.isnan(values)]
    if not np.isin(given, np.arange(_HIGHEST + 1)).all():
        raise MakesNoSense(
            f"Answers are 0, 1, 2 or 3; here they run from {given.min():g} to {given.max():g}. Has the table "
            "been scored already, or does it hold a column that is not an item?"
        )
    # One formula for tables and arrays alike, so that a table keeps the names of its columns.
    same_kind = answers if hasattr(answers, "columns") else values
    return same_kind * np.where(reverse, -1, 1) + np.where(reverse, _HIGHEST, 0)


def epds_total(answers, reverse=EPDS_PRINTED_REVERSED, max_missing=2):
    """Total score of each mother from her ten answers as printed, prorated where a few answers are missing.

    ``total = k * mean of the answered items`` when at most ``max_missing`` of the k are missing (person-mean
    substitution, not rounded), else nan. No rule is followed by everybody; this is the rule of this course.

    answers : (n, 10) table or array as printed on the form, missing answers nan.
    Returns an (n,) float array between 0 and 30. Raises MakesNoSense as :func:`score_items` does.
    """
    scores = np.asarray(score_items(answers, reverse), dtype=float)
    missing = np.isnan(scores)
    answered = (~missing).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):  # a mother without any answer: nan, no warning
        total = np.where(missing, 0, scores).sum(axis=1) / answered * scores.shape[1]
    return np.where(missing.sum(axis=1) > max_missing, np.nan, total)


# --- Screening ------------------------------------------------------------------------------------


class Screening(NamedTuple):
    """How many people fall where: the score against the diagnosis, both yes or no."""

    true_positive: int
    false_negative: int
    false_positive: int
    true_negative: int

    @property
    def sensitivity(self):
        """Of those with the condition, the share that screens positive."""
        return self.true_positive / (self.true_positive + self.false_negative)

    @property
    def specificity(self):
        """Of those without the condition, the share that screens negative."""
        return self.true_negative / (self.true_negative + self.false_positive)

    @property
    def base_rate(self):
        """The share of all that has the condition."""
        return (self.true_positive + self.false_negative) / sum(self)

    @property
    def ppv(self):
        """Of those who screen positive, the share with the condition (nan when nobody does)."""
        return predictive_values(self.sensitivity, self.specificity, self.base_rate)[0]

    @property
    def npv(self):
        """Of those who screen negative, the share without the condition (nan when nobody does)."""
        return predictive_values(self.sensitivity, self.specificity, self.base_rate)[1]


def screening_table(score, condition, cutoff):
    """The two-by-two table of a screening score against a diagnosis. Positive means ``score >= cutoff``.

    score : (n,) numbers. condition : (n,) of 0/1 or False/True. Returns a :class:`Screening`.
    Raises MakesNoSense for missing values, unequal lengths, other codes, or when one of the groups is empty.
    """
    score, condition = _score_and_condition(score, condition)
    positive = score >= _one_number(cutoff, "the cut-off")
    return Screening(
        int((positive & condition).sum()),
        int((~positive & condition).sum()),
        int((positive & ~condition).sum()),
        int((~positive & ~condition).sum()),
    )


def screening_curve(score, condition, cutoffs):
    """Sensitivity and specificity at each of ``cutoffs``: two float arrays as long as ``cutoffs``."""
    score, condition = _score_and_condition(score, condition)
    cutoffs = _numbers(cutoffs, "the cut-offs", missing=False)
    positive = score[None, :] >= cutoffs[:, None]
    return positive[:, condition].mean(axis=1), (~positive[:, ~condition]).mean(axis=1)


def predictive_values(sensitivity, specificity, base_rate):
    """What a positive and a negative screen are worth where ``base_rate`` of the people have the condition.

    Bayes' rule (Altman & Bland, 1994): ``ppv = se*b / (se*b + (1-sp)*(1-b))`` and
    ``npv = sp*(1-b) / (sp*(1-b) + (1-se)*b)``; nan where nobody has that result.
    All three are proportions (numbers or arrays that go together). Returns ``(ppv, npv)``.
    """
    se = _proportions(sensitivity, "sensitivity")
    sp = _proportions(specificity, "specificity")
    b = _proportions(base_rate, "base rate")
    true_positive, false_negative = se * b, (1 - se) * b
    false_positive, true_negative = (1 - sp) * (1 - b), sp * (1 - b)
    with np.errstate(invalid="ignore", divide="ignore"):
        ppv = true_positive / (true_positive + false_positive)
        npv = true_negative / (true_negative + false_negative)
    return _plain(ppv), _plain(npv)


def natural_frequencies(sensitivity, specificity, base_rate, people=1000):
    """The expected two-by-two table in whole people, which most readers grasp better than shares.

    (Gigerenzer & Hoffrage, 1995.) First the people with the condition are rounded, then those with and those
    without are each split, so that the four counts always add up to ``people``. Returns a :class:`Screening`.
    """
    se = float(_proportions(sensitivity, "sensitivity"))
    sp = float(_proportions(specificity, "specificity"))
    with_condition = round(people * float(_proportions(base_rate, "base rate")))
    true_positive = round(with_condition * se)
    true_negative = round((people - with_condition) * sp)
    return Screening(
        true_positive,
        with_condition - true_positive,
        people - with_condition - true_negative,
        true_negative,
    )


# --- A proportion, and two groups -----------------------------------------------------------------


def wilson_interval(count, n, confidence=0.95):
    """Interval for a proportion of ``count`` out of ``n`` (Wilson, 1927), as ``(low, high)``.

    With p = count/n and z the normal quantile:
    ``(p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n)``. Never leaves 0 to 1, also when count is 0 or n.
    """
    from scipy.stats import norm

    count, n = _one_number(count, "the count"), _one_number(n, "the number of people")
    if n <= 0 or not 0 <= count <= n:
        raise MakesNoSense(
            f"{count:g} out of {n:g} is not a proportion. Give first how many, as a count and not as a "
            "share, and then out of how many."
        )
    if 0 < count < 1:
        raise MakesNoSense(
            f"The count is {count:g}. Is it a proportion? Here the number of people is wanted, for example 75 of 500."
        )
    z = norm.ppf(0.5 + _confidence(confidence) / 2)
    p = count / n
    middle = p + z**2 / (2 * n)
    half_width = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    low, high = (middle - half_width) / (1 + z**2 / n), (middle + half_width) / (1 + z**2 / n)
    return max(0.0, float(low)), min(1.0, float(high))


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

    first, second = _group(first, "the first group"), _group(second, "the second group")
    share_1, share_2 = first.var(ddof=1) / len(first), second.var(ddof=1) / len(second)
    error = np.sqrt(share_1 + share_2)
    if error == 0:
        raise MakesNoSense("Within each group all values are the same, so there is no spread to test against.")
    df = (share_1 + share_2) ** 2 / (share_1**2 / (len(first) - 1) + share_2**2 / (len(second) - 1))
    difference = first.mean() - second.mean()
    half_width = student.ppf(0.5 + _confidence(confidence) / 2, df) * error
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

    first, second = _group(first, "the first group"), _group(second, "the second group")
    n1, n2 = len(first), len(second)
    df = n1 + n2 - 2
    pooled = np.sqrt(((n1 - 1) * first.var(ddof=1) + (n2 - 1) * second.var(ddof=1)) / df)
    if pooled == 0:
        raise MakesNoSense("Within each group all values are the same, so there is no spread to measure against.")
    d = (first.mean() - second.mean()) / pooled
    j = 1 - 3 / (4 * df - 1)
    error = j * np.sqrt((n1 + n2) / (n1 * n2) + d**2 / (2 * (n1 + n2)))
    z = norm.ppf(0.5 + _confidence(confidence) / 2)
    return Effect(float(j * d), float(j * d - z * error), float(j * d + z * error))


# --- Asking whether input makes sense -------------------------------------------------------------


def _numbers(values, what, *, dimensions=1, missing=True):
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise MakesNoSense(
            f"Not all of {what} are numbers. Give columns of numbers only, without names or other text."
        ) from None
    if array.ndim != dimensions:
        wanted = "a single column or list" if dimensions == 1 else "a table of several columns"
        raise MakesNoSense(f"For {what}, {wanted} of numbers is wanted.")
    if array.size == 0:
        raise MakesNoSense(f"There are no values among {what}. Has a selection kept no rows?")
    if not missing and np.isnan(array).any():
        raise MakesNoSense(
            f"{int(np.isnan(array).sum())} of {what} are missing (nan). Decide first what to do about "
            "them, for example with .dropna()."
        )
    return array


def _group(values, what):
    array = _numbers(values, f"the values of {what}", missing=False)
    if len(array) < 2:
        raise MakesNoSense(f"There is only one value in {what}; to see a spread at least two are needed.")
    return array


def _one_number(value, what):
    if isinstance(value, str) or np.size(value) != 1:
        raise MakesNoSense(f"For {what}, one number is wanted.")
    try:
        number = float(np.asarray(value).reshape(-1)[0])
    except (TypeError, ValueError):
        raise MakesNoSense(f"For {what}, one number is wanted.") from None
    if not np.isfinite(number):
        raise MakesNoSense(f"{what[0].upper()}{what[1:]} is {number}; a number is wanted.")
    return number


def _proportions(value, what):
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise MakesNoSense(f"The {what} should be a proportion between 0 and 1.") from None
    if not ((array >= 0) & (array <= 1)).all():
        raise MakesNoSense(
            f"The {what} should be a proportion between 0 and 1, not {value}. Is it a percentage? Then divide by 100."
        )
    return array


def _confidence(value):
    value = _one_number(value, "the confidence level")
    if not 0 < value < 1:
        raise MakesNoSense(f"The confidence level should lie between 0 and 1, for example 0.95, not {value:g}.")
    return value


def _score_and_condition(score, condition):
    score = _numbers(score, "the scores", missing=False)
    condition = _numbers(condition, "the diagnoses", missing=False)
    if len(score) != len(condition):
        raise MakesNoSense(
            f"There are {len(score)} scores and {len(condition)} diagnoses; each person needs one of each."
        )
    if not np.isin(condition, (0, 1)).all():
        raise MakesNoSense("The diagnosis should be coded 1 (has the condition) or 0 (has it not), and nothing else.")
    if condition.all() or not condition.any():
        raise MakesNoSense(
            "Everybody has the same diagnosis; to see what a score knows, people with and without are needed."
        )
    return score, condition == 1


def _plain(value):
    """A Python float where a single number went in, an array where arrays went in."""
    return float(value) if np.ndim(value) == 0 else value
