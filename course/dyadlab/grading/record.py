"""The one writer: puts results into nbgrader's gradebook and folders, and remembers what was done.

The record file is written last and whole. It is what tells the next ``dyadlab grade`` that nothing is left
to do, so a grader that was stopped half-way through a submission does that submission again.
"""

import json
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbgrader.utils import parse_utc

from dyadlab.grading import build, nbgrader_bridge, notebooks, prepare


@dataclass(frozen=True)
class Record:
    """What was found for one submission when it was last graded."""

    student: str
    week: str
    outcome: str
    score: float | None
    max_score: float
    remarks: tuple[str, ...]
    key: str
    seconds: float


def key(master, submission):
    """Changes when the submission or the master copy changes; equal keys mean that nothing is left to do."""
    return f"{submission.digest()}:{master.digest()}"


def path(course, week, student):
    return course.records / week / f"{student}.json"


def read(course, week, student):
    """The last record of a submission, or None."""
    try:
        content = json.loads(path(course, week, student).read_text(encoding="utf-8"))
        return Record(**{**content, "remarks": tuple(content["remarks"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write(course, master, submission, result):
    """Record one result: notebook, gradebook, then the record. Returns the Record."""
    notebook = save_files(course, master, submission, result)
    score = save_scores(course, master, submission, result, notebook)
    record = Record(
        submission.student,
        submission.week,
        result.outcome,
        score,
        master.max_score,
        result.remarks,
        key(master, submission),
        round(result.seconds, 2),
    )
    place = path(course, submission.week, submission.student)
    place.parent.mkdir(parents=True, exist_ok=True)
    write_whole(place.with_suffix(".log"), log_text(result).encode())
    write_whole(place, json.dumps(record.__dict__, ensure_ascii=False, indent=1).encode())
    return record


def save_files(course, master, submission, result):
    """Write autograded/STUDENT/WEEK as nbgrader does, so that formgrader and feedback find it."""
    folder = course.autograded / submission.student / submission.week
    build.clear(folder)
    if result.notebook is None:
        return None
    folder.mkdir(parents=True)
    notebook = nbformat.reads(result.notebook.decode(), as_version=4)
    (folder / f"{master.week}.ipynb").write_bytes(result.notebook)
    others = {n: c for n, c in submission.files.items() if not n.endswith(".ipynb")} | master.files
    for name, content in others.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return notebook


def save_scores(course, master, submission, result, notebook):
    """Put the scores into the gradebook whole; manual scores and comments stay. Returns the score.

    A rejected submission is in the gradebook, without scores, so that nobody takes it for "not handed in".
    """
    with nbgrader_bridge.gradebook(course) as gradebook, warnings.catch_warnings():
        # nbgrader adds a submission in an order that its database library remarks on; nothing is lost by it
        warnings.filterwarnings("ignore", message="Object of type <Submitted")
        gradebook.update_or_create_student(submission.student)
        when = {"timestamp": parse_utc(submission.timestamp)} if readable_time(submission.timestamp) else {}
        stored = gradebook.update_or_create_submission(submission.week, submission.student, **when)
        if notebook is None or not result.cells:
            return None
        scores = {cell.grade_id: cell.auto_score for cell in result.cells}
        stored_notebook = next(n for n in stored.notebooks if n.name == master.week)
        for grade in stored_notebook.grades:
            grade.auto_score = scores.get(grade.name, 0.0)
            grade.needs_manual_grade = grade.auto_score is None or grade.manual_score is not None
        answers = {notebooks.grade_id(cell): cell for cell in notebook.cells if notebooks.grade_id(cell)}
        for comment in stored_notebook.comments:
            cell = answers.get(comment.name)
            comment.auto_comment = "No response." if cell is not None and prepare.unanswered(cell) else None
        gradebook.db.commit()
    penalise_if_late(course, submission)
    with nbgrader_bridge.gradebook(course) as gradebook:
        return after_penalty(gradebook.find_submission(submission.week, submission.student))


def penalty(stored):
    """Points that nbgrader takes off a stored submission for lateness."""
    return sum(notebook.late_submission_penalty or 0.0 for notebook in stored.notebooks)


def after_penalty(stored):
    """The score that counts: nbgrader keeps the penalty beside the score and does not subtract it there."""
    return max(0.0, float(stored.score) - penalty(stored))


def readable_time(text):
    try:
        return bool(text) and parse_utc(text) is not None
    except (ValueError, OverflowError, TypeError):
        return False


def penalise_if_late(course, submission):
    """nbgrader's own step for late work, with the policy that jupyter_config names (none unless chosen)."""
    from nbgrader.preprocessors import AssignLatePenalties

    step = AssignLatePenalties(config=nbgrader_bridge.config_for(course))
    step.log = nbgrader_bridge.quiet_log()
    where = {
        "notebook": submission.week,
        "assignment": submission.week,
        "student": submission.student,
        "db_url": course.db_url,
    }
    step.preprocess(nbformat.v4.new_notebook(), {"nbgrader": where})


def log_text(result):
    """What an instructor can read about one submission."""
    lines = [f"{result.student}, {result.week}: {result.outcome}", *result.remarks, ""]
    for cell in result.cells:
        earned = "a person decides" if cell.auto_score is None else f"{cell.auto_score:g} of {cell.max_points:g}"
        lines.append(f"{cell.grade_id}: {earned}{'  ' + cell.says if cell.says else ''}")
    return "\n".join([*lines, "", result.log]).rstrip() + "\n"


def write_whole(place, content):
    """Write a file so that nobody ever sees half of it."""
    half = Path(f"{place}.{os.getpid()}.part")
    with half.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    half.replace(place)


def outcomes(course, week):
    """All records of a week, as ``{student: Record}``."""
    found = {}
    for student in course.submissions(week):
        record = read(course, week, student)
        if record is not None:
            found[student] = record
    return found
