"""Claims about what recording writes, and about what it must leave as people left it."""

import contextlib
import datetime
import json
import os
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest
from dyadlab import cli
from dyadlab.grading import (
    course,
    engine,
    export,
    feedback,
    grade,
    master,
    nbgrader_bridge,
    notebooks,
    record,
    scores,
    show,
    workers,
)
from nbgrader.api import Gradebook

WEEK = "w00_welcome"
REAL = course.Course(course.REPOSITORY / "course")


@pytest.fixture
def here(one_week, tmp_path):
    """A course in which the students a and b have handed in the released notebook."""
    shutil.copytree(one_week.root, tmp_path / "course")
    made = course.Course(tmp_path / "course", solutions=tmp_path / "solutions")
    hand_in(made, "a")
    hand_in(made, "b")
    return made


def hand_in(here, student, note="", timestamp="2027-01-02 12:00:00 UTC", **files):
    folder = here.submitted / student / WEEK
    folder.mkdir(parents=True, exist_ok=True)
    notebook = json.loads((here.release / WEEK / f"{WEEK}.ipynb").read_bytes())
    for cell in notebook["cells"]:
        if note and cell["metadata"].get("nbgrader", {}).get("grade_id", "").endswith("_think"):
            cell["source"] = note
    (folder / f"{WEEK}.ipynb").write_text(json.dumps(notebook))
    (folder / "timestamp.txt").write_text(timestamp)
    for name, content in files.items():
        (folder / name).write_text(content)
    return folder


def full(copy, one):
    """All that checks can give; persons decide about the rest."""
    cells = [engine.CellResult(c.grade_id, None if c.solution else c.points, c.points) for c in copy.cells if c.grade]
    return engine.Result(one.student, one.week, engine.NEEDS_PERSON, tuple(cells), one.files[f"{WEEK}.ipynb"])


def nothing(copy, one):
    cells = [engine.CellResult(c.grade_id, 0.0, c.points) for c in copy.cells if c.grade]
    return engine.Result(one.student, one.week, engine.GRADED, tuple(cells), one.files[f"{WEEK}.ipynb"])


def flagged(copy, one):
    sentence = "Something went on that no check can judge."
    return engine.Result(**{**full(copy, one).__dict__, "remarks": (sentence,), "flags": (sentence,)})


def rejected(copy, one):
    return engine.Result(one.student, one.week, engine.REJECTED, remarks=("It is not a notebook.",))


def graded(here, grade_one=full, **more):
    found = grade.grade(here, [WEEK], executor=workers.Inline(), grade_one=grade_one, **more)
    return {g.record.student: g for g in found}


@contextlib.contextmanager
def stored(here, student):
    """nbgrader's own view of a submission, written back at the end."""
    with Gradebook(here.db_url) as book:
        yield book.find_submission(WEEK, student).notebooks[0]
        book.db.commit()


def of_a_person(here, student):
    """What people decide about: (cell, manual score, extra credit, still to be marked), and their comments."""
    with stored(here, student) as notebook:
        marks = sorted((g.name, g.manual_score, g.extra_credit, g.needs_manual_grade) for g in notebook.grades)
        return marks, sorted((c.name, c.manual_comment) for c in notebook.comments)


@pytest.fixture
def marked(here):
    """The course after a person has marked the work of a."""
    hand_in(here, "a", "My own words.")
    graded(here)
    with stored(here, "a") as notebook:
        thought = next(g for g in notebook.grades if g.auto_score is None)
        thought.manual_score, thought.needs_manual_grade, thought.extra_credit = 0.5, False, 0.25
        overruled = next(g for g in notebook.grades if g.auto_score)
        overruled.manual_score, overruled.needs_manual_grade = 0.75 * overruled.auto_score, False
        next(c for c in notebook.comments if c.name == thought.name).manual_comment = "Clear and fair."
    return here


# --- what people decided ------------------------------------------------------------------------------------------


def test_what_a_person_decided_survives_grading_again(marked):
    before, score = of_a_person(marked, "a"), export.marks(marked, [WEEK])[0]["score"]
    assert graded(marked, again=True)["a"].fresh
    assert of_a_person(marked, "a") == before
    row = export.marks(marked, [WEEK])[0]
    assert (row["score"], row["state"]) == (score, "graded")


def test_new_work_keeps_a_persons_marks_and_asks_that_person_to_look_again(marked):
    hand_in(marked, "a", "Other words.")
    before = of_a_person(marked, "a")
    graded(marked)
    after = of_a_person(marked, "a")
    assert [row[:3] for row in after[0]] == [row[:3] for row in before[0]] and after[1] == before[1]
    marked_by_hand = [row for row in after[0] if row[1] is not None]
    assert len(marked_by_hand) == 2 and all(needs for *_rest, needs in marked_by_hand)


