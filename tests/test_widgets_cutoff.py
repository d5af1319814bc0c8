"""Claims about the cut-off explorer of week 4."""

import numpy as np
import pandas as pd
import pytest
from dyadlab import models
from dyadlab.widgets.cutoff import BASE_RATES, CUTOFFS, cutoff, describe, read


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(11)
    ill = rng.random(500) < 0.1
    score = np.clip(np.round(rng.normal(5 + 8 * ill, 3.5)), 0, 24)
    return score, ill.astype(int)


# --- The model, without any widget


def test_at_the_base_rate_of_the_data_the_predictive_values_are_those_of_the_data(data):
    score, ill = data
    now = read(score, ill, 11, ill.mean())
    positive = score >= 11
    assert now.ppv == pytest.approx(ill[positive].mean())
    assert now.npv == pytest.approx(1 - ill[~positive].mean())


def test_the_base_rate_leaves_sensitivity_and_specificity_alone(data):
    rare, common = (read(*data, 11, base) for base in (0.02, 0.5))
    assert (rare.sensitivity, rare.specificity) == (common.sensitivity, common.specificity)
    assert rare.ppv < common.ppv


def test_a_higher_cutoff_misses_more_and_calls_fewer_back(data):
    readings = [read(*data, c, 0.1) for c in CUTOFFS]
    assert (np.diff([r.counts.false_negative for r in readings]) >= 0).all()
    assert (np.diff([r.positives for r in readings]) <= 0).all()


@pytest.mark.parametrize("at", CUTOFFS)
def test_at_every_cutoff_and_base_rate_a_thousand_mothers_are_shown(data, at):
    for base in BASE_RATES:
        counts = read(*data, at, base / 100).counts
        assert sum(counts) == 1000 and min(counts) >= 0
        assert counts.true_positive + counts.false_negative == base * 10


def test_words_hold_the_numbers_of_the_reading(data):
    now = read(*data, 11, 0.1)
    words = describe(now)
    for number in (now.positives, now.counts.true_positive, now.counts.false_negative, f"{now.ppv:.2f}"):
        assert f"{number}" in words


def test_where_nobody_screens_positive_the_words_say_so_and_show_no_nan(data):
    words = describe(read(*data, 30, 0.1))
    assert "nobody" in words and "all 100 with depression are missed" in words and "nan" not in words


# --- The widget, without a browser


def _parts(explorer):
    controls, below = explorer.children
    return (*controls.children, *below.children)


def test_another_cutoff_moves_ring_picture_and_words(data):
    explorer = cutoff(*data)
    slider, _, _, _, words, picture = _parts(explorer)
    before = picture.value, words.value
    slider.value = 13
    now = read(*data, 13, 0.1)
    assert explorer.reading == now
    assert explorer._ring.get_xydata().tolist() == [[1 - now.specificity, now.sensitivity]]
    assert picture.value != before[0] and words.value != before[1]
    assert describe(now) in words.value


def test_another_base_rate_changes_the_words_and_leaves_the_picture(data):
    explorer = cutoff(*data)
    _, _, _, slider, words, picture = _parts(explorer)
    before = picture.value, words.value
    slider.value = 40
    assert picture.value == before[0] and words.value != before[1]


def test_buttons_step_by_one_and_stop_at_the_ends(data):
    explorer = cutoff(*data)
    _, lower, higher, *_ = _parts(explorer)
    higher.click()
    assert explorer.cutoff == 12
    explorer.cutoff = CUTOFFS[-1]
    higher.click()
    assert explorer.cutoff == CUTOFFS[-1]
    explorer.cutoff = CUTOFFS[0]
    lower.click()
    assert explorer.cutoff == CUTOFFS[0]


def test_every_control_has_a_name_and_the_picture_a_text_alternative(data):
    *controls, words, picture = _parts(cutoff(*data))
    assert [control.description for control in controls] == [
        "Cut-off (this score or more)", "Lower cut-off", "Higher cut-off", "Of 100 mothers, depressed",
    ]  # fmt: skip
    now = read(*data, 11, 0.1)
    assert f"A ring marks cut-off 11: sensitivity {now.sensitivity:.2f}" in picture.value
    assert 'role="status"' in words.value and 'scope="row"' in words.value


def test_one_figure_is_used_again_and_none_is_left_open(data):
    import matplotlib.pyplot as plt

    plt.close("all")
    explorer = cutoff(*data)
    axes = explorer._ring.axes
    drawn = len(axes.lines)
    for at in CUTOFFS:
        explorer.cutoff = at
    assert explorer._ring.axes is axes and len(axes.lines) == drawn
    assert plt.get_fignums() == []


def test_a_list_and_a_column_show_what_an_array_shows(data):
    score, ill = data
    assert cutoff(list(score), pd.Series(ill)).reading == cutoff(score, ill).reading


def test_where_no_widget_can_live_the_words_stand_in_whole(data):
    explorer = cutoff(*data)
    assert explorer._repr_mimebundle_()["text/plain"].endswith(describe(explorer.reading))


def test_columns_that_do_not_fit_get_a_sentence_at_once(data):
    score, ill = data
    with pytest.raises(models.MakesNoSense, match="499 diagnoses"):
        cutoff(score, ill[1:])
    with pytest.raises(models.MakesNoSense, match="missing"):
        cutoff(np.append(score, np.nan), np.append(ill, 0))


def test_the_explorer_is_found_under_its_course_name():
    import dyadlab

    assert dyadlab.widgets.cutoff is cutoff
