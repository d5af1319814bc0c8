"""Which week's notebook a file is: by its name, and by the ids of the course's cells in it."""

import json
from pathlib import PurePosixPath

from dyadlab.grading import prepare, submission
from dyadlab.grading.course import CourseError

#: How surely something is a notebook of the week.
BY_CELLS, BY_NAME, NOT_AT_ALL = 2, 1, 0


def ids(course, week):
    """The ids of a week's graded cells, as it was released and as it stands in source; empty where neither is there."""
    found = set()
    for folder in (course.release, course.source):
        try:
            cells = json.loads((folder / week / f"{week}.ipynb").read_text(encoding="utf-8")).get("cells", [])
            found |= {cell.get("metadata", {}).get("nbgrader", {}).get("grade_id") for cell in cells}
        except (OSError, ValueError, AttributeError, TypeError):
            continue
    return found - {None}


def all_ids(course):
    """{week: its ids} of every week of the course."""
    try:
        return {week: ids(course, week) for week in course.weeks()}
    except CourseError:
        return {}


def is_notebook(name):
    return name.casefold().endswith(".ipynb")


def by_name(name, week):
    """Whether a notebook is called like the week's; LMSs put something before, and copies have (1) behind."""
    return is_notebook(name) and week.casefold() in PurePosixPath(name).name.casefold()


def inside(opened, ids_of):
    """The weeks of ``ids_of`` ({week: ids}) of which a cell stands in an open file. It is read only until one does."""
    overlap, before = 2 * max((len(name) for names in ids_of.values() for name in names), default=1), b""
    while chunk := opened.read(submission.CHUNK):
        before = before[-overlap:] + chunk
        found = {week for week, names in ids_of.items() if prepare.mentions(before, names)}
        if found:
            return found
    return set()


def held(course, week, folder):
    """How surely there is a notebook of the week in the folder of one submission."""
    ids_of, surest = {week: ids(course, week)}, NOT_AT_ALL
    for name, opened in submission.opened_files(folder):
        if isinstance(opened, str):
            continue
        with opened:
            if is_notebook(name) and inside(opened, ids_of):
                return BY_CELLS
        if by_name(name, week):
            surest = BY_NAME
    return surest
