"""Claims about the whole way of a week, from source to feedback and marks. Real nbgrader, real kernels."""

import csv
import datetime
import io
import json
import re
import shutil
from types import SimpleNamespace

import nbformat
import pytest
from dyadlab.grading import (
    build,
    collect,
    course,
    engine,
    export,
    feedback,
    grade,
    master,
    nbgrader_bridge,
    notebooks,
    preprocessors,
    record,
    release,
    show,
    simulate,
)
from nbgrader.api import Gradebook

REAL = course.Course(course.REPOSITORY / "course")
WEEKS = REAL.weeks()


# --- release and solutions --------------------------------------------------------------------------------------


@pytest.mark.parametrize("week", WEEKS)
def test_the_release_holds_no_answer_no_hidden_test_and_no_marking_scheme(built_course, week):
    text = (built_course.release / week / f"{week}.ipynb").read_text(encoding="utf-8")
    released = {notebooks.grade_id(c): c.source for c in nbformat.reads(text, as_version=4).cells}
    assert build.leaked(built_course.release / week / f"{week}.ipynb") == []
    for cell in notebooks.read(REAL.notebook(week)).cells:
        name = notebooks.grade_id(cell)
        if notebooks.is_answer(cell):
            region = cell.source.split(notebooks.BEGIN_SOLUTION)[1].split(notebooks.END_SOLUTION)[0].strip("\n")
            secret = [line for line in region.split("\n") if not line.strip().startswith(notebooks.SKELETON_MARK)]
            shown = released[name].split("\n")
            assert any(line not in shown for line in secret), f"{name} is released with its answer"
        elif notebooks.is_check(cell) and notebooks.BEGIN_HIDDEN in cell.source:
            hidden = cell.source.split(notebooks.BEGIN_HIDDEN)[1].split(notebooks.END_HIDDEN)[0].strip()
            assert hidden and hidden not in released[name]
        elif notebooks.is_prompt(cell) and notebooks.BEGIN_SCHEME in cell.source:
            scheme = cell.source.split(notebooks.BEGIN_SCHEME)[1].split(notebooks.END_SCHEME)[0].strip()
            assert scheme and scheme not in released[name]
        elif notebooks.is_think(cell):
            assert cell.source not in text and released[name] == "Write your answer here."


def test_building_twice_gives_the_same_release(fresh_course):
    week = "w00_welcome"
    before = (fresh_course.release / week / f"{week}.ipynb").read_bytes()
    build.build(fresh_course, [week], solutions=False)
    assert (fresh_course.release / week / f"{week}.ipynb").read_bytes() == before


@pytest.mark.parametrize("week", WEEKS)
def test_the_solution_in_the_repository_is_fresh(fresh_course, week):
    """Cell types, texts and metadata; pictures may differ between machines."""
    build.reading_copy(fresh_course, week)
    made = notebooks.read(fresh_course.solutions / week / f"{week}.ipynb")
    kept = REAL.solutions / week / f"{week}.ipynb"
    assert kept.exists(), f"run `dyadlab build {week}` and commit solutions/"
    stored = notebooks.read(kept)
    for one, other in zip(made.cells, stored.cells, strict=True):
        assert (one.cell_type, one.source, one.metadata) == (other.cell_type, other.source, other.metadata), (
            f"solutions/{week} is stale at the cell {other.id}: run `dyadlab build {week}`"
        )
    text = kept.read_text(encoding="utf-8")
    assert not any(marker in text for marker in notebooks.MARKERS)
    assert preprocessors.LIVE_WIDGET not in text and "widgets" not in stored.metadata  # words stand in their place


def test_building_twice_gives_the_same_solution(fresh_course):
    path = fresh_course.solutions / "w01_coding" / "w01_coding.ipynb"
    build.reading_copy(fresh_course, "w01_coding")
    before = path.read_bytes()
    build.reading_copy(fresh_course, "w01_coding")
    assert path.read_bytes() == before


# --- a class of every kind -----------------------------------------------------------------------------

