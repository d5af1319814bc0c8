"""Claims about every real week, and about the check that makes them."""

import copy

import nbformat
import pytest
from dyadlab.grading import check, course, mistakes, notebooks, rehearse, rules

REAL = course.Course(course.REPOSITORY / "course")
WEEKS = REAL.weeks()


#: The author's check runs these, among them the ones with most and with least to import. What it would say of the
#: others, the grader itself says in test_same_marks.py: every listed answer of every week goes through that.
RUN = ("w00_welcome", "w06_over_time")


@pytest.mark.parametrize("week", WEEKS)
def test_the_week_keeps_the_rules_and_lists_enough_mistakes_and_right_answers(week):
    found, listed = check.look(REAL, week)
    assert not found.problems, "\n".join(found.problems)
    assert len(listed.wrong) >= 3 * found.items
    assert len(listed.right) >= 2 * found.items


@pytest.mark.parametrize("week", RUN)
def test_the_authors_check_finds_every_mistake_refused_and_every_right_answer_accepted(week):
    found = check.check(REAL, week)
    assert not found.problems, "\n".join(found.problems)
    listed = mistakes.read(REAL.mistakes / f"{week.split('_')[0]}.toml")
    assert (found.refused, found.accepted) == (len(listed.wrong), len(listed.right))


@pytest.mark.parametrize("week", WEEKS)
def test_the_week_is_worth_what_the_blueprint_gives_it(week):
    wanted = {"w00": 5, "w09": 35}.get(week.split("_")[0], 20)
    assert notebooks.total_points(notebooks.read(REAL.notebook(week))) == wanted


# --- the check itself: each rule must notice its breach ---------------------------------------------------------


def broken(change):
    """The text of w00 after ``change(notebook)``."""
    notebook = copy.deepcopy(notebooks.read(REAL.notebook("w00_welcome")))
    change(notebook)
    return notebooks.canonical(notebook)


def first(notebook, kind):
    return next(cell for cell in notebook.cells if kind(cell))


def set_source(kind, edit):
    def change(notebook):
        cell = first(notebook, kind)
        cell.source = edit(cell.source)

    return change


def code_cell(notebook):
    return first(notebook, lambda cell: cell.cell_type == "code" and not notebooks.grading(cell))


def rename(notebook):
    first(notebook, notebooks.is_answer).metadata["nbgrader"]["grade_id"] = "cell-123"


def drop(kind):
    def change(notebook):
        notebook.cells.remove(first(notebook, kind))

    return change


def more_points(notebook):
    first(notebook, lambda c: notebooks.is_check(c) and notebooks.points(c)).metadata["nbgrader"]["points"] = 3


def two_codes(notebook):
    place = notebook.cells.index(code_cell(notebook))
    for number in (1, 2):
        notebook.cells.insert(place, nbformat.v4.new_code_cell("1 + 1", id=f"extra-{number}"))


def append_code(source):
    def change(notebook):
        code_cell(notebook).source += "\n" + source

    return change


def everywhere(old, new):
    def change(notebook):
        for cell in notebook.cells:
            cell.source = cell.source.replace(old, new)

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (rename, "grade id 'cell-123'"),
        (drop(notebooks.is_check), "has no check"),
        (drop(notebooks.is_prompt), "no locked question"),
        (drop(notebooks.is_think), "has no Think item"),
        (more_points, "its cells give"),
        (more_points, "points at the top"),
        (set_source(notebooks.is_answer, lambda s: "x = 1"), "no solution region"),
        (set_source(notebooks.is_check, lambda s: "assert True"), "is not written inside"),
        (set_source(notebooks.is_check, lambda s: 'with checks.item("0.1"):\n    pass'), "has no visible check"),
        (set_source(notebooks.is_prompt, lambda s: "A question."), "no marking scheme"),
        (two_codes, "two code cells without a word between"),
        (append_code("%matplotlib inline"), "magic or a shell command"),
        (append_code('pd.read_csv("https://example.org/x.csv")'), "reads from the network"),
        (append_code('open("/etc/hosts")'), "absolute path"),
        (append_code("np.random.normal()"), "unseeded random numbers"),
        (append_code("x = 1\n" * 30), "lines of code"),
        (everywhere("SYNTHETIC", "real"), "SYNTHETIC"),
        (everywhere("Predict", "Guess"), "Predict"),
        (everywhere("checks.figure(", "checks.number("), "no figure that a check looks at"),
        (everywhere("widgets.", "other."), "nothing to move"),
        (set_source(lambda c: c.cell_type == "markdown", lambda s: s + " word" * 200), "words in one breath"),
        (set_source(lambda c: c.cell_type == "markdown", lambda s: s + "\n\n$$\\kappa$$"), "formula in TeX"),
    ],
)
def test_a_breach_of_a_rule_is_noticed(change, sentence):
    problems = rules.problems("w00_welcome", broken(change))
    assert any(sentence in problem for problem in problems), problems


