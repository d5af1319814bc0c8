"""Reading a download, a folder or a ZIP that may hold traps, file by file; nothing of it is run, followed or unpacked
by its own paths."""

import contextlib
import lzma
import os
import re
import stat
import struct
import zipfile
import zlib
from pathlib import PurePosixPath

from dyadlab.grading import submission
from dyadlab.grading.course import CourseError
from dyadlab.grading.submission import shown

MAX_ZIP_ENTRIES = 50_000
#: One file of a ZIP that unpacks to more than this many times its size is left out, if that is much.
MAX_ZIP_RATIO = 200
SMALL_BYTES = 200_000_000
#: What Python's unpackers raise on damaged or unknown ZIPs. A full disk is an OSError as well, with a number.
UNPACKING = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, NotImplementedError, RuntimeError, ValueError, OSError),
)


class Refused(Exception):
    """A file that cannot be taken; the message says why, after its name."""


@contextlib.contextmanager
def reader_of(source, week):
    if source.is_dir():
        yield FolderReader(source)
        return
    try:
        archive = zipfile.ZipFile(source)
    except UNPACKING:
        raise CourseError(why_no_zip(source, week)) from None
    with archive:
        if len(archive.infolist()) > MAX_ZIP_ENTRIES:
            raise CourseError(
                f"{source} holds {len(archive.infolist()):,} files; no class hands in more than {MAX_ZIP_ENTRIES:,}. "
                "Nothing was unpacked."
            )
        yield ZipReader(archive)


def first_bytes(source):
    try:
        with source.open("rb") as opened:
            return opened.read(2)
    except OSError:
        return b""


def why_no_zip(source, week):
    """What to do with a file that is not a ZIP that can be read."""
    if source.suffix.casefold() == ".ipynb":
        return (
            f"{source} is one notebook, which does not say whose it is. Put it in a folder named after the student, "
            f"such as downloads/ab123/{week}.ipynb, and run `dyadlab collect {week} --from downloads`."
        )
    if first_bytes(source) in (b"", b"PK"):
        return f"{source} is not a ZIP that can be read. It may have been cut off on its way: download it again."
    return f"{source} is neither a folder nor a ZIP. Unpack it, or download it as a ZIP."


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
            raise Refused(f"{shown(one.source)} could not be read.")


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
        with contextlib.suppress(UnicodeError):
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
