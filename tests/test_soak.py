"""Claims about long runs and repeated ones: nothing grows with the class, and the same work always gets the same marks.

A class of a hundred, one in ten of them hostile; ``make test ARGS="--long tests/test_soak.py"`` makes it five hundred.
"""

import dataclasses
import functools
import itertools
import os
import shutil
import statistics
import sys

import psutil
import pytest
from attacks import catalogue, plain, scene, target
from dyadlab.grading import engine, grade, notebooks, record, sandbox, simulate, warm
from dyadlab.grading.course import Course

pytestmark = [
    pytest.mark.skipif(
        sys.platform != "linux", reason="student code is only graded on Linux, where it can be walled in"
    ),
]

USUAL, LONG = 100, 500
#: One in ten: attacks that leave something lying about (processes, files, threads, messages, memory), and end quickly.
HOSTILE_EVERY = 10
HOSTILE = (
    "daemons left behind",
    "forged replies on every open file",
    "a fork bomb",
    "os._exit in a called function",
    "a thread bomb",
    "more memory than allowed",
    "messages from a thread after the cell",
    "many files",
    "outputs of a hundred megabytes",
    "exceptions in __del__",
)
#: A process may hold so much more at the end than in the middle: for each submission between, 0.1 MB and no file.
MAY_GROW_MB_EACH, MAY_GROW_FILES = 0.1, 2
SHORT = engine.Budget(cell_s=4, notebook_s=40)


@dataclasses.dataclass
class Growth:
    """What this process and those below it hold, looked at whenever a submission is finished."""

    samples: list = dataclasses.field(default_factory=list)

    def look(self, done, _total, _graded):
        held = {}
        for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
            try:
                held[process.pid] = process.memory_info().rss / 2**20, process.num_fds()
            except psutil.NoSuchProcess:
                continue
        self.samples.append((done, held))

    def found(self):
        """{process id: (MB, files)} by which each has grown, second quarter to last quarter, with the count between."""
        last = self.samples[-1][0]
        early = [held for done, held in self.samples if 0.25 * last < done <= 0.5 * last]
        late = [held for done, held in self.samples if 0.75 * last < done <= last]
        lasting = [pid for pid in early[0] if all(pid in held for held in itertools.chain(early, late))]

        def middle(samples, pid, what):
            return statistics.median(held[pid][what] for held in samples)

        return {pid: tuple(middle(late, pid, w) - middle(early, pid, w) for w in (0, 1)) for pid in lasting}, last / 2

    def culprits(self):
        """Sentences about the processes that hold more and more."""
        grown, between = self.found()
        return [
            f"process {pid}: {mb:+.1f} MB and {files:+.0f} files over {between:.0f} submissions"
            for pid, (mb, files) in grown.items()
            if mb > MAY_GROW_MB_EACH * between or files > MAY_GROW_FILES
        ]


@pytest.fixture(scope="module")
def target_course(tmp_path_factory):
    return target.make(tmp_path_factory.mktemp("target"))


def mixed_class(target_course, top, count):
    """A copy of the target course in which ``count`` students have handed in: {student: what they did}."""
    shutil.copytree(target_course.root, top / "course")
    here = Course(top / "course", solutions=top / "solutions")
    (top / "outside").mkdir()
    released = notebooks.read(here.release / target.WEEK / scene.FILE)
    around = scene.Surroundings(here.root, top / "outside")
    by_name, hostile = catalogue.by_name(), itertools.cycle(HOSTILE)
    did = {}
    for number in range(count):
        student = f"s{number:03d}"
        if number % HOSTILE_EVERY == HOSTILE_EVERY - 1:
            did[student] = next(hostile)
            scene.place(here, released, dataclasses.replace(by_name[did[student]], student=student), around)
            continue
        did[student] = ("right", "blank", "wrong")[number % 3]
        folder = here.submitted / student / target.WEEK
        folder.mkdir(parents=True)
        (folder / scene.FILE).write_bytes(scene.bytes_of(target.filled_in(released, did[student])))
    return here, did


def test_memory_and_open_files_stay_flat_over_a_long_mixed_class(target_course, tmp_path, request):
    here, did = mixed_class(target_course, tmp_path, LONG if request.config.getoption("--long") else USUAL)
    one = functools.partial(engine.grade_submission, tier=sandbox.choose(), budget=SHORT)
    growth = Growth()
    finished = grade.grade(here, [target.WEEK], jobs=2, grade_one=one, progress=growth.look)
    assert len(finished) == len(did)
    grown, _between = growth.found()
    assert len(grown) >= 1 + 2  # the grader and its two workers were there all the time, and there may be their helpers
    assert not growth.culprits(), growth.culprits()
    right = {c.check_id: (float(c.points), None) for c in target.CHECKED}
    marks = plain.read_marks(here.gradebook)
    for student, what in did.items():
        own = {name: marks[student][name] for name in right} if what in ("right", "blank") else None
        assert own in (None, right if what == "right" else dict.fromkeys(right, (0.0, None))), student


def leaks(_master, one, kept=[]):  # noqa: B006 (to leak is what it is for)
    kept.append((bytearray(os.urandom(1 << 20)), [os.open(os.devnull, os.O_RDONLY) for _ in range(5)]))
    return engine.Result(one.student, one.week, engine.REJECTED, remarks=("Not looked at.",))


def test_a_worker_that_holds_more_and_more_would_be_noticed(target_course, tmp_path):
    here, _did = mixed_class(target_course, tmp_path, 40)
    growth = Growth()
    grade.grade(here, [target.WEEK], jobs=2, grade_one=leaks, progress=growth.look)
    assert growth.culprits()


def test_the_same_work_gets_the_same_marks_five_times_and_from_one_worker_or_eight(built_course, tmp_path):
    here = Course(tmp_path / "course", solutions=tmp_path / "solutions")
    shutil.copytree(built_course.root, here.root)
    weeks = ["w00_welcome", "w07_loop"]  # all kinds of accidents, and draws of random numbers
    for week, kinds in zip(weeks, (simulate.DEMO_KINDS, simulate.KINDS[:6:2]), strict=True):
        simulate.put_in(here, week, simulate.simulate(here, week, len(kinds), kinds))
    with warm.shared():  # what eight workers would import eight times
        first = marks_after(here, weeks, jobs=1)
        for number in range(4):
            assert marks_after(here, weeks, jobs=8 if number == 0 else 2) == first, f"run {number + 2}"


def marks_after(here, weeks, jobs):
    """All that must be the same, of every submission, graded anew."""
    grade.grade(here, weeks, jobs=jobs, again=True)
    said = {
        (week, student): (found.outcome, found.score, found.remarks, found.cells)
        for week in weeks
        for student, found in record.outcomes(here, week).items()
    }
    return plain.read_marks(here.gradebook), said
