"""Attacks that lie in what is handed in: damaged or doctored notebooks, folders, names and ZIPs.

Most have all answers right, so that both losing points and gaining them can be seen; `doctored` ones have them wrong.
"""

import json
import os
import stat
import struct
import unicodedata
import warnings
import zipfile

from attacks import target
from attacks.catalogue import GRADED, PERSON, REJECTED, Attack
from attacks.scene import FILE, bytes_of

ALL = float(target.AUTO_POINTS)
ATTACKS = []


def attack(name, does, way="files", **more):
    """Enter the function below into the catalogue; ``way`` says what it makes: files, place or archive."""

    def enter(function):
        entry = {"honest": ALL, "points": ALL, "outcome": (PERSON,), way: function} | more
        ATTACKS.append(Attack(name=name, kind="bad input", does=does, **entry))
        return function

    return enter


#: For attacks that want points for wrong answers.
DOCTORED = {"honest": 1.0, "points": 1.0, "outcome": (GRADED,)}
REFUSED = {"points": 0.0, "outcome": (REJECTED,)}


def raw(released, answers="right"):
    """The submission's notebook as plain JSON data."""
    return json.loads(bytes_of(target.filled_in(released, answers)))


def packed(notebook, **named):
    return {FILE: json.dumps(notebook).encode(), **named}


def cell(notebook, name):
    """The cell of that grade_id without its "w00_"."""
    return next(c for c in notebook["cells"] if meta(c).get("grade_id") == f"w00_{name}")


def meta(one):
    return one["metadata"].get("nbgrader", {})


def checks(notebook):
    return [c for c in notebook["cells"] if meta(c).get("grade_id", "").endswith("_check")]


# --- doctored cells --------------------------------------------------------------------------------------------


@attack(
    "checks marked to be skipped", "Tags every check with skip-execution; what never ran, never failed.", **DOCTORED
)
def skipped(released, here):
    notebook = raw(released, "wrong")
    for one in checks(notebook):
        one["metadata"]["tags"] = ["skip-execution", "raises-exception"]
    return packed(notebook)


