"""Claims about innocent accidents: what students really do costs them no more than it should, and nobody else anything.

``known_nbgrader_errors.toml`` is the table: each accident, which checks it costs with ``dyadlab grade``, what plain
nbgrader makes of the same notebook, and whether that stops everybody's grading. Both columns are measured here, on a
small course of four automatic points.
"""

import copy
import dataclasses
import functools
import json
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from dyadlab.grading import build, course, engine, master, notebooks, sandbox, submission
from nbgrader.api import Gradebook

WEEK = "w00_accident"
FILE = f"{WEEK}.ipynb"
TABLE = tomllib.loads(Path(__file__).with_name("known_nbgrader_errors.toml").read_text(encoding="utf-8"))
KNOWN = {row["name"]: row for row in TABLE["accident"]}
QUICK = engine.Budget(cell_s=3, notebook_s=60)

CELLS = (  # name, source, points of a check
    ("tools", "import pandas as pd\nfrom dyadlab import checks", None),
    ("w00_first", "first = 1", None),
    ("w00_first_check", 'with checks.item("0.1"):\n    checks.same_number("first", 1)', 1),
    ("w00_double", "def double(x):\n    return 2 * x", None),
    (
        "w00_small_check",
        'with checks.item("0.2"):\n    double = checks.function("double")\n    assert double(1) == 2',
        1,
    ),
    (
        "w00_large_check",
        'with checks.item("0.3"):\n    double = checks.function("double")\n    assert sum([double(1), double(2)]) == 6',
        1,
    ),
    ("w00_last", "last = pd.Series([1, 2]).sum()", None),
    ("w00_last_check", 'with checks.item("0.4"):\n    checks.same_number("last", 3)', 1),
)
ANSWERS = {name: source for name, source, _points in CELLS if name.startswith("w00") and not name.endswith("check")}


def source_notebook():
    cells = []
    for name, source, points in CELLS:
        cell = nbformat.v4.new_code_cell(source, id=name.replace("_", "-"))
        if name != "tools":
            meta = {"grade_id": name, "schema_version": 3, "task": False, "grade": points is not None}
            meta |= {"locked": points is not None, "solution": points is None}
            cell.metadata["nbgrader"] = meta | ({} if points is None else {"points": points})
        if name in ANSWERS:
            cell.source = f"{notebooks.BEGIN_SOLUTION}\n{source}\n{notebooks.END_SOLUTION}"
        cells.append(cell)
    return nbformat.v4.new_notebook(cells=cells, metadata=notebooks.CANONICAL_METADATA)


@dataclass(frozen=True)
class Accident:
    """One submission. answers : cells that differ from right ones. spoil : a change to the notebook (nbformat).
    save : how the bytes are made. file : the name they are handed in under. says : words of a remark, if one is due.
    person : whether somebody has to look.
    """

    name: str
    answers: dict = dataclasses.field(default_factory=dict)
    spoil: object = None
    save: object = None
    file: str = FILE
    says: str = ""
    person: bool = False


def place(notebook, name):
    return next(i for i, cell in enumerate(notebook.cells) if notebooks.grade_id(cell) == name)


def copied(name):
    def spoil(notebook):
        at = place(notebook, name)
        twin = copy.deepcopy(notebook.cells[at])
        twin["id"] = "copied"
        notebook.cells.insert(at + 1, twin)

    return spoil


def deleted(*names):
    def spoil(notebook):
        notebook.cells = [cell for cell in notebook.cells if notebooks.grade_id(cell) not in names]

    return spoil


def edited(name, source):
    def spoil(notebook):
        notebook.cells[place(notebook, name)].source = source

    return spoil


def flipped(name, **settings):
    def spoil(notebook):
        notebook.cells[place(notebook, name)].metadata["nbgrader"] |= settings

    return spoil


def kernel(**spec):
    def spoil(notebook):
        notebook.metadata = nbformat.from_dict({"kernelspec": spec} if spec else {})

    return spoil


def retyped(notebook):
    at = place(notebook, "w00_small_check")
    notebook.cells[at] = nbformat.v4.new_markdown_cell("", metadata=notebook.cells[at].metadata)


def moved_up(notebook):
    notebook.cells.insert(1, notebook.cells.pop(place(notebook, "w00_first_check")))


def in_another_cell(notebook):
    at = place(notebook, "w00_first")
    notebook.cells[at] = nbformat.v4.new_code_cell("first = 1")


def format_3(notebook):
    return nbformat.writes(nbformat.convert(notebook, 3), version=3).encode()


def with_windows_ends(notebook):
    plain = json.loads(nbformat.writes(notebook))
    for cell in plain["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")
    return b"\xef\xbb\xbf" + json.dumps(plain).encode()


STDERR = "import sys\n\ndef double(x):\n    print('careful', file=sys.stderr)\n    return 2 * x"
LOOP = "def double(x):\n    while True:\n        pass"
SEGFAULT = "import ctypes\n\nctypes.string_at(0)"

