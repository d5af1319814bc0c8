"""Claims about week 6: its figures, its explorer, and what its prose says of the class study."""

import matplotlib

matplotlib.use("Agg")

import dyadlab
import matplotlib.pyplot as plt
import numpy as np
import pytest
from dyadlab import models, plots
from dyadlab.checks import figure_facts
from dyadlab.widgets import traits as traits_widget
from dyadlab.widgets.traits import SIZES, describe, found_in_100, study

NAMES = ("talk", "oxytocin")


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def towns():
    """For each town the two measures as wide tables."""
    visits = dyadlab.load("panel")
    return {
        town: [models.to_wide(visits[visits["town"] == town], c) for c in ("appropriate_pct", "log_oxytocin_infant")]
        for town in ("north", "south")
    }


@pytest.fixture(scope="module")
def fits(towns):
    return {
        (town, model.__name__): model(*measures, names=NAMES)
        for town, measures in towns.items()
        for model in (models.cross_lagged, models.random_intercept)
    }


# --- What the prose says -----------------------------------------------------------------------------


def test_talk_of_the_north_is_far_more_stable_than_carry_over_alone_would_make_it(towns):
    r = towns["north"][0].corr()
    assert r.loc[1, 2] == pytest.approx(0.65, abs=0.05)
    assert r.loc[1, 4] > 0.4 > 0.27
    # A trait that fades by .90 from visit to visit, seen with a reliability of .70, looks nearly the same.
    assert r.loc[1, [2, 3, 4]].tolist() == pytest.approx([0.7 * 0.9**k for k in (1, 2, 3)], abs=0.02)


def test_the_talkative_six_stay_above_the_quiet_six(towns):
    talk = towns["north"][0].dropna().sort_values(1)
    quiet, talkative = talk.iloc[:6], talk.iloc[-6:]
    for wave in (1, 2, 3, 4):
        assert talkative[wave].min() > quiet[wave].max()
    distance = talkative.mean() - quiet.mean()
    assert distance[2] < 0.8 * distance[1] and distance[4] > 0.8 * distance[2]


def test_without_stable_parts_the_north_has_two_arrows_and_with_them_none(towns, fits):
    slopes = models.cross_lagged_equations(*towns["north"], names=NAMES)
    crossing = slopes[slopes["outcome"] != slopes["predictor"]]
    assert len(crossing) == 6 and (crossing["slope"] > 0).all()
    assert (crossing["p"] > 0.05).sum() == 3
    for arrow in ("talk to oxytocin", "oxytocin to talk"):
        assert fits["north", "cross_lagged"].arrows.loc[arrow, "p"] < 0.001
        row = fits["north", "random_intercept"].arrows.loc[arrow]
        assert row["low"] < 0 < row["high"]
    row = fits["north", "random_intercept"].arrows.loc["talk to talk"]
    assert 0 < row["low"] < 0.30 < row["high"]
    assert fits["north", "random_intercept"].n == 400 > fits["north", "random_intercept"].n_complete


def test_pooled_over_the_steps_both_equations_of_the_north_have_p_below_a_thousandth():
    from statsmodels.formula.api import ols

    visits = dyadlab.load("panel")
    step = models.steps(visits[visits["town"] == "north"], talk="appropriate_pct", oxytocin="log_oxytocin_infant")
    by_dyad = {"cov_type": "cluster", "cov_kwds": {"groups": step["dyad_id"].astype("category").cat.codes}}
    for how in ({}, by_dyad):  # steps counted as if independent, and allowing for the dyad
        for outcome, predictor in (("oxytocin_now", "talk_before"), ("talk_now", "oxytocin_before")):
            assert ols(f"{outcome} ~ talk_before + oxytocin_before", step).fit(**how).pvalues[predictor] < 0.001


def test_centring_makes_the_carry_over_of_the_north_negative(towns):
    assert models.centred_regressions(*towns["north"])["x to x"] < -0.1


