"""Make a submission gradable: find its notebook, read it as data, and put the master's cells back.

Pure: bytes in, a notebook out. What students do by accident (a copied cell, a deleted check, a renamed
file, a notebook saved by an old program) is mended and remarked on; what cannot be read is refused with a
sentence. Where two things could be meant, none is chosen. nbgrader alone loses the submission, or stops the whole
class, over most of these.
"""

import ast
import base64
import binascii
import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

import nbformat

from dyadlab.grading import notebooks
from dyadlab.sentences import listed
from dyadlab.studies import stream

#: Several times what the largest week has, with all a diligent student may add.
MAX_CELLS = 1_000
MAX_CHARACTERS_IN_A_CELL = 500_000
MAX_CHARACTERS = 5_000_000
#: Lists, entries and their members in the whole file. What Python makes of each weighs a hundred times its comma.
MAX_PARTS = 1_000_000
#: Pictures that somebody pasted into a written answer; other attachments may hold programs for a browser.
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
MAX_PICTURE_CHARACTERS = 8_000_000
#: What is read of a cell, in any format of notebooks. Whatever else there may be is left behind at once.
CELL_KEYS = ("cell_type", "id", "source", "input", "code", "text", "level", "language", "attachments")
#: Settings that nbgrader works out again by itself; nothing hangs on them.
DERIVED = ("checksum", "cell_type", "task")
SETTINGS = ("grade_id", "grade", "locked", "points", "schema_version", "solution", *DERIVED)
CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
TEXT = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
#: Halves of characters, and the character that Python takes for the end.
BROKEN = re.compile("[\0\ud800-\udfff]")
DELETED_ANSWER = "# This cell had been deleted. What stands in the other cells counts."


class Unreadable(Exception):
    """The submission cannot be graded; the message is a sentence for the instructor and the student."""


@dataclass(frozen=True)
class Prepared:
    """A notebook ready to run. ``flags`` ask for a person's eye; ``remarks`` only inform."""

    notebook: nbformat.NotebookNode
    file_name: str
    remarks: tuple[str, ...]
    flags: tuple[str, ...]


def prepare(master, submission):
    """The submission's notebook with every locked cell as released. Raises Unreadable."""
    remarks, flags = list(submission.remarks), list(submission.flags)
    file_name, others = find_notebook(master, submission, remarks)
    notebook = parse(file_name, submission.files[file_name], remarks)
    if not any(notebooks.grade_id(cell) in {c.grade_id for c in master.cells} for cell in notebook.cells):
        raise Unreadable(
            f"None of this week's cells can be recognised in {file_name}: it is another notebook, or a program took "
            f"the labels out of its cells. Ask for {master.week}.ipynb again, answered in the course's own notebook."
        )
    if others and untouched(master, notebook):
        flags.append(
            f"{file_name} is as it was handed out, but {' and '.join(others)} was handed in beside it. Please look "
            "which one was meant."
        )
    elif others:
        remarks.append(f"Beside {file_name}, which counts, there was {', '.join(others)}; it was not looked at.")
    notebook = restore(master, notebook, remarks, flags)
    stranger = other_owner(notebook, submission.student)
    if stranger is not None:
        flags.append(
            f"The notebook says my_id = {stranger!r}, but {submission.student} handed it in. The marks are for "
            f"the numbers of {stranger!r}: please look at it."
        )
    return Prepared(notebook, file_name, tuple(remarks), tuple(flags))


def find_notebook(master, submission, remarks):
    """(the file to grade, other notebooks of this week): the week's notebook, or the one that takes its place."""
    wanted = f"{master.week}.ipynb"
    named = [
        name
        for name in sorted(submission.files)
        if name.casefold().endswith(".ipynb") and not PurePosixPath(name).name.startswith("._")
    ]
    if not named:
        there = ", ".join(sorted(set(submission.files) - {"timestamp.txt"})[:10]) or "nothing"
        packed = " A packed file is not unpacked." if there.casefold().endswith((".zip", ".gz", ".7z", ".rar")) else ""
        left_out = f" {' '.join(remarks)}" if remarks else ""
        raise Unreadable(
            f"There is no notebook in this submission; it holds {there}.{packed}{left_out} Ask for {wanted}."
        )
    ids = [cell.grade_id for cell in master.cells]
    this_week = [name for name in named if mentions(submission.files[name], ids)]
    if wanted in named:
        return wanted, [name for name in this_week if name != wanted]
    if not this_week:
        raise Unreadable(
            f"No notebook of this week is in it: none of the cells of {wanted} was found in {listed(named)}. "
            f"Ask for {wanted}."
        )
    if len({submission.files[name] for name in this_week}) > 1:
        raise Unreadable(
            f"There are {len(this_week)} notebooks of this week, none of them called {wanted}: "
            f"{', '.join(this_week[:5])}. Ask which one counts."
        )
    remarks.append(f"The notebook was called {this_week[0]} and was taken for {wanted}.")
    return this_week[0], []


