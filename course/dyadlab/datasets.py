"""The synthetic datasets: ``load("dyads")``, ``load("dyads", replicate="ab123")``, ``codebook("dyads")``, ``names()``.

A dataset is a folder with a codebook, so a new folder is a new dataset and no list has to be edited. The folders lie
beside the course (``datasets/``) or, in an installed wheel, inside the package. A file is read only if its
checksum is the published one. Replicates are drawn by the module of the same name in ``dyadlab.studies``, in the world
that ``course_settings.toml`` (or the environment variable DYADLAB_WORLD) names.

pandas is imported when a table is made, not before.
"""

import difflib
import html
import os
import tomllib
from functools import cache, lru_cache
from importlib import import_module, util
from pathlib import Path

from dyadlab.sentences import Sentence
from dyadlab.studies.stream import fold_id
from dyadlab.studies.tables import LABEL, Table, checksum, formats_of, read_codebook

SETTINGS = Path(__file__).with_name("course_settings.toml")
WORLD_NAMES = ("anchor-like", "meta-analytic", "null")


class DatasetError(Sentence):
    """A dataset could not be had; the message says which and why."""


@cache
def folder():
    """The folder that holds one folder for each dataset."""
    package = Path(__file__).parent
    for candidate in (package.parent.parent / "datasets", package / "_datasets"):
        if (candidate / "CHECKSUMS.txt").is_file():
            return candidate
    raise DatasetError(
        "The datasets are not where dyadlab looks for them. Install the course again, or run "
        "`dyadlab data build` in its folder."
    )


def names():
    """The names of all datasets, in alphabetical order."""
    return sorted(path.name for path in folder().iterdir() if _is_there(path.name))


def _is_there(name):
    return all((folder() / name / f"{name}{kind}").is_file() for kind in (".json", ".csv"))


def load(name, replicate=None):
    """The dataset called ``name``, as a table (a pandas DataFrame).

    replicate : an id in quotation marks. Gives that student's own random sample from the same population instead of
        the class study: same columns, decided by the id alone, the same on every computer.

    Missing values come as NaN. All data are synthetic. Raises DatasetError, or UnusableId for the id, with
    a sentence.
    """
    name = _known(name)
    if replicate is None:
        return _frame(name, _class_table(name))
    study, world = _study_with_replicates(name)
    return _replicate(name, study, fold_id(replicate), world).copy()


@lru_cache(maxsize=8)
def _replicate(name, study, student_id, world):
    """The answers and the checks of a notebook ask for the same few again and again; they are not drawn anew."""
    return _frame(name, study.replicate(student_id, world))


def replicate_many(name, ids, world=None):
    """The replicates of many ids below one another, with the id as given in a first column ``replicate``.

    ids : any sequence of ids. world : another world than the course's. Text columns are categorical here, which keeps
    10,000 replicates of ``dyads`` (620,000 rows) at 70 MB; the process peaks near 360 MB while it makes them.
    """
    import numpy as np
    import pandas as pd

    name = _known(name)
    study, world = _study_with_replicates(name, world)
    ids = [ids] if isinstance(ids, str) else list(ids)
    types = _types(name)
    parts, lengths = {column: [] for column in types}, []
    levels = {column: {} for column, kind in types.items() if kind == "str"}
    for student_id in ids:
        table = study.replicate(fold_id(student_id), world)
        lengths.append(len(table))
        for column, values in table.by_column().items():
            if column in levels:
                known = levels[column]
                values = [-1 if v is None else known.setdefault(v, len(known)) for v in values]
                parts[column].append(np.array(values, dtype="int32"))
            else:
                parts[column].append(np.array(values, dtype=types[column]))
    joined = {"replicate": pd.Categorical.from_codes(*_repeat(ids, lengths))}
    for column, pieces in parts.items():
        if not pieces:
            joined[column] = []
        elif column in levels:
            joined[column] = pd.Categorical.from_codes(np.concatenate(pieces), list(levels[column]))
        else:
            joined[column] = np.concatenate(pieces)
        parts[column] = None
    return pd.DataFrame(joined)


def codebook(name):
    """What each column of the dataset means, and how the study was made: shows itself as a table in a notebook."""
    return Codebook(_codebook(_known(name)))


