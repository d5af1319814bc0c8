"""Claims about grading that is interrupted: whatever happens to the grader, no submission is lost, none is graded twice
without need, and the marks are those of an undisturbed run.

What grades here is a small function with fixed marks, so that it is the coordinator which is put to the test.
"""

import concurrent.futures
import contextlib
import errno
import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from dyadlab.grading import attempts, course, engine, export, grade, lock, master, notebooks, record, scores, workers
from dyadlab.grading.course import CourseError
from nbgrader.api import Gradebook

WEEK = "w00_welcome"
REAL = course.Course(course.REPOSITORY / "course")
posix_only = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")


# --- a class, and what grades it ----------------------------------------------------------------------------------


@pytest.fixture
def new_class(one_week, tmp_path):
    """A function (number of students) that gives a course in which so many have handed in."""
    number = iter(range(1000))

    def make(count, folder=tmp_path):
        root = folder / f"course-{next(number)}"
        shutil.copytree(one_week.root, root)
        made = course.Course(root, solutions=root.parent / "solutions")
        for student in range(count):
            hand_in(made, f"s{student:02d}")
        return made

    return make


@pytest.fixture
def in_memory(tmp_path):
    """A folder on no disk, where there is one: what is killed here is a process, which the disk does not notice."""
    shared = "/dev/shm"
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else tmp_path) as folder:
        yield Path(folder)


def hand_in(here, student, note=""):
    """Put a submission of the released notebook where collected ones lie."""
    folder = here.submitted / student / WEEK
    folder.mkdir(parents=True, exist_ok=True)
    notebook = json.loads((here.release / WEEK / f"{WEEK}.ipynb").read_bytes())
    notebook["cells"][0]["source"] = f"{student} {note}"
    (folder / f"{WEEK}.ipynb").write_text(json.dumps(notebook))
    (folder / "timestamp.txt").write_text("2027-01-02 12:00:00 UTC")


def fixed_marks(copy, one):
    """Marks that hang on the student's name alone; each attempt leaves a line in the file ATTEMPTS."""
    if place := os.environ.get("ATTEMPTS"):
        with open(place, "ab", buffering=0) as stream:
            stream.write(f"{one.student}\n".encode())
    cells = []
    for number, cell in enumerate(c for c in copy.cells if c.grade):
        score = None if cell.solution else float((sum(one.student.encode()) + number) % 2) * cell.points
        cells.append(engine.CellResult(cell.grade_id, score, cell.points))
    return engine.Result(one.student, one.week, engine.NEEDS_PERSON, tuple(cells), one.files[f"{WEEK}.ipynb"])


def slow_marks(copy, one):
    time.sleep(0.03)
    return fixed_marks(copy, one)


def deadly(copy, one):
    """As a grading process which the operating system kills at one submission."""
    if one.student == "s02":
        fixed_marks(copy, one)
        os.kill(os.getpid(), signal.SIGKILL)
    return slow_marks(copy, one)


def endless(copy, one):
    if one.student == "s02":
        time.sleep(600)
    return fixed_marks(copy, one)


def inline(here, grade_one=fixed_marks, **more):
    return grade.grade(here, [WEEK], executor=workers.Inline(), grade_one=grade_one, **more)


def begun(place):
    """Who was begun to be graded, in order."""
    return place.read_text().split() if place.exists() else []


@pytest.fixture
def attempts_file(tmp_path, monkeypatch):
    place = tmp_path / "attempts.txt"
    monkeypatch.setenv("ATTEMPTS", str(place))
    return place


def marks(here):
    """Everything about marks in the gradebook, without the ids that differ from run to run."""
    with contextlib.closing(sqlite3.connect(here.gradebook)) as book:
        return sorted(
            book.execute(
                "select a.student_id, c.name, g.auto_score, g.manual_score, g.needs_manual_grade, a.timestamp, "
                "n.late_submission_penalty from grade g join base_cell c on c.id = g.cell_id "
                "join submitted_notebook n on n.id = g.notebook_id "
                "join submitted_assignment a on a.id = n.assignment_id"
            )
        )


