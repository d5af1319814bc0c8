"""Claims about attacks on grading: none gains a point it did not earn, none touches a neighbour, the course or the
machine. The attacks themselves, and what plain nbgrader does with them, stand in tests/attacks."""

import contextlib
import functools
import sys
import threading
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from attacks import catalogue, plain, scene, table, target
from dyadlab.grading import collect, engine, grade, notebooks, record, sandbox
from dyadlab.grading.course import Course, CourseError

ATTACKS = catalogue.by_name()
NOTEBOOKS = [name for name, attack in ATTACKS.items() if attack.archive is None]
ARCHIVES = [name for name, attack in ATTACKS.items() if attack.archive is not None]
#: Plain nbgrader is tried anew with these at every run of the tests: one of each kind of success, in one run of it.
TRIED_ANEW = (
    "test cells rewritten into points",
    "dyadlab.checks emptied",
    "points shown as text",
    "partial credit below zero",
    "checks marked to be skipped",
    "tests read from the gradebook",
    "builtins shadowed in the notebook",
)

#: Endless loops are waited for; elsewhere in the tests the real limits hold.
SHORT = engine.Budget(cell_s=4, notebook_s=40)

pytestmark = [
    pytest.mark.skipif(
        sys.platform != "linux", reason="student code is only graded on Linux, where it can be walled in"
    ),
]


@pytest.fixture(scope="module")
def target_course(tmp_path_factory):
    """The small course that is attacked, built once; nobody hands in here."""
    return target.make(tmp_path_factory.mktemp("target"))


@pytest.fixture(scope="module")
def attacked(target_course, tmp_path_factory):
    """One class of all attackers and their two neighbours, graded in one go."""
    import shutil

    top = tmp_path_factory.mktemp("attacked")
    shutil.copytree(target_course.root, top / "course")
    here = Course(top / "course", solutions=top / "solutions")
    (top / "outside").mkdir()
    (top / "outside").chmod(0o777)
    released = notebooks.read(here.release / target.WEEK / scene.FILE)
    with scene.listener() as (port, heard), pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADER_SECRET", target.SECRETS["the grader's environment"])
        around = scene.Surroundings(here.root, top / "outside", port)
        scene.place_neighbours(here, released)
        for name in NOTEBOOKS:
            scene.place(here, released, ATTACKS[name], around)
        before = scene.checksums(here.source, here.submitted, here.release)
        descendants = Descendants()
        descendants.start()
        one = functools.partial(engine.grade_submission, tier=sandbox.choose(), budget=SHORT)
        finished = grade.grade(here, [target.WEEK], jobs=2, grade_one=one)
        left = descendants.left()
        after = scene.checksums(here.source, here.submitted, here.release)
    return SimpleNamespace(
        course=here,
        by_student={g.record.student: g.record for g in finished},
        changed=sorted(p for p in before.keys() | after.keys() if before.get(p) != after.get(p)),
        outside=sorted((top / "outside").rglob("*")),
        heard=heard,
        left=left,
        marks=plain.read_marks(here.gradebook),
    )


class Descendants(threading.Thread):
    """Looks all the time which processes there are below this one, so that it is known afterwards which are left.

    What detaches itself has been seen by then.
    """

    def __init__(self):
        super().__init__(daemon=True)
        self.seen, self.over = set(), threading.Event()
        self.before = set(psutil.Process().children())  # a browser of other tests, say

    def run(self):
        while not self.over.wait(0.2):
            for child in set(psutil.Process().children()) - self.before:
                with contextlib.suppress(psutil.NoSuchProcess):
                    self.seen |= {child, *child.children(recursive=True)}

    def left(self):
        """Those still there, but for the helper of Python's own multiprocessing, which stays for later."""
        self.over.set()
        self.join()
        psutil.wait_procs(self.seen, timeout=30)
        return {
            " ".join(cmdline)
            for cmdline in filter(None, map(running, self.seen))
            if "resource_tracker" not in str(cmdline)
        }


def running(process):
    try:
        return process.cmdline() if process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


# --- the catalogue -----------------------------------------------------------------------------------------------


def test_the_catalogue_is_long_and_tells_what_plain_nbgrader_does_with_each_attack():
    measured = plain.measured()
    assert len(ATTACKS) >= 150
    for name, attack in ATTACKS.items():
        assert attack.kind in catalogue.KINDS and attack.does.endswith("."), name
        assert bool(attack.not_run) != bool(measured.get(name)), f"{name}: measure it with tests/attacks/plain.py"


def test_the_page_is_fresh():
    assert table.PAGE.read_text(encoding="utf-8") == table.page(), "run `python tests/attacks/table.py`"


