"""What a student's process may use, and how much of it is in use."""

import collections
import contextlib
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """memory_mb and cpu_s hold for each process; the grader watches the memory of all of them together.

    processes counts threads too. disk_mb: the job's folder, its temporary folder and shared memory together.

    What the kernel holds for sockets (about half a megabyte for a pair) is in no process's memory: processes times
    open_files bounds it. A notebook has about ten files open and one process; with a pool of four, 21 and eight.
    """

    memory_mb: int = 2048
    cpu_s: int = 200
    processes: int = 32
    open_files: int = 64
    file_mb: int = 64
    disk_mb: int = 256

    def as_data(self):
        return asdict(self)

    @classmethod
    def from_data(cls, data):
        return cls(**data)


def set_limits(limits, without=frozenset(), others=0):
    """For this process and its children, for good. ``others``: processes that count although they are not its own."""
    wanted = {
        "memory": ("RLIMIT_AS", limits.memory_mb * MEGABYTE),
        "processor time": ("RLIMIT_CPU", limits.cpu_s),
        "processes": ("RLIMIT_NPROC", limits.processes + others),
        "open files": ("RLIMIT_NOFILE", limits.open_files),
        "file size": ("RLIMIT_FSIZE", limits.file_mb * MEGABYTE),
        "core": ("RLIMIT_CORE", 0),
        "locked memory": ("RLIMIT_MEMLOCK", MEGABYTE),
        "queues": ("RLIMIT_MSGQUEUE", 0),
    }
    for name, (kind, most) in wanted.items():
        if name in without or not hasattr(resource, kind):
            continue
        highest = resource.getrlimit(getattr(resource, kind))[1]
        most = most if highest == resource.RLIM_INFINITY else min(most, highest)
        try:
            resource.setrlimit(getattr(resource, kind), (most, most))
        except (ValueError, OSError):
            if os.uname().sysname == "Linux":
                raise  # elsewhere some limits cannot be set; such machines have no walls anyway


def tree(pid):
    """The process ids of ``pid`` and all its descendants that are alive, as this process sees them."""
    children = _children if _tells_children() else _by_parents().__getitem__
    found, fresh = [], [int(pid)]
    while fresh:
        found += fresh
        fresh = [child for parent in fresh for child in children(parent)]
    return found


def _tells_children():
    """Whether this kernel lists the children of a process (CONFIG_PROC_CHILDREN)."""
    return os.path.exists("/proc/thread-self/children")


def _children(pid):
    children = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            children += [int(child) for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    except OSError:
        pass
    return children


def _by_parents():
    """{process: its children}, from what every process says of its parent."""
    children = collections.defaultdict(list)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, IndexError, ValueError):
            told = Path(f"/proc/{pid}/stat").read_text(errors="replace")
            parent = told.rpartition(")")[2].split()[1]  # the name before it may hold anything, brackets too
            children[int(parent)].append(int(pid))
    return children


def memory_mb(pid, exact_above=None):
    """The memory of ``pid`` and everything it started, in MB (2**20 bytes).

    Pages that a fork shares with its parent count in full for each: cheap, and never too little. Above ``exact_above``
    (in MB) the exact and slower share of each process is taken instead (its PSS), where the kernel tells it.
    """
    processes = tree(pid)
    total = sum(_resident_mb(process) for process in processes)
    if exact_above is not None and total > exact_above:
        total = sum(_share_mb(process) for process in processes)
    return total


def _resident_mb(pid):
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MEGABYTE
    except (OSError, IndexError, ValueError):
        return 0.0


def _share_mb(pid):
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except (OSError, IndexError, ValueError):
        pass
    return _resident_mb(pid)


def disk_mb(folder):
    """What the files below ``folder`` take, in MB. Follows no link; what vanishes meanwhile counts nothing."""
    total, folders = 0, [folder]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    about = entry.stat(follow_symlinks=False)
                    total += about.st_blocks * 512
                    if stat.S_ISDIR(about.st_mode):
                        folders.append(entry.path)
        except OSError:
            continue
    return total / MEGABYTE