def states(here):
    """student -> what is on record, without how long it took."""
    return {s: {**r.__dict__, "seconds": 0} for s, r in record.outcomes(here, WEEK).items()}


def whole(here):
    """Fails where anything of a course is half done or left over."""
    for notebook in here.autograded.glob("*/*/*.ipynb"):
        json.loads(notebook.read_bytes())
    left = [p for p in here.root.rglob("*") if p.name.startswith(record.HALF) or p.suffix in (".waiting", ".part")]
    assert left == []
    with contextlib.closing(sqlite3.connect(here.gradebook)) as book:
        assert book.execute("pragma integrity_check").fetchone() == ("ok",)
        doubled = "select count(*) from submitted_assignment group by assignment_id, student_id having count(*) > 1"
        assert book.execute(doubled).fetchall() == []


def in_a_fork(function):
    """Run a function in a forked process with a process group of its own. Returns its process id."""
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        os.setsid()
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), 1)
        # processes that are forked, too, start at once; that real ones end with the grader is a test of its own
        workers.get_context = lambda _name: multiprocessing.get_context("fork")
        status = function() or 0
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())  # shown by pytest -s
        status = 72
    finally:
        os._exit(status)


def children_of(pid):
    """Process ids of the children of a process (Linux)."""
    with contextlib.suppress(OSError):
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.002)


# --- killed -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@posix_only
def test_a_grader_killed_at_fifty_random_moments_loses_nothing_and_grades_nothing_twice(
    new_class, attempts_file, in_memory, monkeypatch
):
    """Counts are printed: pytest -s shows in what state the kills found the class."""
    dice = random.Random(7)
    monkeypatch.setattr(record, "MANY", 4)  # ten transactions in a class of forty rather than three
    undisturbed = new_class(40, in_memory)
    pid = in_a_fork(lambda: grade.grade(undisturbed, [WEEK], jobs=4, grade_one=slow_marks) and 0)
    assert os.waitpid(pid, 0)[1] == 0
    expected = marks(undisturbed), states(undisturbed)
    found = {"nothing yet": 0, "some recorded": 0, "some waiting": 0, "all recorded": 0}
    for _number in range(50):
        here = new_class(40, in_memory)
        attempts_file.unlink(missing_ok=True)
        pid = in_a_fork(lambda here=here: grade.grade(here, [WEEK], jobs=4, grade_one=slow_marks) and 0)
        moment = dice.uniform(0, 40)
        wait_for(lambda n=int(moment): len(begun(attempts_file)) >= n)
        time.sleep(moment % 1 * 0.05)
        workers_then = children_of(pid)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        wait_for(lambda pids=workers_then: not any(alive(p) for p in pids))
        recorded = {s for s in here.submissions(WEEK) if record.read(here, WEEK, s)}
        waiting = {s for s in here.submissions(WEEK) if record.waiting_path(here, WEEK, s).exists()} - recorded
        found["some waiting"] += bool(waiting)
        found["nothing yet" if not recorded else "all recorded" if len(recorded) == 40 else "some recorded"] += 1
        before = len(begun(attempts_file))
        for notebook in here.autograded.glob("*/*/*.ipynb"):
            json.loads(notebook.read_bytes())

        finished = inline(here)
        assert len(finished) == 40 and len({g.record.student for g in finished}) == 40
        again = begun(attempts_file)[before:]
        assert sorted(again) == sorted(set(here.submissions(WEEK)) - recorded - waiting)
        assert (marks(here), states(here)) == expected
        whole(here)
        shutil.rmtree(here.root)
    print(f"50 kills: {found}")
    assert found["some recorded"] >= 10, "most kills are to find the class half done"


