"""Claims about grading one submission: what runs where, what crosses, and what is never full marks.

Real processes behind the machine's own walls; short budgets, so that what is endless here ends soon.
"""

import json
import os
import sys
import time

import nbformat
import pytest
from dyadlab.grading import checker, engine, master, notebooks, sandbox, students, submission, warm

WEEK = "w99_test"
BUDGET = engine.Budget(cell_s=3, notebook_s=60)
PATIENT = engine.Budget(cell_s=60, notebook_s=180)
IMPORTS = ("import numpy as np", "import pandas as pd", "import seaborn as sns", "from dyadlab import ____, checks")


@pytest.fixture(scope="module")
def walls():
    try:
        return sandbox.choose()
    except sandbox.NoSandbox as missing:
        pytest.skip(f"no walls on this machine: {missing}")


def cell(name, source, kind="code", grade=False, solution=False, points=0.0):
    made = master.MasterCell(name, kind, source, not solution, grade, solution, points, "")
    checksum = notebooks.checksum(made.as_cell())
    return master.MasterCell(name, kind, source, not solution, grade, solution, points, checksum)


def week(*checks):
    """A master of answers a0, a1, … each followed by its check (source, points)."""
    cells = []
    for number, (source, points) in enumerate(checks):
        cells += [
            cell(f"a{number}", "# Write your code here", solution=True),
            cell(f"a{number}_check", source, grade=True, points=points),
        ]
    return master.Master(WEEK, tuple(cells), imports=IMPORTS)


def handed_in(copy, *answers, before=()):
    """The released notebook with these answers in it, and some cells of the student's own before them."""
    made = [nbformat.v4.new_code_cell(source) for source in (*IMPORTS, *before)]
    answers = iter(answers)
    for one in copy.cells:
        node = one.as_cell()
        if one.solution:
            node.source = next(answers)
        made.append(node)
    content = nbformat.writes(nbformat.v4.new_notebook(cells=made)).encode()
    return submission.Submission("ab123", WEEK, {f"{WEEK}.ipynb": content})


def graded(walls, checks, *answers, before=(), budget=BUDGET):
    copy = week(*checks)
    return engine.grade_submission(copy, handed_in(copy, *answers, before=before), walls, budget)


def scores(result):
    return [one.auto_score for one in result.cells]


def outputs(result, name):
    notebook = nbformat.reads(result.notebook.decode(), as_version=4)
    nbformat.validate(notebook)
    return next(c.outputs for c in notebook.cells if notebooks.grade_id(c) == name)


def item(body):
    return 'with checks.item("1"):\n' + "\n".join(f"    {line}" for line in body.split("\n"))


NUMBER = (item('checks.same_number("x", 2)'), 1.0)


def test_a_right_answer_earns_its_points_and_a_wrong_one_a_sentence(walls):
    right, wrong = graded(walls, [NUMBER], "x = 1 + 1"), graded(walls, [NUMBER], "x = 3")
    assert (right.outcome, scores(right)) == (engine.GRADED, [1.0])
    assert (wrong.outcome, scores(wrong)) == (engine.GRADED, [0.0])
    assert "not what these data give" in wrong.cells[0].says
    assert outputs(wrong, "a0_check")[0].output_type == "error"
    assert "✓" in outputs(right, "a0_check")[0].text


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        ('checks.same_number("x", 2.5)', "x = np.float64(2.5)"),
        ('checks.same_number("x", 2.5)', "x = pd.Series([2.5])"),
        ('checks.same_numbers("x", [1, 2, np.nan])', "x = pd.DataFrame({'v': [1, 2, None]})['v']"),
        ('checks.same_numbers("x", [1, 2])', "x = (1, 2)"),
        (
            'checks.require(checks.table("x", rows=2).loc["b", "v"] == 2, "no")',
            "x = pd.DataFrame({'v': [1, 2]}, ['a', 'b'])",
        ),
        ('checks.require(checks.text("x") == "yes", "no")', "x = ' yes '"),
        ('checks.require(checks.function("x")(20) == 41, "no")', "y = 2\ndef x(n):\n    return y * n + 1"),
        (
            'checks.require(checks.figure("x")["bars"] == 4, "no")',
            "x = sns.histplot([1, 2, 3, 4], bins=4)\nx.set_xlabel('pg/ml')",
        ),
        ('checks.require(x == {"a": [1, (2, 3)]}, "no")', 'x = {"a": [1, (2, 3)]}'),
        ('name = "x"\nchecks.same_number(f"{name}", 2)', "x = 2"),
    ],
)
def test_every_kind_of_answer_crosses_and_is_checked_over_here(walls, check, answer):
    assert scores(graded(walls, [(item(check), 1.0)], answer)) == [1.0]
    assert scores(graded(walls, [(item(check), 1.0)], "x = None")) == [0.0]


