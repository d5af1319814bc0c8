"""Claims about explorers in a notebook that is graded: nobody looks at them, so they say all and draw nothing."""

import ipywidgets
import numpy as np
import pandas as pd
import pytest
from dyadlab import widgets

SCORES, CONDITION = np.arange(31), np.arange(31) > 12
STANDARDS = 4.0 * 3.0 ** np.arange(8), np.array([1.93, 1.82, 1.52, 1.10, 0.61, 0.34, 0.13, 0.09])
MADE = {
    "bins": lambda: widgets.bins(pd.Series([1.0, 2.0, 2.5]), "Minutes"),
    "curve": lambda: widgets.curve(*STANDARDS),
    "cutoff": lambda: widgets.cutoff(SCORES, CONDITION),
    **{name: getattr(widgets, name) for name in ("kappa", "loop", "power", "same_words", "traits", "worlds")},
}


def pictures(explorer):
    """What stands in the HTML parts of an explorer that hold a picture."""
    return [part.value for part in parts(explorer) if isinstance(part, ipywidgets.HTML) and "<img" in part.value]


def parts(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from parts(child)


def test_every_explorer_is_tried_here():
    assert set(MADE) == set(widgets.__all__)


@pytest.mark.parametrize("name", [name for name in MADE if name != "same_words"])  # which has words only
def test_an_explorer_in_a_graded_notebook_draws_nothing_and_says_the_same(name, monkeypatch):
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    seen = MADE[name]()
    assert pictures(seen)
    for running in ("autograde", "validate"):
        monkeypatch.setenv("NBGRADER_EXECUTION", running)
        unseen = MADE[name]()
        assert pictures(unseen) == []
        assert repr(unseen) == repr(seen)
        assert unseen._repr_mimebundle_()["text/plain"] == seen._repr_mimebundle_()["text/plain"]


@pytest.mark.parametrize("name", MADE)
def test_whoever_moves_a_slider_in_code_is_answered_though_nothing_is_drawn(name, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    explorer = MADE[name]()
    for part in parts(explorer):
        if isinstance(part, widgets.slider.Slider):
            part.move(+1)
            part.move(-2)
        elif isinstance(part, ipywidgets.Button):
            part.click()
    assert repr(explorer)