@posix_only
def test_a_grader_that_dies_at_any_step_of_recording_loses_nothing(new_class, attempts_file, in_memory):
    """Every step by which something on disk changes, one after the other."""
    expected = None
    for last_step in range(1, 200):
        here = new_class(3, in_memory)
        attempts_file.unlink(missing_ok=True)
        pid = in_a_fork(lambda here=here, n=last_step: dies_at_step(n, here))
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        before = begun(attempts_file)
        for written in (*here.autograded.glob("*/*/*.ipynb"), *here.records.glob("*/*.json")):
            json.loads(written.read_bytes())  # whole at any instant, and not only after the next run
        inline(here)
        whole(here)
        again = begun(attempts_file)[len(before) :]
        # at most the one whose result had not yet been put on disk is graded a second time
        assert len(set(before) & set(again)) <= 1
        if expected is None:
            expected = marks(here), states(here)
        assert (marks(here), states(here)) == expected, f"after step {last_step}"
        if status == 0:
            break
        assert status == 9
    assert last_step > 30


def dies_at_step(last, here):
    taken = iter(range(1, last))

    def step(function):
        def wrapped(*arguments, **named):
            if next(taken, None) is None:
                os._exit(9)
            return function(*arguments, **named)

        return wrapped

    for name in ("replace", "unlink", "mkdir", "rmdir"):
        setattr(Path, name, step(getattr(Path, name)))
    os.fsync = step(os.fsync)
    scores.Scores._run = step(scores.Scores._run)
    inline(here)


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel for its processes")
def test_no_grading_process_outlives_a_killed_grader(new_class, tmp_path):
    """With real processes, started anew: those that had begun to grade, and one that had only begun to start."""
    here = new_class(6)
    begun_here = tmp_path / "begun"
    (tmp_path / "never_ready.py").write_text(
        "import pathlib, sys, time\n"
        "def grade_one(copy, one):\n"
        f"    pathlib.Path({str(begun_here)!r}).touch()\n"
        "    time.sleep(600)\n"
        "if __name__ == '__main__':\n"
        "    import never_ready\n"
        "    from dyadlab.grading import course, grade\n"
        f"    here = course.Course(course.Path({str(here.root)!r}))\n"
        f"    grade.grade(here, [{WEEK!r}], jobs=3, grade_one=never_ready.grade_one)\n"
    )
    running = subprocess.Popen([sys.executable, str(tmp_path / "never_ready.py")], start_new_session=True)
    wait_for(begun_here.exists, 120)
    there = children_of(running.pid)
    assert len(there) >= 3
    running.kill()
    running.wait()
    wait_for(lambda: not any(alive(pid) for pid in there))
    assert len(inline(here)) == 6


# --- a grading process that dies ----------------------------------------------------------------------------------


