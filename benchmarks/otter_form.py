"""A week of the course as an assignment of otter-grader, with the same checks at the same places."""

import subprocess
from pathlib import Path

import nbformat
from dyadlab.grading import notebooks

#: One test file for each of our checks, hidden tests included, in the form that otter calls exception-based. The text
#: of the check runs among the student's names, as it does in the notebook.
TEST_FILE = """\
OK_FORMAT = False

from otter.test_files import test_case

name = {name!r}
points = {points!r}
CHECK = compile({source!r}, name, "exec")


@test_case(points={points!r}, hidden=True)
def test_check(env):
    exec(CHECK, env)
"""


def write_tests(master, folder):
    """The checks of a week (a Master) as otter's test files in ``folder``. Returns how many."""
    folder.mkdir(parents=True)
    checks = [cell for cell in master.cells if cell.cell_type == "code" and cell.grade and not cell.solution]
    for check in checks:
        text = TEST_FILE.format(name=check.grade_id, points=check.points, source=check.source)
        (folder / f"{check.grade_id}.py").write_text(text, encoding="utf-8")
    return len(checks)


def submission(notebook, master):
    """A student's notebook as otter wants it: the checks' cells are gone, and the cell before each names its test."""
    checks = {cell.grade_id for cell in master.cells if cell.cell_type == "code" and cell.grade and not cell.solution}
    kept = []
    for cell in notebook.cells:
        if notebooks.grade_id(cell) in checks:
            before = next(earlier for earlier in reversed(kept) if earlier.cell_type == "code")
            before.metadata.setdefault("otter", {"tests": []})["tests"].append(notebooks.grade_id(cell))
        else:
            kept.append(cell)
    made = nbformat.v4.new_notebook(cells=kept)
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return made


def assignment(course, master, folder, python):
    """Write submissions and ``autograder.zip`` into ``folder``, by otter's own command. Returns (zip, notebooks)."""
    folder = Path(folder)
    write_tests(master, folder / "tests")
    made = []
    for student, handed_in in course.submissions(master.week).items():
        notebook = notebooks.read(handed_in / f"{master.week}.ipynb")
        # each in a folder of its own: otter names what it writes after the notebook
        path = folder / "submissions" / student / f"{master.week}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(submission(notebook, master), path)
        made.append(path)
    generate = [python, "-m", "otter", "generate", "-t", "tests", "-o", "autograder.zip", "--no-environment"]
    subprocess.run(generate, cwd=folder, check=True, capture_output=True)
    return folder / "autograder.zip", made
