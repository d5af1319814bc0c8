"""Make a submission gradable: find its notebook, read it as data, and put the master's cells back.

Pure: bytes in, a notebook out. What students do by accident (a copied cell, a deleted check, a renamed
file, a notebook saved by an old program) is mended and remarked on; what cannot be read is refused with a
sentence. nbgrader alone loses the submission, or stops the whole class, over most of these.
"""

import ast
import json
import unicodedata
from dataclasses import dataclass

import nbformat
from nbgrader import utils

from dyadlab.grading import notebooks


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
    remarks, flags = list(submission.remarks), []
    file_name = find_notebook(master, submission, remarks)
    notebook = parse(file_name, submission.files[file_name], remarks)
    notebook = restore(master, notebook, remarks)
    stranger = other_owner(notebook, submission.student)
    if stranger is not None:
        flags.append(
            f"The notebook says my_id = {stranger!r}, but {submission.student} handed it in. The marks are for "
            f"the numbers of {stranger!r}: please look at it."
        )
    return Prepared(notebook, file_name, tuple(remarks), tuple(flags))


def find_notebook(master, submission, remarks):
    """The name of the file to grade: the week's notebook, or the one notebook that takes its place."""
    wanted = f"{master.week}.ipynb"
    if wanted in submission.files:
        return wanted
    others = [name for name in submission.files if name.casefold().endswith(".ipynb")]
    if not others:
        there = ", ".join(sorted(set(submission.files) - {"timestamp.txt"})) or "nothing"
        raise Unreadable(f"There is no notebook in this submission; it holds {there}. Ask for {wanted}.")
    ids = [cell.grade_id for cell in master.cells]
    likeness = {name: sum(submission.files[name].count(i.encode()) > 0 for i in ids) for name in others}
    best = max(sorted(others), key=lambda name: likeness[name])
    if not likeness[best]:
        raise Unreadable(
            f"{best} is not this week's notebook: none of the cells of {wanted} is in it. Ask for {wanted}."
        )
    remarks.append(f"The notebook was called {best} and was taken for {wanted}.")
    return best


def parse(file_name, content, remarks):
    """A notebook of nbformat 4 from bytes, with outputs removed."""
    try:
        raw = json.loads(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        empty = "It is empty." if not content.strip() else "It may have been cut off or edited by hand."
        raise Unreadable(f"{file_name} is not a readable notebook. {empty} Ask for it again.") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("nbformat"), int):
        raise Unreadable(f"{file_name} is not a notebook, although it is called one. Ask for it again.")
    if raw["nbformat"] < 4:
        remarks.append(f"The notebook was saved in the old format {raw['nbformat']} and was converted.")
    try:
        notebook = nbformat.from_dict(raw)
        if notebook.nbformat != 4:
            notebook = nbformat.convert(notebook, 4)
        cells = [tidy(cell) for cell in notebook.cells]
    except Exception:
        raise Unreadable(
            f"{file_name} is a notebook, but its parts are not where a notebook has them. Ask for it again."
        ) from None
    clean = nbformat.v4.new_notebook(cells=cells)
    clean.metadata.update(nbformat.from_dict(notebooks.CANONICAL_METADATA))
    return clean


def tidy(cell):
    """A fresh cell with the text and nbgrader's metadata of ``cell``, and nothing else."""
    source = cell.get("source", "")
    source = "".join(source) if isinstance(source, list) else str(source)
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    fresh = make.get(cell["cell_type"], nbformat.v4.new_raw_cell)(source)
    meta = cell.get("metadata", {}).get("nbgrader")
    if isinstance(meta, dict) and isinstance(meta.get("grade_id"), str):
        fresh.metadata["nbgrader"] = nbformat.from_dict({"grade_id": meta["grade_id"]})
    return fresh


def restore(master, notebook, remarks):
    """Put back what belongs to the course: metadata, locked cells, missing cells, and their order."""
    known = {cell.grade_id: cell for cell in master.cells}
    keep = chosen_copies(known, notebook, remarks)
    changed = []
    for index, cell in enumerate(notebook.cells):
        name = notebooks.grade_id(cell)
        cell.metadata.pop("nbgrader", None)
        if keep.get(name) != index:
            continue
        wanted = known[name]
        if cell.cell_type != wanted.cell_type or (wanted.locked and cell.source != hidden_removed(wanted)):
            changed.append(name)
        source = wanted.source if wanted.locked else cell.source
        replacement = wanted.as_cell()
        replacement.source = source
        notebook.cells[index] = replacement
    if changed:
        remarks.append(f"These cells of the course had been changed and were put back: {', '.join(changed)}.")
    in_order(master, notebook, remarks)
    add_missing(master, notebook, remarks)
    unique_ids(notebook)
    return notebook


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


def add_missing(master, notebook, remarks):
    """Add the course's cells that are no longer there, each behind the one it followed."""
    present = {notebooks.grade_id(cell) for cell in notebook.cells}
    added = []
    for number, cell in enumerate(master.cells):
        if cell.grade_id not in present:
            notebook.cells.insert(behind(master, notebook, number), cell.as_cell())
            added.append(cell.grade_id)
    if added:
        remarks.append(f"These cells were missing and were put back: {', '.join(added)}.")


def behind(master, notebook, number):
    """The index behind the nearest earlier master cell that the notebook has."""
    here = {notebooks.grade_id(cell): index for index, cell in enumerate(notebook.cells)}
    for earlier in reversed(master.cells[:number]):
        if earlier.grade_id in here:
            return here[earlier.grade_id] + 1
    return 0


def unique_ids(notebook):
    """nbformat 4.5 wants every cell id once."""
    seen = set()
    for number, cell in enumerate(notebook.cells):
        if cell.id in seen:
            cell["id"] = f"cell-{number}"
        seen.add(cell.id)


def fold(student):
    """A student's id as the replicates fold it: case, accents of width and spaces do not count."""
    decomposed = unicodedata.normalize("NFKD", student.strip())
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


def other_owner(notebook, student):
    """The id that the notebook states in ``my_id = "..."``, where it is not the student's own; else None."""
    for cell in notebook.cells:
        if not (notebooks.is_answer(cell) and notebooks.grade_id(cell).endswith("_my_id")):
            continue
        try:
            statements = ast.parse(cell.source).body
        except (SyntaxError, ValueError):
            return None
        for statement in statements:
            if (
                isinstance(statement, ast.Assign)
                and any(isinstance(t, ast.Name) and t.id == "my_id" for t in statement.targets)
                and isinstance(statement.value, ast.Constant)
                and isinstance(statement.value.value, str)
            ):
                stated = statement.value.value
                if stated.strip(" _.") and fold(stated) != fold(student):
                    return stated
    return None


def unanswered(cell):
    """Whether a graded answer is still as it was released."""
    return notebooks.grading(cell).get("checksum") == utils.compute_checksum(cell)
