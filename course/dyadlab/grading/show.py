"""What the commands show on the terminal."""

from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from dyadlab.grading import engine

console = Console(highlight=False, soft_wrap=True)
MARKS = {engine.GRADED: "✓", engine.NEEDS_PERSON: "?", engine.REJECTED: "✗"}


def say(sentence):
    console.print(escape(sentence))


@contextmanager
def progress(what):
    """A progress bar; gives a function (done, total, graded) that moves it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=console, transient=False)
    task = bar.add_task(what, total=None)

    def step(done, total, graded):
        if total:
            bar.start()  # only now, so that a command which fails before shows its sentence and no empty bar
        label = f"{what}: {graded.record.student}" if graded else what
        bar.update(task, completed=done, total=total, description=escape(label))

    try:
        yield step
        bar.update(task, description=what)
    finally:
        if bar.live.is_started:
            bar.stop()


def checked(results):
    """The table of the author's check, and every problem below it."""
    table = Table(title="The author's check")
    for name in ("week", "points", "items", "mistakes refused", "right answers accepted", "problems"):
        table.add_column(name, justify="left" if name == "week" else "right")
    for r in results:
        numbers = (f"{r.points:g}", str(r.items), str(r.refused), str(r.accepted), str(len(r.problems)))
        table.add_row(r.week, *numbers)
    console.print(table)
    for r in results:
        for problem in r.problems:
            say(f"• {problem}")


def needs_attention(finished, course):
    """Whether somebody should look: something rejected, or flagged, or handed in for no known week."""
    return bool(course.strangers()) or any(g.record.outcome == engine.REJECTED or flagged(g.record) for g in finished)


def flagged(record):
    return record.score is None or any(
        sentence.startswith(("The notebook says", "Python stopped")) for sentence in record.remarks
    )


def graded(finished, course):
    """The table at the end of grading: every submission in exactly one outcome, and what to know about it."""
    if not finished:
        say(f"Nothing has been handed in yet: there is nothing for these weeks in {course.submitted}.")
        return
    table = Table(title=f"{len(finished)} submissions")
    for name, justify in (
        ("", "left"),
        ("student", "left"),
        ("week", "left"),
        ("score", "right"),
        ("remarks", "left"),
    ):
        table.add_column(name, justify=justify, overflow="fold")
    for g in finished:
        r = g.record
        score = "" if r.score is None else f"{r.score:g} of {r.max_score:g}"
        remarks = "\n".join(r.remarks) or ("" if g.fresh else "unchanged since it was last graded")
        table.add_row(MARKS[r.outcome], escape(r.student), r.week, score, escape(remarks))
    console.print(table)
    from dyadlab.grading.grade import tally

    counts = tally(finished)
    fresh = sum(g.fresh for g in finished)
    say(
        "  ".join(f"{MARKS[outcome]} {counts.get(outcome, 0)} {outcome}" for outcome in MARKS)
        + f"  ({fresh} graded now, {len(finished) - fresh} unchanged)"
    )
    say("“needs a person” means that there is something to read: a Think answer, or a remark above.")
    strangers = course.strangers()
    if strangers:
        say(f"Not graded, because there is no such week: {', '.join(strangers)}.")
    say(f"A log for each submission is in {course.records}.")


def marks(rows, weeks, kinds):
    """The demo's table: students by weeks."""
    table = Table(title="Marks (blank: no mark yet; ?: a person still has something to read)")
    table.add_column("student")
    table.add_column("handed in")
    for week in weeks:
        table.add_column(week, justify="right")
    by_student = {}
    for row in rows:
        sign = {"needs a person": " ?", "rejected": "rejected"}.get(row["state"], "")
        by_student.setdefault(row["student_id"], {})[row["week"]] = f"{row['score']}{sign}".strip()
    for student, scores in by_student.items():
        table.add_row(escape(student), kinds.get(student, ""), *(scores.get(week, "") for week in weeks))
    console.print(table)
