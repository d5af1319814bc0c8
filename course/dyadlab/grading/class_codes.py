"""What a whole class made of the graded session: which comments split it, and with how many codes each.

For the instructor. :func:`split_table` is pure; :func:`collected` reads the codes that students handed in with week 1.
"""

import csv
from collections import Counter
from dataclasses import dataclass, field

import pandas as pd

from dyadlab.coding import codes, sessions
from dyadlab.coding.codes import CODES
from dyadlab.grading import submission
from dyadlab.sentences import Sentence


class NoCodes(Sentence, ValueError):
    """There is nothing to compare; the message says why."""


@dataclass(frozen=True)
class Collected:
    """The codes of a class. ``codes`` is {student: {comment: code}}; ``remarks`` is {student: a sentence}."""

    codes: dict[str, dict[int, str]] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)


def split_table(given, expert=None):
    """One row for each comment: how many students gave it each code, and how split they are. Most split first.

    given : {student: {comment: code}}; a student without a code for a comment is not counted there. expert :
    {comment: code}, where known; its comments are shown even if no student coded them.

    Columns: ``comment``; ``expert`` (the code, or missing); one count for each code, those of the coding tool first;
    ``students`` (how many coded it); ``split``, the probability that two students drawn at random gave it different
    codes, ``1 - sum n_c (n_c - 1) / (n (n - 1))`` (one minus the index of Simpson, 1949), 0 when all agree, missing
    with fewer than two; ``with_expert``, the proportion who gave the expert's code.
    Raises NoCodes for an empty class.
    """
    if not any(given.values()):
        raise NoCodes("No student has coded a comment yet, so there is nothing to compare.")
    expert = expert or {}
    counts = {comment: Counter() for comment in expert}
    for own in given.values():
        for comment, code in own.items():
            if code:
                counts.setdefault(comment, Counter())[code] += 1
    others = sorted({code for counter in counts.values() for code in counter} - set(CODES))
    rows = [_row(comment, counter, expert.get(comment), (*CODES, *others)) for comment, counter in counts.items()]
    rows.sort(key=lambda row: (-(row["split"] if row["split"] is not None else -1), row["comment"]))
    table = pd.DataFrame(rows)
    return table.astype({"split": float, "with_expert": float})


def _row(comment, counter, expert, codes):
    n = sum(counter.values())
    same = sum(k * (k - 1) for k in counter.values())
    return {
        "comment": comment,
        "expert": expert,
        **{code: counter[code] for code in codes},
        "students": n,
        "split": 1 - same / (n * (n - 1)) if n > 1 else None,
        "with_expert": counter[expert] / n if n and expert else None,
    }


def collected(folders, task="graded"):
    """The codes that students handed in. folders : {student: folder}, as ``Course.submissions(week)`` gives them.

    Read as the coding tool reads them, so whatever a student could be graded on counts here. A file that is missing or
    holds no code of this session gives its student a remark and no codes; one that is partly damaged gives both. Links
    are not followed.
    """
    number = {comment.key: comment.number for comment in sessions.to_code(task)}
    file_name = sessions.task(task).file
    found = Collected()
    for student, folder in folders.items():
        content = submission.read(student, "", folder).files.get(file_name)
        if content is None:
            found.remarks[student] = f"handed in no {file_name}."
            continue
        marks, faults = codes.parse(content, task)
        own = {number[key]: mark.code for key, mark in marks.items() if mark.code}
        if own:
            found.codes[student] = own
        else:
            faults = ["it holds no code for a comment of this session.", *faults]
        if faults:
            found.remarks[student] = (
                f"handed in a {file_name} of which not everything can be used: {' '.join(faults[:3])}"
            )
    return found


def expert_codes(path):
    """{comment: code} of the instructors' key, ``course/keys/w01_graded_session.csv``."""
    with open(path, encoding="utf-8", newline="") as file:
        return {int(row["comment"]): row["expert_code"] for row in csv.DictReader(file)}