#: Week 0 gets every kind of submission; how accidents are mended does not hang on the week.
EVERY_KIND = [kind for kind in simulate.KINDS if kind != "endless loop"]
KINDS_OF_A_WEEK = ["all answers", "blank", "checks tampered with", "typical mistakes", "another right way", "half done"]


@pytest.fixture(scope="module")
def class_of_kinds(built_course, tmp_path_factory):
    """One simulated class for every week, graded by ``dyadlab grade``."""
    root = tmp_path_factory.mktemp("class") / "course"
    shutil.copytree(built_course.root, root)
    here = course.Course(root, solutions=root.parent / "solutions")
    records, finished, of = {}, [], {}
    for week in WEEKS:
        kinds = EVERY_KIND if week == "w00_welcome" else KINDS_OF_A_WEEK
        simulate.put_in(here, week, simulate.simulate(here, week, len(kinds), kinds))
        of[week] = dict(zip(kinds, simulate.student_ids(len(kinds)), strict=True))
    for graded in grade.grade(here, WEEKS):
        finished.append(graded)
        kind = next(k for k, student in of[graded.record.week].items() if student == graded.record.student)
        records[graded.record.week, kind] = graded.record
    return SimpleNamespace(course=here, finished=finished, of=of, records=records)


@pytest.mark.parametrize("week", WEEKS)
def test_blank_earns_nothing_answers_earn_everything_and_tampering_earns_nothing(class_of_kinds, week):
    copy = master.from_gradebook(class_of_kinds.course, week)
    assert class_of_kinds.records[week, "blank"].score == 0
    assert class_of_kinds.records[week, "all answers"].score == copy.auto_score
    assert class_of_kinds.records[week, "another right way"].score == copy.auto_score
    assert class_of_kinds.records[week, "checks tampered with"].score == 0
    assert 0 < class_of_kinds.records[week, "half done"].score < copy.auto_score
    assert class_of_kinds.records[week, "typical mistakes"].score < copy.auto_score


@pytest.mark.parametrize("kind", ["a cell copied", "checks deleted", "renamed notebook", "old format"])
def test_an_innocent_accident_costs_no_points(class_of_kinds, kind):
    found = class_of_kinds.records["w00_welcome", kind]
    assert found.score == master.from_gradebook(class_of_kinds.course, "w00_welcome").auto_score
    assert found.remarks, "it is mended, and said"


def test_a_crash_keeps_the_points_earned_before_it_and_earns_none_after(class_of_kinds):
    found = class_of_kinds.records["w00_welcome", "kills Python"]
    assert 0 < found.score < master.from_gradebook(class_of_kinds.course, "w00_welcome").auto_score
    assert found.outcome == engine.NEEDS_PERSON


def test_work_under_another_id_is_flagged_and_not_silently_scored(class_of_kinds):
    found = class_of_kinds.records["w00_welcome", "a classmate's id"]
    assert found.outcome == engine.NEEDS_PERSON
    assert "somebody-else" in found.remarks[0]


def test_every_submission_ends_in_exactly_one_outcome(class_of_kinds):
    handed_in = sum(len(class_of_kinds.course.submissions(week)) for week in WEEKS)
    assert len(class_of_kinds.finished) == handed_in
    assert class_of_kinds.records["w00_welcome", "not a notebook"].outcome == engine.REJECTED


# --- what a second run, a new submission and a person's marks do --------------------------------------------------


def small_class(here, kinds=("all answers", "blank")):
    simulated = simulate.simulate(here, "w00_welcome", len(kinds), kinds)
    simulate.put_in(here, "w00_welcome", simulated)
    return [one.student for one in simulated]


def read_and_mark(here, student, points=0.5):
    """What a person does in formgrader with the one Think answer of week 0. Returns the cell's name."""
    with Gradebook(here.db_url) as gradebook:
        notebook = gradebook.find_submission("w00_welcome", student).notebooks[0]
        thought = next(g for g in notebook.grades if g.auto_score is None)
        thought.manual_score, thought.needs_manual_grade = points, False
        name = thought.name
        next(c for c in notebook.comments if c.name == name).manual_comment = "Clear and fair."
        gradebook.db.commit()
    return name


