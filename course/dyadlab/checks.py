"""Visible checks: they tell a student, kindly and in order, what is amiss with the form of an answer.

Each check asks in the order *exists, right type, right shape, plausible*, and stops at the first thing that
is not so. No check here holds an answer. Hidden checks, which live in the source notebooks only, work out
the expected value from the data and hand it to :func:`same_number`, :func:`same_numbers` or :func:`require`.

A check cell of the course reads::

    with checks.item("4.3"):
        checks.number("prevalence", between=(0, 1), hint="A proportion, so between 0 and 1.")
        ### BEGIN HIDDEN TESTS
        checks.same_number("prevalence", (mothers["epds_total"] >= 11).mean(), decimals=2)
        ### END HIDDEN TESTS

The checks look the answer up by its name among the names of the notebook, so a missing answer gives a
sentence and not a NameError.
"""

import contextlib
import contextvars
import math
import numbers as _numbers
import sys
import warnings

import numpy as np
import pandas as pd

from dyadlab.blanks import BlankLeft, is_blank
from dyadlab.sentences import NotJudged, Sentence
from dyadlab.standins import CannotCross, Facts, Opaque, refuse_if_unread, type_name_of

__all__ = [
    "CheckFailed", "answers_from", "figure", "figure_facts", "function", "item", "number", "numbers", "require",
    "same_number", "same_numbers", "table", "text", "yes_or_no",
]  # fmt: skip


class CheckFailed(Sentence, AssertionError):
    """An answer is not yet as the question asks; the message says how."""


def require(condition, sentence):
    """Raise CheckFailed with ``sentence`` unless ``condition`` holds."""
    if not condition:
        raise CheckFailed(sentence)


@contextlib.contextmanager
def item(label):
    """Everything that is checked about one question, e.g. ``with checks.item("4.3"):``.

    Puts the question's number before each sentence, keeps warnings of libraries out of the student's sight
    (nbgrader would count them as a failure), and turns any unforeseen error into a sentence. NotJudged goes on to
    whoever grades, with the question's number: an answer that did not arrive is neither right nor wrong.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except NotJudged as stopped:
            stopped.about = stopped.about or label
            raise
        except (CheckFailed, BlankLeft) as failed:
            raise CheckFailed(f"{label} not yet: {failed}") from None
        except Exception as error:
            raise CheckFailed(
                f"{label} not yet: your answer could not be checked, because using it led to "
                f"“{type(error).__name__}: {error}”. Look at the cell above: does the answer have the "
                "name, the type and the length that the question asks for?"
            ) from None
    print(f"✓ {label}: name, type and form are right. The value is checked when your work is graded.")


_answers = contextvars.ContextVar("answers", default=None)


@contextlib.contextmanager
def answers_from(answers):
    """Within the ``with``, answers are looked up in ``answers`` and not in the notebook that calls the check.

    answers : a mapping from names to values. The grader uses this: its checks run where no student's code ran.
    """
    token = _answers.set(answers)
    try:
        yield
    finally:
        _answers.reset(token)


def _callers_names():
    """The names of the notebook from which the check was called."""
    frame = sys._getframe(1)
    while frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    return frame.f_globals


def _answer(name, hint=""):
    """The student's value of that name, in the notebook or in what :func:`answers_from` was given."""
    names = _answers.get()
    if names is None:
        names = _callers_names()
    if name not in names:
        raise CheckFailed(
            f"there is nothing called `{name}` yet. Run the cell with your answer first; if you did, "
            f"look at the spelling: capital letters and underscores count.{_spaced(hint)}"
        )
    value = names[name]
    if is_blank(value):
        raise CheckFailed(f"`{name}` is still a blank. Put your answer in its place.{_spaced(hint)}")
    if value is None:
        raise CheckFailed(
            f"`{name}` is empty (None). The commonest cause: the last step of the line shows something but "
            f"gives nothing back, as `print(...)` does.{_spaced(hint)}"
        )
    refuse_if_unread(value)
    return value


def _spaced(hint):
    return f" {hint}" if hint else ""


