"""Take in what students handed in: from nbgrader's exchange, or from a folder or ZIP that an LMS gave out.

Nothing is ever overwritten without a copy: an earlier submission of the same student goes to ``submitted/.earlier``.
Files go from place to place in pieces, so their size costs no memory, and a submission appears whole or not at all.
Where it is not certain whose a file is, or which of two counts, neither is taken, and a sentence says so. No trouble
with one student's files keeps the others' from being taken in.
"""

import datetime
import filecmp
import lzma
import os
import re
import shutil
import stat
import struct
import time
import unicodedata
import zipfile
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from dyadlab.grading import build, nbgrader_bridge, submission
from dyadlab.grading.course import COURSE_ID, CourseError

MAX_ZIP_ENTRIES = 50_000
#: One file of a ZIP that unpacks to more than this many times its size is left out, if that is much.
MAX_ZIP_RATIO = 200
SMALL_BYTES = 200_000_000
MAX_STUDENT_BYTES = submission.MAX_RAW_BYTES
#: As much room as this stays free on the course's disk.
ROOM_LEFT_BYTES = 500_000_000
#: Names that LMSs put before or behind a student's file.
MOODLE_FOLDER = re.compile(r"^(?P<student>.+?)_\d+_assignsubmission_(?:file|onlinetext)_?$")
CANVAS_FILE = re.compile(r"^(?P<student>.+?)(?P<late>_late|_LATE)?_\d+_(?P<number>\d+)_(?P<file>.+)$")
BLACKBOARD_FILE = re.compile(r"^.+?_(?P<student>[^_]+)_attempt_(?P<attempt>[\d-]+)_(?P<file>.+)$")
#: Names that mean a device to Windows, with whatever ending.
DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
#: What Python's unpackers raise on damaged or unknown ZIPs. A full disk is an OSError as well, with a number.
UNPACKING = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, NotImplementedError, RuntimeError, ValueError, OSError),
)
NOT_IN_NAMES = '<>:"|?*\\'
MAX_NAME_BYTES = 200


class Refused(Exception):
    """A file that cannot be taken; the message says why, after its name."""


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
    mark: object = None


@dataclass
class Handed:
    """What one student handed in; ``spoilt`` says why it cannot be taken at all."""

    files: list[Taken] = field(default_factory=list)
    spoilt: str = ""


# --- from nbgrader's exchange ---------------------------------------------------------------------------------------


def from_exchange(course, week):
    """Collect the newest submission of every student from nbgrader's exchange. Returns sentences."""
    if not (course.exchange / COURSE_ID / "inbound").is_dir():
        raise CourseError(
            f"Nothing has been released through the exchange yet, so nobody can have handed in {week} there. "
            f"Run `dyadlab release {week}`, or take in a download with `dyadlab collect {week} --from FILE`."
        )
    before = set(course.submissions(week))
    sentences = []
    collector = careful_collector(course, week, sentences)
    try:
        collector.start()
    except Exception as error:
        raise CourseError(
            f"Nothing could be collected from the exchange for {week}. nbgrader says: {build.last_lines(str(error), 1)}"
        ) from error
    now = set(course.submissions(week))
    return [f"{len(now)} submissions for {week}, {len(now - before)} of them new.", *sentences]


def careful_collector(course, week, sentences):
    """nbgrader's own collector, choosing as nbgrader does but copying as this module does.

    nbgrader's copy follows links with the instructor's rights, and one strange folder in the exchange, or one
    notebook of 100 MB, stops the whole class.
    """
    from nbgrader.exchange.default import ExchangeCollect

    class Careful(ExchangeCollect):
        def _path_to_record(self, path):
            try:
                return super()._path_to_record(path)
            except Exception:
                sentences.append(f"{submission.printable(Path(path).name)} in the exchange is not a submission.")
                return {"username": "", "filename": "", "timestamp": datetime.datetime.min}

        def copy_files(self):
            for record in sorted(self.src_records, key=lambda record: record["username"]):
                if record["username"]:
                    sentences.extend(from_inbound(course, week, Path(self.inbound_path), record))

    config = nbgrader_bridge.config_for(course)
    config.CourseDirectory.assignment_id = week
    made = Careful(coursedir=nbgrader_bridge.CourseDirectory(config=config), config=config)
    made.authenticator = nbgrader_bridge.authenticator(config)
    made.update = True
    made.log = nbgrader_bridge.quiet_log()
    return made


