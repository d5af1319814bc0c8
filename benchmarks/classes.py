"""The work that is graded in the benchmark: a class of a real week, each student with own numbers and some mistakes."""

import contextlib
import os
import shutil
from pathlib import Path

from dyadlab.grading import build, course, nbgrader_bridge, simulate

#: Whole notebooks that every grader can take to the end: all cells run, all figures are drawn, some answers are wrong.
#: Nothing that stops plain nbgrader or costs it a timeout is among them; that would flatter the others.
KINDS = ("all answers", "another right way", "typical mistakes", "more typical mistakes")


def course_with(folder, week, copies):
    """A course in ``folder`` with one week released and ``copies`` submissions for it. Returns the Course.

    week : as a person types it, e.g. ``w07``.
    """
    real = course.Course(course.REPOSITORY / "course")
    week = real.week(week)
    made = course.Course(Path(folder) / "course", solutions=Path(folder) / "solutions")
    shutil.copytree(real.source / week, made.source / week)
    build.build(made, [week], solutions=False)
    simulate.put_in(made, week, simulate.simulate(made, week, copies, KINDS))
    return made


def handed_in_again(original, folder, copies=None):
    """A copy of a course as it was before anything was graded, with the first ``copies`` submissions (all if None)."""
    root = Path(folder) / "course"
    shutil.copytree(original.root, root)
    made = course.Course(root, solutions=Path(folder) / "solutions")
    (week,) = made.weeks()
    for student in list(made.submissions(week))[copies:] if copies is not None else ():
        shutil.rmtree(made.submitted / student)
    return made


@contextlib.contextmanager
def own_copy(original, folder, copies=None):
    """:func:`handed_in_again` in a new folder beside the others, removed afterwards."""
    place = Path(folder) / f"run-{os.getpid()}-{len(list(Path(folder).iterdir()))}"
    try:
        yield handed_in_again(original, place, copies)
    finally:
        build.clear(place)


def auto_scores(graded):
    """{student: points that checks gave}, from the gradebook of a graded course; None where there is no score."""
    (week,) = graded.weeks()
    scores = {}
    with nbgrader_bridge.gradebook(graded) as gradebook:
        for stored in gradebook.assignment_submissions(week):
            grades = [grade for notebook in stored.notebooks for grade in notebook.grades]
            automatic = [grade.auto_score for grade in grades if grade.cell.cell_type == "code"]
            scores[stored.student.id] = sum(automatic) if automatic and None not in automatic else None
    return scores
