"""Claims about taking a submission apart: what is mended, what is refused, and that nothing is run or followed."""

import json
import time

import nbformat
import pytest
from dyadlab.grading import master, notebooks, prepare, submission
from hypothesis import given, settings
from hypothesis import strategies as st


def cell(name, source, kind="code", grade=False, solution=False, points=0.0):
    locked = not solution
    made = master.MasterCell(name, kind, source, locked, grade, solution, points, "")
    checksum = notebooks.checksum(made.as_cell())
    return master.MasterCell(name, kind, source, locked, grade, solution, points, checksum)


HIDDEN = "### BEGIN HIDDEN TESTS\nassert x == 1\n### END HIDDEN TESTS"
MASTER = master.Master(
    "w99_test",
    (
        cell("w99_my_id", 'my_id = "____"', solution=True),
        cell("w99_x", "x = None", solution=True),
        cell("w99_x_check", f"assert x is not None\n{HIDDEN}", grade=True, points=2.0),
        cell("w99_why_prompt", "Why? (1 point)", kind="markdown"),
        cell("w99_why_think", "Write your answer here.", kind="markdown", grade=True, solution=True, points=1.0),
    ),
)


def released():
    notebook = nbformat.v4.new_notebook(cells=[one.as_cell() for one in MASTER.cells])
    notebook.cells[2].source = "assert x is not None"
    return notebook


def handed_in(notebook, name="w99_test.ipynb", student="ab123", **files):
    content = notebook if isinstance(notebook, bytes) else nbformat.writes(notebook).encode()
    return submission.Submission(student, "w99_test", {name: content, **files})


def ready(notebook, **more):
    return prepare.prepare(MASTER, handed_in(notebook, **more))


def by_name(prepared):
    return {notebooks.grade_id(c): c for c in prepared.notebook.cells if notebooks.grade_id(c)}


def test_an_untouched_notebook_gets_its_hidden_tests_back_without_a_remark():
    prepared = ready(released())
    assert by_name(prepared)["w99_x_check"].source == MASTER["w99_x_check"].source
    assert prepared.remarks == () and prepared.flags == ()


def test_a_changed_check_is_put_back_with_its_points_and_said():
    notebook = released()
    notebook.cells[2].source = "pass"
    notebook.cells[2].metadata["nbgrader"] |= {"points": 500, "locked": False, "solution": True}
    prepared = ready(notebook)
    assert by_name(prepared)["w99_x_check"].source == MASTER["w99_x_check"].source
    assert notebooks.points(by_name(prepared)["w99_x_check"]) == 2
    assert "w99_x_check" in prepared.remarks[0]


def test_a_check_turned_into_text_becomes_a_check_again():
    notebook = released()
    notebook.cells[2] = nbformat.v4.new_markdown_cell("nothing", metadata=notebook.cells[2].metadata)
    assert by_name(ready(notebook))["w99_x_check"].cell_type == "code"


def test_of_copies_of_an_answer_the_last_one_worked_on_counts_and_of_a_check_one():
    notebook = released()
    first, second = released().cells[1], released().cells[1]
    first.source, second.source = "x = 1", "x = 2"
    notebook.cells[1:2] = [first, second, released().cells[1]]
    notebook.cells.append(released().cells[2])
    prepared = ready(notebook)
    names = [notebooks.grade_id(c) for c in prepared.notebook.cells]
    assert names.count("w99_x") == names.count("w99_x_check") == 1
    assert by_name(prepared)["w99_x"].source == "x = 2"
    assert any("3 times" in r for r in prepared.remarks) and any("2 times" in r for r in prepared.remarks)


def test_a_copy_that_nobody_worked_on_does_not_undo_the_one_that_was():
    notebook = released()
    notebook.cells[1].source = "x = 1"
    notebook.cells.insert(2, released().cells[1])
    prepared = ready(notebook)
    assert [c.source for c in prepared.notebook.cells].count("x = None") == 0
    assert by_name(prepared)["w99_x"].source == "x = 1"


def test_deleted_cells_come_back_behind_the_one_they_followed():
    notebook = released()
    del notebook.cells[2:4]
    prepared = ready(notebook)
    assert [notebooks.grade_id(c) for c in prepared.notebook.cells] == [c.grade_id for c in MASTER.cells]
    assert "w99_x_check, w99_why_prompt" in prepared.remarks[0]


