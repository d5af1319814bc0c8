"""The coding tool in a real browser: mouse, keyboard alone, interruptions, screen readers, 400 % zoom, speed."""

import contextlib
import csv
import json
import statistics
from pathlib import Path

import axe_playwright_python
import nbformat
import pytest
from dyadlab.coding import sessions
from dyadlab.grading import notebooks
from playwright.sync_api import expect

from . import driver

pytestmark = pytest.mark.browser

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
OUTPUTS = f"{driver.PANEL} .jp-Notebook .jp-OutputArea"
STEP_KEYS = {"desire": "1", "cognition": "2", "emotion": "3", "intention": "4", "epistemic": "5"}
SMALLEST_TARGET = 24  # CSS pixels, WCAG 2.2 criterion 2.5.8
NARROW = {"width": 320, "height": 640}  # a screen of 1280 pixels at 400 %, WCAG criterion 1.4.10


class Bench:
    """A notebook in a folder of its own, open and run, and the coding tools in it."""

    def __init__(self, lab, name, *cells):
        self.lab, self.page = lab, lab.page
        self.folder = lab.server.folder / name
        self.folder.mkdir()
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=notebooks.CANONICAL_METADATA
        )
        (self.folder / "w.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")
        lab.open(f"{name}/w.ipynb")
        lab.run_all()
        for number in range(len(cells)):
            expect(self.tool(number).get_by_text("✓ All saved")).to_be_visible()

    def tool(self, number=0):
        return self.page.locator(".dyad-coder").nth(number)

    def list(self, number=0):
        return self.tool(number).get_by_role("listbox")

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def saved(self, number=0):
        expect(self.tool(number).locator(".dyad-saved")).to_contain_text("✓ All saved")

    def rows(self, name="w01_codes.csv"):
        with open(self.folder / name, encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    def codes(self, name="w01_codes.csv"):
        return {int(row["comment"]): row["code"] for row in self.rows(name) if row["code"]}

    def violations(self):
        """What axe-core objects to in the outputs of the notebook; JupyterLab's own page is not ours."""
        self.page.evaluate(AXE)
        found = self.page.evaluate(
            "async sel => (await axe.run({include: [[sel]]})).violations.map(v => [v.id, v.nodes.map(n => n.html)])",
            OUTPUTS,
        )
        return found


GRADED = 'import dyadlab\ndyadlab.code_session("graded")'
PRACTICE = 'import dyadlab\ndyadlab.code_session("practice")'


def planned():
    """A code for each comment of the graded session, of every kind now and then: {number: (code, kind)}."""
    kinds = list(STEP_KEYS)
    return {
        comment.number: ("not_mind_related", "")
        if comment.number % 4
        else (("appropriate", "non_attuned")[comment.number % 3 == 0], kinds[comment.number % 5])
        for comment in sessions.to_code("graded")
    }


def keys_for(code, kind):
    if code == "not_mind_related":
        return ("n",)
    return ("y", STEP_KEYS[kind], "y" if code == "appropriate" else "n")


def test_comments_are_coded_by_mouse_and_the_keyboard_finds_the_place(lab):
    bench = Bench(lab, "mouse", GRADED)
    tool = bench.tool()
    first, kinds, last = (tool.locator(".dyad-step").nth(number) for number in range(3))
    for _ in range(5):
        first.get_by_role("button", name="No").click()
    first.get_by_role("button", name="Yes").click()
    kinds.get_by_role("button", name="Desire").click()
    last.get_by_role("button", name="Yes").click()
    expect(tool.locator(".dyad-where")).to_contain_text("Comment 7 of 86")
    tool.get_by_role("option", name="Over here to me, Nell.").click()
    expect(tool.locator("blockquote")).to_have_text("Over here to me, Nell.")
    tool.get_by_role("button", name="I am unsure").click()
    tool.get_by_label("Your note").fill("a call, no state")
    first.get_by_role("button", name="No").click()
    bench.saved()
    expect(tool.locator(".dyad-count")).to_have_text("7 of 86 coded, 1 unsure")
    assert bench.codes() == {**dict.fromkeys(range(1, 6), "not_mind_related"), 6: "appropriate", 10: "not_mind_related"}
    assert (bench.rows()[-1]["unsure"], bench.rows()[-1]["note"]) == ("1", "a call, no state")
    bench.press("n")  # the focus is where it was, on a button of the tool
    bench.saved()
    assert bench.codes()[11] == "not_mind_related"
    tool.get_by_role("button", name="Undo").click()
    expect(tool.locator(".dyad-where")).to_contain_text("Comment 11 of 86")
    bench.saved()
    assert 11 not in bench.codes()


def test_the_filter_shows_what_is_unsure_or_not_coded(lab):
    bench = Bench(lab, "filter", GRADED)
    bench.list().focus()
    bench.press("n", "n", "f", "n", "n")
    bench.saved()
    bench.tool().get_by_label("Show").select_option("unsure")
    shown = bench.list().locator("[role=option]:visible")
    expect(shown).to_have_count(2)  # the flagged one, and the one that is open
    bench.tool().get_by_label("Show").select_option("not coded")
    expect(shown).to_have_count(86 - 4)
    bench.tool().get_by_label("Show").select_option("all")
    expect(shown).to_have_count(86)


def test_a_whole_session_by_keyboard_alone_with_a_reload_in_the_middle(lab):
    bench = Bench(lab, "keyboard", GRADED)
    plan = planned()
    bench.list().focus()
    for number in range(1, 44):
        bench.press(*keys_for(*plan[number]))
    bench.saved()
    lab.command("docmanager:save")
    lab.open("keyboard/w.ipynb")  # loads the page anew
    lab.run_all()
    expect(bench.tool().locator(".dyad-where")).to_contain_text("Comment 44 of 86")
    expect(bench.tool().locator(".dyad-count")).to_have_text("43 of 86 coded")
    cells = lab.cells()
    lab.page.wait_for_timeout(1000)  # after a run JupyterLab takes the focus for its cell once more
    bench.list().focus()
    expect(bench.list()).to_be_focused()
    for number in range(44, 87):
        bench.press(*keys_for(*plan[number]))
        if number < 86:
            expect(bench.tool().locator(".dyad-where")).to_contain_text(f"Comment {number + 1} of 86")
    bench.saved()  # Python's answer has the comment drawn again
    expect(bench.tool().locator(".dyad-result")).to_contain_text("Every comment is coded")
    bench.press("s")
    counts = bench.tool().get_by_role("region", name="Summary")
    expect(counts).to_contain_text("86 of 86 comments coded")
    lab.picture("coder_summary")
    bench.press("Escape")
    expect(bench.list()).to_be_focused()
    bench.saved()
    assert bench.codes() == {number: code for number, (code, _) in plan.items()}
    assert {int(row["comment"]): row["category"] for row in bench.rows()} == {n: kind for n, (_, kind) in plan.items()}
    assert lab.cells() == cells


def test_tab_goes_through_the_tool_and_out_of_it(lab):
    bench = Bench(lab, "tab", GRADED)
    inside = "() => document.querySelector('.dyad-coder').contains(document.activeElement)"
    bench.tool().get_by_label("Show").focus()
    stops = 0
    while bench.page.evaluate(inside):
        bench.press("Tab")
        stops += 1
        assert stops < 40, "the keyboard is trapped"
    assert stops > 15
    bench.press("Shift+Tab")
    assert bench.page.evaluate(inside)


def test_keys_that_mean_something_to_jupyterlab_cost_no_cell(lab):
    bench = Bench(lab, "guard", PRACTICE)
    cells = lab.cells()
    for control in bench.tool().locator("button:visible, [role=listbox], select").all():
        control.focus()
        bench.press("x", "d", "d", "a", "b", "m", "v", "z", "Escape")
        if not bench.page.evaluate("() => document.querySelector('.dyad-coder').contains(document.activeElement)"):
            control.focus()
    assert lab.cells() == cells


def test_the_notebook_application_runs_the_tool_too_and_its_keys_cost_no_cell(lab):
    folder = lab.server.folder / "classic"
    folder.mkdir()
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(GRADED)], metadata=notebooks.CANONICAL_METADATA
    )
    (folder / "w.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")
    page = lab.page
    page.goto(lab.server.address("notebooks/classic/w.ipynb"), wait_until="domcontentloaded")
    cell = page.locator(".jp-CodeCell .cm-content")
    expect(cell).to_contain_text("code_session")  # it shows an empty cell until the file has come
    page.wait_for_selector("[data-status=idle]")
    for _ in range(9):  # its keys mean nothing until it is wholly there, which it does not tell
        cell.click()
        page.keyboard.press("Control+Enter")
        with contextlib.suppress(AssertionError):
            expect(page.locator(".jp-InputPrompt").first).not_to_have_text("[ ]:", timeout=5 * driver.SECONDS)
            break
    tool = page.locator(".dyad-coder")
    expect(tool.get_by_text("✓ All saved")).to_be_visible(timeout=driver.PATIENCE)
    page.wait_for_timeout(1000)  # after a run the application takes the focus for its cell once more
    lab.complaints.clear()  # it has one of its own when it opens any notebook, and one when it is left
    tool.get_by_role("listbox").focus()
    for key in ("n", "y", "1", "y", "x", "d", "d", "a", "b"):
        page.keyboard.press(key)
    expect(tool.locator(".dyad-count")).to_have_text("2 of 86 coded")
    expect(tool.locator(".dyad-saved")).to_contain_text("✓ All saved")
    with open(folder / "w01_codes.csv", encoding="utf-8", newline="") as stream:
        assert [row["code"] for row in csv.DictReader(stream) if row["code"]] == ["not_mind_related", "appropriate"]
    lab.picture("coder_notebook_application")
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(1)
    assert not lab.complaints
    lab.start()  # where the tab can stop the kernel at its end
    lab.complaints.clear()


