"""The warm process: it has imported what notebooks import, and forks a student's process whenever it is asked.

A worker of the grader starts one with :func:`start` and talks to it over a socket. The warm process runs no student's
code, holds no check and no submission, and has one thread only, so that its forks are whole. What a forked child does
is lock itself in and then serve (:mod:`.runner`); the other end of its connection goes to the worker.

It is started with an almost empty environment: nothing of the instructor's settings comes along.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from dyadlab.grading.sandbox.room import ENVIRONMENT as OF_STUDENTS

#: Imported once. A notebook that needs more imports it itself, behind the walls.
STACK = (
    "numpy",
    "pandas",
    "scipy.stats",
    "matplotlib.pyplot",
    "seaborn",
    "statsmodels.formula.api",
    "statsmodels.stats.inter_rater",
    "statsmodels.stats.proportion",
    "ipywidgets",
    "matplotlib_inline.backend_inline",
    "dyadlab.checks",
    "dyadlab.models",
    "dyadlab.plots",
    "dyadlab.widgets",
    "dyadlab.grading.runner",
)
READY = b"ready"
#: Names the socket of the warm process that all workers of one command share.
SHARED = "DYADLAB_WARM"
#: What students' processes will have, and what matters while libraries are imported.
ENVIRONMENT = {
    **OF_STUDENTS,
    "NBGRADER_EXECUTION": "autograde",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    # memory in large pages: to fork means to copy the list of pages, and that list is then a fraction as long
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "PYTHONMALLOC": "malloc",
}


class NotWarm(Exception):
    """The warm process did not come up, or is gone; the message says what it said last."""


# --- in the worker ---


class Warm:
    """A running warm process, as its worker sees it. Use :meth:`fork`, and :meth:`close` at the end."""

    def __init__(self, tier, limits, slot):
        self.tier, self.limits = tier, limits
        self._process = None
        self._end = shared_connection()
        if self._end is None:
            self._end, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = Python("main", theirs)
        self._tell({"tier": tier.as_data(), "limits": limits.as_data(), "slot": slot})
        if self._hear() != READY:
            raise NotWarm(self._last_words())

    def fork(self):
        """A new student's process behind its walls: (connection, process id). Raises NotWarm."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._end, [b"fork"], [theirs.fileno()])
            answer = self._hear()
        except OSError:
            answer = b""
        if not answer:
            ours.close()
            raise NotWarm(self._last_words())
        return ours, int(answer)

    def end(self, pid):
        """End a student's process and everything that it started; returns when nothing of it is left."""
        self._tell({"end": pid})
        if self._hear() != b"ended":
            raise NotWarm(self._last_words())

    def interrupt(self, pid):
        """Ask a student's Python to stop what it is doing, as the stop button of a notebook does."""
        self._tell({"interrupt": pid})
        if self._hear() != b"interrupted":
            raise NotWarm(self._last_words())

    def alive(self):
        hung_up = select.poll()
        hung_up.register(self._end, select.POLLHUP)
        return not hung_up.poll(0)

    def close(self):
        self._end.close()
        if self._process is not None:
            self._process.close()

    def _tell(self, message):
        try:
            self._end.send(json.dumps(message).encode())
        except OSError:
            raise NotWarm(self._last_words()) from None

    def _hear(self):
        try:
            return self._end.recv(1 << 16)
        except OSError:
            return b""

    def _last_words(self):
        said = self._process.last_words() if self._process is not None else ""
        return f"The process that runs students' notebooks stopped. It said: {said or 'nothing'}"


class Python:
    """A new Python with an almost empty environment. It calls ``function`` of this module and has a socket, ``end``."""

    def __init__(self, function, end):
        package = Path(__file__).resolve().parents[2]
        program = (
            f"import sys; sys.path.insert(0, {str(package)!r}); from dyadlab.grading import warm; warm.{function}()"
        )
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (read when the process has ended)
        self.process = subprocess.Popen(
            [sys.executable, "-s", "-P", "-c", program, str(end.fileno())],
            pass_fds=[end.fileno()],
            env={**ENVIRONMENT, **settings()},
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            start_new_session=True,
        )

    def close(self):
        self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()
        self.process.wait()

    def last_words(self):
        self.process.kill()
        self.process.wait()
        self._said.seek(0)
        return self._said.read().decode(errors="replace").strip()[-2000:]