@posix_only
def test_a_submission_that_kills_its_grading_process_three_times_is_quarantined_and_costs_nobody_else(
    new_class, attempts_file
):
    here = new_class(8)
    pid = in_a_fork(lambda: grade.grade(here, [WEEK], jobs=2, grade_one=deadly) and 0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    found = {student: r.outcome for student, r in record.outcomes(here, WEEK).items()}
    assert found.pop("s02") == engine.QUARANTINED
    assert set(found.values()) == {engine.NEEDS_PERSON} and len(found) == 7
    # three times alone, and at most once beside another one, when it could not be told which of the two it was
    assert 3 <= begun(attempts_file).count("s02") <= 4
    quarantined = record.read(here, WEEK, "s02")
    assert "3 times" in quarantined.remarks[0] and quarantined.score is None
    assert "Attempt 3" in record.log_path(here, WEEK, "s02").read_text()

    row = next(r for r in export.marks(here, [WEEK]) if r["student_id"] == "s02")
    assert (row["state"], row["score"]) == ("quarantined", "")
    count = len(begun(attempts_file))
    assert not any(g.fresh for g in inline(here)) and len(begun(attempts_file)) == count, "it is not tried again"
    assert next(g for g in inline(here, again=True) if g.record.student == "s02").record.outcome == engine.NEEDS_PERSON


@posix_only
def test_a_grading_process_that_gives_nothing_any_more_is_ended(new_class, attempts_file, monkeypatch):
    monkeypatch.setattr(grade, "STUCK_S", 1)
    here = new_class(4)

    def through_the_class():
        grade.grade(here, [WEEK], jobs=2, grade_one=endless)

    pid = in_a_fork(through_the_class)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    found = {student: r.outcome for student, r in record.outcomes(here, WEEK).items()}
    assert found.pop("s02") == engine.QUARANTINED and set(found.values()) == {engine.NEEDS_PERSON}


def test_an_executor_that_was_given_may_lose_one_submission_and_go_on(new_class):
    """A cluster says that several workers died of a submission; a pool that is broken says it of everything."""
    here = new_class(4)

    class Cluster(workers.Inline):
        def submit(self, function, copy, one):
            future = super().submit(function, copy, one)
            if one.student != "s01":
                return future
            lost = concurrent.futures.Future()
            lost.set_exception(BrokenProcessPool("several workers died"))
            return lost

    found = {
        g.record.student: g.record.outcome for g in grade.grade(here, [WEEK], executor=Cluster(), grade_one=fixed_marks)
    }
    assert found.pop("s01") == engine.QUARANTINED and set(found.values()) == {engine.NEEDS_PERSON}


@posix_only
def test_a_process_that_was_forked_meanwhile_does_not_keep_the_lock(new_class):
    here = new_class(1)
    with lock.only_one(here):
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
    try:
        with lock.only_one(here):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@posix_only
def test_a_pool_that_was_given_and_breaks_stops_the_run_without_blame(new_class):
    here = new_class(6)

    def through_the_class():
        pool = concurrent.futures.ProcessPoolExecutor(
            2, multiprocessing.get_context("fork"), initializer=workers.begin, initargs=(os.getpid(),)
        )
        try:
            grade.grade(here, [WEEK], executor=pool, grade_one=deadly)
        except grade.CannotRun as stopped:
            return 5 if "The executor that grades has stopped" in str(stopped) else 6

    pid = in_a_fork(through_the_class)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
    with attempts.Attempts(here) as journal:
        assert journal._blame == {} and journal._interrupted == {}
    assert len(inline(here)) == 6


def test_a_grader_that_is_killed_blames_nobody(new_class):
    here = new_class(1)
    student = next(iter(here.submissions(WEEK)))
    key = (WEEK, student, "any")
    for _time in range(5):
        journal = attempts.Attempts(here).__enter__()
        assert journal.blame(key) == 0
        journal.begin(key)  # and the grader is killed: nothing more is written
        os.close(journal._file)
    with attempts.Attempts(here) as journal:
        assert (journal.blame(key), journal.interrupted(key)) == (0, 5)
        journal.crash(key)
    with attempts.Attempts(here) as journal:
        assert journal.blame(key) == 1
        journal.end(key)
    with attempts.Attempts(here) as journal:
        assert (journal.blame(key), journal.interrupted(key)) == (0, 0)
    assert not (here.records / ".attempts").exists()


def test_what_was_being_graded_at_two_kills_comes_last(new_class, attempts_file):
    here = new_class(4)
    copy = master.from_gradebook(here, WEEK)
    one = grade.submission.read("s01", WEEK, here.submitted / "s01" / WEEK)
    for _time in range(2):
        journal = attempts.Attempts(here).__enter__()
        journal.begin((WEEK, "s01", record.key(copy, one)))
        os.close(journal._file)
    inline(here)
    assert begun(attempts_file) == ["s00", "s02", "s03", "s01"]


def test_an_error_in_the_grader_itself_is_tried_three_times_and_then_left_to_a_person(new_class, attempts_file):
    here = new_class(3)

    def fails(copy, one):
        if one.student == "s01":
            fixed_marks(copy, one)
            raise ZeroDivisionError("a defect of the grader")
        return fixed_marks(copy, one)

    found = {g.record.student: g.record for g in inline(here, fails)}
    assert found["s01"].outcome == engine.QUARANTINED and begun(attempts_file).count("s01") == 3
    assert "a defect of the grader" in record.log_path(here, WEEK, "s01").read_text()
    assert found["s00"].outcome == found["s02"].outcome == engine.NEEDS_PERSON


def test_a_result_under_blame_is_never_a_mark(new_class):
    here = new_class(1)

    def blamed(copy, one):
        result = fixed_marks(copy, one)
        return engine.Result(**{**result.__dict__, "blame": True})

    (found,) = inline(here, blamed)
    assert found.record.outcome == engine.QUARANTINED and found.record.score is None
    assert {row[2] for row in marks(here)} == {None}


def test_no_walls_to_be_had_stops_the_run_with_its_sentence_and_blames_nobody(new_class):
    here = new_class(3)

    def none_here(copy, one):
        raise CourseError("There is no sandbox on this machine.")

    with pytest.raises(CourseError, match="no sandbox on this machine"):
        inline(here, none_here)
    assert record.outcomes(here, WEEK) == {}
    assert len(inline(here)) == 3


# --- disk, gradebook ----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0 or sys.platform != "linux", reason="mounts")
@pytest.mark.parametrize("free_kilobytes", [0, 4, 64, 128, 256, 512, 800])
def test_a_full_disk_stops_cleanly_and_the_next_run_mends_it(new_class, tmp_path, free_kilobytes):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("no tmpfs may be mounted here")
    try:
        here = new_class(30, disk)
        (here.records / WEEK).mkdir(parents=True)
        (here.records / ".lock").touch()
        room = os.statvfs(disk)
        ballast = b"0" * (room.f_bavail * room.f_frsize - free_kilobytes * 1024)
        (disk / "ballast").write_bytes(ballast)
        with pytest.raises(CourseError) as stopped:
            inline(here)
        assert "room left on the disk" in str(stopped.value)
        with contextlib.closing(sqlite3.connect(here.gradebook)) as book:
            assert book.execute("pragma integrity_check").fetchone() == ("ok",)
        kept = set(record.outcomes(here, WEEK))
        (disk / "ballast").unlink()
        finished = inline(here)
        assert len(finished) == 30
        assert {g.record.student for g in finished if not g.fresh} == kept, "what was recorded stays"
        whole(here)
        undisturbed = new_class(30)
        inline(undisturbed)
        assert (marks(here), states(here)) == (marks(undisturbed), states(undisturbed))
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_no_room_for_one_submission_leaves_the_others_alone(new_class, monkeypatch):
    here = new_class(5)
    real = record.write_whole

    def full_for_one(place, content, sync=True):
        if "s03" in str(place):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(place))
        real(place, content, sync)

    monkeypatch.setattr(record, "write_whole", full_for_one)
    with pytest.raises(grade.Unfinished, match=r"1 of 5 .*not graded yet(.|\n)*s03.*no room left on the disk"):
        inline(here)
    assert set(record.outcomes(here, WEEK)) == {"s00", "s01", "s02", "s04"}
    monkeypatch.setattr(record, "write_whole", real)
    assert [g.record.student for g in inline(here) if g.fresh] == ["s03"]