def test_practice_gives_a_reason_and_the_coder_may_disagree(lab):
    bench = Bench(lab, "practice", PRACTICE)
    tool = bench.tool()
    expect(tool.locator(".dyad-reason")).to_be_hidden()
    bench.list().focus()
    bench.press("y", "3", "n")
    expect(tool.locator(".dyad-reason")).to_contain_text("The expert gave another code: appropriate, emotion.")
    expect(tool.locator(".dyad-where")).to_contain_text("Comment 1 of 10")  # it waits for the reason to be read
    bench.press("d")
    expect(tool.get_by_role("button", name="I disagree")).to_have_attribute("aria-pressed", "true")
    bench.press("Enter")
    expect(tool.locator(".dyad-where")).to_contain_text("Comment 2 of 10")
    expect(tool.locator(".dyad-reason")).to_be_hidden()
    bench.saved()
    assert bench.rows("w01_practice.csv")[0]["disagrees"] == "1"
    lab.picture("coder_practice")


def test_after_a_restart_of_python_nothing_is_called_saved_that_is_not(lab):
    bench = Bench(lab, "restart", GRADED)
    bench.list().focus()
    bench.press("n", "n", "n")
    bench.saved()
    lab._finish("shell.currentWidget.sessionContext.session.kernel.restart()")
    lab.settle()
    bench.list().focus()
    bench.press("n")
    expect(bench.tool().locator(".dyad-saved")).to_contain_text("NOT SAVED")
    assert len(bench.codes()) == 3
    lab.run_all()
    expect(bench.tool().locator(".dyad-where")).to_contain_text("Comment 4 of 86")
    bench.list().focus()
    bench.press("n")
    bench.saved()
    assert len(bench.codes()) == 4
    # the page speaks to a Python that is gone; what JupyterLab says of that is not the tool's
    lab.complaints.clear()


