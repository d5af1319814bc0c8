"""Putting submissions into ``submitted/``: whole or not at all, and never over another one without a copy of that."""

import filecmp
import json
import os
import shutil
import time
import unicodedata

from dyadlab.grading import submission, which_week
from dyadlab.grading.download import UNPACKING, Refused
from dyadlab.grading.submission import shown
from dyadlab.sentences import listed

MAX_STUDENT_BYTES = submission.MAX_RAW_BYTES
#: Names that mean a device to Windows, with whatever ending.
DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
NOT_IN_NAMES = '<>:"|?*\\'
MAX_NAME_BYTES = 200


# --- names that every computer can keep ------------------------------------------------------------------------------


def same_name(name):
    """Equal for names that some computers or no eyes can tell apart: capitals, accents written in two ways, spaces at
    the ends, what joins letters."""
    seen = "".join(letter for letter in name if letter not in submission.JOINERS)
    return unicodedata.normalize("NFC", seen).casefold().strip()


def portable(name):
    """(a name that every computer can keep, whether that is another one)."""
    parts = []
    for part in name.split("/"):
        kept = "".join("_" if c in NOT_IN_NAMES or not submission.storable(c) else c for c in part)
        kept = unicodedata.normalize("NFC", kept).rstrip(". ") or "_"
        if kept.split(".")[0].casefold() in DEVICES:
            kept = f"_{kept}"
        stem, dot, ending = kept.rpartition(".")
        while len(kept.encode()) > MAX_NAME_BYTES:
            stem = stem[:-1] if stem else kept[:-1]
            kept = f"{stem}{dot}{ending}" if len(ending) < 20 and dot else kept[:-1]
        parts.append(kept)
    whole = "/".join(parts)
    return whole, whole != unicodedata.normalize("NFC", name)


def not_an_id(student):
    """Why a name cannot be a student's id (nbgrader, or another computer, could not keep it), or an empty string."""
    if not submission.storable(student) or any(c in student for c in '/\\+*?[]<>:"|'):
        return "cannot be a student's id: without / \\ + * ? [ ] < > : \" | it could"
    if not student or student[0] in ".- " or student[-1] in ". ":
        return "cannot be a student's id: it may not begin with a dot, a dash or a space, nor end with a dot"
    if len(student.encode()) > MAX_NAME_BYTES:
        return "cannot be a student's id: it is too long"
    if student.split(".")[0].casefold() in DEVICES:
        return "cannot be a student's id: Windows takes it for a device"
    return ""


# --- storing ---------------------------------------------------------------------------------------------------------


def store(course, week, student, handed, reader, stamp=None):
    """Write one submission, whole or not at all; an earlier one is kept aside. Returns sentences.

    stamp : the time of submission, for timestamp.txt; None leaves that to the files.
    """
    student = student.strip(" ")
    problem = not_an_id(student)
    if problem:
        handed.spoilt = problem
        return [f"{submission.printable(student)!r} {problem}; that submission was left out."]
    if not handed.spoilt and sum(taken.size for taken in handed.files) > MAX_STUDENT_BYTES:
        handed.spoilt = f"it has more than {MAX_STUDENT_BYTES // 1_000_000} MB"
    if not handed.spoilt and len(handed.files) > submission.MAX_FILES:
        handed.spoilt = f"it has more than {submission.MAX_FILES} files"
    if not handed.spoilt and not handed.files:
        handed.spoilt = "nothing of it could be taken"
    if handed.spoilt:
        return [f"{student}: this submission was left out; {handed.spoilt}."]
    tidy_up(course)
    waiting = course.submitted / ".incoming" / f"{os.getpid()}-{time.time_ns()}"
    try:
        copy_in(reader, handed.files, waiting)
        if stamp is not None:
            (waiting / submission.TIMESTAMP).write_text(stamp, encoding="utf-8")
        sentences = settle(course, week, student, waiting, handed)
    except Refused as why:
        handed.spoilt = str(why)
    except UNPACKING as error:
        full = isinstance(error, OSError) and error.errno is not None
        handed.spoilt = f"it could not be written ({error.strerror})." if full else "its ZIP is damaged there."
    else:
        return sentences
    finally:
        shutil.rmtree(waiting, ignore_errors=True)
        for folder in (waiting.parent, course.submitted):
            try:
                folder.rmdir()  # only if nothing is in it
            except OSError:
                break
    return [f"{student}: this submission was left out; {handed.spoilt}"]


def tidy_up(course):
    """Remove what a collection that was stopped in the middle left behind."""
    for left in (course.submitted / ".incoming").glob("*"):
        if time.time() - left.stat().st_mtime > 3600:
            shutil.rmtree(left, ignore_errors=True)


