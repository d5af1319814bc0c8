"""Marks as a table. What is not known is left blank: never a zero for a crash or for nothing handed in."""

import csv
import io
import math
from dataclasses import replace

from nbgrader.api import SubmittedAssignment
from sqlalchemy.orm import undefer

from dyadlab.grading import engine, nbgrader_bridge, record, submission
from dyadlab.grading.course import CourseError

#: handed_in_at_utc : as nbgrader keeps it, in UTC. hours_late : after the due date and the student's extension, begun
#: hundredths counted as whole; 0 in time, blank where there is no due date or no time of submission.
COLUMNS = ("student_id", "week", "state", "score", "max_score", "late_penalty", "handed_in_at_utc", "hours_late")
NOT_HANDED_IN = "not handed in"
NOT_GRADED = "not graded yet"
AGAIN = "handed in again, not graded yet"
UNREAD = "needs a person"


def marks(course, weeks):
    """One row (a dict with COLUMNS) for each student and week, for all students the course knows."""
    rows = []
    with nbgrader_bridge.gradebook_or_sentence(course) as gradebook:
        handed_in = {week: course.submissions(week) for week in weeks}
        stored = {week: stored_submissions(gradebook, week) for week in weeks}
        students = {student.id for student in gradebook.students}
        students |= {student for there in handed_in.values() for student in there}
        for student in sorted(students):
            for week in weeks:
                row = dict.fromkeys(COLUMNS, "") | {"student_id": student, "week": week}
                if student in handed_in[week]:
                    row |= one_mark(course, week, student, stored[week].get(student))
                else:
                    row |= {"state": NOT_HANDED_IN}
                rows.append(row)
    return rows


def stored_submissions(gradebook, week):
    """What nbgrader's gradebook has of a week, as ``{student: SubmittedAssignment}``, fetched in one go."""
    name = SubmittedAssignment.name == week
    wanted = [getattr(SubmittedAssignment, n) for n in ("score", "needs_manual_grade", "late_submission_penalty")]
    found = gradebook.db.query(SubmittedAssignment).filter(name).options(*map(undefer, wanted))
    return {stored.student_id: stored for stored in found}


def one_mark(course, week, student, stored):
    """The cells that are known of something handed in. Without a mark (not graded, rejected, quarantined) no score."""
    found = record.read(course, week, student)
    if found is None:
        return {"state": NOT_GRADED}
    if replaced(course, found):
        return {"state": AGAIN, "max_score": f"{found.max_score:g}"}
    row = {"state": found.outcome, "max_score": f"{found.max_score:g}"}
    if found.score is None or stored is None:
        return row
    penalty = stored.late_submission_penalty
    return row | {
        "state": state(found, stored),
        "score": f"{score(stored):g}",
        "late_penalty": f"{penalty:g}" if penalty else "",
        "handed_in_at_utc": stored.timestamp.isoformat(sep=" ", timespec="seconds") if stored.timestamp else "",
        "hours_late": hours_late(stored),
    }


def replaced(course, found):
    """Whether the student has handed in other work since the record was made."""
    folder = course.submitted / found.student / found.week
    return submission.read(found.student, found.week, folder).digest() != record.work(found.key)


def state(found, stored):
    """How far a graded submission is. A person may have marked it since it was recorded."""
    if stored.needs_manual_grade:
        return UNREAD
    return "graded, with remarks" if found.outcome == engine.NEEDS_PERSON and found.remarks else "graded"


def score(stored):
    """The score that counts: the gradebook's, because a person may have marked since, less the penalty."""
    return max(0.0, float(stored.score) - float(stored.late_submission_penalty))


def hours_late(stored):
    """Hours after what counts as the student's due date, or an empty text where one of the two times is unknown."""
    if stored.timestamp is None or stored.assignment.duedate is None:
        return ""
    return f"{math.ceil(stored.total_seconds_late / 36) / 100:g}"


def as_it_stands(course, finished):
    """What the grader finished (``grade.Graded``), with the scores and states that persons have made of them since."""
    try:
        with nbgrader_bridge.gradebook_or_sentence(course) as gradebook:
            stored = {week: stored_submissions(gradebook, week) for week in {g.record.week for g in finished}}
            records = [after_persons(g.record, stored[g.record.week].get(g.record.student)) for g in finished]
    except CourseError:
        return list(finished)  # somebody else may be writing just now; what was graded is shown all the same
    return [replace(g, record=now) for g, now in zip(finished, records, strict=True)]


def after_persons(found, stored):
    """A record with the gradebook's score; it needs a person only while there is still something to read."""
    if found.score is None or stored is None:
        return found
    outcome = found.outcome
    if stored.needs_manual_grade:
        outcome = engine.NEEDS_PERSON
    elif outcome == engine.NEEDS_PERSON and not found.needs_eye:
        outcome = engine.GRADED
    return replace(found, score=score(stored), outcome=outcome)


def to_csv(rows):
    """The rows as CSV text. A cell that a spreadsheet would take for a formula gets an apostrophe before it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: harmless(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def harmless(value):
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t")) else value


def write(text, file):
    """Write a table where a spreadsheet program will find it. Raises CourseError where that cannot be done."""
    try:
        # the mark at the front tells spreadsheet programs that the file is UTF-8
        with open(file, "w", encoding="utf-8-sig", newline="") as stream:
            stream.write(text)
    except FileNotFoundError:
        raise CourseError(f"The marks were not written: the folder for {file} does not exist.") from None
    except PermissionError:
        raise CourseError(
            f"The marks were not written: {file} may not be changed. If it is open in a spreadsheet program, close it "
            "there and run the command again; otherwise name another file."
        ) from None
    except OSError as error:
        raise CourseError(f"The marks were not written to {file}: {error.strerror or error}.") from None
