"""nbgrader, configured for one course: the only place that starts its applications."""

import logging
import os
import sys
from contextlib import contextmanager
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import DatabaseError
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from dyadlab.grading.course import COURSE_ID, CourseError


@contextmanager
def environment(**changes):
    """Environment variables for the length of a ``with`` block."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update({name: str(value) for name, value in changes.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def config_for(course):
    """nbgrader's configuration for a course: the file of jupyter_config, read for that course's folders."""
    programs_on_path()
    with environment(DYADLAB_COURSE=course.root, DYADLAB_EXCHANGE=course.exchange):
        config = PyFileConfigLoader("nbgrader_config.py", path=str(course.config)).load_config()
    config.merge(
        Config(
            CourseDirectory={
                "root": str(course.root),
                "course_id": COURSE_ID,
                "db_url": course.db_url,
                "solution_directory": str(course.solutions),
            },
            Exchange={"root": str(course.exchange)},
        )
    )
    config.merge(kernel_config())
    return config


def programs_on_path():
    """nbgrader starts `alembic` by its bare name, which fails unless the environment's programs are on PATH."""
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = programs + os.pathsep + os.environ.get("PATH", "")


def gradebook(course):
    """nbgrader's gradebook of the course, to be used in a ``with``. Raises CourseError when there is none yet."""
    if not course.gradebook.exists():
        raise CourseError("There is no gradebook yet. Run `dyadlab build` first.")
    programs_on_path()
    return Gradebook(course.db_url)


@contextmanager
def gradebook_or_sentence(course):
    """As :func:`gradebook`; a gradebook that is damaged, in use or cannot be written raises CourseError as well."""
    from dyadlab.grading import scores  # here, because it needs this module

    try:
        with gradebook(course) as opened:
            yield opened
    except DatabaseError as error:
        raise scores.sentence_for(error, course) from error


def kernel_config():
    """Keeps each kernel's notice about its local connection off the terminal, where it would read like an error."""
    return Config(Execute={"extra_arguments": ["--IPKernelApp.log_level=40"]})


def api(course):
    """nbgrader's programming interface for the course. Its log goes to the logger ``dyadlab.nbgrader``."""
    config = config_for(course)
    coursedir = CourseDirectory(config=config)
    made = NbGraderAPI(coursedir=coursedir, config=config)
    made.log = quiet_log()
    coursedir.log = made.log
    return made


def last_words(answer, count=6):
    """The end of what nbgrader said when a step failed; it logs nothing where it broke off at once."""
    return "\n".join((answer.get("log") or answer.get("error") or "").strip().splitlines()[-count:])


def authenticator(config):
    """nbgrader's authenticator; without a hub it lets everybody in."""
    from nbgrader.auth import Authenticator

    return Authenticator(config=config)


def quiet_log():
    """A logger that keeps nbgrader's talk off the terminal unless something is wrong with a whole command."""
    log = logging.getLogger("dyadlab.nbgrader")
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    return log
