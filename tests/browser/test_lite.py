"""The browser-only site in a real browser: coding with Python in the page, and nothing asked of other machines."""

import contextlib
import csv
import functools
import http.server
import os
import shutil
import threading

import pytest
from dyadlab import lite
from dyadlab.grading.course import REPOSITORY
from playwright.sync_api import expect

from . import driver

pytestmark = pytest.mark.browser

PYTHON_STARTS = 180 * driver.SECONDS  # some ten seconds, when nothing else runs


class _Files(http.server.SimpleHTTPRequestHandler):
    """Hands out files and does nothing else."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(chromium, tmp_path_factory):
    """The address of the site, built anew and handed out by a server of files."""
    if not shutil.which("npm"):
        sentence = "npm is not installed, so the browser-only site was not built."
        if os.environ.get("CI", "").casefold() in {"1", "true", "yes"}:
            pytest.fail(sentence)
        pytest.skip(sentence)
    folder = lite.build(REPOSITORY, tmp_path_factory.mktemp("lite") / "site")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(browser, site):
    """A tab, which at its end must have asked for nothing outside the site and reported no error."""
    strangers, complaints = [], []

    def note_request(request):
        if not request.url.startswith((site, "data:", "blob:")):
            strangers.append(request.url)

    def note_complaint(message):
        # every browser looks for this file at every address, whatever the page says
        if message.type == "error" and not message.location["url"].endswith("/favicon.ico"):
            complaints.append(message.text)

    browser.on("request", note_request)  # of the page, its Python, and what keeps its files
    tab = browser.new_page()
    tab.set_default_timeout(driver.PATIENCE)
    dialogue = tab.locator(".jp-Dialog")
    tab.add_locator_handler(dialogue, lambda: dialogue.locator(".jp-mod-accept").click())
    tab.on("console", note_complaint)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    yield tab
    tab.close()
    browser.remove_listener("request", note_request)
    assert not strangers, f"the site asked for addresses outside: {strangers}"
    assert not complaints, f"errors on the page's console: {complaints}"


def begin(page, cell):
    """Run a cell by keyboard. On a slow machine the page asks in a dialogue for a Python, as none is there yet."""
    for _ in range(9):
        cell.locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        with contextlib.suppress(AssertionError):
            expect(cell.locator(".jp-InputPrompt")).not_to_have_text("[ ]:", timeout=10 * driver.SECONDS)
            return


def open_tool(page, address, name):
    """Open the site's notebook, run its cells down to the tool of that name by keyboard, and return the tool."""
    page.goto(f"{address}lab/index.html?path=coding.ipynb")
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    for source in ("import dyadlab", f'dyadlab.code_session("{name}")'):
        cell = cells.filter(has_text=source)
        begin(page, cell)
    tool = cell.locator(".dyad-coder")
    expect(tool.get_by_text("✓ All saved")).to_be_visible(timeout=PYTHON_STARTS)
    page.wait_for_timeout(1000)  # after a run JupyterLab takes the focus for its cell once more
    tool.get_by_role("listbox").focus()
    return tool


def downloaded(page, name):
    """The rows of a table in the list of files, brought out of the browser as a student does it."""
    page.get_by_role("listitem", name=name).click(button="right")
    with page.expect_download() as waiting:
        page.locator(".lm-Menu").get_by_text("Download", exact=True).click()
    with open(waiting.value.path(), encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_comments_are_coded_by_keyboard_kept_over_a_reload_and_taken_along(page, site, pictures):
    tool = open_tool(page, site, "practice")
    expect(tool.locator(".dyad-count")).to_have_text("0 of 10 coded")
    for key in ("y", "3", "y", "Enter", "n"):
        page.keyboard.press(key)
    expect(tool.locator(".dyad-count")).to_have_text("2 of 10 coded")
    expect(tool.locator(".dyad-reason")).to_contain_text("The expert")
    expect(tool.locator(".dyad-saved")).to_contain_text("✓ All saved")
    if pictures:
        page.screenshot(path=pictures / "lite_practice.png")
    tool = open_tool(page, site, "practice")
    expect(tool.locator(".dyad-count")).to_have_text("2 of 10 coded")
    rows = downloaded(page, "w01_practice.csv")
    assert [(row["code"], row["category"]) for row in rows if row["code"]] == [
        ("appropriate", "emotion"),
        ("not_mind_related", ""),
    ]


def test_the_graded_session_is_kept_in_the_file_that_week_1_reads(page, site):
    from dyadlab.coding import codes

    tool = open_tool(page, site, "graded")
    for key in ("n", "y", "1", "n"):
        page.keyboard.press(key)
    expect(tool.locator(".dyad-count")).to_have_text("2 of 86 coded")
    expect(tool.locator(".dyad-saved")).to_contain_text("✓ All saved")
    page.get_by_role("listitem", name="w01_codes.csv").wait_for()
    rows = downloaded(page, "w01_codes.csv")
    assert list(rows[0]) == list(codes.COLUMNS)
    assert [row["code"] for row in rows if row["code"]] == ["not_mind_related", "non_attuned"]
