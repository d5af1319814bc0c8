"""The notebook rules that a program can judge. AUTHORING.md tells them to people.

Each function looks at one source notebook and returns sentences, one for each thing to mend.
"""

import re

from dyadlab.grading import notebooks, syllabus

HEADING = re.compile(r"^### (Do|Think) (\d+)\.(\d+) · .+ \(([\d.]+) points?\)\s*$", re.MULTILINE)
SLUG = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")
MAX_WORDS = 120
MAX_CODE_LINES = 14
FORBIDDEN_IN_CODE = {
    r"^\s*[%!]": "uses a magic or a shell command",
    r"https?://": "reads from the network",
    r"['\"](/|[A-Za-z]:\\)": "names an absolute path",
    r"\.\./": "names a path",
    r"np\.random\.(?!default_rng\(\d)": "draws unseeded random numbers",
    r"\bhash\(": "uses hash(), which differs from one start of Python to the next",
}
FORMULA = re.compile(r"\$\$|\\\(|\\\[|\$[^$\n]*[\\^_{][^$\n]*\$")
REQUIRED_WORDS = {
    "SYNTHETIC": "nowhere says that the data are SYNTHETIC",
    "Predict": "has no “Predict, then compute” moment (a heading with the word Predict)",
    "limit": "names no limit of what was done",
}
REQUIRED_CODE = {
    "widgets.": "has nothing to move (no widget of dyadlab.widgets)",
    "checks.figure(": "has no figure that a check looks at",
}


def problems(week, text):
    """All problems of a source notebook, given as the text of its file."""
    import nbformat

    notebook = nbformat.reads(text, as_version=4)
    found = []
    if text != notebooks.canonical(notebook):
        found.append("is not in canonical form; `dyadlab check --fix` writes it")
    for rule in (ids, top, pairs, stated_points, thinks, forbidden, length, rhythm, parts):
        found.extend(rule(week, notebook))
    return [f"{week} {sentence}." for sentence in found]


def ids(week, notebook):
    prefix = week.split("_")[0]
    seen = set()
    for cell in notebook.cells:
        if not SLUG.match(cell.id):
            yield f"has a cell with the id {cell.id!r}; a readable one is wanted, such as “read-the-data”"
        name = notebooks.grade_id(cell)
        for value in (cell.id, name):
            if value in seen and value is not None:
                yield f"has two cells called {value!r}"
            seen.add(value)
        if name and not re.fullmatch(rf"{prefix}_[a-z0-9_]+", name):
            yield f"has the grade id {name!r}; it should begin with {prefix}_ and say what the cell is about"


def top(week, notebook):
    """The first cell says what the syllabus says, and it is so."""
    stated = syllabus.head(week, notebook)
    if stated is None:
        yield (
            "does not begin as every week does: “# Week 4 · Topic: a question?” and, on a line of its own, "
            "“About 90 minutes · 20 points · `dyads`, `panel`”"
        )
        return
    total = notebooks.total_points(notebook)
    if stated.number != int(week[1:3]):
        yield f"calls itself week {stated.number}"
    if stated.points != total:
        yield f"states {stated.points:g} points at the top, and its cells give {total:g}"
    if set(stated.datasets) != syllabus.loaded(notebook):
        yield (
            f"names the datasets {', '.join(stated.datasets)} at the top, and loads "
            f"{', '.join(sorted(syllabus.loaded(notebook))) or 'none'}"
        )


def pairs(week, notebook):
    """Every answer is followed by its check, and every check asks visibly and, for points, hiddenly."""
    cells = notebook.cells
    for place, cell in enumerate(cells):
        name = notebooks.grade_id(cell)
        if notebooks.is_answer(cell):
            following = cells[place + 1] if place + 1 < len(cells) else None
            if following is None or not (notebooks.grade_id(following) or "").startswith(f"{name}_check"):
                yield f"has no check {name}_check right behind the answer {name}"
            if notebooks.BEGIN_SOLUTION not in cell.source:
                yield f"has no solution region in {name}"
        elif notebooks.is_check(cell):
            visible = notebooks.without_region(cell.source, notebooks.BEGIN_HIDDEN, notebooks.END_HIDDEN)
            if not re.search(r"^with checks\.item\(\"\d+\.\d+\"\):", cell.source, re.MULTILINE):
                yield f"{name} is not written inside `with checks.item(...)`"
            if not re.search(r"checks\.(?!item)", visible):
                yield f"{name} has no visible check"
            if notebooks.points(cell) and notebooks.BEGIN_HIDDEN not in cell.source:
                yield f"{name} has no hidden check"