def mentions(content, ids):
    """Whether any of the course's ids stands in a file, in whatever encoding."""
    return any(name.encode() in content or name.encode("utf-16-le") in content for name in ids) or any(
        name.encode("utf-16-be") in content for name in ids
    )


def untouched(master, notebook):
    """Whether no answer differs from what was handed out."""
    released = {cell.grade_id: cell.source.strip() for cell in master.cells if not cell.locked}
    return all(
        cell.source.strip() == released[notebooks.grade_id(cell)]
        for cell in notebook.cells
        if notebooks.grade_id(cell) in released
    )


def parse(file_name, content, remarks):
    """A notebook of nbformat 4 from bytes, with outputs removed."""
    try:
        text = text_of(content, remarks)
        if has_too_many_parts(text):
            raise Unreadable(
                f"{file_name} has more parts than any notebook of this course: something in it, which no cell shows, "
                "is there again and again. Ask for it again, saved anew in Jupyter."
            )
        raw = json.loads(text)
    except (UnicodeError, ValueError, RecursionError, MemoryError):
        raise Unreadable(f"{file_name} is not a readable notebook. {likely_cause(content)} Ask for it again.") from None
    version = raw.get("nbformat") if isinstance(raw, dict) else None
    if not isinstance(version, int) or isinstance(version, bool):
        raise Unreadable(f"{file_name} is not a notebook, although it is called one. Ask for it again.")
    if not 1 <= version <= 4:
        raise Unreadable(
            f"{file_name} was saved in format {version}, which this course cannot read; Jupyter saves format 4. Ask "
            "for it again."
        )
    try:
        if how_many_cells(raw) > MAX_CELLS:
            raise Unreadable(
                f"{file_name} has more than {MAX_CELLS} cells; no honest notebook of this course has. Ask for it again."
            )
        about_language(raw, remarks)
        if version == 4:
            cells = [tidy(cell) for cell in raw["cells"]]
        else:
            old = nbformat.versions[version].to_notebook_json(only_cells(raw))
            cells = [tidy(cell) for cell in nbformat.convert(old, 4).cells]
            remarks.append(f"The notebook was saved in the old format {version} and was converted.")
    except Unreadable:
        raise
    except Exception:
        raise Unreadable(
            f"{file_name} is a notebook, but its parts are not where a notebook has them. Ask for it again."
        ) from None
    long = max((len(cell.source) for cell in cells), default=0)
    if long > MAX_CHARACTERS_IN_A_CELL or sum(len(cell.source) for cell in cells) > MAX_CHARACTERS:
        raise Unreadable(
            f"{file_name} has a cell of {long:,} characters; that is far more than anybody types. Something may have "
            "been pasted by mistake. Ask for it again without that."
        )
    clean_text(cells, remarks)
    whole = {"cells": [], "metadata": notebooks.CANONICAL_METADATA, "nbformat": 4, "nbformat_minor": 5}
    clean = nbformat.from_dict(whole)
    clean.cells = cells
    return clean


def has_too_many_parts(text):
    """Whether what stands between the texts of a JSON file is more than a notebook can have."""
    if sum(map(text.count, ",[{")) <= MAX_PARTS:
        return False
    return sum(map(TEXT.sub("", text).count, ",[{")) > MAX_PARTS


def only_cells(raw):
    """A notebook of an old format without all that is not read; converting weighs many times what is converted."""
    slim = {key: raw[key] for key in ("nbformat", "nbformat_minor") if isinstance(raw.get(key), int)}
    slim["metadata"] = {"name": ""}
    if "worksheets" in raw:
        return slim | {
            "worksheets": [{"cells": [slim_cell(c) for c in w["cells"]], "metadata": {}} for w in raw["worksheets"]]
        }
    return slim | {"cells": [slim_cell(cell) for cell in raw["cells"]]}


