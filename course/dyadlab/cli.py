"""The command ``dyadlab``. It reads the command line, calls one function, prints; what things mean lives elsewhere.

Everything heavy is imported inside the verb that needs it, so that ``dyadlab --help`` answers at once.
"""

import argparse
import contextlib
import sys
import time

from dyadlab import __version__
from dyadlab.sentences import Sentence, counted

GUIDE = """\
In the order of a teaching week:

  dyadlab build w04          make what students get, and the copies with answers
  dyadlab release w04        put it where students fetch it
  dyadlab collect w04        take in what they handed in
  dyadlab grade w04          grade it
  dyadlab lab                read and mark the Think answers: menu Nbgrader > Formgrader, there Manual Grading
  dyadlab feedback w04       write feedback pages and hand them back
  dyadlab export w04 --to csv

Every verb explains itself: dyadlab grade --help
"""


def parser():
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="dyadlab",
        description="Run the course: build, release, collect, grade, return and export. No programming needed.",
        epilog=GUIDE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"dyadlab {__version__}")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)

    def verb(name, run, brief, more=""):
        made = verbs.add_parser(name, help=brief, description=f"{brief[0].upper()}{brief[1:]}. {more}".strip())
        made.set_defaults(run=run)
        return made

    weeks = {"nargs": "*", "metavar": "WEEK", "help": "such as w04; all weeks when none is named"}
    named = {"nargs": "+", "metavar": "WEEK", "help": "such as w04; several may be named"}
    week = {"metavar": "WEEK", "help": "such as w04"}

    build = verb("build", run_build, "make the release and the solutions of weeks from their source notebooks")
    build.add_argument("weeks", **weeks)
    build.add_argument("--release-only", action="store_true", help="leave the solutions as they are")

    check = verb(
        "check",
        run_check,
        "check weeks as their author",
        "The notebook rules; blank earns nothing; the answers earn everything; every mistake listed in "
        "tests/mistakes is refused and every right answer listed there accepted.",
    )
    check.add_argument("weeks", **weeks)
    check.add_argument("--fix", action="store_true", help="write the source notebooks in canonical form first")

    data = verb("data", None, "regenerate the synthetic datasets, or verify them")
    data_verbs = data.add_subparsers(dest="data_verb", metavar="VERB", required=True)
    data_build = data_verbs.add_parser("build", help="regenerate datasets, checksums and the index")
    data_build.add_argument("names", nargs="*", metavar="NAME", help="such as dyads; all when none is named")
    data_build.set_defaults(run=run_data_build)
    data_verify = data_verbs.add_parser("verify", help="compare datasets with checksums and codebooks")
    data_verify.set_defaults(run=run_data_verify)

    release = verb("release", run_release, "put built weeks where students fetch them (nbgrader's exchange)")
    release.add_argument("weeks", **named)

    collect = verb("collect", run_collect, "take in what students handed in for a week")
    collect.add_argument("week", **week)
    collect.add_argument(
        "--from",
        dest="source",
        metavar="FOLDER or ZIP",
        help="a download from your LMS (Moodle, Canvas, Blackboard) or one folder a student; "
        "without it, nbgrader's exchange",
    )
    collect.add_argument(
        "--roster",
        metavar="FILE.csv",
        help="which student an LMS means by a name: a CSV with the columns student_id and name, lms_name or email, or "
        "a table of people from Moodle or Canvas with ids in it; roster.csv in the course folder is used without this",
    )

    grade = verb(
        "grade",
        run_grade,
        "grade everything handed in for weeks",
        "What was graded before and has not changed is left alone. A submission that cannot be graded never "
        "stops the others; the table at the end accounts for every one. Exit status: 0 all is well, 1 something "
        "needs attention, 2 it could not be run, 130 stopped.",
    )
    grade.add_argument("weeks", **named)
    grade.add_argument("--student", action="append", default=[], metavar="ID", help="only this student; repeatable")
    grade.add_argument("--jobs", type=positive, metavar="N", help="how many at a time (all cores when not given)")
    grade.add_argument("--again", action="store_true", help="also those that were graded and have not changed")
    grade.add_argument("--json", action="store_true", help="print one JSON document instead of the table")
    grade.add_argument(
        "--no-sandbox",
        action="store_true",
        help="run student code without walls, where this machine has none: it can then do whatever you can do",
    )
    grade.add_argument("--cluster", metavar="ADDRESS", help="grade on a Dask cluster, such as tcp://10.0.0.1:8786")

    feedback = verb(
        "feedback",
        run_feedback,
        "write feedback pages for weeks and hand them back",
        "Through nbgrader's exchange to those who handed in through it; the others are named, for your LMS. Held back "
        "are pages on which an answer waits for a person, and those of work that was handed in again.",
    )
    feedback.add_argument("weeks", **named)
    feedback.add_argument(
        "--even-unread", action="store_true", help="hand back also pages with answers not read yet; the page says so"
    )

    export = verb(
        "export",
        run_export,
        "write the marks of weeks as a table",
        "One line for each student and week. The time of handing in is in UTC. Hours late count from the due date and "
        "the student's extension; the column is blank where no due date or no time of handing in is known.",
    )
    export.add_argument("weeks", **weeks)
    export.add_argument("--to", choices=["csv"], default="csv", help="which form of table")
    export.add_argument("--file", metavar="FILE", help="where to; on the terminal when not given")

    simulate = verb(
        "simulate",
        run_simulate,
        "make a synthetic class that hands in every kind of work",
        "For rehearsal and for load. Its students are called sim01, sim02, …; a real submission is never touched. "
        "Take them away again with --remove before the term, or they stay in your table of marks.",
    )
    simulate.add_argument("week", **week)
    simulate.add_argument(
        "--students", type=positive, default=12, metavar="N", help="how many; 12 when not given, 15 hold every kind"
    )
    simulate.add_argument(
        "--remove", action="store_true", help="take the simulated submissions of the week away, with their marks"
    )

    demo = verb("demo", run_demo, "play a whole class through in a folder of its own, from release to marks")
    demo.add_argument("weeks", nargs="*", metavar="WEEK", help="such as w04; w00 and w04 when none is named")
    demo.add_argument("--folder", default="demo", metavar="FOLDER", help="where (emptied first); ./demo by default")

    site = verb(
        "site",
        run_site,
        "build the browser-only site: the coding tool with nothing to install",
        "A folder of files for any web server. Python runs in the visitor's own browser. Needs npm.",
    )
    site.add_argument("--out", default="site", metavar="FOLDER", help="where (replaced); ./site by default")

    lab = verb("lab", run_lab, "open the course in JupyterLab")
    lab.add_argument("--student", action="store_true", help="as a student sees it")
    return top


