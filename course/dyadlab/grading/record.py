"""The one writer: puts results into folders, into nbgrader's gradebook, and remembers what was done.

What arrives is first put on disk as it is, in one piece ("waiting"). From there it goes, several at a time, into the
graded notebook, the gradebook and the log; the record comes last, and then what was waiting is removed. Every file is
written beside its place and moved there whole. So a grader that is killed leaves, for each submission, the old state
or the new one, or a result that waits; the next grader records what waits without grading it again.
"""

import contextlib
import errno
import hashlib
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

import nbformat

from dyadlab.grading import build, engine, notebooks, prepare, scores

#: How long, and how many, results wait at most for the next transaction.
SECONDS, MANY = 0.5, 16
#: Bytes that a file name may have on every usual system, less what is put behind it.
LONGEST_NAME = 180
#: How the name begins under which every file is written before it is moved to its place.
HALF = ".dyadlab-half"


@dataclass(frozen=True)
class Record:
    """What was found for one submission when it was last graded.

    cells : grade_id -> (automatic score or None, points). walls : what student code was kept in. needs_eye : whether
    something happened that a person should look at, beyond answers that a person marks anyway.
    """

    student: str
    week: str
    outcome: str
    score: float | None
    max_score: float
    remarks: tuple[str, ...]
    key: str
    seconds: float
    walls: str = ""
    needs_eye: bool = False
    cells: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """A mark that changed although the same work was graded: the tests, the points or the grader changed."""

    student: str
    week: str
    cell: str
    before: str
    now: str


def key(master, submission):
    """Changes when the submission or the master copy changes; equal keys mean that nothing is left to do."""
    return f"{submission.digest()}:{master.digest()}"


def work(key):
    """The part of a key that changes when the submission changes."""
    return key.partition(":")[0]


# --- where things lie ---


def path(course, week, student):
    return place(course, week, student, ".json")


def log_path(course, week, student):
    return place(course, week, student, ".log")


def waiting_path(course, week, student):
    return place(course, week, student, ".waiting")


def place(course, week, student, ending):
    name = student
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = f"{student[:40]}-{hashlib.sha256(os.fsencode(student)).hexdigest()[:16]}"
    return course.records / week / (name + ending)


