"""A course built in a temporary folder, one JupyterLab for teachers and one for students, and a browser."""

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from dyadlab import lab
from dyadlab.grading.course import REPOSITORY, Course
from playwright.sync_api import expect

from . import driver

# On a machine that is busy with other tests a kernel answers late; what is slow is not wrong.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def chromium():
    """Chromium's path. Without one, these tests are skipped, unless everything is to be tested (CI)."""
    found = driver.find_chromium()
    if found:
        return found
    sentence = "Chromium is not installed, so JupyterLab was not tried in a browser."
    if os.environ.get("CI", "").casefold() in {"1", "true", "yes"}:
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture(scope="session")
def course(built_course, tmp_path_factory):
    """A copy of the built course whose weeks have all been handed out through the exchange."""
    from dyadlab.grading.release import release

    root = tmp_path_factory.mktemp("browser") / "course"
    shutil.copytree(built_course.root, root)
    made = Course(root, solutions=root.parent / "solutions")
    for week in made.weeks():
        release(made, week)
    return made


@pytest.fixture(scope="session")
def teacher_server(chromium, course, tmp_path_factory):
    home = tmp_path_factory.mktemp("teacher") / "home"
    with driver.server(home, REPOSITORY, course.root, student=False) as running:
        yield running


@pytest.fixture(scope="session")
def student_server(chromium, course, tmp_path_factory):
    lab.lay_out(course.root)
    home = tmp_path_factory.mktemp("student") / "home"
    with driver.server(home, REPOSITORY, course.root, student=True) as running:
        yield running


@pytest.fixture(scope="session")
def browser(chromium):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, driver.browser(playwright, chromium) as context:
        yield context


@pytest.fixture(scope="session")
def pictures():
    """The folder for screenshots that DYADLAB_SCREENSHOTS names, or None."""
    named = os.environ.get("DYADLAB_SCREENSHOTS")
    if not named:
        return None
    folder = Path(named)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def quiet_tab(browser, server, pictures):
    """A tab with JupyterLab that at its end must have asked for nothing outside and reported no error."""
    tab = driver.Lab(browser, server, pictures)
    yield tab
    # closing stops kernels under the page's feet, of which it may complain
    strangers, complaints = list(tab.strangers), list(tab.complaints)
    tab.close()
    assert not strangers, f"the page asked for addresses outside: {strangers}"
    assert not complaints, f"errors on the page's console: {complaints}"


@pytest.fixture
def teacher(browser, teacher_server, pictures):
    """JupyterLab as a teacher sees it, in a tab of its own."""
    with quiet_tab(browser, teacher_server, pictures) as tab:
        yield tab


@pytest.fixture
def student(browser, student_server, pictures):
    """JupyterLab as a student sees it, in a tab of its own."""
    with quiet_tab(browser, student_server, pictures) as tab:
        yield tab


@pytest.fixture(scope="module")
def desk(chromium, tmp_path_factory):
    """A JupyterLab on an empty folder, for notebooks that a test writes."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "course").mkdir()
    with driver.server(folder / "home", REPOSITORY, folder / "course", student=False) as running:
        yield running


@pytest.fixture(name="lab")  # the module of that name is used above
def lab_on_the_desk(browser, desk, pictures):
    """A tab on that empty folder, as wide as the others again when the test has ended."""
    with quiet_tab(browser, desk, pictures) as tab:
        yield tab
        tab.page.set_viewport_size(driver.WIDE)


@dataclass(frozen=True)
class BlankWeek:
    """A released week in a student's JupyterLab. ``said``: the outputs of one run from the top, which stops at
    the first error. After that, every cell was run, whether or not those before it failed."""

    name: str
    lab: driver.Lab
    said: list


@pytest.fixture(scope="module", params=Course(REPOSITORY / "course").weeks())
def blank(request, browser, student_server, pictures):
    """Each week of the course as a student finds it, opened once for all tests of that week."""
    week = request.param
    with quiet_tab(browser, student_server, pictures) as tab:
        tab.open(f"{week}/{week}.ipynb")
        tab.picture(f"{week}_opened")
        tab.run_all()
        tab.outputs.last.scroll_into_view_if_needed()
        tab.picture(f"{week}_first_blank")
        said = tab.outputs.all_inner_texts()
        tab.run_each()
        yield BlankWeek(week, tab, said)