def test_a_check_that_says_something_else_now_asks_the_person_who_overruled_it(marked):
    graded(marked, nothing, again=True)
    with stored(marked, "a") as notebook:
        by_hand = {g.name: g.needs_manual_grade for g in notebook.grades if g.manual_score is not None}
    assert all(by_hand.values()) and len(by_hand) == 2


def test_the_score_on_record_is_the_one_that_nbgrader_adds_up(marked):
    found = graded(marked, again=True)["a"].record
    with Gradebook(marked.db_url) as book:
        assert found.score == book.find_submission(WEEK, "a").score


def test_an_answer_left_as_released_is_commented_no_response(here):
    hand_in(here, "a", "My own words.")
    graded(here)
    said = {}
    for student in "ab":
        with stored(here, student) as notebook:
            said[student] = {c.name for c in notebook.comments if c.auto_comment == "No response."}
    thoughts = said["b"] - said["a"]
    assert len(thoughts) >= 1 and all(name.endswith("think") for name in thoughts)


# --- late ---------------------------------------------------------------------------------------------------------


def deadline(here, when):
    with Gradebook(here.db_url) as book:
        book.find_assignment(WEEK).duedate = when
        book.db.commit()


@pytest.fixture
def strict(here, monkeypatch):
    """The course with a deadline that both have missed, and a policy that gives nothing for late work."""
    deadline(here, datetime.datetime(2027, 1, 1, 12))
    config = nbgrader_bridge.config_for(here)
    config.LateSubmissionPlugin.penalty_method = "zero"
    monkeypatch.setattr(nbgrader_bridge, "config_for", lambda course: config)
    return here


def test_a_late_penalty_survives_grading_again_and_an_extension_takes_it_back(strict):
    copy = master.from_gradebook(strict, WEEK)
    assert graded(strict)["a"].record.score == 0
    assert graded(strict, again=True)["a"].record.score == 0
    row = export.marks(strict, [WEEK])[0]
    assert (row["score"], row["late_penalty"]) == ("0", f"{copy.auto_score:g}")
    with Gradebook(strict.db_url) as book:
        book.grant_extension(WEEK, "a", days=2)
    found = graded(strict, again=True)
    assert found["a"].record.score == copy.auto_score and found["b"].record.score == 0


def test_work_in_time_is_not_penalised(strict):
    hand_in(strict, "a", timestamp="2027-01-01 11:59:59 UTC")
    hand_in(strict, "b", timestamp="2027-01-01T13:30:00+02:00")
    found = graded(strict)
    assert found["a"].record.score > 0 and found["b"].record.score > 0


def test_without_a_policy_no_configuration_is_read(here, monkeypatch):
    def never(course):
        raise AssertionError("nothing is late")

    monkeypatch.setattr(nbgrader_bridge, "config_for", never)
    assert graded(here)["a"].record.score > 0


# --- no mark is no zero -------------------------------------------------------------------------------------------


def test_without_a_mark_the_table_of_marks_stays_blank(here):
    def each_its_own(copy, one):
        if one.student == "b":
            raise RuntimeError("a defect")
        return rejected(copy, one)

    hand_in(here, "c")
    graded(here, each_its_own, students=["a", "b"])
    rows = {row["student_id"]: (row["state"], row["score"]) for row in export.marks(here, [WEEK])}
    assert rows == {"a": ("rejected", ""), "b": ("quarantined", ""), "c": ("not graded yet", "")}


def test_unreadable_work_after_readable_work_leaves_no_old_mark_and_no_old_page(here):
    graded(here)
    page = here.feedback / "a" / WEEK / f"{WEEK}.html"
    feedback.feedback(here, WEEK, even_unread=True)
    assert page.exists()
    hand_in(here, "a", "something else")
    found = graded(here, rejected)["a"].record
    assert found.score is None and not (here.autograded / "a" / WEEK).exists()
    with stored(here, "a") as notebook:
        assert {g.auto_score for g in notebook.grades} == {None}
    assert any(s.startswith("a: no page") for s in feedback.feedback(here, WEEK)) and not page.exists()


# --- the same work, other marks -----------------------------------------------------------------------------------


def test_marks_that_change_for_the_same_work_are_reported(here, capsys):
    graded(here)
    copy = master.from_gradebook(here, WEEK)
    found = graded(here, nothing, again=True)
    changes = found["a"].changes
    assert {c.cell for c in changes} == {cell.grade_id for cell in copy.cells if cell.grade and cell.points}
    lost = next(c for c in changes if copy[c.cell].points and not copy[c.cell].solution)
    points = copy[lost.cell].points
    assert (lost.before, lost.now) == (f"{points:g} of {points:g}", f"0 of {points:g}")
    assert f"{lost.cell}: {lost.before} → {lost.now}" in record.log_path(here, WEEK, "a").read_text()
    show.graded(list(found.values()), here)
    shown = capsys.readouterr().out
    assert "Marks that changed for the same work" in shown and lost.cell in shown