def test_two_copies_in_one_notebook_do_not_eat_each_others_work(lab):
    bench = Bench(lab, "copies", GRADED, GRADED)
    bench.list(0).focus()
    bench.press("n", "n")
    bench.saved(0)
    bench.list(1).focus()
    bench.press("y", "1", "y")
    bench.saved(1)
    expect(bench.tool(1).locator(".dyad-count")).to_have_text("2 of 86 coded")
    assert bench.codes() == {1: "appropriate", 2: "not_mind_related"}


def test_a_damaged_file_is_told_of_in_the_tool(lab):
    bench = Bench(lab, "damaged", GRADED)
    bench.list().focus()
    bench.press("n", "n")
    bench.saved()
    path = bench.folder / "w01_codes.csv"
    path.write_text(path.read_text().replace("S03,2,", "S03,two,"))
    bench.press("n")
    alert = bench.tool().get_by_role("alert")
    expect(alert).to_contain_text("w01_codes.csv could not be read whole: line 3")
    expect(alert).to_contain_text("w01_codes_as_found_1.csv")
    bench.saved()
    assert bench.codes() == dict.fromkeys((1, 2, 3), "not_mind_related")


def test_the_saved_notebook_holds_a_table_for_where_nothing_is_live(lab):
    bench = Bench(lab, "static", GRADED)
    lab.command("docmanager:save")
    (cell,) = json.loads((bench.folder / "w.ipynb").read_text())["cells"]
    (output,) = [o for o in cell["outputs"] if "data" in o]
    assert "".join(output["data"]["text/html"]).count("<tr>") == 87


