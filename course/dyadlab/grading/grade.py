"""Grade all submissions of some weeks: several at a time, one writer, and a count that must come out even."""

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context

from dyadlab.grading import engine, master, record, submission
from dyadlab.grading.course import CourseError


@dataclass(frozen=True)
class Graded:
    """One line of the summary: the record, and whether it was made just now or had been there."""

    record: record.Record
    fresh: bool


def grade(course, weeks, *, students=(), jobs=None, again=False, progress=lambda done, total, graded: None):
    """Grade every submission of the weeks; returns a list of Graded, one for each submission.

    A submission that was graded before and has not changed is left alone unless ``again``. One that fails
    does not stop the others. Raises CourseError when a week is not built, a student unknown, or when the
    numbers of submissions and outcomes differ, which would mean that one was lost.
    """
    masters = {week: master.from_gradebook(course, week) for week in weeks}
    todo, finished = [], []
    for week in weeks:
        handed_in = course.submissions(week)
        for student in students:
            if student not in handed_in:
                raise CourseError(
                    f"{student} has handed nothing in for {week}. Those who have: {', '.join(handed_in) or 'nobody'}."
                )
        for student, folder in handed_in.items():
            if students and student not in students:
                continue
            one = submission.read(student, week, folder)
            known = record.read(course, week, student)
            if known is not None and not again and known.key == record.key(masters[week], one):
                finished.append(Graded(known, fresh=False))
            else:
                todo.append(one)
    total = len(todo) + len(finished)
    progress(len(finished), total, None)
    for one, result in results(masters, todo, jobs or os.cpu_count() or 1):
        finished.append(Graded(record.write(course, masters[one.week], one, result), fresh=True))
        progress(len(finished), total, finished[-1])
    if len({(g.record.week, g.record.student) for g in finished}) != total:
        raise CourseError(f"{total} submissions came in, but {len(finished)} outcomes were recorded. Run it again.")
    return sorted(finished, key=lambda g: (g.record.week, g.record.student))


def results(masters, todo, jobs):
    """Yield (submission, result) as they are ready, from ``jobs`` processes, or from this one."""
    if jobs <= 1 or len(todo) <= 1:
        for one in todo:
            yield one, engine.grade_submission(masters[one.week], one)
        return
    left = {(one.week, one.student): one for one in todo}
    try:
        with ProcessPoolExecutor(min(jobs, len(todo)), mp_context=get_context("spawn")) as pool:
            futures = {pool.submit(engine.grade_submission, masters[one.week], one): one for one in todo}
            for future in as_completed(futures):
                one = futures[future]
                result = future.result()
                left.pop((one.week, one.student))
                yield one, result
    except BrokenProcessPool:
        # a grading process died (out of memory, killed): what is left is graded here, one by one
        for one in left.values():
            yield one, engine.grade_submission(masters[one.week], one)


def tally(finished):
    """How many submissions ended in which outcome."""
    return Counter(g.record.outcome for g in finished)