def test_a_check_that_is_worth_more_now_is_reported_with_its_points(here):
    graded(here)
    with contextlib.closing(sqlite3.connect(here.gradebook)) as book:
        book.execute("update grade_cells set max_score = max_score + 1 where cell_type = 'code' and max_score > 0")
        book.commit()
    found = graded(here)  # nobody asked for it: the master copy changed
    assert found["a"].fresh
    assert all(c.before.split()[-1] != c.now.split()[-1] for c in found["a"].changes) and found["a"].changes


def test_other_work_with_other_marks_is_no_change_to_report(here):
    graded(here)
    hand_in(here, "a", "Other words.")
    assert graded(here, nothing)["a"].changes == ()


# --- files --------------------------------------------------------------------------------------------------------


def test_the_graded_folder_holds_what_belongs_there_and_nothing_else(here):
    folder = hand_in(here, "a", **{"my.csv": "1", "old.csv": "2", "another.ipynb": "{}"})
    graded(here)
    there = here.autograded / "a" / WEEK
    assert (there / "my.csv").read_text() == "1" and not (there / "another.ipynb").exists()
    (folder / "old.csv").unlink()
    (folder / "my.csv").unlink()
    (folder / "my.csv").mkdir()
    (folder / "my.csv" / "inner.csv").write_text("3")
    graded(here)
    assert not (there / "old.csv").exists() and (there / "my.csv" / "inner.csv").read_text() == "3"
    notebooks.read(there / f"{WEEK}.ipynb")


def test_a_student_cannot_take_the_notebooks_place_with_a_folder(here):
    folder = here.submitted / "a" / WEEK
    (folder / f"{WEEK}.ipynb").rename(folder / "mine.ipynb")
    (folder / f"{WEEK}.ipynb").mkdir()
    (folder / f"{WEEK}.ipynb" / "in the way.txt").write_text("")

    def full_of_mine(copy, one):
        cells = full(copy, graded_one).cells
        return engine.Result(one.student, WEEK, engine.NEEDS_PERSON, cells, graded_one.files[f"{WEEK}.ipynb"])

    graded_one = grade.submission.read("b", WEEK, here.submitted / "b" / WEEK)
    assert graded(here, full_of_mine)["a"].record.score > 0
    notebooks.read(here.autograded / "a" / WEEK / f"{WEEK}.ipynb")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="file modes")
def test_what_nbgrader_left_read_only_is_replaced(here):
    graded(here)
    folder = here.autograded / "a" / WEEK
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    hand_in(here, "a", "Other words.")
    assert graded(here)["a"].fresh
    assert "Other words." in (folder / f"{WEEK}.ipynb").read_text()


@pytest.mark.parametrize("student", ["ж" * 120, "a.json", "-rf", "a[b]", "O'Neil; drop table grade", "\N{FIRE} zoë"])
def test_a_students_name_may_be_nearly_anything(here, student):
    hand_in(here, student)
    assert graded(here)[student].fresh
    assert not graded(here)[student].fresh
    assert record.read(here, WEEK, student).student == student
    assert student in {row["student_id"] for row in export.marks(here, [WEEK])}


def test_a_name_that_the_gradebook_cannot_hold_stops_nobody_else(here):
    if sys.platform != "linux":
        pytest.skip("file names that are not text are a matter of Linux")
    strange = os.fsdecode(b"na\xefve")
    hand_in(here, strange)
    with pytest.raises(grade.Unfinished, match="1 of 3") as unfinished:
        graded(here)
    assert {g.record.student for g in unfinished.value.finished} == {"a", "b"}


def test_one_transaction_holds_many_and_one_that_fails_costs_the_others_nothing(here, monkeypatch):
    for number in range(40):
        hand_in(here, f"s{number:02d}")
    begun = []
    run, put = scores.Scores._run, scores.Scores._put
    monkeypatch.setattr(record, "SECONDS", 600)
    monkeypatch.setattr(scores.Scores, "_run", lambda self, words: begun.append(words) or run(self, words))

    def fails_for_one(self, entry):
        score = put(self, entry)
        if entry.student == "s07":
            raise ValueError("of no use")
        return score

    monkeypatch.setattr(scores.Scores, "_put", fails_for_one)
    with pytest.raises(grade.Unfinished, match=r"s07 .*ValueError: of no use"):
        graded(here)
    assert begun.count("COMMIT") == 3, "42 submissions, 16 at a time"
    with contextlib.closing(sqlite3.connect(here.gradebook)) as book:
        names = {name for (name,) in book.execute("select student_id from submitted_assignment")}
    assert len(names) == 41 and "s07" not in names
    monkeypatch.undo()
    assert [s for s, g in graded(here).items() if g.fresh] == ["s07"]