def test_a_gradebook_in_use_is_waited_for(new_class):
    here, said = new_class(3), []
    formgrader = sqlite3.connect(here.gradebook, isolation_level=None, check_same_thread=False)
    formgrader.execute("begin exclusive")

    def listen(sentence):
        said.append(sentence)
        formgrader.execute("commit")

    assert len(inline(here, say=listen)) == 3
    assert len(said) == 1 and "in use by another program" in said[0]


def test_a_gradebook_in_use_for_too_long_stops_without_loss_and_nothing_is_graded_again(new_class, attempts_file):
    here = new_class(3)
    formgrader = sqlite3.connect(here.gradebook, isolation_level=None)

    def grabs(copy, one):
        if one.student == "s02":
            formgrader.execute("begin immediate")
        return fixed_marks(copy, one)

    with pytest.raises(scores.InUse, match="in use by another program for too long"):
        inline(here, grabs, patience=0.2)
    assert begun(attempts_file) == ["s00", "s01", "s02"] and record.outcomes(here, WEEK) == {}
    formgrader.execute("rollback")
    assert len(inline(here)) == 3
    assert begun(attempts_file) == ["s00", "s01", "s02"], "their results had been waiting"
    whole(here)


@posix_only
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="becomes another user")
def test_a_read_only_gradebook_gets_a_sentence_and_costs_no_result(new_class, attempts_file, monkeypatch):
    for_all = next(
        (p for p in ("/tmp", "/var/tmp", "/dev/shm") if os.path.isdir(p) and os.stat(p).st_mode & 0o007 == 7), None
    )
    with tempfile.TemporaryDirectory(prefix="dyadlab-read-only-", dir=for_all) as folder:
        here = new_class(2, Path(folder))
        for place in (Path(folder), *Path(folder).rglob("*")):
            place.chmod(0o777 if place.is_dir() else 0o666)
        here.gradebook.chmod(0o444)
        here.root.chmod(0o755)
        for name in ("records", "autograded"):
            (here.root / name).mkdir()
            (here.root / name).chmod(0o777)
        said = Path(folder, "said")
        inline(new_class(1))  # imports everything, which the other user may not be allowed to

        def as_nobody():
            os.setgid(65534)
            os.setuid(65534)
            try:
                inline(here)
            except CourseError as error:
                said.write_text(str(error))
                return 3

        monkeypatch.setenv("ATTEMPTS", str(Path(folder, "attempts")))
        pid = in_a_fork(as_nobody)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
        assert "read-only" in said.read_text()
        here.gradebook.chmod(0o666)
        assert len(inline(here)) == 2
        assert begun(Path(folder, "attempts")) == ["s00", "s01"], "graded once; the results had been waiting"


