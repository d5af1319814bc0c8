"""The course that is attacked: one week of eight items, small, but with every kind of check the real weeks have.

Two items are checked in the style of nbgrader's own examples (bare ``assert``, ``numpy.testing``), because
several attacks aim at exactly these. Every answer has a wrong form, so that an attacker starts from nothing.
"""

import json
from dataclasses import dataclass

import nbformat
from dyadlab.grading import build, course, notebooks

WEEK = "w00_target"
#: Words that stand in hidden tests, in a neighbour's work and in the grader's environment, and nowhere else.
#: An output that shows one of them proves what was read.
SECRETS = {
    "the hidden tests": "quince-in-a-hidden-test",
    "a neighbour's work": "heron-in-a-neighbours-notebook",
    "the grader's environment": "lantern-in-the-environment",
}


@dataclass(frozen=True)
class Item:
    """One question. ``right`` and ``wrong`` are whole answer cells; ``check`` is the cell that earns the points."""

    name: str
    points: float
    right: str
    wrong: str
    check: str = ""

    answer_id = property(lambda self: f"w00_{self.name}")
    check_id = property(lambda self: f"w00_{self.name}_check" if self.check else f"w00_{self.name}_think")


ITEMS = (
    Item(
        "number",
        2,
        'mean_comments = dyads["n_comments"].mean()',
        "mean_comments = 1.5",
        """with checks.item("0.1"):
    checks.number("mean_comments", between=(0, 1000))
    ### BEGIN HIDDEN TESTS
    # quince-in-a-hidden-test
    from dyadlab import load

    checks.same_number("mean_comments", load("dyads")["n_comments"].mean(), decimals=1)
    ### END HIDDEN TESTS""",
    ),
    Item(
        "numbers",
        2,
        'hours = (dyads["minutes_since_feed"] / 60).tolist()',
        "hours = [1.5] * 62",
        """with checks.item("0.2"):
    checks.numbers("hours", length=62, between=(0, 24))
    ### BEGIN HIDDEN TESTS
    from dyadlab import load

    checks.same_numbers("hours", load("dyads")["minutes_since_feed"] / 60, decimals=2)
    ### END HIDDEN TESTS""",
    ),
    Item(
        "table",
        2,
        'by_feeding = dyads.groupby("feeding", as_index=False)["n_comments"].mean()',
        'by_feeding = pd.DataFrame({"feeding": ["breast", "formula", "mixed"], "n_comments": [1.5, 1.5, 1.5]})',
        """from dyadlab import checks
with checks.item("0.3"):
    checks.table("by_feeding", columns=["feeding", "n_comments"], rows=3)
    ### BEGIN HIDDEN TESTS
    import pandas as pd
    from dyadlab import load

    expected = load("dyads").groupby("feeding", as_index=False)["n_comments"].mean()
    pd.testing.assert_frame_equal(checks.table("by_feeding"), expected, atol=0.01, check_dtype=False)
    ### END HIDDEN TESTS""",
    ),
    Item(
        "figure",
        2,
        'picture = plt.figure().gca()\npicture.hist(dyads["n_comments"], bins=8)\n'
        'picture.set_xlabel("Comments in five minutes")\npicture.set_ylabel("Number of dyads");',
        "picture = plt.figure().gca()\npicture.hist([1, 2, 2], bins=2)\n"
        'picture.set_xlabel("x")\npicture.set_ylabel("y");',
        """with checks.item("0.4"):
    facts = checks.figure("picture")
    ### BEGIN HIDDEN TESTS
    from dyadlab import load

    comments = load("dyads")["n_comments"]
    bars = list(zip(facts["bar_lefts"], facts["bar_widths"], facts["bar_heights"]))
    checks.require(abs(sum(height for _, _, height in bars) - 62) < 0.5, "the bars do not count each dyad once.")
    for left, width, height in bars:
        surely = ((comments > left + 0.001) & (comments < left + width - 0.001)).sum()
        at_most = ((comments > left - 0.001) & (comments < left + width + 0.001)).sum()
        checks.require(surely <= height <= at_most, "a bar does not count the dyads between its edges.")
    checks.require("comments" in facts["xlabel"].casefold(), "the x-axis does not say what was counted.")
    ### END HIDDEN TESTS""",
    ),
    Item(
        "function",
        3,
        "def centred(values):\n    middle = sum(values) / len(values)\n    return [value - middle for value in values]",
        "def centred(values):\n    return list(values)",
        """values = [1.0, 4.0, 7.0]
found = centred(values)
assert len(found) == 3, "one value for each value that goes in"
### BEGIN HIDDEN TESTS
for values in ([2.0, 4.0], [0.5, 0.5, 2.0], [10.0, 20.0, 60.0, 30.0]):
    found = centred(values)
    middle = sum(values) / len(values)
    assert len(found) == len(values)
    assert all(abs(f - (v - middle)) < 1e-9 for f, v in zip(found, values))
### END HIDDEN TESTS""",
    ),
    Item(
        "share",
        3,
        'share_elevated = dyads["elevated"].mean()',
        "share_elevated = 0.839",
        """assert share_elevated is not None
### BEGIN HIDDEN TESTS
from dyadlab import load

expected = load("dyads")["elevated"].mean()
float(round(3 * (1 - abs(share_elevated - expected) / expected), 1))
### END HIDDEN TESTS""",
    ),
    Item(
        "weights",
        2,
        "weights = [0.1, 0.2, 0.7]",
        "weights = [0.2, 0.3, 0.4]",
        """assert len(weights) == 3
### BEGIN HIDDEN TESTS
import numpy as np

np.testing.assert_allclose(weights, [0.1, 0.2, 0.7], atol=1e-3)
assert np.isclose(sum(weights), 1.0)
### END HIDDEN TESTS""",
    ),
    Item(
        "dyads",
        1,
        "n_dyads = 62",
        "n_dyads = 62",  # everybody gets this one right: it shows that an attacker was graded at all
        """assert n_dyads > 0
### BEGIN HIDDEN TESTS
assert n_dyads == 62
### END HIDDEN TESTS""",
    ),
    Item("words", 2, "The heron waits: heron-in-a-neighbours-notebook.", "Write your answer here."),
)
CHECKED = tuple(item for item in ITEMS if item.check)
#: What checks can give: the Think item is for a person.
AUTO_POINTS = sum(item.points for item in CHECKED)
TOOLS = "import dyadlab\nimport matplotlib.pyplot as plt\nimport pandas as pd\nfrom dyadlab import checks"
DATA = 'dyads = dyadlab.load("dyads")'


