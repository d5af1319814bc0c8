"""Grade all submissions of some weeks: many at a time, one writer, and a count that must come out even."""

import contextlib
import functools
import itertools
import signal
import threading
import traceback
from collections import Counter, deque
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, wait
from dataclasses import dataclass, replace

from dyadlab.grading import attempts, engine, lock, master, record, sandbox, scores, submission, workers
from dyadlab.grading.course import CourseError
from dyadlab.sentences import Sentence

OUTCOMES = (engine.GRADED, engine.NEEDS_PERSON, engine.REJECTED, engine.QUARANTINED)
#: Seconds after which the loop looks up, whether or not a result has come: for Ctrl-C, and to record what waits.
TICK = 0.2
#: A grading process that has given nothing for so long is ended: no notebook may take nearly as long.
STUCK_S = 1800
#: How often a submission is graded anew because it was replaced, or because the cluster lost it.
MAX_ANEW = 3
#: So many results in a row that find no room on the disk, and no more are made.
MAX_FULL = 3
QUARANTINE = (
    "The grading process ended abnormally {} times on this submission and on nothing else; its log says how. No mark "
    "was made: please look at it. `dyadlab grade --again --student {}` tries once more."
)


@dataclass(frozen=True)
class Graded:
    """One line of the summary: the record, whether it was made just now, and which marks of the same work changed."""

    record: record.Record
    fresh: bool
    changes: tuple = ()


class CannotRun(CourseError):
    """Grading did not begin, or had to end; nothing that was graded is lost."""


class Unfinished(CourseError):
    """Some submissions have no outcome yet. ``finished`` are those that have; ``failed`` says why for the others."""

    def __init__(self, finished, failed):
        self.finished, self.failed = finished, failed
        named = [f"{student} ({week}): {sentence}" for (week, student), sentence in sorted(failed.items())[:10]]
        more = [f"… and {len(failed) - 10} more"] if len(failed) > 10 else []
        super().__init__(
            f"{len(failed)} of {len(finished) + len(failed)} submissions are not graded yet. Run the same command "
            "again to go on.\n" + "\n".join([*named, *more])
        )


class Stopped(KeyboardInterrupt):
    """Somebody stopped the grader; ``finished`` is on record."""

    def __init__(self, finished):
        self.finished = finished
        super().__init__()


@dataclass(eq=False)
class Task:
    """A submission on its way. alone : nothing may be graded beside it, so that a crash is surely its own."""

    submission: submission.Submission
    key: str
    alone: bool = False
    anew: int = 0
    last_words: str = ""

    @property
    def name(self):
        return self.submission.week, self.submission.student

    @property
    def attempt(self):
        return (*self.name, self.key)


def grade(
    course,
    weeks,
    *,
    students=(),
    jobs=None,
    again=False,
    progress=lambda done, total, graded: None,
    say=lambda sentence: None,
    executor=None,
    grade_one=None,
    sandboxed=True,
    patience=None,
):
    """Grade every submission of the weeks; returns a list of Graded, one for each submission.

    A submission that was graded before and has not changed is left alone unless ``again``. One that fails does not stop
    the others.

    progress : called after each submission with (done, total, Graded). say : takes a sentence about what goes on.
    executor : where to grade, anything with the interface of ``concurrent.futures``; processes of this machine,
    ``jobs`` of them, when None. grade_one : the function that grades, ``(master, submission) -> engine.Result``; it
    must be importable where the executor runs it. sandboxed : False lets student code run on this machine without
    walls. patience : seconds to wait for a gradebook that is in use.

    Raises CannotRun or another CourseError when nothing can be graded (a week that is not built, another grader at
    work, a gradebook that cannot be written), Unfinished when some submissions have no outcome at the end, and Stopped
    (a KeyboardInterrupt) after SIGINT or SIGTERM. In each case what was graded is kept.
    """
    if not course.gradebook.exists():
        for week in weeks:
            master.from_gradebook(course, week)  # says in its own words what is to be done first
    with disk_trouble_in_a_sentence(), lock.only_one(course), Stop() as stop:
        gradebook = scores.Scores(course, say, patience, stop.check)
        with gradebook, attempts.Attempts(course) as journal:
            run = Run(course, weeks, students, again, gradebook, journal, stop, progress, say)
            lanes = workers.lanes(jobs or workers.usual_jobs(), executor)
            try:
                run.through(lanes, functools.cache(lambda: grade_one or grader(course, executor, sandboxed, say)))
            finally:
                run.leave(lanes)
                workers.close(lanes)
    if stop.asked:
        raise Stopped(run.finished)
    run.count()
    return run.finished


