"""Where submissions are graded: lanes of work behind the interface of ``concurrent.futures``.

On this machine each lane has one grading process, so that a process which dies tells on the submission it was at,
and disturbs no other lane. Any other executor (a cluster's) is one wide lane.
"""

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import connection, get_context, parent_process

#: Seconds after which an executor is asked again how much it can do.
ASK_AGAIN_S = 5


class Inline(Executor):
    """Grades in this very process, one after another: for tests and for measuring. Nothing protects it."""

    slots = 0

    def submit(self, function, /, *arguments, **named):
        future = Future()
        try:
            future.set_result(function(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future


class Lane:
    """An executor, what it has been given, and how to get a new one when it breaks.

    make : a function that returns a new executor, or None where a broken one cannot be replaced. room : a function that
    tells how many submissions it is given at once: some more than it works on, so that it never waits for the next.
    """

    def __init__(self, make, room, executor=None):
        self._make, self._room, self._executor = make, room, executor
        self._up = None
        self.flying = {}
        self.alone = []
        self.false_starts = 0
        self.moved = time.monotonic()

    @property
    def renewable(self):
        return self._make is not None

    def has_room(self):
        """Suspects are graded one at a time, with nothing beside them, until none is left."""
        return not self.flying if self.alone or self._at_a_suspect() else len(self.flying) < self._room()

    def _at_a_suspect(self):
        return any(task.alone for task in self.flying.values())

    def start(self):
        """Let its process begin to start; what is submitted meanwhile waits."""
        if self._executor is None:
            self._executor = self._make()
            self._up = self._executor.submit(ready)

    def submit(self, function, task, *arguments):
        """Give it a task. Raises BrokenExecutor when it turns out to be broken."""
        self.start()
        if not self.flying:
            self.moved = time.monotonic()
        self.flying[self._executor.submit(function, *arguments)] = task

    def is_broken(self):
        """Whether it takes nothing more, as a pool that lost a process, rather than having lost one submission."""
        return bool(getattr(self._executor, "_broken", False))

    def landed(self, future):
        """A future that is done; returns its task."""
        self.moved = time.monotonic()
        return self.flying.pop(future)

    def broke(self):
        """The executor is gone: returns (tasks that were in it, whether it had ever been up); a new one comes later."""
        tasks, self.flying = list(self.flying.values()), {}
        was_up = self._up is None or (self._up.done() and not self._up.cancelled() and self._up.exception() is None)
        self.false_starts = 0 if was_up else self.false_starts + 1
        self.close()
        return tasks, was_up

    def stuck_for(self):
        """Seconds since it was given something or gave something."""
        return time.monotonic() - self.moved

    def kill(self):
        """End its processes at once; what it was at is then found broken."""
        for process in list((getattr(self._executor, "_processes", None) or {}).values()):
            process.kill()

    def close(self):
        """Let go of an executor that was made here; one that was given is its owner's to close.

        Its processes end at once: what they have given is here, and to end in good order takes them half a second.
        """
        if self._make is None or self._executor is None:
            return
        self.kill()
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._executor = None


def close(lanes):
    """Let go of all lanes together, and wait until their processes have ended."""
    with ThreadPoolExecutor(len(lanes)) as threads:  # a process with much in it takes its time to end
        list(threads.map(Lane.close, lanes))


def lanes(jobs, executor=None, context=None):
    """``jobs`` lanes of one process each, or one lane for an executor that was given.

    An executor may say with an attribute ``slots`` how many submissions it works on at once.
    """
    if executor is not None:
        return [Lane(None, room_of(executor, jobs), executor)]
    context = context or get_context("spawn")

    def make():
        return ProcessPoolExecutor(1, mp_context=context, initializer=begin, initargs=(os.getpid(),))

    return [Lane(make, lambda: 2) for _ in range(jobs)]


def room_of(executor, jobs):
    """A function that tells how many submissions to give to an executor; a cluster is asked again as it grows."""
    asked, room = -ASK_AGAIN_S, 0

    def tell():
        nonlocal asked, room
        if time.monotonic() - asked >= ASK_AGAIN_S:
            slots = getattr(executor, "slots", jobs)
            asked, room = time.monotonic(), slots + max(1, slots // 2)
        return room

    return tell


def usual_jobs():
    """As many as there are cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def ready():
    """Answers once a grading process is up; when this fails, no submission is to blame."""
    return True


def begin(parent):
    """The first thing a grading process does: make sure that it never outlives the grader.

    A process group of its own keeps Ctrl-C, which a terminal sends to the whole group, with the grader alone.
    """
    if hasattr(os, "setsid"):
        with contextlib.suppress(OSError):
            os.setsid()
    for name in ("SIGTERM", "SIGHUP"):  # a forked process has the grader's own handlers
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as stream:
        stream.write("500")  # when memory runs out, a grading process goes and the grader stays
    if sys.platform == "linux" and die_with_parent():
        if os.getppid() != parent:
            os._exit(1)
        return
    threading.Thread(target=wait_for_parents_end, daemon=True).start()


def die_with_parent():
    """Ask Linux to kill this process when its parent ends, however that ends. Whether it could be had."""
    try:
        return ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0) == 0
    except (OSError, AttributeError):
        return False


def wait_for_parents_end():
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
