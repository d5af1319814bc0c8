"""A submission as data: read from its folder without running or following anything."""

import datetime
import hashlib
import os
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from dyadlab.grading import outputs

#: More than this in one submission is not kept: the largest honest notebook of this course has under 5 MB.
MAX_BYTES = 50_000_000
MAX_FILES = 500
MAX_FOLDERS = 100
#: A notebook may weigh more than this only through its outputs, which are left out as it is read.
MAX_NOTEBOOK_BYTES = 20_000_000
#: Beyond this nobody waits for the outputs of one notebook to go by.
MAX_RAW_BYTES = 1_000_000_000
WHOLE_UP_TO = 1_000_000
CHUNK = 1 << 20
#: A clock may be wrong by this much before anybody need look.
CLOCKS_DIFFER = datetime.timedelta(minutes=10)
TIMESTAMP = "timestamp.txt"

OPENS_WITHIN_FOLDERS = os.open in os.supports_dir_fd and os.scandir in os.supports_fd
LINK = "is a link or a special file and was not read."
ELSEWHERE = "is the same file as another one elsewhere (a hard link) and was not read."
CHANGED = "could not be read ({})."
#: Kinds of characters that obey or command instead of being seen: control, format, half characters, ends of lines.
NOT_SHOWN = ("Cc", "Cf", "Cs", "Zl", "Zp")
#: Formats all the same, but Persian, the languages of India and emoji are spelt with them.
JOINERS = "\u200c\u200d"
NAME = "has a name that cannot be kept and was not read."


@dataclass(frozen=True)
class Submission:
    """What one student handed in for one week: file name -> bytes.

    ``remarks`` tell what was left out; ``flags`` ask for a person's eye.
    """

    student: str
    week: str
    files: dict[str, bytes]
    timestamp: str = ""
    remarks: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def digest(self):
        """A digest that changes when anything handed in changes, save what was left out while reading."""
        digest = hashlib.sha256(self.student.encode("utf-8", "backslashreplace"))
        for name in sorted(self.files):
            digest.update(name.encode() + b"\0" + hashlib.sha256(self.files[name]).digest())
        return digest.hexdigest()


class LeftOut(Exception):
    """A file that is not taken; the message says why, after its name."""


def read(student, week, folder):
    """The submission in ``folder``. Links, special files and what is beyond the limits are left out and remarked on."""
    files, remarks, total, left_out = {}, [], 0, 0
    for name, content in contents(folder):
        if not isinstance(content, str) and (len(files) >= MAX_FILES or total + len(content) > MAX_BYTES):
            content = (
                f"was not read: the submission is larger than {MAX_BYTES // 1_000_000} MB or has "
                f"more than {MAX_FILES} files."
            )
        if isinstance(content, str):
            left_out += 1
            if left_out <= 20:
                remarks.append(f"{name} {content}")
            continue
        total += len(content)
        files[name] = content
    if left_out > 20:
        remarks.append(f"And {left_out - 20} more files were not read, for reasons like these.")
    timestamp = files.get(TIMESTAMP, b"")[:100].decode("utf-8", "replace").strip()
    return Submission(student, week, files, timestamp, tuple(remarks), tuple(about_time(timestamp)))


def contents(folder):
    """(name, bytes or a sentence why not) of every file below ``folder``, in order, one at a time."""
    for name, opened in opened_files(folder):
        if isinstance(opened, str):
            yield name, opened
            continue
        with opened:
            try:
                yield name, content(name, opened)
            except LeftOut as why:
                yield name, str(why)
            except OSError as error:
                yield name, CHANGED.format(error.strerror)


def content(name, opened):
    """What is kept of one open file: its bytes, or of a large notebook all but its outputs."""
    size = os.fstat(opened.fileno()).st_size
    limit = MAX_BYTES
    notebook = name.casefold().endswith(".ipynb")
    if notebook and size > WHOLE_UP_TO:
        start = opened.read(2)
        if b"\0" not in start and start not in (b"\xff\xfe", b"\xfe\xff"):
            return without_outputs(name, start, opened)
        opened.seek(0)
        limit = MAX_NOTEBOOK_BYTES
    kept = opened.read(limit + 1)
    if len(kept) > limit:
        raise LeftOut(f"was not read: it is larger than {limit // 1_000_000} MB.")
    return kept