def positive(text):
    """A whole number of at least 1, for argparse."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1 is wanted, such as 12, and not {text!r}")
    return int(text)


def run_build(args):
    from dyadlab.grading import build, course, show

    here = course.here()
    chosen = here.chosen(args.weeks)
    build.build(here, chosen, solutions=not args.release_only, progress=show.say)
    show.say(f"Built: {', '.join(chosen)}. Students' copies are in {here.release}.")


def run_check(args):
    from dyadlab.grading import check, course, show

    here = course.here()
    results = []
    for week in here.chosen(args.weeks):
        if args.fix and check.fix(here, week):
            show.say(f"{week}: written in canonical form.")
        answers = len(check.look(here, week)[1].entries)
        show.aside.print(f"{week}: trying {counted(answers, 'listed answer')}; this can take minutes …")
        results.append(check.check(here, week))
    show.checked(results)
    return 1 if any(result.problems for result in results) else 0


def run_data_build(args):
    from dyadlab import data_build

    for sentence in data_build.build(args.names or None):
        print(sentence)


def run_data_verify(args):
    from dyadlab import data_build

    problems = data_build.verify()
    for sentence in problems:
        print(sentence)
    if not problems:
        print("All datasets agree with their checksums and codebooks.")
    return 1 if problems else 0


def run_release(args):
    from dyadlab.grading import course, release, show

    here = course.here()
    for week in here.chosen(args.weeks):
        show.say(release.release(here, week))


def run_collect(args):
    from dyadlab.grading import collect, course, show

    here = course.here()
    week = here.week(args.week)
    if args.roster and not args.source:
        raise course.CourseError("--roster is for a download: name that with --from. The exchange knows students' ids.")
    if args.source:
        sentences = collect.from_files(here, week, args.source, args.roster)
    else:
        sentences = collect.from_exchange(here, week)
    for sentence in sentences:
        show.say(sentence)


def run_grade(args):
    from dyadlab.grading import warm

    began = time.monotonic()
    with warm.shared() if args.cluster is None else contextlib.nullcontext():
        return grade_weeks(args, began)


def grade_weeks(args, began):
    from dyadlab.grading import course, grade, show

    try:
        here = course.here()
        weeks = here.chosen(args.weeks)
        with show.progress("Grading") as bar:
            finished, failed, status = [], {}, 0
            try:
                with cluster_at(args.cluster, bar.say) as executor:
                    finished = grade.grade(
                        here,
                        weeks,
                        students=args.student,
                        jobs=args.jobs,
                        again=args.again,
                        progress=bar,
                        say=bar.say,
                        executor=executor,
                        sandboxed=not args.no_sandbox,
                    )
            except grade.Unfinished as unfinished:
                finished, failed = unfinished.finished, unfinished.failed
            except grade.Stopped as stopped:
                finished, status = stopped.finished, 130
    except Sentence as sentence:
        print(sentence, file=sys.stderr)
        return 2
    status = status or int(show.needs_attention(finished, here, failed))
    if args.json:
        seconds = time.monotonic() - began
        print(show.as_json(finished, here, weeks, failed, status, seconds, stopped=status == 130))
    elif status != 130:
        show.graded(finished, here, failed, weeks)
    if status == 130:
        raise KeyboardInterrupt
    return status


def cluster_at(address, say):
    """The executor of a cluster, or of nothing where none is named; for a ``with``."""
    if not address:
        return contextlib.nullcontext()
    from dyadlab.grading import cluster

    return cluster.connect(address, say=say)


def run_feedback(args):
    from dyadlab.grading import course, feedback, show

    here = course.here()
    for week in here.chosen(args.weeks):
        for sentence in feedback.feedback(here, week, even_unread=args.even_unread):
            show.say(sentence)


def run_export(args):
    from dyadlab.grading import course, export, show

    here = course.here()
    text = export.to_csv(export.marks(here, here.chosen(args.weeks)))
    if args.file:
        export.write(text, args.file)
        show.say(f"The marks are in {args.file}.")
    else:
        print(text, end="")


def run_simulate(args):
    from dyadlab.grading import course, show, simulate

    here = course.here()
    week = here.week(args.week)
    if args.remove:
        removed = simulate.remove(here, week)
        show.say(f"{counted(removed, 'simulated submission was', 'simulated submissions were')} removed for {week}.")
        return
    simulated = simulate.simulate(here, week, args.students)
    simulate.put_in(here, week, simulated)
    there_are = counted(len(simulated), "simulated submission is", "simulated submissions are")
    show.say(f"{there_are} in {here.submitted}, for {week}. `dyadlab simulate {week} --remove` takes them away again.")


def run_demo(args):
    from dyadlab.grading import demo

    return demo.demo(args.folder, args.weeks)


def run_site(args):
    from dyadlab import lite
    from dyadlab.grading import course, show

    out = lite.build(course.here().repository, args.out, progress=show.say)
    show.say(f"The site is in {out}. Put it on any web server. To try it here, run this and open the address it says:")
    show.say(f"python -m http.server --bind 127.0.0.1 --directory {out}")


def run_lab(args):
    from dyadlab import lab

    # what the server says of its own parts is for those who mend it; the address is still shown
    return lab.run(student=args.student, extra=["--Application.log_level=WARN"])


def main(arguments=None):
    """Run one verb. Exit status: 0 done, 1 something needs attention or failed (with a sentence), 2 a wrong call.

    ``grade`` also ends with 2 when it could not be run at all, and with 130 when it was stopped.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # an old Windows console cannot print every letter of a name
    args = parser().parse_args(arguments)
    try:
        status = args.run(args)
    except Sentence as sentence:
        print(sentence, file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        print(
            "Stopped. Nothing that was finished is lost; run the same command again to go on.",
            file=sys.stderr,
        )
        status = 130
    except BrokenPipeError:
        status = 0
    sys.exit(status or 0)