def from_inbound(course, week, inbound, record):
    """Store one submission of the exchange if it is newer than what is there. Returns sentences."""
    student, when = record["username"], record["timestamp"]
    problem = not_an_id(student)
    if problem:
        return [f"{submission.printable(student)!r} {problem}; that submission was left out."]
    stored = stored_time(course.submitted / student / week)
    if (course.submitted / student / week).is_dir() and stored is not None and when <= stored:
        return []
    handed, sentences = Handed(), []
    for name, opened in submission.opened_files(inbound / record["filename"]):
        if isinstance(opened, str):
            sentences.append(f"{student}: {name} {opened}")
            continue
        with opened:
            if name != submission.TIMESTAMP:
                handed.files.append(Taken(name, name, os.fstat(opened.fileno()).st_size))
    stamp = f"{record['filename'].rsplit('+', 3)[2]}"
    reader = FolderReader(inbound / record["filename"])
    return sentences + store(course, week, student, handed, reader, stamp)


# --- from a folder or a ZIP -----------------------------------------------------------------------------------------


def from_files(course, week, source):
    """Collect from a folder or ZIP: one folder a student, or flat files named as an LMS names them."""
    source = Path(source)
    if not source.exists():
        raise CourseError(f"There is no file or folder {source}.")
    with reader_of(source) as reader:
        handed, sentences = sort_out(reader, week)
        if not handed:
            raise CourseError(
                f"No submission for {week} was found in {source}. Expected: one folder a student with "
                f"{week}.ipynb in it, or files named as Moodle, Canvas or Blackboard name them."
                + "".join(f"\n{sentence}" for sentence in sentences[:5])
            )
        sentences += leave_twins_out(course, handed)
        is_there_room(course, handed)
        taken = 0
        for student, one in sorted(handed.items()):
            said = store(course, week, student, one, reader)
            taken += not one.spoilt
            sentences.extend(said)
    return [f"{taken} submissions for {week} taken in.", *sentences]


@contextmanager
def reader_of(source):
    if source.is_dir():
        yield FolderReader(source)
        return
    try:
        archive = zipfile.ZipFile(source)
    except UNPACKING:
        raise CourseError(
            f"{source} is not a ZIP that can be read. It may have been cut off on its way: download it again."
        ) from None
    with archive:
        if len(archive.infolist()) > MAX_ZIP_ENTRIES:
            raise CourseError(
                f"{source} holds {len(archive.infolist()):,} files; no class hands in more than {MAX_ZIP_ENTRIES:,}. "
                "Nothing was unpacked."
            )
        yield ZipReader(archive)


class FolderReader:
    """The files below a folder, one at a time. Links are not followed."""

    def __init__(self, folder):
        self.folder = folder

    def entries(self):
        """(name, size or a sentence why not, a mark to open it by) of every file."""
        for name, opened in submission.opened_files(self.folder, most_folders=MAX_ZIP_ENTRIES):
            if isinstance(opened, str):
                yield name, opened, None
            else:
                with opened:
                    yield name, os.fstat(opened.fileno()).st_size, None

    def open_all(self, wanted):
        """(the Taken, an open file) for each of ``wanted``, in any order. Refused when one is no longer there."""
        missing = {one.source: one for one in wanted}
        for name, opened in submission.opened_files(self.folder, most_folders=MAX_ZIP_ENTRIES, only=missing):
            if isinstance(opened, str):
                continue
            with opened:
                yield missing.pop(name), opened
        for one in missing.values():
            raise Refused(f"{one.source} could not be read.")


class ZipReader:
    """The files in a ZIP, one at a time. Nothing is written by the ZIP's own paths."""

    def __init__(self, archive):
        self.archive = archive

    def entries(self):
        for entry in self.archive.infolist():
            if not entry.is_dir():
                name = name_in_zip(entry)
                yield name, trap(name, entry) or entry.file_size, entry

    def open_all(self, wanted):
        for one in wanted:
            with self.archive.open(one.mark) as opened:
                yield one, opened