def test_grading_again_leaves_alone_what_has_not_changed_and_regrades_what_has(fresh_course):
    first, second = small_class(fresh_course)
    assert all(g.fresh for g in grade.grade(fresh_course, ["w00_welcome"]))
    assert not any(g.fresh for g in grade.grade(fresh_course, ["w00_welcome"]))
    shutil.copy(
        fresh_course.submitted / first / "w00_welcome" / "w00_welcome.ipynb",
        fresh_course.submitted / second / "w00_welcome" / "w00_welcome.ipynb",
    )
    again = {g.record.student: g for g in grade.grade(fresh_course, ["w00_welcome"])}
    assert not again[first].fresh and again[second].fresh
    assert again[second].record.score > 0


def test_a_grader_stopped_between_gradebook_and_record_does_that_submission_again(fresh_course):
    student = small_class(fresh_course)[0]
    grade.grade(fresh_course, ["w00_welcome"])
    record.path(fresh_course, "w00_welcome", student).unlink()
    again = {g.record.student: g.fresh for g in grade.grade(fresh_course, ["w00_welcome"])}
    assert again == {student: True, "sim02": False}


def test_a_persons_marks_and_comments_survive_grading_again(fresh_course):
    student = small_class(fresh_course)[0]
    grade.grade(fresh_course, ["w00_welcome"])
    name = read_and_mark(fresh_course, student)
    before = {row["student_id"]: row["score"] for row in export.marks(fresh_course, ["w00_welcome"])}
    grade.grade(fresh_course, ["w00_welcome"], again=True)
    after = {row["student_id"]: row["score"] for row in export.marks(fresh_course, ["w00_welcome"])}
    assert after == before
    with Gradebook(fresh_course.db_url) as gradebook:
        notebook = gradebook.find_submission("w00_welcome", student).notebooks[0]
        assert next(g for g in notebook.grades if g.name == name).manual_score == 0.5
        assert next(c for c in notebook.comments if c.name == name).comment == "Clear and fair."


def test_the_late_policy_of_the_configuration_is_applied(fresh_course, monkeypatch):
    student = small_class(fresh_course)[0]
    (fresh_course.submitted / student / "w00_welcome" / "timestamp.txt").write_text("2027-01-02 12:00:00 UTC")
    with Gradebook(fresh_course.db_url) as gradebook:
        from nbgrader.utils import parse_utc

        gradebook.find_assignment("w00_welcome").duedate = parse_utc("2027-01-01 12:00:00 UTC")
        gradebook.db.commit()
    strict = nbgrader_bridge.config_for(fresh_course)
    strict.LateSubmissionPlugin.penalty_method = "zero"
    monkeypatch.setattr(nbgrader_bridge, "config_for", lambda here: strict)
    found = {g.record.student: g.record for g in grade.grade(fresh_course, ["w00_welcome"])}
    assert found[student].score == 0
    row = export.marks(fresh_course, ["w00_welcome"])[0]
    assert (row["score"], row["late_penalty"]) == ("0", "4")


def test_a_week_that_does_not_exist_is_named_and_nothing_of_it_is_lost(fresh_course):
    small_class(fresh_course)
    stray = fresh_course.submitted / "sim01" / "w77_nowhere"
    stray.mkdir()
    (stray / "w77_nowhere.ipynb").write_text("{}")
    grade.grade(fresh_course, ["w00_welcome"])
    assert fresh_course.strangers() == ["sim01/w77_nowhere"]
    assert (stray / "w77_nowhere.ipynb").exists()


# --- feedback and marks -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def feedback_pages(class_of_kinds):
    week = "w00_welcome"
    sentences = feedback.feedback(class_of_kinds.course, week, even_unread=True)
    return sentences, class_of_kinds.course.feedback


