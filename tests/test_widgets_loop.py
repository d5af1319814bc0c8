"""Claims about the loop explorer of week 7."""

import numpy as np
import pytest
from dyadlab import models
from dyadlab.widgets.loop import CEILING, CHANCE, UNDER_DEPRESSION, WITHOUT_DEPRESSION, describe, loop, read

NEAR, BEYOND = ((0.72, 0.28), (0.28, 0.70)), ((0.72, 0.29), (0.29, 0.70))
STRONG = ((0.72, 0.36), (0.36, 0.70))


# --- The model, without any widget


def test_a_reading_is_what_the_models_say():
    now = read(WITHOUT_DEPRESSION, start=0, push=0.28)
    assert (now.radius, now.amplification) == (pytest.approx(0.82), pytest.approx(1.1667, abs=1e-4))
    assert now.rests == pytest.approx(np.array([[1.1667, 0.4667]]), abs=1e-4)
    assert np.allclose(now.path, models.simulate_loop(WITHOUT_DEPRESSION, 60, push=[0.28, 0]))


def test_chance_is_the_same_at_every_setting():
    """In a linear loop the chanced path minus the plain one depends on the loop alone, not on start or push."""
    first, second = read(UNDER_DEPRESSION, start=1, push=0), read(UNDER_DEPRESSION, start=-0.5, push=0.2)
    assert np.allclose(first.chanced - first.path, second.chanced - second.path)
    assert np.allclose(first.chanced - first.path, models.simulate_loop(UNDER_DEPRESSION, 60, noise=CHANCE))


def test_at_the_edge_the_words_turn():
    before, after = describe(read(NEAR)), describe(read(BEYOND))
    assert "70.2 seconds" in before and "amplification 15.00" in before and "One resting state" in before
    assert "There is no resting state" in after and "no amplification to report" in after
    assert "Spectral radius 1.0002, not below 1" in after  # and not “1.00”
    assert "nan" not in after and "inf" not in after


def test_with_the_ceiling_two_resting_states_are_told():
    words = describe(read(STRONG, ceiling=CEILING))
    assert "2 resting states: mother −1.78, baby −1.71; mother +1.78, baby +1.71." in words


def test_exactly_at_1_nothing_is_divided_by_zero():
    assert "a division by zero" in describe(read(((0.5, 0.5), (0.5, 0.5))))


def test_without_any_inertia_or_following_a_disturbance_is_gone_at_once():
    assert describe(read(((0, 0), (0, 0)))).startswith("Spectral radius 0: ")


# --- The widget, without a browser


def _controls(explorer):
    return [control for row in explorer.children[1:4] for control in row.children]


def test_every_setting_moves_picture_and_words():
    explorer = loop()
    *_, picture, words = explorer.children
    seen = {(picture.value, words.value)}
    for control, value in zip(_controls(explorer), (0.8, 0.2, 0.3, 0.5, -1.0, 0.1, CEILING), strict=True):
        control.value = value
        seen.add((picture.value, words.value))
    assert len({picture for picture, _ in seen}) == 8
    assert explorer.loop == [[0.8, 0.2], [0.3, 0.5]]
    assert (explorer.start, explorer.push, explorer.ceiling) == (-1.0, 0.1, CEILING)


def test_buttons_set_the_whole_loop_and_draw_once():
    explorer = loop()
    drawn = []
    explorer.children[-2].observe(lambda change: drawn.append(1), names="value")
    under, without = explorer.children[0].children
    under.click()
    assert np.array_equal(explorer.loop, UNDER_DEPRESSION) and len(drawn) == 1
    without.click()
    assert np.array_equal(explorer.loop, WITHOUT_DEPRESSION) and len(drawn) == 2


def test_the_choice_of_a_ceiling_shows_none_at_first():
    explorer = loop()
    assert (explorer._ceiling.label, explorer.ceiling) == ("none", None)


def test_going_there_and_back_gives_the_same_picture():
    explorer = loop()
    before = explorer.children[-2].value
    explorer.loop, explorer.ceiling = STRONG, CEILING
    assert explorer.children[-2].value != before
    explorer.ceiling, explorer.loop = None, WITHOUT_DEPRESSION
    assert explorer.children[-2].value == before


def test_a_loop_that_runs_away_is_drawn_all_the_same():
    explorer = loop()
    explorer.loop = [[0.95, 0.6], [0.6, 0.95]]
    assert "leaves the picture" in explorer.children[-2].value and "nan" not in explorer.children[-1].value


def test_every_control_has_a_name_and_the_picture_a_text_alternative():
    explorer = loop()
    assert [control.description for control in _controls(explorer)] == [
        "Mother’s inertia", "Mother follows baby", "Baby follows mother", "Baby’s inertia", "Mother starts at",
        "Lasting push on her", "Ceiling",
    ]  # fmt: skip
    *_, picture, words = explorer.children
    assert 'alt="Left, the plane' in picture.value and "ends at mother 0.00, baby 0.00" in picture.value
    assert 'role="status"' in words.value


def test_one_figure_is_used_again_and_none_is_left_open():
    import matplotlib.pyplot as plt

    plt.close("all")
    explorer = loop()
    count = [len(axes.lines) for axes in explorer._canvas.figure.axes]
    for hundredths in range(10, 40):
        explorer._sliders[1].value = hundredths / 100
    assert [len(axes.lines) for axes in explorer._canvas.figure.axes] == count
    assert plt.get_fignums() == []


def test_where_no_widget_can_live_the_words_stand_in_whole():
    explorer = loop()
    assert explorer._repr_mimebundle_()["text/plain"].endswith(describe(explorer.reading))


def test_the_explorer_is_found_under_its_course_name():
    import dyadlab

    assert dyadlab.widgets.loop is loop