def _kind(value):
    """What a value is, in words a beginner knows."""
    if isinstance(value, Facts):
        return "a figure"
    if isinstance(value, Opaque):
        return f"a {type_name_of(value)}"
    if isinstance(value, bool | np.bool_):
        return f"True or False ({value})"
    if isinstance(value, str):
        shown = value if len(value) <= 30 else value[:27] + "..."
        return f"text ({shown!r})"
    if isinstance(value, _numbers.Number):
        return f"a number ({value})"
    if isinstance(value, pd.DataFrame):
        return f"a table with {value.shape[0]} rows and {value.shape[1]} columns"
    if isinstance(value, pd.Series):
        return f"a column of {len(value)} values"
    if isinstance(value, np.ndarray):
        return f"an array of {value.size} values"
    if isinstance(value, list | tuple | set | dict):
        return f"a {type(value).__name__} of {len(value)} things"
    if callable(value):
        return "a function (a pair of brackets () may be missing after its name)"
    return f"a {type(value).__name__}"


def number(name, *, between=None, whole=False, hint=""):
    """The answer ``name`` as one number (a Python float); a column or array of length one will do.

    between : (low, high), both allowed, in the unit of the question. whole : only whole numbers.
    Raises CheckFailed with a sentence when the answer is missing, of another type, or out of range.
    """
    value = _answer(name, hint)
    if isinstance(value, pd.Series | pd.DataFrame | np.ndarray | list | tuple) and np.size(value) == 1:
        value = np.asarray(value).reshape(-1)[0]
    if isinstance(value, bool | np.bool_) or not isinstance(value, _numbers.Real):
        cause = " Are there quotation marks around it?" if isinstance(value, str) else ""
        raise CheckFailed(f"`{name}` is {_kind(value)}, and one number is wanted.{cause}{_spaced(hint)}")
    value = float(value)
    if math.isnan(value):
        raise CheckFailed(
            f"`{name}` is nan, “not a number”. The commonest cause: a missing value among the numbers it "
            f"was made from.{_spaced(hint)}"
        )
    if whole and value != round(value):
        raise CheckFailed(f"`{name}` is {value:g}, and a whole number is wanted.{_spaced(hint)}")
    if between is not None and not between[0] <= value <= between[1]:
        raise CheckFailed(
            f"`{name}` is {value:g}; it should lie between {between[0]:g} and {between[1]:g}.{_spaced(hint)}"
        )
    return value


def numbers(name, *, length=None, between=None, missing=False, hint=""):
    """The answer ``name`` as a one-dimensional float array; list, tuple, Series and array all will do.

    length : how many values are wanted. missing : whether missing values are allowed.
    """
    value = _answer(name, hint)
    if isinstance(value, str) or not isinstance(value, pd.Series | pd.DataFrame | pd.Index | np.ndarray | list | tuple):
        raise CheckFailed(
            f"`{name}` is {_kind(value)}, and several numbers are wanted: a column of a table, or a list."
            f"{_spaced(hint)}"
        )
    try:
        values = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise CheckFailed(f"`{name}` holds something that is not a number.{_spaced(hint)}") from None
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise CheckFailed(f"`{name}` is {_kind(value)}, and one single column is wanted.{_spaced(hint)}")
    if length is not None and len(values) != length:
        raise CheckFailed(f"`{name}` has {len(values)} values, and {length} are wanted.{_spaced(hint)}")
    if not missing and np.isnan(values).any():
        raise CheckFailed(
            f"`{name}` has {int(np.isnan(values).sum())} missing values (nan); none should be missing here."
            f"{_spaced(hint)}"
        )
    present = values[~np.isnan(values)]
    if between is not None and present.size and not (between[0] <= present.min() and present.max() <= between[1]):
        raise CheckFailed(
            f"`{name}` runs from {present.min():g} to {present.max():g}; all values should lie between "
            f"{between[0]:g} and {between[1]:g}.{_spaced(hint)}"
        )
    return values