def name_in_zip(entry):
    """An entry's name. Some programs write UTF-8 without saying so; then it reads like two wrong letters for one."""
    name = entry.filename.replace("\\", "/")
    if not entry.flag_bits & 0x800:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name


def trap(name, entry):
    """Why an entry of a ZIP is not unpacked, or None."""
    if name.startswith("/") or re.match(r"^[A-Za-z]:", name) or ".." in PurePosixPath(name).parts:
        return "its path leads out of the archive; it was left out."
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "a link or a special file; it was not followed."
    if entry.flag_bits & 0x1:
        return "it is locked with a password; it was left out."
    if entry.file_size > SMALL_BYTES and entry.file_size > MAX_ZIP_RATIO * entry.compress_size:
        return "far larger than it looks; it was left out."
    return None


def sort_out(reader, week):
    """({student: Handed}, sentences): whose each file is, and which of several attempts counts."""
    handed, sentences = {}, []
    for name, size, mark in reader.entries():
        path = PurePosixPath(name)
        if (
            path.name in (".DS_Store", "Thumbs.db", "desktop.ini")
            or path.name.startswith("._")
            or "__MACOSX" in path.parts
        ):
            continue
        student, taken = owner(path, week)
        shown = submission.printable(name) if not submission.storable(name) else name
        if isinstance(size, str):
            sentences.append(f"{shown}: {size}")
            if student is not None and name.casefold().endswith(".ipynb") and not not_an_id(student):
                handed.setdefault(student, Handed()).spoilt = "its notebook could not be taken"
            continue
        if student is None:
            sentences.append(f"{shown}: whose it is cannot be seen from its name; it was left out.")
            continue
        taken.source, taken.size, taken.mark = name, size, mark
        one = handed.setdefault(student, Handed())
        if taken.name == submission.TIMESTAMP and taken.free_name:
            sentences.append(f"{shown}: students do not say themselves when they handed in; it was left out.")
            continue
        one.files.append(taken)
    for student, one in handed.items():
        sentences += [f"{student}: {sentence}" for sentence in newest(one)]
    return handed, sentences


def owner(path, week):
    """(student, Taken) from a path in the download; (None, None) where it does not tell whose it is."""
    parts = [unicodedata.normalize("NFC", part) for part in path.parts if part != "."]
    if not parts:
        return None, None
    if week in parts[:-1] and parts.index(week) > 0:  # nbgrader's own layout: STUDENT/WEEK/file
        place = parts.index(week)
        return parts[place - 1], taken_as(parts[place + 1 :], free_name=False)
    if len(parts) > 1:
        folder = parts[-2] if len(parts) == 2 else parts[0]
        found = MOODLE_FOLDER.match(folder)
        return (found["student"].strip() if found else folder), taken_as(parts[1:])
    found = CANVAS_FILE.match(parts[0])
    if found:
        name, version = canvas_copy_removed(found["file"])
        taken = taken_as([name], version=(version, int(found["number"])), late=bool(found["late"]))
        return found["student"].strip(), taken
    found = BLACKBOARD_FILE.match(parts[0])
    if found:
        attempt = tuple(int(part) for part in found["attempt"].split("-") if part)
        return found["student"].strip(), taken_as([found["file"]], attempt=attempt)
    stem, _, rest = parts[0].rpartition(f"_{week}")
    return (stem, taken_as([f"{week}{rest}"])) if stem and rest == ".ipynb" else (None, None)


def taken_as(parts, **more):
    return Taken("", "/".join(parts), 0, **more)


def canvas_copy_removed(name):
    """``w04_depression-2.ipynb``, as Canvas calls a second attempt, under its own name, and its number."""
    found = re.match(r"^(?P<stem>.+)-(?P<number>\d{1,4})(?P<ending>\.[a-z]+)$", name)
    return (found["stem"] + found["ending"], int(found["number"])) if found else (name, 0)