ACCIDENTS = (
    Accident("nothing happened"),
    Accident("a check copied", spoil=copied("w00_small_check"), says="2 times"),
    Accident("an answer copied", spoil=copied("w00_first"), says="2 times"),
    Accident("a check deleted", spoil=deleted("w00_small_check"), says="put back"),
    Accident("all checks deleted", spoil=deleted(*(n for n, _s, points in CELLS if points)), says="put back"),
    Accident("a check edited", spoil=edited("w00_small_check", "assert double(1) == 3"), says="put back"),
    Accident("a check emptied by a student who was wrong", {"w00_first": "first = 2"}, edited("w00_first_check", "")),
    Accident("a check turned into text", spoil=retyped, says="put back"),
    Accident("a check moved before its answer", spoil=moved_up, says="another order"),
    Accident("an answer cell deleted, the answer in a cell of one's own", spoil=in_another_cell, says="put back"),
    Accident("grade switched off", spoil=flipped("w00_small_check", grade=False), says="settings"),
    Accident("solution switched on", spoil=flipped("w00_small_check", solution=True), says="settings"),
    Accident("a grade id renamed", spoil=flipped("w00_small_check", grade_id="w00_mine"), says="put back"),
    Accident("five hundred points", spoil=flipped("w00_small_check", points=500), says="settings"),
    Accident("an old schema", spoil=flipped("w00_small_check", schema_version=1), says="settings"),
    Accident("renamed", file="homework (1).ipynb", says="taken for"),
    Accident("the kernel of another language", spoil=kernel(name="ir", display_name="R", language="R"), says="'ir'"),
    Accident("no kernel named", spoil=kernel()),
    Accident("saved by an old tool", save=format_3, says="old format 3"),
    Accident("saved by an editor of Windows", save=with_windows_ends, says="line ends"),
    Accident("a word on stderr beside a right answer", {"w00_double": STDERR}),
    Accident("a warning beside a right answer", {"w00_double": "import warnings\n" + STDERR.replace(
        "print('careful', file=sys.stderr)", "warnings.warn('careful', FutureWarning)")}),
    Accident("input()", {"w00_first": "first = int(input('How many? '))"}),
    Accident("an error in one cell", {"w00_first": "first = one"}),
    Accident("no Python at all in one cell", {"w00_first": "The first is 1"}),
    Accident("exit() in one cell", {"w00_double": ANSWERS["w00_double"] + "\n\nexit()"}),
    Accident("a name of one's own that is a tool's", {"w00_first": "first = sum = list = 1\nchecks = 'done'"}),
    Accident("an endless loop in a function that two checks call", {"w00_double": LOOP}),
    Accident("an endless loop in a cell", {"w00_first": "first = 1\nwhile True:\n    pass"}, says="was stopped"),
    Accident(
        "a crash in a cell after others were right",
        {"w00_double": "import os\n\nos._exit(1)"},
        says="Python stopped",
        person=True,
    ),
    Accident("a segmentation fault in a cell", {"w00_double": SEGFAULT}, says="Python stopped", person=True),
    Accident(
        "a crash in a function that a check calls",
        {"w00_double": "import os\n\ndef double(x):\n    os._exit(0)"},
        says="Python stopped",
        person=True,
    ),
    Accident(
        "200 MB of output",
        {"w00_first": "for _line in range(200):\n    print('y' * 1_000_000)\nfirst = 1"},
        says="put out far too much",
        person=True,
    ),
)  # fmt: skip


def handed_in(released, accident):
    """(file name, bytes) of one accident's submission."""
    notebook = copy.deepcopy(released)
    for cell in notebook.cells:
        name = notebooks.grade_id(cell)
        if name in ANSWERS:
            cell.source = accident.answers.get(name, ANSWERS[name])
    if accident.spoil is not None:
        accident.spoil(notebook)
    return accident.file, (accident.save or (lambda nb: nbformat.writes(nb).encode()))(notebook)


@pytest.fixture(scope="module")
def small_course(tmp_path_factory):
    root = tmp_path_factory.mktemp("accidents")
    here = course.Course(root / "course", solutions=root / "solutions")
    here.notebook(WEEK).parent.mkdir(parents=True)
    here.notebook(WEEK).write_text(notebooks.canonical(source_notebook()), encoding="utf-8")
    build.build(here, [WEEK], solutions=False)
    return here


@pytest.fixture(scope="module")
def released(small_course):
    return notebooks.read(small_course.release / WEEK / FILE)


def test_the_table_has_every_accident_once():
    assert sorted(KNOWN) == sorted(accident.name for accident in ACCIDENTS)
    assert len(KNOWN) == len(TABLE["accident"])