def test_feedback_shows_marks_but_no_hidden_test_and_no_marking_scheme(class_of_kinds, feedback_pages):
    _sentences, folder = feedback_pages
    page = (folder / class_of_kinds.of["w00_welcome"]["all answers"] / "w00_welcome" / "w00_welcome.html").read_text(
        encoding="utf-8"
    )
    assert re.search(r"Score: *4(\.0)? */ *5(\.0)?", page)
    for words in ("HIDDEN TESTS", "MARK SCHEME", "same_number"):
        assert words not in page


def test_a_submission_without_a_mark_gets_a_sentence_instead_of_a_page(class_of_kinds, feedback_pages):
    sentences, folder = feedback_pages
    student = class_of_kinds.of["w00_welcome"]["not a notebook"]
    assert any(s.startswith(f"{student}: no page") for s in sentences)
    assert not (folder / student / "w00_welcome").exists()


def test_the_marks_leave_blank_what_is_not_known(class_of_kinds):
    with Gradebook(class_of_kinds.course.db_url) as gradebook:
        gradebook.update_or_create_student("never-there")
    text = export.to_csv(export.marks(class_of_kinds.course, ["w00_welcome"]))
    rows = {row["student_id"]: row for row in csv.DictReader(io.StringIO(text))}
    assert rows["never-there"]["state"] == "not handed in" and rows["never-there"]["score"] == ""
    rejected = rows[class_of_kinds.of["w00_welcome"]["not a notebook"]]
    assert rejected["state"] == "rejected" and rejected["score"] == ""
    blank = rows[class_of_kinds.of["w00_welcome"]["blank"]]
    assert blank["score"] == "0" and blank["state"] == "graded"
    assert "sim06-zoë" in rows and "sim05 o'neil" in rows


def test_a_name_that_a_spreadsheet_would_run_is_made_harmless():
    row = dict.fromkeys(export.COLUMNS, "") | {"student_id": '=HYPERLINK("x")'}
    assert "\"'=HYPERLINK" in export.to_csv([row])


@pytest.fixture
def week_0(one_week, tmp_path):
    """A course with week 0 only, where nobody has handed anything in."""
    shutil.copytree(one_week.root, tmp_path / "course")
    return course.Course(tmp_path / "course", solutions=tmp_path / "solutions")


def hand_in_again(here, student):
    with (here.submitted / student / "w00_welcome" / "w00_welcome.ipynb").open("a", encoding="utf-8") as stream:
        stream.write("\n")


def page(here, student):
    return here.feedback / student / "w00_welcome" / "w00_welcome.html"


def test_pages_wait_until_a_person_has_read_what_only_a_person_can_mark(week_0):
    student, other = small_class(week_0)
    grade.grade(week_0, ["w00_welcome"])
    first, held = feedback.feedback(week_0, "w00_welcome")[:2]
    assert first.startswith("1 feedback page for w00_welcome")
    assert held.startswith(f"1 page is held back, because a person still has to read a Think answer there: {student}. ")
    assert "Manual Grading" in held and "--even-unread" in held
    assert page(week_0, other).exists() and not page(week_0, student).exists()
    read_and_mark(week_0, student)
    assert feedback.feedback(week_0, "w00_welcome")[0].startswith("2 feedback pages")
    marked = page(week_0, student).read_text(encoding="utf-8")
    assert "Clear and fair." in marked and "ot read yet" not in marked


def test_a_page_that_goes_out_unread_says_so_to_the_student(week_0):
    student, other = small_class(week_0)
    grade.grade(week_0, ["w00_welcome"])
    sentences = feedback.feedback(week_0, "w00_welcome", even_unread=True)
    assert f"1 of them holds an answer that nobody has read yet; the page says so: {student}." in sentences
    unread = page(week_0, student).read_text(encoding="utf-8")
    assert preprocessors.NOT_READ in unread and "1 answer is not read yet" in unread
    assert "ot read yet" not in page(week_0, other).read_text(encoding="utf-8")


