"""The claim that no check can be passed by an answer that fits any question: nan, infinity, nothing at all.

A comparison such as ``difference > tolerance`` is never true of nan, and a claim about all rows is true of no rows; a
check that relies on either gives points for nothing. So every answer of every week is replaced by each of these in
turn.
"""

import contextlib
import io
import math
import shutil

import matplotlib
import matplotlib.pyplot as pyplot
import numpy as np
import pandas as pd
import pytest
from dyadlab import standins
from dyadlab.grading import checker, course, master, notebooks, wire

REAL = course.Course(course.REPOSITORY / "course")
#: An answer that replaces itself by one of these is right by accident: the value asked for is as good as zero.
RIGHT_BY_ACCIDENT = {("w06_south_check", "south_p", "zero"), ("w06_south_check", "south_p", "a masked value")}
ANYWHERE = {
    "nan": math.nan,
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "zero": 0.0,
    "far off": -1e9,
    "True": True,
    "no text": "",
    "an empty list": [],
    "an empty dictionary": {},
    "an empty array": np.array([]),
    "an empty column": pd.Series(dtype=float),
    "an empty table": pd.DataFrame(),
    "no date": pd.NaT,
    "a missing value": pd.NA,
    "a masked value": np.ma.masked,
    "something unknown": standins.Opaque("Mystery", ""),
    "a function": lambda *arguments, **named: math.nan,
}
RETURNED = {
    "nan": math.nan,
    "infinity": math.inf,
    "nothing": None,
    "True": True,
    "no rows": pd.DataFrame(),
    "no list": [],
}


def instead_of(right):
    """``{what it is: value}`` of answers of the same kind as ``right`` that hold nothing."""
    if isinstance(right, standins.Facts):
        drawn = ("bar_heights", "bar_lefts", "bar_widths", "xdata", "ydata", "squares")
        nothing = {
            key: [] if key in drawn else 0 if key in ("bars", "points", "lines") else right[key] for key in right
        }
        return {"an empty figure": standins.Facts(nothing)}
    if isinstance(right, pd.DataFrame):
        nan = pd.DataFrame(math.nan, index=right.index, columns=right.columns)
        return {"no rows": right.iloc[:0], "only nan": nan, "only missing": nan.astype("Float64")}
    if isinstance(right, pd.Series | list | tuple | np.ndarray) and len(right):
        nan = pd.Series(math.nan, index=right.index if isinstance(right, pd.Series) else range(len(right)))
        return {
            "no rows": right[:0],
            "only nan": nan,
            "a list of nan": nan.tolist(),
            "only missing": nan.astype("Float64"),
            "only masked": np.ma.array(np.full(len(right), -1e9), mask=True),
            "no rows, as wide": np.empty((0, len(right))),
            "as many rows, no columns": np.empty((len(right), 0)),
        }
    if isinstance(right, dict):
        return {"only nan": dict.fromkeys(right, math.nan)}
    if callable(right):
        return {f"a function that returns {what}": returning(value) for what, value in RETURNED.items()}
    return {}


def returning(value):
    return lambda *arguments, **named: value


class Answered:
    """Stands for a student's process that has these values. ``other`` replaces one of them."""

    gone = ""

    def __init__(self, values, **other):
        self.values, self.other, self.asked = values, other, []

    def fetch(self, name, seconds):
        self.asked.append(name)
        return self.other[name] if name in self.other else crossed(self.values[name])


def crossed(value):
    """A value as it comes over from a student's process; a function as it is."""
    if callable(value) and not isinstance(value, type):
        return value
    return wire.decode(wire.encode(value, lambda function: 0), lambda *anything: None)


def run_answers(week):
    """The values of the week's answered notebook before each of its checks: yields (check's cell, values)."""
    values = {"__name__": "__main__"}
    for cell in notebooks.read(REAL.notebook(week)).cells:
        if notebooks.is_check(cell):
            yield cell, values
        elif cell.cell_type == "code":
            expected = Exception if "raises-exception" in cell.metadata.get("tags", []) else ()
            with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(expected):
                exec(compile(cell.source, cell.id, "exec"), values)
            pyplot.close("all")  # as a notebook does behind every cell


@pytest.mark.slow
@pytest.mark.parametrize("week", REAL.weeks())
def test_no_answer_that_fits_any_question_earns_a_point(built_course, tmp_path, monkeypatch, week):
    shutil.copytree(REAL.source / week, tmp_path / week)
    monkeypatch.chdir(tmp_path / week)
    matplotlib.use("agg")
    released = master.from_gradebook(built_course, week)
    earned, tried = [], 0
    for cell, values in run_answers(week):
        name, points, source = (
            notebooks.grade_id(cell),
            notebooks.points(cell),
            released[notebooks.grade_id(cell)].source,
        )
        if not points:
            continue
        honest = Answered(values)
        assert scored(source, points, released.imports, honest) == points, f"{name} refuses the right answer"
        for answer in dict.fromkeys(asked for asked in honest.asked if asked in values):
            right = crossed(values[answer])
            for what, value in {**ANYWHERE, **instead_of(right)}.items():
                if answer == "my_id" or (name, answer, what) in RIGHT_BY_ACCIDENT or same(value, right):
                    continue
                tried += 1
                if scored(source, points, released.imports, Answered(values, **{answer: value})):
                    earned.append(f"{name}: {answer} = {what}")
    assert earned == []
    assert tried > 50


def scored(source, points, imports, student):
    return checker.check(source, points, imports, checker.Answers(student, checker.SECONDS)).score


def same(value, right):
    return type(value) is type(right) and isinstance(right, bool | float | int | str) and value == right
