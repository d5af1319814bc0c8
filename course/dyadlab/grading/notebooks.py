"""Reading notebooks as data, telling their cells apart, and writing them in the one canonical form."""

import hashlib
import json

import nbformat

#: The only notebook metadata kept in source: nothing in it changes from machine to machine.
CANONICAL_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"
BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
BEGIN_SCHEME, END_SCHEME = "### BEGIN MARK SCHEME", "### END MARK SCHEME"
SKELETON_MARK = "#:"
MARKERS = (BEGIN_SOLUTION, END_SOLUTION, BEGIN_HIDDEN, END_HIDDEN, BEGIN_SCHEME, END_SCHEME)


def read(path):
    """The notebook at ``path``, in nbformat 4."""
    return nbformat.read(path, as_version=4)


def grading(cell):
    """nbgrader's metadata of a cell, or an empty dict."""
    return cell.metadata.get("nbgrader", {})


def grade_id(cell):
    return grading(cell).get("grade_id")


def is_answer(cell):
    """A Do answer: code that the student writes, without points of its own."""
    meta = grading(cell)
    return cell.cell_type == "code" and meta.get("solution", False) and not meta.get("grade", False)


def is_check(cell):
    """A Do check: locked code that earns points."""
    meta = grading(cell)
    return cell.cell_type == "code" and meta.get("grade", False) and not meta.get("solution", False)


def is_think(cell):
    """A Think answer: text that a person grades."""
    meta = grading(cell)
    return cell.cell_type == "markdown" and meta.get("grade", False) and meta.get("solution", False)


def is_prompt(cell):
    """A Think prompt: locked text that carries the marking scheme."""
    meta = grading(cell)
    return cell.cell_type == "markdown" and meta.get("locked", False) and not meta.get("grade", False)


def points(cell):
    return float(grading(cell).get("points", 0) or 0)


def total_points(notebook):
    return sum(points(cell) for cell in notebook.cells if grading(cell).get("grade"))


def checksum(cell):
    """nbgrader's checksum of a cell, with which it knows a cell that was changed.

    Worked out here because importing nbgrader takes most of a second, which every worker would pay; a test holds this
    and nbgrader's own (nbgrader.utils.compute_checksum) equal.
    """
    meta = grading(cell)
    parts = [cell.source, cell.cell_type, *(str(meta.get(key, False)) for key in ("grade", "solution", "locked"))]
    parts += [meta["grade_id"]] + ([str(float(meta["points"]))] if meta.get("grade") else [])
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest()


def without_region(source, begin, end):
    """``source`` without everything from a line holding ``begin`` to the line holding ``end``."""
    kept, inside = [], False
    for line in source.split("\n"):
        if begin in line:
            inside = True
        elif end in line:
            inside = False
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def canonical(notebook):
    """The canonical text of a notebook: no outputs, no counts, fixed metadata, sorted keys, one final newline."""
    cells = []
    for cell in notebook.cells:
        entry = {"cell_type": cell.cell_type, "id": cell.id, "metadata": {}}
        if grading(cell):
            entry["metadata"]["nbgrader"] = dict(grading(cell))
        if cell.metadata.get("tags"):
            entry["metadata"]["tags"] = list(cell.metadata["tags"])
        if cell.cell_type == "code":
            entry |= {"execution_count": None, "outputs": []}
        if cell.get("attachments"):
            entry["attachments"] = cell["attachments"]
        entry["source"] = "\n".join(line.rstrip() for line in cell.source.strip("\n").split("\n")).splitlines(True)
        cells.append(entry)
    whole = {"cells": cells, "metadata": CANONICAL_METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
