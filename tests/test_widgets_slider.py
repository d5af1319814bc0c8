"""Claims about the slider with a name: what it makes of numbers. In a page: tests/browser/test_sliders.py."""

import math
import subprocess
import sys

import numpy as np
import pytest
import traitlets
from dyadlab.widgets.slider import STATIC, Slider, decimals_of, tidy
from hypothesis import given
from hypothesis import strategies as st


def slope(value=0.6, **more):
    return Slider(value, 0.2, 3.0, 0.05, "Slope B", **more)


@pytest.mark.parametrize(
    ("number", "decimals"), [(1, 0), (5.0, 0), (1000, 0), (0.5, 1), (0.05, 2), (-0.001, 3), (1e-7, 7)]
)
def test_decimals_are_those_that_the_number_is_written_with(number, decimals):
    assert decimals_of(number) == decimals


def test_no_float_shows_that_it_is_one():
    slider = slope()
    for _ in range(20):
        slider.move(+1)
        assert len(str(slider.value)) <= 4
    slider.value = 0.1 + 0.2
    assert str(slider.value) == "0.3"
    assert str(tidy(-0.001, -1, 1, 2)) == "0.0"


@given(st.floats(allow_nan=False), st.integers(0, 4))
def test_whatever_comes_the_value_is_in_range_and_as_short_as_asked_for(value, decimals):
    kept = tidy(value, -2, 2, decimals)
    assert -2 <= kept <= 2 and kept == round(kept, decimals)
    if -2 <= value <= 2:
        assert abs(kept - value) <= 0.5000001 / 10**decimals


def test_a_value_out_of_range_is_moved_into_it_from_the_beginning():
    assert slope(99).value == 3.0
    slider = slope()
    slider.value = -math.inf
    assert slider.value == 0.2


def test_a_value_between_two_steps_is_kept_as_typed():
    slider = slope()
    slider.value = 1.23
    assert slider.value == 1.23
    slider.value = 1.234
    assert slider.value == 1.23
    assert Slider(0.25, -2, 2, 0.5, "Mother starts at", decimals=2).value == 0.25


@pytest.mark.parametrize("number", [7, 7.0, np.int64(7), np.float64(7.2), 6.6])
def test_where_steps_are_whole_so_are_values(number):
    slider = Slider(1, 1, 60, 1, "Number of bins")
    slider.value = number
    assert slider.value == 7 and type(slider.value) is int


@pytest.mark.parametrize("wrong", ["many", None, math.nan, [1, 2]])
def test_what_is_no_number_is_refused_with_a_sentence_and_changes_nothing(wrong):
    slider = slope()
    with pytest.raises(traitlets.TraitError, match=r"needs a number from 0\.2 to 3\.0"):
        slider.value = wrong
    assert slider.value == 0.6
    with pytest.raises(ValueError, match="needs a number"):
        slope(wrong)


def test_what_the_page_sends_is_tidied_too():
    slider = slope()
    for sent, kept in ((1.2300000000000002, 1.23), (55, 3.0), (0, 0.2)):
        slider.set_state({"value": sent})
        assert slider.value == kept


def test_who_observes_hears_of_each_change_once_and_only_of_changes():
    slider, heard = slope(), []
    slider.observe(lambda change: heard.append(change["new"]), names="value")
    slider.value = 1.5
    slider.value = 1.5000001
    slider.move(+1)
    slider.value = 9
    slider.move(+1)  # at its end
    assert heard == [1.5, 1.55, 3.0]


def test_range_and_name_stay():
    slider = slope()
    for name, other in (("min", 1), ("max", 2), ("step", 1), ("description", "x")):
        with pytest.raises(traitlets.TraitError, match="read-only"):
            setattr(slider, name, other)


@pytest.mark.parametrize(("low", "high", "step"), [(1, 1, 1), (2, 1, 1), (0, 1, 0), (0, 1, -1)])
def test_a_slider_that_cannot_be_moved_is_refused(low, high, step):
    with pytest.raises(ValueError, match="cannot be moved"):
        Slider(1, low, high, step, "x")


def test_the_page_gets_all_that_it_needs_to_name_and_to_say_the_value():
    state = slope(unit="per step").get_state()
    sent = {name: state[name] for name in ("value", "min", "max", "step", "decimals", "description", "unit")}
    assert sent == {
        "value": 0.6, "min": 0.2, "max": 3.0, "step": 0.05, "decimals": 2, "description": "Slope B", "unit": "per step",
    }  # fmt: skip
    assert state["_esm"] == (STATIC / "slider.js").read_text(encoding="utf-8")
    assert "https:" not in state["_esm"] + state["_css"] and "import " not in state["_esm"]  # nothing from elsewhere


def test_in_words_it_is_its_name_and_its_value():
    shown = slope(unit="per step")._repr_mimebundle_()
    bundle = shown[0] if isinstance(shown, tuple) else shown
    assert bundle["text/plain"] == "Slope B: 0.60 per step"
    assert repr(Slider(3, 1, 60, 1, "Number of bins")) == "Number of bins: 3"


def test_dyadlab_can_be_imported_without_it():
    line = "import sys, dyadlab; print('anywidget' in sys.modules, 'dyadlab.widgets' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
