"""Marks as a table. What is not known is left blank: never a zero for a crash or for nothing handed in."""

import csv
import io

from nbgrader.api import MissingEntry

from dyadlab.grading import nbgrader_bridge, record

COLUMNS = ("student_id", "week", "state", "score", "max_score", "late_penalty", "handed_in_at")
NOT_HANDED_IN = "not handed in"
NOT_GRADED = "not graded yet"


def marks(course, weeks):
    """One row (a dict with COLUMNS) for each student and week, for all students the course knows."""
    rows = []
    with nbgrader_bridge.gradebook(course) as gradebook:
        handed_in = {week: course.submissions(week) for week in weeks}
        students = {student.id for student in gradebook.students}
        students |= {student for there in handed_in.values() for student in there}
        for student in sorted(students):
            for week in weeks:
                rows.append(one_mark(course, gradebook, student, week, student in handed_in[week]))
    return rows


def one_mark(course, gradebook, student, week, handed_in):
    """The row of one student and week. Without a mark (not graded, rejected, quarantined) the score stays blank."""
    row = dict.fromkeys(COLUMNS, "") | {"student_id": student, "week": week}
    if not handed_in:
        return row | {"state": NOT_HANDED_IN}
    found = record.read(course, week, student)
    if found is None:
        return row | {"state": NOT_GRADED}
    row |= {"state": found.outcome, "max_score": f"{found.max_score:g}"}
    if found.score is None:
        return row
    try:
        stored = gradebook.find_submission(week, student)
    except MissingEntry:
        return row
    # the gradebook, not the record, is the truth for scores: a person may have marked since
    penalty = record.penalty(stored)
    state = "needs a person" if stored.needs_manual_grade else "graded"
    if found.outcome == "needs a person" and not stored.needs_manual_grade and found.remarks:
        state = "graded, with remarks"
    return row | {
        "state": state,
        "score": f"{record.after_penalty(stored):g}",
        "late_penalty": f"{penalty:g}" if penalty else "",
        "handed_in_at": stored.timestamp.isoformat(sep=" ", timespec="seconds") if stored.timestamp else "",
    }


def to_csv(rows):
    """The rows as CSV text. A cell that a spreadsheet would take for a formula gets an apostrophe before it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: harmless(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def harmless(value):
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t")) else value