def test_a_gradebook_of_an_older_nbgrader_gets_a_sentence_before_anything_is_graded(new_class, attempts_file):
    here = new_class(2)
    with contextlib.closing(sqlite3.connect(here.gradebook)) as book:
        book.execute("alter table grade drop column extra_credit")
    with pytest.raises(scores.GradebookError, match=r"another version of nbgrader.*nbgrader db upgrade"):
        inline(here)
    assert begun(attempts_file) == []


def test_a_damaged_gradebook_gets_a_sentence_and_one_put_back_is_filled_again(new_class, attempts_file):
    here = new_class(3)
    backup = here.gradebook.read_bytes()
    inline(here)
    expected = marks(here)
    here.gradebook.write_bytes(b"this is no gradebook any more" * 500)
    with pytest.raises(scores.GradebookError, match="damaged"):
        inline(here)
    assert len(record.outcomes(here, WEEK)) == 3, "the records are kept"
    here.gradebook.write_bytes(backup)
    assert all(g.fresh for g in inline(here))
    assert marks(here) == expected


# --- what is handed in meanwhile; two at once; nothing to do; stopped -----------------------------------------------


def test_a_submission_replaced_while_it_is_graded_is_graded_as_it_is_now(new_class, attempts_file):
    here = new_class(2)

    def replaces(copy, one):
        if one.student == "s01" and begun(attempts_file).count("s01") == 0:
            hand_in(here, "s01", "a second thought")
        return fixed_marks(copy, one)

    inline(here, replaces)
    assert begun(attempts_file) == ["s00", "s01", "s01"]
    kept = notebooks.read(here.autograded / "s01" / WEEK / f"{WEEK}.ipynb")
    assert kept.cells[0].source == "s01 a second thought"
    assert not any(g.fresh for g in inline(here))


def test_a_submission_that_changes_all_the_time_or_goes_away_is_named_and_stops_nobody(new_class):
    here, number = new_class(3), iter(range(100))

    def changes(copy, one):
        if one.student == "s01":
            hand_in(here, "s01", f"again {next(number)}")
        if one.student == "s02":
            shutil.rmtree(here.submitted / "s02")
        return fixed_marks(copy, one)

    with pytest.raises(grade.Unfinished) as unfinished:
        inline(here, changes)
    assert {student for _week, student in unfinished.value.failed} == {"s01", "s02"}
    assert [g.record.student for g in unfinished.value.finished] == ["s00"]


def test_two_graders_at_once_the_second_says_so_and_stops(new_class):
    here = new_class(1)
    with lock.only_one(here), pytest.raises(lock.Busy, match=rf"Another `dyadlab grade`.*process {os.getpid()}"):
        inline(here)
    assert len(inline(here)) == 1


