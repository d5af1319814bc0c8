"""Claims about the command ``dyadlab``, as its user types it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dyadlab import __version__, cli
from dyadlab.grading import course, demo, export

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
    assert "1 graded now" in one.stdout and "unchanged since" not in one.stdout + first.stdout
    returned = dyadlab("feedback", "w00", **where)
    assert returned.returncode == 0 and "2 feedback pages" in returned.stdout and "2 pages are held" in returned.stdout
    assert "4 feedback pages" in dyadlab("feedback", "w00", "--even-unread", **where).stdout
    assert dyadlab("feedback", "w00", **where).stdout == returned.stdout
    assert dyadlab("simulate", "w00", "--students", "4", **where).returncode == 0
    table = dyadlab("export", "w00", "--to", "csv", **where)
    assert table.stdout.splitlines()[0].startswith("student_id,week,state,score")
    assert len(table.stdout.splitlines()) == 5
    assert dyadlab("export", "w00", "--file", str(tmp_path / "marks.csv"), **where).returncode == 0
    assert (tmp_path / "marks.csv").read_text(encoding="utf-8-sig").replace("\r", "") == table.stdout
    assert "4 simulated submissions were removed" in dyadlab("simulate", "--remove", "w00", **where).stdout
    assert len(dyadlab("export", "w00", **where).stdout.splitlines()) == 1


@pytest.fixture
def week_0(one_week, tmp_path):
    """A course with week 0 only, and the variable that names it."""
    shutil.copytree(one_week.root, tmp_path / "course")
    return {"DYADLAB_COURSE": str(tmp_path / "course")}


def test_a_grader_with_nothing_to_grade_says_what_takes_work_in(week_0):
    answer = dyadlab("grade", "w00", **week_0)
    assert answer.returncode == 0 and "Run `dyadlab collect w00_welcome` first." in answer.stdout


def test_marks_that_cannot_be_written_or_read_get_a_sentence(week_0, tmp_path):
    nowhere = dyadlab("export", "--file", str(tmp_path / "nowhere" / "x.csv"), **week_0)
    assert "the folder for" in nowhere.stderr and "does not exist" in nowhere.stderr
    a_folder = dyadlab("export", "--file", str(tmp_path), **week_0)
    gradebook = tmp_path / "course" / "gradebook.db"
    gradebook.write_bytes(gradebook.read_bytes()[:20_000])
    damaged = dyadlab("export", **week_0)
    assert "is damaged" in damaged.stderr
    for answer in (nowhere, a_folder, damaged):
        assert answer.returncode == 1 and answer.stdout == ""
        assert len(answer.stderr.splitlines()) == 1 and "Error" not in answer.stderr


def test_a_table_that_is_open_elsewhere_is_to_be_closed_first(monkeypatch):
    def in_use(*_words, **_more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", in_use)
    with pytest.raises(course.CourseError, match="open in a spreadsheet program, close it"):
        export.write("", "marks.csv")


def test_a_number_in_words_is_answered_with_an_example():
    for words in ("three", "0", "-2", "2.5"):
        answer = dyadlab("simulate", "w00", f"--students={words}")
        assert answer.returncode == 2 and "such as 12" in answer.stderr


def test_help_names_defaults_and_what_a_week_looks_like(capsys):
    for verb, words in (("simulate", "12 when not given"), ("release", "such as w04"), ("grade", "such as w04")):
        with pytest.raises(SystemExit):
            cli.main([verb, "--help"])
        assert words in capsys.readouterr().out
    assert dyadlab("--version").stdout.startswith(f"dyadlab {__version__}")


def test_the_guide_has_somebody_read_between_grading_and_feedback():
    order = ["dyadlab grade", "dyadlab lab ", "Manual Grading", "dyadlab feedback"]
    places = [cli.GUIDE.index(words) for words in order]
    assert places == sorted(places)


def test_the_lab_is_started_without_the_servers_talk_of_its_parts(monkeypatch):
    asked = {}
    monkeypatch.setattr("dyadlab.lab.run", lambda **words: asked.update(words))
    with pytest.raises(SystemExit):
        cli.main(["lab", "--student"])
    assert asked == {"student": True, "extra": ["--Application.log_level=WARN"]}


def test_a_check_that_takes_minutes_says_first_what_it_does(monkeypatch, capsys):
    from dyadlab.grading import check

    monkeypatch.setattr(check, "check", lambda here, week: check.Checked(week))
    with pytest.raises(SystemExit):
        cli.main(["check", "w00"])
    said = capsys.readouterr()
    assert re.search(r"w00_welcome: trying \d+ listed answers", said.err) and "trying" not in said.out


@pytest.mark.skipif(os.name == "nt", reason="nbgrader's exchange of files does not work on Windows")
def test_the_exchange_that_the_variable_names_is_the_one_students_see(week_0, tmp_path):
    where = week_0 | {"DYADLAB_EXCHANGE": str(tmp_path / "shared")}
    refused = dyadlab("release", "w00", **where)
    assert refused.returncode == 1 and "DYADLAB_EXCHANGE names" in refused.stderr
    (tmp_path / "shared").mkdir()
    assert str(tmp_path / "shared") in dyadlab("release", "w00", **where).stdout
    assert (tmp_path / "shared" / "dyadlab" / "outbound" / "w00_welcome" / "w00_welcome.ipynb").exists()
    assert not (tmp_path / "course" / "exchange" / "dyadlab").exists()
    student = {**os.environ, **where, "JUPYTER_CONFIG_PATH": str(course.REPOSITORY / "jupyter_config")}
    nbgrader = Path(sys.executable).with_name("nbgrader")
    seen = subprocess.run([nbgrader, "list"], env=student, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert "dyadlab w00_welcome" in seen.stdout + seen.stderr
    assert "0 submissions" in dyadlab("collect", "w00", **where).stdout


def test_only_the_course_of_this_terminal_has_the_exchange_that_the_variable_names(monkeypatch, tmp_path):
    monkeypatch.setenv("DYADLAB_EXCHANGE", str(tmp_path / "shared"))
    monkeypatch.setenv("DYADLAB_COURSE", str(tmp_path / "course"))
    assert course.here().exchange == tmp_path / "shared"
    assert course.Course(tmp_path / "course").exchange == tmp_path / "course" / "exchange"
    (tmp_path / "course" / "source").mkdir(parents=True)
    assert demo.fresh_course(tmp_path / "demo").exchange == tmp_path / "demo" / "course" / "exchange"


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
    assert f"To look around in it: DYADLAB_COURSE='{folder / 'course'}' dyadlab lab" in answer.stdout