def test_newer_work_is_told_from_the_work_that_has_the_mark(week_0):
    student, other = small_class(week_0)
    grade.grade(week_0, ["w00_welcome"])
    feedback.feedback(week_0, "w00_welcome", even_unread=True)
    hand_in_again(week_0, student)
    row = export.marks(week_0, ["w00_welcome"])[0]
    assert (row["student_id"], row["state"], row["score"]) == (student, "handed in again, not graded yet", "")
    sentences = feedback.feedback(week_0, "w00_welcome", even_unread=True)
    assert any(s.startswith("1 page is held back, because there is newer work") and student in s for s in sentences)
    assert page(week_0, other).exists() and not page(week_0, student).exists()
    grade.grade(week_0, ["w00_welcome"])
    assert export.marks(week_0, ["w00_welcome"])[0]["state"] == "needs a person"


def test_what_was_never_graded_is_named_when_pages_are_made(week_0):
    small_class(week_0)
    grade.grade(week_0, ["w00_welcome"], students=["sim02"])
    assert any("Not graded yet, so without a page: sim01." in s for s in feedback.feedback(week_0, "w00_welcome"))


def test_the_table_of_the_grader_agrees_with_the_marks_after_a_person_has_marked(week_0, capsys):
    student, _other = small_class(week_0)
    finished = grade.grade(week_0, ["w00_welcome"])
    show.graded(finished, week_0)
    before = capsys.readouterr().out
    assert "1 needs a person" in before and f"DYADLAB_COURSE={week_0.root} dyadlab lab" in before
    read_and_mark(week_0, student)
    finished = grade.grade(week_0, ["w00_welcome"])
    show.graded(finished, week_0)
    after = capsys.readouterr().out
    assert "2 graded  ? 0 needs a person" in after and "Manual Grading" not in after
    row = export.marks(week_0, ["w00_welcome"])[0]
    assert (row["state"], row["score"]) == ("graded", "4.5") and "4.5 of 5" in after
    one = json.loads(show.as_json(finished, week_0, ["w00_welcome"]))
    assert one["counts"]["needs a person"] == 0
    assert (one["submissions"][0]["outcome"], one["submissions"][0]["score"]) == ("graded", 4.5)


def test_the_marks_tell_how_late_work_was_and_leave_blank_what_is_not_known(week_0):
    students = small_class(week_0, ("blank", "blank", "blank"))
    times = ("2027-01-02 13:30:00 UTC", "2027-01-01T13:00:00+02:00")
    for student, when in zip(students, times, strict=False):
        (week_0.submitted / student / "w00_welcome" / "timestamp.txt").write_text(when)
    grade.grade(week_0, ["w00_welcome"])
    assert {row["hours_late"] for row in export.marks(week_0, ["w00_welcome"])} == {""}
    with Gradebook(week_0.db_url) as gradebook:
        gradebook.find_assignment("w00_welcome").duedate = datetime.datetime(2027, 1, 1, 12)
        gradebook.db.commit()
        gradebook.grant_extension("w00_welcome", students[0], hours=1)
    rows = export.marks(week_0, ["w00_welcome"])
    assert [row["hours_late"] for row in rows] == ["24.5", "0", ""]
    assert [row["handed_in_at_utc"] for row in rows] == ["2027-01-02 13:30:00", "2027-01-01 11:00:00", ""]


def test_a_rehearsal_leaves_no_trace_and_real_work_alone(week_0):
    small_class(week_0, ("all answers", "blank", "not a notebook", "half done"))
    for student in ("sim77", "amy"):  # one has a simulated student's id by chance, the other the name of our mark
        folder = week_0.submitted / student / "w00_welcome"
        shutil.copytree(week_0.release / "w00_welcome", folder)
    (folder / simulate.MARK).write_text("made by dyadlab simulate\n")
    grade.grade(week_0, ["w00_welcome"])
    feedback.feedback(week_0, "w00_welcome", even_unread=True)
    before = {row["student_id"]: row for row in export.marks(week_0, ["w00_welcome"])}
    for student in ("sim03", "sim04"):  # somebody has begun by hand
        shutil.rmtree(week_0.submitted / student)
    assert simulate.remove(week_0, "w00_welcome") == 4
    after = {row["student_id"]: row for row in export.marks(week_0, ["w00_welcome"])}
    assert after == {student: before[student] for student in ("amy", "sim77")}
    left = [path for path in week_0.root.rglob("sim0*") if not path.is_relative_to(week_0.source)]
    assert left == []
    assert {path.name for path in week_0.feedback.iterdir()} == {"amy", "sim77"}
    assert simulate.remove(week_0, "w00_welcome") == 0