def stated_points(week, notebook):
    """The points in headings and in the title are those of the metadata, and numbers run without a gap."""
    number = int(week[1:3])
    stated, current, order = {}, None, []
    earned = {}
    for cell in notebook.cells:
        heading = HEADING.search(cell.source) if cell.cell_type == "markdown" else None
        if heading:
            _kind, first, second, points = heading.groups()
            current = f"{first}.{second}"
            order.append(int(second))
            stated[current] = float(points)
            if int(first) != number:
                yield f"numbers an item {current}; items of this week begin with {number}."
        if notebooks.grading(cell).get("grade"):
            if current is None:
                yield f"has the graded cell {notebooks.grade_id(cell)} before the first Do or Think heading"
            earned[current] = earned.get(current, 0.0) + notebooks.points(cell)
        if notebooks.is_check(cell) and current and f'checks.item("{current}")' not in cell.source:
            yield f"{notebooks.grade_id(cell)} stands under {current} but calls itself otherwise"
    if order != list(range(1, len(order) + 1)):
        yield f"numbers its items {order}; they should run from 1 without a gap"
    for label, points in stated.items():
        if points != earned.get(label, 0.0):
            yield f"states {points:g} points for {label}, and its cells give {earned.get(label, 0.0):g}"


def thinks(week, notebook):
    previous, count = None, 0
    for cell in notebook.cells:
        if notebooks.is_think(cell):
            count += 1
            if previous is None or not notebooks.is_prompt(previous):
                yield f"has no locked question right before {notebooks.grade_id(cell)}"
            elif notebooks.BEGIN_SCHEME not in previous.source:
                yield f"has no marking scheme in {notebooks.grade_id(previous)}"
        previous = cell
    if not count:
        yield "has no Think item"


def forbidden(week, notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for pattern, what in FORBIDDEN_IN_CODE.items():
                if re.search(pattern, cell.source, re.MULTILINE):
                    yield f"{what} in the cell {cell.id}"
        elif FORMULA.search(cell.source):
            yield f"has a formula in TeX in the cell {cell.id}, which feedback cannot draw; use plain characters"


def length(week, notebook):
    if not 20 <= len(notebook.cells) <= 75:
        yield f"has {len(notebook.cells)} cells; split it or fill it"
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and not notebooks.grade_id(cell):
            shown = re.sub(r"<details>.*?</details>", "", cell.source, flags=re.DOTALL)
            words = len(shown.split())
            if words > MAX_WORDS:
                yield f"has {words} words in one breath in the cell {cell.id} (at most {MAX_WORDS})"
        elif cell.cell_type == "code" and not notebooks.is_check(cell):
            lines = [line for line in cell.source.split("\n") if not line.strip().startswith(("#", "###"))]
            if len(lines) > MAX_CODE_LINES:
                yield f"has {len(lines)} lines of code in the cell {cell.id} (at most {MAX_CODE_LINES})"


def rhythm(week, notebook):
    """Never two code cells without words between, but for an answer and its checks."""
    for before, cell in zip(notebook.cells, notebook.cells[1:], strict=False):
        if before.cell_type == cell.cell_type == "code" and not notebooks.is_check(cell):
            yield f"has two code cells without a word between: {before.id} and {cell.id}"


def parts(week, notebook):
    words = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    for required, text in ((REQUIRED_WORDS, words), (REQUIRED_CODE, code)):
        for word, sentence in required.items():
            if word not in text:
                yield sentence