def read(course, week, student):
    """The last record of a submission, or None."""
    try:
        content = json.loads(path(course, week, student).read_bytes())
        return Record(**{**content, "remarks": tuple(content["remarks"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def outcomes(course, week):
    """All records of a week, as ``{student: Record}``."""
    found = {}
    for student in course.submissions(week):
        record = read(course, week, student)
        if record is not None:
            found[student] = record
    return found


# --- what waits ---


def put_waiting(course, submission, result, done_key):
    """Put a result on disk in one piece, so that it need not be found again should the grader be stopped."""
    facts = asdict(result)
    notebook = facts.pop("notebook")
    body = notebook or b""
    head = {
        "key": done_key,
        "has_notebook": notebook is not None,
        "sha256": hashlib.sha256(body).hexdigest(),
        "result": facts,
    }
    file = waiting_path(course, submission.week, submission.student)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps(head).encode() + b"\n" + body, sync=False)


def waiting(course, submission, done_key):
    """The result that waits for this very submission, or None. One that is torn, or for other work, is removed."""
    file = waiting_path(course, submission.week, submission.student)
    try:
        head, _, body = file.read_bytes().partition(b"\n")
    except OSError:
        return None
    try:
        head = json.loads(head)
        if head["key"] == done_key and head["sha256"] == hashlib.sha256(body).hexdigest():
            facts = head["result"]
            facts = {name: tuple(fact) if isinstance(fact, list) else fact for name, fact in facts.items()}
            facts["cells"] = tuple(engine.CellResult(**cell) for cell in facts["cells"])
            return engine.Result(**facts, notebook=body if head["has_notebook"] else None)
    except (ValueError, TypeError, KeyError):
        pass
    file.unlink(missing_ok=True)
    return None


def sweep(course, week):
    """Remove the halves of files that a killed grader left; only the holder of the course's lock may."""
    halves = [*(course.records / week).glob(f"{HALF}-*"), *course.autograded.glob(f"*/{week}/**/{HALF}-*")]
    for half in halves:
        with contextlib.suppress(OSError):
            half.unlink()


# --- the writer ---


@dataclass(frozen=True, eq=False)
class Taken:
    """A result on its way to the record."""

    submission: object
    result: object
    key: str

    @property
    def name(self):
        return self.submission.week, self.submission.student


@dataclass(frozen=True)
class Recorded:
    """One submission that is now on record, and what changed although its work had not."""

    record: Record
    changes: tuple[Change, ...] = ()


class Recorder:
    """Takes results and records them, several in one go. ``gradebook`` is a :class:`scores.Scores`, open."""

    def __init__(self, course, masters, gradebook):
        self._course, self._masters, self._gradebook = course, masters, gradebook
        self._batch, self._since = [], 0.0

    def take(self, submission, result, done_key):
        """Keep a result until the next commit; it is on disk already when this returns, unless the disk is full."""
        self.add(submission, result, done_key)
        with contextlib.suppress(OSError):
            put_waiting(self._course, submission, result, done_key)

    def add(self, submission, result, done_key):
        """As :meth:`take`, for a result that waits on disk already."""
        if not self._batch:
            self._since = time.monotonic()
        self._batch.append(Taken(submission, result, done_key))

    def waits(self):
        return len(self._batch)

    def due(self):
        return bool(self._batch) and (len(self._batch) >= MANY or time.monotonic() - self._since >= SECONDS)

    def commit(self):
        """Record everything taken. Returns (Recorded, ...) and {(week, student): exception} for what did not go.

        Raises scores.GradebookError when the gradebook takes nothing at all; what was taken then waits on disk.
        """
        batch, self._batch = self._batch, []
        failed, ready, recorded = {}, [], []
        for taken in batch:
            try:
                before = read(self._course, *taken.name)
                ready.append((taken, before, self._entry(taken, before)))
            except ValueError as error:  # what the grader gave is no notebook
                failed[taken.name] = error
        # files side by side, because most of the time goes by until the disk has said that it has them
        with ThreadPoolExecutor(MANY) as threads:
            said = list(threads.map(self._save_files, [taken for taken, *_rest in ready]))
            failed |= {taken.name: error for (taken, *_rest), error in zip(ready, said, strict=True) if error}
            ready = [one for one in ready if one[0].name not in failed]
            scored = self._gradebook.save([entry for *_rest, entry in ready]) if ready else []
            for (taken, before, entry), score in zip(ready, scored, strict=True):
                if isinstance(score, Exception):
                    failed[taken.name] = score
                else:
                    recorded.append((taken, *self._record(taken, before, entry, score)))
            said = list(threads.map(self._put_record, *zip(*recorded, strict=True))) if recorded else []
        failed |= {taken.name: error for (taken, *_rest), error in zip(recorded, said, strict=True) if error}
        return [Recorded(made, changes) for taken, made, changes in recorded if taken.name not in failed], failed

    def _save_files(self, taken):
        """Put the notebook where formgrader finds it; returns what went wrong, or None."""
        try:
            save_files(self._course, self._masters[taken.submission.week], taken.submission, taken.result)
        except OSError as error:
            return error

    def _put_record(self, taken, made, changes):
        """Log, record, and away with what waited; returns what went wrong, or None."""
        try:
            log = log_path(self._course, *taken.name)
            log.parent.mkdir(parents=True, exist_ok=True)
            write_whole(log, log_text(taken.result, changes).encode("utf-8", "replace"), sync=False)
            write_whole(path(self._course, *taken.name), json.dumps(made.__dict__, indent=1).encode())
        except OSError as error:
            return error
        with contextlib.suppress(OSError):
            waiting_path(self._course, *taken.name).unlink()

    def _entry(self, taken, before):
        """What the gradebook is to know. Every graded cell of the week is in it, so that none keeps an old score."""
        submission, result = taken.submission, taken.result
        marked = result.notebook is not None and bool(result.cells)
        found = {cell.grade_id: cell.auto_score for cell in result.cells}
        graded = [cell.grade_id for cell in self._masters[submission.week].cells if cell.grade]
        return scores.Entry(
            submission.week,
            submission.student,
            submission.timestamp,
            {name: found.get(name, 0.0) for name in graded} if marked else None,
            unanswered(result.notebook) if marked else frozenset(),
            before is not None and work(before.key) == work(taken.key),
        )

    def _record(self, taken, before, entry, score):
        """(the record, what changed since the last one)."""
        submission, result = taken.submission, taken.result
        master = self._masters[submission.week]
        made = Record(
            student=submission.student,
            week=submission.week,
            outcome=result.outcome,
            score=score,
            max_score=master.max_score,
            remarks=result.remarks,
            key=taken.key,
            seconds=round(result.seconds, 2),
            walls=result.walls,
            needs_eye=wants_an_eye(result),
            cells={name: (auto, master[name].points) for name, auto in (entry.auto or {}).items()},
        )
        return made, changed(before, made)


def wants_an_eye(result):
    """Whether a person should look at this submission for another reason than an answer that persons mark."""
    if result.outcome in (engine.REJECTED, engine.QUARANTINED):
        return True
    if result.outcome == engine.NEEDS_PERSON and not any(cell.auto_score is None for cell in result.cells):
        return True
    return bool(result.flags)


def changed(before, now):
    """The marks that differ between two records of the same work."""
    if before is None or not before.cells or work(before.key) != work(now.key):
        return ()
    names = [*before.cells, *(name for name in now.cells if name not in before.cells)]
    return tuple(
        Change(now.student, now.week, name, earned(before.cells.get(name)), earned(now.cells.get(name)))
        for name in names
        if earned(before.cells.get(name)) != earned(now.cells.get(name))
    )


def earned(cell):
    """``(score, points)`` in words."""
    if cell is None:
        return "not there"
    score, points = cell
    return f"a person decides, of {points:g}" if score is None else f"{score:g} of {points:g}"


def save_files(course, master, submission, result):
    """Write autograded/STUDENT/WEEK as nbgrader does, so that formgrader and feedback find it.

    Each file is there as it was or as it shall be, never half; what no longer belongs there goes.
    """
    folder = course.autograded / submission.student / submission.week
    if result.notebook is None:
        build.clear(folder)
        return
    own = {name: content for name, content in submission.files.items() if not name.endswith(".ipynb")}
    wanted = own | master.files | {f"{master.week}.ipynb": result.notebook}
    clashing = {name for name in own if name not in master.files and clashes(name, wanted)}
    wanted = {name: content for name, content in wanted.items() if name not in clashing}
    try:
        write_all(folder, wanted)
    except (FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError):
        build.clear(folder)  # a folder where a file shall be, or what nbgrader itself wrote read-only
        write_all(folder, wanted)
    for there in sorted(folder.rglob("*"), reverse=True):
        if there.is_dir() and not there.is_symlink():
            with contextlib.suppress(OSError):
                there.rmdir()  # only when nothing is left in it
        elif there.relative_to(folder).as_posix() not in wanted:
            there.unlink()


def clashes(name, names):
    """Whether a file of this name and the others cannot lie in one folder, one being the other's folder."""
    return any(name.startswith(f"{other}/") or other.startswith(f"{name}/") for other in names)


def write_all(folder, files):
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, content)


def write_whole(place, content, sync=True):
    """Write a file so that nobody ever sees half of it. sync : also make sure that it outlives a power cut."""
    half = place.with_name(f"{HALF}-{hashlib.sha256(os.fsencode(place.name)).hexdigest()[:12]}")  # short enough
    try:
        with half.open("wb") as stream:
            stream.write(content)
            if sync:
                stream.flush()
                os.fsync(stream.fileno())
        half.replace(place)
    except BaseException:
        with contextlib.suppress(OSError):
            half.unlink()
        raise


def unanswered(notebook):
    """The grade_ids of the answers in an executed notebook (bytes) that are as they were released."""
    found = set()
    for cell in json.loads(notebook)["cells"]:
        meta = cell["metadata"].get("nbgrader", {})
        if meta.get("solution"):
            bare = {**cell, "source": "".join(cell["source"]), "outputs": []}
            node = nbformat.from_dict(bare)
            if prepare.unanswered(node):
                found.add(notebooks.grade_id(node))
    return frozenset(found)


def log_text(result, changes=()):
    """What an instructor can read about one submission."""
    lines = [f"{result.student}, {result.week}: {result.outcome}", *result.remarks]
    lines += [f"Student code ran behind these walls: {result.walls}."] if result.walls else []
    lines += [f"Changed with the same work: {c.cell}: {c.before} → {c.now}" for c in changes] + [""]
    for cell in result.cells:
        score = "a person decides" if cell.auto_score is None else f"{cell.auto_score:g} of {cell.max_points:g}"
        lines.append(f"{cell.grade_id}: {score}{'  ' + cell.says if cell.says else ''}")
    return "\n".join([*lines, "", result.log]).rstrip() + "\n"


def why(error):
    """A sentence for what kept a result from being recorded."""
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
            return "There is no room left on the disk."
        return f"A file could not be written: {error.strerror or error} ({error.filename})."
    return f"It could not be put into the gradebook: {type(error).__name__}: {error}"


# --- reading scores back ---


def penalty(stored):
    """Points that nbgrader takes off a stored submission for lateness."""
    return sum(notebook.late_submission_penalty or 0.0 for notebook in stored.notebooks)


def after_penalty(stored):
    """The score that counts: nbgrader keeps the penalty beside the score and does not subtract it there."""
    return max(0.0, float(stored.score) - penalty(stored))