def test_axe_finds_nothing_in_light_and_dark_with_every_part_open(lab):
    bench = Bench(lab, "axe", GRADED, PRACTICE)
    bench.list(0).focus()
    bench.press("n", "n", "f", "n", "n", "n", "y", "1")
    bench.list(1).focus()
    bench.press("y", "3", "n", "d")
    assert bench.violations() == []
    for key in ("h", "s"):
        bench.list(0).focus()
        bench.press(key)
        assert bench.violations() == []
        lab.picture(f"coder_{key}", bench.tool(0))
        bench.press("Escape")
    bench.page.evaluate("() => { jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'}); }")
    bench.page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
    try:
        assert bench.violations() == []
        lab.picture("coder_dark", bench.tool(1))
    finally:
        bench.page.evaluate(
            "() => { jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'}); }"
        )
        bench.page.wait_for_selector("body[data-jp-theme-light=true]", state="attached")


def test_at_400_percent_everything_is_reached_without_scrolling_sideways(lab):
    bench = Bench(lab, "zoom", GRADED, PRACTICE)
    bench.list(1).focus()
    bench.press("y", "3", "n")
    lab.command("application:toggle-left-area")  # the list of files would leave no room for any notebook
    bench.page.set_viewport_size(NARROW)
    for number in (0, 1):
        tool = bench.tool(number)
        tool.scroll_into_view_if_needed()
        bench.list(number).focus()
        bench.press("h")
        too_wide = tool.evaluate(
            """node => [node, ...node.querySelectorAll('*:not(.dyad-unseen)')].filter(
                 e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline'
               ).map(e => e.outerHTML.slice(0, 100))"""
        )
        assert too_wide == []
        assert tool.evaluate("node => node.getBoundingClientRect().right") <= NARROW["width"]
        lab.picture(f"coder_narrow_{number}")
        bench.press("Escape")


def test_targets_are_large_enough(lab):
    bench = Bench(lab, "targets", PRACTICE)
    small = bench.tool().evaluate(
        """(node, least) => [...node.querySelectorAll('button, select, textarea, [role=option]:not([aria-disabled])')]
             .filter(e => e.offsetParent && (e.offsetHeight < least || e.offsetWidth < least))
             .map(e => e.outerHTML.slice(0, 100))""",
        SMALLEST_TARGET,
    )
    assert small == []


def test_two_hundred_comments_lose_no_key_and_the_response_is_measured(lab, capsys):
    long = (
        "import dyadlab\nfrom dyadlab.coding import sessions\n"
        'sessions.TASKS["long"] = sessions.Task("long", "Long", "long.csv", {"S04": None, "S09": None}, False)\n'
        'dyadlab.code_session("long")'
    )
    bench = Bench(lab, "long", long)
    bench.list().focus()
    drawn = bench.page.evaluate(
        """async count => {
             const list = document.querySelector('.dyad-coder [role=listbox]'), times = [];
             for (let i = 0; i < count; i += 1) {
               const before = performance.now();
               list.dispatchEvent(new KeyboardEvent('keydown', {key: 'n', bubbles: true}));
               list.getBoundingClientRect();  // the layout is part of the work
               times.push(performance.now() - before);
               await new Promise(requestAnimationFrame);
             }
             return times;
           }""",
        100,
    )
    bench.saved()
    for _ in range(len(sessions.comments("graded"))):
        bench.press("n")
    bench.saved()
    confirmed = []
    for _ in range(10):
        confirmed.append(
            bench.page.evaluate(
                """() => new Promise(done => {
                     const list = document.querySelector('.dyad-coder [role=listbox]');
                     const saved = document.querySelector('.dyad-coder .dyad-saved'), before = performance.now();
                     const seen = new MutationObserver(() => {
                       if (saved.dataset.state === 'good') { seen.disconnect(); done(performance.now() - before); }
                     });
                     list.dispatchEvent(new KeyboardEvent('keydown', {key: 'n', bubbles: true}));
                     seen.observe(saved, {attributes: true, childList: true, characterData: true, subtree: true});
                   })"""
            )
        )
    assert len({(row["session"], row["comment"]) for row in bench.rows("long.csv")}) == 100 + 86 + 10
    with capsys.disabled():
        print(
            f"\n203 comments: a decision is drawn in {statistics.median(drawn):.0f} ms (at most {max(drawn):.0f}), "
            f"saved in {statistics.median(confirmed):.0f} ms (at most {max(confirmed):.0f})."
        )
