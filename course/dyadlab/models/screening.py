"""A screening questionnaire: scoring it, what a cut-off catches and misses, and how sure a share is."""

from typing import NamedTuple

import numpy as np

from dyadlab.models.given import MakesNoSense, confidence_level, numbers, one_number, proportions, score_and_condition

__all__ = [
    "EPDS_PRINTED_REVERSED", "Screening", "epds_total", "natural_frequencies", "predictive_values", "score_items",
    "screening_curve", "screening_table", "wilson_interval",
]  # fmt: skip


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
    values = numbers(answers, "the answers", dimensions=2)
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
    score, condition = score_and_condition(score, condition)
    positive = score >= one_number(cutoff, "the cut-off")
    return Screening(
        int((positive & condition).sum()),
        int((~positive & condition).sum()),
        int((positive & ~condition).sum()),
        int((~positive & ~condition).sum()),
    )


def screening_curve(score, condition, cutoffs):
    """Sensitivity and specificity at each of ``cutoffs``: two float arrays as long as ``cutoffs``."""
    score, condition = score_and_condition(score, condition)
    cutoffs = numbers(cutoffs, "the cut-offs", missing=False)
    positive = score[None, :] >= cutoffs[:, None]
    return positive[:, condition].mean(axis=1), (~positive[:, ~condition]).mean(axis=1)


def predictive_values(sensitivity, specificity, base_rate):
    """What a positive and a negative screen are worth where ``base_rate`` of the people have the condition.

    Bayes' rule (Altman & Bland, 1994): ``ppv = se*b / (se*b + (1-sp)*(1-b))`` and
    ``npv = sp*(1-b) / (sp*(1-b) + (1-se)*b)``; nan where nobody has that result.
    All three are proportions (numbers or arrays that go together). Returns ``(ppv, npv)``.
    """
    se = proportions(sensitivity, "sensitivity")
    sp = proportions(specificity, "specificity")
    b = proportions(base_rate, "base rate")
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
    se = float(proportions(sensitivity, "sensitivity"))
    sp = float(proportions(specificity, "specificity"))
    with_condition = round(people * float(proportions(base_rate, "base rate")))
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

    count, n = one_number(count, "the count"), one_number(n, "the number of people")
    if n <= 0 or not 0 <= count <= n:
        raise MakesNoSense(
            f"{count:g} out of {n:g} is not a proportion. Give first how many, as a count and not as a "
            "share, and then out of how many."
        )
    if 0 < count < 1:
        raise MakesNoSense(
            f"The count is {count:g}. Is it a proportion? Here the number of people is wanted, for example 75 of 500."
        )
    z = norm.ppf(0.5 + confidence_level(confidence) / 2)
    p = count / n
    middle = p + z**2 / (2 * n)
    half_width = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    low, high = (middle - half_width) / (1 + z**2 / n), (middle + half_width) / (1 + z**2 / n)
    return max(0.0, float(low)), min(1.0, float(high))


def _plain(value):
    """A Python float where a single number went in, an array where arrays went in."""
    return float(value) if np.ndim(value) == 0 else value