def slim_cell(cell):
    slim = {key: cell[key] for key in CELL_KEYS if key in cell}
    meta = cell.get("metadata", {}).get("nbgrader")
    return slim | {"metadata": {"nbgrader": settings(meta)} if isinstance(meta, dict) else {}, "outputs": []}


def settings(meta):
    """nbgrader's settings of a cell; each is a word, a number, a yes or a no."""
    return {key: meta[key] for key in SETTINGS if isinstance(meta.get(key), str | int | float)}


def text_of(content, remarks):
    """The text of a file, whichever of the encodings of JSON it is in. Raises UnicodeDecodeError."""
    encoding = json.detect_encoding(content)
    text = content.decode(encoding)
    if encoding == "utf-8-sig":
        remarks.append("The notebook began with a byte order mark, as some editors write it; it was taken out.")
    elif encoding != "utf-8":
        remarks.append(f"The notebook was saved in {encoding.upper()} and not in UTF-8; it was converted.")
    return text


def likely_cause(content):
    """Why a file may be unreadable, from what it looks like."""
    if not content.strip():
        return "It is empty."
    kinds = {
        b"\x89PNG": "It is a picture.",
        b"\xff\xd8\xff": "It is a picture.",
        b"PK\x03\x04": "It is a packed file (ZIP).",
        b"%PDF": "It is a PDF.",
        b"<": "It is a web page.",
    }
    for start, sentence in kinds.items():
        if content.lstrip().startswith(start):
            return sentence
    return "It may have been cut off or edited by hand."


def how_many_cells(raw):
    if "worksheets" in raw:
        return sum(len(sheet["cells"]) for sheet in raw["worksheets"])
    return len(raw["cells"])


def about_language(raw, remarks):
    """Say so when the notebook was set to run in something else than the course's Python."""
    metadata = raw.get("metadata")
    kernel = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    if isinstance(kernel, dict) and isinstance(kernel.get("name"), str) and kernel["name"] != "python3":
        remarks.append(f"The notebook was set to run in {kernel['name'][:40]!r}; it was run in the course's Python.")


def tidy(cell):
    """A fresh cell with the text, the pictures and nbgrader's metadata of ``cell``, and nothing else."""
    source = cell.get("source", "")
    source = "".join(source) if isinstance(source, list) else str(source)
    fresh = fresh_cell(cell["cell_type"], source, cell.get("id"))
    meta = cell.get("metadata", {}).get("nbgrader")
    if isinstance(meta, dict) and isinstance(meta.get("grade_id"), str):
        fresh.metadata["nbgrader"] = nbformat.from_dict(settings(meta))
    if cell["cell_type"] == "markdown" and isinstance(cell.get("attachments"), dict):
        pictures = {name: kept for name, kinds in cell["attachments"].items() if (kept := only_pictures(kinds))}
        if pictures:
            fresh["attachments"] = nbformat.from_dict(pictures)
    return fresh


def fresh_cell(kind, source, name):
    """A cell as nbformat makes it; nbformat would hold each against its schema, which takes most of the time."""
    name = name if isinstance(name, str) and CELL_ID.fullmatch(name) else ""
    made = {"cell_type": kind if kind in ("code", "markdown") else "raw", "id": name, "metadata": {}, "source": source}
    return nbformat.from_dict(made | ({"execution_count": None, "outputs": []} if kind == "code" else {}))


def only_pictures(kinds):
    """What of one attachment a browser can only show."""
    return {kind: data for kind, data in kinds.items() if kind in PICTURES and is_base64(data)}


def is_base64(data):
    if not isinstance(data, str) or len(data) > MAX_PICTURE_CHARACTERS:
        return False
    try:
        return bool(base64.b64decode("".join(data.split()), validate=True))
    except (binascii.Error, ValueError):
        return False


