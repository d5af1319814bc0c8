"""The self-test: escapes that must all be denied, and a harmless program that must run, behind the very walls in use.

It runs in a process of its own (``python -I``), which first plants what there is to steal, then makes a Room and lets
one forked process after another try. What an escape says is believed only when it says that it succeeded; a denied
escape must say so as well, so a program that merely broke counts as a failure.
"""

import contextlib
import ctypes
import json
import mmap
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from dyadlab.grading.sandbox import kernel
from dyadlab.grading.sandbox.limits import Limits
from dyadlab.grading.sandbox.room import Room, WallsFailed
from dyadlab.grading.sandbox.tiers import Tier, View

#: Small, so that reaching them is quick.
LIMITS = Limits(memory_mb=1536, cpu_s=20, processes=32, open_files=128, file_mb=2, disk_mb=8)
SECONDS = 60
TRIES = 3
SLOT = 4000
ALLOWED, DENIED = "succeeded", "denied"


@dataclass(frozen=True)
class Row:
    """One attempt: its name, whether it went as it must, and what happened."""

    name: str
    passed: bool
    happened: str


@dataclass(frozen=True)
class Report:
    """rows, one each; broken: why there is no row at all, if so; seconds that it took."""

    tier: Tier
    rows: tuple[Row, ...]
    seconds: float
    broken: str = ""

    @property
    def passed(self):
        return not self.broken and bool(self.rows) and all(row.passed for row in self.rows)

    def sentence(self):
        if self.broken:
            return f"The walls could not be made: {self.broken}"
        failed = [f"{row.name} ({row.happened})" for row in self.rows if not row.passed]
        if failed:
            return f"The walls did not hold: {'; '.join(failed)}."
        return (
            f"The walls around students' code were tried: all {len(self.rows) - 1} hold. Their code has no network and "
            "sees no other student's work."
        )

    def as_data(self):
        rows = [{"name": row.name, "passed": row.passed, "happened": row.happened} for row in self.rows]
        return {"tier": self.tier.as_data(), "passed": self.passed, "rows": rows, "seconds": self.seconds}


def self_test(tier, view=None, hidden=(), slot=SLOT, quick=False):
    """Try the walls of ``tier`` in a throw-away process; again where a busy machine, and no escape, was in the way.

    hidden : paths (of the course's sources, the gradebook) that must not be readable behind the walls.
    quick : the harmless program only opens what it may see, without importing numpy and pandas.
    Returns a Report; never raises for a wall that does not stand.
    """
    for _ in range(TRIES):
        report = _tried(tier, view or View.of_this_python(), hidden, slot, quick)
        if report.passed or any(not row.passed and row.happened.startswith(ALLOWED) for row in report.rows):
            break
    return report