def text(name, *, choices=None, hint=""):
    """The answer ``name`` as text, spaces trimmed; with ``choices``, in small letters and one of them."""
    value = _answer(name, hint)
    if not isinstance(value, str):
        raise CheckFailed(f"`{name}` is {_kind(value)}, and text in quotation marks is wanted.{_spaced(hint)}")
    value = value.strip()
    if not value or set(value) <= {"_", "."}:
        raise CheckFailed(f"`{name}` is still blank: type between the quotation marks.{_spaced(hint)}")
    if choices is not None:
        value = value.casefold()
        if value not in choices:
            listed = ", ".join(f'"{choice}"' for choice in choices)
            raise CheckFailed(f'`{name}` is "{value}"; it should be one of {listed}.{_spaced(hint)}')
    return value


def yes_or_no(name, *, hint=""):
    """The answer ``name`` as True or False."""
    value = _answer(name, hint)
    if not isinstance(value, bool | np.bool_):
        raise CheckFailed(
            f"`{name}` is {_kind(value)}, and True or False is wanted (capital first letter, no quotation "
            f"marks).{_spaced(hint)}"
        )
    return bool(value)


def table(name, *, columns=(), rows=None, hint=""):
    """The answer ``name`` as a table (DataFrame) that has at least these columns, and ``rows`` rows if given."""
    value = _answer(name, hint)
    if not isinstance(value, pd.DataFrame):
        raise CheckFailed(f"`{name}` is {_kind(value)}, and a table is wanted.{_spaced(hint)}")
    lacking = [column for column in columns if column not in value.columns]
    if lacking:
        raise CheckFailed(
            f"`{name}` lacks the column{'s' if len(lacking) > 1 else ''} "
            f"{', '.join(map(repr, lacking))}. It has: {', '.join(map(str, value.columns))}.{_spaced(hint)}"
        )
    if rows is not None and len(value) != rows:
        raise CheckFailed(f"`{name}` has {len(value)} rows, and {rows} are wanted.{_spaced(hint)}")
    return value


def function(name, *, hint=""):
    """The answer ``name`` as a function that can be called."""
    value = _answer(name, hint)
    if not callable(value):
        raise CheckFailed(f"`{name}` is {_kind(value)}, and a function is wanted (def ...).{_spaced(hint)}")
    return value


def figure_facts(drawing):
    """Plain facts about a figure: what it says on its axes and how much is drawn, as one dictionary.

    Facts, not the figure itself, are what a grader may judge. ``drawing`` is a matplotlib Axes, an array of
    them, a Figure, or one of seaborn's grids; the facts are those of its first axes.

    Returns keys ``title``, ``xlabel``, ``ylabel`` (text), ``bars``, ``lines``, ``points``, ``axes`` (counts),
    ``bar_heights``, ``bar_lefts``, ``bar_widths`` (lists of numbers, one per bar), ``xdata``, ``ydata`` (lists
    of numbers; of points, then of lines), ``squares`` (list of numbers: what the squares of a heatmap stand for, row by
    row), ``xticks``, ``yticks`` and ``legend`` (lists of text).

    When work is graded, the figure has stayed where it was drawn and ``drawing`` is its facts already.
    """
    if isinstance(drawing, Facts):
        return dict(drawing)
    if hasattr(drawing, "axes") and not hasattr(drawing, "get_xlabel"):  # a Figure or a seaborn grid
        several = np.ravel(drawing.axes)
    else:
        several = np.ravel(drawing)
    axes = several[0]
    if isinstance(axes, Facts):  # a list or an array of axes, of which the facts have come
        return {**axes, "axes": len(several)}
    points = [np.asarray(c.get_offsets(), dtype=float) for c in axes.collections if len(c.get_offsets())]
    points = np.concatenate(points) if points else np.empty((0, 2))
    points = points[~np.isnan(points).any(axis=1)]
    legend = axes.get_legend()
    line_data = [np.asarray(line.get_xydata(), dtype=float) for line in axes.lines]
    xy = np.concatenate([points, *line_data]) if line_data else points
    return {
        "title": axes.get_title(),
        "xlabel": axes.get_xlabel(),
        "ylabel": axes.get_ylabel(),
        "axes": len(several),
        "bars": len(axes.patches),
        "bar_heights": [float(p.get_height()) for p in axes.patches if hasattr(p, "get_height")],
        "bar_lefts": [float(p.get_x()) for p in axes.patches if hasattr(p, "get_height")],
        "bar_widths": [float(p.get_width()) for p in axes.patches if hasattr(p, "get_height")],
        "lines": len(axes.lines),
        "points": len(points),
        "xdata": xy[:, 0].tolist(),
        "ydata": xy[:, 1].tolist(),
        "squares": _squares(axes),
        "xticks": [label.get_text() for label in axes.get_xticklabels()],
        "yticks": [label.get_text() for label in axes.get_yticklabels()],
        "legend": [t.get_text() for t in legend.get_texts()] if legend else [],
    }


