"""The author's list of typical wrong answers and unusual right ones, read from tests/mistakes."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from dyadlab.grading.course import CourseError


@dataclass(frozen=True)
class Entry:
    """One answer to try: it replaces the source of the answer cell ``item``.

    fails : the checks that must lose their points; empty for a right answer.
    """

    item: str
    name: str
    code: str
    fails: tuple[str, ...] = ()

    @property
    def label(self):
        return f"{self.item}: {self.name}"


@dataclass(frozen=True)
class Listed:
    """All entries of a week."""

    wrong: tuple[Entry, ...] = field(default=())
    right: tuple[Entry, ...] = field(default=())

    @property
    def entries(self):
        return (*self.wrong, *self.right)


def read(path):
    """The entries of one file. Raises CourseError with the file and what is wrong in it."""
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(
            f"There is no {path.name} in {path.parent}: list the week's typical mistakes there."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise CourseError(f"{path.name} cannot be read: {error}.") from None
    wrong = tuple(entry(path, row, {"item", "name", "code", "fails"}) for row in content.get("wrong", ()))
    right = tuple(entry(path, row, {"item", "name", "code"}) for row in content.get("right", ()))
    labels = [e.label for e in (*wrong, *right)]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise CourseError(f"{path.name} lists twice: {'; '.join(twice)}.")
    return Listed(wrong, right)


def entry(path, row, keys):
    if set(row) != keys:
        raise CourseError(
            f"{path.name}: the entry {row.get('name', row)!r} has the keys {', '.join(sorted(row))}; "
            f"it needs exactly {', '.join(sorted(keys))}."
        )
    return Entry(row["item"], row["name"], row["code"].strip("\n"), tuple(row.get("fails", ())))
