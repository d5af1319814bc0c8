"""Figures go over as facts: what is written on the axes and what is drawn, as checks.figure_facts has it."""

import numpy as np

from dyadlab import checks
from dyadlab.standins import CannotCross, Facts

# Every key of checks.figure_facts, and what it holds.
TEXTS = ("title", "xlabel", "ylabel")
COUNTS = ("axes", "bars", "lines", "points")
NUMBERS = ("bar_heights", "bar_lefts", "bar_widths", "xdata", "ydata", "squares")
LISTS_OF_TEXT = ("legend", "xticks", "yticks")
# Checks compare every row of the data with every point, and a carpet of points covers whatever is looked for.
MOST_POINTS = 20_000


def facts_of(value, alone):
    """The facts of ``value`` if a check would take it for a figure, otherwise None.

    alone : whether it is the answer itself and not one thing in a list. In a list only axes count, as they do
    for checks.figure when it is given the list itself.
    """
    try:
        if not (hasattr(value, "get_xlabel") or (alone and hasattr(value, "axes"))):
            return None
        facts = checks.figure_facts(value)
    except Exception:  # it only looked like a figure
        return None
    return {key: np.array(held, dtype=float) if key in NUMBERS else held for key, held in facts.items()}


def few_points(facts):
    """Whether no more is drawn on a figure than somebody could look at."""
    return all(len(facts[key]) <= MOST_POINTS for key in (*NUMBERS, *LISTS_OF_TEXT))


def as_facts(found):
    """``found``, a decoded dictionary, as Facts; ValueError unless it is as checks.figure_facts would have it.

    Raises CannotCross for a figure with more on it than is judged.
    """
    if type(found) is not dict or found.keys() != {*TEXTS, *COUNTS, *NUMBERS, *LISTS_OF_TEXT}:
        raise ValueError("no facts of a figure")
    right = (
        all(type(found[key]) is str for key in TEXTS)
        and all(type(found[key]) is int and found[key] >= 0 for key in COUNTS)
        and all(type(found[key]) is np.ndarray for key in NUMBERS)
        and all(found[key].ndim == 1 and found[key].dtype == np.float64 for key in NUMBERS)
        and all(type(found[key]) is list and {*map(type, found[key])} <= {str} for key in LISTS_OF_TEXT)
    )
    if not right:
        raise ValueError("no facts of a figure")
    if not few_points(found):
        raise CannotCross(f"the figure shows more than {MOST_POINTS:,} points. A person has to look.")
    return Facts({key: held.tolist() if key in NUMBERS else held for key, held in found.items()})