def test_a_check_never_enters_the_students_process(walls):
    """The student's code looks through all memory that it can read for a word that only the hidden test holds."""
    look = (
        "import re\nx = 0\n"
        "for line in open('/proc/self/maps'):\n"
        "    start, end = (int(n, 16) for n in line.split()[0].split('-'))\n"
        "    if 'rw' not in line.split()[1]:\n"
        "        continue\n"
        "    with open('/proc/self/mem', 'rb') as memory:\n"
        "        for place in range(start, end, 1 << 24):\n"
        "            try:\n"
        "                memory.seek(place)\n"
        "                piece = memory.read(min(end - place, (1 << 24) + 20))\n"
        "            except (OSError, OverflowError):\n"
        "                continue\n"
        "            x += len(re.findall(rb'(?:t[w]elve){3}', piece))\n"
        "x = x > 0"
    )
    looked = (item('"twelvetwelvetwelve"\nprint("found:", checks.yes_or_no("x"))'), 1.0)
    result = graded(walls, [looked, looked], look, f"mine = 'twelve' * 3\n{look}", budget=PATIENT)
    assert "found: False" in outputs(result, "a0_check")[0].text
    assert "found: True" in outputs(result, "a1_check")[0].text, "a word of its own it does find"


def test_the_last_line_of_a_check_can_give_part_of_the_points(walls):
    result = graded(walls, [("0.5 * x", 2.0)], "x = 3")
    assert scores(result) == [1.5]
    assert outputs(result, "a0_check")[0].data["text/plain"] == "1.5"


@pytest.mark.parametrize("answer", ["x = float('nan')", "x = 1e9", "x = -1", "x = float('inf')"])
def test_points_that_cannot_be_are_left_to_a_person(walls, answer):
    result = graded(walls, [("0.5 * x", 2.0)], answer)
    assert (result.outcome, scores(result)) == (engine.NEEDS_PERSON, [None])
    assert "cannot be" in " ".join(result.remarks)


@pytest.mark.parametrize("last", ["np.float32(x) / 2", "np.int64(x)", "__import__('fractions').Fraction(x, 3)"])
def test_points_may_be_numbers_of_any_kind(walls, last):
    assert scores(graded(walls, [(last, 3.0)], "x = 0")) == [0.0]


@pytest.mark.parametrize(("last", "earned"), [("x == 2", None), ("x == 1", 3.0), ("str(x)", None), ("[x]", None)])
def test_a_last_line_that_is_no_number_never_means_full_points_unless_it_says_true(walls, last, earned):
    assert scores(graded(walls, [(last, 3.0)], "x = 1")) == [earned]


@pytest.mark.parametrize("end", ["import os\nos._exit(0)", "import ctypes\nctypes.string_at(0)"])
def test_a_crash_costs_its_own_cell_and_no_other(walls, end):
    result = graded(walls, [NUMBER, NUMBER, NUMBER], "x = 2", f"x = 2\n{end}", "x = 2")
    assert scores(result) == [1.0, 1.0, 1.0], "the second check finds the x of the first answer"
    result = graded(walls, [NUMBER, (NUMBER[0].replace('"x"', '"y"'), 1.0), NUMBER], "x = 2", f"y = 2\n{end}", "x = 2")
    assert (result.outcome, scores(result)) == (engine.NEEDS_PERSON, [1.0, 0.0, 1.0])
    assert "keeps its points" in result.remarks[0]


def test_an_endless_cell_is_stopped_and_the_next_ones_run(walls):
    result = graded(walls, [NUMBER, NUMBER], "x = 2\nwhile True:\n    pass", "x = 2")
    assert scores(result) == [1.0, 1.0]
    assert "more than 3 seconds" in " ".join(result.remarks)