@attack("outputs already there", "Hands in checks that show full points as their stored output.", **DOCTORED)
def stored(released, here):
    notebook = raw(released, "wrong")
    for one in checks(notebook):
        data = {"text/plain": str(meta(one)["points"])}
        one["outputs"] = [{"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1}]
        one["execution_count"] = 1
    return packed(notebook)


@attack("tests emptied", "Replaces the text of every check by `pass`.", says="put back", **DOCTORED)
def emptied(released, here):
    notebook = raw(released, "wrong")
    for one in checks(notebook):
        one["source"] = "pass"
    return packed(notebook)


@attack(
    "tests emptied and unlocked",
    "Empties every check and marks it as not locked, so that it is not restored.",
    **DOCTORED,
)
def unlocked(released, here):
    notebook = raw(released, "wrong")
    for one in checks(notebook):
        one["source"] = "pass"
        meta(one)["locked"] = False
        meta(one).pop("checksum", None)
    return packed(notebook)


@attack("tests made into text", "Changes every check from a code cell into a text cell.", says="put back", **DOCTORED)
def text(released, here):
    notebook = raw(released, "wrong")
    for one in checks(notebook):
        one["cell_type"] = "markdown"
        one.pop("outputs"), one.pop("execution_count")
    return packed(notebook)


@attack(
    "tests made into raw cells",
    "Changes every check into a raw cell, which nothing executes.",
    says="put back",
    **DOCTORED,
)
def raw_cells(released, here):
    notebook = raw(released, "wrong")
    for one in checks(notebook):
        one["cell_type"] = "raw"
        one.pop("outputs"), one.pop("execution_count")
    return packed(notebook)


@attack("tests deleted", "Deletes every check.", says="missing", **DOCTORED)
def deleted(released, here):
    notebook = raw(released, "wrong")
    notebook["cells"] = [c for c in notebook["cells"] if c not in checks(notebook)]
    return packed(notebook)


@attack(
    "tests before their answers",
    "Moves all checks to the top, where values of its own are waiting.",
    says="order",
    **DOCTORED,
)
def reordered(released, here):
    notebook = raw(released, "wrong")
    own = [c for c in notebook["cells"] if c not in checks(notebook)]
    notebook["cells"] = checks(notebook) + own
    return packed(notebook)


@attack("points raised", "Writes 500 points into the metadata of every check.", **DOCTORED)
def raised(released, here):
    notebook = raw(released, "wrong")
    for one in checks(notebook):
        meta(one)["points"] = 500
    return packed(notebook)


@attack(
    "the easy check handed in eight times",
    "Gives every check the grade_id of the one that is answered rightly.",
    **DOCTORED,
)
def same_id(released, here):
    notebook = raw(released, "wrong")
    for one in checks(notebook):
        meta(one)["grade_id"] = "w00_dyads_check"
    return packed(notebook)


@attack(
    "checks swapped", "Gives the text and id of the easy check to the dear one, and the other way round.", **DOCTORED
)
def swapped(released, here):
    notebook = raw(released, "wrong")
    easy, dear = cell(notebook, "dyads_check"), cell(notebook, "function_check")
    meta(easy)["grade_id"], meta(dear)["grade_id"] = meta(dear)["grade_id"], meta(easy)["grade_id"]
    return packed(notebook)


@attack(
    "checks turned into answers", "Marks every check as an answer, which a person and no test would grade.", **DOCTORED
)
def flipped_solution(released, here):
    notebook = raw(released, "wrong")
    for one in checks(notebook):
        meta(one)["solution"] = True
    return packed(notebook)


@attack("a graded cell of its own", "Adds a check of its own, worth 100 points, that always passes.", **DOCTORED)
def own_check(released, here):
    notebook = raw(released, "wrong")
    extra = json.loads(json.dumps(cell(notebook, "dyads_check")))
    extra["id"] = "own"
    extra["source"] = "pass"
    meta(extra).update(grade_id="w00_own_check", points=100)
    notebook["cells"].append(extra)
    return packed(notebook)


@attack(
    "extra files named like modules",
    "Puts numpy.py, pandas, sitecustomize.py and a kind dyadlab beside the notebook.",
    **DOCTORED,
)
def modules(released, here):
    kind = (
        b"import contextlib\nitem = contextlib.nullcontext\n"
        b"def __getattr__(name):\n    if name.startswith('__'): raise AttributeError(name)\n"
        b"    return lambda *a, **k: {'bar_heights': [], 'bar_lefts': [], 'bar_widths': [], 'xlabel': 'comments'}\n"
    )
    fake = b"class DataFrame:\n    pass\ndef __getattr__(name): return lambda *a, **k: True\n"
    return {
        FILE: json.dumps(raw(released, "wrong")).encode(),
        "dyadlab/__init__.py": b"import pandas as pd\nfrom . import checks\ndef load(name): return {}\n",
        "dyadlab/checks.py": kind,
        "sitecustomize.py": b"import builtins; builtins.all = lambda values: True\n",
        "usercustomize.py": b"import builtins; builtins.all = lambda values: True\n",
        "numpy.py": fake,
        "IPython/__init__.py": b"raise SystemExit(0)\n",
    }


@attack(
    "only a kind dyadlab beside the notebook",
    "Puts a package dyadlab beside the notebook whose checks are content.",
    **DOCTORED,
)
def kind_package(released, here):
    files = modules(released, here)
    files["dyadlab/__init__.py"] = b"from . import checks\ndef load(name, **more):\n    raise KeyError(name)\n"
    return {name: files[name] for name in (FILE, "dyadlab/__init__.py", "dyadlab/checks.py")}


@attack(
    "time stamp set back", "Hands in its own timestamp.txt, which says that the work came in a year early.", **DOCTORED
)
def early(released, here):
    return packed(raw(released, "wrong"), **{"timestamp.txt": b"2020-01-01 00:00:00 UTC"})


# --- what happens by accident, too -----------------------------------------------------------------------------


@attack(
    "a check copied",
    "Holds a check twice, as copy and paste leaves it.",
    says="2 times",
)
def duplicated(released, here):
    notebook = raw(released)
    place = notebook["cells"].index(cell(notebook, "numbers_check"))
    copy = json.loads(json.dumps(notebook["cells"][place]))
    copy["id"] = "a-copy"
    notebook["cells"].insert(place, copy)
    return packed(notebook)


@attack("an answer copied", "Holds an answer twice, the second time spoilt.", points=ALL - 2, says="2 times")
def duplicated_answer(released, here):
    notebook = raw(released)
    place = notebook["cells"].index(cell(notebook, "number"))
    copy = json.loads(json.dumps(notebook["cells"][place]))
    copy |= {"id": "a-copy", "source": "mean_comments = 1.5"}
    notebook["cells"].insert(place + 1, copy)
    return packed(notebook)


@attack("all cell ids the same", "Gives every cell the same id, which the format forbids.")
def same_cell_ids(released, here):
    notebook = raw(released)
    for one in notebook["cells"]:
        one["id"] = "same"
    return packed(notebook)


@attack("checks marked as ungraded", "Says grade: false in the metadata of every check.")
def flipped_grade(released, here):
    notebook = raw(released)
    for one in checks(notebook):
        meta(one)["grade"] = False
    return packed(notebook)


@attack("a grade_id renamed", "Renames the id of a check, so that nobody finds it.", says="missing")
def renamed(released, here):
    notebook = raw(released)
    meta(cell(notebook, "table_check"))["grade_id"] = "w00_tables_check"
    return packed(notebook)


@attack("metadata of schema 1", "Says that its metadata are of nbgrader's first schema.")
def schema_1(released, here):
    return with_schema(released, 1)


@attack("metadata of schema 99", "Says that its metadata are of a schema of the future.")
def schema_99(released, here):
    return with_schema(released, 99)


def with_schema(released, version):
    notebook = raw(released)
    for one in notebook["cells"]:
        if meta(one):
            meta(one)["schema_version"] = version
    return packed(notebook)


@attack(
    "no metadata at all",
    "Has lost all of nbgrader's metadata, as after a round through another program.",
    **REFUSED,
)
def no_metadata(released, here):
    notebook = raw(released)
    for one in notebook["cells"]:
        one["metadata"] = {}
    return packed(notebook)


@attack(
    "metadata of a wrong kind",
    "Has lists and numbers where nbgrader's metadata should be.",
    **REFUSED,
)
def odd_metadata(released, here):
    notebook = raw(released)
    for number, one in enumerate(notebook["cells"]):
        one["metadata"]["nbgrader"] = ([1], 3, "text", {"grade_id": ["a"]}, None)[number % 5]
    return packed(notebook)


@attack("an unknown kernel", "Names a kernel that does not exist, with a path in its name.")
def kernel(released, here):
    notebook = raw(released)
    notebook["metadata"]["kernelspec"] = {"name": "../../mallory", "display_name": "R", "language": "R"}
    return packed(notebook)


@attack("cut off in the middle", "Is only the first half of a notebook.", **REFUSED)
def truncated(released, here):
    content = json.dumps(raw(released)).encode()
    return {FILE: content[: len(content) // 2]}


@attack("an empty file", "Is a file of no bytes, called like the notebook.", **REFUSED)
def empty(released, here):
    return {FILE: b""}


@attack("a picture", "Is a picture, called like the notebook.", **REFUSED)
def picture(released, here):
    return {FILE: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20}


@attack(
    "a byte order mark and Windows line ends",
    "Was saved by an editor that adds a byte order mark and carriage returns.",
)
def marked(released, here):
    return {FILE: b"\xef\xbb\xbf" + json.dumps(raw(released), indent=1).replace("\n", "\r\n").encode()}


@attack(
    "UTF-16",
    "Was saved as UTF-16.",
)
def utf16(released, here):
    return {FILE: json.dumps(raw(released)).encode("utf-16")}


@attack("notebook format 3", "Was saved in the format of 2014.", says="old format")
def format_3(released, here):
    import nbformat

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old = nbformat.convert(target.filled_in(released, "right"), 3)
    return {FILE: json.dumps(old).encode()}


@attack(
    "notebook format 99",
    "Says that its format is one that does not exist yet.",
    **REFUSED,
)
def format_99(released, here):
    notebook = raw(released)
    return packed(notebook | {"nbformat": 99})


@attack("outputs of 100 MB in the file", "Holds 100 MB of outputs from the student's own computer.")
def large(released, here):
    notebook = raw(released)
    tools = next(c for c in notebook["cells"] if c["id"] == "tools")
    tools["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "again and again\n" * 6_500_000}]
    return packed(notebook)


@attack(
    "a hundred thousand cells",
    "Has a hundred thousand empty cells.",
    **REFUSED,
)
def many_cells(released, here):
    notebook = raw(released)
    blank = {"cell_type": "code", "metadata": {}, "source": "", "outputs": [], "execution_count": None}
    notebook["cells"] += [blank | {"id": f"blank-{number}"} for number in range(100_000)]
    return packed(notebook)


@attack(
    "a cell of ten megabytes",
    "Has one cell whose text is 10 MB of an expression nested in itself.",
    **REFUSED,
)
def large_cell(released, here):
    notebook = raw(released)
    setup = next(c for c in notebook["cells"] if c["id"] == "setup")
    setup["source"] = "x = " + "-" * 10_000_000 + "1"
    return packed(notebook)


@attack(
    "nested a hundred thousand deep",
    "Has metadata nested deeper than any reader's stack.",
    **REFUSED,
)
def nested(released, here):
    content = json.dumps(raw(released))
    deep = '"deep": ' + "[" * 100_000 + "]" * 100_000
    return {FILE: content.replace('"metadata": {', '"metadata": {' + deep + ", ", 1).encode()}


@attack(
    "millions of empty things in its metadata",
    "Has six million empty dictionaries in its metadata, which no cell shows.",
    says="more parts",
    **REFUSED,
)
def many_parts(released, here):
    content = json.dumps(raw(released))
    much = '"much": [' + ",".join(["{}"] * 6_000_000) + "]"
    return {FILE: content.replace('"metadata": {', '"metadata": {' + much + ", ", 1).encode()}


@attack(
    "a picture that is not in the file",
    "Shows drawings in a written answer that are not in the file, or not as pictures, over which pages do not open.",
)
def no_picture(released, here):
    notebook = raw(released)
    thought = cell(notebook, "words_think")
    thought["source"] = "See ![my drawing](attachment:drawing.svg) and ![gone](attachment:gone.png)."
    thought["attachments"] = {"drawing.svg": {"image/svg+xml": "PHN2Zy8+"}}
    setup = next(c for c in notebook["cells"] if c["id"] == "setup")
    setup["source"] = "from IPython.display import Markdown, display\ndisplay(Markdown('![x](attachment:x.png)'))"
    return packed(notebook)


@attack("numbers that are none", "Has NaN and Infinity in its metadata, which JSON does not know.")
def not_json_numbers(released, here):
    notebook = raw(released)
    notebook["metadata"]["size"] = float("nan")
    cell(notebook, "number_check")["metadata"]["nbgrader"]["points"] = float("inf")
    return packed(notebook)


@attack(
    "cells that are none",
    "Has numbers and texts in its list of cells.",
    **REFUSED,
)
def odd_cells(released, here):
    notebook = raw(released)
    notebook["cells"] += [3, "text", None, [], {"cell_type": ["code"]}]
    return packed(notebook)


@attack("another file name", "Was renamed to “w00_target (1).ipynb” by a browser.", says="was called")
def other_name(released, here):
    return {"w00_target (1).ipynb": json.dumps(raw(released)).encode()}


@attack("no notebook", "Hands in a picture and a note, and no notebook.", says="no notebook", **REFUSED)
def nothing(released, here):
    return {"photo.jpg": b"\xff\xd8\xff", "note.txt": b"sorry"}


# --- folders ---------------------------------------------------------------------------------------------------


@attack(
    "the notebook is a link to the author's",
    "Hands in a link to the answered source notebook instead of a notebook.",
    "place",
    honest=0.0,
    **REFUSED,
)
def linked_notebook(folder, released, here):
    os.symlink(here.notebook(target.WEEK), folder / FILE)


@attack(
    "the notebook is a link to a neighbour's",
    "Hands in a link to another student's notebook.",
    "place",
    honest=0.0,
    **REFUSED,
)
def linked_neighbour(folder, released, here):
    os.symlink(here.submitted / "zoe_right" / target.WEEK / FILE, folder / FILE)


@attack(
    "links beside the notebook",
    "Hands in links to the gradebook, to the password file and to the whole course.",
    "place",
    says="link",
)
def links(folder, released, here):
    (folder / FILE).write_bytes(json.dumps(raw(released)).encode())
    os.symlink(here.gradebook, folder / "data.csv")
    os.symlink("/etc/passwd", folder / "words.txt")
    os.symlink(here.root, folder / "figures")


@attack("a link that leads to itself", "Hands in links that lead round in a circle.", "place", says="link")
def circle(folder, released, here):
    (folder / FILE).write_bytes(json.dumps(raw(released)).encode())
    os.symlink("round.txt", folder / "about.txt")
    os.symlink("about.txt", folder / "round.txt")
    os.symlink(".", folder / "again")


@attack(
    "a named pipe",
    "Hands in a named pipe, on which whoever reads it waits for ever.",
    "place",
    not_run="it would wait for ever",
)
def pipe(folder, released, here):
    (folder / FILE).write_bytes(json.dumps(raw(released)).encode())
    os.mkfifo(folder / "data.csv")


@attack("the notebook is a folder", "Hands in a folder called like the notebook.", "place", **REFUSED)
def folder_as_notebook(folder, released, here):
    (folder / FILE).mkdir()


@attack(
    "three thousand files",
    "Hands in 3,000 small files, so many that its notebook is lost among them.",
    "place",
    **REFUSED,
)
def many_files(folder, released, here):
    for number in range(3000):
        (folder / f"part-{number:05d}.csv").write_bytes(b"1\n")
    (folder / FILE).write_bytes(json.dumps(raw(released)).encode())


# --- names -----------------------------------------------------------------------------------------------------


def named(name, does, student, **more):
    """A student with all answers right whose id is the attack."""

    @attack(name, does, student=student, **more)
    def right(released, here):
        return packed(raw(released))


named("a name of emoji", "Has two emoji and a space in the id.", "nora 😀🍼")
named(
    "a name with brackets",
    "Has an id with brackets, stars and question marks in it, which file patterns take for their own.",
    "n[ab]c?d",
)
named("a name like an option", "Has an id that begins with a dash, like an option of a command.", "-rf")
named(
    "a name in another script",
    "Has an id in Chinese and one accent typed as two characters.",
    "学生 " + unicodedata.normalize("NFD", "zoé"),
)
named(
    "a twin by composition",
    "Has the same id as another, save that its accents are composed otherwise.",
    "学生 " + unicodedata.normalize("NFC", "zoé"),
)
named("a twin by case", "Has the same id as a neighbour, save for one capital letter.", "Zoe_right")
named("a name like a device", "Has an id that is a device's name on Windows.", "nul")
named("a name of 200 characters", "Has an id of 200 characters.", "n" * 200)
named("a name like code", "Has an id made of quotation marks, semicolons and SQL.", "n'; drop table grade; --")


# --- ZIPs ------------------------------------------------------------------------------------------------------


def zipped(name, does, **more):
    """A ZIP that is collected; it holds an honest submission by n_right as well, which must come through."""
    entry = {"points": None, "honest": 0.0, "outcome": (), "collected": ("n_right",)} | more
    return attack(name, does, "archive", **entry)


def honest_zip(path, released, mode="w"):
    archive = zipfile.ZipFile(path, mode, zipfile.ZIP_DEFLATED)
    archive.writestr(f"n_right/{FILE}", json.dumps(raw(released)))
    return archive


@zipped(
    "ZIP: paths that climb",
    "Names files ../../…, with forward and backward strokes, to be written outside the folder.",
    says="leads out",
)
def climbing(released, path):
    with honest_zip(path, released) as archive:
        for name in ("../../outside.ipynb", "n_evil/../../../outside.ipynb", "..\\..\\outside.ipynb"):
            archive.writestr(name, "{}")


@zipped("ZIP: absolute paths", "Names files by absolute paths, with and without a drive.", says="leads out")
def absolute(released, path):
    with honest_zip(path, released) as archive:
        for name in ("/tmp/dyadlab-outside.ipynb", "//tmp/dyadlab-outside.ipynb"):
            archive.writestr(name, "{}")


@zipped(
    "ZIP: links",
    "Holds a link to the password file and one to a folder, with a file to be written through it.",
    says="link",
)
def zip_links(released, path):
    with honest_zip(path, released) as archive:
        for name, leads in ((f"n_evil/{FILE}", "/etc/passwd"), ("n_evil/figures", "/tmp")):
            link = zipfile.ZipInfo(name)
            link.create_system = 3
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, leads)
        archive.writestr("n_evil/figures/dyadlab-outside.csv", "1")


@zipped("ZIP: a bomb", "Holds a file of 300 MB that takes up 300 kB.", says="larger than it looks")
def bomb(released, path):
    with honest_zip(path, released) as archive, archive.open(f"n_evil/{FILE}", "w", force_zip64=True) as stream:
        block = bytes(2**20)
        for _ in range(300):
            stream.write(block)


@zipped("ZIP: a bomb that lies about its size", "Holds a bomb whose entry says that it is a hundred bytes large.")
def lying_bomb(released, path):
    with honest_zip(path, released) as archive:
        archive.writestr(f"n_evil/{FILE}", bytes(300 * 2**20))
    content = bytearray(path.read_bytes())
    real = struct.pack("<I", 300 * 2**20)
    path.write_bytes(bytes(content).replace(real, struct.pack("<I", 100)))


@zipped(
    "ZIP: many entries",
    "Holds 70,000 empty files, more than the old format can count.",
    collected=(),
    says="no class hands in more than",
)
def many_entries(released, path):
    with honest_zip(path, released) as archive:
        for number in range(70_000):
            archive.writestr(f"n_evil/{number}.csv", "")


@zipped("ZIP: encrypted", "Says that its notebook is encrypted, and gives no password.")
def encrypted(released, path):
    with honest_zip(path, released) as archive:
        archive.writestr(f"n_evil/{FILE}", json.dumps(raw(released)))
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.rindex(mark)
        content[start + place] |= 1
    path.write_bytes(content)


@zipped("ZIP: the same name twice", "Holds two notebooks of the same name, the first right, the second wrong.")
def twice(released, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with honest_zip(path, released) as archive:
            archive.writestr(f"n_evil/{FILE}", json.dumps(raw(released)))
            archive.writestr(f"n_evil/{FILE}", json.dumps(raw(released, "wrong")))


@zipped("ZIP: a file and a folder of one name", "Holds a file and a folder of the same name.")
def file_and_folder(released, path):
    with honest_zip(path, released) as archive:
        archive.writestr(f"n_evil/{FILE}", json.dumps(raw(released)))
        archive.writestr(f"n_evil/{FILE}/inner.csv", "1")


@zipped("ZIP: cut off", "Is only the first half of a ZIP.", collected=())
def cut(released, path):
    with honest_zip(path, released) as archive:
        archive.writestr("n_evil/noise.bin", os.urandom(100_000))
    path.write_bytes(path.read_bytes()[:60_000])


@zipped("ZIP: damaged inside", "Has some bytes of one student's file changed, so that it does not unpack.")
def damaged(released, path):
    with honest_zip(path, released) as archive:
        archive.writestr(f"n_evil/{FILE}", json.dumps(raw(released)) * 50)
    content = bytearray(path.read_bytes())
    start = content.rindex(b"PK\x03\x04") + 60
    content[start : start + 40] = bytes(40)
    path.write_bytes(content)


@zipped("ZIP: in a ZIP", "Holds one student's work as a ZIP within the ZIP.")
def zip_in_zip(released, path):
    inner = path.with_name("inner.zip")
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(FILE, json.dumps(raw(released)))
    with honest_zip(path, released) as archive:
        archive.write(inner, "n_evil/inner.zip")
    inner.unlink()


@zipped(
    "ZIP: a twin of a neighbour's name",
    "Calls its folder like a neighbour's, save for capitals, so that on many disks one would replace the other.",
    collected=(),
    says="differs only in capitals",
)
def twin(released, path):
    with honest_zip(path, released) as archive:
        archive.writestr(f"N_RIGHT/{FILE}", json.dumps(raw(released, "wrong")))


@zipped(
    "ZIP: names that files cannot have",
    "Holds names of 300 characters, with line ends, of devices, with a zero byte and twins by composition.",
)
def odd_names(released, path):
    odd = (
        "n" * 300,
        "n_line\nend",
        "nul",
        "n_dot.",
        "-rf",
        "n[ab]c",
        "n😀",
        "n_e\u0301",
        "n_\u00e9",
        " ",
        "...",
    )
    with honest_zip(path, released) as archive:
        for name in odd:
            archive.writestr(f"{name}/{FILE}", json.dumps(raw(released)))
