"""Grade one submission: ``grade_submission(master, submission) -> Result``.

The one seam of the grader: bytes in, bytes out. Everything around it (collecting, recording, several at a time, on this
machine or on a cluster) knows only these data types.

1. prepare (:mod:`.prepare`): read the notebook as data and put the course's cells back;
2. run the student's cells in a process behind walls (:mod:`.students`, :mod:`.runner`, :mod:`.sandbox`);
3. check in this process, on values that crossed as data (:mod:`.checker`).

Whatever goes wrong is never full marks: a check that could not be run earns nothing, or waits for a person.
"""

import atexit
import functools
import json
import os
import time
import traceback
from dataclasses import dataclass

from dyadlab.grading import checker, harmless, notebooks, prepare, sandbox, students, warm

GRADED, NEEDS_PERSON, REJECTED, QUARANTINED = "graded", "needs a person", "rejected", "quarantined"
STOPPED = (
    "Python stopped in the middle of the notebook (in {where}: {why}). What was checked before keeps its points; the "
    "cells behind it were run in a new Python without that cell."
)
#: A notebook that ends Python more often than this is not run any further.
RESTARTS = 3
#: Characters that all outputs of a notebook may take; figures of an honest one take a tenth of this.
MOST_SHOWN = 20_000_000
FAR_TOO_MUCH = "The cell {name} put out far too much; what was beyond the limit is not kept."
STRANGER = (
    "The checks found my_id = {stated!r}, but {student} handed it in. The marks are for the numbers of {stated!r}: "
    "please look at it."
)


@dataclass(frozen=True)
class Budget:
    """How long one cell, one check and a whole notebook may take, in seconds."""

    cell_s: float = 30
    notebook_s: float = 180


@dataclass(frozen=True)
class CellResult:
    """What one graded cell earned; ``auto_score`` is None where a person has to decide."""

    grade_id: str
    auto_score: float | None
    max_points: float
    says: str = ""


@dataclass(frozen=True)
class Result:
    """The outcome for one submission, with the executed notebook as bytes (None when rejected).

    walls : what stood between the student's code and this machine. blame : the grading machinery itself ended
    abnormally on this submission, which nobody's marks may rest on. flags : those of the remarks that ask for a
    person's eye.
    """

    student: str
    week: str
    outcome: str
    cells: tuple[CellResult, ...] = ()
    notebook: bytes | None = None
    remarks: tuple[str, ...] = ()
    log: str = ""
    seconds: float = 0.0
    walls: str = ""
    blame: bool = False
    flags: tuple[str, ...] = ()

    @property
    def score(self):
        return sum(cell.auto_score or 0.0 for cell in self.cells)


def grade_submission(master, submission, tier=None, budget=Budget(), limits=None):
    """Prepare, run and mark one submission. Never raises for anything that a student handed in.

    tier : the walls (those of :func:`sandbox.choose` when None). Raises sandbox.NoSandbox where none can be had.
    """
    began = time.monotonic()
    tier = tier or walls_of_this_machine()

    def result(outcome, **more):
        seconds = time.monotonic() - began
        return Result(submission.student, submission.week, outcome, seconds=seconds, walls=tier.name, **more)

    def marked():
        prepared = prepare.prepare(master, submission)
        marking = Marking(master, submission, prepared, tier, budget, limits or sandbox.Limits())
        return prepared, marking, marking.mark()

    try:
        try:
            prepared, marking, cells = marked()
        except warm.NotWarm:  # something ended the warm process, perhaps long ago: once more with a new one
            forget_warm()
            prepared, marking, cells = marked()
        shown = harmless.make_harmless(prepared.notebook, master.texts)
    except prepare.Unreadable as refusal:
        return result(REJECTED, remarks=(str(refusal),))
    except Exception:  # the grader itself failed: never lose the submission, never guess a mark
        remark = "The grader itself failed on this submission; its log says how. No mark was made."
        return result(NEEDS_PERSON, remarks=(remark,), log=traceback.format_exc(), blame=True)
    flags = (*prepared.flags, *marking.flags)
    outcome = NEEDS_PERSON if flags or any(cell.auto_score is None for cell in cells) else GRADED
    remarks = (*flags, *prepared.remarks, *marking.remarks, *shown)
    return result(outcome, cells=cells, notebook=as_bytes(prepared.notebook), remarks=remarks, flags=flags)


@functools.cache
def walls_of_this_machine():
    """The strongest walls here; to find them takes a good part of a second, so once for each worker."""
    return sandbox.choose()