def test_a_cell_that_will_not_be_interrupted_is_ended(walls):
    deaf = "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except BaseException:\n        pass"
    result = graded(walls, [NUMBER, NUMBER, NUMBER], "x = 2", f"x = 5\n{deaf}", "x = 2")
    assert scores(result) == [1.0, 1.0, 1.0], "the notebook went on without the cell that would not stop"
    assert result.outcome == engine.NEEDS_PERSON


@pytest.mark.parametrize("deaf", [False, True], ids=["stops when asked", "swallows interruptions"])
def test_an_endless_function_is_waited_for_once(walls, deaf):
    loop = "while True: pass"
    body = (
        f"    while True:\n        try:\n            {loop}\n        except BaseException: pass"
        if deaf
        else f"    {loop}"
    )
    check = (item('checks.require(checks.function("f")() == 1, "no")'), 1.0)
    result = graded(walls, [check, check, check, NUMBER], f"def f():\n{body}", "pass", "pass", "x = 2")
    assert scores(result) == [0.0, 0.0, 0.0, 1.0]
    assert result.seconds < 2.9 * BUDGET.cell_s, "three checks did not wait three times"


def test_a_flood_of_output_is_cut_and_said_and_the_answer_still_counts(walls):
    result = graded(walls, [NUMBER], "for line in range(300):\n    print('y' * 1_000_000)\nx = 2")
    assert scores(result) == [1.0]
    assert len(result.notebook) < 1_000_000
    assert result.outcome == engine.NEEDS_PERSON and "far too much" in result.remarks[0]


def test_all_outputs_of_a_notebook_together_are_bounded(walls):
    show = "from IPython.display import HTML, display\ndisplay(HTML('x' * 9_000_000))"
    result = graded(walls, [NUMBER], "x = 2", before=[show] * 4)
    assert len(result.notebook) < 1.2 * engine.MOST_SHOWN
    assert scores(result) == [1.0] and any("cell 7 put out far too much" in flag for flag in result.flags)