def test_a_check_moved_before_its_answer_goes_back_behind_it():
    notebook = released()
    notebook.cells.insert(0, notebook.cells.pop(2))
    names = [notebooks.grade_id(c) for c in ready(notebook).notebook.cells]
    assert names.index("w99_x_check") == names.index("w99_x") + 1


def test_a_students_own_cells_stay_where_they_are():
    notebook = released()
    notebook.cells.insert(2, nbformat.v4.new_code_cell("x = 7"))
    prepared = ready(notebook)
    assert [c.source for c in prepared.notebook.cells][2] == "x = 7"
    assert prepared.remarks == ()


def test_an_unknown_or_renamed_grade_id_is_just_a_cell():
    notebook = released()
    notebook.cells[2].metadata["nbgrader"]["grade_id"] = "w99_free_points"
    prepared = ready(notebook)
    assert set(by_name(prepared)) == {c.grade_id for c in MASTER.cells}


def test_a_renamed_notebook_is_found_and_said():
    prepared = ready(released(), name="copy of my homework.ipynb")
    assert prepared.file_name == "copy of my homework.ipynb"
    assert "copy of my homework.ipynb" in prepared.remarks[0]


def test_of_several_strange_notebooks_the_likeliest_is_taken():
    scratch = nbformat.writes(nbformat.v4.new_notebook()).encode()
    one = handed_in(released(), name="b.ipynb")
    one.files["a.ipynb"] = scratch
    assert prepare.prepare(MASTER, one).file_name == "b.ipynb"


def test_the_old_format_is_converted():
    old = json.loads(nbformat.writes(nbformat.convert(released(), 3), version=3))
    prepared = ready(json.dumps(old).encode())
    assert set(by_name(prepared)) == {c.grade_id for c in MASTER.cells}
    assert "old format 3" in prepared.remarks[0]


def test_a_notebook_with_a_byte_order_mark_is_read_and_said():
    prepared = ready(b"\xef\xbb\xbf" + nbformat.writes(released()).encode())
    assert set(by_name(prepared)) == {c.grade_id for c in MASTER.cells}
    assert "byte order mark" in prepared.remarks[0]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "It is empty"),
        (b'{"cells": [', "cut off"),
        (b"\xff\xfe\x00", "not a readable notebook"),
        (b"[" * 100_000, "not a readable notebook"),
        (b"[]", "is not a notebook"),
        (b'{"nbformat": 4}', "parts are not where"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"no": "type"}]}', "parts are not where"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 7}', "parts are not where"),
        (b'{"nbformat": 99, "nbformat_minor": 0, "metadata": {}, "cells": []}', "saved in format 99"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(content, sentence):
    with pytest.raises(prepare.Unreadable, match=sentence):
        ready(content)


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=9).map(
        lambda content: json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": content}).encode()
    )
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_no_bytes_at_all_bring_the_reader_down(content):
    try:
        assert ready(content).notebook.nbformat == 4
    except prepare.Unreadable as refusal:
        assert "w99_test.ipynb" in str(refusal)


def test_a_submission_without_a_notebook_or_with_another_weeks_is_refused():
    with pytest.raises(prepare.Unreadable, match=r"it holds essay\.docx"):
        prepare.prepare(MASTER, submission.Submission("a", "w99_test", {"essay.docx": b""}))
    other = nbformat.writes(nbformat.v4.new_notebook()).encode()
    with pytest.raises(prepare.Unreadable, match="No notebook of this week"):
        ready(other, name="w01.ipynb")


@pytest.mark.parametrize(
    ("typed", "student", "flagged"),
    [
        ('"AB123 "', "ab123", False),
        ('"zoe"', "Zoë", False),
        ('"____"', "ab123", False),
        ('"cd456"', "ab123", True),
        ("1 +", "ab123", False),
    ],
)
def test_an_id_that_is_not_the_owners_is_flagged_whatever_case_accents_and_spaces(typed, student, flagged):
    notebook = released()
    notebook.cells[0].source = f"my_id = {typed}"
    assert bool(ready(notebook, student=student).flags) is flagged


