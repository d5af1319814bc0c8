"""Tables of synthetic studies: columns with a fixed format, written to the same bytes everywhere.

A study module says once how each of its columns is written::

    COLUMNS = {"dyad_id": TEXT, "n_comments": WHOLE, "appropriate_pct": decimals(1)}

and returns ``Table(COLUMNS, rows)`` with rows as tuples in that order. Missing values are ``None`` and
become an empty cell. On disk every row ends in the word SYNTHETIC, in a column ``data_source`` that is
written and taken away here, so that no row of these data can travel without the label and no analysis
has to carry it.

Standard library only.
"""

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

LABEL_COLUMN, LABEL = "data_source", "SYNTHETIC"


@dataclass(frozen=True)
class Format:
    """How a column is written. kind : "text", "whole" or "decimal"; places : digits after the point."""

    kind: str
    places: int = 0

    def deliver(self, value):
        """The value as it is delivered: rounded, or None when missing."""
        if value is None:
            return None
        if self.kind == "text":
            return str(value)
        if self.kind == "whole":
            return int(value)
        rounded = round(float(value), self.places)
        return rounded + 0.0  # never minus zero

    def deliver_all(self, values):
        """A list of values as they are delivered."""
        if self.kind == "text":
            return [None if v is None else str(v) for v in values]
        if self.kind == "whole":
            return [None if v is None else int(v) for v in values]
        places = self.places
        return [None if v is None else round(float(v), places) + 0.0 for v in values]

    def write(self, value):
        """The value as it stands in the file."""
        value = self.deliver(value)
        if value is None:
            return ""
        return f"{value:.{self.places}f}" if self.kind == "decimal" else str(value)

    def read(self, cell):
        """The value of a cell of the file."""
        if cell == "":
            return None
        return {"text": str, "whole": int, "decimal": float}[self.kind](cell)


TEXT, WHOLE = Format("text"), Format("whole")


def decimals(places):
    """The format of numbers with this many digits after the point."""
    return Format("decimal", places)


class Table:
    """Columns with formats, and rows: tuples, in the order of the columns, of values as delivered."""

    def __init__(self, columns, rows):
        self.columns = dict(columns)
        rows = list(rows)
        self._length = len(rows)
        self._values = {
            name: form.deliver_all(values)
            for (name, form), values in zip(self.columns.items(), _turned(rows, self.columns), strict=True)
        }

    def __len__(self):
        return self._length

    @cached_property
    def rows(self):
        """All rows, as a list of tuples."""
        return list(zip(*self._values.values(), strict=True))

    def column(self, name):
        """All values of one column, as a list."""
        return list(self._values[name])

    def by_column(self):
        """A dictionary from column name to list of values."""
        return {name: list(values) for name, values in self._values.items()}

    def to_csv(self):
        """The file: ASCII, "\\n" after each row, no byte-order mark, the label in the last column."""
        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\n")
        writer.writerow([*self.columns, LABEL_COLUMN])
        formats = list(self.columns.values())
        for row in self.rows:
            writer.writerow([*(f.write(v) for f, v in zip(formats, row, strict=True)), LABEL])
        return written.getvalue().encode("ascii")

    @classmethod
    def from_csv(cls, columns, content):
        """The table that was written as ``content`` (bytes); ValueError when it is not of this form."""
        reader = csv.reader(io.StringIO(content.decode("ascii"), newline=""))
        header = next(reader)
        if header != [*columns, LABEL_COLUMN]:
            raise ValueError(f"columns {header} instead of {[*columns, LABEL_COLUMN]}")
        formats = list(columns.values())
        rows = []
        for cells in reader:
            if cells[-1] != LABEL:
                raise ValueError(f"row {len(rows) + 1} does not say {LABEL}")
            rows.append(tuple(f.read(c) for f, c in zip(formats, cells[:-1], strict=True)))
        return cls(columns, rows)


def _turned(rows, columns):
    """The rows as columns; ValueError when a row is longer or shorter than there are columns."""
    if set(map(len, rows)) - {len(columns)}:
        raise ValueError(f"every row needs {len(columns)} values: {', '.join(columns)}")
    return zip(*rows, strict=True) if rows else ([] for _ in columns)


def checksum(content):
    """SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read_codebook(path):
    """A codebook (JSON, in the manner of Psych-DS) as a dictionary; its variables keyed by column name."""
    book = json.loads(Path(path).read_text(encoding="utf-8"))
    book["variables"] = {variable["name"]: variable for variable in book["variableMeasured"]}
    return book


def formats_of(book):
    """The columns and formats that a codebook states, as the study module gives them to its Table."""
    return {
        name: Format(variable["valueType"], variable.get("decimals", 0)) for name, variable in book["variables"].items()
    }
