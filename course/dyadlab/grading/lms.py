"""Whose a file of a download is, read from what Moodle, Canvas, Blackboard or a person put in front of its name.

Never from what a student may have written: the outermost name counts.
"""

import datetime
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from dyadlab.grading.course import CourseError
from dyadlab.grading.submission import shown

#: What LMSs put before a student's file. Moodle may also make a folder of it.
MOODLE = re.compile(r"^(?P<student>.+?)_(?P<number>\d+)_assignsubmission_(?:file|onlinetext)(?:_(?P<file>.*))?$")
CANVAS_FILE = re.compile(r"^(?P<student>.+?)(?P<late>_late|_LATE)?_(?P<number>\d+)_(?P<upload>\d+)_(?P<file>.+)$")
BLACKBOARD_FILE = re.compile(r"^.+?_(?P<student>[^_]+)_attempt_(?P<attempt>[\d-]+)_(?P<file>.+)$")
WEEK_FOLDER = re.compile(r"^w\d\d_\w+$")
#: In place of (LMS, number) where a name comes without a number.
NO_NUMBER = ("", "")


@dataclass
class Taken:
    """One file on its way in: where it comes from, under which name it goes, and of which attempt it is."""

    source: str
    name: str
    size: int
    attempt: tuple = ()
    version: tuple = ()
    late: bool = False
    free_name: bool = True  # the student chose the name
    number: tuple = NO_NUMBER
    mark: object = None


@dataclass
class Handed:
    """What one student handed in; ``spoilt`` says why it cannot be taken at all.

    numbers : whom the LMS means, as (LMS, number). More than one: several people have this name.
    became : what came of it: "new", "changed", "unchanged" or "left out".
    """

    files: list[Taken] = field(default_factory=list)
    spoilt: str = ""
    numbers: set[tuple] = field(default_factory=set)
    became: str = "left out"

    def origin(self):
        """What is kept of where a submission came from, to compare a later one with."""
        lms, number = next(iter(self.numbers)) if len(self.numbers) == 1 else NO_NUMBER
        return {"lms": lms, "number": number, "dated": max((dated(one.mark) for one in self.files), default="")}


def dated(mark):
    """The date that a ZIP gives a file (on the clock of whoever packed it), or an empty string.

    1980 is what a ZIP without dates says, and a date to come would make all later work look old.
    """
    try:
        when = datetime.datetime(*mark.date_time)
    except (AttributeError, TypeError, ValueError):
        return ""
    tomorrow = datetime.datetime.now() + datetime.timedelta(days=1)
    return str(when) if when.year > 1980 and when < tomorrow else ""


# --- whose a file is -------------------------------------------------------------------------------------------------

#: In place of a student, for files that somebody handed in for another week.
OTHER_WEEK = object()


@dataclass
class Layout:
    """How a download is laid out: under how many folders the students' names stand, and whether below these there are
    folders of weeks throughout, as nbgrader makes them."""

    above: int = 0
    by_week: bool = False


def layout_of(paths, week):
    """(Layout, sentences) of a download, from the paths (as parts) of all that is in it."""
    above, sentences = folders_above(paths, week)
    inside = [parts[above:] for parts in paths if len(parts) > above + 1]
    by_week = all(len(parts) > 2 and WEEK_FOLDER.match(parts[1]) and moodle_depth(parts) is None for parts in inside)
    if not by_week or not any(parts[1] == week for parts in inside):
        return Layout(above), sentences
    if any(parts[1] != week for parts in inside):
        sentences.append("What was handed in for other weeks was not looked at.")
    return Layout(above, True), sentences


def folders_above(paths, week):
    """(how many folders are wrapped around all students' files, sentences). CourseError where that is not certain."""
    depths = {moodle_depth(parts) for parts in paths}
    if len(depths) == 1 and None not in depths:
        depth = depths.pop()
        if len({lms_owner(parts[depth:])[:2] for parts in paths}) > 1:
            return depth, []
    above, sentences = 0, []
    while paths and len({parts[0] for parts in paths}) == 1 and min(map(len, paths)) > 1:
        folder, paths = paths[0][0], [parts[1:] for parts in paths]
        wrapped = is_wrapped(folder, paths, week)
        if wrapped is None:
            raise CourseError(
                f"All of it lies in one folder, {shown(folder)}, and it is not certain whether that is a student's or "
                "lies around the students' own. Nothing was taken in. Unpack it and name with --from the folder in "
                "which there is one folder (or file) a student."
            )
        if not wrapped:
            break
        if wrapped == "likely":
            sentences.append(
                f"All of it lies in one folder, {shown(folder)}; each folder in it was taken as a student."
            )
        above += 1
    return above, sentences


