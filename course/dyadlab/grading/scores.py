"""nbgrader's gradebook, written in whole transactions of many submissions.

The same rows, with the same meaning, as nbgrader's own autograding leaves behind; only that nbgrader opens the
gradebook nine times and commits after every cell. Manual scores, comments and extra credit belong to people: they are
read here and never written.
"""

import contextlib
import time
from dataclasses import dataclass, field
from types import SimpleNamespace

from nbgrader import api
from sqlalchemy import create_engine, inspect, select
from sqlalchemy.exc import DatabaseError, IntegrityError

from dyadlab.grading import nbgrader_bridge, submission
from dyadlab.grading.course import CourseError

#: Seconds to wait for a gradebook that another program, such as formgrader, is writing to.
PATIENCE = 30
IN_USE = (
    "The gradebook has been in use by another program for too long (formgrader, or another nbgrader command?). What "
    "was graded is kept; run the same command again when that program has finished."
)

STUDENT, ASSIGNMENT, NOTEBOOK = api.Student.__table__, api.Assignment.__table__, api.Notebook.__table__
CELL, GRADE_CELL = api.BaseCell.__table__, api.GradeCell.__table__
HANDED_IN, HANDED_IN_NOTEBOOK = api.SubmittedAssignment.__table__, api.SubmittedNotebook.__table__
GRADE, COMMENT = api.Grade.__table__, api.Comment.__table__
COMMENTED = ("SolutionCell", "TaskCell")
GRADED = ("GradeCell", "TaskCell")


class GradebookError(CourseError):
    """The gradebook cannot be written; nothing that was graded is lost."""


class InUse(GradebookError):
    """Another program holds the gradebook for longer than we wait."""


class DiskFull(GradebookError):
    """There is no room for the gradebook to grow."""


@dataclass(frozen=True)
class Entry:
    """What goes into the gradebook for one submission.

    auto : grade_id -> points, or None where a person decides; None as a whole when there is no mark at all.
    unanswered : the cells left as released. same_work : whether it is the very submission that was graded before, so
    that what a person has decided about it stands.
    """

    week: str
    student: str
    timestamp: str = ""
    auto: dict[str, float | None] | None = None
    unanswered: frozenset = frozenset()
    same_work: bool = False


@dataclass(frozen=True)
class Week:
    """A week's rows: ids of its assignment and notebook, and of the cells that carry grades and comments."""

    assignment: str
    notebook: str
    duedate: object
    graded: dict[str, str] = field(default_factory=dict)
    commented: dict[str, str] = field(default_factory=dict)


