"""The explorers' sliders in a real browser: keyboard, mouse, typing, screen readers, a slow Python, both themes."""

import contextlib
import re
from pathlib import Path

import axe_playwright_python
import nbformat
import pytest
from dyadlab.grading import notebooks
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect

from . import driver

pytestmark = pytest.mark.browser

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
SMALLEST_TARGET = 24  # CSS pixels, WCAG 2.2 criterion 2.5.8
NARROW = {"width": 320, "height": 640}  # a screen of 1280 pixels at 400 %, WCAG criterion 1.4.10
KEYS_FOR_CELLS = ("x", "d", "d", "a", "b", "m", "r", "y", "v", "c", "v", "z")

CURVE = """import dyadlab, numpy as np
from dyadlab import models
pg_ml = np.repeat([0, 15.625, 31.25, 62.5, 125, 250, 500, 1000], 2)
explorer = dyadlab.widgets.curve(pg_ml, models.density_at(pg_ml, models.Curve(1.2, 1.0, 110.0, 0.08)))
explorer"""
LOOP = "import dyadlab\ndyadlab.widgets.loop()"
KAPPA = "import dyadlab\ndyadlab.widgets.kappa()"
CUTOFF = """import dyadlab, numpy as np
dyadlab.widgets.cutoff(np.arange(30), np.arange(30) > 12)"""
# A slider whose Python takes a fifth of a second for each value and then tells which it got.
SLOW = """import time, ipywidgets
from dyadlab.widgets.slider import Slider
slider, told, got = Slider(0, 0, 100, 1, "Slow one"), ipywidgets.HTML("nothing"), []
def tell(change):
    time.sleep(0.2)
    got.append(change["new"])
    told.value = f"{len(got)} values, the last is {got[-1]}."
slider.observe(tell, names="value")
ipywidgets.VBox([slider, told])"""