def test_in_the_south_both_arrows_stand_and_their_order_turns_round_in_like_units(fits):
    arrows = fits["south", "random_intercept"].arrows
    talk, oxytocin = arrows.loc["talk to oxytocin"], arrows.loc["oxytocin to talk"]
    assert talk["low"] > 0 and oxytocin["low"] > 0
    assert talk["estimate"] == pytest.approx(0.06, abs=0.01) and oxytocin["estimate"] == pytest.approx(0.5, abs=0.05)
    assert talk["standardised"] > oxytocin["standardised"]
    (_, low, most), (_, least, high) = map(plots.panel.in_standard_deviations, (talk, oxytocin))
    assert (low, most) == pytest.approx((0.12, 0.31), abs=0.006)
    assert (least, high) == pytest.approx((0.05, 0.24), abs=0.006)  # they overlap


def test_those_who_left_had_more_symptoms():
    symptoms = models.to_wide(dyadlab.load("panel"), "symptoms")
    left = symptoms[4].isna()
    assert symptoms.loc[left, 1].mean() > symptoms.loc[~left, 1].mean() + 2


def test_the_fooled_model_fits_and_finds_an_arrow_that_is_not_there():
    fit = models.random_intercept(*models.simulate_panel(people=400, stable_r=0.35, unseen=0.5, unseen_delay=1, seed=1))
    assert fit.p > 0.05 and fit.cfi > 0.99 and fit.rmsea < 0.03 and fit.warning == ""
    assert fit.arrows.loc["x to y", "p"] < 0.001


def test_forty_studies_cry_wolf_often_without_stable_parts_and_seldom_with_them():
    worlds = [models.simulate_panel(people=200, stable_r=0.5, seed=seed) for seed in range(40)]
    without, with_stable = (
        np.mean([model(*world).arrows.loc["x to y", "p"] < 0.05 for world in worlds])
        for model in (models.cross_lagged, models.random_intercept)
    )
    assert without > 0.5 and with_stable < 0.15


def test_the_indirect_effect_of_the_class_study_is_about_eight_hundredths():
    by_dyad = dyadlab.load("panel").groupby("dyad_id")
    children = by_dyad[["attachment_security", "emotion_understanding"]].first()
    children = children.assign(talk=by_dyad["appropriate_pct"].mean()).dropna()
    children = (children - children.mean()) / children.std()
    effect = models.indirect_effect(
        children["talk"], children["attachment_security"], children["emotion_understanding"]
    )
    assert effect.indirect == pytest.approx(0.08, abs=0.005) and effect.low > 0


@pytest.mark.parametrize("student", ["ab123", "zoe_k", "q1", "q2", "q3", "q4", "q5", "q6"])
def test_the_south_of_a_replicate_has_a_sound_solution_near_the_truth(student):
    visits = dyadlab.load("panel", replicate=student)
    south = visits[visits["town"] == "south"]
    fit = models.random_intercept(
        *(models.to_wide(south, c) for c in ("appropriate_pct", "log_oxytocin_infant")), names=NAMES
    )
    assert fit.warning == "" and fit.n == 400
    assert 0.05 < fit.arrows.loc["talk to oxytocin", "standardised"] < 0.35


# --- Figures ----------------------------------------------------------------------------------------


def test_the_forest_shows_each_arrow_of_each_model_with_its_interval(fits):
    shown = {"without": fits["south", "cross_lagged"], "with": fits["south", "random_intercept"]}
    ax = plots.arrow_forest(shown)
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels == [f"{a} → {b}: {k}" for a, b in (NAMES, NAMES[::-1]) for k in shown]
    drawn = [line.get_xdata() for line in ax.lines[: 2 * len(labels)]]
    expected = [fit.arrows.loc[f"{a} to {b}"] for a, b in (NAMES, NAMES[::-1]) for fit in shown.values()]
    for interval, point, row in zip(drawn[::2], drawn[1::2], expected, strict=True):
        assert point[0] == pytest.approx(row["standardised"])
        assert interval[0] < point[0] < interval[1]
        assert (interval[0] > 0) == (row["low"] > 0)
    assert "standard deviations" in ax.get_xlabel()


def test_a_fit_that_should_not_be_read_says_so_in_the_forest():
    rng = np.random.default_rng(6)
    improper = models.random_intercept(np.cumsum(rng.standard_normal((150, 4)), axis=1), rng.standard_normal((150, 4)))
    assert any("do not read" in text.get_text() for text in plots.arrow_forest({"a": improper}).get_yticklabels())


