"""nbgrader's configuration of the course. README.md, beside this file, says how it is found and switched on.

Everything is worked out from where this file lies, so that any working directory will do. Three environment
variables change it: DYADLAB_COURSE (another course root), DYADLAB_EXCHANGE (another exchange) and, through
Jupyter, JUPYTER_CONFIG_PATH (this folder).
"""

import contextlib
import os
import sys
from pathlib import Path

import nbgrader
from dyadlab.grading import preprocessors
from dyadlab.grading.preprocessors import ClearSolutions, GradesSoFar, ReadingCopy, ShortErrors, WithoutLiveWidgets
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbconvert.preprocessors.coalescestreams import CoalesceStreamsPreprocessor
from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import (
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    Execute,
    IncludeHeaderFooter,
)
from nbgrader.preprocessors import ClearSolutions as NbgraderClearSolutions

c = get_config()  # noqa: F821  Jupyter gives this name to its configuration files

# nbgrader starts `alembic` by its bare name when it makes a gradebook. Without the environment's programs on
# PATH that fails, and leaves a gradebook behind which later commands take for a whole one.
programs = str(Path(sys.executable).parent)
if programs not in os.environ.get("PATH", "").split(os.pathsep):
    os.environ["PATH"] = programs + os.pathsep + os.environ.get("PATH", "")

# --- where things lie ---------------------------------------------------------------------------------------
course = Path(os.environ.get("DYADLAB_COURSE") or Path(__file__).resolve().parent.parent / "course").resolve()
c.CourseDirectory.course_id = "dyadlab"
c.CourseDirectory.root = str(course)
c.CourseDirectory.solution_directory = "../solutions"
# nbgrader hands out whatever lies beside a notebook. A script or a note there may hold answers.
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "*.py", "*.md"]

exchange = Path(os.environ.get("DYADLAB_EXCHANGE") or course / "exchange").resolve()
c.Exchange.root = str(exchange)
if exchange == course / "exchange" and course.is_dir():
    # nbgrader wants the folder to exist. Its own default lies where only an administrator may write; ours
    # lies inside the course. An exchange that somebody names is theirs to make, with its permissions.
    with contextlib.suppress(OSError):
        exchange.mkdir(exist_ok=True)

# --- from source to release and to solutions ----------------------------------------------------------------
# Our ClearSolutions leaves the skeleton of an answer in its place; all other steps are nbgrader's own.
c.GenerateAssignment.preprocessors = [
    ClearSolutions if step is NbgraderClearSolutions else step
    for step in GenerateAssignment.class_traits()["preprocessors"].default()
]
c.GenerateSolution.preprocessors = [
    IncludeHeaderFooter,
    ReadingCopy,
    ClearOutput,
    Execute,
    CoalesceStreamsPreprocessor,
    WithoutLiveWidgets,
]
# How a kernel cuts what it prints into pieces depends on the moment.
c.CoalesceStreamsPreprocessor.enabled = True
# Marking schemes stand in the locked question above the answer, which nbgrader does not expect of them.
c.ClearMarkScheme.enforce_metadata = False
# Without clock times in it, a notebook made twice is the same twice.
c.ExecutePreprocessor.record_timing = False

# --- grading ------------------------------------------------------------------------------------------------
# A test cell that somebody deleted is put back, and earns what it finds.
c.OverwriteCells.add_missing_cells = True
# Seconds. A cell of this course takes a few at most; a busy machine may need long to start a kernel.
c.Execute.timeout = 60
c.ExecutePreprocessor.startup_timeout = 180
c.LimitOutput.max_lines = 300
c.LimitOutput.max_traceback = 40

# --- feedback -----------------------------------------------------------------------------------------------
# Autograding puts hidden tests and marking schemes back; they must not travel home with the feedback. An answer that
# nobody has read yet says so, also where pages are made by formgrader or by plain nbgrader.
c.GenerateFeedback.preprocessors = [
    GradesSoFar,
    ShortErrors,
    ClearHiddenTests,
    ClearMarkScheme,
    CSSHTMLHeaderPreprocessor,
]
# Pages, formgrader's as well, show the words that stand in for a live widget, and fetch nothing from the network: in
# our folder lies a part of nbconvert's template called classic, which nbgrader's own templates build on.
c.HTMLExporter.preprocessors = [WithoutLiveWidgets]
c.HTMLExporter.extra_template_basedirs = [
    str(Path(preprocessors.__file__).with_name("templates")),
    str(Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"),
]

# Formgrader would otherwise print this configuration on its first page, and warn that classes do not print.
c.FormgradeExtension.debug = False
