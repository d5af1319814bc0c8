"""Take in what students handed in: from nbgrader's exchange, or from a folder or ZIP that an LMS gave out.

Nothing is ever overwritten without a copy: an earlier submission of the same student goes to
``submitted/.earlier``.
"""

import re
import shutil
import stat
import time
import zipfile
from pathlib import Path, PurePosixPath

from dyadlab.grading import build, nbgrader_bridge
from dyadlab.grading.course import COURSE_ID, CourseError

MAX_ZIP_BYTES = 2_000_000_000
MAX_ZIP_RATIO = 200
#: Names that LMSs put before or behind a student's file: "…_12345_assignsubmission_file_", "…_late_123_456_".
LMS_NAMES = (
    re.compile(r"^(?P<student>.+?)_\d+_assignsubmission_(?:file|onlinetext)_?$"),  # Moodle, one folder each
    re.compile(r"^(?P<student>.+?)(?:_late|_LATE)?_\d+_\d+_(?P<file>.+)$"),  # Canvas, flat
    re.compile(r"^.+?_(?P<student>[^_]+)_attempt_[\d-]+_(?P<file>.+)$"),  # Blackboard, flat
)


def from_exchange(course, week):
    """Collect the newest submission of every student from nbgrader's exchange. Returns sentences."""
    if not (course.exchange / COURSE_ID / "inbound").is_dir():
        raise CourseError(
            f"Nothing has been released through the exchange yet, so nobody can have handed in {week} there. "
            f"Run `dyadlab release {week}`, or take in a download with `dyadlab collect {week} --from FILE`."
        )
    before = set(course.submissions(week))
    answer = nbgrader_bridge.api(course).collect(week, update=True)
    if not answer["success"]:
        raise CourseError(
            f"Nothing could be collected from the exchange for {week}. nbgrader says: "
            f"{build.last_lines(answer.get('error') or answer.get('log'), 1)}"
        )
    now = set(course.submissions(week))
    return [f"{len(now)} submissions for {week}, {len(now - before)} of them new."]


def from_files(course, week, source):
    """Collect from a folder or ZIP: one folder a student, or flat files named as an LMS names them."""
    source = Path(source)
    if not source.exists():
        raise CourseError(f"There is no file or folder {source}.")
    files = zip_files(source) if zipfile.is_zipfile(source) else folder_files(source)
    taken, sentences = {}, []
    for name, content in files:
        if isinstance(content, str):
            sentences.append(f"{name}: {content}")
            continue
        student, inner = owner(PurePosixPath(name), week)
        if student is None:
            sentences.append(f"{name}: whose it is cannot be seen from its name; it was left out.")
        else:
            taken.setdefault(student, {})[inner] = content
    if not taken:
        raise CourseError(
            f"No submission for {week} was found in {source}. Expected: one folder a student with "
            f"{week}.ipynb in it, or files named as Moodle, Canvas or Blackboard name them."
        )
    for student, parts in sorted(taken.items()):
        sentences.extend(store(course, week, student, parts))
    return [f"{len(taken)} submissions for {week} taken in.", *sentences]


def owner(name, week):
    """(student, file name) from a path in the download; (None, None) where it does not tell."""
    parts = [part for part in name.parts if part not in (".", "__MACOSX")]
    if not parts or name.name.startswith("._") or name.name == ".DS_Store":
        return None, None
    if week in parts[:-1] and parts.index(week) > 0:  # nbgrader's own layout: STUDENT/WEEK/file
        place = parts.index(week)
        return parts[place - 1], "/".join(parts[place + 1 :])
    if len(parts) > 1:
        folder = parts[-2] if len(parts) == 2 else parts[0]
        inner = parts[1:]
        for pattern in LMS_NAMES[:1]:
            found = pattern.match(folder)
            if found:
                return found["student"].strip(), "/".join(inner)
        return folder, "/".join(inner)
    for pattern in LMS_NAMES[1:]:
        found = pattern.match(parts[0])
        if found:
            return found["student"].strip(), canvas_copy_removed(found["file"])
    stem, _, rest = parts[0].rpartition(f"_{week}")
    return (stem, f"{week}{rest}") if stem and rest == ".ipynb" else (None, None)


def canvas_copy_removed(name):
    """``w04_depression-2.ipynb``, as Canvas calls a second attempt, under its own name."""
    return re.sub(r"-\d+(?=\.[a-z]+$)", "", name)


def store(course, week, student, parts):
    """Write one submission; an earlier one is kept aside. Returns sentences."""
    student = student.strip()
    if not student or student.startswith(".") or any(c in student for c in "/\\+*\0") or len(student) > 120:
        return [f"{student!r} cannot be a student's id (no slash, plus or star); that submission was left out."]
    folder = course.submitted / student / week
    sentences = []
    if folder.exists():
        same = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
        if all(name in same and same[name].read_bytes() == content for name, content in parts.items()):
            return []
        aside = course.submitted / ".earlier" / student / f"{week}.{time.strftime('%Y%m%dT%H%M%S')}"
        aside.parent.mkdir(parents=True, exist_ok=True)
        build.clear(aside)
        shutil.move(folder, aside)
        sentences.append(f"{student}: a newer submission; the earlier one was kept in submitted/.earlier.")
    for name, content in parts.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return sentences


def folder_files(source):
    """(relative name, bytes or a sentence why not) of every file below a folder; links are not followed."""
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source).as_posix()
        if path.is_symlink():
            yield name, "a link; it was not followed."
        elif path.is_file():
            yield name, path.read_bytes()


def zip_files(source):
    """(name, bytes or a sentence why not) of every file in a ZIP; nothing is written by the ZIP's own paths."""
    with zipfile.ZipFile(source) as archive:
        total = 0
        for entry in archive.infolist():
            name = entry.filename.replace("\\", "/")
            if entry.is_dir():
                continue
            total += entry.file_size
            if name.startswith("/") or ".." in PurePosixPath(name).parts:
                yield name, "its path leads out of the archive; it was left out."
            elif stat.S_ISLNK(entry.external_attr >> 16):
                yield name, "a link; it was not followed."
            elif total > MAX_ZIP_BYTES or entry.file_size > MAX_ZIP_RATIO * max(entry.compress_size, 1_000_000):
                yield name, "far larger than it looks; it was left out."
            else:
                yield name, archive.read(entry)