@pytest.mark.parametrize(
    "typed",
    [
        'my_id = "cd" + "456"',
        'my_id = str("cd456")',
        "my_id = f\"cd{'456'}\"",
        'my_id: str = "cd456"',
        'my_id, _ = "cd456", 1',
        '[_, (my_id, _)] = [1, ("cd456", 2)]',
        'if True:\n    my_id = "cd456"',
        'try:\n    with open("x"):\n        my_id = "cd456"\nfinally:\n    pass',
        'print(my_id := "cd456")',
        'for my_id in ["cd456"]:\n    pass',
        'my_id = "ab123"\nmy_id = other = ("cd" "456")',
    ],
)
def test_an_id_that_is_not_the_owners_is_seen_in_whatever_way_it_is_given(typed):
    notebook = released()
    notebook.cells[0].source = typed
    assert "my_id = 'cd456'" in ready(notebook, student="ab123").flags[0]
    notebook.cells[0].source = typed.replace("cd", "ab").replace("456", "123")
    assert ready(notebook, student="ab123").flags == ()


@pytest.mark.parametrize(
    "typed",
    [
        "my_id = input()",
        'my_id = "cd" * 3',
        "my_id: str",
        "my_id = str(456)",
        'def f():\n    my_id = "cd456"',
        'my_id = f"cd{456:>5}"',
        "my_id = " + '"a" + ' * 800 + '"b"',
        "my_id, other = numbers",
    ],
)
def test_an_id_that_only_a_run_can_tell_is_left_to_the_run(typed):
    notebook = released()
    notebook.cells[0].source = typed
    said = ready(notebook, student="ab123").flags
    assert said == () or "aaaa" in said[0]


@pytest.mark.parametrize("what", ["{}", "[]", '{"a":{}}', "0", '""'])
def test_a_notebook_of_millions_of_parts_is_refused_before_it_weighs_anything(what):
    notebook = nbformat.writes(released()).encode()
    doctored = notebook.replace(
        b'"metadata": {', b'"metadata": {"x": [' + b",".join([what.encode()] * 1_500_000) + b"],", 1
    )
    began = time.monotonic()
    with pytest.raises(prepare.Unreadable, match="more parts than any notebook"):
        ready(doctored)
    assert time.monotonic() - began < 5


def test_commas_and_brackets_that_somebody_wrote_are_no_parts():
    notebook = released()
    notebook.cells[1].source = "x = '" + '{[,"' * 100_000 + "'"
    for _ in range(3):
        notebook.cells.append(nbformat.v4.new_markdown_cell("{[,\\" * 100_000))
    assert by_name(ready(notebook))["w99_x"].source == notebook.cells[1].source


@pytest.mark.parametrize("version", [3, 4])
def test_what_no_cell_shows_is_left_behind_before_a_notebook_is_converted(version, monkeypatch):
    heavy = {"much": [{"a": {}}] * 1000}
    notebook = json.loads(nbformat.writes(nbformat.convert(released(), version), version=version))
    cells = notebook["cells"] if version == 4 else notebook["worksheets"][0]["cells"]
    for one in (notebook, cells[1], cells[1]["metadata"]["nbgrader"]):
        one.setdefault("metadata", {}).update(heavy)
    made, real = [], nbformat.from_dict
    monkeypatch.setattr(nbformat, "from_dict", lambda value: made.append(len(str(value))) or real(value))
    prepared = ready(json.dumps(notebook).encode())
    assert set(by_name(prepared)) == {c.grade_id for c in MASTER.cells}
    assert max(made) < 5000


def test_links_special_files_and_too_much_are_left_out_and_said(tmp_path, monkeypatch):
    folder = tmp_path / "w99_test"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "codes.csv").write_text("a")
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    try:
        (folder / "link.txt").symlink_to(secret)
        (folder / "linked").symlink_to(tmp_path, target_is_directory=True)
    except OSError:
        pytest.skip("this machine does not let the tests make links")
    (folder / "big.bin").write_bytes(b"x" * 2000)
    monkeypatch.setattr(submission, "MAX_BYTES", 1000)
    read = submission.read("ab123", "w99_test", folder)
    assert set(read.files) == {"deep/codes.csv"}
    assert len(read.remarks) == 3
    assert any("link.txt is a link" in r for r in read.remarks) and any("big.bin" in r for r in read.remarks)


@pytest.mark.parametrize("one", MASTER.cells, ids=lambda one: one.grade_id)
def test_a_checksum_is_nbgraders_own(one):
    from nbgrader.utils import compute_checksum

    assert notebooks.checksum(one.as_cell()) == compute_checksum(one.as_cell())
