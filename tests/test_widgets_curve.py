"""Claims about fitting a curve by eye."""

import numpy as np
import pytest
from dyadlab import models
from dyadlab.widgets.curve import CONTROLS, FIRST, RESIDUALS_UP_TO, curve, describe, read

TRUE = models.Curve(1.2, 1.0, 110.0, 0.08)


@pytest.fixture(scope="module")
def data():
    x = np.repeat([0, 15.625, 31.25, 62.5, 125, 250, 500, 1000], 2)
    return x, models.density_at(x, TRUE) + np.random.default_rng(4).normal(0, 0.015, len(x))


def _parts(explorer):
    (row,) = explorer.children
    left, picture = row.children
    *sliders, button, words = left.children
    return sliders, button, words, picture


# --- the model, without any widget


def test_the_sum_of_squares_is_that_of_all_wells(data):
    x, y = data
    assert read(x, y, FIRST).sum_of_squares == pytest.approx(((y - models.density_at(x, FIRST)) ** 2).sum())


def test_the_worst_miss_is_named_with_its_side(data):
    now = read(*data, TRUE._replace(top=0.9))
    assert now.worst == 0 and now.miss > 0.2
    assert "misses most at 0 pg/ml" in describe(now) and "above it" in describe(now)
    assert "below it" in describe(read(*data, TRUE._replace(top=1.5)))


def test_words_set_least_squares_beside_ones_own(data):
    best = read(*data, models.fit_curve(*data, weighted=False))
    words = describe(read(*data, FIRST), best)
    assert f"{best.sum_of_squares:.4f}" in words and f"{best.curve.midpoint:.0f}" in words
    assert "Least squares" not in describe(read(*data, FIRST))


# --- the widget, without a browser


def test_each_of_the_four_numbers_moves_picture_and_words(data):
    explorer = curve(*data)
    sliders, _, words, picture = _parts(explorer)
    for slider, value in zip(sliders, (1.3, 1.4, 60, 0.15), strict=True):
        before = picture.value, words.value
        slider.value = value
        assert picture.value != before[0] and words.value != before[1]
    assert explorer.values == pytest.approx((1.3, 1.4, 60, 0.15))
    assert f"{explorer.reading.sum_of_squares:.4f}" in words.value


def test_no_setting_of_the_sliders_beats_least_squares(data):
    explorer = curve(*data)
    best = explorer._best.sum_of_squares
    rng = np.random.default_rng(6)
    for _ in range(200):
        tried = [rng.uniform(low, high) for _, low, high, *_ in CONTROLS]
        if tried[0] > tried[3]:
            assert read(*data, tried).sum_of_squares >= best
    assert read(*data, TRUE).sum_of_squares >= best


def test_the_button_shows_least_squares_and_hides_it_again(data):
    explorer = curve(*data)
    _, button, words, picture = _parts(explorer)
    alone = picture.value
    button.click()
    assert explorer.compared and button.description == "Hide least squares"
    assert "Least squares" in words.value and picture.value != alone
    button.click()
    assert not explorer.compared and picture.value == alone


def test_the_drawn_line_is_the_curve_of_the_four_numbers(data):
    explorer = curve(*data)
    explorer.values = (1.1, 0.9, 90, 0.1)
    x, y = explorer._line.get_data()
    right = x > 15
    assert y[right] == pytest.approx(models.density_at(x[right], explorer.values))
    inside, above, below = (points.get_ydata() for points in explorer._residuals)
    assert inside == pytest.approx(data[1] - models.density_at(data[0], explorer.values))
    assert not len(above) and not len(below)


def test_the_first_curves_misses_fit_in_their_panel_and_larger_ones_become_arrowheads_at_its_edge(data):
    explorer = curve(*data)
    inside, above, below = explorer._residuals
    assert len(inside.get_ydata()) == len(data[0]) and "Arrowheads" not in _parts(explorer)[2].value
    explorer.values = (0.5, 1, 100, 0.4)
    missed = data[1] - models.density_at(data[0], explorer.values)
    assert len(above.get_ydata()) == (missed > RESIDUALS_UP_TO).sum() > 0
    assert len(below.get_ydata()) == (missed < -RESIDUALS_UP_TO).sum()
    drawn = [len(points.get_ydata()) for points in explorer._residuals]
    assert sum(drawn) == len(missed)  # no point is lost from sight
    assert max(above.get_ydata()) < RESIDUALS_UP_TO
    assert "Arrowheads are residuals too large" in _parts(explorer)[2].value
    assert len({points.get_marker() for points in explorer._residuals}) == 3


def test_a_bottom_above_the_top_gets_a_sentence_and_the_widget_lives_on(data):
    explorer = curve(*data)
    explorer.values = (0.4, 1, 100, 0.9)
    _, _, words, picture = _parts(explorer)
    assert "above its bottom" in words.value
    before = picture.value
    explorer.values = TRUE
    assert picture.value != before and "sum of squares" in words.value


def test_every_control_has_a_name_and_the_picture_a_text_alternative(data):
    sliders, button, words, picture = _parts(curve(*data))
    assert [slider.description for slider in sliders] == [name for name, *_ in CONTROLS]
    assert button.description == "Show least squares"
    assert "Your sum of squares" in picture.value.split("src=")[0]
    assert 'role="status"' in words.value


def test_one_figure_is_used_again_and_none_is_left_open(data):
    import matplotlib.pyplot as plt

    plt.close("all")
    explorer = curve(*data)
    lines = len(explorer._line.axes.lines)
    for midpoint in range(50, 300, 25):
        explorer._sliders[2].value = midpoint
    assert len(explorer._line.axes.lines) == lines and plt.get_fignums() == []


def test_where_no_widget_can_live_the_words_stand_in_whole(data):
    explorer = curve(*data)
    assert explorer._repr_mimebundle_()["text/plain"] == f"Curve by eye. {describe(explorer.reading)}"


def test_columns_that_do_not_fit_get_a_sentence_at_once(data):
    x, y = data
    with pytest.raises(models.MakesNoSense, match="each well needs one"):
        curve(x[1:], y)
    with pytest.raises(models.MakesNoSense, match="negative"):
        curve(x, -y)


def test_the_explorer_is_found_under_its_course_name():
    import dyadlab

    assert dyadlab.widgets.curve is curve
