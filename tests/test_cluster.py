"""Claims about grading on a cluster: a real scheduler and real workers, each a process of its own, on this machine."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest
from dyadlab.grading import cluster, engine, grade, master, nbgrader_bridge, record, simulate, submission
from dyadlab.grading.course import Course

WEEK = "w00_welcome"
#: Right, wrong, half done, blank, doctored, unreadable, and one that kills Python.
CLASS = (*simulate.KINDS[:10], "not a notebook", "kills Python")
pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="there are no walls on Windows, and so no grading workers"),
]


class Cluster:
    """A scheduler and its workers, by dask's own commands."""

    def __init__(self, folder):
        self._folder, self._processes = folder, contextlib.ExitStack()
        self.file = folder / "scheduler.json"
        self._start("scheduler", "--scheduler-file", self.file, "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        until(lambda: self.file.exists() and self.file.read_text().rstrip().endswith("}"))
        self.address = json.loads(self.file.read_text())["address"]

    def add_worker(self, **paths):
        """Start a worker with one thread, with these folders in front of such paths. Returns its process."""
        paths = {name: os.pathsep.join(filter(None, (v, os.environ.get(name)))) for name, v in paths.items()}
        words = ("--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--no-dashboard")
        return self._start("worker", self.address, *words, "--local-directory", self._folder, **paths)

    def _start(self, what, *words, **paths):
        process = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_" + what, *map(str, words)],
            env=os.environ | paths,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._processes.callback(self.stop, process)
        return process

    @staticmethod
    def stop(process):
        process.kill()
        process.wait()

    def close(self):
        self._processes.close()


