"""Claims about the same marks: for every week, ``dyadlab grade`` and plain nbgrader give every cell the same score.

Every listed answer of tests/mistakes goes through the grader, several to a notebook (combine.py). Plain nbgrader, which
takes some four seconds a notebook, gets the answers, the blank release, the simulated class and a drawn share of
the listed answers; all of them with ``make test ARGS="--every-mistake tests/test_same_marks.py"``, as before a release.
Where plain nbgrader is known to be wrong stands in known_nbgrader_errors.toml, and is shown here to be so.
"""

import functools
import os
import random
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import combine
import nbformat
import pytest
from dyadlab.grading import (
    build,
    check,
    course,
    engine,
    master,
    mistakes,
    nbgrader_bridge,
    notebooks,
    sandbox,
    simulate,
    submission,
)

REAL = course.Course(course.REPOSITORY / "course")
WEEKS = REAL.weeks()
KNOWN = {
    row["name"]: row
    for row in tomllib.loads(Path(__file__).with_name("known_nbgrader_errors.toml").read_text(encoding="utf-8"))["kind"]
}
#: How accidents are mended does not hang on the week, so one week, with every kind of submission, is enough.
WEEK_OF_EVERY_KIND = "w00_welcome"
KINDS = ("all answers", "blank", "half done", "checks tampered with")
SAMPLE = 2
SECONDS_PER_CELL = 12
OWNER = "ab123"


class Week:
    """A built week and what can be handed in for it."""

    def __init__(self, built, week, tier):
        self.name, self.course, self.tier = week, built, tier
        self.master = master.from_gradebook(built, week)
        self.source = notebooks.read(REAL.notebook(week))
        self.released = notebooks.read(built.release / week / f"{week}.ipynb")
        self.listed = mistakes.read(REAL.mistakes / f"{week.split('_')[0]}.toml")
        self.items = check.items_with_points(self.source)
        self.combinations = combine.combinations(self.items, self.listed, week)
        self.own = simulate.own_answers(self.source, OWNER)

    def filled(self, entries):
        answers = self.own | {entry.item: entry.code for entry in entries}
        return {f"{self.name}.ipynb": nbformat.writes(simulate.filled(self.released, answers)).encode()}

    def kind(self, kind, number=0):
        return simulate.submission(kind, number, OWNER, self.name, self.released, self.source, self.listed)

    def graded(self, files):
        """{graded cell: score}, None where a person decides; nothing at all where the submission is refused."""
        one = submission.Submission(OWNER, self.name, files)
        budget = engine.Budget(cell_s=SECONDS_PER_CELL)
        result = engine.grade_submission(self.master, one, self.tier, budget)
        return {cell.grade_id: cell.auto_score for cell in result.cells}

    def lost(self, scores):
        """The checks that did not give all of their points."""
        return {
            name
            for name, score in scores.items()
            if self.master[name].points and not self.master[name].solution and score != self.master[name].points
        }


@pytest.fixture(scope="module")
def week_of(built_course):
    tier = sandbox.choose()
    return functools.cache(lambda week: Week(built_course, week, tier))


@pytest.mark.parametrize("week", WEEKS)
def test_the_grader_refuses_every_listed_mistake_and_accepts_every_listed_right_answer(week_of, week):
    here = week_of(week)
    assert sorted(e.label for c in here.combinations for e in c.entries) == sorted(e.label for e in here.listed.entries)
    problems = []
    for one in here.combinations:
        differing = here.lost(here.graded(here.filled(one.entries))) ^ one.loses
        # one of them may lean on another; each by itself has to be as listed
        for entry in one.entries if differing else ():
            if differing.isdisjoint(here.items.get(entry.item, differing)):
                continue
            lost = here.lost(here.graded(here.filled([entry])))
            if lost != set(entry.fails):
                problems.append(f"{entry.label}: listed to lose {sorted(entry.fails)}, loses {sorted(lost)}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("week", WEEKS)
def test_the_answers_earn_every_point_of_the_checks_and_the_blank_release_earns_none(week_of, week):
    here = week_of(week)
    checks = {cell.grade_id for cell in here.master.cells if cell.points and not cell.solution}
    assert here.lost(here.graded(here.kind("all answers"))) == set()
    blank = here.graded(here.kind("blank"))
    assert here.lost(blank) == checks
    assert not any(blank.values())


@pytest.mark.parametrize("week", WEEKS)
def test_plain_nbgrader_gives_every_cell_the_same_score(week_of, week, tmp_path, request):
    here = week_of(week)
    kinds = simulate.KINDS if week == WEEK_OF_EVERY_KIND else KINDS
    handed_in = {kind: here.kind(kind, number) for number, kind in enumerate(kinds)}
    combinations = here.combinations
    if not request.config.getoption("--every-mistake"):
        combinations = random.Random(week).sample(combinations, SAMPLE)
    handed_in |= {" and ".join(e.label for e in one.entries): here.filled(one.entries) for one in combinations}
    ours = {name: here.graded(files) for name, files in handed_in.items()}
    plain = graded_by_plain_nbgrader(here, handed_in, tmp_path)
    differing = {name for name in handed_in if ours[name] != plain[name]}
    known = {name for name in handed_in if name in KNOWN}
    assert differing == known, "\n".join(
        f"{name}: {cell}: ours {ours[name].get(cell)}, plain {plain[name].get(cell)}"
        for name in sorted(differing ^ known)
        for cell in sorted(ours[name] | plain[name])
        if ours[name].get(cell) != plain[name].get(cell)
    )
    for name in known:
        assert total(plain[name]) == KNOWN[name]["plain"], f"{name}: not wrong in the way that is written down"
        assert total(ours[name]) == KNOWN[name]["ours"]


def total(scores):
    return sum(score or 0 for score in scores.values()) if scores else "no mark"


def graded_by_plain_nbgrader(here, handed_in, folder):
    """{name: {graded cell: score}} from one run of ``nbgrader autograde`` over all of them."""
    copied = course.Course(folder / "course", solutions=folder / "solutions")
    shutil.copytree(here.course.source / here.name, copied.source / here.name)
    build.build(copied, [here.name], solutions=False)
    students = {f"s{number:03d}": name for number, name in enumerate(handed_in)}
    for student, name in students.items():
        simulate.write_files(copied.submitted / student / here.name, handed_in[name])
    command = [sys.executable, "-m", "nbgrader", "autograde", here.name, f"--Execute.timeout={SECONDS_PER_CELL}"]
    programs = os.path.dirname(sys.executable)
    subprocess.run(
        command,
        cwd=folder,
        env={
            **os.environ,
            "JUPYTER_CONFIG_PATH": str(copied.config),
            "DYADLAB_COURSE": str(copied.root),
            "PATH": programs + os.pathsep + os.environ["PATH"],
        },
        capture_output=True,
        timeout=120 + 60 * len(handed_in),
    )
    found = {name: {} for name in handed_in}
    with nbgrader_bridge.gradebook(copied) as gradebook:
        for student in gradebook.students:
            if not (copied.autograded / student.id / here.name / f"{here.name}.ipynb").exists():
                continue
            for stored in student.submissions:
                scores = {grade.name: grade.auto_score for one in stored.notebooks for grade in one.grades}
                marked = any(score is not None for score in scores.values())
                found[students[student.id]] = scores if marked else {}
    return found