def newest(one):
    """Keep the newest attempt only, and of each file the newest version. Yields sentences."""
    attempts = {taken.attempt for taken in one.files}
    if len(attempts) > 1:
        one.files = [taken for taken in one.files if taken.attempt == max(attempts)]
        yield f"{len(attempts)} attempts; the newest counts."
    if any(taken.late for taken in one.files):
        yield "the LMS marks this submission as late; no time is known, so no penalty will be worked out."
    by_name = {}
    for taken in one.files:
        taken.name, renamed = portable(taken.name)
        if renamed:
            yield f"{submission.printable(taken.source)} is kept as {taken.name}, a name that every computer can keep."
        by_name.setdefault(same_name(taken.name), []).append(taken)
    one.files = []
    for several in by_name.values():
        kept = sorted(several, key=lambda taken: taken.version)
        if len(kept) > 1 and kept[-1].version == kept[-2].version and not all_one(kept):
            yield f"{kept[-1].name} is there {len(kept)} times with different contents; none was taken."
            if kept[-1].name.casefold().endswith(".ipynb"):
                one.spoilt = "which of its notebooks counts is not certain"
            continue
        one.files.append(kept[-1])


def all_one(several):
    """Whether files of one name are certainly the same: by the checksum that a ZIP holds of each."""
    return len({(one.name, one.size, getattr(one.mark, "CRC", id(one))) for one in several}) == 1


def same_name(name):
    """Equal for names that some computers cannot tell apart: capitals, and accents written in two ways."""
    return unicodedata.normalize("NFC", name).casefold()


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


def leave_twins_out(course, handed):
    """Spoil submissions whose students' ids some computers cannot tell apart. Returns sentences."""
    there = [p.name for p in course.submitted.iterdir() if p.is_dir()] if course.submitted.is_dir() else []
    names, sentences = {}, []
    for name in [*handed, *there]:
        names.setdefault(same_name(name), set()).add(name)
    for student, one in handed.items():
        twins = sorted(names[same_name(student)] - {student})
        if twins and not one.spoilt:
            one.spoilt = (
                f"{' and '.join(repr(submission.printable(t)) for t in twins)} is there as well, and differs only in "
                "capitals or in how accents are written. If they are one person, give the folders one name"
            )
    return sentences


def is_there_room(course, handed):
    """Raise CourseError before the disk would be full."""
    needed = sum(taken.size for one in handed.values() for taken in one.files)
    place = next(p for p in (course.submitted, *course.submitted.parents) if p.exists())
    free = shutil.disk_usage(place).free - ROOM_LEFT_BYTES
    if needed > free:
        raise CourseError(
            f"Unpacked, this takes {needed / 1e9:.1f} GB, and the course's disk has {max(free, 0) / 1e9:.1f} GB free. "
            "Nothing was taken in."
        )


# --- storing --------------------------------------------------------------------------------------------------------


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


def store(course, week, student, handed, reader, stamp=None):
    """Write one submission, whole or not at all; an earlier one is kept aside. Returns sentences.

    stamp : the time of submission, for timestamp.txt; None leaves that to the files.
    """
    student = student.strip()
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
        sentences = settle(course, week, student, waiting)
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
                    raise Refused(f"{taken.source} is longer than it says.")
                stream.write(chunk)
        if left:
            raise Refused(f"{taken.source} is shorter than it says.")


def settle(course, week, student, waiting):
    """Put a submission that was copied whole in its place, unless that brings nothing new. Returns sentences."""
    folder = course.submitted / student / week
    sentences = []
    if folder.exists():
        if nothing_new(waiting, folder):
            return []
        there, new = stored_time(folder), stored_time(waiting)
        if there is not None and new is not None and new <= there:
            when = "was handed in earlier than" if new < there else "has the same time as, but is not the same as,"
            return [f"{student}: this submission {when} the one that is there; that one stays."]
        aside = aside_for(course, student, week)
        aside.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder, aside)
        sentences.append(f"{student}: a newer submission; the earlier one was kept in submitted/.earlier.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    os.replace(waiting, folder)
    return sentences


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
