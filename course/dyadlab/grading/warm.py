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
import socket
import subprocess
import sys
from pathlib import Path

#: Imported once. A notebook that needs more imports it itself, behind the walls.
STACK = (
    "numpy",
    "pandas",
    "scipy.stats",
    "matplotlib.pyplot",
    "seaborn",
    "statsmodels.formula.api",
    "statsmodels.api",
    "ipywidgets",
    "matplotlib_inline.backend_inline",
    "dyadlab.checks",
    "dyadlab.models",
    "dyadlab.plots",
    "dyadlab.widgets",
    "dyadlab.grading.runner",
)
READY = b"ready"
#: One thread for linear algebra: a fork copies no threads, and two graders side by side fill two cores anyway.
ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "NBGRADER_EXECUTION": "autograde",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
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
        self.tier = tier
        self._end, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        package = Path(__file__).resolve().parents[2]
        program = f"import sys; sys.path.insert(0, {str(package)!r}); from dyadlab.grading import warm; warm.main()"
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-c", program, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**ENVIRONMENT, **settings()},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        self.limits = limits
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
        return self._process.poll() is None

    def close(self):
        self._end.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._process.kill()
        self._process.wait()
        self._process.stderr.close()

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
        self._process.kill()
        self._process.wait()
        said = self._process.stderr.read().decode(errors="replace").strip()
        return f"The process that runs students' notebooks stopped. It said: {said[-2000:] or 'nothing'}"


def settings():
    """The world in which students' replicates are drawn, so that their process has the same as the checks."""
    from dyadlab import datasets

    return {"DYADLAB_WORLD": datasets.current_world()}


# --- in the warm process ---


def main():
    """Import, say ready, and fork until the worker hangs up."""
    end = socket.socket(fileno=int(sys.argv[1]))
    first = json.loads(end.recv(1 << 16))
    from dyadlab.grading import sandbox

    # before anything else, because it forks, and a process that has started threads must not
    room = sandbox.Room(sandbox.Tier.from_data(first["tier"]), sandbox.Limits.from_data(first["limits"]), first["slot"])
    for name in STACK:
        importlib.import_module(name)
    from dyadlab.grading import runner

    runner.make_shell()
    draw_once()
    gc.collect()
    gc.freeze()  # a child that collects garbage would otherwise copy every page it looks at
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


def draw_once():
    """The first figure looks for fonts and the first model compiles formulas: both once, here."""
    import io

    import matplotlib.pyplot as plt
    import pandas as pd
    import seaborn as sns
    import statsmodels.formula.api as smf

    rows = pd.DataFrame({"x": [1.0, 2, 3, 4, 5, 6], "y": [2.0, 1, 3, 5, 4, 4], "g": list("ababab")})
    for draw in (sns.histplot, sns.scatterplot, sns.boxplot):
        figure, axes = plt.subplots()
        draw(data=rows, x="x", **({} if draw is sns.histplot else {"y": "y"}), ax=axes)
        figure.savefig(io.BytesIO(), format="png", bbox_inches="tight")
        plt.close(figure)
    smf.ols("y ~ x + C(g)", data=rows).fit().summary().as_html()
    rows._repr_html_()
    # drawing leaves switches behind that would tell the first cell of a student that a figure awaits
    from matplotlib_inline import backend_inline

    backend_inline.show._to_draw, backend_inline.show._draw_called = [], False