@posix_only
def test_the_lock_of_a_killed_grader_stands_in_nobodys_way(new_class, tmp_path):
    here, held = new_class(1), tmp_path / "held"

    def hold():
        with lock.only_one(here):
            held.touch()
            time.sleep(60)

    pid = in_a_fork(hold)
    wait_for(held.exists)
    with pytest.raises(lock.Busy):
        inline(here)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert len(inline(here)) == 1


def test_where_a_file_system_has_no_locks_the_process_that_is_named_decides(new_class, monkeypatch):
    here = new_class(1)

    def none_here(descriptor):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(lock, "lock", none_here)
    with lock.only_one(here), pytest.raises(lock.Busy):
        inline(here)
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    for stale in ({"pid": int(gone.stdout)}, {"boot": "before the machine was started anew"}):
        (here.records / ".lock").write_text(json.dumps({**lock.myself(), **stale}))
        assert len(inline(here)) == 1


def test_running_again_without_a_change_grades_nothing_and_leaves_every_byte(new_class, attempts_file):
    here = new_class(3)
    inline(here)

    def everything():
        return {p: p.read_bytes() for p in here.root.rglob("*") if p.is_file() and p.name != ".lock"}

    before, count = everything(), len(begun(attempts_file))
    assert not any(g.fresh for g in inline(here))
    assert everything() == before and len(begun(attempts_file)) == count


@posix_only
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_grader_that_is_asked_to_stop_ends_with_130_and_the_next_goes_on(new_class, attempts_file, number):
    here = new_class(30)

    def graded_until_stopped():
        try:
            grade.grade(here, [WEEK], jobs=2, grade_one=slow_marks)
        except KeyboardInterrupt:
            return 130

    pid = in_a_fork(graded_until_stopped)
    wait_for(lambda: len(begun(attempts_file)) > 5)
    os.kill(pid, number)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    kept, before = set(record.outcomes(here, WEEK)), len(begun(attempts_file))
    assert 0 < len(kept) < 30
    whole(here)
    inline(here)
    assert set(begun(attempts_file)[before:]) == set(here.submissions(WEEK)) - kept
    assert len(record.outcomes(here, WEEK)) == 30
    with attempts.Attempts(here) as journal:
        assert journal._interrupted == {} and journal._blame == {}


def test_a_torn_waiting_result_is_not_taken(new_class, attempts_file):
    here = new_class(1)
    copy = master.from_gradebook(here, WEEK)
    one = grade.submission.read("s00", WEEK, here.submitted / "s00" / WEEK)
    record.put_waiting(here, one, fixed_marks(copy, one), record.key(copy, one))
    place = record.waiting_path(here, WEEK, "s00")
    content, tries = place.read_bytes(), begun(attempts_file)
    for length in range(0, len(content), 97):
        place.write_bytes(content[:length])
        assert record.waiting(here, one, record.key(copy, one)) is None and not place.exists()
    place.write_bytes(content)
    assert record.waiting(here, one, record.key(copy, one)) == fixed_marks(copy, one)
    assert record.waiting(here, one, "another key") is None
    assert tries == ["s00"]


def test_every_submission_has_one_outcome_or_is_named(new_class, monkeypatch):
    """The count at the end is made from what is on disk, so a record that vanished is found out."""
    here = new_class(3)
    real = record.Recorder._put_record

    def forgets(self, taken, *rest):
        real(self, taken, *rest)
        if taken.submission.student == "s01":
            record.path(here, WEEK, "s01").unlink()

    monkeypatch.setattr(record.Recorder, "_put_record", forgets)
    with pytest.raises(grade.Unfinished, match="1 of 3"):
        inline(here)


def test_a_persons_marks_are_not_lost_when_the_gradebook_is_open_in_nbgrader(new_class):
    here = new_class(2)
    inline(here)
    with Gradebook(here.db_url) as book:
        thought = next(g for g in book.find_submission(WEEK, "s00").notebooks[0].grades if g.auto_score is None)
        thought.manual_score, thought.needs_manual_grade = 1.0, False
        inline(here, again=True)
        book.db.commit()
    kept = [row for row in marks(here) if row[3] is not None]
    assert len(kept) == 1 and kept[0][0] == "s00"