def test_figures_of_nonsense_get_a_sentence(fits, towns):
    with pytest.raises(models.MakesNoSense, match="names and fitted models"):
        plots.arrow_forest({"a": 3})
    with pytest.raises(models.MakesNoSense, match="same arrows"):
        plots.arrow_forest({"a": models.random_intercept(*towns["north"], constrained=False)})
    with pytest.raises(models.MakesNoSense, match="other measures"):
        plots.arrow_forest({"a": fits["north", "cross_lagged"], "b": models.cross_lagged(*towns["north"])})


@pytest.mark.parametrize("stable", [True, False])
def test_the_drawing_of_a_model_names_every_measurement(stable):
    ax = plots.panel_diagram(stable)
    words = {text.get_text() for text in ax.texts}
    assert {f"{name} {wave}" for name in NAMES for wave in (1, 2, 3, 4)} <= words
    assert ("stable talk" in words) == stable


# --- The explorer ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stable_r", "people"), [(0.3, 400), (0.6, 100), (-0.6, 100), (0.0, 1000)])
def test_the_number_of_false_findings_worked_out_is_the_number_counted(stable_r, people):
    """Against 150 made-up studies each; tolerance three standard errors of a counted share, and 5 of 100."""
    wrong = np.mean(
        [[row[1] > 0 or row[2] < 0 for row in study(stable_r, people, seed).without] for seed in range(1000, 1150)],
        axis=0,
    )
    share = np.array(found_in_100(stable_r, people)) / 100
    assert (np.abs(wrong - share) < 0.05 + 3 * np.sqrt(share * (1 - share) / 150)).all()


def test_more_dyads_make_the_wrong_answer_surer_and_no_correlation_makes_it_rarer():
    by_size = [found_in_100(0.6, people)[0] for people in SIZES]
    assert by_size == sorted(by_size) and by_size[0] > 40 and by_size[-1] == 100
    assert found_in_100(0.0, 100)[0] < 10


def _parts(explorer):
    controls, picture, words = explorer.children
    return (*controls.children, picture, words)


def test_another_correlation_moves_points_picture_and_words():
    explorer = traits_widget()
    slider, _, _, picture, words = _parts(explorer)
    before = picture.value, words.value
    slider.value = -0.5
    assert explorer.stable_r == -0.5
    assert [p.get_xdata()[0] for p in explorer._points] == [
        row[0] for row in (*explorer.found.without, *explorer.found.with_stable)
    ]
    assert picture.value != before[0] and words.value != before[1]
    assert explorer.found.without[0][2] < 0  # a negative correlation makes a negative false arrow


def test_another_study_is_of_the_same_world_and_comes_out_differently():
    explorer = traits_widget()
    _, _, button, _, words = _parts(explorer)
    first = explorer.found
    button.click()
    assert explorer.found != first
    assert "stable parts correlated 0.6" in words.value and explorer.people == 400


def test_every_control_has_a_name_and_the_picture_a_text_alternative():
    *controls, picture, words = _parts(traits_widget())
    assert [control.description for control in controls] == [
        "Correlation of the stable parts", "Dyads in the study", "Another study",
    ]  # fmt: skip
    assert 'alt="Four estimated arrows' in picture.value and 'role="status"' in words.value


def test_where_no_widget_can_live_the_words_stand_in_whole():
    explorer = traits_widget()
    assert explorer._repr_mimebundle_()["text/plain"].endswith(explorer.summary)


def test_words_about_an_improper_solution_say_that_it_should_not_be_read():
    shown = study(0.6, 400, 1)._replace(warning="Improper solution")
    assert "no proper solution" in describe(0.6, 400, shown, (99, 98))


def test_one_figure_is_used_again_and_none_is_left_open():
    explorer = traits_widget()
    axes = explorer._points[0].axes
    drawn = len(axes.lines)
    for r in (-0.8, 0.0, 0.8):
        explorer.stable_r = r
    assert len(axes.lines) == drawn and plt.get_fignums() == []
    assert figure_facts(axes)["lines"] == drawn
