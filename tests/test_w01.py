"""Week 1: the expert codes of the graded session, and what a coder sees of them."""

import ast
import csv
import json
import re

import nbformat
import pytest
from dyadlab import agreement, coding
from dyadlab.grading import build, check, engine, master, notebooks, simulate, submission
from dyadlab.grading.course import REPOSITORY, CourseError

SOURCE = REPOSITORY / "course" / "source" / "w01_coding"
BANDS = {"moderate": (0.40, 2), "good": (0.60, 1), "trained": (0.70, 1)}
COMPARED = (*BANDS, "fit")
"""The checks of 1.2 that hold the codes of the key."""


@pytest.fixture(scope="module")
def notebook():
    return notebooks.read(SOURCE / "w01_coding.ipynb")


@pytest.fixture(scope="module")
def key():
    """{comment: code} of the instructors' key."""
    with open(REPOSITORY / "course" / "keys" / "w01_graded_session.csv", encoding="utf-8", newline="") as stream:
        return {int(row["comment"]): row["expert_code"] for row in csv.DictReader(stream)}


def cell(notebook, grade_id):
    (found,) = [c for c in notebook.cells if notebooks.grade_id(c) == grade_id]
    return found


def cell_by_id(notebook, name):
    (found,) = [one for one in notebook.cells if one.id == name]
    return found


def hidden_codes(source):
    """{comment: code} as a hidden check builds it."""
    codes = {}
    for numbers, code in re.findall(r"dict\.fromkeys\((range\(1, 87\)|\([\d, ]+\)), \"(\w+)\"\)", source):
        codes |= dict.fromkeys(range(1, 87) if numbers.startswith("range") else ast.literal_eval(numbers), code)
    return codes


def hidden_region(source):
    return source.split(notebooks.BEGIN_HIDDEN)[1].split(notebooks.END_HIDDEN)[0]


@pytest.mark.parametrize("band", COMPARED)
def test_the_hidden_checks_hold_the_codes_of_the_key(notebook, key, band):
    source = cell(notebook, f"w01_codes_check_{band}").source
    assert hidden_codes(hidden_region(source)) == key


def test_the_codes_stand_in_hidden_checks_alone(notebook, key):
    fitting = ", ".join(str(number) for number, code in key.items() if code == "appropriate")
    for one in notebook.cells:
        outside = notebooks.without_region(one.source, notebooks.BEGIN_HIDDEN, notebooks.END_HIDDEN)
        assert fitting not in outside
        assert hidden_codes(outside) != key


def test_no_code_of_the_key_is_released(built_course, key):
    released = notebooks.read(built_course.release / "w01_coding" / "w01_coding.ipynb")
    assert not [one.id for one in released.cells if "dict.fromkeys" in one.source]


def test_hidden_checks_leave_no_codes_behind_for_later_cells(notebook):
    """Later cells of a student's notebook run in the same Python where nbgrader alone grades."""
    for band in COMPARED:
        region = hidden_region(cell(notebook, f"w01_codes_check_{band}").source)
        assert region.index("del theirs, mine") < region.index("checks.require(")


def test_bands_ask_for_what_the_question_says_and_their_points_add_up(notebook):
    question = cell(notebook, "w01_codes_prompt").source
    for band, (limit, points) in BANDS.items():
        found = cell(notebook, f"w01_codes_check_{band}")
        shown = f"{limit:.2f}".removeprefix("0")
        assert f"found >= {shown}," in found.source
        assert re.search(rf"kappa at least {re.escape(shown)}[^|]*\| {points}\b", question)
        assert notebooks.points(found) == points
    assert re.search(
        r"two thirds of the comments that the expert calls non-attuned[^|]*kappa at least \.40\) \| 1 ", question
    )
    assert notebooks.points(cell(notebook, "w01_codes_check_fit")) == 1
    assert notebooks.points(cell(notebook, "w01_codes_check")) + sum(points for _, points in BANDS.values()) + 1 == 6


def test_two_thirds_of_the_comments_that_do_not_fit_are_four(notebook, key):
    assert list(key.values()).count("non_attuned") == 6
    assert "heard >= 4," in hidden_region(cell(notebook, "w01_codes_check_fit").source)


def kappa_with(key, codes):
    return agreement.cohens_kappa([codes[number] for number in key], list(key.values())).kappa


def test_kappa_alone_would_give_all_to_one_who_never_asks_whether_it_fits(key):
    """Why there is a check of its own for step 3."""
    words_alone = {number: "appropriate" if code == "non_attuned" else code for number, code in key.items()}
    assert kappa_with(key, words_alone) > max(limit for limit, _ in BANDS.values())


def runs(text, length=4):
    words = re.findall(r"[a-z0-9]+(?:'[a-z]+)?", text.casefold().replace("’", "'"))
    return {" ".join(words[i : i + length]) for i in range(len(words) - length + 1)}


@pytest.fixture(scope="module")
def graded_runs():
    """Four words in a row from the words or the behaviour of the graded session; a rule names "do you want" itself."""
    said = [text for comment in coding.sessions.comments("graded") for text in (comment.text, comment.activity)]
    return set().union(*map(runs, said)) - {"do you want to"}


def test_no_example_gives_away_a_comment_or_a_moment_of_the_graded_session(notebook, graded_runs):
    texts = {
        one.id: notebooks.without_region(one.source, notebooks.BEGIN_SCHEME, notebooks.END_SCHEME)
        for one in notebook.cells
        if one.cell_type == "markdown" and not notebooks.is_think(one)
    }
    package = REPOSITORY / "course" / "dyadlab"
    for place in ("coding/codes.py", "coding/widget.py", "coding/static/coder.js", "widgets/same_words.py"):
        texts[place] = (package / place).read_text(encoding="utf-8")
    texts["the codebook"] = json.dumps(coding.sessions.manual(), ensure_ascii=False)
    assert {name: runs(text) & graded_runs for name, text in texts.items() if runs(text) & graded_runs} == {}


