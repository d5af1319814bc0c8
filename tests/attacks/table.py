"""Write README.md, the catalogue as a page to read:   python tests/attacks/table.py"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from attacks import catalogue, plain, target

PAGE = Path(__file__).with_name("README.md")
TITLES = {
    "forging": (
        "Points that were not earned",
        "Code in a notebook whose answers are wrong, save one that gives 1 point.",
    ),
    "containment": (
        "The machine, the course and the others",
        "Code that reaches for what is not the student's, or never ends.",
    ),
    "bad input": ("What is handed in", "Doctored or damaged notebooks, folders, names and ZIPs."),
}

BEGINNING = """# Attacks on grading, and what comes of them

Student code runs in a process of its own. The tests run in another one, to which student code never comes; answers
cross between them as plain data. This is the list of {count} attacks by which that is tried, each in two columns: what
plain `nbgrader autograde` does with it, **measured**, and what `dyadlab grade` does, which `tests/test_attacks.py`
asserts. Of the {tried} attacks that plain nbgrader was tried with, {gain} gain points, {stop} stop the grading or the
collecting of everybody else's work, {others} change what belongs to others and {show} show what was to stay hidden;
{none} end without any mark, which `nbgrader export` writes down as 0.

This page is made from the attacks themselves. After a change, run `python tests/attacks/table.py`, or a test will say
that it is stale. The attacks are `forging.toml`, `containment.toml` and `bad_input.py`; `catalogue.py` explains their
keys, `target.py` is the small course that is attacked ({points:g} points that tests give, and one answer in words).
Beside every attacker, two neighbours hand in: one with all answers right, one with none. Their marks, the course's
source, the gradebook and each other's submissions must come out as they were.

The middle column is what `python tests/attacks/plain.py` measured (Linux, as an administrator, about half an hour),
with nbgrader {nbgrader} as this course configures it. It runs each attack for real, fenced in from outside as another
user. To keep the machine alive, sizes are small: 400 processes and 3 GB stand for as many as there are. `make test`
measures a few of them anew.

What no wall prevents: a function is called with the test's inputs, so it sees these, and a later cell can show them;
who knows the right answer may write it down; and the facts of a figure are data like any others, so facts made up
*rightly* are a right answer.
"""


def page():
    """README.md's text."""
    attacks = catalogue.read()
    measured = plain.measured()
    found = [measured[a.name] for a in attacks if not a.not_run]
    lines = [
        BEGINNING.format(
            count=len(attacks),
            tried=len(found),
            gain=having(found, "gains "),
            stop=having(found, "stops the", "hangs the"),
            show=having(found, "shows ", "sees "),
            none=having(found, "ends without any mark"),
            others=having(found, "changes ", "destroys ", "writes outside"),
            points=target.AUTO_POINTS,
            nbgrader=plain.measured_with(),
        )
    ]
    for kind in catalogue.KINDS:
        title, about = TITLES[kind]
        lines += [f"\n## {title}\n", about, ""]
        lines += ["| attack | what it does | plain `nbgrader autograde` | `dyadlab grade` |", "|---|---|---|---|"]
        for attack in (a for a in attacks if a.kind == kind):
            theirs = f"not run: {attack.not_run}" if attack.not_run else "; ".join(measured[attack.name])
            if theirs == plain.NOTHING:
                theirs = "gains nothing" if attack.honest <= catalogue.HONEST else "does no harm"
            lines.append(f"| {attack.name} | {attack.does} | {theirs} | {ours(attack)} |".replace("__", "\\_\\_"))
    return "\n".join(lines) + "\n"


def having(found, *beginnings):
    return sum(any(phrase.startswith(beginnings) for phrase in did) for did in found)


def ours(attack):
    """The last column: what test_attacks.py asserts of ``dyadlab grade``."""
    if attack.archive is not None:
        return "collects the others, says what was left out" if attack.collected else "refuses it with a sentence"
    if attack.outcome == (catalogue.REJECTED,):
        return "rejects it with a sentence"
    if attack.points is None:
        said = "gains nothing"
    elif attack.honest <= catalogue.HONEST:
        said = "gains nothing" if attack.points == attack.honest else "gains nothing, loses its honest point"
    elif attack.points == attack.honest:
        said = "keeps all points"
    else:
        said = f"keeps {attack.points:g} of {attack.honest:g} points"
    return said


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
