"""The master copy of a week: what was released, with its hidden tests, as plain data."""

import ast
import hashlib
from dataclasses import asdict, dataclass, field

import nbformat

from dyadlab.grading import notebooks
from dyadlab.grading.course import CourseError


@dataclass(frozen=True)
class MasterCell:
    """One cell that nbgrader keeps: an answer, a check, a Think prompt or a Think answer."""

    grade_id: str
    cell_type: str
    source: str
    locked: bool
    grade: bool
    solution: bool
    points: float
    checksum: str

    def metadata(self):
        """nbgrader's metadata for this cell, as it stands in a released notebook."""
        meta = {
            "cell_type": self.cell_type,
            "checksum": self.checksum,
            "grade": self.grade,
            "grade_id": self.grade_id,
            "locked": self.locked,
            "schema_version": 3,
            "solution": self.solution,
            "task": False,
        }
        if self.grade:
            meta["points"] = self.points
        return meta

    def as_cell(self):
        """A notebook cell with the master's text."""
        make = nbformat.v4.new_code_cell if self.cell_type == "code" else nbformat.v4.new_markdown_cell
        cell = make(self.source, id=self.grade_id.replace("_", "-")[:64])
        cell.metadata["nbgrader"] = nbformat.NotebookNode(self.metadata())
        return cell


@dataclass(frozen=True)
class Master:
    """A week as it was released. ``cells`` are in the order of the notebook; ``files`` go with the notebook.

    imports : the import lines of the released code cells, which the checks may count on. texts : the Markdown cells as
    released, which show what is the course's own on a student's page; no mark hangs on them.
    """

    week: str
    cells: tuple[MasterCell, ...]
    files: dict[str, bytes] = field(default_factory=dict)
    imports: tuple[str, ...] = ()
    texts: frozenset[str] = frozenset()

    def __getitem__(self, grade_id):
        return next(cell for cell in self.cells if cell.grade_id == grade_id)

    @property
    def max_score(self):
        return sum(cell.points for cell in self.cells if cell.grade)

    @property
    def auto_score(self):
        """The points that checks decide."""
        return sum(cell.points for cell in self.cells if cell.grade and not cell.solution)

    def digest(self):
        """A digest that changes when anything changes by which a submission is graded."""
        text = repr(([asdict(cell) for cell in self.cells], self.imports)).encode()
        for name in sorted(self.files):
            text += name.encode() + hashlib.sha256(self.files[name]).digest()
        return hashlib.sha256(text).hexdigest()


def from_gradebook(course, week):
    """The master copy that nbgrader stored when the week was released (``dyadlab build``)."""
    # here and not above: nbgrader takes most of a second to import, and workers only need what a Master is
    from nbgrader import utils
    from nbgrader.api import MissingEntry

    from dyadlab.grading import nbgrader_bridge

    missing = CourseError(f"{week} has not been built yet. Run `dyadlab build {week}` first.")
    release = course.release / week / f"{week}.ipynb"
    if not course.gradebook.exists() or not release.exists():
        raise missing
    released = notebooks.read(release)
    order = [notebooks.grade_id(cell) for cell in released.cells]
    with nbgrader_bridge.gradebook(course) as gradebook:
        try:
            stored = gradebook.find_notebook(week, week)
        except MissingEntry:
            raise missing from None
        points = {cell.name: cell.max_score for cell in stored.grade_cells}
        answers = {cell.name for cell in stored.solution_cells}
        cells = {
            cell.name: MasterCell(
                grade_id=cell.name,
                cell_type=cell.cell_type,
                source=cell.source,
                locked=bool(cell.locked),
                grade=cell.name in points,
                solution=cell.name in answers,
                points=float(points.get(cell.name, 0)),
                checksum=cell.checksum,
            )
            for cell in stored.source_cells
        }
    lost = [name for name in cells if name not in order]
    if lost:
        raise CourseError(
            f"The release of {week} and the gradebook do not agree about the cells {', '.join(lost)}. "
            f"Run `dyadlab build {week}` again."
        )
    folder = course.source / week
    kept = nbgrader_ignores()
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".ipynb" and not utils.is_ignored(str(path), kept)
    }
    imports = tuple(line for cell in released.cells if cell.cell_type == "code" for line in import_lines(cell.source))
    texts = frozenset(cell.source for cell in released.cells if cell.cell_type == "markdown")
    return Master(week, tuple(cells[name] for name in order if name in cells), files, imports, texts)


def import_lines(source):
    """The import statements at the top level of a cell, one string each; none where it is not plain Python."""
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError):
        return []
    return [ast.unparse(statement) for statement in statements if isinstance(statement, ast.Import | ast.ImportFrom)]


def nbgrader_ignores():
    """File patterns beside a notebook that are never handed out."""
    return [".ipynb_checkpoints", "*.pyc*", "__pycache__", ".DS_Store", "*.py", "*.md"]