def copy_in(reader, files, folder):
    """Copy files in pieces; Refused when one is longer than it said."""
    folder.mkdir(parents=True)
    for taken, opened in reader.open_all(files):
        place = folder / taken.name
        place.parent.mkdir(parents=True, exist_ok=True)
        left = taken.size
        with place.open("xb") as stream:
            while chunk := opened.read(submission.CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise Refused(f"{shown(taken.source)} is longer than it says.")
                stream.write(chunk)
        if left:
            raise Refused(f"{shown(taken.source)} is shorter than it says.")


def settle(course, week, student, waiting, handed):
    """Put a submission that was copied whole in its place, unless that brings nothing new. Returns sentences.

    handed : its ``became`` is set to what became of it.
    """
    origin = handed.origin()
    folder, note = course.submitted / student / week, course.submitted / ORIGINS / student / f"{week}.json"
    sentences = []
    if folder.exists():
        if nothing_new(waiting, folder):
            if not note.exists():
                write_origin(note, origin)
            handed.became = "unchanged"
            return []
        if which_week.held(course, week, waiting) < which_week.held(course, week, folder):
            return [
                f"{student}: nothing of {week} can be recognised in {holding(waiting)}; the one that is there stays."
            ]
        counts, sentence = which_counts(folder, waiting, read_origin(note)["dated"], origin["dated"])
        sentences.append(f"{student}: {sentence}")
        if not counts:
            return sentences
        aside = aside_for(course, student, week)
        aside.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder, aside)
        handed.became = "changed"
    else:
        handed.became = "new"
    if which_week.held(course, week, waiting) == which_week.NOT_AT_ALL:
        sentences.append(
            f"{student}: no notebook of {week} is in {holding(waiting)}. It was taken in; grading will ask for one."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    write_origin(note, origin)  # first: whose the name is must be known even if this is stopped here
    os.replace(waiting, folder)
    return sentences


def holding(folder):
    """A submission in a sentence, with what is in it."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return f"this submission (it holds {listed([name for name in names if name != submission.TIMESTAMP])})"


def which_counts(folder, waiting, dated_there, dated_new):
    """(whether the submission that waits counts from now on, a sentence). Without any time at all it does."""
    there, new = stored_time(folder), stored_time(waiting)
    if there is not None and new is not None:
        if new <= there:
            when = "was handed in earlier than" if new < there else "has the same time as, but is not the same as,"
            return False, f"this submission {when} the one that is there; that one stays."
    elif not dated_there or not dated_new or dated_there == dated_new:
        return True, (
            "another submission, and nothing tells which is the newer one. This one counts now; the one that was there "
            "was kept in submitted/.earlier."
        )
    elif dated_new < dated_there:
        return False, (
            f"the files of this submission are dated {dated_new}, before those of the one that is there "
            f"({dated_there}); that one stays."
        )
    return True, "a newer submission; the earlier one was kept in submitted/.earlier."


def aside_for(course, student, week):
    """A place for an earlier submission that nothing lies in yet."""
    stem, number = f"{week}.{time.strftime('%Y%m%dT%H%M%S')}", 1
    place = course.submitted / ".earlier" / student / stem
    while place.exists():
        number += 1
        place = place.with_name(f"{stem}-{number}")
    return place


def nothing_new(waiting, folder):
    """Whether every file of a submission is already there, byte for byte."""
    new = [path.relative_to(waiting) for path in waiting.rglob("*") if path.is_file()]
    return all(
        (folder / name).is_file()
        and not (folder / name).is_symlink()
        and filecmp.cmp(waiting / name, folder / name, False)
        for name in new
    )


def stored_time(folder):
    """When a stored submission was handed in, or None."""
    path = folder / submission.TIMESTAMP
    if path.is_symlink() or not path.is_file() or path.stat().st_size > 1000:
        return None
    return submission.readable_time(path.read_bytes().decode("utf-8", "replace").strip())


# --- what is kept of where a submission came from --------------------------------------------------------------------

#: A folder in submitted/; nobody hands in under a name that begins with a dot.
ORIGINS = ".origins"
NO_ORIGIN = {"lms": "", "number": "", "dated": ""}


def read_origin(path):
    """What is known of where a stored submission came from; nothing where there is no readable note of it."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {key: str(found.get(key, "")) for key in NO_ORIGIN}
    except (OSError, ValueError, AttributeError):
        return NO_ORIGIN


def write_origin(path, origin):
    """Keep the note, whole or not at all. Where there is nothing to note, an earlier note goes."""
    if origin == NO_ORIGIN:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    coming = path.with_suffix(".coming")
    coming.write_text(json.dumps(origin), encoding="utf-8")
    os.replace(coming, path)
