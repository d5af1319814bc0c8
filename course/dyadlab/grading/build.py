"""From source to release (what students get) and to solutions (reading copies for teachers)."""

import shutil
import stat
import tempfile
from pathlib import Path

from dyadlab.coding import sessions
from dyadlab.grading import nbgrader_bridge, notebooks, syllabus
from dyadlab.grading.course import CourseError


def build(course, weeks, solutions=True, progress=lambda sentence: None):
    """Build release, and solutions unless told otherwise, for the weeks. Raises CourseError with nbgrader's word."""
    api = nbgrader_bridge.api(course)
    for week in weeks:
        progress(f"{week}: making the release")
        if found := strays(course, week):
            raise CourseError(
                f"The source folder of {week} holds {', '.join(found)}, which the coding tool wrote when the notebook "
                "was run there. Delete it: in autograding it would take the place of what a student handed in."
            )
        clear(course.release / week)
        answer = api.generate_assignment(week, force=True)
        if not answer["success"]:
            raise CourseError(f"The release of {week} could not be made.\n{nbgrader_bridge.last_words(answer)}")
        leaks = leaked(course.release / week / f"{week}.ipynb")
        if leaks:
            raise CourseError(f"The release of {week} would hold what students must not see: {', '.join(leaks)}.")
        if solutions:
            progress(f"{week}: running the reading copy")
            reading_copy(course, week)
    syllabus.write(course)


def reading_copy(course, week):
    """Write the executed reading copy of a week to solutions/WEEK.ipynb's folder."""
    from nbgrader.converters import GenerateSolution

    config = nbgrader_bridge.config_for(course)
    config.CourseDirectory.assignment_id = week
    # the points of a stripplot are scattered at random; a copy made twice is to be the same twice
    config.Execute.extra_arguments.append("--IPKernelApp.exec_lines=import numpy; numpy.random.seed(0)")
    clear(course.solutions / week)
    # nbgrader runs the notebook where its source lies; what the answers write must not stay there
    with tempfile.TemporaryDirectory(prefix="dyadlab-solution-") as folder:
        shutil.copytree(course.source / week, Path(folder, week))
        config.CourseDirectory.source_directory = folder
        app = GenerateSolution(coursedir=nbgrader_bridge.CourseDirectory(config=config), config=config)
        app.log = nbgrader_bridge.quiet_log()
        app.force = True
        try:
            app.start()
        except Exception as error:
            raise CourseError(f"The answers of {week} do not run to the end: {error}") from error
    path = course.solutions / week / f"{week}.ipynb"
    failing = [c for c in notebooks.read(path).cells if any(o.output_type == "error" for o in c.get("outputs", ()))]
    # nbgrader keeps going after an error, so look for one: an unexpected error in an answer copy is a defect.
    wrong = [c.id for c in failing if "raises-exception" not in c.metadata.get("tags", [])]
    if wrong:
        raise CourseError(f"The answers of {week} do not run to the end: the cells {', '.join(wrong)} fail.")


def strays(course, week):
    """Files in a week's source that only a student's folder should hold: in autograding, a file of codes here would
    take the place of the one that was handed in."""
    written = [task.file.removesuffix(".csv") for task in sessions.TASKS.values()]
    folder = course.source / week
    return sorted(path.name for name in written for path in folder.glob(f"{name}*.csv"))


def leaked(path):
    """Which of our markers stand in a released notebook; there should be none."""
    text = Path(path).read_text(encoding="utf-8")
    return [marker for marker in (*notebooks.MARKERS, '"#: ') if marker in text]


def clear(folder):
    """Remove a folder that nbgrader wrote; it makes files read-only, so permissions come first."""
    if not folder.exists():
        return
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | stat.S_IWUSR | (stat.S_IXUSR if path.is_dir() else 0))
    shutil.rmtree(folder)