@pytest.fixture(scope="module")
def graded(small_course, released):
    """An accident's Result from the grader, behind the strongest walls that this machine has."""
    copied, tier = master.from_gradebook(small_course, WEEK), sandbox.choose()

    @functools.cache
    def grade(accident_name):
        accident = next(one for one in ACCIDENTS if one.name == accident_name)
        file, content = handed_in(released, accident)
        return engine.grade_submission(copied, submission.Submission("ab123", WEEK, {file: content}), tier, QUICK)

    return grade


@pytest.mark.parametrize("accident", ACCIDENTS, ids=lambda accident: accident.name)
def test_an_accident_costs_no_more_than_it_should(graded, accident):
    result = graded(accident.name)
    earned = {cell.grade_id: cell.auto_score for cell in result.cells}
    assert earned == {name: float(name not in KNOWN[accident.name].get("costs", ())) for name in earned}, result
    assert len(earned) == 4
    assert result.outcome == (engine.NEEDS_PERSON if accident.person else engine.GRADED), result.remarks
    assert accident.says in " ".join(result.remarks)
    assert bool(result.remarks) == bool(accident.says) or accident.answers, "mended, and said"
    assert len(result.notebook) < 3_000_000
    nbformat.validate(nbformat.reads(result.notebook.decode(), as_version=4))


def test_an_endless_loop_in_a_function_is_waited_for_once(graded):
    result = graded("an endless loop in a function that two checks call")
    says = {cell.grade_id: cell.says for cell in result.cells}
    assert "was stopped" in says["w00_small_check"] and "was not tried again" in says["w00_large_check"]


# --- what plain nbgrader makes of the same ---------------------------------------------------------------------------

#: nbgrader as it comes, save for shorter waits. The course's own configuration puts deleted cells back.
PLAIN = ["--Execute.timeout=5", "--Execute.iopub_timeout=20", "--OverwriteCells.add_missing_cells=False"]
STOPPERS = [accident for accident in ACCIDENTS if KNOWN[accident.name].get("stops_the_class")]
OTHERS = [accident for accident in ACCIDENTS if accident not in STOPPERS]


def plain_marks(small_course, released, accidents, tmp_path):
    """{name: points or None where there is no mark}, and whether the classmate who comes last has one."""
    here = course.Course(tmp_path / "course", solutions=tmp_path / "solutions")
    here.notebook(WEEK).parent.mkdir(parents=True)
    here.notebook(WEEK).write_bytes(small_course.notebook(WEEK).read_bytes())
    build.build(here, [WEEK], solutions=False)
    everybody = {f"s{number:02d}": accident for number, accident in enumerate(accidents)} | {"zz": ACCIDENTS[0]}
    for student, accident in everybody.items():
        file, content = handed_in(released, accident)
        folder = here.submitted / student / WEEK
        folder.mkdir(parents=True)
        (folder / file).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", WEEK, *PLAIN],
        cwd=tmp_path,
        env={
            **os.environ,
            "JUPYTER_CONFIG_PATH": str(here.config),
            "DYADLAB_COURSE": str(here.root),
            "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"],
        },
        capture_output=True,
        text=True,
        timeout=500,
    )
    print(done.stderr[-20_000:])
    marks = {}
    with Gradebook(here.db_url) as gradebook:
        for student in everybody:
            grades = [
                grade.auto_score
                for one in gradebook.student_submissions(student)
                if (here.autograded / student / WEEK / FILE).exists()
                for notebook in one.notebooks
                for grade in notebook.grades
            ] if any(s.id == student for s in gradebook.students) else []  # fmt: skip
            marks[student] = None if not grades or all(g is None for g in grades) else sum(g or 0 for g in grades)
    found = {accident.name: marks[f"s{number:02d}"] for number, accident in enumerate(accidents)}
    return found, marks["zz"] == 4


def as_written(accident, points):
    """Whether the table gives these points (None: no mark) for plain nbgrader."""
    written = KNOWN[accident.name]["plain"]
    return written == "by chance" or written == ("no mark" if points is None else points)


def test_plain_nbgrader_marks_accidents_as_the_table_says(small_course, released, tmp_path):
    marks, class_goes_on = plain_marks(small_course, released, OTHERS, tmp_path)
    assert class_goes_on
    wrong = {one.name: marks[one.name] for one in OTHERS if not as_written(one, marks[one.name])}
    assert not wrong, "these are not as known_nbgrader_errors.toml says"


@pytest.mark.parametrize("accident", STOPPERS, ids=lambda accident: accident.name)
def test_plain_nbgrader_stops_for_the_whole_class_where_the_table_says_so(small_course, released, tmp_path, accident):
    marks, class_goes_on = plain_marks(small_course, released, [accident], tmp_path)
    assert not class_goes_on and as_written(accident, marks[accident.name])


def test_where_the_table_says_that_plain_nbgrader_is_wrong_it_is():
    for name, row in KNOWN.items():
        ours = 4 - len(row.get("costs", ()))
        differs = row["plain"] != ours or row.get("stops_the_class", False)
        assert differs == bool(row.get("why")), name