class Scores:
    """The gradebook, open for one run. Use in a ``with``. ``say`` takes a sentence while waiting."""

    def __init__(self, course, say=lambda sentence: None, patience=None, stop=lambda: None):
        self._course, self._say, self._stop = course, say, stop
        self._patience = PATIENCE if patience is None else patience
        self._weeks, self._late = {}, None

    def __enter__(self):
        if not self._course.gradebook.exists():
            raise CourseError("There is no gradebook yet. Run `dyadlab build` first.")
        # half a second is how long one attempt waits; how many attempts there are is decided in patiently
        self._engine = create_engine(self._course.db_url, connect_args={"timeout": 0.5, "isolation_level": None})
        self._connection = None
        try:
            self._connection = self.patiently(self._engine.connect)
            self.patiently(self._look_over)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error):
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()

    def _look_over(self):
        """Refuse a gradebook of another nbgrader in a sentence rather than in the middle of a class."""
        try:
            there = inspect(self._connection)
            tables = set(there.get_table_names())
            missing = [
                f"{table.name}.{column.name}"
                for table in api.Base.metadata.sorted_tables
                if table.name in tables
                for column in table.columns
                if column.name not in {c["name"] for c in there.get_columns(table.name)}
            ]
        finally:
            self._connection.rollback()
        if not tables:
            raise GradebookError(
                f"The gradebook {self._course.gradebook} is empty: it was never finished. Delete it and run "
                "`dyadlab build`."
            )
        missing += [table.name for table in api.Base.metadata.sorted_tables if table.name not in tables]
        if missing:
            raise GradebookError(
                f"The gradebook {self._course.gradebook} was made by another version of nbgrader ({missing[0]} is not "
                f"in it). Run `nbgrader db upgrade` in {self._course.root}, which keeps a copy, and grade again."
            )

    def save(self, entries):
        """Save all entries in one transaction. Returns (score after penalty, or None, or the exception that one entry
        met) for each; one that cannot be saved leaves the others alone.

        Raises GradebookError when nothing could be saved.
        """
        self.patiently(self._begin)
        try:
            saved = [self._save_one(entry) for entry in entries]
            self.patiently(lambda: self._run("COMMIT"))
        except BaseException:
            with contextlib.suppress(DatabaseError):
                self._run("ROLLBACK")
            raise
        finally:
            self._connection.rollback()
        return saved

    def _run(self, sentence):
        self._connection.exec_driver_sql(sentence)

    def _begin(self):
        try:
            self._run("BEGIN IMMEDIATE")
        except DatabaseError:
            self._connection.rollback()
            raise

    def _save_one(self, entry):
        self._run("SAVEPOINT one")
        try:
            score = self._put(entry)
        except CourseError:
            raise
        except Exception as error:
            if isinstance(error, DatabaseError) and not isinstance(error, IntegrityError):
                raise sentence_for(error, self._course) from error
            self._run("ROLLBACK TO one")
            score = error
        self._run("RELEASE one")
        return score

    def patiently(self, act):
        """Do what may find the gradebook in use, for as long as patience lasts."""
        began, told = time.monotonic(), False
        while True:
            try:
                return act()
            except DatabaseError as error:
                if not in_use(error):
                    raise sentence_for(error, self._course) from error
            self._stop()
            if time.monotonic() - began >= self._patience:
                raise InUse(IN_USE)
            if not told:
                told = True
                self._say(
                    f"The gradebook is in use by another program; waiting for it, up to {self._patience:g} seconds."
                )
            time.sleep(0.05)

    # --- what the gradebook knows ---

    def week(self, name):
        """The rows of a week, looked up once in a run."""
        if name not in self._weeks:
            row = self._connection.execute(
                select(ASSIGNMENT.c.id, ASSIGNMENT.c.duedate, NOTEBOOK.c.id)
                .join(NOTEBOOK, NOTEBOOK.c.assignment_id == ASSIGNMENT.c.id)
                .where(ASSIGNMENT.c.name == name, NOTEBOOK.c.name == name)
            ).first()
            if row is None:
                raise CourseError(f"{name} has not been built yet. Run `dyadlab build {name}` first.")
            cells = self._connection.execute(
                select(CELL.c.id, CELL.c.name, CELL.c.type).where(CELL.c.notebook_id == row[2])
            ).all()
            self._weeks[name] = Week(
                row[0],
                row[2],
                row[1],
                {name: id for id, name, kind in cells if kind in GRADED},
                {name: id for id, name, kind in cells if kind in COMMENTED},
            )
        return self._weeks[name]

    def fingerprints(self, name):
        """student -> a number that stands for the automatic scores the gradebook has for a week."""
        found, student, scores = {}, None, []
        rows = select(HANDED_IN.c.student_id, CELL.c.name, GRADE.c.auto_score).select_from(
            HANDED_IN.join(HANDED_IN_NOTEBOOK, HANDED_IN_NOTEBOOK.c.assignment_id == HANDED_IN.c.id)
            .join(GRADE, GRADE.c.notebook_id == HANDED_IN_NOTEBOOK.c.id)
            .join(CELL, CELL.c.id == GRADE.c.cell_id)
        )
        rows = rows.where(HANDED_IN.c.assignment_id == self.week(name).assignment)
        try:
            for owner, cell, score in self._connection.execute(rows.order_by(HANDED_IN.c.student_id)):
                if owner != student:
                    found[student], student, scores = fingerprint(scores), owner, []
                scores.append((cell, score))
            found[student] = fingerprint(scores)
        finally:
            self._connection.rollback()
        return found

    # --- writing one submission ---

    def _put(self, entry):
        week = self.week(entry.week)
        do = self._connection.execute
        if do(select(STUDENT.c.id).where(STUDENT.c.id == entry.student)).first() is None:
            do(STUDENT.insert().values(id=entry.student))
        timestamp = submission.readable_time(entry.timestamp)
        row = do(
            select(HANDED_IN.c.id, HANDED_IN.c.timestamp, HANDED_IN.c.extension).where(
                HANDED_IN.c.assignment_id == week.assignment, HANDED_IN.c.student_id == entry.student
            )
        ).first()
        if row is None:
            extension, handed_in = None, api.new_uuid()
            do(
                HANDED_IN.insert().values(
                    id=handed_in, assignment_id=week.assignment, student_id=entry.student, timestamp=timestamp
                )
            )
        else:
            handed_in, before, extension = row
            if timestamp is None:
                timestamp = before
            elif timestamp != before:
                do(HANDED_IN.update().where(HANDED_IN.c.id == handed_in).values(timestamp=timestamp))
        notebook = self._notebook(handed_in, week)
        score = self._put_grades(entry, week, notebook)
        self._put_comments(entry, week, notebook)
        if entry.auto is None:
            return None
        taken_off = self._penalty(entry, week, timestamp, extension, score)
        do(
            HANDED_IN_NOTEBOOK.update()
            .where(HANDED_IN_NOTEBOOK.c.id == notebook)
            .values(late_submission_penalty=taken_off)
        )
        return max(0.0, score - (taken_off or 0.0))

    def _notebook(self, handed_in, week):
        where = (
            HANDED_IN_NOTEBOOK.c.assignment_id == handed_in,
            HANDED_IN_NOTEBOOK.c.notebook_id == week.notebook,
        )
        row = self._connection.execute(select(HANDED_IN_NOTEBOOK.c.id).where(*where)).first()
        if row is not None:
            return row[0]
        made = api.new_uuid()
        self._connection.execute(
            HANDED_IN_NOTEBOOK.insert().values(id=made, assignment_id=handed_in, notebook_id=week.notebook)
        )
        return made

    def _put_grades(self, entry, week, notebook):
        """Automatic scores, and whether a person has something to decide. Returns the score, by nbgrader's rule."""
        columns = (GRADE.c.auto_score, GRADE.c.manual_score, GRADE.c.extra_credit, GRADE.c.needs_manual_grade)
        rows = self._connection.execute(
            select(GRADE.c.cell_id, GRADE.c.id, *columns).where(GRADE.c.notebook_id == notebook)
        )
        known = {cell: rest for cell, *rest in rows}
        new, total = [], 0.0
        for name, cell in week.graded.items():
            auto = None if entry.auto is None else entry.auto.get(name, 0.0)
            row, before, manual, extra, needed = known.get(cell, (None, None, None, None, True))
            stands = entry.same_work and not needed and auto == before
            needs = auto is None if manual is None else not stands
            if row is None:
                new.append(
                    {
                        "cell_id": cell,
                        "notebook_id": notebook,
                        "auto_score": auto,
                        "needs_manual_grade": needs,
                    }
                )
            elif (auto, needs) != (before, bool(needed)):
                self._connection.execute(
                    GRADE.update().where(GRADE.c.id == row).values(auto_score=auto, needs_manual_grade=needs)
                )
            counts = manual if manual is not None else auto
            total += 0.0 if counts is None else counts + (extra or 0.0)
        if new:
            self._connection.execute(GRADE.insert(), new)
        return total

    def _put_comments(self, entry, week, notebook):
        rows = self._connection.execute(
            select(COMMENT.c.cell_id, COMMENT.c.id, COMMENT.c.auto_comment).where(COMMENT.c.notebook_id == notebook)
        )
        known = {cell: rest for cell, *rest in rows}
        new = []
        for name, cell in week.commented.items():
            says = "No response." if name in entry.unanswered else None
            row, before = known.get(cell, (None, None))
            if row is None:
                new.append({"cell_id": cell, "notebook_id": notebook, "auto_comment": says})
            elif says != before:
                self._connection.execute(COMMENT.update().where(COMMENT.c.id == row).values(auto_comment=says))
        if new:
            self._connection.execute(COMMENT.insert(), new)

    def _penalty(self, entry, week, timestamp, extension, score):
        """Points that the configured policy takes off a late submission, or None; nbgrader's own plugin decides."""
        if week.duedate is None or timestamp is None:
            return None
        seconds = (timestamp - week.duedate - extension if extension else timestamp - week.duedate).total_seconds()
        if seconds <= 0:
            return None
        if self._late is None:
            self._late = late_policy(self._course)
        if not self._late:
            return None
        taken_off = self._late.plugin_inst.late_submission_penalty(entry.student, score, seconds)
        return None if taken_off is None else self._late._check_late_penalty(SimpleNamespace(score=score), taken_off)


