"""One grader at a time: a lock that a killed grader leaves open behind it.

The operating system holds the lock for as long as the process lives, so there is nothing to clear away after
``kill -9``. Where a file system knows no locks (some network shares), the file's content decides: it names the
process, and the start of the machine, that wrote it.
"""

import contextlib
import json
import os
import socket
import time
from pathlib import Path

from dyadlab.grading.course import CourseError


class Busy(CourseError):
    """Somebody else is grading this course right now."""


@contextlib.contextmanager
def only_one(course):
    """Hold the course's lock for the length of a ``with`` block. Raises Busy when another grader has it."""
    place = course.records / ".lock"
    place.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(place, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            taken = lock(descriptor)
        except OSError:  # this file system has no locks
            taken = not runs(holder(descriptor))
        if not taken:
            raise Busy(sentence(holder(descriptor)))
        with contextlib.suppress(OSError):  # on a full disk the lock holds, only its owner stays unknown
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, json.dumps(myself()).encode())
        yield
        os.ftruncate(descriptor, 0)
    finally:
        give_back(descriptor)
        os.close(descriptor)


def lock(descriptor):
    """Whether the lock of an open file could be had. Raises OSError where there are no locks."""
    try:
        import fcntl
    except ImportError:
        return lock_on_windows(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def give_back(descriptor):
    """Give the lock back, if it is ours, for all who have this file from here: a forked process would keep it."""
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_UN)


def lock_on_windows(descriptor):
    import msvcrt

    os.lseek(descriptor, 1_000_000, os.SEEK_SET)  # far behind the content, which stays readable
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True


def myself():
    """Who holds the lock: enough to tell a living process from one that had the same number before."""
    return {"pid": os.getpid(), "machine": socket.gethostname(), "boot": boot(), "since": time.strftime("%H:%M")}


def holder(descriptor):
    """What the last holder wrote, or an empty dict."""
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        found = json.loads(os.read(descriptor, 1000))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def boot():
    """A text that changes when the machine is started anew; empty where the system tells nothing of the kind."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def runs(who):
    """Whether the process that wrote the file may still be alive. On another machine nobody can tell, so it may."""
    if not who:
        return False
    if who.get("machine") != socket.gethostname():
        return True
    if who.get("boot") != boot():
        return False
    try:
        os.kill(int(who["pid"]), 0)
    except (ProcessLookupError, KeyError, ValueError, TypeError):
        return False
    except OSError:
        return True
    return True


def sentence(who):
    known = f" since {who['since']} (process {who['pid']} on {who['machine']})" if {"since", "pid"} <= set(who) else ""
    return (
        f"Another `dyadlab grade` has been grading this course{known}. Two at once would get in each other's way, so "
        "this one stops. Wait until the other has finished."
    )
