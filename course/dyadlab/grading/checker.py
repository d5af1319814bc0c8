"""Run a check cell where no student's code ever ran, on values that came over as data.

A check asks for answers by name (:func:`dyadlab.checks.answers_from`) or uses them as plain names; both are fetched
from the student's process at that moment. Everything else that the cell uses, its imports and the package, is the
grader's own.
"""

import ast
import builtins
import contextlib
import functools
import io
import math
import numbers
import random
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from types import CodeType

from dyadlab import checks
from dyadlab.grading.students import Gone
from dyadlab.sentences import NotJudged, folded

SECONDS = 30
#: Letters of what a check says or prints; names and texts of a student's stand in it, which can be of any length.
MOST_SAID = 10_000


class TooSlow(BaseException):
    """A check took longer than its time, whatever the reason."""


@dataclass(frozen=True)
class Verdict:
    """What a check said. score : points, None where a person has to decide. outputs : as a notebook keeps them."""

    score: float | None
    outputs: tuple[dict, ...]
    says: str = ""
    for_person: str = ""


class Answers(Mapping):
    """The student's names, fetched when they are asked for, once for each check."""

    def __init__(self, student, seconds):
        self._student, self._seconds, self._had, self._lacking = student, seconds, {}, set()

    def __getitem__(self, name):
        if name not in self:
            raise KeyError(name)
        return self._had[name]

    def __contains__(self, name):
        if name not in self._had and name not in self._lacking:
            try:
                self._had[name] = self._student.fetch(name, self._seconds)
            except KeyError:
                self._lacking.add(name)
        return name in self._had

    def had(self, name):
        """What was fetched under a name, or None where nobody asked."""
        return self._had.get(name)

    def __iter__(self):
        return iter(self._had)

    def __len__(self):
        return len(self._had)


def given_names(imports, wanted):
    """Those of the names ``wanted`` that the course itself brings, from the import lines of the released cells
    (Master.imports).

    A line that cannot be imported is left out; a check that needs it then says so. One that nothing is wanted of is not
    run: the libraries that students draw with take longer to import than most checks to run.
    """
    names = {}
    for line in imports:
        if brought(line) & (wanted | {"*"}):
            with contextlib.suppress(Exception):
                exec(line, names)
    return {name: names[name] for name in wanted & names.keys()}


@functools.lru_cache(maxsize=512)
def brought(line):
    """The names that an import line brings."""
    (statement,) = ast.parse(line).body
    return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}


def check(source, points, imports, answers, seconds=SECONDS):
    """The verdict of one check cell. Never raises for anything that a student's process does or says.

    imports : the course's own import lines, whose names a check may use. answers : an Answers of its own; afterwards it
    says with ``had`` what the check has looked at.
    """
    out, err = io.StringIO(), io.StringIO()
    names = {"__name__": "__main__", "__builtins__": builtins}
    random.seed(0)
    sys.modules["numpy"].random.seed(0)
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            checks.answers_from(answers),
            at_most(seconds + 5),
        ):
            cell = compiled(source)
            names |= given_names(imports, cell.wants)
            names |= {name: answers[name] for name in sorted(cell.wants - set(names)) if name in answers}
            value = cell.run(names)
    except (NotJudged, TooSlow, Exception) as error:
        return refused(error, out.getvalue())
    return scored(value, points, out.getvalue())


@dataclass(frozen=True)
class Compiled:
    """A check cell, ready to run. wants : the names that it uses and does not make itself."""

    body: CodeType
    last: CodeType | None
    wants: frozenset[str]

    def run(self, names):
        """Run it; the value of its last line if that is an expression, else None."""
        exec(self.body, names)
        return eval(self.last, names) if self.last is not None else None


@functools.lru_cache(maxsize=512)
def compiled(source):
    """A check cell, compiled once for the whole class. Raises SyntaxError."""
    tree = ast.parse(source)
    wants = frozenset(wanted(tree))
    last = ast.Expression(tree.body.pop().value) if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    body = compile(tree, "<check>", "exec")
    return Compiled(body, compile(last, "<check>", "eval") if last is not None else None, wants)


def wanted(tree):
    """The names that a cell uses and does not make itself."""
    used, made = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else made).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            made.add(node.name)
        elif isinstance(node, ast.arg):
            made.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            made.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            made |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    changed = {n.target.id for n in ast.walk(tree) if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)}
    return (used - made | changed) - set(dir(builtins))


def scored(value, points, printed):
    """A check that ran to its end: full points, or those that its last line gives."""
    outputs = streams(printed)
    if value is None or value is True:
        return Verdict(points, tuple(outputs))
    shown = cut(repr(value))
    outputs.append(
        {"output_type": "execute_result", "execution_count": None, "data": {"text/plain": shown}, "metadata": {}}
    )
    earned = as_points(value)
    if earned is None or not 0 <= earned <= points:
        return Verdict(
            None,
            tuple(outputs),
            for_person=f"The check gave {shown} of {points:g} points, which cannot be. Please decide.",
        )
    return Verdict(earned, tuple(outputs))


def as_points(value):
    """A number of any kind (numpy's too) as a float; None for what is no number, or none that counts."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    earned = float(value)
    return earned if math.isfinite(earned) else None


def refused(error, printed):
    """A check that failed: no points, or a person's decision where the answer could not be judged."""
    if isinstance(error, Gone):
        says = f"This could not be checked, because Python had stopped: {error}."
        return Verdict(0.0, (*streams(printed), failure(error, says)), says)
    if isinstance(error, NotJudged):
        says = f"{cut(str(error))} A person will look at it."
        return Verdict(None, (*streams(printed), failure(error, says)), says, says)
    if isinstance(error, TooSlow):
        says = "This check took too long and was stopped."
        return Verdict(None, (*streams(printed), failure(error, says)), says, says)
    if hasattr(error, "_render_traceback_"):
        says = "\n".join(error._render_traceback_())
    else:
        says = "".join(traceback.format_exception_only(error)).strip()
    says = cut(says)
    return Verdict(0.0, (*streams(printed), failure(error, says)), says)


def cut(text):
    return text if len(text) <= MOST_SAID else f"{text[:MOST_SAID]} … ({len(text) - MOST_SAID} letters more)"


def streams(printed):
    return [{"output_type": "stream", "name": "stdout", "text": cut(printed)}] if printed else []


def failure(error, says):
    lines = folded(says)
    return {"output_type": "error", "ename": type(error).__name__, "evalue": str(error)[:5000], "traceback": lines}


@contextlib.contextmanager
def at_most(seconds):
    """Stop what runs inside after so many seconds, where signals can be had: in the main thread of a Unix process."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number, _frame):
        raise TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