def meta(grade_id, points=None, *, locked=False, solution=True):
    made = {"grade_id": grade_id, "schema_version": 3, "task": False, "locked": locked, "solution": solution}
    return {"nbgrader": made | ({"grade": False} if points is None else {"grade": True, "points": points})}


def source_notebook():
    """The answered source notebook of the target week."""
    code, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    cells = [
        text("# Week 0 · The target", id="title"),
        code(TOOLS, id="tools"),
        code("", id="setup"),
        code(DATA, id="data"),
    ]
    for item in CHECKED:
        answer = f"{notebooks.BEGIN_SOLUTION}\n{item.right}\n{notebooks.END_SOLUTION}"
        cells.append(code(answer, id=f"{item.name}-answer", metadata=meta(item.answer_id)))
        made = meta(item.check_id, item.points, locked=True, solution=False)
        cells.append(code(item.check, id=f"{item.name}-check", metadata=made))
    think = ITEMS[-1]
    cells.append(text(think.right, id=f"{think.name}-think", metadata=meta(think.check_id, think.points)))
    return nbformat.v4.new_notebook(cells=cells, metadata=notebooks.CANONICAL_METADATA)


def make(root):
    """Write the target course below ``root`` and build its release. Returns the Course."""
    here = course.Course(root / "course", solutions=root / "solutions")
    path = here.notebook(WEEK)
    path.parent.mkdir(parents=True)
    path.write_text(notebooks.canonical(source_notebook()), encoding="utf-8")
    build.build(here, [WEEK], solutions=False)
    return here


def filled_in(released, answers="wrong", setup="", cells=None):
    """A submission's notebook: the release with ``answers`` (wrong, right or blank) and an attacker's code.

    setup : source of the free cell near the top. cells : ``{item name: source}`` for single answers.
    """
    notebook = nbformat.from_dict(json.loads(json.dumps(released)))
    wanted = {i.answer_id if i.check else i.check_id: getattr(i, answers) for i in ITEMS if answers != "blank"}
    wanted |= {f"w00_{name}" if name != "words" else "w00_words_think": text for name, text in (cells or {}).items()}
    for cell in notebook.cells:
        name = notebooks.grade_id(cell)
        if cell.id == "setup":
            cell.source = setup
        elif name in wanted:
            cell.source = wanted[name]
    return notebook