def without_outputs(name, start, opened):
    def chunks():
        yield start
        read_so_far = 0
        while chunk := opened.read(CHUNK):
            read_so_far += len(chunk)
            if read_so_far > MAX_RAW_BYTES:
                raise LeftOut(f"was not read: it is larger than {MAX_RAW_BYTES // 1_000_000} MB.")
            yield chunk

    try:
        return outputs.removed(chunks(), MAX_NOTEBOOK_BYTES)
    except outputs.TooMuch:
        raise LeftOut(
            f"was not read: even without its outputs it is larger than {MAX_NOTEBOOK_BYTES // 1_000_000} MB, "
            "or nested deeper than any notebook."
        ) from None


# --- opening files of people who may have laid traps ------------------------------------------------------------


def opened_files(folder, most_folders=MAX_FOLDERS, only=None):
    """(name, an open binary file or a sentence why not) of every file below ``folder``.

    only : names of files (a container) if not all are wanted.

    Every folder and file is opened by its name within the folder that is already open, without following
    links and without waiting, and is looked at only then. So it does not matter what somebody puts in its
    place between looking and reading. Where the system cannot do that (Windows), names are looked at first.
    """
    if OPENS_WITHIN_FOLDERS:
        try:
            here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        except OSError:
            yield Path(folder).name, LINK
            return
        try:
            yield from _opened_below(here, "", [most_folders], only)
        finally:
            os.close(here)
    else:
        yield from _looked_at_first(Path(folder), only)


def _opened_below(here, prefix, folders_left, only):
    names = sorted(entry.name for entry in os.scandir(here))
    for name in names:
        shown = prefix + name
        if not storable(name):
            yield printable(shown), NAME
            continue
        if name == ".ipynb_checkpoints":
            continue
        try:
            opened = os.open(
                name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=here
            )
        except OSError as error:
            special = _is_special(name, here)
            yield shown, LINK if special else CHANGED.format(error.strerror)
            continue
        found = os.fstat(opened)
        if stat.S_ISDIR(found.st_mode):
            folders_left[0] -= 1
            if folders_left[0] < 0 or prefix.count("/") > 20:
                os.close(opened)
                yield shown, "was not read: there are too many folders, or this one lies too deep in others."
                continue
            try:
                yield from _opened_below(opened, f"{shown}/", folders_left, only)
            finally:
                os.close(opened)
        elif not stat.S_ISREG(found.st_mode):
            os.close(opened)
            yield shown, LINK
        elif found.st_nlink > 1:
            os.close(opened)
            yield shown, ELSEWHERE
        elif only is not None and shown not in only:
            os.close(opened)
        else:
            yield shown, os.fdopen(opened, "rb")


def _is_special(name, here):
    """Whether what would not open is a link, a socket or a device. Only for the wording."""
    try:
        return not stat.S_ISREG(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _looked_at_first(folder, only):
    for parent, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(f for f in folders if f != ".ipynb_checkpoints" and not Path(parent, f).is_symlink())
        for name in sorted(names):
            path = Path(parent, name)
            shown = path.relative_to(folder).as_posix()
            if not storable(shown):
                yield printable(shown), NAME
            elif path.is_symlink() or not path.is_file():
                yield shown, LINK
            elif path.stat().st_nlink > 1:
                yield shown, ELSEWHERE
            elif only is None or shown in only:
                try:
                    yield shown, path.open("rb")
                except OSError as error:
                    yield shown, CHANGED.format(error.strerror)


def storable(name):
    """Whether a file of this name can be written, named again and shown: proper characters, none of which does anything
    to a terminal or to the order in which the others are read."""
    return name.isprintable() or not any(
        unicodedata.category(letter) in NOT_SHOWN and letter not in JOINERS for letter in name
    )


def printable(name):
    """A name for the eyes: what cannot be shown is spelt out."""
    return name.encode("utf-8", "backslashreplace").decode().encode("unicode_escape").decode()[:200]


def shown(name):
    """A name as it stands in sentences: spelt out where a terminal would obey it."""
    return name if storable(name) else printable(name)


# --- when it was handed in ----------------------------------------------------------------------------------------


def about_time(timestamp, now=None):
    """What a person should know about the time of submission before a late penalty counts."""
    if not timestamp:
        return
    when = readable_time(timestamp)
    if when is None:
        yield f"The time of submission, {timestamp[:40]!r}, cannot be read; whether it was late is not known."
    elif when > (now or datetime.datetime.now(datetime.UTC).replace(tzinfo=None)) + CLOCKS_DIFFER:
        yield (
            f"The time of submission, {timestamp}, lies in the future: a clock was wrong. Please look whether it "
            "was late."
        )


def readable_time(timestamp):
    """The time as nbgrader reads it (UTC, without a zone), or None."""
    try:
        from nbgrader.utils import parse_utc  # here, because it takes most of a second and workers do not need it

        return parse_utc(timestamp)
    except Exception:  # the text may come from a student, and the parser raises what it likes
        return None
