"""A submission as data: read from its folder without running or following anything."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

#: More than this in one submission is not read: the largest honest notebook of this course has under 5 MB.
MAX_BYTES = 150_000_000
MAX_FILES = 500


@dataclass(frozen=True)
class Submission:
    """What one student handed in for one week: file name -> bytes; ``remarks`` tell what was left out."""

    student: str
    week: str
    files: dict[str, bytes]
    timestamp: str = ""
    remarks: tuple[str, ...] = ()

    def digest(self):
        """A digest that changes when anything handed in changes."""
        digest = hashlib.sha256(self.student.encode())
        for name in sorted(self.files):
            digest.update(name.encode() + b"\0" + hashlib.sha256(self.files[name]).digest())
        return digest.hexdigest()


def read(student, week, folder):
    """The submission in ``folder``. Links and everything beyond the size limit are left out and remarked on."""
    files, remarks, total = {}, [], 0
    for parent, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(f for f in folders if f != ".ipynb_checkpoints" and not Path(parent, f).is_symlink())
        for name in sorted(names):
            path = Path(parent, name)
            shown = path.relative_to(folder).as_posix()
            if path.is_symlink() or not path.is_file():
                remarks.append(f"{shown} is a link or a special file and was not read.")
                continue
            size = path.stat().st_size
            if total + size > MAX_BYTES or len(files) >= MAX_FILES:
                remarks.append(
                    f"{shown} was not read: the submission is larger than {MAX_BYTES // 1_000_000} MB or has "
                    f"more than {MAX_FILES} files."
                )
                continue
            total += size
            files[shown] = path.read_bytes()
    timestamp = files.get("timestamp.txt", b"").decode("utf-8", "replace").strip()
    return Submission(student, week, files, timestamp, tuple(remarks))