def late_policy(course):
    """nbgrader's step for late work as jupyter_config sets it up, or False when no policy is chosen there."""
    config = nbgrader_bridge.config_for(course)
    chosen = "plugin_class" in config.AssignLatePenalties
    if not chosen and config.LateSubmissionPlugin.get("penalty_method", "none") == "none":
        return False
    from nbgrader.preprocessors import AssignLatePenalties

    step = AssignLatePenalties(config=config)
    step.log = nbgrader_bridge.quiet_log()
    step.init_plugin()
    return step


def fingerprint(scores):
    """A number for (cell, automatic score) pairs, whatever their order."""
    return hash(frozenset(scores))


def in_use(error):
    return "locked" in str(error.orig) or "busy" in str(error.orig)


def sentence_for(error, course):
    """The exception to raise for what SQLite says."""
    says = str(getattr(error, "orig", error))
    if in_use(error):
        return InUse(IN_USE)
    if "full" in says or "disk I/O" in says:
        return DiskFull(
            f"There is no room left on the disk for the gradebook (SQLite says: {says}). What was graded before is "
            "safe; make room and run the same command again."
        )
    if "readonly" in says:
        return GradebookError(
            f"The gradebook {course.gradebook} cannot be written: it, or its folder, is read-only. What was graded is "
            "kept; give yourself the right to write there and run the same command again."
        )
    if "no such" in says or "has no column" in says:
        return GradebookError(
            f"The gradebook {course.gradebook} was made by another version of nbgrader (SQLite says: {says}). Run "
            f"`nbgrader db upgrade` in {course.root}, which keeps a copy, and grade again."
        )
    if "malformed" in says or "not a database" in says:
        return GradebookError(
            f"The gradebook {course.gradebook} is damaged (SQLite says: {says}). Nothing was written to it. Put back "
            "a copy from before and grade again: what it does not know will be put into it again."
        )
    if "unable to open" in says:
        return GradebookError(f"The gradebook {course.gradebook} cannot be opened. SQLite says: {says}.")
    return GradebookError(f"The gradebook {course.gradebook} could not be used. SQLite says: {says}.")
