"""Grade one submission: ``grade_submission(master, submission) -> Result``.

The one seam of the grader. Everything around it (collecting, recording, several at a time) knows only
these three data types, so what is under it can change: today the notebook runs in a fresh kernel through
nbgrader's own execution step, on this machine and without a sandbox.
"""

import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from dyadlab.grading import nbgrader_bridge, notebooks, prepare

GRADED, NEEDS_PERSON, REJECTED = "graded", "needs a person", "rejected"
SECONDS_PER_CELL = 30
SECONDS_PER_NOTEBOOK = 180
MAX_OUTPUT_CHARACTERS = 100_000


@dataclass(frozen=True)
class CellResult:
    """What one graded cell earned; ``auto_score`` is None where a person has to decide."""

    grade_id: str
    auto_score: float | None
    max_points: float
    says: str = ""


@dataclass(frozen=True)
class Result:
    """The outcome for one submission, with the executed notebook as bytes (None when rejected)."""

    student: str
    week: str
    outcome: str
    cells: tuple[CellResult, ...] = ()
    notebook: bytes | None = None
    remarks: tuple[str, ...] = ()
    log: str = ""
    seconds: float = 0.0

    @property
    def score(self):
        return sum(cell.auto_score or 0.0 for cell in self.cells)


def grade_submission(master, submission):
    """Prepare, run and mark one submission. Never raises for anything that a student handed in."""
    began = time.monotonic()
    try:
        prepared = prepare.prepare(master, submission)
    except prepare.Unreadable as refusal:
        return Result(
            submission.student,
            submission.week,
            REJECTED,
            remarks=(str(refusal),),
            seconds=time.monotonic() - began,
        )
    remarks, flags = list(prepared.remarks), list(prepared.flags)
    try:
        log = run(prepared.notebook, files_beside(master, submission, prepared), flags)
    except Exception:  # the grader itself failed: never lose the submission, never guess a mark
        return Result(
            submission.student,
            submission.week,
            NEEDS_PERSON,
            remarks=(
                *remarks,
                "The grader itself failed on this submission; its log says how. No mark was made.",
            ),
            log=traceback.format_exc(),
            seconds=time.monotonic() - began,
        )
    remarks += stopped(prepared.notebook)
    cells = mark(prepared.notebook)
    outcome = NEEDS_PERSON if flags or any(cell.auto_score is None for cell in cells) else GRADED
    return Result(
        submission.student,
        submission.week,
        outcome,
        cells,
        nbformat.writes(prepared.notebook).encode(),
        (*flags, *remarks),
        log,
        time.monotonic() - began,
    )


def files_beside(master, submission, prepared):
    """The files the notebook finds next to it: the student's own, and over them those of the course."""
    own = {
        name: content
        for name, content in submission.files.items()
        if name not in (prepared.file_name, "timestamp.txt") and not name.endswith(".ipynb")
    }
    return own | master.files


def run(notebook, files, flags):
    """Execute the notebook in place, in a folder of its own. Returns the log; what went wrong goes to flags."""
    from nbgrader.preprocessors import Execute

    with tempfile.TemporaryDirectory(prefix="dyadlab-") as folder:
        for name, content in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        deadline = time.monotonic() + SECONDS_PER_NOTEBOOK
        execute = Execute(
            config=nbgrader_bridge.kernel_config(),
            timeout_func=lambda cell: max(1, min(SECONDS_PER_CELL, int(deadline - time.monotonic()))),
            record_timing=False,
            shutdown_kernel="immediate",
            raise_on_iopub_timeout=False,
        )
        execute.log = nbgrader_bridge.quiet_log()
        variables = {"NBGRADER_EXECUTION": "autograde", "IPYTHONDIR": str(Path(folder, ".ipython"))}
        try:
            with nbgrader_bridge.environment(**variables):
                execute.preprocess(notebook, {"metadata": {"path": folder}})
        except (DeadKernelError, CellTimeoutError, RuntimeError) as error:
            if not any(cell.get("execution_count") for cell in notebook.cells):
                raise  # Python never began: that is the machine's fault and not the student's
            flags.append(
                "Python stopped in the middle of the notebook and could not go on. What was checked before "
                "keeps its points, the rest earned none."
            )
            return f"{type(error).__name__}: {error}"
    return ""


def stopped(notebook):
    """A remark for every cell that ran too long and was interrupted."""
    too_long = ("CellTimeoutError", "KeyboardInterrupt")
    return [
        f"The cell {notebooks.grade_id(cell) or number + 1} ran for more than {SECONDS_PER_CELL} seconds "
        "and was stopped."
        for number, cell in enumerate(notebook.cells)
        if any(output.get("ename") in too_long for output in cell.get("outputs", ()))
    ]


def mark(notebook):
    """What each graded cell earned, by nbgrader's own rule, after shortening endless outputs.

    A check that never ran has no execution count and earns nothing; nbgrader's rule alone would give it
    full points.
    """
    from nbgrader.utils import determine_grade

    results = []
    for cell in notebook.cells:
        shorten(cell)
        if not notebooks.grading(cell).get("grade"):
            continue
        if notebooks.is_check(cell) and cell.execution_count is None:
            cell.outputs.append(
                nbformat.v4.new_output("error", ename="NotRun", evalue="", traceback=["This check could not be run."])
            )
        score, points = determine_grade(cell, nbgrader_bridge.quiet_log())
        results.append(CellResult(notebooks.grade_id(cell), score, points, said(cell)))
    return tuple(results)


def said(cell):
    """The sentence with which a check refused an answer, or an empty string."""
    errors = [output for output in cell.get("outputs", ()) if output.output_type == "error"]
    return "\n".join(errors[0].traceback) if errors else ""


def shorten(cell):
    """Keep at most MAX_OUTPUT_CHARACTERS of each text output; nbgrader's own limit counts lines, not size."""
    for output in cell.get("outputs", ()):
        if output.output_type == "stream" and len(output.text) > MAX_OUTPUT_CHARACTERS:
            output.text = output.text[:MAX_OUTPUT_CHARACTERS] + "\n… shortened by the grader"
        for kind, content in list(output.get("data", {}).items()):
            if isinstance(content, str) and len(content) > 100 * MAX_OUTPUT_CHARACTERS:
                output.data[kind] = "shortened by the grader"
