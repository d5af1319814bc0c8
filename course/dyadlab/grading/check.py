"""The author's check of a week: the rules, blank earns nothing, answers earn all, and every listed
mistake is refused and every listed right answer accepted."""

from dataclasses import dataclass, field

from dyadlab.grading import build, mistakes, notebooks, preprocessors, rehearse, rules, simulate
from dyadlab.grading.course import CourseError

WRONG_PER_ITEM, RIGHT_PER_ITEM = 3, 2


@dataclass
class Checked:
    """What the check of one week found. ``problems`` is empty when all is well."""

    week: str
    points: float = 0.0
    items: int = 0
    refused: int = 0
    accepted: int = 0
    problems: list[str] = field(default_factory=list)


def fix(course, week):
    """Write the notebook in canonical form. Returns whether anything changed."""
    path = course.notebook(week)
    before = path.read_text(encoding="utf-8")
    after = notebooks.canonical(notebooks.read(path))
    if after != before:
        path.write_text(after, encoding="utf-8", newline="\n")
    return after != before


def check(course, week):
    """Everything about one week; returns Checked."""
    found, listed = look(course, week)
    notebook = notebooks.read(course.notebook(week))
    worth = points_of_checks(notebook)
    blank = rehearse.rehearse(code_cells(notebook, released), [])[rehearse.TRUE_ANSWERS]
    for name, points in worth.items():
        if points and name not in blank:
            found.problems.append(f"{week}: the blank release earns the {points:g} points of {name}.")

    replacements = [(e.label, e.item, e.code) for e in listed.entries]
    outcomes = rehearse.rehearse(code_cells(notebook, simulate.answered), replacements)
    for name, sentence in outcomes[rehearse.TRUE_ANSWERS].items():
        found.problems.append(f"{week}: the course's own answer fails {name}: {sentence}")
    for entry in listed.entries:
        failed = {name: s for name, s in outcomes[entry.label].items() if worth.get(name)}
        judge(week, entry, failed, found)
    return found


def look(course, week):
    """What can be seen of a week without running it. Returns (Checked, the listed mistakes and right answers)."""
    path = course.notebook(week)
    notebook = notebooks.read(path)
    found = Checked(week, points=notebooks.total_points(notebook))
    found.problems += rules.problems(week, path.read_text(encoding="utf-8"))
    found.problems += [
        f"{week}: {name} lies in the source folder and has to go." for name in build.strays(course, week)
    ]
    graded_items = items_with_points(notebook)
    found.items = len(graded_items)
    try:
        listed = mistakes.read(course.mistakes / f"{week.split('_')[0]}.toml")
    except CourseError as error:
        found.problems.append(str(error))
        listed = mistakes.Listed()
    found.problems += enough(week, graded_items, listed) + known(week, notebook, points_of_checks(notebook), listed)
    return found, listed


def points_of_checks(notebook):
    """{check: its points}, those without points among them."""
    return {notebooks.grade_id(c): notebooks.points(c) for c in notebook.cells if notebooks.is_check(c)}


def judge(week, entry, failed, found):
    """Compare what an entry lost with what it should lose."""
    expected = set(entry.fails)
    if set(failed) == expected:
        if expected:
            found.refused += 1
        else:
            found.accepted += 1
        return
    for name in sorted(expected - set(failed)):
        found.problems.append(f"{week}: the mistake “{entry.label}” is not refused by {name}.")
    for name in sorted(set(failed) - expected):
        kind = "mistake" if expected else "right answer"
        found.problems.append(f"{week}: the {kind} “{entry.label}” also fails {name}: {failed[name]}")


def items_with_points(notebook):
    """The answer cells whose checks give points: grade_id -> list of check ids."""
    items, current = {}, None
    for cell in notebook.cells:
        if notebooks.is_answer(cell):
            current = notebooks.grade_id(cell)
        elif notebooks.is_check(cell) and notebooks.points(cell) and current:
            items.setdefault(current, []).append(notebooks.grade_id(cell))
    return items


def enough(week, graded_items, listed):
    """Whether every item has its share of wrong and right answers."""
    sentences = []
    for item in graded_items:
        for entries, wanted, kind in (
            (listed.wrong, WRONG_PER_ITEM, "wrong"),
            (listed.right, RIGHT_PER_ITEM, "right"),
        ):
            count = sum(entry.item == item for entry in entries)
            if count < wanted:
                sentences.append(f"{week}: {item} has {count} {kind} answers listed; {wanted} are wanted.")
    return sentences


def known(week, notebook, worth, listed):
    """Whether entries name cells that exist."""
    answers = {notebooks.grade_id(cell) for cell in notebook.cells if notebooks.is_answer(cell)}
    sentences = []
    for entry in listed.entries:
        if entry.item not in answers:
            sentences.append(f"{week}: the entry “{entry.label}” is for an answer cell that does not exist.")
        for name in entry.fails:
            if name not in worth:
                sentences.append(f"{week}: the entry “{entry.label}” names the check {name}, which does not exist.")
    for entry in listed.wrong:
        if not entry.fails:
            sentences.append(f"{week}: the mistake “{entry.label}” names no check that should fail.")
    return sentences


def code_cells(notebook, answer):
    """(id, source, is_check) of the code cells; ``answer`` turns a solution cell's source into a student's."""
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            source = answer(cell.source) if notebooks.is_answer(cell) else cell.source
            cells.append((notebooks.grade_id(cell) or cell.id, source, notebooks.is_check(cell)))
    return cells


def released(source):
    """A solution cell as it is released."""
    import nbformat

    cell = nbformat.v4.new_code_cell(source)
    preprocessors.ClearSolutions()._replace_solution_region(cell, "python")
    return cell.source