def clean_text(cells, remarks):
    """One kind of line end, and no broken characters, so that what is compared and stored is what was typed."""
    ends = broken = False
    for cell in cells:
        source = cell.source
        if "\r" in source:
            ends, source = True, source.replace("\r\n", "\n").replace("\r", "\n")
        if BROKEN.search(source):
            broken, source = True, BROKEN.sub("\ufffd", source)
        cell.source = source
    if ends:
        remarks.append(
            "The notebook had line ends of Windows or of an old Mac in its cells; they were made the usual ones."
        )
    if broken:
        remarks.append("The notebook had broken characters in its cells; each was replaced by �.")


def restore(master, notebook, remarks, flags):
    """Put back what belongs to the course: metadata, locked cells, missing cells, and their order."""
    known = {cell.grade_id: cell for cell in master.cells}
    keep = chosen_copies(known, notebook, remarks)
    changed, relabelled, untouched_copies = [], [], []
    for index, cell in enumerate(notebook.cells):
        name = notebooks.grade_id(cell)
        meta = cell.metadata.pop("nbgrader", {})
        if keep.get(name) != index:
            if name in keep and not known[name].locked and cell.source.strip() == known[name].source.strip():
                untouched_copies.append(index)  # its blanks would undo what was written in the copy that counts
            continue
        wanted = known[name]
        if any(meta.get(key) != value for key, value in wanted.metadata().items() if key not in DERIVED):
            relabelled.append(name)
        if cell.cell_type != wanted.cell_type or (wanted.locked and cell.source != hidden_removed(wanted)):
            changed.append(name)
        replacement = course_cell(wanted)
        if not wanted.locked:
            replacement.source = cell.source
        if cell.cell_type == replacement.cell_type == "markdown" and "attachments" in cell:
            replacement["attachments"] = cell["attachments"]
        notebook.cells[index] = replacement
    notebook.cells = [cell for index, cell in enumerate(notebook.cells) if index not in untouched_copies]
    if changed:
        remarks.append(f"These cells of the course had been changed and were put back: {', '.join(changed)}.")
    if relabelled:
        remarks.append(
            f"The settings (points, lock, version) of these cells had been changed and were put back: "
            f"{', '.join(relabelled)}."
        )
    in_order(master, notebook, remarks)
    add_missing(master, notebook, remarks, flags)
    unique_ids(notebook)
    return notebook


def course_cell(wanted):
    """A cell of the master copy, as a cell of the notebook."""
    made = fresh_cell(wanted.cell_type, wanted.source, wanted.grade_id.replace("_", "-")[:64])
    made.metadata["nbgrader"] = nbformat.from_dict(wanted.metadata())
    return made


def hidden_removed(cell):
    """The text of a master cell as students receive it."""
    for begin, end in (
        (notebooks.BEGIN_HIDDEN, notebooks.END_HIDDEN),
        (notebooks.BEGIN_SCHEME, notebooks.END_SCHEME),
    ):
        source = notebooks.without_region(cell.source, begin, end)
        if source != cell.source:
            return source
    return cell.source


def chosen_copies(known, notebook, remarks):
    """For each graded cell, which copy counts: the last that was worked on, or the only one there is."""
    copies = {}
    for index, cell in enumerate(notebook.cells):
        name = notebooks.grade_id(cell)
        if name in known:
            copies.setdefault(name, []).append(index)
    chosen = {}
    for name, places in copies.items():
        worked = [i for i in places if notebook.cells[i].source.strip() != known[name].source.strip()]
        free = not known[name].locked
        chosen[name] = worked[-1] if free and worked else places[0]
        if len(places) > 1:
            which = "the last copy that was worked on" if free and worked else "the first"
            remarks.append(f"The cell {name} was there {len(places)} times; {which} counts.")
    return chosen


def in_order(master, notebook, remarks):
    """If checks had been moved in front of their answers, put every check right behind its predecessor."""
    place = {cell.grade_id: number for number, cell in enumerate(master.cells)}
    numbers = [place[notebooks.grade_id(c)] for c in notebook.cells if notebooks.grade_id(c)]
    if numbers == sorted(numbers):
        return
    remarks.append("The cells had been put into another order; the checks were put back behind their answers.")
    checks = {notebooks.grade_id(c): c for c in notebook.cells if notebooks.is_check(c)}
    notebook.cells = [c for c in notebook.cells if notebooks.grade_id(c) not in checks]
    for number, cell in enumerate(master.cells):
        if cell.grade_id in checks:
            notebook.cells.insert(behind(master, notebook, number), checks[cell.grade_id])