def explorer(lab, name, *cells):
    """A notebook with these cells, open and run; the outputs that hold widgets."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=notebooks.CANONICAL_METADATA
    )
    (lab.server.folder / f"{name}.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")
    lab.open(f"{name}.ipynb")
    lab.run_all()
    expect(lab.page.locator(".dyad-slider").first).to_be_visible()
    lab.settle()
    return lab.widgets.first


def drag(page, slider, *shares):
    """Take hold of a slider in its middle and pull it through these shares of its length."""
    box = slider.bounding_box()
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, height)
    page.mouse.down()
    for share in shares:
        page.mouse.move(box["x"] + share * box["width"], height)
    page.mouse.up()


def test_keyboard_mouse_and_typing_move_the_slider_and_the_words_follow(lab):
    shown = explorer(lab, "curve", CURVE)
    slider, number = shown.get_by_role("slider", name="Slope B"), shown.get_by_role("spinbutton", name="Slope B")
    words = shown.get_by_role("status")
    expect(slider).to_have_value("0.6")
    expect(number).to_have_value("0.60")
    lab.picture("slider_curve", shown)
    before = words.inner_text()

    slider.focus()
    lab.page.keyboard.press("ArrowRight")
    expect(words).not_to_have_text(before)
    expect(number).to_have_value("0.65")
    for key, end in (("End", "3.00"), ("Home", "0.20")):
        lab.page.keyboard.press(key)
        expect(number).to_have_value(end)
    lab.page.keyboard.press("PageUp")
    expect(number).not_to_have_value("0.20")

    lab.settle()
    before = words.inner_text()
    drag(lab.page, slider, 0.6, 0.7, 0.75)
    assert 2.2 < float(number.input_value()) < 2.8
    expect(words).not_to_have_text(before)
    expect(slider).to_be_focused()
    lab.page.keyboard.press("ArrowLeft")  # and the keyboard goes on where the mouse was
    expect(slider).to_be_focused()

    for typed, kept, stands in (("1.23", "1.23", "1.25"), ("99", "3.00", "3"), ("", "3.00", "3"), ("1", "1.00", "1")):
        number.fill(typed)
        lab.page.keyboard.press("Enter")
        expect(number).to_have_value(kept)
        expect(slider).to_have_value(stands)
        expect(slider).to_have_attribute("aria-valuetext", kept)
    lab.page.keyboard.press("ArrowUp")
    expect(number).to_have_value("1.05")
    number.fill("2")
    lab.page.keyboard.press("Escape")
    expect(number).to_have_value("1.05")
    midpoint = shown.get_by_role("slider", name="Midpoint C (pg/ml)")
    expect(midpoint).to_have_attribute("aria-valuetext", "250 pg/ml")


def test_python_moves_the_slider(lab):
    shown = explorer(lab, "python", CURVE, "explorer.values = (1.2, 1.0, 110, 0.08); explorer.values")
    for name, value in (("Top A", "1.20"), ("Slope B", "1.00"), ("Midpoint C", "110"), ("Bottom D", "0.08")):
        expect(shown.get_by_role("spinbutton", name=name)).to_have_value(value)
        expect(shown.get_by_role("slider", name=name)).to_have_value(re.compile(rf"{float(value):g}"))
    expect(shown.get_by_role("status")).to_contain_text("Your sum of squares: 0.0000")
    # and the other way round: what was moved by hand is what the next cell reads
    shown.get_by_role("slider", name="Slope B").focus()
    lab.page.keyboard.press("End")
    lab.settle()
    lab.select(1)
    lab.page.evaluate(
        "() => { jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.setSource('explorer.values'); }"
    )
    lab.command("notebook:run-cell")
    expect(lab.outputs.last).to_contain_text("slope B = 3.000")


def test_a_slow_python_gets_few_values_and_always_the_last(lab):
    shown = explorer(lab, "slow", SLOW)
    slider, number = shown.get_by_role("slider", name="Slow one"), shown.get_by_role("spinbutton")
    moves = 120
    drag(lab.page, slider, *(0.5 + 0.4 * step / moves for step in range(moves)), 0.3)
    expect(shown.get_by_text(f"the last is {number.input_value()}.")).to_be_visible()
    assert 20 < int(number.input_value()) < 40
    last = number.input_value()
    lab.settle()
    expect(number).to_have_value(last)  # no older value came back
    got = int(re.search(r"(\d+) values", shown.inner_text())[1])
    assert got < moves / 2, f"{got} values for {moves} moves"


def test_keys_that_mean_something_to_jupyterlab_cost_no_cell(lab):
    shown = explorer(lab, "guard", LOOP)
    before = lab.cells()
    for role in ("slider", "spinbutton"):
        for control in shown.get_by_role(role).all():
            control.focus()
            for key in KEYS_FOR_CELLS:
                lab.page.keyboard.press(key)
            expect(control).to_be_focused()
    assert lab.cells() == before


def test_axe_finds_nothing_in_light_and_dark_and_targets_are_large_enough(lab):
    shown = explorer(lab, "axe", LOOP, CURVE)
    lab.page.evaluate(AXE)
    outputs = f"{driver.PANEL} .jp-Notebook .jp-OutputArea"
    look = "async sel => (await axe.run({include: [[sel]]})).violations.map(v => [v.id, v.nodes.map(n => n.html)])"
    assert lab.page.evaluate(look, outputs) == []
    small = lab.page.evaluate(
        """least => [...document.querySelectorAll('.dyad-slider input')].map(e => e.getBoundingClientRect())
             .filter(box => box.height < least || box.width < least).length""",
        SMALLEST_TARGET,
    )
    assert small == 0
    lab.picture("slider_loop", shown)
    lab.picture("slider_page")
    theme(lab.page, "JupyterLab Dark")
    try:
        assert lab.page.evaluate(look, outputs) == []
        shown.get_by_role("slider").first.focus()
        lab.page.keyboard.press("ArrowRight")
        lab.picture("slider_loop_dark", shown)
    finally:
        theme(lab.page, "JupyterLab Light")


def test_on_a_narrow_screen_label_slider_and_number_stay_within_it(lab):
    explorer(lab, "narrow", CURVE, LOOP, KAPPA, CUTOFF)
    expect(lab.page.locator(".dyad-slider")).to_have_count(4 + 6 + 2 + 2)
    lines = "() => [...document.querySelectorAll('.dyad-slider')].map(e => e.offsetHeight)"
    assert len(set(lab.page.evaluate(lines))) == 1  # on a wide screen each is in one line
    lab.picture("slider_wide")
    lab.command("application:toggle-left-area")  # the list of files would leave no room for any notebook
    lab.page.set_viewport_size(NARROW)
    try:
        beyond = """width => [...document.querySelectorAll('.dyad-slider, .dyad-slider *')]
            .filter(e => e.getBoundingClientRect().right > width).map(e => e.outerHTML)"""
        with contextlib.suppress(PlaywrightError):  # the page takes a moment to lay itself out anew
            lab.page.wait_for_function(f"width => ({beyond})(width).length === 0", arg=NARROW["width"], timeout=20_000)
        assert lab.page.evaluate(beyond, NARROW["width"]) == []
        lab.page.locator(".dyad-slider").first.scroll_into_view_if_needed()
        lab.picture("slider_narrow")
    finally:
        lab.page.set_viewport_size({"width": 1360, "height": 900})


def theme(page, name):
    page.evaluate("name => { jupyterapp.commands.execute('apputils:change-theme', {theme: name}); }", name)
    light = "false" if "Dark" in name else "true"
    page.wait_for_selector(f"body[data-jp-theme-light={light}]", state="attached")
