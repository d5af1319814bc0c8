"""JupyterLab on the course, as its teachers see it or as a student does: what ``dyadlab lab`` starts.

:func:`environment` and :func:`command` say what would be started and change nothing; :func:`run` starts it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from dyadlab.grading.course import here
from dyadlab.sentences import Sentence

CONFIG = "jupyter_config"
STUDENT_OVERLAY = "student"
DESK = "student"
LAB_STATE = ".lab"


class LabError(Sentence):
    """JupyterLab cannot be opened on this course as it is."""


def config_folders(root, student=False):
    """The configuration folders to switch on, the strongest first, for a checkout at ``root``."""
    folder = Path(root).resolve() / CONFIG
    return [folder / STUDENT_OVERLAY, folder] if student else [folder]


def desk(course):
    """The folder a student's view opens on: notebooks as handed out, to be tried like a student would."""
    return Path(course).resolve() / DESK


def folder(student, root, course=None):
    """The folder JupyterLab opens, and must be started in: Fetch and Submit of nbgrader's assignment list
    work in the folder the server was started in, whatever it shows."""
    course = _course(root, course, os.environ)
    return desk(course) if student else course


def environment(student, root, course=None, base=None):
    """The environment variables JupyterLab is started with, as a new dictionary.

    student : whether to see what a student sees. root : the checkout, which holds ``jupyter_config``.
    course : the course root when it is not the checkout's own. base : the variables to start from, those of
    this process when left out.
    """
    variables = dict(os.environ if base is None else base)
    path = [str(folder) for folder in config_folders(root, student)]
    for earlier in variables.get("JUPYTER_CONFIG_PATH", "").split(os.pathsep):
        if earlier and earlier not in path:
            path.append(earlier)
    variables["JUPYTER_CONFIG_PATH"] = os.pathsep.join(path)
    # programs that nbgrader and a terminal in JupyterLab call by name
    programs = str(Path(sys.executable).parent)
    if programs not in variables.get("PATH", "").split(os.pathsep):
        variables["PATH"] = programs + os.pathsep + variables.get("PATH", "")
    course = _course(root, course, variables)
    variables["DYADLAB_COURSE"] = str(course)
    if student:
        # A student has neither the teacher's settings nor the tabs the teacher left open.
        variables["JUPYTERLAB_SETTINGS_DIR"] = str(desk(course) / LAB_STATE / "settings")
        variables["JUPYTERLAB_WORKSPACES_DIR"] = str(desk(course) / LAB_STATE / "workspaces")
    return variables


def command(student, root, course=None, extra=()):
    """The command that starts JupyterLab, as a list. Arguments as for :func:`environment`.

    extra : further arguments of ``jupyter lab``, such as ``["--no-browser"]``.
    """
    line = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder(student, root, course)}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # In a container everybody is root. The server listens on this machine only and asks for its token.
        line.append("--allow-root")
    return [*line, *extra]


def lay_out(course):
    """Put the notebooks as handed out on the student's desk; nothing that lies there is overwritten.

    Returns the names of the weeks added. Raises LabError when nothing has been built.
    """
    course = Path(course)
    released = sorted(p for p in course.glob("release/*") if any(p.glob("*.ipynb")))
    if not released:
        raise LabError(
            f"There is nothing yet for a student to see: {course / 'release'} is empty. Run `dyadlab build`, "
            "then open the student's view again."
        )
    added = []
    for week in released:
        there = desk(course) / week.name
        if not there.exists():
            shutil.copytree(week, there, copy_function=shutil.copyfile)
            added.append(week.name)
    return added


def run(student=False, root=None, course=None, extra=()):
    """Open JupyterLab and stay until it is closed. Returns its exit status (Windows) or becomes it."""
    known = here()
    root = Path(root or known.repository)
    course = Path(course or known.root)
    _ready(root, course)
    if student:
        lay_out(course)
        print(
            f"You see what a student sees. The notebooks are copies, in {desk(course)}; delete that folder "
            "to begin afresh after a change.",
            flush=True,  # what is not yet written is lost when JupyterLab takes the place of this process
        )
    line, variables = command(student, root, course, extra), environment(student, root, course)
    os.chdir(folder(student, root, course))
    if os.name == "posix":
        # JupyterLab takes the place of this process, so that closing or killing it leaves nothing behind.
        os.execve(line[0], line, variables)
    return subprocess.run(line, env=variables, check=False).returncode


def _course(root, course, variables):
    return Path(course or variables.get("DYADLAB_COURSE") or Path(root) / "course").resolve()


def _ready(root, course):
    if not (root / CONFIG / "nbgrader_config.py").is_file():
        raise LabError(
            f"There is no {CONFIG} in {root}. `dyadlab lab` belongs to a checkout of the course; with the "
            "package alone, start `jupyter lab`."
        )
    if not course.is_dir():
        raise LabError(f"There is no course at {course}. Does DYADLAB_COURSE name the right folder?")
