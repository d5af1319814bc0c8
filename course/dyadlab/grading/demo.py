"""The demo: one class, from release to marks, in a folder of its own, through nbgrader's exchange."""

import shutil
import time
from pathlib import Path

from dyadlab.grading import build, collect, course, export, feedback, grade, release, show, simulate, warm
from dyadlab.grading.course import CourseError
from dyadlab.sentences import counted

#: The weeks of the demo when none is named: a light one and one with statistics and figures.
USUAL_WEEKS = ("w00", "w04")
#: In the demo's folder, so that a folder which is something else is never emptied.
MARK = "made-by-dyadlab-demo.txt"


def demo(folder, weeks=()):
    """Play a class of twelve through some weeks of the course. Returns the exit status."""
    began = time.monotonic()
    folder = Path(folder).resolve()
    weeks = course.here().chosen(weeks or USUAL_WEEKS)
    here = fresh_course(folder)
    show.say(f"A class of {len(simulate.DEMO_KINDS)} and the weeks {', '.join(weeks)}, all in {folder}.")
    build.build(here, weeks, progress=show.say)
    kinds = {}
    for week in weeks:
        simulated = simulate.simulate(here, week, len(simulate.DEMO_KINDS), simulate.DEMO_KINDS)
        kinds = {one.student: one.kind for one in simulated}
        if release.exchange_is_possible():
            show.say(release.release(here, week))
            simulate.hand_in(here, week, simulated)
            sentences = collect.from_exchange(here, week)
        else:
            simulate.put_in(here, week, simulated)
            sentences = [f"{counted(len(simulated), 'submission')} for {week} (nbgrader has no exchange on Windows)."]
        for sentence in sentences:
            show.say(sentence)
    with show.progress("Grading") as step, warm.shared():
        finished = grade.grade(here, weeks, progress=step)
    show.graded(finished, here, weeks=weeks)
    for week in weeks:
        for sentence in feedback.feedback(here, week, even_unread=True):
            show.say(sentence)
    show.say("In a course of your own, pages wait until somebody has read the Think answers on them.")
    rows = export.marks(here, weeks)
    marks_file = folder / "marks.csv"
    marks_file.write_text(export.to_csv(rows), encoding="utf-8-sig", newline="")
    show.marks(rows, weeks, kinds)
    show.say(f"Released notebooks   {here.release}")
    show.say(f"Submissions          {here.submitted}")
    show.say(f"Graded notebooks     {here.autograded}")
    show.say(f"Feedback pages       {here.feedback}")
    show.say(f"Logs                 {here.records}")
    show.say(f"Marks                {marks_file}")
    show.say(f"To look around in it: {course.how_to_open(here)}")
    show.say(f"Done in {time.monotonic() - began:.0f} s.")
    return 0 if len(finished) == len(weeks) * len(simulate.DEMO_KINDS) else 1


def fresh_course(folder):
    """An empty demo folder with a copy of the course's source notebooks."""
    real = course.here()
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise CourseError(f"{folder} is not empty and not a demo's folder; name another with --folder.")
        build.clear(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text("The next demo empties this folder.\n", encoding="utf-8")
    root = folder / "course"
    shutil.copytree(real.source, root / "source")
    return course.Course(root, solutions=folder / "solutions")
