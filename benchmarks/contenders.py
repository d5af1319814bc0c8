"""How each way of grading is run and timed: as its own command, from a fresh start, on a copy nobody has graded yet."""

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import classes

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent


class DidNotGrade(Exception):
    """A way of grading did not do its work, so its time says nothing; the message holds its last words."""


@dataclass(frozen=True)
class Run:
    """One timed run. copies : submissions graded. wall : seconds in all. start : seconds before the first submission,
    where that can be seen from outside. peak_mb : the most memory the command itself held, where that was watched.
    scores : {student: points from checks}, where the run leaves them. figures : how many were rendered, if counted.
    """

    copies: int
    wall: float
    start: float = 0.0
    peak_mb: float = 0.0
    scores: dict | None = None
    figures: int | None = None

    @property
    def each(self):
        """Seconds per submission, with the start-up."""
        return self.wall / self.copies

    @property
    def steady(self):
        """Seconds per submission behind the start-up."""
        return (self.wall - self.start) / self.copies

    def each_of(self, copies):
        """Seconds per submission, had it graded so many: the start-up is paid once, the rest for each."""
        return self.steady + self.start / copies


def nbgrader(original, folder, copies):
    """Plain ``nbgrader autograde``, configured as the course is. Its first word on a submission ends the start-up."""
    with classes.own_copy(original, folder, copies) as here:
        (week,) = here.weeks()
        command = [sys.executable, "-m", "nbgrader", "autograde", week]
        wall, start, said, _peak = timed(command, here, first="Converting notebook")
        scores = classes.auto_scores(here)
    if len(scores) != copies or None in scores.values():
        raise DidNotGrade(f"nbgrader graded {len(scores)} of {copies}:\n{said}")
    return Run(copies, wall, start, scores=scores)


def dyadlab(original, folder, copies, watch=False):
    """``dyadlab grade``, sandbox and all. Its output is not a terminal's, so there is no bar to draw."""
    with classes.own_copy(original, folder, copies) as here:
        (week,) = here.weeks()
        wall, _start, said, peak = timed([sys.executable, "-m", "dyadlab", "grade", week], here, watch=watch)
        scores = classes.auto_scores(here)
    if len(scores) != copies or None in scores.values():
        raise DidNotGrade(f"dyadlab graded {len(scores)} of {copies}:\n{said}")
    return Run(copies, wall, scores=scores, peak_mb=peak)


def floor(original, folder, copies, jobs=None):
    """The students' cells alone; see floor.py. Reading and warming up are outside its clock."""
    with classes.own_copy(original, folder, copies) as here:
        (week,) = here.weeks()
        command = [sys.executable, HERE / "floor.py", here.root, week, "--jobs", jobs or os.cpu_count() or 1]
        _wall, _start, said, _peak = timed(command, here)
    try:
        answer = json.loads(said.splitlines()[-1])
    except (IndexError, ValueError):
        raise DidNotGrade(f"the floor could not be run:\n{said}") from None
    return Run(answer["copies"], answer["wall"], figures=answer["figures"])


def otter_interface(python, zip_file, notebooks, processes):
    """otter's programming interface, in ``processes`` processes at a time."""
    command = [python, HERE / "otter_side.py", zip_file, processes, *notebooks]
    wall, _start, said, _peak = timed(command, cwd=zip_file.parent)
    try:
        answer = json.loads(said.splitlines()[-1])
    except (IndexError, ValueError):
        raise DidNotGrade(f"otter did not grade:\n{said}") from None
    students = [notebook.parent.name for notebook in notebooks]
    return Run(len(notebooks), wall, answer["start"], scores=dict(zip(students, answer["points"], strict=True)))


def otter_run(python, zip_file, notebook):
    """The command ``otter run`` for one notebook, as otter's pages show it."""
    out = zip_file.parent / "out"
    out.mkdir(exist_ok=True)
    command = [python, "-m", "otter", "run", notebook, "-a", zip_file, "-o", out, "--no-logo"]
    wall, _start, said, _peak = timed(command, cwd=zip_file.parent)
    if not (out / "results.json").exists():
        raise DidNotGrade(f"otter run left no result:\n{said}")
    return Run(1, wall)


def timed(command, course=None, cwd=None, first=None, watch=False):
    """Run a command to its end: (seconds, seconds until a line holds ``first``, its last lines, peak memory in MB)."""
    began, seen, lines = time.monotonic(), 0.0, []
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=str(cwd or REPOSITORY),
        env=environment(course),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    peak = Peak(process.pid) if watch else None
    with process:
        for line in process.stdout:
            if first and not seen and first in line:
                seen = time.monotonic() - began
            lines = [*lines[-30:], line]
    wall = time.monotonic() - began
    return wall, seen, "".join(lines), peak.most() if peak else 0.0


def environment(course):
    """The environment of every contender: the course's configuration, and compiled files kept as always."""
    env = dict(os.environ)
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "DYADLAB_COURSE", "DYADLAB_EXCHANGE", "MPLBACKEND"):
        env.pop(name, None)
    env["JUPYTER_CONFIG_PATH"] = str(REPOSITORY / "jupyter_config")
    if course is not None:
        env["DYADLAB_COURSE"] = str(course.root)
    return env


class Peak:
    """The most memory that one process itself has held, in MB, read where Linux keeps it; 0 on other systems."""

    def __init__(self, pid):
        self._file, self._most, self._over = Path(f"/proc/{pid}/status"), 0.0, threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def _watch(self):
        while not self._over.wait(0.2):
            try:
                found = [line for line in self._file.read_text().splitlines() if line.startswith("VmHWM:")]
            except OSError:
                return
            if found:
                self._most = max(self._most, int(found[0].split()[1]) / 1000)

    def most(self):
        self._over.set()
        self._watcher.join()
        return self._most