def test_the_parent_keeps_no_notebook(here):
    """Memory is bounded by what is on its way, not by the class."""
    alive, most = [0], [0]

    class Counted(bytes):
        def __new__(cls, content):
            alive[0] += 1
            most[0] = max(most[0], alive[0])
            return super().__new__(cls, content)

        def __del__(self):
            alive[0] -= 1

    def counted(copy, one):
        return engine.Result(**{**full(copy, one).__dict__, "notebook": Counted(one.files[f"{WEEK}.ipynb"])})

    for number in range(60):
        hand_in(here, f"s{number:02d}")
    graded(here, counted)
    assert alive[0] == 0 and most[0] <= record.MANY + 2


# --- what is shown ------------------------------------------------------------------------------------------------


def run(here, monkeypatch, capsys, *words, grade_one=full):
    """``dyadlab grade`` in this process. Returns (exit status, standard output, standard error)."""
    real = grade.grade

    def inline(course, weeks, **more):
        return real(course, weeks, **{**more, "executor": workers.Inline(), "grade_one": grade_one})

    monkeypatch.setattr(grade, "grade", inline)
    monkeypatch.setenv("DYADLAB_COURSE", str(here.root))
    with pytest.raises(SystemExit) as ended:
        cli.main(["grade", "w00", *words])
    monkeypatch.setattr(grade, "grade", real)
    return ended.value.code, *capsys.readouterr()


def test_for_machines_there_is_one_document_on_standard_output(here, monkeypatch, capsys):
    status, out, _err = run(here, monkeypatch, capsys, "--json")
    found = json.loads(out)
    assert status == found["exit_status"] == 0
    assert found["counts"] == {
        "graded": 0,
        "needs a person": 2,
        "rejected": 0,
        "quarantined": 0,
        "not graded yet": 0,
    }
    assert [(s["student"], s["graded_now"]) for s in found["submissions"]] == [("a", True), ("b", True)]
    assert Path(found["submissions"][0]["log"]).read_text().startswith(f"a, {WEEK}: needs a person")
    again = json.loads(run(here, monkeypatch, capsys, "--json")[1])
    assert (again["graded_now"], again["unchanged"]) == (0, 2)


def test_the_exit_status_says_whether_somebody_has_to_look(here, monkeypatch, capsys):
    assert run(here, monkeypatch, capsys)[0] == 0
    hand_in(here, "b", "other words")
    status, out, _err = run(here, monkeypatch, capsys, grade_one=rejected)
    assert status == 1 and "1 rejected" in out and f"{WEEK}/b.log" in out.replace("\n", "")
    assert run(here, monkeypatch, capsys)[0] == 1, "as long as it is rejected"
    assert run(here, monkeypatch, capsys, "--again")[0] == 0
    assert run(here, monkeypatch, capsys, "--again", grade_one=flagged)[0] == 1
    status, _out, err = run(here, monkeypatch, capsys, "--student", "nobody")
    assert status == 2 and "nobody has handed nothing in" in err

    def stops(copy, one):
        os.kill(os.getpid(), 2)
        return full(copy, one)

    status, out, err = run(here, monkeypatch, capsys, "--again", "--json", grade_one=stops)
    assert status == 130 and json.loads(out)["stopped"] and "run the same command again" in err


def test_what_could_not_be_finished_is_in_the_table_with_its_reason(here, monkeypatch, capsys):
    def goes_away(copy, one):
        if one.student == "b":
            shutil.rmtree(here.submitted / "b")
        return full(copy, one)

    status, out, _err = run(here, monkeypatch, capsys, grade_one=goes_away)
    words = " ".join(out.replace("│", " ").split())
    assert status == 1 and "Not graded yet: It was taken away" in words and "1 not graded yet" in words


def test_of_a_large_class_only_those_to_look_at_are_listed(here, capsys):
    for number in range(show.LONGEST_TABLE):
        hand_in(here, f"s{number:03d}")

    def one_bad(copy, one):
        return rejected(copy, one) if one.student == "s042" else full(copy, one)

    show.graded(list(graded(here, one_bad).values()), here)
    out = capsys.readouterr().out
    assert "s042" in out and "s041" not in out and "101 needs a person" in out and "1 to look at" in out
