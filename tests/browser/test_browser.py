"""What teachers and students see and can do in JupyterLab as ``dyadlab lab`` opens it, in a real browser.

That JupyterLab asks nothing of the outside world and that its console stays free of errors is checked at
the end of every one of these tests, by the fixtures ``teacher`` and ``student``.
"""

import re
import time

import nbformat
import pytest
from dyadlab.grading import notebooks
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

ROLES_TO_NAME = ("button", "checkbox", "combobox", "listbox", "radio", "slider", "spinbutton", "textbox")
# Keys that JupyterLab gives to the selected cell: cut, delete, new above, new below, kinds of cell, paste.
KEYS_FOR_CELLS = ("x", "d", "d", "a", "b", "m", "r", "y", "v", "c", "v")


# --- who sees what ---


def test_formgrader_lists_every_week(teacher, course):
    teacher.start()
    teacher.begin("nbgrader:open-formgrader")
    names = teacher.page.frame_locator("iframe[src*=formgrader]").locator("td.name")
    expect(names).to_have_text(course.weeks())
    teacher.picture("formgrader")


def test_teachers_have_formgrader_assignment_list_and_create_assignment(teacher, teacher_server):
    teacher.start()
    assert {"Formgrader", "Assignment List", "Create assignment"} <= set(teacher.menu("Nbgrader"))
    assert teacher_server.status("formgrader/manage_assignments") == 200


def test_create_assignment_shows_the_points_of_a_week(teacher, course):
    week = course.weeks()[-1]
    teacher.open(f"source/{week}/{week}.ipynb")
    teacher.begin("nbgrader:open-create-assignment")
    total = notebooks.total_points(notebooks.read(course.notebook(week)))
    expect(teacher.page.locator(".nbgrader-TotalPointsInput")).to_have_value(f"{total:g}")
    teacher.picture("create_assignment")


def test_students_have_the_assignment_list_and_no_tool_of_teachers(student, student_server):
    student.start()
    assert student.menu("Nbgrader") == ["Assignment List"]
    assert student.commands("nbgrader:") == ["nbgrader:open-assignment-list"]
    expect(student.page.get_by_text("Create Assignment")).to_have_count(0)
    assert student_server.status("formgrader/manage_assignments") == 404


def test_students_see_no_news(student):
    student.start()
    announcements = "window.jupyterapp.hasPlugin('@jupyterlab/apputils-extension:announcements')"
    assert not student.page.evaluate(announcements)
    expect(student.page.locator(".Toastify__toast")).to_have_count(0)


def test_students_find_every_week_in_the_assignment_list(student, course):
    student.start()
    student.begin("nbgrader:open-assignment-list")
    listed = student.page.locator("#fetched_assignments_list .assignment-notebooks-link")
    expect(listed).to_have_text(course.weeks())
    student.picture("assignment_list")


# --- a student's way through a week; the fixture ``blank`` goes through all of them ---


def test_running_a_blank_week_stops_at_the_first_blank_with_a_sentence(blank):
    assert re.search(r"still\s+(a\s+)?blank", blank.said[-1]), blank.said
    assert not [text for text in blank.said if "Traceback" in text]


def test_widgets_answer_the_keyboard_and_cost_no_cell(blank):
    lab = blank.lab
    before = lab.cells()
    expect(lab.widgets).not_to_have_count(0)
    for number, widget in enumerate(lab.widgets.all()):
        widget.scroll_into_view_if_needed()
        expect(lab.controls(widget)).not_to_have_count(0)
        # the very elements, because to commit to an answer may switch some of them off
        for control in lab.controls(widget).element_handles():
            assert lab.operate(widget, control), f"nothing happens: {control.evaluate('e => e.outerHTML')}"
            for key in KEYS_FOR_CELLS:
                control.focus()
                lab.page.keyboard.press(key)
            assert lab.cells() == before
            assert widget.evaluate("node => node.contains(document.activeElement)"), "the keyboard left the widget"
        lab.settle()
        lab.picture(f"{blank.name}_widget_{number}")


def test_everything_in_a_widget_has_a_name_for_screen_readers(blank):
    nameless = re.compile(rf"\s*- ({'|'.join(ROLES_TO_NAME)})( \[.*\])?(:.*)?")
    for widget in blank.lab.widgets.all():
        tree = widget.aria_snapshot()
        assert not [line for line in tree.splitlines() if nameless.fullmatch(line)], tree


def test_validate_names_what_is_missing_in_a_blank_week(blank, course):
    said = blank.lab.validate(f"{blank.name}_validate_blank")
    released = notebooks.read(course.release / blank.name / f"{blank.name}.ipynb")
    graded = [cell for cell in released.cells if notebooks.grading(cell).get("grade")]
    assert said.count("The following cell failed") == len(graded)
    assert "not yet:" in said
    assert "Traceback" not in said


def test_validate_is_content_with_the_answers(student, course):
    week = course.weeks()[0]
    answered = notebooks.read(course.release / week / f"{week}.ipynb")
    answers = {cell.id: _as_answered(cell.source) for cell in notebooks.read(course.notebook(week)).cells}
    for cell in answered.cells:
        if notebooks.is_answer(cell) or notebooks.is_think(cell):
            cell.source = answers[cell.id]
    _put(student, "answered.ipynb", answered)
    student.open("answered.ipynb")
    assert "Success! Your notebook passes all the tests." in student.validate(f"{week}_validate_answered")


def _as_answered(source):
    marks = (notebooks.BEGIN_SOLUTION, notebooks.END_SOLUTION, notebooks.SKELETON_MARK)
    return "\n".join(line for line in source.split("\n") if not line.strip().startswith(marks))


def test_keys_for_cells_still_work_on_a_selected_cell(student):
    cells = [nbformat.v4.new_markdown_cell(text) for text in ("first", "second")]
    _put(student, "keys.ipynb", nbformat.v4.new_notebook(cells=cells, metadata=notebooks.CANONICAL_METADATA))
    student.open("keys.ipynb")
    before = student.cells()
    student.select(0)
    student.page.keyboard.press("b")
    wait_for(lambda: len(student.cells()) == len(before) + 1)
    student.page.keyboard.press("d")
    student.page.keyboard.press("d")
    wait_for(lambda: student.cells() == before)


def _put(student, name, notebook):
    (student.server.folder / name).write_text(nbformat.writes(notebook), encoding="utf-8")


def wait_for(condition, seconds=5):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)
