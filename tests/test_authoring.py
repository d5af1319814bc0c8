"""The claim that the five steps of AUTHORING.md work: they are followed here, word for word, on a copy."""

import dataclasses
import re
import shutil
import textwrap

import nbformat
from dyadlab.grading import build, check, course, mistakes, notebooks

PAGE = (course.REPOSITORY / "course" / "AUTHORING.md").read_text(encoding="utf-8")


def blocks():
    """The indented examples of the page, in order, dedented."""
    found, current = [], []
    for line in PAGE.split("\n"):
        if line.startswith("      ") or (current and not line.strip()):
            current.append(line)
        elif current:
            found.append(textwrap.dedent("\n".join(current)).strip("\n"))
            current = []
    return found


def step_3():
    text = PAGE.split("**3. List mistakes.**")[1].split("**4.")[0]
    return textwrap.dedent("\n".join(line for line in text.split("\n") if line.startswith("    ") or not line.strip()))


def meta(grade_id, points=None):
    made = {"grade_id": grade_id, "schema_version": 3, "task": False}
    if points is None:
        return made | {"grade": False, "solution": True, "locked": False}
    return made | {"grade": True, "solution": False, "locked": True, "points": points}


def test_the_five_steps_of_authoring_add_an_exercise_that_grades_rightly(fresh_course, tmp_path):
    answer, check_cell = blocks()[:2]
    assert "BEGIN SOLUTION" in answer and "checks.item" in check_cell
    # 1 and 2: the cells and what they are, behind the last item of the week
    path = fresh_course.notebook("w00_welcome")
    notebook = notebooks.read(path)
    last = max(i for i, cell in enumerate(notebook.cells) if notebooks.grading(cell))
    labels = re.findall(r"^### (?:Do|Think) (0\.\d+) ", "\n".join(c.source for c in notebook.cells), re.MULTILINE)
    number = f"0.{len(labels) + 1}"
    text = f"### Do {number} · The youngest baby (0.5 points)\n\nIn **`youngest_months`**, in months, one decimal."
    new = [
        nbformat.v4.new_markdown_cell(text, id="youngest-prompt"),
        nbformat.v4.new_code_cell(answer, id="youngest-answer", metadata={"nbgrader": meta("w00_youngest")}),
        nbformat.v4.new_code_cell(
            check_cell.replace('"0.5"', f'"{number}"'),
            id="youngest-check",
            metadata={"nbgrader": meta("w00_youngest_check", 0.5)},
        ),
    ]
    notebook.cells[last + 1 : last + 1] = new
    before, after = re.search(r"`([\d.]+ points)` becomes `([\d.]+ points)`", PAGE).groups()
    assert before in notebook.cells[0].source
    notebook.cells[0].source = notebook.cells[0].source.replace(before, after)
    nbformat.write(notebook, path)
    # 3: the mistakes of the page
    copy = tmp_path / "repository" / "tests" / "mistakes"
    shutil.copytree(course.REPOSITORY / "tests" / "mistakes", copy)
    with (copy / "w00.toml").open("a", encoding="utf-8") as stream:
        stream.write("\n" + step_3())
    here = dataclasses.replace(fresh_course, repository=tmp_path / "repository")
    # 4: check, which also writes the canonical form
    check.fix(here, "w00_welcome")
    found = check.check(here, "w00_welcome")
    assert found.problems == []
    before = mistakes.read(course.REPOSITORY / "tests" / "mistakes" / "w00.toml")
    assert (found.refused, found.accepted) == (len(before.wrong) + 3, len(before.right) + 2)
    # 5: build
    build.build(fresh_course, ["w00_welcome"], solutions=False)
    released = notebooks.read(fresh_course.release / "w00_welcome" / "w00_welcome.ipynb")
    shown = next(c.source for c in released.cells if notebooks.grade_id(c) == "w00_youngest")
    assert shown == "youngest_months = dyads[____].min()\nyoungest_months"