class Marking:
    """One pass through a prepared notebook: each cell is run over there or checked over here, in order."""

    def __init__(self, master, submission, prepared, tier, budget, limits):
        self.notebook, self.budget = prepared.notebook, budget
        self.flags, self.remarks = [], []
        self._handed_in_by = submission.student
        self._flagged_before = " ".join(prepared.flags)
        self._room = MOST_SHOWN
        self._files = files_beside(master, submission, prepared)
        self._imports = master.imports
        self._warm = lambda: warm_process(tier, limits)
        self._deadline = None  # its time begins when its Python is there: a cold machine is not the student's fault
        self._student, self._ran, self._slow, self._starts = None, [], set(), 0

    def mark(self):
        """Run and check every cell; outputs go into the notebook. Returns a CellResult for every graded cell."""
        results, count = [], 0
        try:
            for number, cell in enumerate(self.notebook.cells):
                if cell.cell_type == "code":
                    count += 1
                    if notebooks.is_check(cell):
                        results.append(self._check(cell, count))
                        continue
                    self._run(cell, number, count)
                if notebooks.grading(cell).get("grade"):
                    results.append(by_hand(cell))
        finally:
            self._leave()
        return tuple(results)

    def _run(self, cell, number, count):
        name = notebooks.grade_id(cell) or f"cell {number + 1}"
        try:
            outputs, cut, late = self._at_work().run(cell.source, count, self.budget.cell_s)
        except students.Gone as gone:
            self._stopped(f"the cell {name}", gone)
            outputs, cut, late = [students.stopped_output(str(gone))], False, False
        else:
            if not late:  # should Python have to begin again, an endless cell is not waited for twice
                self._ran.append((cell.source, count))
        outputs, left_out = self._that_fit(outputs)
        cell["outputs"], cell["execution_count"] = nodes(outputs), count
        if late and self._is_over():
            self.flags.append(f"The {self.budget.notebook_s:g} seconds for the whole notebook were over in {name}.")
        elif late:
            self.remarks.append(f"The cell {name} ran for more than {self.budget.cell_s:g} seconds and was stopped.")
        if cut or left_out:
            self.flags.append(FAR_TOO_MUCH.format(name=name))

    def _that_fit(self, outputs):
        """The outputs that still have room in the notebook, and whether others were left out."""
        kept = []
        for output in outputs:
            size = students.size(output)
            if size <= self._room:
                self._room -= size
                kept.append(output)
        return kept, len(kept) < len(outputs)

    def _check(self, cell, count):
        name, points = notebooks.grade_id(cell), notebooks.points(cell)
        try:
            student = self._at_work()
        except students.Gone as gone:
            verdict = checker.refused(gone, "")
        else:
            answers = checker.Answers(student, self.budget.cell_s)
            verdict = checker.check(cell.source, points, self._imports, answers, self.budget.cell_s)
            self._see_whose(answers.had("my_id"))
            if student.gone:
                self._stopped(f"the check {name}", student.gone)
        if verdict.for_person:
            self.flags.append(f"{name}: {verdict.for_person}")
        cell["outputs"], cell["execution_count"] = nodes(verdict.outputs), count
        return CellResult(name, verdict.score, points, verdict.says)

    def _see_whose(self, stated):
        """Flag, once, that checks were made on a classmate's numbers, however the notebook came to that id."""
        blank = not isinstance(stated, str) or not stated.strip(" _.")
        if blank or prepare.same_person(stated, self._handed_in_by):
            return
        flag = STRANGER.format(stated=stated[:100], student=self._handed_in_by)
        if flag not in self.flags and "my_id" not in self._flagged_before:
            self.flags.append(flag)

    def _at_work(self):
        """The student's process; a new one, brought to where the last one was, if that has ended."""
        if self._student is None or self._student.gone:
            self._leave()
            if self._starts > RESTARTS:
                raise students.Gone("it had stopped too often before")
            process = self._warm()
            self._deadline = self._deadline or time.monotonic() + self.budget.notebook_s
            if self._is_over():
                raise students.Gone("the time for the whole notebook was over")
            self._starts += 1
            self._student = students.Student(process, self._deadline, self._slow)
            self._student.give(self._files)
            for source, count in self._ran:
                self._student.run(source, count, self.budget.cell_s)
        return self._student

    def _is_over(self):
        return time.monotonic() >= self._deadline

    def _stopped(self, where, why):
        if self._starts <= 1:  # once is enough to say
            self.flags.append(STOPPED.format(where=where, why=why))

    def _leave(self):
        if self._student is not None:
            self._student.end()
            self._student = None


def files_beside(master, submission, prepared):
    """The files the notebook finds next to it: the student's own, and over them those of the course."""
    own = {
        name: content
        for name, content in submission.files.items()
        if name not in (prepared.file_name, "timestamp.txt") and not name.endswith(".ipynb")
    }
    return own | master.files


def by_hand(cell):
    """A cell that a person grades: nothing to decide where it was left as released."""
    score = 0.0 if prepare.unanswered(cell) else None
    return CellResult(notebooks.grade_id(cell), score, notebooks.points(cell))


def nodes(outputs):
    from nbformat import from_dict

    return [from_dict(output) for output in outputs]


def as_bytes(notebook):
    """A notebook as nbformat writes it, but with a line for each cell: json indents ten times slower than it writes."""
    cells = ",\n".join(json.dumps(cell, ensure_ascii=False, sort_keys=True) for cell in notebook.cells)
    rest = {name: value for name, value in notebook.items() if name != "cells"}
    return f'{{"cells": [\n{cells}\n],\n{json.dumps(rest, ensure_ascii=False, sort_keys=True)[1:]}\n'.encode()


_warm_processes = {}


def warm_process(tier, limits):
    """The warm process of this worker for these walls, started when first needed."""
    key = (os.getpid(), tier, limits)
    if key not in _warm_processes or not _warm_processes[key].alive():
        forget_warm()
        # one number for each worker: with it comes an identity of its own for the students' processes
        _warm_processes[key] = warm.Warm(tier, limits, slot=os.getpid() % 5000)
    return _warm_processes[key]


@atexit.register
def forget_warm():
    """End the warm processes of this worker."""
    while _warm_processes:
        _key, process = _warm_processes.popitem()
        process.close()