def test_an_example_too_near_the_graded_session_would_be_noticed(graded_runs):
    assert runs("The baby is turning a button with one finger, absorbed.") & graded_runs


def test_the_rules_quote_no_state_that_the_graded_session_turns_on(notebook):
    """Shorter than four words, so looked for by the word that carries them."""
    rules = cell_by_id(notebook, "hard").source + json.dumps(coding.sessions.manual()["course_rules"])
    assert not re.search(r"\b(hate|weather|rain|the sea|granny|terrified|starving|bored)\b", rules, re.IGNORECASE)


def test_nothing_but_the_notebook_lies_in_the_source_folder():
    """A file of codes there would, in autograding, take the place of what a student handed in."""
    assert [path.name for path in SOURCE.iterdir() if not path.name.startswith(".")] == ["w01_coding.ipynb"]


def test_the_courses_own_coder_is_a_good_one_and_not_the_expert(notebook, key):
    source = cell(notebook, "w01_codes").source
    lists = {name: ast.literal_eval(found) for name, found in re.findall(r"(\w*fitting) = (\[.*?\])", source)}
    own = dict.fromkeys(key, "not_mind_related")
    own |= dict.fromkeys(lists["fitting"], "appropriate") | dict.fromkeys(lists["not_fitting"], "non_attuned")
    assert 0.70 <= kappa_with(key, own) < 0.95


def test_a_blank_week_ends_at_the_first_blank_and_earns_nothing_for_reading_no_file(notebook):
    cells = check.code_cells(notebook, check.released)
    shell_source = {name: source for name, source, _ in cells}
    assert "dyadlab.coding.read(____)" in shell_source["w01_practice"]
    assert "dyadlab.coding.read(____)" in shell_source["w01_codes"]
    assert nbformat.validate(notebook) is None


# --- handed in as students do: the notebook, and beside it the files that the coding tool wrote ---

FOLLOW = {"w01_counts_check": 1, "w01_shares_check": 2}
SESSION = {"w01_codes_check": 1, "w01_codes_check_moderate": 2, "w01_codes_check_good": 1, "w01_codes_check_trained": 1}
SESSION |= {"w01_codes_check_fit": 1}


def handed_in(key, folder, kind):
    """The files of codes of one student, name to bytes."""
    coding.write("practice", {}, others="appropriate", folder=folder)
    numbers = {"complete": 86, "two thirds": 57}.get(kind, 86)
    coding.write("graded", {n: code for n, code in key.items() if n <= numbers}, folder=folder)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    if kind == "none":
        del files["w01_codes.csv"]
    elif kind == "another session":
        files["w01_codes.csv"] = files["w01_codes.csv"].replace(b"S03", b"S04")
    elif kind == "a row damaged":
        files["w01_codes.csv"] = files["w01_codes.csv"].replace(b"S03,2,", b"S03,two,")
    return files


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind, lost, says",
    [
        ("complete", {}, ""),
        ("a row damaged", {"w01_codes_check": 1}, "1 of 86 comments have no code yet, among them 2"),
        (
            "two thirds",
            {name: SESSION[name] for name in ("w01_codes_check", "w01_codes_check_good", "w01_codes_check_trained")},
            "29 of 86 comments have no code yet, among them 58, 59",
        ),
        ("another session", {**SESSION, **FOLLOW}, "there is nothing called `my_codes` yet"),
        ("none", {**SESSION, **FOLLOW}, "there is nothing called `my_codes` yet"),
    ],
)
def test_the_grader_reads_the_file_that_was_handed_in(built_course, notebook, key, tmp_path, kind, lost, says):
    week = "w01_coding"
    released = notebooks.read(built_course.release / week / f"{week}.ipynb")
    answers = simulate.own_answers(notebook, "ab123") | {
        "w01_practice": 'my_practice = dyadlab.coding.read("practice")',
        "w01_codes": 'my_codes = dyadlab.coding.read("graded")',
    }
    files = {f"{week}.ipynb": nbformat.writes(simulate.filled(released, answers)).encode()}
    files |= handed_in(key, tmp_path, kind)
    graded = master.from_gradebook(built_course, week)
    result = engine.grade_submission(graded, submission.Submission("ab123", week, files))
    assert {cell.grade_id: cell.max_points for cell in result.cells if cell.auto_score == 0} == lost
    assert result.score == graded.auto_score - sum(lost.values())
    found = {cell.grade_id: re.sub(r"\s+", " ", cell.says) for cell in result.cells}
    assert says in found["w01_codes_check"]
    assert "Traceback" not in " ".join(found.values())


def test_codes_left_in_the_source_folder_are_refused_before_they_can_do_harm(fresh_course):
    week = "w01_coding"
    (fresh_course.source / week / "w01_codes.csv").write_text("session,comment,code\n")
    with pytest.raises(CourseError, match=r"holds w01_codes\.csv, which the coding tool wrote"):
        build.build(fresh_course, [week], solutions=False)


@pytest.mark.slow
def test_making_the_reading_copy_leaves_nothing_behind(fresh_course):
    week = "w01_coding"
    build.reading_copy(fresh_course, week)
    for folder in (fresh_course.source, fresh_course.solutions):
        assert [path.name for path in (folder / week).iterdir()] == [f"{week}.ipynb"]