def _tried(tier, view, hidden, slot, quick):
    package = Path(__file__).resolve().parents[3]
    program = (
        f"import sys; sys.path.insert(0, {str(package)!r}); from dyadlab.grading.sandbox import selftest as s; s.main()"
    )
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="dyadlab-self-test-", ignore_cleanup_errors=True) as folder:
            order = {"tier": tier.as_data(), "view": view.read_only, "hidden": [str(path) for path in hidden]}
            order |= {"slot": slot, "quick": quick, "folder": folder}
            done = subprocess.run(
                [sys.executable, "-I", "-c", program],
                input=json.dumps(order).encode(),
                capture_output=True,
                timeout=SECONDS,
                env={"LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "DYADLAB_SELF_TEST": "a secret of the grader"},
                cwd="/",
                start_new_session=True,
            )
        told = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        told = {"broken": f"the self-test did not end within {SECONDS} s."}
    except (OSError, IndexError, ValueError):
        said = done.stderr.decode(errors="replace").strip().splitlines()
        told = {"broken": said[-1] if said else "the self-test ended without a word."}
    rows = tuple(Row(**row) for row in told.get("rows", ()))
    return Report(tier, rows, time.monotonic() - began, told.get("broken", ""))


# --- in the throw-away process ---


def main():
    order = json.load(sys.stdin)
    told = {}
    try:
        loot = Loot(order["folder"], order["hidden"])
        room = Room(Tier.from_data(order["tier"]), LIMITS, order["slot"], View(tuple(order["view"])))
        try:
            told["rows"] = [vars(row) for row in attempts(room, loot, order["quick"])]
        finally:
            room.close()
    except (WallsFailed, OSError) as error:
        told["broken"] = str(error)
    print(json.dumps(told), flush=True)


class Loot:
    """What there is outside the walls to be stolen or harmed, in ``folder``; made before the walls."""

    def __init__(self, folder, hidden=()):
        self.folder = folder
        os.chmod(folder, 0o777)
        self.secret = os.path.join(folder, "secret.txt")
        Path(self.secret).write_text("the marks of everybody")
        os.chmod(self.secret, 0o666)
        self.hidden = [self.secret, "/etc/shadow", *hidden]
        self.port = _listening(socket.AF_INET, ("127.0.0.1", 0)).getsockname()[1]
        self.name = f"\0dyadlab-self-test-{os.getpid()}"
        _listening(socket.AF_UNIX, self.name)
        self.path = os.path.join(folder, "socket")
        _listening(socket.AF_UNIX, self.path)
        os.chmod(self.path, 0o777)
        self.process = os.getppid()


_kept_open = []


def _listening(family, address):
    heard = socket.socket(family)
    heard.bind(address)
    heard.listen()
    _kept_open.append(heard)
    return heard


def attempts(room, loot, quick=False):
    """Run every escape and the harmless program in ``room``, each in a process of its own; yields Rows."""
    for name, escape in ESCAPES.items():
        if name == DISK and room.tier.name != "namespaces":
            continue  # there the grader watches the folder instead
        happened = _in_a_process(room, lambda escape=escape: escape(loot))
        yield Row(name, happened.startswith(DENIED), happened)
    yield _outliving(room)
    happened = _in_a_process(room, lambda: harmless(room.view, quick))
    yield Row("a harmless program", happened == "ran", happened)


def _in_a_process(room, body):
    """What ``body`` returned in a student's process, as a text; how it died, if it did."""
    told, tell = os.pipe()

    def say():
        try:
            said = body()
        except BaseException as error:
            said = f"broke: {type(error).__name__}: {error}"
        os.write(tell, said.encode()[: select.PIPE_BUF])

    try:
        room.fork(say, keep=(tell,))
    finally:
        os.close(tell)
    # one read and not until the end of the pipe: whatever the process has started may hold it open for ever
    heard, _, _ = select.select([told], [], [], SECONDS / 4)
    said = os.read(told, select.PIPE_BUF).decode(errors="replace") if heard else "nothing said"
    os.close(told)
    room.end()
    return said or "died"


def _first_success(tries):
    """The first of ``tries`` (name: function) that raises nothing and returns no false value is a success."""
    reasons = []
    for name, attempt in tries.items():
        try:
            if attempt():
                return f"{ALLOWED}: {name}"
            reasons.append("nothing there")
        except (OSError, MemoryError, ValueError) as error:
            reasons.append(getattr(error, "strerror", None) or type(error).__name__)
    return f"{DENIED}: {', '.join(dict.fromkeys(reasons))}"


def read_outside(loot):
    return _first_success({path: lambda path=path: _look(path) for path in loot.hidden})


def _look(path):
    return bool(os.listdir(path)) if os.path.isdir(path) else Path(path).open("rb").read(1) != b""


def write_outside(loot):
    places = [loot.secret, os.path.join(loot.folder, "new"), "/usr/new", os.path.join(sys.prefix, "new"), "/etc/passwd"]
    return _first_success({path: lambda path=path: Path(path).open("ab").write(b"x") for path in places})


def reach_network(loot):
    def to_port():
        with socket.socket() as calling:
            calling.settimeout(2)
            calling.connect(("127.0.0.1", loot.port))
        return True

    def family(number):
        return lambda: socket.socket(number, socket.SOCK_DGRAM)

    others = {f"family {number}": family(number) for number in (10, 16, 40)}  # IPv6, netlink, virtual machines
    return _first_success({"a port of this machine": to_port, **others})


def reach_sockets(loot):
    def connect(address):
        def attempt():
            with socket.socket(socket.AF_UNIX) as calling:
                calling.connect(address)
            return True

        return attempt

    def stray():
        one, _other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        one.connect(loot.name)
        return True

    return _first_success({"abstract": connect(loot.name), "by path": connect(loot.path), "a pair turned": stray})


def signal_others(loot):
    tries = {"kill": lambda: os.kill(loot.process, 0) is None}
    if os.getpid() != 1:
        tries["a parent"] = lambda: os.kill(os.getppid(), 0) is None
    tries["look"] = lambda: Path(f"/proc/{loot.process}/status").read_text() and f"/proc/{loot.process}"
    return _first_success(tries)


def fork_without_end(_loot):
    for count in range(4 * LIMITS.processes):
        try:
            if os.fork() == 0:
                time.sleep(SECONDS)
                os._exit(0)
        except OSError:
            return f"{DENIED} after {count}"
    return f"{ALLOWED}: {count} processes"


def take_memory(_loot):
    # only reserved and never touched: where there is no limit, the machine should not suffer from the test
    kind = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    size = 2 * LIMITS.memory_mb << 20
    return _first_success({f"{2 * LIMITS.memory_mb} MB": lambda: mmap.mmap(-1, size, flags=kind)})


def call_the_kernel(_loot):
    libc = ctypes.CDLL(None, use_errno=True)

    def call(name, *arguments):
        def attempt():
            if getattr(libc, name)(*arguments) < 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            return True

        return attempt

    return _first_success(
        {
            "unshare": call("unshare", kernel.CLONE_NEWUSER),
            "mount": call("mount", b"none", os.fsencode(os.getcwd()), b"tmpfs", 0, None),
            "ptrace": call("ptrace", 0, 0, 0, 0),
            "memfd": call("memfd_create", b"x", 0),
            "shared memory": call("shmget", 0, 4096, 0o1600),
        }
    )


def gain_rights(_loot):
    def other_user():
        os.setuid(0 if os.getuid() else 1)
        return True

    def own_device():
        os.mknod("device", 0o600 | 0o060000, os.makedev(8, 0))
        return True

    def look_out():
        os.chroot(os.getcwd())
        return True

    return _first_success({"another user": other_user, "a device": own_device, "another root": look_out})


def look_around(_loot):
    """What the grader's process had: its variables, its open files."""
    if "DYADLAB_SELF_TEST" in os.environ:
        return f"{ALLOWED}: a variable of the grader"
    open_files = []
    for number in range(3, 256):
        with contextlib.suppress(OSError):
            os.fstat(number)
            open_files.append(number)
    return f"{DENIED}: nothing is left" if len(open_files) <= 1 else f"{ALLOWED}: open files {open_files}"


def write_much(_loot):
    with open("much", "wb") as much:
        try:
            much.write(b"x" * ((LIMITS.file_mb + 1) << 20))
            much.flush()
        except OSError as error:
            return f"{DENIED}: {error.strerror}"
        finally:
            with contextlib.suppress(OSError):
                os.unlink("much")
    return f"{ALLOWED}: {LIMITS.file_mb + 1} MB in a file"


def fill_disk(_loot):
    for place in (os.getcwd(), os.environ["TMPDIR"], "/dev/shm"):
        for number in range(2 * LIMITS.disk_mb):
            try:
                Path(place, f"much{number}").write_bytes(bytes(1 << 20))
            except OSError as error:
                return f"{DENIED}: {error.strerror}"
    return f"{ALLOWED}: {6 * LIMITS.disk_mb} MB"


DISK = "filling the disk"
ESCAPES = {
    "reading a file outside": read_outside,
    "writing outside": write_outside,
    "the network": reach_network,
    "sockets of this machine": reach_sockets,
    "other processes": signal_others,
    "forking without end": fork_without_end,
    "more memory than allowed": take_memory,
    "forbidden system calls": call_the_kernel,
    "rights of another user": gain_rights,
    "what the grader had open": look_around,
    "a file too large": write_much,
    DISK: fill_disk,
}


def _outliving(room):
    """A process that hides from its parents must be gone when the student's process has been ended."""
    name = "outliving the end"
    told, tell = os.pipe()

    def hide():
        for _generation in range(2):
            if os.fork():
                time.sleep(SECONDS)
                os._exit(0)
            with contextlib.suppress(OSError):  # the filter of system calls refuses it
                os.setsid()
        for kind in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(kind, signal.SIG_IGN)
        os.write(tell, b"hidden")
        time.sleep(SECONDS)

    try:
        room.fork(hide, keep=(tell,))
    finally:
        os.close(tell)
    with open(told, "rb", buffering=0) as listening:
        hid = listening.read(6) == b"hidden"
        room.end()
        os.set_blocking(told, False)
        gone = listening.read(1) == b""  # the last holder of the other end is gone
    return Row(name, hid and gone, "gone" if gone else "still running")


def harmless(view, quick=False):
    """What every notebook does; returns "ran"."""
    for path in view.read_only:
        os.listdir(path) if os.path.isdir(path) else Path(path).open("rb").close()
    Path("answer.csv").write_text("a,b\n1,2\n3,4\n")
    with tempfile.TemporaryFile() as scratch:
        scratch.write(b"x")
    subprocess_free = os.fork()
    if subprocess_free == 0:
        os._exit(7)
    if os.waitstatus_to_exitcode(os.waitpid(subprocess_free, 0)[1]) != 7:
        return "a child did not end as it should"
    if not quick:
        import numpy as np
        import pandas as pd

        table = pd.read_csv("answer.csv")
        if np.linalg.det(table.to_numpy(float)) >= 0:
            return "numpy and pandas gave a wrong answer"
    return "ran"
