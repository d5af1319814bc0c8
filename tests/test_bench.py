"""Claims about the benchmark: what it prints last, and that all do the same work. Nothing is timed here."""

import json
import re
import subprocess
import sys

import bench
import classes
import floor
import nbformat
import otter_form
import pytest
from contenders import Run
from dyadlab.grading import course, engine, master, notebooks, submission

BENCHMARKS = course.REPOSITORY / "benchmarks"

FORM = (
    r"grading: \d+\.\d times nbgrader, \d+\.\d times otter, \d+ % of the floor, \d+\.\d times nbgrader on a light week"
)


def recorded(otter=True):
    """Measurements as a run leaves them; the numbers are made up so that the line can be worked out by hand."""
    students = ["sim01", "sim02"]
    ways = {"slow": [Run(1, 20.0)] * 3, "fast": [Run(2, 13.0, 1.0, scores=dict.fromkeys(students, 17.0))] * 3}
    return bench.Measured(
        nbgrader=[Run(4, wall, 2.0, scores=dict.fromkeys(students, 17.0)) for wall in (18.0, 17.0, 40.0)],
        otter=ways if otter else {},
        dyadlab=[Run(8, wall, scores=dict.fromkeys(students, 17.0)) for wall in (4.0, 3.9, 9.0)],
        dyadlab_few=[Run(2, wall) for wall in (1.6, 1.5, 3.0)],
        floor=[Run(8, wall, figures=32) for wall in (3.0, 3.0, 7.0)],
        light_nbgrader=[Run(4, 10.0, 2.0)] * 3,
        light_dyadlab=[Run(8, 0.8)] * 3,
        light_floor=[Run(8, 0.4)] * 3,
    )


def test_the_closing_line_has_the_agreed_form_and_follows_from_the_measurements(monkeypatch, capsys):
    """nbgrader 2 / 8 + 4 s, otter 1 / 8 + 6 s, dyadlab 4 / 8 s, floor 3 / 8 s; light 2 / 8 + 2 s against 0.1 s."""
    monkeypatch.setattr(bench, "compare", lambda folder, asked: recorded())
    assert bench.main([]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(FORM, last)
    assert last == (
        "grading: 8.5 times nbgrader, 12.2 times otter, 75 % of the floor, 22.5 times nbgrader on a light week"
    )


def test_without_otter_the_closing_line_says_so(monkeypatch, capsys):
    monkeypatch.setattr(bench, "compare", lambda folder, asked: recorded(otter=False))
    assert bench.main([]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "grading: 8.5 times nbgrader, otter not measured, 75 % of the floor, 22.5 times nbgrader on a light week"
    )


def test_a_way_of_grading_that_did_not_grade_gives_no_figures(monkeypatch, capsys):
    def fails(folder, asked):
        raise bench.contenders.DidNotGrade("nbgrader graded 3 of 4:\nwhat it said")

    monkeypatch.setattr(bench, "compare", fails)
    assert bench.main([]) == 1
    printed = capsys.readouterr()
    assert "grading:" not in printed.out
    assert "graded 3 of 4" in printed.err


@pytest.fixture(scope="module", params=[bench.LIGHT, bench.HEAVY])
def handed_in(request, tmp_path_factory):
    """(Course, Master, submissions) of one of the weeks that are timed, handed in as for the benchmark."""
    here = classes.course_with(tmp_path_factory.mktemp("bench"), request.param, len(classes.KINDS))
    (week,) = here.weeks()
    found = [submission.read(student, week, folder) for student, folder in here.submissions(week).items()]
    return here, master.from_gradebook(here, week), found


def test_the_floor_and_the_grader_run_the_same_students_cells(handed_in, tmp_path):
    """What each student's cell printed, which error ended it and how many figures it drew is the same in both."""
    here, copy, submissions = handed_in
    program = (
        "import json, sys; from pathlib import Path; from dyadlab.grading.course import Course; "
        "sys.path.insert(0, sys.argv[1]); import floor; "
        "work = list(floor.jobs_of(Course(Path(sys.argv[2])), sys.argv[3])); floor.be_warm(); "
        "print(json.dumps([floor.run_cells(cells) for cells, files in work[:2]]))"
    )
    words = [sys.executable, "-W", "ignore", "-c", program, str(BENCHMARKS), str(here.root), copy.week]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for one, on_the_floor in zip(submissions, json.loads(done.stdout), strict=False):
        graded = nbformat.reads(engine.grade_submission(copy, one).notebook.decode(), as_version=4)
        code = [cell for cell in graded.cells if cell.cell_type == "code"]
        in_the_grader = [outcome(cell) for cell in code if not notebooks.is_check(cell)]
        assert [(c["printed"], c["failed"], c["figures"]) for c in on_the_floor] == in_the_grader
        assert sum(figures for _printed, _failed, figures in in_the_grader) >= 1


def outcome(cell):
    """(printed, name of the error or "", number of figures) of an executed cell."""
    printed = "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stdout")
    failed = "".join(o.ename for o in cell.outputs if o.output_type == "error")
    return printed, failed, sum("image/png" in o.get("data", {}) for o in cell.outputs)


def test_the_heavy_week_is_as_heavy_as_is_said(handed_in):
    """It imports pandas, seaborn and statsmodels, and the light week does not import all of them."""
    _here, copy, submissions = handed_in
    text = submissions[0].files[f"{copy.week}.ipynb"].decode()
    imported = [package for package in ("pandas", "seaborn", "statsmodels") if f"import {package}" in text]
    assert (len(imported) == 3) == copy.week.startswith(bench.HEAVY)


def test_students_of_the_class_have_numbers_of_their_own_and_some_are_wrong(handed_in):
    _here, copy, submissions = handed_in
    texts = [one.files[f"{copy.week}.ipynb"] for one in submissions]
    for one, text in zip(submissions, texts, strict=True):
        assert f"my_id = '{one.student}'".encode() in text or one.student.encode() in text
    assert len(set(texts)) == len(texts)


def test_otter_gets_every_check_once_and_none_of_their_cells(handed_in, tmp_path):
    _here, copy, submissions = handed_in
    checks = {cell.grade_id for cell in copy.cells if cell.cell_type == "code" and cell.grade and not cell.solution}
    assert otter_form.write_tests(copy, tmp_path / "tests") == len(checks)
    assert {path.stem for path in (tmp_path / "tests").iterdir()} == checks
    for path in (tmp_path / "tests").iterdir():
        compile(path.read_text(encoding="utf-8"), str(path), "exec")
        assert repr(copy[path.stem].source) in path.read_text(encoding="utf-8")
    handed_in_notebook = nbformat.reads(submissions[0].files[f"{copy.week}.ipynb"].decode(), as_version=4)
    before = [cell.source for cell in handed_in_notebook.cells if not notebooks.is_check(cell)]
    made = otter_form.submission(handed_in_notebook, copy)
    assert [cell.source for cell in made.cells] == before
    named = [name for cell in made.cells for name in cell.metadata.get("otter", {}).get("tests", [])]
    assert sorted(named) == sorted(checks)
    assert floor.student_cells(made) == floor.student_cells(handed_in_notebook)
