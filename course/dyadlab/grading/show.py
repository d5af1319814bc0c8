"""What the commands show on the terminal."""

import json
import time
from collections import Counter
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from dyadlab.grading import engine, export, record
from dyadlab.grading.course import how_to_read
from dyadlab.sentences import counted

console = Console(highlight=False, soft_wrap=True)
#: Progress goes here, so that what a command prints can be read by another program.
aside = Console(highlight=False, soft_wrap=True, stderr=True)
MARKS = {engine.GRADED: "✓", engine.NEEDS_PERSON: "?", engine.REJECTED: "✗", engine.QUARANTINED: "!"}
#: A class larger than this is listed only as far as somebody has to look.
LONGEST_TABLE = 100


def say(sentence):
    console.print(escape(sentence))


class Bar:
    """A progress bar: call it with (done, total, graded) to move it; ``say`` puts a sentence above it."""

    def __init__(self, what):
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}"),
        )
        self._bar = Progress(*columns, console=aside, transient=False, refresh_per_second=4)
        self._what, self._task = what, self._bar.add_task(what, total=None, pace="")
        self._began, self._fresh, self._counts = None, 0, Counter()

    def __call__(self, done, total, graded):
        if self._began is None:  # only now, so that a command which fails before shows its sentence and no empty bar
            self._began = time.monotonic()
            if total:
                self._bar.start()
        label = self._what
        if graded:
            self._fresh += graded.fresh
            self._counts[graded.record.outcome] += 1
            label = f"{self._what} {self._so_far()}  {graded.record.student}"
        self._bar.update(
            self._task, completed=done, total=total, description=escape(label), pace=self._pace(total - done)
        )

    def _so_far(self):
        return " ".join(f"{mark}{self._counts[outcome]}" for outcome, mark in MARKS.items() if self._counts[outcome])

    def _pace(self, left):
        """How many are graded in a minute, and how long the rest takes at that rate."""
        seconds = time.monotonic() - self._began
        if not self._fresh or seconds < 1:
            return ""
        rate = self._fresh / seconds
        return f"{60 * rate:.0f} a minute, {in_words(left / rate)} left" if left else f"{60 * rate:.0f} a minute"

    def say(self, sentence):
        aside.print(escape(sentence))

    def end(self):
        if self._bar.live.is_started:
            self._bar.update(self._task, description=self._what)
            self._bar.stop()


def in_words(seconds):
    """``3:05`` for 185 seconds."""
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes}:{seconds:02d}"


@contextmanager
def progress(what):
    """A progress bar; gives a function (done, total, graded) that moves it."""
    bar = Bar(what)
    try:
        yield bar
    finally:
        bar.end()


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


def needs_attention(finished, course, failed=()):
    """Whether somebody should look: something without a mark, or flagged, or handed in for no known week."""
    return bool(failed) or bool(course.strangers()) or any(flagged(g.record) for g in finished)


def flagged(record):
    return record.score is None or record.needs_eye


def graded(finished, course, failed=None, weeks=()):
    """The table at the end of grading: every submission in exactly one outcome, and what to know about it.

    failed : {(week, student): sentence} of those that have no outcome yet. weeks : those that were to be graded.
    """
    failed = failed or {}
    total = len(finished) + len(failed)
    if not total:
        nothing_there(course, weeks)
        return
    finished = export.as_it_stands(course, finished)
    shown = finished
    if total > LONGEST_TABLE:
        shown = [g for g in finished if flagged(g.record) or g.changes]
    of_these = "" if shown is finished else f", of which {len(shown) + len(failed)} to look at"
    table = Table(title=counted(total, "submission") + of_these)
    for name, justify in (("", "left"), ("student", "left"), ("week", "left"), ("score", "right"), ("remarks", "left")):
        table.add_column(name, justify=justify, overflow="fold")
    for g in shown:
        r = g.record
        score = "" if r.score is None else f"{r.score:g} of {r.max_score:g}"
        table.add_row(MARKS[r.outcome], escape(r.student), r.week, score, escape(remarks(g, course)))
    for (week, student), sentence in sorted(failed.items()):
        table.add_row("–", escape(student), week, "", escape(f"Not graded yet: {sentence}"))
    console.print(table)
    changes = [change for g in finished for change in g.changes]
    if changes:
        changed(changes)
    say("  ".join(parts(finished, failed)))
    walls = {g.record.walls for g in finished if g.fresh and g.record.walls}
    if walls:
        say(f"Student code ran behind these walls: {', '.join(sorted(walls))}.")
    strangers = course.strangers()
    if strangers:
        say(f"Not graded, because there is no such week: {', '.join(strangers)}.")
    say(f"A log for each submission is in {course.records}.")
    if any(g.record.outcome == engine.NEEDS_PERSON for g in finished):
        say("“needs a person” means that there is something to read: a Think answer, or a remark above.")
        say(how_to_read(course))


