"""How long grading takes: plain nbgrader, otter-grader, ``dyadlab grade``, and the least that any grader needs.

    make bench                      all of it, twenty minutes on two cores
    make bench ARGS="--quick"       few copies, once: shows that it runs, measures nothing
    make bench ARGS="--growth"      20, 200 and 2,000 light submissions instead

All in one run, on one machine, on the same submissions, in turns, so that a slow minute meets everybody. README.md
beside this file says what is compared with what, and why that is fair.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import classes
import contenders
import otter_form
from dyadlab.grading import build, master

HEAVY, LIGHT = "w07", "w00"


@dataclass
class Measured:
    """Everything that was timed, as lists of contenders.Run in the order in which they were run."""

    nbgrader: list = field(default_factory=list)
    otter: dict = field(default_factory=dict)
    dyadlab: list = field(default_factory=list)
    dyadlab_few: list = field(default_factory=list)
    floor: list = field(default_factory=list)
    light_nbgrader: list = field(default_factory=list)
    light_dyadlab: list = field(default_factory=list)
    light_floor: list = field(default_factory=list)


def main(arguments=None):
    asked = parser().parse_args(arguments)
    if asked.quick:
        asked.copies, asked.light_copies, asked.nbgrader_copies, asked.otter_copies, asked.repeats = 4, 4, 2, 2, 1
    # students' folders and the gradebook lie on the same disk for everybody
    with tempfile.TemporaryDirectory(prefix="dyadlab-bench-") as folder:
        try:
            say_machine()
            if asked.growth:
                growth(Path(folder), asked.sizes)
            else:
                measured = compare(Path(folder), asked)
                print(table(measured))
                print(closing_line(measured))
        except contenders.DidNotGrade as failed:
            print(f"No figures: {failed}", file=sys.stderr)
            return 1
        finally:
            build.clear(Path(folder, "heavy"))
    return 0


def parser():
    words = argparse.ArgumentParser(prog="make bench", description=__doc__.split("\n\n")[0])
    words.add_argument("--copies", type=int, default=200, help="submissions for dyadlab and the floor (200)")
    words.add_argument("--light-copies", type=int, default=200, help="the same for the light week (200)")
    words.add_argument("--nbgrader-copies", type=int, default=16, help="how many of them nbgrader grades (16)")
    words.add_argument("--otter-copies", type=int, default=8, help="how many of them otter grades (8)")
    words.add_argument("--repeats", type=int, default=3, help="how often each is run (3)")
    words.add_argument("--heavy", default=HEAVY, help=f"the week with statistics and figures ({HEAVY})")
    words.add_argument("--light", default=LIGHT, help=f"the light week ({LIGHT})")
    words.add_argument("--otter", metavar="PYTHON", help="the interpreter of an environment with otter-grader")
    words.add_argument("--quick", action="store_true", help="few copies, once")
    words.add_argument("--growth", action="store_true", help="how time and memory grow with the class, instead")
    words.add_argument("--sizes", type=int, nargs="+", default=[20, 200, 2000], help="class sizes for --growth")
    return words


def say(sentence):
    print(sentence, flush=True)


def say_machine():
    load = f", load before {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("nbgrader", "pandas", "statsmodels"))
    say(f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}, {versions}{load}")


# --- the comparison -----------------------------------------------------------------------------------------


def compare(folder, asked):
    """Time everything, in turns. Returns Measured."""
    heavy = classes.course_with(folder / "heavy", asked.heavy, asked.copies)
    light = classes.course_with(folder / "light", asked.light, asked.light_copies)
    turns = folder / "turns"
    turns.mkdir()
    measured = Measured()
    otter = otter_ways(asked, heavy, folder)
    few = max(2, asked.copies // 4)
    say("One run of each that does not count …")
    warm_up(heavy, turns, otter)
    for turn in range(asked.repeats):
        began = time.monotonic()
        measured.nbgrader.append(contenders.nbgrader(heavy, turns, min(asked.nbgrader_copies, asked.copies)))
        for name, way in otter.items():
            measured.otter.setdefault(name, []).append(way())
        measured.dyadlab.append(contenders.dyadlab(heavy, turns, asked.copies))
        measured.dyadlab_few.append(contenders.dyadlab(heavy, turns, few))
        measured.floor.append(contenders.floor(heavy, turns, asked.copies))
        measured.light_nbgrader.append(
            contenders.nbgrader(light, turns, min(asked.nbgrader_copies, asked.light_copies))
        )
        measured.light_dyadlab.append(contenders.dyadlab(light, turns, asked.light_copies))
        measured.light_floor.append(contenders.floor(light, turns, asked.light_copies))
        say(f"Turn {turn + 1} of {asked.repeats}: {time.monotonic() - began:.0f} s")
    return measured


def otter_ways(asked, heavy, folder):
    """What otter offers without Docker, as {name: a function that runs it once}; empty where there is no otter."""
    if not asked.otter:
        return {}
    (week,) = heavy.weeks()
    zip_file, notebooks = otter_form.assignment(
        heavy, master.from_gradebook(heavy, week), folder / "otter", asked.otter
    )
    some, cores = notebooks[: asked.otter_copies], os.cpu_count() or 1
    return {
        "otter run": lambda: contenders.otter_run(asked.otter, zip_file, some[0]),
        "otter's interface, one process": lambda: contenders.otter_interface(asked.otter, zip_file, some, 1),
        f"otter's interface, {cores} processes": lambda: contenders.otter_interface(asked.otter, zip_file, some, cores),
    }


def warm_up(heavy, turns, otter):
    """Compiled files, font lists and the disk's cache are there for everybody before the clock starts."""
    contenders.nbgrader(heavy, turns, 1)
    contenders.dyadlab(heavy, turns, 2)
    contenders.floor(heavy, turns, 2)
    for way in list(otter.values())[:1]:
        way()