def _squares(axes):
    """The values behind the coloured squares of a heatmap; none of a picture that has too many to be read."""
    grids = [c for c in axes.collections if type(c).__name__ in ("QuadMesh", "PolyQuadMesh")] + list(axes.images)
    values = [np.ma.asarray(grid.get_array(), dtype=float).filled(np.nan).ravel() for grid in grids[:1]]
    return values[0].tolist() if values and values[0].size <= 10_000 else []


def figure(name, *, xlabel=True, ylabel=True, drawn=True, hint=""):
    """The facts (see :func:`figure_facts`) of the figure called ``name``.

    xlabel, ylabel : whether the axis must carry a label. drawn : whether something must be on it.
    """
    value = _answer(name, hint)
    try:
        facts = figure_facts(value)
    except (AttributeError, IndexError, TypeError, ValueError, CannotCross):  # all figures come, as facts
        raise CheckFailed(
            f"`{name}` is {_kind(value)}, and a figure is wanted. Begin the plotting line with "
            f"`{name} = sns.`, so that the figure gets its name.{_spaced(hint)}"
        ) from None
    for axis, wanted in (("xlabel", xlabel), ("ylabel", ylabel)):
        if wanted and not facts[axis].strip():
            raise CheckFailed(
                f"the {axis[0]}-axis of `{name}` has no label. Add one with its unit: "
                f'`{name}.set_{axis}("...")`.{_spaced(hint)}'
            )
    if drawn and not (facts["bars"] or facts["lines"] or facts["points"]):
        raise CheckFailed(f"nothing is drawn on `{name}` yet.{_spaced(hint)}")
    return facts


def same_number(name, expected, *, decimals=None, relative=None, also=(), hint=""):
    """For hidden checks: the answer ``name`` agrees with ``expected`` or with one of ``also``.

    decimals : the answer may be rounded to that many decimals, and be off by one in the last of them.
    relative : or, the share of ``expected`` by which the answer may be off. Without either, 1e-6 of it.
    """
    found = number(name, hint=hint)
    if not any(_close(found, float(value), decimals, relative) for value in (expected, *also)):
        raise CheckFailed(f"the value of `{name}`, {found:g}, is not what these data give.{_spaced(hint)}")
    return found


def same_numbers(name, expected, *, decimals=None, relative=None, hint=""):
    """For hidden checks: every value of the answer ``name`` agrees with ``expected``, in the same order.

    A missing value agrees with a missing value. Tolerances as in :func:`same_number`.
    """
    expected = np.asarray(expected, dtype=float).reshape(-1)
    found = numbers(name, length=len(expected), missing=True, hint=hint)
    wrong = sum(
        not (math.isnan(f) and math.isnan(e)) and not _close(f, e, decimals, relative)
        for f, e in zip(found.tolist(), expected.tolist(), strict=True)
    )
    if wrong:
        raise CheckFailed(
            f"{wrong} of the {len(expected)} values of `{name}` are not what these data give.{_spaced(hint)}"
        )
    return found


def _close(found, expected, decimals, relative):
    if math.isnan(found) or math.isnan(expected):
        return False
    if decimals is not None:
        # one unit in the last decimal asked for, on top of the rounding itself
        return abs(found - expected) <= 1.5 * 10.0**-decimals + 1e-12
    return math.isclose(found, expected, rel_tol=relative if relative is not None else 1e-6, abs_tol=1e-9)
