"""Where everything of a course lies, and which weeks it has."""

import os
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from dyadlab.sentences import Sentence

COURSE_ID = "dyadlab"
REPOSITORY = Path(__file__).resolve().parents[3]


class CourseError(Sentence):
    """The course folder, a week or a student is not as a command needs it."""


@dataclass(frozen=True)
class Course:
    """A course root (nbgrader's) and the folders that go with it.

    root : the folder that holds ``source/``. repository : the checkout, for ``tests/mistakes`` and
    ``jupyter_config``, which the demo's own course folder borrows. solutions : where reading copies go.
    named_exchange : the exchange, when it does not lie in the course root.
    """

    root: Path
    repository: Path = REPOSITORY
    solutions: Path = REPOSITORY / "solutions"
    named_exchange: Path | None = None

    source = property(lambda self: self.root / "source")
    release = property(lambda self: self.root / "release")
    submitted = property(lambda self: self.root / "submitted")
    autograded = property(lambda self: self.root / "autograded")
    feedback = property(lambda self: self.root / "feedback")
    gradebook = property(lambda self: self.root / "gradebook.db")
    exchange = property(lambda self: self.named_exchange or self.root / "exchange")
    records = property(lambda self: self.root / "records")
    mistakes = property(lambda self: self.repository / "tests" / "mistakes")
    config = property(lambda self: self.repository / "jupyter_config")

    @property
    def db_url(self):
        return f"sqlite:///{self.gradebook}"

    def weeks(self):
        """The names of all weeks, e.g. ``["w00_welcome", ...]``: the folders of source/ that hold a notebook."""
        if not self.source.is_dir():
            raise CourseError(
                f"There is no folder {self.source}. Run the command in a checkout of the course, or name the "
                "course's folder with the environment variable DYADLAB_COURSE."
            )
        return sorted(p.parent.name for p in self.source.glob("w[0-9][0-9]_*/w[0-9][0-9]_*.ipynb"))

    def week(self, asked):
        """The full name of a week from what somebody typed: ``w04``, ``4`` or ``w04_depression``."""
        wanted = asked.strip().casefold()
        if wanted.isdigit():
            wanted = f"w{int(wanted):02d}"
        found = [name for name in self.weeks() if name == wanted or name.split("_")[0] == wanted]
        if len(found) != 1:
            raise CourseError(
                f"There is no week called {asked!r}. The weeks of this course: {', '.join(self.weeks())}."
            )
        return found[0]

    def chosen(self, asked):
        """The weeks somebody asked for, or all of them when nothing was asked."""
        return [self.week(one) for one in asked] if asked else self.weeks()

    def notebook(self, week):
        """The source notebook of a week."""
        return self.source / week / f"{week}.ipynb"

    def submissions(self, week):
        """The folders handed in for a week, as ``{student_id: folder}``, in order of student."""
        if not self.submitted.is_dir():
            return {}
        folders = {p.name: p / week for p in self._students()}
        return {student: folder for student, folder in folders.items() if folder.is_dir()}

    def strangers(self):
        """Submitted folders whose name is no week of this course, as ``student/name``."""
        if not self.submitted.is_dir():
            return []
        known = set(self.weeks())
        return sorted(
            f"{p.parent.name}/{p.name}"
            for folder in self._students()
            for p in folder.iterdir()
            if p.is_dir() and p.name not in known and not p.name.startswith(".")
        )

    def _students(self):
        """What is set aside (``.earlier``) or on its way (``.incoming``) is no student's."""
        return [p for p in sorted(self.submitted.iterdir()) if p.is_dir() and not p.name.startswith(".")]


def here():
    """The course of this checkout, or the one that the environment variable DYADLAB_COURSE names.

    DYADLAB_EXCHANGE names its exchange, and only its: a demo's class never lands in an exchange of real students.
    """
    named, exchange = os.environ.get("DYADLAB_COURSE"), os.environ.get("DYADLAB_EXCHANGE")
    found = Course(REPOSITORY / "course")
    if named:
        root = Path(named).resolve()
        found = Course(root, solutions=root.parent / "solutions")
    return replace(found, named_exchange=Path(exchange).resolve()) if exchange else found


def how_to_open(course):
    """What to type for JupyterLab on a course, which need not be the one of this terminal."""
    if course.root.resolve() == here().root:
        return "dyadlab lab"
    if os.name == "nt":
        return f'set "DYADLAB_COURSE={course.root}" & dyadlab lab'
    return f"DYADLAB_COURSE={shlex.quote(str(course.root))} dyadlab lab"


def how_to_read(course):
    """A sentence on how a person marks the answers that no check can judge."""
    return (
        f"To read and mark them: `{how_to_open(course)}`, menu Nbgrader > Formgrader, there Manual Grading. A mark is "
        "kept as soon as it is typed."
    )
