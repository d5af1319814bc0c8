"""Claims about the command ``dyadlab``, as its user types it."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from dyadlab import cli
from dyadlab.grading import course

VERBS = "build check data release collect grade feedback export simulate demo site lab".split()


def dyadlab(*words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "dyadlab", *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "100", **environment},
        timeout=300,
    )


def test_help_names_every_verb_and_loads_nothing_heavy():
    answer = dyadlab("--help")
    assert answer.returncode == 0
    for verb in VERBS:
        assert re.search(rf"^ +{verb} ", answer.stdout, re.MULTILINE), verb
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, dyadlab.cli; print(*sys.modules)"], capture_output=True, text=True
    )
    assert not {"pandas", "numpy", "nbgrader", "rich", "matplotlib"} & set(loaded.stdout.split())


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_its_own_help(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([verb, "--help"])
    assert ended.value.code == 0
    assert f"dyadlab {verb}" in capsys.readouterr().out


def test_a_students_import_is_no_heavier_than_pandas():
    code = "import sys, dyadlab; dyadlab.load('dyads'); from dyadlab import checks, ____; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"matplotlib", "seaborn", "scipy", "statsmodels", "nbgrader", "ipywidgets", "jupyterlab", "rich"}
    assert not heavy & set(answer.stdout.split())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("build", "w77"), "There is no week called 'w77'. The weeks of this course: w00_welcome"),
        (("grade", "nonsense"), "There is no week called 'nonsense'"),
        (("data", "build", "dyds"), "dyads"),
        (("collect", "w00", "--from", "nothing.zip"), "There is no file or folder nothing.zip"),
    ],
)
def test_a_wrong_word_gets_a_sentence_on_stderr_and_an_exit_status(words, sentence, fresh_course):
    answer = dyadlab(*words, DYADLAB_COURSE=str(fresh_course.root))
    assert answer.returncode == (2 if words[0] == "grade" else 1)
    assert sentence in answer.stderr and "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("grade", "w00"), "Run `dyadlab build w00_welcome` first"),
        (("simulate", "w00"), "Run `dyadlab build w00_welcome` first"),
        (("release", "w00"), "Run `dyadlab build w00_welcome` first"),
        (("feedback", "w00"), "Run `dyadlab grade w00_welcome` first"),
        (("collect", "w00"), "Run `dyadlab release w00_welcome`"),
        (("export",), "Run `dyadlab build` first"),
    ],
)
def test_a_verb_that_comes_too_early_says_which_comes_before(words, sentence, tmp_path):
    shutil.copytree(course.REPOSITORY / "course" / "source", tmp_path / "course" / "source")
    answer = dyadlab(*words, DYADLAB_COURSE=str(tmp_path / "course"))
    assert answer.returncode == (2 if words[0] == "grade" else 1)
    assert sentence in answer.stderr and "Traceback" not in answer.stderr


def test_a_course_folder_that_is_none_gets_a_sentence(tmp_path):
    answer = dyadlab("build", DYADLAB_COURSE=str(tmp_path))
    assert answer.returncode == 1 and "There is no folder" in answer.stderr


def test_a_week_can_be_named_by_number_short_name_or_full_name():
    here = course.Course(course.REPOSITORY / "course")
    assert here.week("0") == here.week("w00") == here.week("W00_Welcome ") == "w00_welcome"


def test_a_class_is_simulated_graded_returned_and_exported_from_the_command_line(fresh_course, tmp_path):
    where = {"DYADLAB_COURSE": str(fresh_course.root)}
    assert dyadlab("simulate", "w00", "--students", "4", **where).returncode == 0
    first = dyadlab("grade", "w00", **where)
    assert first.returncode == 0, first.stderr
    assert "4 submissions" in first.stdout and "4 graded now, 0 unchanged" in first.stdout
    assert "0 graded now, 4 unchanged" in dyadlab("grade", "w00", **where).stdout
    one = dyadlab("grade", "w00", "--student", "sim04", "--again", **where)
    assert "1 graded now, 0 unchanged" in one.stdout
    stranger = dyadlab("grade", "w00", "--student", "nobody", **where)
    assert stranger.returncode == 2 and "nobody has handed nothing in" in stranger.stderr
    returned = dyadlab("feedback", "w00", **where)
    assert returned.returncode == 0 and "4 feedback pages" in returned.stdout
    assert dyadlab("feedback", "w00", **where).stdout == returned.stdout
    assert dyadlab("simulate", "w00", "--students", "4", **where).returncode == 0
    table = dyadlab("export", "w00", "--to", "csv", **where)
    assert table.stdout.splitlines()[0].startswith("student_id,week,state,score")
    assert len(table.stdout.splitlines()) == 5
    assert dyadlab("export", "w00", "--file", str(tmp_path / "marks.csv"), **where).returncode == 0
    assert (tmp_path / "marks.csv").read_text(encoding="utf-8-sig").replace("\r", "") == table.stdout


def test_simulated_work_never_overwrites_a_real_submission(fresh_course):
    real = fresh_course.submitted / "sim01" / "w00_welcome"
    real.mkdir(parents=True)
    (real / "w00_welcome.ipynb").write_text("mine")
    answer = dyadlab("simulate", "w00", "--students", "2", DYADLAB_COURSE=str(fresh_course.root))
    assert answer.returncode == 1 and "not simulated" in answer.stderr
    assert (real / "w00_welcome.ipynb").read_text() == "mine"
    assert not (fresh_course.submitted / "sim02").exists()


@pytest.mark.slow
def test_the_demo_ends_well_names_its_folder_and_starts_clean(tmp_path):
    folder = tmp_path / "a demo"
    folder.mkdir()
    (folder / "somebody's file").write_text("mine")
    refused = dyadlab("demo", "--folder", str(folder))
    assert refused.returncode == 1 and "not empty and not a demo's folder" in refused.stderr
    (folder / "somebody's file").unlink()
    (folder / "made-by-dyadlab-demo.txt").write_text("")
    (folder / "left-over").write_text("from an earlier demo")
    answer = dyadlab("demo", "--folder", str(folder))
    assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr[-3000:]
    assert not (folder / "left-over").exists()
    weeks = ("w00_welcome", "w04_depression")
    assert f"{12 * len(weeks)} submissions" in answer.stdout
    assert f"{12 * len(weeks)} graded now" in answer.stdout
    rows = (folder / "marks.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(rows) == 1 + 12 * len(weeks)
    assert sum("rejected" in row for row in rows) == len(weeks)
    assert str(folder) in answer.stdout.replace("\n", "")