@contextlib.contextmanager
def disk_trouble_in_a_sentence():
    """For what concerns no single submission: the lock, the journal, a folder that cannot be made."""
    try:
        yield
    except OSError as error:
        raise CannotRun(f"{record.why(error)} Grading stops here; what was graded is kept.") from error


def grader(course, executor, sandboxed, say):
    """The function that grades: the engine, on this machine behind walls that have just been seen to hold."""
    if executor is not None:
        return engine.grade_submission  # each machine of a cluster chooses and tries its own walls
    tier = sandbox.NONE
    if sandboxed:
        tier = sandbox.choose()
        report = sandbox.self_test(tier, hidden=(course.source, course.gradebook, course.submitted, course.records))
        if not report.passed:
            raise CannotRun(f"Nothing was graded. {report.sentence()}")
        say(report.sentence())
    say(tier.describe())
    return functools.partial(engine.grade_submission, tier=tier)


class Run:
    """One run of the grader, from what was handed in to what is on record."""

    def __init__(self, course, weeks, students, again, gradebook, journal, stop, progress, say):
        self._course, self._again = course, again
        self._gradebook, self._journal, self._stop = gradebook, journal, stop
        self._progress, self._say = progress, say
        self._masters = {week: gradebook.patiently(lambda w=week: master.from_gradebook(course, w)) for week in weeks}
        self._digests = {week: copy.digest() for week, copy in self._masters.items()}
        self._handed_in = {}
        for week in weeks:
            there = course.submissions(week)
            for student in students:
                if student not in there:
                    raise CannotRun(
                        f"{student} has handed nothing in for {week}. Those who have: {', '.join(there) or 'nobody'}."
                    )
            self._handed_in |= {(week, s): f for s, f in there.items() if not students or s in students}
        self._known = {week: gradebook.fingerprints(week) for week in weeks}
        self._recorder = record.Recorder(course, self._masters, gradebook)
        self._ready, self._last, self._retry = self._fresh(), deque(), deque()
        self._full = 0
        self.finished, self.failed = [], {}

    # --- what is to be done ---

    def _fresh(self):
        """Read one submission after the other, only when it is wanted; give those that are to be graded."""
        for week in self._masters:
            record.sweep(self._course, week)
        for week, student in self._handed_in:
            if self._stop.asked:
                return
            one = self._read(week, student)
            if one is None:
                continue
            task = Task(one, self._key(one))
            waits = record.waiting(self._course, one, task.key)
            known = record.read(self._course, week, student)
            if waits is not None and not (self._again and known is not None and known.key == task.key):
                self._recorder.add(one, waits, task.key)
            elif known is not None and not self._again and known.key == task.key and self._still_there(known):
                self._finish(Graded(known, fresh=False))
            elif self._journal.interrupted(task.attempt) > 1 and not self._again:
                self._last.append((week, student))
            else:
                if self._again:
                    self._journal.forget(task.attempt)
                yield task
        while self._last:  # the grader was stopped more than once while it was at these
            week, student = self._last.popleft()
            one = self._read(week, student)
            if one is not None:
                yield Task(one, self._key(one), alone=True)

    def _read(self, week, student):
        """A submission as it lies there now; None where it cannot be read, which is then said of it."""
        try:
            return submission.read(student, week, self._handed_in[week, student])
        except Exception as error:  # whatever lies in one folder, the others are graded
            self._fail((week, student), f"It could not be read: {error}.")
            return None

    def _key(self, one):
        return f"{one.digest()}:{self._digests[one.week]}"

    def _still_there(self, known):
        """Whether gradebook and folders hold what the record says; a copy put back from before may not."""
        graded = [cell.grade_id for cell in self._masters[known.week].cells if cell.grade]
        stored = self._known[known.week].get(known.student)
        if not graded:
            return True
        if known.score is None:
            return stored == scores.fingerprint([(name, None) for name in graded])
        notebook = self._course.autograded / known.student / known.week / f"{known.week}.ipynb"
        expected = scores.fingerprint([(name, auto) for name, (auto, _points) in known.cells.items()])
        return notebook.exists() and (stored == expected if known.cells else stored is not None)

    def _next(self):
        """The next task, or None."""
        return self._retry.popleft() if self._retry else next(self._ready, None)

    # --- the loop ---

    def through(self, lanes, grader):
        """Keep every lane at work until nothing is left, or until somebody stops it. grader() : what grades one."""
        self._retry.extend(itertools.islice(self._ready, len(lanes)))
        for lane, _task in zip(lanes, self._retry, strict=False):
            lane.start()  # it imports what it needs while the walls are tried
        while not self._stop.asked:
            for lane in lanes:
                self._feed(lane, grader)
            self._record(now=False)  # while the lanes are at work
            flying = [future for lane in lanes for future in lane.flying]
            if not flying:
                self._record(now=True)
                if self._full >= MAX_FULL or not (self._retry or any(lane.alone for lane in lanes)):
                    break
                continue
            done, _ = wait(flying, timeout=TICK, return_when=FIRST_COMPLETED)
            for lane in lanes:
                self._land(lane, [future for future in lane.flying if future in done])
                if not done and lane.renewable and lane.flying and lane.stuck_for() > STUCK_S:
                    lane.kill()
        self._record(now=True)

    def leave(self, lanes):
        """Note for the next run that what is still being graded was left without blame."""
        for lane in lanes:
            for task in lane.flying.values():
                self._journal.put_back(task.attempt)

    def _feed(self, lane, grader):
        while lane.has_room() and self._full < MAX_FULL and not self._stop.asked:
            task = lane.alone.pop(0) if lane.alone else self._next()
            if task is None:
                return
            if task.alone and lane.flying:
                lane.alone.append(task)
                return
            function = grader()  # only now: where there is nothing to grade, no walls are tried
            self._journal.begin(task.attempt)
            try:
                lane.submit(function, task, self._masters[task.submission.week], task.submission)
            except BrokenExecutor as error:
                self._journal.put_back(task.attempt)
                self._retry.appendleft(task)
                self._broke(lane, error)

    def _land(self, lane, futures):
        broken = None
        for future in futures:
            error = CancelledError() if future.cancelled() else future.exception()
            if isinstance(error, BrokenExecutor) and (lane.renewable or lane.is_broken()):
                broken = error
                continue
            task = lane.landed(future)
            if error is None:
                self._take(lane, task, future.result())
            elif isinstance(error, Sentence):
                raise error  # there are no walls to be had, or the like: that is so for everybody
            elif isinstance(error, CancelledError):
                self._put_back(task, "The cluster gave it back several times without grading it.")
            else:
                self._crash(lane, task, "".join(traceback.format_exception(error)))
        if broken is not None:
            for future in [f for f in lane.flying if f.done() and not f.cancelled() and f.exception() is None]:
                self._take(lane, lane.landed(future), future.result())
            self._broke(lane, broken)

    def _take(self, lane, task, result):
        if result.blame:
            self._crash(lane, task, "\n".join([*result.remarks, result.log]))
            return
        there = self._handed_in[task.name].is_dir()
        now = self._read(*task.name) if there else None
        if not there:
            self._fail(task.name, "It was taken away while it was being graded.")
        elif now is not None and self._key(now) == task.key:
            self._recorder.take(task.submission, result, task.key)
        elif now is not None:
            self._anew(Task(now, self._key(now), anew=task.anew + 1), "It was replaced again and again.")
        self._journal.end(task.attempt)

    def _put_back(self, task, sentence):
        self._journal.put_back(task.attempt)
        self._anew(replace(task, anew=task.anew + 1), sentence)

    def _anew(self, task, sentence):
        if task.anew > MAX_ANEW:
            self._fail(task.name, sentence)
        else:
            self._retry.append(task)

    # --- when a grading process dies ---

    def _broke(self, lane, error):
        """Its process died. Blame falls on a submission that was in it alone; several are tried one by one."""
        tasks, was_up = lane.broke()
        if not lane.renewable:
            for task in tasks:
                self._journal.put_back(task.attempt)
            raise CannotRun(f"The executor that grades has stopped ({error}). Run the same command again to go on.")
        if not was_up:
            for task in tasks:
                self._journal.put_back(task.attempt)
            self._retry.extendleft(reversed(tasks))
            if lane.false_starts >= MAX_ANEW:
                raise CannotRun(f"The grading processes cannot be started on this machine ({error}).")
        elif len(tasks) == 1:
            self._crash(lane, tasks[0], f"The grading process died ({error}).")
        else:
            for task in tasks:
                self._journal.put_back(task.attempt)
                lane.alone.append(replace(task, alone=True))

    def _crash(self, lane, task, words):
        blame = self._journal.crash(task.attempt)
        words = f"{task.last_words}Attempt {blame}: {words.strip()}\n"
        if blame < attempts.MAX_BLAME:
            again = replace(task, alone=lane.renewable, last_words=words)
            (lane.alone if again.alone else self._retry).append(again)
            return
        one = task.submission
        remark = QUARANTINE.format(blame, one.student)
        result = engine.Result(one.student, one.week, engine.QUARANTINED, remarks=(remark,), log=words)
        self._recorder.take(one, result, task.key)
        self._journal.end(task.attempt)

    # --- what comes out ---

    def _record(self, now):
        if not (self._recorder.due() or (now and self._recorder.waits())):
            return
        recorded, failed = self._recorder.commit()
        for one in recorded:
            self._finish(Graded(one.record, fresh=True, changes=one.changes))
        self._full = self._full + len(failed) if failed and not recorded else 0
        for name, error in failed.items():
            self._fail(name, record.why(error))

    def _finish(self, graded):
        """Keep what the summary needs; the rest is on disk."""
        self.finished.append(replace(graded, record=replace(graded.record, cells={})))
        self._progress(len(self.finished) + len(self.failed), len(self._handed_in), graded)

    def _fail(self, name, sentence):
        self.failed[name] = sentence
        self._progress(len(self.finished) + len(self.failed), len(self._handed_in), None)

    def count(self):
        """Prove that every submission has exactly one outcome, from what is on disk. Raises Unfinished."""
        names = Counter((g.record.week, g.record.student) for g in self.finished)
        for name in self._handed_in:
            found = record.read(self._course, *name)
            settled = names[name] == 1 and found is not None and found.outcome in OUTCOMES
            if not settled:
                self.failed.setdefault(name, "It was not reached." if names[name] == 0 else "Its record is not whole.")
        self.finished = [g for g in self.finished if (g.record.week, g.record.student) not in self.failed]
        self.finished.sort(key=lambda g: (g.record.week, g.record.student))
        if self.failed:
            raise Unfinished(self.finished, self.failed)


class Stop:
    """Ctrl-C and SIGTERM, asked for politely: the loop ends between two steps. A second Ctrl-C ends at once."""

    SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

    def __init__(self):
        self.asked = False
        self._before = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._ask) for number in self.SIGNALS}
        return self

    def __exit__(self, *_error):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, _number, _frame):
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def check(self):
        """For those who wait for something else than results."""
        if self.asked:
            raise KeyboardInterrupt
