"""Week 1 from the assignment list and back by clicks: fetch, open, code, submit; and what the teacher then collects."""

import csv
import os
import shutil
import subprocess
import sys

import pytest
from dyadlab import lab as dyadlab_lab
from dyadlab.grading import notebooks
from dyadlab.grading.course import REPOSITORY, Course
from dyadlab.grading.release import release
from playwright.sync_api import expect

from . import driver
from .conftest import quiet_tab

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(os.name == "nt", reason="nbgrader's exchange of files does not work on Windows"),
]

WEEK = "w01_coding"


@pytest.fixture
def handed_out(built_course, tmp_path):
    """A course that has handed out week 1, and a student's desk with nothing on it."""
    course = Course(tmp_path / "course", solutions=tmp_path / "solutions")
    shutil.copytree(built_course.root, course.root)
    release(course, WEEK)
    dyadlab_lab.desk(course.root).mkdir()
    return course


def codes(path):
    with open(path, encoding="utf-8", newline="") as stream:
        return {int(row["comment"]): row["code"] for row in csv.DictReader(stream) if row["code"]}


def test_codes_travel_with_the_notebook_from_fetch_to_collect(chromium, browser, handed_out, pictures, tmp_path):
    course = handed_out
    desk = dyadlab_lab.desk(course.root)
    with (
        driver.server(tmp_path / "home", REPOSITORY, course.root, student=True) as running,
        quiet_tab(browser, running, pictures) as lab,
    ):
        page = lab.page
        lab.start()
        lab.begin("nbgrader:open-assignment-list")
        page.locator("#released_assignments_list").get_by_role("button", name="Fetch").click()
        fetched = page.locator("#fetched_assignments_list")
        fetched.locator(".assignment-notebooks-link").click()
        fetched.locator(".nested_list_item").get_by_text(WEEK).click()
        lab.ready()

        lab.run("names")
        lab.run("graded-tool")
        tool = page.locator(".dyad-coder")
        expect(tool.get_by_text("✓ All saved")).to_be_visible()
        page.wait_for_timeout(1000)  # after a run JupyterLab takes the focus for its cell once more
        tool.get_by_role("listbox").focus()
        for key in ("n", "y", "1", "y", "n"):
            page.keyboard.press(key)
        expect(tool.locator(".dyad-count")).to_have_text("3 of 86 coded")
        expect(tool.locator(".dyad-saved")).to_contain_text("✓ All saved")
        page.keyboard.press("Control+s")
        expect(page.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(0)

        page.get_by_role("tab", name="Assignments").click()
        fetched.get_by_role("button", name="Submit").click()
        expect(page.locator("#submitted_assignments_list")).to_contain_text(WEEK)
        lab.picture("handed_in")
    assert (desk / WEEK / "w01_codes.csv").is_file()

    collected = subprocess.run(
        [sys.executable, "-m", "dyadlab", "collect", "w01"],
        env={**os.environ, "DYADLAB_COURSE": str(course.root)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert collected.returncode == 0, collected.stderr
    (student,) = course.submitted.iterdir()
    cells = notebooks.read(student / WEEK / f"{WEEK}.ipynb").cells
    assert [cell.id for cell in cells if cell.get("outputs")] == ["graded-tool"]
    assert codes(student / WEEK / "w01_codes.csv") == {1: "not_mind_related", 2: "appropriate", 3: "not_mind_related"}