def add_missing(master, notebook, remarks, flags):
    """Add the course's cells that are no longer there, each behind the one it followed.

    A deleted Do answer comes back without its blanks, which would undo what the student wrote in another cell.
    """
    present = {notebooks.grade_id(cell) for cell in notebook.cells}
    added, thoughts = [], []
    for number, cell in enumerate(master.cells):
        if cell.grade_id not in present:
            replacement = course_cell(cell)
            if cell.solution and not cell.grade and cell.cell_type == "code":
                replacement.source = DELETED_ANSWER
            elif cell.solution and cell.grade:
                thoughts.append(cell.grade_id)
            notebook.cells.insert(behind(master, notebook, number), replacement)
            added.append(cell.grade_id)
    if added:
        remarks.append(f"These cells were missing and were put back: {', '.join(added)}.")
    if thoughts:
        flags.append(
            f"The cell for a written answer was missing: {', '.join(thoughts)}. Please look whether the answer stands "
            "in another cell."
        )


def behind(master, notebook, number):
    """The index behind the nearest earlier master cell that the notebook has."""
    here = {notebooks.grade_id(cell): index for index, cell in enumerate(notebook.cells)}
    for earlier in reversed(master.cells[:number]):
        if earlier.grade_id in here:
            return here[earlier.grade_id] + 1
    return 0


def unique_ids(notebook):
    """nbformat 4.5 wants every cell id once."""
    taken = {cell.id for cell in notebook.cells} | {""}
    seen = set()
    for number, cell in enumerate(notebook.cells):
        if not cell.id or cell.id in seen:
            cell["id"] = next(name for n in range(number, 10**9) if (name := f"cell-{n}") not in taken)
            taken.add(cell.id)
        seen.add(cell.id)


def same_person(one, other):
    """Whether two ids decide the same numbers."""
    try:
        return stream.fold_id(one) == stream.fold_id(other)
    except stream.UnusableId:
        return one == other


def other_owner(notebook, student):
    """The id that the notebook states in ``my_id = "..."``, where it is not the student's own; else None.

    What is worked out only when it runs cannot be seen here: the checks see it, who fetch the value.
    """
    for cell in notebook.cells:
        if notebooks.is_answer(cell) and notebooks.grade_id(cell).endswith("_my_id") and len(cell.source) <= 5_000:
            try:
                stated = list(stated_ids(ast.parse(cell.source)))
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return None
            return next((i for i in stated if i.strip(" _.") and not same_person(i, student)), None)
    return None


def stated_ids(node):
    """Every text that a program gives to ``my_id``, within if, with, for and try as well; not within functions."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from given_to(target, node.value)
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
        yield from given_to(node.target, node.value)
    elif isinstance(node, ast.For):
        for value in getattr(node.iter, "elts", ()):
            yield from given_to(node.target, value)
    for inner in ast.iter_child_nodes(node):
        if not isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from stated_ids(inner)


def given_to(target, value):
    """The text that ``target = value`` gives to my_id, if it can be read off."""
    if isinstance(target, ast.Name) and target.id == "my_id":
        text = read_off(value)
        yield from () if text is None else (text,)
    elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        for one, other in zip(target.elts, value.elts, strict=False):
            yield from given_to(one, other)


def read_off(value):
    """The text that an expression of texts alone stands for; None for all else."""
    if isinstance(value, ast.Constant):
        return value.value if isinstance(value.value, str) else None
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        return joined([read_off(value.left), read_off(value.right)])
    if isinstance(value, ast.JoinedStr):
        return joined([read_off(part) for part in value.values])
    if isinstance(value, ast.FormattedValue) and value.format_spec is None and value.conversion in (-1, ord("s")):
        return read_off(value.value)
    if isinstance(value, ast.NamedExpr):
        return read_off(value.value)
    if is_str_of_one(value):
        return read_off(value.args[0])
    return None


def is_str_of_one(value):
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and value.func.id == "str"
        and len(value.args) == 1
        and not value.keywords
    )


def joined(texts):
    return None if None in texts else "".join(texts)


def unanswered(cell):
    """Whether a graded answer is still as it was released."""
    return notebooks.grading(cell).get("checksum") == notebooks.checksum(cell)
