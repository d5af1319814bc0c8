"""Claims about the histogram explorer of week 0."""

import re

import numpy as np
import pandas as pd
import pytest
from dyadlab.widgets.bins import MOST_BINS, Bins, NothingToCount, bins, count_bins, describe


@pytest.fixture
def values():
    return np.random.default_rng(20240).lognormal(mean=3.2, sigma=0.6, size=62)


@pytest.mark.parametrize("n_bins", [1, 2, 7, 30, MOST_BINS])
def test_every_value_is_in_exactly_one_bin(values, n_bins):
    binned = count_bins(values, n_bins)
    assert len(binned.counts) == n_bins
    assert binned.counts.sum() == 62
    assert binned.edges[0] == values.min()
    assert binned.edges[-1] == values.max()


def test_mean_and_median_in_the_words_are_those_of_the_values_whatever_the_bins(values):
    for n_bins in (1, 5, 25):
        mean, median = re.search(
            r"the mean is ([\d.]+) and the median ([\d.]+)\.", describe(count_bins(values, n_bins))
        ).groups()
        assert (mean, median) == (f"{values.mean():.1f}", f"{np.median(values):.1f}")


def test_words_name_the_fullest_bin():
    words = describe(count_bins([1, 1.5, 1.9, 2.5, 5], 4))
    assert "The fullest runs from 1.0 to 2.0 and holds 3 of the 5 values." in words
    assert "Empty bins: 1." in words


def test_words_keep_neighbouring_edges_apart():
    words = describe(count_bins(np.linspace(0.10, 0.12, 40), 20))
    low, high = re.search(r"runs from ([\d.]+) to ([\d.]+)", words).groups()
    assert low != high


def test_values_that_are_all_the_same_can_be_shown():
    assert "holds 5 of the 5 values" in describe(count_bins([3, 3, 3, 3, 3], 4))


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Series])
def test_a_list_an_array_and_a_column_show_the_same(values, kind):
    assert bins(kind(values), "Oxytocin (pg/ml)").summary == bins(values, "Oxytocin (pg/ml)").summary


def test_missing_values_are_left_out_and_said(values):
    with_gaps = np.append(values, [np.nan, np.nan])
    explorer = bins(with_gaps, "Oxytocin (pg/ml)")
    assert explorer.binned.counts.sum() == 62
    assert "Missing values left out: 2." in explorer.summary


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (pd.Series(["girl", "boy"]), "not numbers"),
        (pd.DataFrame({"a": [1, 2], "b": [3, 4]}), "one column at a time"),
        (7, "one column at a time"),
        ([], "no values"),
        ([np.nan], "no values"),
    ],
)
def test_what_cannot_be_counted_gets_a_sentence(wrong, said):
    with pytest.raises(NothingToCount, match=said):
        bins(wrong, "label")


def _parts(explorer):
    (number, fewer, more), picture, words = explorer.children[0].children, *explorer.children[1:]
    return number, fewer, more, picture, words


def test_another_number_changes_picture_and_words(values):
    explorer = bins(values, "Oxytocin (pg/ml)")
    number, _, _, picture, words = _parts(explorer)
    before = picture.value, words.value
    number.value = 25
    assert explorer.n_bins == 25
    assert picture.value != before[0]
    assert "25 bins" in words.value and words.value != before[1]


def test_buttons_step_by_one_and_stop_at_the_ends(values):
    explorer = bins(values, "Oxytocin (pg/ml)")
    _, fewer, more, _, _ = _parts(explorer)
    more.click()
    assert explorer.n_bins == 11
    fewer.click()
    fewer.click()
    assert explorer.n_bins == 9
    explorer.n_bins = 1
    fewer.click()
    assert explorer.n_bins == 1
    explorer.n_bins = MOST_BINS
    more.click()
    assert explorer.n_bins == MOST_BINS


def test_every_control_has_a_name_and_the_picture_says_what_it_is(values):
    number, fewer, more, picture, words = _parts(bins(values, 'Oxytocin <pg/ml> "saliva"'))
    assert [control.description for control in (number, fewer, more)] == [
        "Number of bins", "Fewer bins", "More bins",
    ]  # fmt: skip
    assert 'alt="Histogram of Oxytocin &lt;pg/ml&gt; &quot;saliva&quot; in 10 bins.' in picture.value
    assert 'role="status"' in words.value


def test_one_figure_and_its_axes_are_used_again_and_none_is_left_open(values):
    import matplotlib.pyplot as plt

    plt.close("all")
    explorer = bins(values, "Oxytocin (pg/ml)")
    figure, axes = explorer._figure, explorer._axes
    for n_bins in range(1, 15):
        explorer.n_bins = n_bins
    assert explorer._figure is figure and figure.axes == [axes]
    assert len(axes.patches) == 14
    assert plt.get_fignums() == []


def test_where_no_widget_can_live_the_words_stand_in_whole(values):
    explorer = Bins(values, "Oxytocin (pg/ml)")
    assert explorer._repr_mimebundle_()["text/plain"].endswith(explorer.summary)


def test_the_explorer_is_found_under_its_course_name():
    import dyadlab

    assert dyadlab.widgets.bins is bins