def nothing_there(course, weeks):
    """Says that nobody has handed anything in, and which command takes it in."""
    say(f"Nothing has been handed in yet: there is nothing for these weeks in {course.submitted}.")
    for week in weeks:
        say(f"Run `dyadlab collect {week}` first.")


def parts(finished, failed):
    """The counts, each submission in exactly one."""
    counts = Counter(g.record.outcome for g in finished)
    fresh = sum(g.fresh for g in finished)
    words = [f"{mark} {counts.get(outcome, 0)} {outcome}" for outcome, mark in MARKS.items()]
    words += [f"– {len(failed)} not graded yet"] if failed else []
    return [*words, f"({fresh} graded now, {len(finished) - fresh} unchanged)"]


def remarks(graded, course):
    """What to know about one submission, and where its log is when somebody should look at it."""
    r = graded.record
    lines = list(r.remarks)
    if flagged(r):
        lines.append(f"log: {record.log_path(course, r.week, r.student).relative_to(course.records)}")
    return "\n".join(lines)


def changed(changes):
    """The marks that changed on regrading although the same work was graded."""
    table = Table(title="Marks that changed for the same work: the checks, the points or the grader changed")
    for name in ("student", "week", "cell", "before", "now"):
        table.add_column(name, overflow="fold")
    for change in changes[:LONGEST_TABLE]:
        table.add_row(escape(change.student), change.week, change.cell, change.before, change.now)
    console.print(table)
    if len(changes) > LONGEST_TABLE:
        say(f"… and {len(changes) - LONGEST_TABLE} more; each is in the log of its submission.")


def as_json(finished, course, weeks, failed=None, status=0, seconds=0.0, stopped=False):
    """The outcome of grading as one JSON document, for machines."""
    failed, finished = failed or {}, export.as_it_stands(course, finished)
    counts = Counter(g.record.outcome for g in finished)
    return json.dumps(
        {
            "course": str(course.root),
            "weeks": list(weeks),
            "exit_status": status,
            "stopped": stopped,
            "seconds": round(seconds, 1),
            "counts": {outcome: counts.get(outcome, 0) for outcome in MARKS} | {"not graded yet": len(failed)},
            "graded_now": sum(g.fresh for g in finished),
            "unchanged": sum(not g.fresh for g in finished),
            "submissions": [one_as_json(g, course) for g in finished],
            "not_graded_yet": [
                {"student": student, "week": week, "why": sentence}
                for (week, student), sentence in sorted(failed.items())
            ],
            "not_a_week": course.strangers(),
        },
        indent=1,
    )


def one_as_json(graded, course):
    r = graded.record
    return {
        "student": r.student,
        "week": r.week,
        "outcome": r.outcome,
        "graded_now": graded.fresh,
        "score": r.score,
        "max_score": r.max_score,
        "needs_attention": flagged(r),
        "remarks": list(r.remarks),
        "seconds": r.seconds,
        "walls": r.walls,
        "log": str(record.log_path(course, r.week, r.student)),
        "changed": [{"cell": c.cell, "before": c.before, "now": c.now} for c in graded.changes],
    }


def marks(rows, weeks, kinds):
    """The demo's table: students by weeks."""
    table = Table(title="Marks (blank: no mark yet; ?: a person still has something to read)")
    table.add_column("student")
    table.add_column("handed in")
    for week in weeks:
        table.add_column(week, justify="right")
    by_student = {}
    for row in rows:
        sign = {"needs a person": " ?", "rejected": "rejected", "quarantined": "quarantined"}.get(row["state"], "")
        by_student.setdefault(row["student_id"], {})[row["week"]] = f"{row['score']}{sign}".strip()
    for student, scores in by_student.items():
        table.add_row(escape(student), kinds.get(student, ""), *(scores.get(week, "") for week in weeks))
    console.print(table)
