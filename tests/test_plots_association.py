"""Claims about the figures of week 5: the cloud, the drawings of causes, and the r's of many studies."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from dyadlab import models, plots
from dyadlab.checks import figure_facts
from scipy import stats


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture
def dyads():
    rng = np.random.default_rng(8)
    x = rng.normal(6, 3, 62)
    return x, 3 + 0.06 * x + rng.normal(0, 0.5, 62), [f"D{k:02d}" for k in range(1, 63)]


def _cloud(dyads, **more):
    x, y, names = dyads
    return plots.correlation(x, y, xlabel="talk (%)", ylabel="oxytocin (ln pg/ml)", names=names, **more)


def test_every_dyad_is_a_point_and_the_title_holds_r_and_its_interval(dyads):
    facts = figure_facts(_cloud(dyads))
    x, y, _ = dyads
    assert {(a, b) for a, b in zip(x, y, strict=True)} <= set(zip(facts["xdata"], facts["ydata"], strict=True))
    found = models.correlation(x, y)
    for number in (found.r, found.low, found.high):
        assert f"{number:.2f}" in facts["title"]
    assert (facts["xlabel"], facts["ylabel"]) == ("talk (%)", "oxytocin (ln pg/ml)")


def test_the_line_is_the_regression_of_what_stands_upwards(dyads):
    line = max((one.get_xydata() for one in _cloud(dyads).lines), key=len)
    fit = stats.linregress(*dyads[:2])
    assert np.allclose(line[:, 1], fit.intercept + fit.slope * line[:, 0])


def test_named_dyads_get_their_name_and_a_ring_at_their_place(dyads):
    ax = _cloud(dyads, named=["D07", "D62"])
    assert {text.get_text() for text in ax.texts} == {"D07", "D62"}
    rings = [tuple(one.get_xydata()[0]) for one in ax.lines if len(one.get_xydata()) == 1]
    assert rings == [(dyads[0][k], dyads[1][k]) for k in (6, 61)]


def test_a_name_that_nobody_has_gets_a_sentence(dyads):
    with pytest.raises(models.MakesNoSense, match="No dyad is called 'D99'"):
        _cloud(dyads, named=["D99"])
    with pytest.raises(models.MakesNoSense, match="each needs one"):
        plots.correlation(*dyads[:2], xlabel="x", ylabel="y", named=["D01"])


def _arrows(ax):
    return [(text.xyann, text.xy) for text in ax.texts if getattr(text, "arrow_patch", None) is not None]


def test_an_arrow_runs_from_cause_to_effect():
    ax = plots.causes([("depression", "talk"), ("depression", "oxytocin")])
    places = {text.get_text(): text.get_position() for text in ax.texts if text.get_text()}
    assert set(places) == {"depression", "talk", "oxytocin"}
    assert _arrows(ax) == [(places["depression"], places["talk"]), (places["depression"], places["oxytocin"])]


def test_what_is_unknown_gets_a_question_mark():
    ax = plots.causes([("depression", "talk")], unknown=[("talk", "oxytocin")])
    assert "?" in {text.get_text() for text in ax.texts} and len(_arrows(ax)) == 2


def test_several_stories_stand_side_by_side_under_their_titles():
    several = plots.causes({"one way": [("talk", "oxytocin")], "other way": {("oxytocin", "talk"): 0.3}})
    assert [ax.get_title() for ax in several] == ["one way", "other way"]
    (one,), (other,) = _arrows(several[0]), _arrows(several[1])
    assert one == other[::-1]


def test_four_variables_do_not_fit_a_drawing():
    with pytest.raises(models.MakesNoSense, match="three variables"):
        plots.causes([("a", "talk"), ("b", "oxytocin")])


def test_hatched_studies_are_exactly_those_with_p_below_05():
    rng = np.random.default_rng(4)
    pairs = rng.standard_normal((300, 2, 62))
    pairs[:, 1] += 0.3 * pairs[:, 0]
    found = [stats.pearsonr(*pair) for pair in pairs]
    ax = plots.many_correlations([one.statistic for one in found], 62, mine=0.31)
    by_kind = {bars.get_label(): sum(bar.get_height() for bar in bars) for bars in ax.containers}
    below = sum(one.pvalue < 0.05 for one in found)
    assert by_kind == {"p .05 or more": 300 - below, "p below .05": below}
    assert "mine: 0.31" in figure_facts(ax)["legend"] and "62 dyads" in ax.get_xlabel()


def test_an_impossible_correlation_gets_a_sentence():
    with pytest.raises(models.MakesNoSense, match="between -1 and 1"):
        plots.many_correlations([0.2, 3.4], 62)
