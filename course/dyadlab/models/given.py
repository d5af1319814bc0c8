"""What a function was given: asking whether it makes sense, with a sentence when it does not."""

import numpy as np

from dyadlab.blanks import BlankLeft, is_blank
from dyadlab.sentences import Sentence


class MakesNoSense(Sentence, ValueError):
    """Numbers that a function cannot work with; the message says why and what it needs."""


def not_blank(values):
    """``values``, or the sentence about the blank that they still are."""
    if is_blank(values):
        raise BlankLeft()
    return values


def numbers(values, what, *, dimensions=1, missing=True):
    not_blank(values)
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


def group(values, what):
    array = numbers(values, f"the values of {what}", missing=False)
    if len(array) < 2:
        raise MakesNoSense(f"There is only one value in {what}; to see a spread at least two are needed.")
    return array


def one_number(value, what):
    if isinstance(value, str) or np.size(value) != 1:
        raise MakesNoSense(f"For {what}, one number is wanted.")
    try:
        number = float(np.asarray(value).reshape(-1)[0])
    except (TypeError, ValueError):
        raise MakesNoSense(f"For {what}, one number is wanted.") from None
    if not np.isfinite(number):
        raise MakesNoSense(f"{what[0].upper()}{what[1:]} is {number}; a number is wanted.")
    return number


def proportions(value, what):
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise MakesNoSense(f"The {what} should be a proportion between 0 and 1.") from None
    if not ((array >= 0) & (array <= 1)).all():
        raise MakesNoSense(
            f"The {what} should be a proportion between 0 and 1, not {value}. Is it a percentage? Then divide by 100."
        )
    return array


def confidence_level(value):
    value = one_number(value, "the confidence level")
    if not 0 < value < 1:
        raise MakesNoSense(f"The confidence level should lie between 0 and 1, for example 0.95, not {value:g}.")
    return value


def score_and_condition(score, condition):
    score = numbers(score, "the scores", missing=False)
    condition = numbers(condition, "the diagnoses", missing=False)
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