# --- the exchange -------------------------------------------------------------------------------------------------


def test_a_class_goes_through_the_exchange_and_back(fresh_course):
    week = "w00_welcome"
    simulated = simulate.simulate(fresh_course, week, 3, ("all answers", "blank", "not a notebook"))
    release.release(fresh_course, week)
    release.release(fresh_course, week)  # a second time replaces the first
    simulate.hand_in(fresh_course, week, simulated)
    assert collect.from_exchange(fresh_course, week) == [f"3 submissions for {week}, 3 of them new."]
    assert collect.from_exchange(fresh_course, week) == [f"3 submissions for {week}, 0 of them new."]
    finished = grade.grade(fresh_course, [week])
    assert [g.record.outcome for g in finished] == ["needs a person", "graded", "rejected"]
    sentences = feedback.feedback(fresh_course, week, even_unread=True)
    assert "2 pages were handed back through the exchange." in sentences
    returned = list((fresh_course.exchange / "dyadlab" / "feedback").glob("*.html"))
    assert len(returned) == 2


def test_feedback_goes_back_through_the_exchange_where_work_came_through_it_and_others_are_named(week_0):
    week = "w00_welcome"
    simulated = simulate.simulate(week_0, week, 4, ("all answers", "blank", "half done", "blank"))
    release.release(week_0, week)
    simulate.hand_in(week_0, week, simulated[:2])
    collect.from_exchange(week_0, week)
    simulate.put_in(week_0, week, simulated[2:])
    grade.grade(week_0, [week])
    sentences = feedback.feedback(week_0, week, even_unread=True)
    assert "2 pages were handed back through the exchange." in sentences
    by_hand = next(s for s in sentences if "LMS" in s)
    assert by_hand.startswith("2 students did not hand in through the exchange: sim03, sim04. ")
    assert str(week_0.feedback / "STUDENT" / week) in by_hand
    assert len(list((week_0.exchange / "dyadlab" / "feedback").glob("*.html"))) == 2
    assert all(page(week_0, one.student).exists() for one in simulated)


def test_a_page_that_nbgrader_cannot_hand_back_is_named_and_does_not_stop_the_others(week_0, monkeypatch):
    week = "w00_welcome"
    simulated = simulate.simulate(week_0, week, 2, ("blank", "blank"))
    release.release(week_0, week)
    simulate.hand_in(week_0, week, simulated)
    collect.from_exchange(week_0, week)
    grade.grade(week_0, [week])
    api, real = nbgrader_bridge.api(week_0), nbgrader_bridge.api(week_0).release_feedback

    def broken_for_one(week, student):
        return {"success": False, "error": "no room"} if student == "sim01" else real(week, student)

    monkeypatch.setattr(api, "release_feedback", broken_for_one)
    monkeypatch.setattr(nbgrader_bridge, "api", lambda here: api)
    sentences = feedback.feedback(week_0, week)
    assert "sim01: the page could not be handed back.\nno room" in sentences
    assert "1 page was handed back through the exchange." in sentences


def test_grading_before_building_says_what_to_do(tmp_path):
    shutil.copytree(REAL.source, tmp_path / "course" / "source")
    unbuilt = course.Course(tmp_path / "course")
    with pytest.raises(course.CourseError, match="Run `dyadlab build w00_welcome` first"):
        grade.grade(unbuilt, ["w00_welcome"])


def test_records_are_whole_or_absent(fresh_course):
    student = small_class(fresh_course)[0]
    grade.grade(fresh_course, ["w00_welcome"])
    place = record.path(fresh_course, "w00_welcome", student)
    place.write_text(place.read_text()[:40])
    assert record.read(fresh_course, "w00_welcome", student) is None
    assert json.loads(record.path(fresh_course, "w00_welcome", "sim02").read_text())["outcome"] == "graded"
