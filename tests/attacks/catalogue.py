"""The attacks as data. Those that are code in a notebook stand in TOML files, those that are files in bad_input.py."""

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
KINDS = ("forging", "containment", "bad input")
GRADED, PERSON, REJECTED = "graded", "needs a person", "rejected"
#: Everybody answers the last checked item rightly, so an attacker who is graded and gains nothing has this.
HONEST = 1.0


@dataclass(frozen=True)
class Attack:
    """One attack and what must come of it.

    name : short and unique. kind : one of KINDS. does : one plain sentence.
    setup : code in a free cell near the top. cells : ``{item name: source}`` that replaces single answers.
    answers : what the other answers are, ``wrong``, ``right`` or ``blank``.
    files : instead of these, a function of (released notebook, course) giving ``{file name: bytes}``.
    place : instead of these, a function of (submission's folder, released notebook, course) that fills it.
    archive : instead of these, a function of (released notebook, file to write) that makes a ZIP to collect.
    student : the id handed in under, where that is the attack.
    honest : points that the honest part of the work is worth. points : what `dyadlab grade` must give
    (-1 in the files, None here: whatever the machine makes of it, and never more than ``honest``).
    outcome : graded, needs a person or rejected; several where the machine decides. says : a part of a sentence
    that the record, or the report of `dyadlab collect`, must hold. collected : for ZIPs, who must come out of it.
    not_run : why plain nbgrader is not tried with it.
    """

    name: str
    kind: str
    does: str
    setup: str = ""
    cells: dict[str, str] = field(default_factory=dict)
    answers: str = "wrong"
    files: Callable | None = None
    place: Callable | None = None
    archive: Callable | None = None
    student: str = ""
    honest: float = HONEST
    points: float | None = HONEST
    outcome: tuple[str, ...] = (GRADED,)
    says: str = ""
    collected: tuple[str, ...] = ()
    not_run: str = ""

    @property
    def who(self):
        """The id under which the attacker hands in. In order of name it lies between the two neighbours."""
        return self.student or "m-" + re.sub(r"[^a-z0-9]+", "-", self.name.casefold()).strip("-")


def read():
    """All attacks, in the order of the files. Raises ValueError for one that is not written as it must be."""
    from attacks import bad_input

    attacks = [
        listed(row, name.removesuffix(".toml"))
        for name in ("forging.toml", "containment.toml")
        for row in tomllib.loads((FOLDER / name).read_text(encoding="utf-8"))["attack"]
    ]
    attacks += bad_input.ATTACKS
    for what in ("name", "who"):
        seen = [getattr(attack, what) for attack in attacks]
        twice = sorted({one for one in seen if seen.count(one) > 1})
        if twice:
            raise ValueError(f"The catalogue has twice: {', '.join(twice)}.")
    return attacks


def listed(row, kind):
    """One entry of a TOML file as an Attack."""
    row = dict(row)
    if "outcome" in row:
        row["outcome"] = (row["outcome"],) if isinstance(row["outcome"], str) else tuple(row["outcome"])
    elif row.get("answers") == "right":
        row["outcome"] = (PERSON,)  # who has everything right has written something, too, for a person to read
    if row.get("points") == -1:
        row["points"] = None
    unknown = set(row) - set(Attack.__dataclass_fields__)
    if unknown or not {"name", "does"} <= set(row):
        raise ValueError(f"The attack {row.get('name', row)!r} lacks a name or a sentence, or has the keys {unknown}.")
    return Attack(kind=kind, **row)


def by_name():
    return {attack.name: attack for attack in read()}