def until(condition, seconds=60):
    """Wait until ``condition()`` holds."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return found


@pytest.fixture
def local(tmp_path):
    """A cluster without workers."""
    made = Cluster(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def connected(tmp_path_factory):
    """An executor on a cluster with one fit worker, which no test kills; what it says is in ``executor.said``."""
    made, said = Cluster(tmp_path_factory.mktemp("cluster")), []
    made.add_worker()
    with cluster.connect(made.address, say=said.append) as executor:
        executor.said, executor.cluster = said, made
        yield executor
    made.close()


@pytest.fixture(scope="module")
def handed_in(built_course):
    """The master of week 0 and some submissions."""
    made = simulate.simulate(built_course, WEEK, 6, CLASS)
    return master.from_gradebook(built_course, WEEK), [submission.Submission(m.student, WEEK, m.files) for m in made]


def marks(course):
    """All of a graded week that has to be the same wherever it was graded."""
    with nbgrader_bridge.gradebook(course) as gradebook:
        scores = {
            (stored.student.id, grade.name): (grade.auto_score, grade.needs_manual_grade)
            for stored in gradebook.assignment_submissions(WEEK)
            for notebook in stored.notebooks
            for grade in notebook.grades
        }
    said = {s: (r.outcome, r.score, r.remarks) for s, r in record.outcomes(course, WEEK).items()}
    return scores, said


def test_marks_are_those_of_this_machine_though_a_worker_is_killed_at_work(connected, built_course, tmp_path):
    """A whole class through the grader, once here and once over there; one of two workers is killed in the middle."""
    here, there = (Course(tmp_path / name, solutions=tmp_path / "solutions") for name in ("here", "there"))
    for course in (here, there):
        shutil.copytree(built_course.root, course.root)
        simulate.put_in(course, WEEK, simulate.simulate(course, WEEK, len(CLASS), CLASS))
    doomed = connected.cluster.add_worker()
    until(lambda: connected.slots == 2)
    finished = grade.grade(there, [WEEK], executor=connected, progress=lambda done, total, one: one and doomed.kill())
    grade.grade(here, [WEEK], jobs=1)
    assert doomed.wait(60) == -signal.SIGKILL
    assert marks(there) == marks(here)
    assert len(finished) == len(CLASS)
    assert {one.record.outcome for one in finished} == {engine.GRADED, engine.NEEDS_PERSON, engine.REJECTED}
    until(lambda: connected.slots == 1)


def test_the_command_grades_on_a_cluster(connected, fresh_course):
    simulate.put_in(fresh_course, WEEK, simulate.simulate(fresh_course, WEEK, 1, ["all answers"]))
    done = subprocess.run(
        [sys.executable, "-m", "dyadlab", "grade", "w00", "--json", "--cluster", connected.cluster.file],
        env=os.environ | {"DYADLAB_COURSE": str(fresh_course.root)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode in (0, 1), done.stderr
    (found,) = record.outcomes(fresh_course, WEEK).values()
    assert found.score == master.from_gradebook(fresh_course, WEEK).auto_score


def test_a_worker_with_another_version_is_refused_by_name(local, tmp_path):
    local.add_worker(PYTHONPATH=str(with_other_version(tmp_path)))
    with pytest.raises(cluster.ClusterError, match=r"numpy is 1\.0\.1 there and .* here") as refused:
        cluster.connect(local.address)
    assert "tcp://" in str(refused.value) and "Nothing was graded" in str(refused.value)


def with_other_version(folder):
    """A folder that, first on the path, makes numpy say that it is version 1.0.1."""
    (folder / "other" / "numpy-1.0.1.dist-info").mkdir(parents=True)
    (folder / "other" / "numpy-1.0.1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: numpy\nVersion: 1.0.1\n"
    )
    return folder / "other"


def test_a_worker_that_joins_later_and_differs_is_sent_away_and_marks_nothing(connected, handed_in, tmp_path):
    copy, all_of_them = handed_in
    joining = connected.cluster.add_worker(PYTHONPATH=str(with_other_version(tmp_path)))
    until(lambda: connected.slots == 2)
    sent = [connected.submit(engine.grade_submission, copy, one) for one in all_of_them]
    assert [future.result(timeout=300).student for future in sent] == [one.student for one in all_of_them]
    until(lambda: connected.slots == 1)
    (sentence,) = connected.said
    assert "joined later and was sent away: numpy is 1.0.1 there" in sentence
    assert joining.wait(60) is not None


def test_a_worker_without_walls_is_refused(monkeypatch):
    """Asked in this process; from a worker it reaches the instructor as any other difference does."""
    from dyadlab.grading import sandbox

    def none():
        raise sandbox.NoSandbox("No walls here.")

    monkeypatch.setattr(sandbox, "choose", none)
    assert cluster.walls() == (None, ["No walls here."])


def test_what_grades_dies_with_its_worker(connected):
    """Nothing that a lost worker had started goes on grading."""
    worker = connected.cluster.add_worker()
    until(lambda: connected.slots == 2)
    (address,) = [a for a, pid in connected._client.run(os.getpid).items() if pid == worker.pid]
    hands = connected._client.submit(hands_of_this_worker, workers=[address], pure=False).result(timeout=60)
    os.kill(hands, 0)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    until(lambda: not alive(hands))


def hands_of_this_worker():
    return cluster.own_hands()._process.pid


hands_of_this_worker.__module__ = "__main__"  # so that it is sent whole: workers cannot import this file


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_submission_that_kills_what_grades_it_costs_no_other(connected, handed_in):
    copy, all_of_them = handed_in
    deadly = connected.submit(os._exit, 3)
    failing = connected.submit(int, "no number")
    innocent = connected.submit(engine.grade_submission, copy, all_of_them[0])
    with pytest.raises(cluster.WorkerDied, match="with status 3"):
        deadly.result(timeout=120)
    with pytest.raises(cluster.Failed, match="ValueError: invalid literal"):
        failing.result(timeout=120)
    assert innocent.result(timeout=120).student == all_of_them[0].student


def test_an_answer_that_is_a_program_is_not_run(connected):
    """The client takes data from workers; an object that would run something when unpickled is an error."""
    with pytest.raises(TypeError, match="deserialize"):
        connected._client.submit(pathlib.PurePosixPath, "x", pure=False).result(timeout=60)


def test_students_cannot_learn_where_the_scheduler_is(connected, handed_in):
    copy, all_of_them = handed_in
    port = connected.cluster.address.rpartition(":")[2]
    notebook = json.loads(all_of_them[0].files[f"{WEEK}.ipynb"])
    first = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    first["source"] = "import os, sys\nprint(dict(os.environ), sys.argv)\nprint(open('/proc/self/environ').read())"
    one = submission.Submission("nosy", WEEK, {f"{WEEK}.ipynb": json.dumps(notebook).encode()})
    result = connected.submit(engine.grade_submission, copy, one).result(timeout=120)
    outputs = [cell.get("outputs") for cell in json.loads(result.notebook)["cells"]]
    said = json.dumps(
        outputs[notebook["cells"].index(first)]
    )  # elsewhere there are numbers enough, checksums above all
    assert "MPLBACKEND" in said
    assert port not in said and "DASK" not in said


def test_a_result_survives_the_way_and_a_forged_one_does_not():
    cells = (engine.CellResult("a", 1.5, 2.0, "s\ud800"), engine.CellResult("b", None, 3.0))
    result = engine.Result(
        "zoë", "w00", engine.NEEDS_PERSON, cells, b"\x00\xff{}", ("one",), "log", 0.25, flags=("two",)
    )
    assert cluster.value_from(cluster.as_content(result)) == result
    assert cluster.value_from(cluster.as_content(True)) is True
    for forged in (b"", b"{}", b"[]", b"1", cluster.as_content(result).replace(b'"grade_id"', b'"other"')):
        with pytest.raises((ValueError, TypeError, KeyError)):
            cluster.value_from(forged)


def test_no_cluster_no_worker_and_no_package_are_sentences(local, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_S", 1)
    monkeypatch.setattr(cluster, "FIRST_WORKER_S", 1)
    with pytest.raises(cluster.ClusterError, match=r"There is no cluster at tcp://127\.0\.0\.1:9"):
        cluster.connect("tcp://127.0.0.1:9")
    with pytest.raises(cluster.ClusterError, match="has no worker yet"):
        cluster.connect(str(local.file))
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(cluster.ClusterError, match=r"dyadlab\[cluster\]"):
        cluster.connect(local.address)


def test_a_scheduler_that_goes_away_ends_the_waiting(local, handed_in, monkeypatch):
    copy, all_of_them = handed_in
    local.add_worker()
    with cluster.connect(local.address) as executor:
        sent = [executor.submit(engine.grade_submission, copy, one) for one in all_of_them]
        local.close()
        for future in sent:
            with contextlib.suppress(cluster.ClusterError):
                future.result(timeout=120)
        assert isinstance(sent[-1].exception(), cluster.ClusterError)