# --- what is printed ----------------------------------------------------------------------------------------


def median(runs, copies=None):
    """Seconds per submission, start-up included; spread over ``copies`` where a run graded fewer."""
    return statistics.median(run.each_of(copies) if copies else run.each for run in runs)


def steady(many, few):
    """Seconds per further submission: what the larger class took longer than the smaller one."""
    pairs = zip(many, few, strict=True)
    return [(a.wall - b.wall) / (a.copies - b.copies) for a, b in pairs if a.copies > b.copies]


def table(measured):
    """Medians and spread, in seconds per submission, and what was graded alike."""
    rows = [("nbgrader autograde, as it is", measured.nbgrader)]
    rows += sorted(measured.otter.items())
    rows += [("dyadlab grade", measured.dyadlab), ("dyadlab grade, a smaller class", measured.dyadlab_few)]
    rows += [("the floor", measured.floor), ("light week: nbgrader autograde", measured.light_nbgrader)]
    rows += [("light week: dyadlab grade", measured.light_dyadlab), ("light week: the floor", measured.light_floor)]
    width = max(len(name) for name, _runs in rows)
    lines = ["", f"{'seconds per submission, start-up included':<{width}}   median   least    most   runs x copies"]
    for name, runs in rows:
        if runs:
            spread = [run.each for run in runs]
            lines.append(
                f"{name:<{width}}   {statistics.median(spread):6.3f}  {min(spread):6.3f}  {max(spread):6.3f}   "
                f"{len(runs)} x {runs[0].copies}"
            )
    return "\n".join([*lines, "", *remarks(measured), ""])


def remarks(measured):
    """Sentences about what the table does not show."""
    further = steady(measured.dyadlab, measured.dyadlab_few)
    nbgraders = statistics.median(run.steady for run in measured.nbgrader)
    copies = measured.dyadlab[0].copies
    lines = [f"nbgrader's start-up: {statistics.median(run.start for run in measured.nbgrader):.1f} s, once a run."]
    if further and statistics.median(further) > 0:  # with very few copies, noise may have it otherwise
        each = statistics.median(further)
        lines.append(
            f"dyadlab without its start-up: {each:.3f} s for each further submission, "
            f"{100 * median(measured.floor) / each:.0f} % of the floor; nbgrader without its own: {nbgraders:.3f} s, "
            f"{nbgraders / each:.1f} times as long."
        )
    turns = zip(measured.nbgrader, measured.dyadlab, strict=True)
    ratios = [theirs.each_of(copies) / ours.each for theirs, ours in turns]
    lines.append(f"times nbgrader, turn by turn: {', '.join(f'{ratio:.1f}' for ratio in ratios)}.")
    figures = {run.figures // run.copies for run in measured.floor if run.figures}
    lines.append(f"figures rendered for each submission: {', '.join(map(str, sorted(figures)))}.")
    for name, runs in (("nbgrader", measured.nbgrader), *fastest_otter(measured)):
        lines.append(same_scores(name, measured.dyadlab, runs))
    return lines


def same_scores(name, ours, theirs):
    both = [(ours[0].scores[student], points) for student, points in (theirs[0].scores or {}).items()]
    equal = sum(abs(a - b) < 1e-9 for a, b in both)
    return f"the same points from checks as {name}: {equal} of {len(both)} submissions."


def fastest_otter(measured):
    """The one of otter's ways that took least for each submission: [(name, runs)], or nothing."""
    return sorted(measured.otter.items(), key=lambda way: median(way[1], measured.dyadlab[0].copies))[:1]


def closing_line(measured):
    """The line that sums it all up, from medians: every command's start-up is in it, the floor's is not."""
    ours, copies = median(measured.dyadlab), measured.dyadlab[0].copies
    light, many = median(measured.light_dyadlab), measured.light_dyadlab[0].copies
    otter = "otter not measured"
    for _name, runs in fastest_otter(measured):
        otter = f"{median(runs, copies) / ours:.1f} times otter"
    return (
        f"grading: {median(measured.nbgrader, copies) / ours:.1f} times nbgrader, {otter}, "
        f"{100 * median(measured.floor) / ours:.0f} % of the floor, "
        f"{median(measured.light_nbgrader, many) / light:.1f} times nbgrader on a light week"
    )


# --- growth -------------------------------------------------------------------------------------------------


def growth(folder, sizes):
    """Classes of growing size hand in the light week; prints time for each submission and the command's memory."""
    largest = classes.course_with(folder / "light", LIGHT, max(sizes))
    turns = folder / "turns"
    turns.mkdir()
    contenders.dyadlab(largest, turns, 2)
    lines = []
    for size in sorted(sizes):
        run = contenders.dyadlab(largest, turns, size, watch=True)
        lines.append((size, run))
        say(f"{size:6d} submissions: {run.wall:7.1f} s, {run.each:.3f} s each, {run.peak_mb:.0f} MB in the command")
    (small, first), (large, last) = lines[0], lines[-1]
    slope = (last.wall - first.wall) / (large - small) if large > small else last.each
    say(
        f"growth: from {small} to {large} submissions, {slope:.3f} s for each further one, "
        f"memory {first.peak_mb:.0f} to {last.peak_mb:.0f} MB"
    )


if __name__ == "__main__":
    sys.exit(main())