def truth(name, world=None):
    """The true parameters that a dataset was drawn with, by name. For instructors and for cells that reveal.

    world : the world to ask about; without it, the world of this course.
    """
    study = _study(_known(name))
    if study is None or not hasattr(study, "truth"):
        raise DatasetError(f"The dataset “{name}” was written by hand; it has no parameters behind it.")
    return study.truth(_world_for(study, world))


def current_world():
    """The world that replicates are drawn in: one of WORLD_NAMES."""
    asked = os.environ.get("DYADLAB_WORLD")
    if asked:
        return _valid_world(asked, "The environment variable DYADLAB_WORLD")
    return _valid_world(_settings().get("world", WORLD_NAMES[0]), f"The setting `world` in {SETTINGS.name}")


# ---------------------------------------------------------------------------------------------- behind the names


def _valid_world(asked, who):
    if asked not in WORLD_NAMES:
        listed = ", ".join(f'"{name}"' for name in WORLD_NAMES)
        raise DatasetError(f"{who} names the world {asked!r}. There are three worlds: {listed}.")
    return asked


@cache
def _settings():
    try:
        return tomllib.loads(SETTINGS.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise DatasetError(f"{SETTINGS.name} cannot be read: {error}.") from None


def _known(name):
    if isinstance(name, str) and name in os.listdir(folder()) and _is_there(name):
        return name
    known = names()
    listed = ", ".join(known)
    if hasattr(name, "columns") and hasattr(name, "iloc"):
        raise DatasetError(
            "This is a table already. To load a dataset, give its name in quotation marks, for example "
            f'dyadlab.load("dyads"). The names: {listed}.'
        )
    if not isinstance(name, str):
        raise DatasetError(
            f'The name of a dataset is text in quotation marks, for example dyadlab.load("dyads"); this is '
            f"{name!r}. The names: {listed}."
        )
    if name not in known:
        wanted = name.strip().casefold().removesuffix(".csv")
        near = difflib.get_close_matches(wanted, known, n=1, cutoff=0.5)
        suggestion = f" Did you mean “{near[0]}”?" if near else ""
        raise DatasetError(f"There is no dataset called “{name}”.{suggestion} The names: {listed}.")
    return name


@cache
def _codebook(name):
    return read_codebook(folder() / name / f"{name}.json")


@cache
def _checksums():
    lines = (folder() / "CHECKSUMS.txt").read_text(encoding="ascii").splitlines()
    return {path: digest for digest, path in (line.split(maxsplit=1) for line in lines if line.strip())}


@cache
def _class_table(name):
    path = folder() / name / f"{name}.csv"
    inside = f"{name}/{name}.csv"
    mend = "Run `dyadlab data build` in the course folder, or fetch the file again."
    try:
        content = path.read_bytes()
    except OSError:
        raise DatasetError(f"The file datasets/{inside} is missing. {mend}") from None
    if checksum(content) != _checksums().get(inside):
        raise DatasetError(
            f"The file datasets/{inside} is damaged or was edited: it is not the file that was published. {mend}"
        )
    return Table.from_csv(formats_of(_codebook(name)), content)


@cache
def _study(name):
    """The module that draws the dataset, or None for one that was written by hand."""
    if util.find_spec(f"dyadlab.studies.{name}") is None:
        return None
    return import_module(f"dyadlab.studies.{name}")


def _has_replicates(name):
    return hasattr(_study(name), "replicate")


def _study_with_replicates(name, world=None):
    if not _has_replicates(name):
        listed = ", ".join(other for other in names() if _has_replicates(other))
        raise DatasetError(
            f"The dataset “{name}” is the same for everybody and has no replicates. These have: {listed}."
        )
    study = _study(name)
    return study, _world_for(study, world)


def _world_for(study, world=None):
    world = current_world() if world is None else _valid_world(world, "The call")
    return world if world in study.WORLDS else next(iter(study.WORLDS))


@cache
def _types(name):
    """Column name to dtype. Whole numbers that may be missing are float64, whether or not one is missing."""
    return {
        column: "str"
        if entry["valueType"] == "text"
        else "int64"
        if entry["valueType"] == "whole" and "missingValues" not in entry
        else "float64"
        for column, entry in _codebook(name)["variables"].items()
    }


def _frame(name, table):
    import numpy as np
    import pandas as pd

    types = _types(name)
    frame = pd.DataFrame(
        {
            column: values if types[column] == "str" else np.array(values, dtype=types[column])
            for column, values in table.by_column().items()
        }
    )
    frame.attrs["data_source"] = LABEL
    return frame


def _repeat(ids, lengths):
    """Codes and categories of a column that names the replicate of each row."""
    import numpy as np

    place = {student_id: at for at, student_id in enumerate(dict.fromkeys(ids))}
    return np.repeat(np.array([place[i] for i in ids], dtype="int32"), lengths), list(place)


class Codebook:
    """A dataset's codebook. In a notebook it shows itself as a table; ``print`` gives the same as plain text."""

    def __init__(self, book):
        self._book = book
        self.name = book["name"]
        self.description = book["description"]
        self.variables = book["variables"]

    @property
    def columns(self):
        """The names of the columns, in order."""
        return list(self.variables)

    def __getitem__(self, column):
        """Everything that is recorded about one column, as a dictionary."""
        if column not in self.variables:
            raise DatasetError(
                f"The dataset “{self.name}” has no column {column!r}. It has: {', '.join(self.columns)}."
            )
        return self.variables[column]

    def to_frame(self):
        """The codebook as a table: one row for each column of the dataset, and what is recorded about it."""
        import pandas as pd

        recorded = [{k: v for k, v in entry.items() if not k.startswith("@")} for entry in self.variables.values()]
        return pd.DataFrame(recorded).set_index("name")

    def _lines(self):
        """(column, meaning, unit, values, missing, measured) as text, for both displays."""
        for name, entry in self.variables.items():
            yield (
                name,
                entry["description"],
                entry.get("unitText", ""),
                _values_in_words(entry),
                entry.get("missingValues", "none"),
                "; ".join(filter(None, (entry.get("measurementTechnique"), entry.get("source")))),
            )

    def _notes(self):
        notes = [f"One row is {self._book['rowMeaning']}; {self._book['rows']} rows."]
        if self._book.get("howMade"):
            notes.append(self._book["howMade"])
        for dirt in self._book.get("declaredDirt", []):
            notes.append(f"Known faults in these data: {dirt['what']}")
        return notes

    def __repr__(self):
        lines = [f"{self.name}: {self.description}", *self._notes(), ""]
        for name, meaning, unit, values, missing, measured in self._lines():
            facts = [meaning, f"Unit: {unit}." if unit else "", f"Values: {values}.", f"Missing: {missing}."]
            lines += [name, "    " + " ".join(filter(None, facts)), *([f"    {measured}."] if measured else [])]
        return "\n".join(lines)

    def _repr_html_(self):
        cell = html.escape
        place = "text-align:left;vertical-align:top;padding:.2em .7em"
        heads = ("Column", "Meaning", "Unit", "Values", "Missing", "How measured; source")
        rows = "".join(
            f'<tr><th scope="row" style="{place}"><code>{cell(name)}</code></th>'
            + "".join(f'<td style="{place};white-space:normal">{cell(text)}</td>' for text in rest)
            + "</tr>"
            for name, *rest in self._lines()
        )
        notes = "".join(f"<p>{cell(note)}</p>" for note in self._notes())
        return (
            f"<p><strong>{cell(self.name)}</strong>: {cell(self.description)}</p>{notes}"
            f"<table><caption>Columns of {cell(self.name)} (synthetic data)</caption><thead><tr>"
            + "".join(f'<th scope="col" style="text-align:left;padding:.2em .7em">{head}</th>' for head in heads)
            + f"</tr></thead><tbody>{rows}</tbody></table>"
        )


def _values_in_words(entry):
    if "levels" in entry:
        return "; ".join(f"{level} = {meaning}" for level, meaning in entry["levels"].items())
    if "minValue" in entry:
        kind = {"whole": "whole numbers", "decimal": f"numbers with {entry.get('decimals')} decimals"}
        return f"{entry['minValue']} to {entry['maxValue']}, {kind[entry['valueType']]}".replace(
            "with 1 decimals", "with 1 decimal"
        )
    return entry.get("pattern", "text")
