"""What a week says of itself at its top, and the syllabus that is made from it."""

import re
from dataclasses import dataclass

from dyadlab.grading import notebooks

TITLE = re.compile(r"^# Week (\d+) · ([^:\n]+): (.+\?)$", re.MULTILINE)
FACTS = re.compile(r"^About (\d+) minutes · ([\d.]+) points · (`[a-z_]+`(?:, `[a-z_]+`)*)$", re.MULTILINE)
BEGIN, END = "<!-- made by `dyadlab build` from the notebooks -->", "<!-- end -->"


@dataclass(frozen=True)
class Week:
    """The head of a notebook: its number, topic, question, minutes for a student, points and datasets."""

    name: str
    number: int
    topic: str
    question: str
    minutes: int
    points: float
    datasets: tuple[str, ...]


def head(name, notebook):
    """What the first cell says, or None where it does not say it in the form that the course uses."""
    text = notebook.cells[0].source
    title, facts = TITLE.search(text), FACTS.search(text)
    if title is None or facts is None:
        return None
    number, topic, question = title.groups()
    minutes, points, datasets = facts.groups()
    question = question[0].upper() + question[1:]
    return Week(
        name, int(number), topic, question, int(minutes), float(points), tuple(re.findall(r"`(\w+)`", datasets))
    )


def loaded(notebook):
    """The datasets that the notebook's cells load or look up."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    named = re.findall(r"(?:load|replicate_many)\(\s*\"(\w+)\"", code)
    sessions = ["transcripts"] if "code_session(" in code else []
    return set(named + sessions)


def table(course):
    """The syllabus as a Markdown table, one row a week."""
    lines = ["| week | question | notebook | datasets | minutes | points |", "|---|---|---|---|---|---|"]
    for name in course.weeks():
        week = head(name, notebooks.read(course.notebook(name)))
        datasets = ", ".join(f"[`{one}`](../datasets/{one}/)" for one in week.datasets)
        link = f"[`{name}`](source/{name}/{name}.ipynb)"
        lines.append(
            f"| {week.number} {week.topic} | {week.question} | {link} | {datasets} | {week.minutes} | {week.points:g} |"
        )
    return "\n".join(lines)


def renewed(text, course):
    """The text of the syllabus page with its table made anew."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n\n{table(course)}\n\n{END}{after}"


def write(course):
    """Renew the table in the course's README, where there is one."""
    page = course.root / "README.md"
    if page.exists():
        page.write_text(renewed(page.read_text(encoding="utf-8"), course), encoding="utf-8", newline="\n")