@contextlib.contextmanager
def shared():
    """For the length of the ``with``, all workers of this process get their warm processes by forks of a single one.

    The libraries are then imported once instead of once for each worker, and while this process still reads.
    """
    if not hasattr(os, "fork") or SHARED in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="dyadlab-warm-") as folder:  # nobody else can look into it
        address = os.path.join(folder, "socket")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(address)
            listener.listen(64)
            mother = Python("share", listener)
        os.environ[SHARED] = address
        try:
            yield
        finally:
            del os.environ[SHARED]
            mother.close()


def shared_connection():
    """A connection to a new fork of the shared warm process, or None where there is none (any more)."""
    if SHARED not in os.environ:
        return None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.connect(os.environ[SHARED])
    except OSError:
        connection.close()
        return None
    return connection


def settings():
    """The world in which students' replicates are drawn, so that their process has the same as the checks."""
    from dyadlab import datasets

    return {"DYADLAB_WORLD": datasets.current_world()}


# --- in the warm process ---


def main():
    """The warm process of one worker."""
    end = socket.socket(fileno=int(sys.argv[1]))
    # before anything else, because it forks, and a process that has started threads must not
    room = make_room(end)
    get_warm()
    serve(end, room)


def share():
    """One warm process for all workers: a fork for each that connects, until whoever started this closes its input."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    get_warm()
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [], 1.0)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if sys.stdin in ready:
            os._exit(0)  # at once: Python takes a while to put so many libraries away
        if listener not in ready:
            continue
        end, _address = listener.accept()
        if os.fork() == 0:
            listener.close()
            sys.stdin.close()
            with contextlib.suppress(OSError):
                serve(end, make_room(end))
            os._exit(0)
        end.close()


def make_room(end):
    """The room for one worker's students, as the worker's first message describes it."""
    from dyadlab.grading import sandbox

    first = json.loads(end.recv(1 << 16))
    return sandbox.Room(sandbox.Tier.from_data(first["tier"]), sandbox.Limits.from_data(first["limits"]), first["slot"])


def get_warm():
    """Import, draw, and hold still."""
    for name in STACK:
        importlib.import_module(name)
    from dyadlab.grading import runner

    warm_up(runner.make_shell())
    gc.collect()
    gc.freeze()  # a child that collects garbage would otherwise copy every page it looks at


def serve(end, room):
    """Say ready, and fork until the worker hangs up."""
    from dyadlab.grading import runner

    end.send(READY)
    while True:
        message, handed, _flags, _address = socket.recv_fds(end, 1 << 16, 1)
        if not message:
            room.close()
            return
        if message == b"fork":
            pid = room.fork(lambda: runner.serve(socket.socket(fileno=handed[0])), keep=handed)  # noqa: B023
            os.close(handed[0])
            end.send(str(pid).encode())
            continue
        ((order, pid),) = json.loads(message).items()
        if order == "end":
            room.end(pid)
            end.send(b"ended")
        else:
            room.interrupt(pid)
            end.send(b"interrupted")


#: What every notebook does somewhere. Each of these is slow the first time and quick afterwards: fonts are looked up,
#: formulas compiled, tables laid out. A fork begins where this ended.
WARMING_UP = (
    "import seaborn as sns, dyadlab, statsmodels.formula.api as smf",
    "for name in dyadlab.names(): dyadlab.load(name)",
    "rows = dyadlab.load('dyads')\nrows.head()",
    "60 * 5",
    "sns.histplot(data=rows, x='n_comments', bins=12).set(xlabel='comments (number)', ylabel='mothers')",
    "sns.scatterplot(data=rows, x='n_comments', y='appropriate_pct', hue='elevated');",
    "smf.ols('epds_total ~ n_comments + C(feeding)', data=rows).fit().summary()",
)


def warm_up(shell):
    """Run what notebooks do, then leave no trace of it but the warmth."""
    for source in WARMING_UP:
        result = shell.run_cell(source, store_history=False)
        result.raise_error()
    shell.reset(new_session=True, aggressive=False)
    shell.outputs.clear()
