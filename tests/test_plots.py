"""Claims about the one-line figures: what they show, and what they say on their axes."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from dyadlab import models, plots
from dyadlab.checks import figure_facts


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture
def two_groups():
    rng = np.random.default_rng(8)
    return rng.gamma(3, 2, 62), np.repeat(["elevated", "not elevated"], [26, 36])


def test_a_raincloud_shows_every_value_beside_its_own_group(two_groups):
    values, groups = two_groups
    facts = figure_facts(plots.raincloud(values, groups, label="comments (%)", group_label="symptoms"))
    x, y = np.array(facts["xdata"]), np.array(facts["ydata"])
    for place, group in enumerate(["elevated", "not elevated"]):
        assert set(values[groups == group]) <= set(x[np.abs(y - place) < 0.45])
    assert (facts["xlabel"], facts["ylabel"]) == ("comments (%)", "symptoms")


def test_the_cloud_stands_above_its_rain(two_groups):
    ax = plots.raincloud(*two_groups, label="comments (%)")
    clouds, rains = ax.collections[:2], ax.collections[2:]
    for place, (cloud, rain) in enumerate(zip(clouds, rains, strict=True)):
        # the axis of groups points downwards
        assert cloud.get_paths()[0].vertices[:, 1].max() <= place < rain.get_offsets()[:, 1].min()


def test_the_order_of_groups_can_be_chosen_and_the_rain_falls_the_same_twice(two_groups):
    first, second = (plots.raincloud(*two_groups, label="x", order=["not elevated", "elevated"]) for _ in range(2))
    assert [label.get_text() for label in first.get_yticklabels()] == ["not elevated", "elevated"]
    assert figure_facts(first) == figure_facts(second)


def test_the_curve_has_one_point_for_each_cutoff_and_units_on_both_axes():
    rng = np.random.default_rng(9)
    ill = rng.random(300) < 0.15
    score = rng.poisson(4 + 7 * ill)
    ax = plots.screening_curve(score, ill, cutoffs=range(1, 20))
    sensitivity, specificity = models.screening_curve(score, ill, range(1, 20))
    drawn = max((line.get_xydata() for line in ax.lines), key=len)
    assert np.allclose(drawn, np.column_stack([1 - specificity, sensitivity]))
    assert "(proportion)" in ax.get_xlabel() and "(proportion)" in ax.get_ylabel()
    assert {"9", "10", "11", "13"} <= {text.get_text() for text in ax.texts}


def test_a_figure_can_be_drawn_on_axes_that_exist(two_groups):
    _, ax = plt.subplots()
    assert plots.raincloud(*two_groups, label="x", ax=ax) is ax


def test_what_cannot_be_drawn_gets_a_sentence(two_groups):
    values, groups = two_groups
    with pytest.raises(models.MakesNoSense, match="missing"):
        plots.raincloud(np.where(values > 9, np.nan, values), groups, label="x")
    with pytest.raises(models.MakesNoSense, match="No value belongs to the group 'high'"):
        plots.raincloud(values, groups, label="x", order=["high", "elevated"])
    with pytest.raises(models.MakesNoSense, match="are numbers"):
        plots.raincloud(groups, groups, label="x")
    with pytest.raises(models.MakesNoSense, match="62 values and 61 groups"):
        plots.raincloud(values, groups[1:], label="x")