def test_of_the_courses_imports_only_those_are_made_whose_names_a_check_uses(tmp_path, monkeypatch):
    for name in ("wanted_here", "not_wanted_here"):
        (tmp_path / f"{name}.py").write_text("part = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    lines = ("import not_wanted_here as not_wanted", "from wanted_here import part as a_part", "import not_to_be_had")
    given = checker.given_names(lines, {"a_part", "not_to_be_had"})
    assert given == {"a_part": 1} and "not_wanted_here" not in sys.modules
    assert checker.given_names(["from wanted_here import *"], {"part"}) == {"part": 1}  # any name at all


def test_what_a_check_says_is_bounded_whatever_stands_in_the_answer(walls):
    check = (item('checks.table("x", columns=["n"])'), 1.0)
    result = graded(walls, [check], "x = pd.DataFrame({'y' * 5_000_000: [1]})")
    assert scores(result) == [0.0]
    assert len(result.cells[0].says) < 2 * checker.MOST_SAID and len(result.notebook) < 10 * checker.MOST_SAID


def test_an_output_of_json_that_is_nested_without_end_is_left_out_and_the_answer_counts(walls):
    nested = "deep = 1\nfor _ in range(700): deep = [deep]\ndisplay({'application/json': deep}, raw=True)"
    result = graded(walls, [NUMBER], "x = 2", before=[nested])
    assert scores(result) == [1.0] and not result.blame


def test_a_check_that_ran_out_of_time_leaves_no_answer_behind_for_the_next(walls):
    slow = "import time\ndef slow(n):\n    time.sleep(2.5)\n    return n\nx = 2"
    calls = (item('found = checks.function("slow")\nfor n in range(9): found(n)'), 1.0)
    following = (item('assert checks.number("x") == 2'), 1.0)
    result = graded(walls, [calls, following, following], slow, "", "", budget=engine.Budget(cell_s=3, notebook_s=90))
    assert scores(result) == [None, 1.0, 1.0]


@pytest.mark.parametrize("way", ["'zo' + 'e'", "str('zoe')", "['zoe'][0]"])
def test_a_classmates_id_is_flagged_however_it_was_come_by(walls, way):
    check = (item('assert checks.text("my_id")'), 1.0)
    result = graded(walls, [check, check], f"exec('my_id = ' + {way!r})", "")
    assert result.outcome == engine.NEEDS_PERSON
    assert sum("'zoe'" in flag and "ab123" in flag for flag in result.flags) == 1
    for own in ("' AB123 '", "'____'"):
        assert not graded(walls, [check], f"my_id = {own}").flags


def test_an_error_behind_a_flood_is_still_shown(walls):
    result = graded(walls, [NUMBER], "print('y' * 10_000_000)\n1 / 0")
    assert outputs(result, "a0")[-1].ename == "ZeroDivisionError"


def test_a_warning_beside_a_right_answer_costs_nothing(walls):
    warns = (
        "import sys, warnings\ndef x(n):\n    print('careful', file=sys.stderr)\n    warnings.warn('oh')\n    return n"
    )
    assert scores(graded(walls, [(item('checks.require(checks.function("x")(1) == 1, "no")'), 1.0)], warns)) == [1.0]


def test_input_gives_a_sentence(walls):
    result = graded(walls, [NUMBER], "x = int(input('How many? '))")
    assert scores(result) == [0.0]
    assert "nobody sits here" in outputs(result, "a0")[-1].evalue


def test_figures_tables_and_results_are_in_the_executed_notebook(walls):
    shown = graded(
        walls, [NUMBER], "print('hello')\nsns.scatterplot(x=[1, 2], y=[3, 4])\nx = 2\npd.DataFrame({'v': [1]})"
    )
    kinds = [(one.output_type, sorted(one.get("data", {}))) for one in outputs(shown, "a0")]
    assert kinds == [
        ("stream", []),
        ("execute_result", ["text/html", "text/plain"]),
        ("display_data", ["image/png", "text/plain"]),
    ]


def test_grading_twice_gives_the_same_bytes(walls):
    answer = "x = 2\nsns.stripplot(x=[1, 2, 3, 4] * 5)\nnp.random.normal()"
    copy = week(NUMBER)
    one = handed_in(copy, answer)
    first, second = (engine.grade_submission(copy, one, walls, BUDGET) for _ in range(2))
    assert first.notebook == second.notebook and scores(first) == [1.0]


def test_what_cannot_cross_waits_for_a_person(walls):
    check = (item('found = checks.function("x")\nfound.something'), 1.0)
    result = graded(walls, [check], "class X:\n    something = 1\n    def __call__(self): pass\nx = X()")
    assert scores(result)[0] in (0.0, None)
    check = (item("x.params"), 1.0)
    result = graded(walls, [check], "import statsmodels.api as sm\nx = sm.OLS([1, 2, 3], [1, 2, 4]).fit()")
    assert (result.outcome, scores(result)) == (engine.NEEDS_PERSON, [None])


def test_the_record_names_the_walls(walls):
    assert graded(walls, [NUMBER], "x = 2").walls == walls.name


def test_a_student_finds_the_files_that_came_with_the_notebook(walls):
    copy = week(NUMBER)
    one = handed_in(copy, "import json, os\nx = json.load(open('data/mine.json'))")
    one = submission.Submission(one.student, one.week, {**one.files, "data/mine.json": json.dumps(2).encode()})
    assert scores(engine.grade_submission(copy, one, walls, BUDGET)) == [1.0]


# --- the warm process -----------------------------------------------------------------------------------------------


def lives(walls, slot):
    """A warm process that forks a student's process, which runs a cell."""
    process = warm.Warm(walls, sandbox.Limits(), slot)
    student = students.Student(process, time.monotonic() + 60, set())
    assert student.run("1 + 1", 1, 30)[0][0]["data"]["text/plain"] == "2"
    student.end()
    return process


def test_workers_of_one_command_share_what_is_imported_and_nothing_stays_behind(walls):
    with warm.shared():
        address = os.environ[warm.SHARED]
        first, second = lives(walls, 4001), lives(walls, 4002)
        assert first._process is None and second._process is None, "neither started a Python of its own"
        first.close()
        second.close()
    assert warm.SHARED not in os.environ and not os.path.exists(address)


def test_a_worker_whose_shared_process_was_killed_starts_one_of_its_own(walls):
    with warm.shared():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(warm.SHARED, "/nowhere/socket")
            process = lives(walls, 4003)
        assert process._process is not None
        process.close()


def test_a_warm_process_that_died_is_noticed_and_replaced(walls):
    process = engine.warm_process(walls, sandbox.Limits())
    assert scores(graded(walls, [NUMBER], "x = 2")) == [1.0]
    process._process.process.kill()
    process._process.process.wait()
    assert scores(graded(walls, [NUMBER], "x = 2")) == [1.0]
    assert engine.warm_process(walls, sandbox.Limits()) is not process