def is_wrapped(folder, inner, week):
    """Whether the only folder of a download lies around all students' files; None where that cannot be known.

    inner : the paths below it. It may as well be the folder of the only student, who chose what is in it.
    """
    if MOODLE.match(folder):
        return False
    if folder in ("submitted", week):
        return True
    owners = {found[:2] for parts in inner if (found := lms_owner(parts))}
    if len(owners) > 1:
        return True
    notebooks = [parts for parts in inner if parts[-1].casefold().endswith(".ipynb")]
    if any(parts[:-1] in ([], [week]) and not lms_owner(parts) for parts in notebooks):
        return False
    with_notebooks = {parts[0] for parts in notebooks if len(parts) > 1}
    if len(with_notebooks) > 1 and with_notebooks == {parts[0] for parts in inner if len(parts) > 1}:
        return "likely"
    if len({parts[0] for parts in inner}) == 1 and min(map(len, inner)) > 1:  # folders in one another
        below = inner[0][0]
        wrapped = is_wrapped("" if below == week else below, [parts[1:] for parts in inner], week)
        if wrapped:
            return wrapped
    return None if owners or with_notebooks else False


def moodle_depth(parts):
    """The place of the first part that Moodle named, or None. What stands below it, the student named."""
    for place, part in enumerate(parts):
        found = MOODLE.match(part)
        if found and (place < len(parts) - 1 or found["file"]):
            return place
    return None


def owner(parts, layout, week):
    """(student, Taken) from a path in the download; (None, None) where it does not tell whose it is."""
    parts = parts[layout.above :]
    if not parts:
        return None, None
    found = lms_owner(parts)
    if found:
        student, number, taken = found
        taken.number = number
        return student, taken
    if moodle_depth(parts) is not None:  # within a folder that is not Moodle's: either may be the student's own
        return None, None
    if len(parts) > 1:
        if not layout.by_week or CANVAS_FILE.match(parts[0]):
            return parts[0], taken_as(parts[1:])
        if parts[1] != week or len(parts) == 2:
            return OTHER_WEEK, None
        return parts[0], taken_as(parts[2:], free_name=False)
    stem, _, rest = parts[0].rpartition(f"_{week}")
    return (stem, taken_as([f"{week}{rest}"])) if stem and rest == ".ipynb" else (None, None)


def lms_owner(parts):
    """(student, (LMS, number), Taken) from a path whose first part an LMS named, or None."""
    if len(parts) > 1:
        found = MOODLE.match(parts[0])
        return (found["student"].strip(" "), ("Moodle", found["number"]), taken_as(parts[1:])) if found else None
    named = [found for kind in (MOODLE, CANVAS_FILE, BLACKBOARD_FILE) if (found := kind.match(parts[0]))]
    # The student's part comes last and may look like anything, so the mark that ends first is the LMS's.
    found = min((one for one in named if one["file"]), key=lambda one: one.start("file"), default=None)
    if found is None:
        return None
    student = found["student"].strip(" ")
    if found.re is MOODLE:
        return student, ("Moodle", found["number"]), taken_as([found["file"]])
    if found.re is CANVAS_FILE:
        name, copy = canvas_copy_removed(found["file"])
        taken = taken_as([name], version=(copy, int(found["upload"])), late=bool(found["late"]))
        return student, ("Canvas", found["number"]), taken
    attempt = tuple(int(part) for part in found["attempt"].split("-") if part)
    return student, NO_NUMBER, taken_as([found["file"]], attempt=attempt)


def taken_as(parts, **more):
    return Taken("", "/".join(parts), 0, **more)


def canvas_copy_removed(name):
    """``w04_depression-2.ipynb``, as Canvas calls a second attempt, under its own name, and its number."""
    found = re.match(r"^(?P<stem>.+)-(?P<number>\d{1,4})(?P<ending>\.[a-z]+)$", name)
    return (found["stem"] + found["ending"], int(found["number"])) if found else (name, 0)


def parts_of(name):
    return [unicodedata.normalize("NFC", part) for part in PurePosixPath(name).parts]


def is_litter(parts):
    """What systems leave lying about and nobody handed in."""
    if not parts:
        return True
    return parts[-1] in (".DS_Store", "Thumbs.db", "desktop.ini") or parts[-1].startswith("._") or "__MACOSX" in parts
