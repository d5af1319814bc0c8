"""Walls around the process that runs a student's code.

In the grader's own process::

    tier = sandbox.choose()                     # the strongest that works here, found by trying; raises NoSandbox
    report = sandbox.self_test(tier, hidden=(paths,))   # report.passed, .rows, .sentence(): before the first submission
    tier.describe(); tier.as_data(); sandbox.Tier.from_data(data); sandbox.NONE (limits only, for --no-sandbox)

In a warm process, as early as it can (a Room forks once, and the process that goes on is the child)::

    room = sandbox.Room(tier, limits, slot, view=None)         # limits: sandbox.Limits(); view: sandbox.View
    pid = room.fork(body, keep=(descriptors,), job_files={})   # locked in, then body(); pid as the worker sees it
    room.interrupt(); room.end(); room.close()                # end() leaves nothing of it; it returns its exit status

In the worker, with the pid that fork() gave::

    sandbox.memory_mb(pid, exact_above=limit)   # everything that it started included

The first call of fork() moves the warm process itself into the root which students see (tier "namespaces"): whatever it
needs of the machine's files, it reads before. WallsFailed: a wall could not be made, and nothing was run.
"""

from dyadlab.grading.sandbox.choosing import choose
from dyadlab.grading.sandbox.limits import Limits, memory_mb
from dyadlab.grading.sandbox.room import Room, WallsFailed
from dyadlab.grading.sandbox.selftest import Report, self_test
from dyadlab.grading.sandbox.tiers import NONE, NoSandbox, Tier, View

__all__ = [
    "NONE", "Limits", "NoSandbox", "Report", "Room", "Tier", "View", "WallsFailed", "choose", "memory_mb",
    "self_test",
]  # fmt: skip
