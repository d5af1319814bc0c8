"""What many tests share: a home of their own, and the real course, copied and built."""

import os
import shutil
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

if os.environ.get("PYTHONDONTWRITEBYTECODE"):
    # kernels that may not keep compiled files import everything anew, ten seconds each
    del os.environ["PYTHONDONTWRITEBYTECODE"]


def pytest_addoption(parser):
    parser.addoption(
        "--every-mistake",
        action="store_true",
        help="put every listed answer of tests/mistakes through plain nbgrader as well: for a release",
    )
    parser.addoption("--long", action="store_true", help="a class of five hundred in tests/test_soak.py: for a release")


#: The files that take longest begin first, so that at the end no process is left alone with one of them.
LONGEST_FIRST = "same_marks browser pipeline author_check soak attacks accidents sandbox coder".split()


def pytest_collection_modifyitems(items):
    def turn(item):
        name = item.path.stem.removeprefix("test_")
        return LONGEST_FIRST.index(name) if name in LONGEST_FIRST else len(LONGEST_FIRST)

    items.sort(key=turn)


@pytest.fixture(scope="session", autouse=True)
def own_home(tmp_path_factory):
    """No test reads or writes the settings of whoever runs it."""
    home = tmp_path_factory.mktemp("home")
    patch = pytest.MonkeyPatch()
    for name, folder in {
        "HOME": "",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
        "MPLCONFIGDIR": "matplotlib",
    }.items():
        (home / folder).mkdir(exist_ok=True)
        patch.setenv(name, str(home / folder))
    for name in ("DYADLAB_COURSE", "DYADLAB_EXCHANGE", "DYADLAB_WORLD", "JUPYTER_CONFIG_PATH", "JUPYTERHUB_USER"):
        patch.delenv(name, raising=False)
    yield home
    patch.undo()


@pytest.fixture(scope="session")
def built_course(tmp_path_factory):
    """The real course's source notebooks in a folder of their own, released. Tests copy it; none changes it."""
    from dyadlab.grading import build, course

    root = tmp_path_factory.mktemp("course") / "course"
    shutil.copytree(REPOSITORY / "course" / "source", root / "source")
    made = course.Course(root, solutions=root.parent / "solutions")
    build.build(made, made.weeks(), solutions=False)
    return made


@pytest.fixture
def fresh_course(built_course, tmp_path):
    """A copy of the released course that a test may change as it likes."""
    from dyadlab.grading import course

    shutil.copytree(built_course.root, tmp_path / "course")
    return course.Course(tmp_path / "course", solutions=tmp_path / "solutions")


@pytest.fixture(scope="session")
def one_week(tmp_path_factory):
    """A course with week 0 only, built; nobody has handed anything in. Tests copy it; none changes it."""
    from dyadlab.grading import build, course

    root = tmp_path_factory.mktemp("one-week") / "course"
    shutil.copytree(REPOSITORY / "course" / "source" / "w00_welcome", root / "source" / "w00_welcome")
    made = course.Course(root, solutions=root.parent / "solutions")
    build.build(made, made.weeks(), solutions=False)
    return made
