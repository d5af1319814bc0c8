"""Making the datasets' files and comparing them with what is published: `dyadlab data build` and `data verify`.

Standard library only: a bare interpreter can regenerate every file.
"""

import runpy
from pathlib import Path

from dyadlab import datasets
from dyadlab.studies.tables import Table, checksum, formats_of, read_codebook

CHECKSUMS, INDEX = "CHECKSUMS.txt", "README.md"


def build(names=None, root=None):
    """Write the CSV of each dataset (all of them, or those in ``names``), the checksums and the index.

    Returns sentences that say what was done. The files of other datasets are left as they are.
    """
    root = _root(root)
    said = []
    for name in _chosen(names, root):
        content = generate(name, root)
        path = root / name / f"{name}.csv"
        old = path.read_bytes() if path.exists() else None
        path.write_bytes(content)
        said.append(f"{name}: {'as before' if content == old else 'written'}, {len(content)} bytes.")
    lines = [f"{checksum(path.read_bytes())}  {path.relative_to(root).as_posix()}" for path in _files(root)]
    (root / CHECKSUMS).write_bytes(("\n".join(lines) + "\n").encode("ascii"))
    (root / INDEX).write_bytes(index(root).encode())
    for remembered in (datasets._checksums, datasets._class_table, datasets._codebook):
        remembered.cache_clear()
    return said


def verify(root=None, names=None):
    """What is amiss with the datasets, as sentences: each file is compared with its checksum, its generator (byte for
    byte), and its codebook.

    names : the datasets to look at; without it, all of them.
    """
    root = _root(root)
    amiss = []
    stated = {}
    if (root / CHECKSUMS).exists():
        for line in (root / CHECKSUMS).read_text(encoding="ascii").splitlines():
            digest, path = line.split(maxsplit=1)
            stated[path] = digest
    for name in _chosen(names, root):
        path = f"{name}/{name}.csv"
        if not (root / name / f"{name}.json").exists():
            amiss.append(f"datasets/{name}/{name}.json, the codebook, is missing.")
        if not (root / path).exists():
            amiss.append(f"datasets/{path} is missing.")
            continue
        content = (root / path).read_bytes()
        if path not in stated:
            amiss.append(f"datasets/{path} has no line in {CHECKSUMS}.")
        elif checksum(content) != stated[path]:
            amiss.append(f"datasets/{path} is not the file whose checksum is in {CHECKSUMS}.")
        if content != generate(name, root):
            amiss.append(f"datasets/{path} is not what its generate.py makes.")
        amiss += _against_codebook(root, name, content)
    amiss += [f"{CHECKSUMS} lists {path}, which is not there." for path in stated if not (root / path).exists()]
    if not (root / INDEX).exists() or (root / INDEX).read_text(encoding="utf-8") != index(root):
        amiss.append(f"datasets/{INDEX} does not say what the codebooks say.")
    return amiss


def _against_codebook(root, name, content):
    try:
        book = read_codebook(root / name / f"{name}.json")
        table = Table.from_csv(formats_of(book), content)
    except (OSError, ValueError, KeyError) as error:
        return [f"datasets/{name}/{name}.csv cannot be read as its codebook describes it: {error}."]
    amiss = [] if len(table) == book["rows"] else [f"{len(table)} rows instead of {book['rows']}"]
    return [f"datasets/{name}/{name}.csv: {what}." for what in amiss + departures(table, book)]


def departures(table, book):
    """Everything in which the values of a Table depart from its codebook, as a list of phrases."""
    amiss = []
    for column, entry in book["variables"].items():
        values = table.column(column)
        present = [v for v in values if v is not None]
        if len(present) < len(values) and "missingValues" not in entry:
            amiss.append(f"{column} has {len(values) - len(present)} missing values, which the codebook does not allow")
        unknown = {str(v) for v in present} - set(entry["levels"]) if "levels" in entry else ()
        if unknown:
            amiss.append(f"{column} has values which are none of its levels: {', '.join(sorted(unknown))}")
        if "minValue" in entry and any(not entry["minValue"] <= v <= entry["maxValue"] for v in present):
            amiss.append(f"{column} runs beyond {entry['minValue']} to {entry['maxValue']}")
    return amiss


def generate(name, root=None):
    """The bytes of a dataset's CSV, made afresh by its generate.py."""
    made = runpy.run_path(str(_root(root) / name / "generate.py"))
    return made["generate"]().to_csv()


def index(root=None):
    """The text of datasets/README.md, made from the codebooks."""
    root = _root(root)
    rows = []
    for name in _found(root):
        if not (root / name / f"{name}.json").exists():
            continue  # verify says so; the index of the others can be had all the same
        book = read_codebook(root / name / f"{name}.json")
        replicates = "yes" if datasets._has_replicates(name) else "no"
        rows.append(
            f"| [`{name}`]({name}/) | {book['rowMeaning']} | {book['rows']:,} | {book['title']} | {replicates} |"
        )
    return _INDEX.format(table="\n".join(rows))


def _root(root):
    if root is not None:
        return Path(root)
    beside_the_course = Path(__file__).parents[2] / "datasets"
    return beside_the_course if beside_the_course.is_dir() else datasets.folder()


def _found(root):
    return sorted(path.parent.name for path in root.glob("*/generate.py"))


def _chosen(names, root):
    found = _found(root)
    for name in names or ():
        if name not in found:
            raise datasets.DatasetError(f"There is no dataset called “{name}”. The names: {', '.join(found)}.")
    return list(names or found)


def _files(root):
    return [root / name / f"{name}.csv" for name in _found(root) if (root / name / f"{name}.csv").exists()]


_INDEX = """# Datasets

**All data here are SYNTHETIC.** No mother, baby, transcript or saliva sample in these files ever existed. They come
from the generative models in [`course/dyadlab/studies`](../course/dyadlab/studies), whose parameters were fitted to
published summary figures. Use them to learn methods; they are evidence of nothing about people.

| dataset | one row is | rows | what it is for | replicates |
|---|---|---|---|---|
{table}

In a notebook: `dyadlab.load("dyads")`, `dyadlab.codebook("dyads")`, and where there are replicates
`dyadlab.load("dyads", replicate="ab123")` for a student's own random sample from the same population.

Each folder holds `NAME.csv`, `NAME.json` (the codebook, in the manner of Psych-DS: every column with meaning, unit,
range, missing code, how measured, source; and the faults planted on purpose) and `generate.py` (N, seed, true
parameters). In the CSV every row ends in a column `data_source` that says SYNTHETIC; `dyadlab.load` takes it away.

`dyadlab data build` makes the CSV files, `CHECKSUMS.txt` (SHA-256) and this page; `dyadlab data verify` compares. The
CSV and the checksum are what is published: a generator which no longer makes them is at fault. How to add a dataset:
the head of [`course/dyadlab/studies/__init__.py`](../course/dyadlab/studies/__init__.py).

## Licence

The data and codebooks are licensed under [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/); see
[`LICENSE`](LICENSE): use, share and change them, and name “The dyadlab authors”. The code has a licence of its own,
in the project's root. The items of the Edinburgh Postnatal Depression Scale appear by number only, because their
wording is under copyright.
"""