def test_the_right_answers_of_the_target_get_all_points_and_the_wrong_ones_a_single_one(attacked):
    """Otherwise an attack that gains nothing would prove nothing."""
    right, blank = attacked.by_student[scene.RIGHT], attacked.by_student[scene.BLANK]
    assert (right.score, right.outcome) == (target.AUTO_POINTS, catalogue.PERSON)
    assert (blank.score, blank.outcome) == (0, catalogue.GRADED)


# --- dyadlab grade -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_attack_gains_nothing_and_ends_as_the_catalogue_says(attacked, name):
    attack = ATTACKS[name]
    found = attacked.by_student[attack.who]
    told = "\n".join(found.remarks)
    assert (found.score or 0) <= attack.honest, told
    assert found.outcome in attack.outcome, told
    if attack.points is not None:
        assert (found.score or 0) == attack.points, told
    assert attack.says in told
    executed = attacked.course.autograded / attack.who / target.WEEK / scene.FILE
    assert scene.boasts(executed) == []
    assert scene.read_out(executed) == []
    odd = {c for c in told if unicodedata.category(c) in ("Cc", "Cf") and c not in "\n\t"}
    assert not odd, "the instructor's terminal would obey these characters"


@pytest.mark.parametrize(
    "name",
    ["a script for the marker's browser", "a script in a quotation", "a table that covers the marker's page"],
)
def test_no_script_of_a_student_runs_in_the_browser_of_whoever_marks(attacked, name):
    attack = ATTACKS[name]
    executed = attacked.course.autograded / attack.who / target.WEEK / scene.FILE
    assert "mallory" in executed.read_text(encoding="utf-8"), "the answer itself is gone"
    assert scene.scripts(executed) == []


def test_the_neighbours_have_the_marks_of_an_undisturbed_class(attacked):
    for student in (scene.BLANK, scene.RIGHT):
        own = attacked.marks[student]
        worth = {i.check_id: float(i.points) if student == scene.RIGHT else 0.0 for i in target.CHECKED}
        assert {name: own[name] for name in worth} == {name: (points, None) for name, points in worth.items()}


def test_the_source_the_release_and_all_that_was_handed_in_are_as_before(attacked):
    assert attacked.changed == []


def test_nobody_has_a_score_that_no_person_and_no_check_gave(attacked):
    for student, own in attacked.marks.items():
        assert all(manual is None for _, manual in own.values()), student


def test_nothing_is_written_outside_nothing_reaches_the_network_and_no_process_is_left(attacked):
    assert attacked.outside == []
    assert attacked.heard == []
    assert attacked.left == set()


def test_every_attacker_has_exactly_one_outcome(attacked):
    handed_in = set(attacked.course.submissions(target.WEEK))
    assert set(attacked.by_student) == handed_in and len(handed_in) == len(NOTEBOOKS) + 2
    for student in handed_in:
        assert record.read(attacked.course, target.WEEK, student).outcome == attacked.by_student[student].outcome


# --- dyadlab collect ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_hostile_zip_is_collected_without_harm(target_course, tmp_path, name):
    attack = ATTACKS[name]
    here = Course(tmp_path / "course", solutions=tmp_path / "solutions")
    (here.source / target.WEEK).mkdir(parents=True)
    archive = tmp_path / "download.zip"
    attack.archive(notebooks.read(target_course.release / target.WEEK / scene.FILE), archive)
    try:
        told = "\n".join(collect.from_files(here, target.WEEK, archive))
    except CourseError as refusal:
        told = str(refusal)
    came = (
        {p.parent.parent.name for p in here.submitted.glob(f"*/*/{scene.FILE}")} if here.submitted.exists() else set()
    )
    assert set(attack.collected) <= came, told
    assert attack.says in told
    assert not any(p.is_symlink() for p in here.root.rglob("*"))
    assert sum(p.stat().st_size for p in here.root.rglob("*") if p.is_file()) < 100_000_000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["course", "download.zip"]
    assert not Path("/tmp/dyadlab-outside.ipynb").exists() and not Path("/tmp/dyadlab-outside.csv").exists()


# --- plain nbgrader ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(not plain.possible(), reason="fencing in plain nbgrader needs an administrator")
def test_plain_nbgrader_still_falls_for_these(target_course):
    measured = plain.measured()
    found, course_wide = plain.measure([ATTACKS[name] for name in TRIED_ANEW], target_course)
    assert course_wide == []
    assert found == {name: measured[name] for name in TRIED_ANEW}
    assert sum(did[0].startswith("gains") for did in found.values()) >= 4