def test_a_notebook_with_outputs_is_not_canonical_and_fix_mends_it(fresh_course):
    path = fresh_course.notebook("w00_welcome")
    good = path.read_text(encoding="utf-8")
    notebook = notebooks.read(path)
    code_cell(notebook).outputs = [nbformat.v4.new_output("stream", text="left over")]
    nbformat.write(notebook, path)
    assert any("canonical" in p for p in rules.problems("w00_welcome", path.read_text(encoding="utf-8")))
    assert check.fix(fresh_course, "w00_welcome")
    assert path.read_text(encoding="utf-8") == good
    assert not check.fix(fresh_course, "w00_welcome")


CELLS = [
    ("start", "from dyadlab import checks\nimport sys", False),
    ("answer", "x = 1", False),
    ("answer_check", "with checks.item('1.1'):\n    checks.same_number('x', 1)", True),
    ("later", "y = x + 1", False),
    ("later_check", "with checks.item('1.2'):\n    checks.same_number('y', 2)", True),
    ("noisy_check", "print('a warning', file=sys.stderr) if x == 5 else None", True),
]
REPLACEMENTS = [
    ("wrong", "answer", "x = 5"),
    ("right", "answer", "x = 2 - 1"),
    ("text", "answer", "x = '1'"),
    ("missing", "answer", "pass"),
    ("later wrong", "later", "y = 0"),
    ("dies", "answer", "import os; os._exit(0)"),
]


def test_a_rehearsal_says_which_checks_fail_with_and_without_forking():
    forked = rehearse.rehearse(CELLS, REPLACEMENTS, fork=True)
    assert forked[rehearse.TRUE_ANSWERS] == {}
    assert set(forked["wrong"]) == {"answer_check", "later_check", "noisy_check"}
    assert forked["right"] == {}
    assert "text ('1')" in forked["text"]["answer_check"]
    assert "nothing called `x`" in forked["missing"]["answer_check"]
    assert set(forked["later wrong"]) == {"later_check"}
    assert set(forked["dies"]) == {"answer_check", "later_check", "noisy_check"}
    survivors = REPLACEMENTS[:-1]
    assert rehearse.rehearse(CELLS, survivors, fork=False) == {k: v for k, v in forked.items() if k != "dies"}


def test_a_mistake_that_is_accepted_and_a_right_answer_that_is_refused_are_problems():
    found = check.Checked("w00")
    wrong = mistakes.Entry("w00_x", "slip", "x = 1", ("w00_x_check",))
    right = mistakes.Entry("w00_x", "by hand", "x = 1")
    check.judge("w00", wrong, {}, found)
    check.judge("w00", right, {"w00_x_check": "no"}, found)
    check.judge("w00", wrong, {"w00_x_check": "no", "w00_y_check": "no"}, found)
    assert len(found.problems) == 3 and found.refused == found.accepted == 0
    assert "is not refused by w00_x_check" in found.problems[0]
    assert "the right answer" in found.problems[1]
    assert "also fails w00_y_check" in found.problems[2]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[wrong]\n", "cannot be read"),
        ('[[wrong]]\nitem = "a"\nname = "b"\ncode = "c"\n', "it needs exactly"),
        ('[[right]]\nitem = "a"\nname = "b"\ncode = "c"\n' * 2, "lists twice"),
    ],
)
def test_a_slip_in_a_file_of_mistakes_is_named_with_its_file(tmp_path, text, sentence):
    path = tmp_path / "w99.toml"
    path.write_text(text)
    with pytest.raises(course.CourseError, match=sentence) as caught:
        mistakes.read(path)
    assert "w99.toml" in str(caught.value)
