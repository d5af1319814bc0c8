"""What the words of week 5 say about its data: if a study is drawn anew, these fail before a student is misled."""

import dyadlab
import numpy as np
import pytest
import statsmodels.formula.api as smf
from dyadlab import models
from dyadlab.datasets import replicate_many
from dyadlab.widgets.power import read


@pytest.fixture(scope="module")
def dyads():
    table = dyadlab.load("dyads")
    return table.assign(log_oxytocin=np.log(table["oxytocin_infant_pg_ml"]))


def test_r_is_about_34_from_10_to_54_and_p_below_01(dyads):
    found = models.correlation(dyads["appropriate_pct"], dyads["log_oxytocin"])
    assert (found.r, found.low, found.high) == pytest.approx((0.34, 0.10, 0.54), abs=0.005)
    assert found.p < 0.01
    assert models.rank_correlation(dyads["appropriate_pct"], dyads["log_oxytocin"]).r > found.r


def test_the_dyad_that_moves_r_most_hides_the_link_and_moves_it_by_more_than_05(dyads):
    talk, oxytocin = dyads["appropriate_pct"], dyads["log_oxytocin"]
    moved = models.without_each(talk, oxytocin) - models.correlation(talk, oxytocin).r
    assert moved.max() > -moved.min() > 0.05


def test_most_of_the_link_is_left_when_totals_are_held_constant(dyads):
    left = models.partial_correlation(dyads["appropriate_pct"], dyads["log_oxytocin"], dyads["epds_total"])
    assert left.r > 0.8 * 0.34
    assert (left.low, left.high) == pytest.approx((0.04, 0.50), abs=0.006)


def test_the_order_of_covariates_turns_in_standard_deviations_and_p_of_talk_passes_05(dyads):
    fit = smf.ols("log_oxytocin ~ appropriate_pct + epds_total + clock_time_h + minutes_since_feed", dyads).fit()
    raw = fit.params[["epds_total", "clock_time_h", "minutes_since_feed"]].abs()
    names = ["appropriate_pct", *raw.index]
    standard = models.standardised_slopes(dyads["log_oxytocin"], dyads[names])[raw.index].abs()
    assert raw.idxmax() == "clock_time_h" and raw.idxmin() == "minutes_since_feed"
    assert standard.idxmax() == "minutes_since_feed" and standard.idxmin() == "clock_time_h"
    assert 0.05 < fit.pvalues["appropriate_pct"] < 0.06
    assert (fit.pvalues[raw.index] > 0.2).all()  # so their order may be chance


def test_the_slope_back_is_some_forty_times_the_slope_forward(dyads):
    one = models.regression(dyads["log_oxytocin"], dyads["appropriate_pct"])
    other = models.regression(dyads["appropriate_pct"], dyads["log_oxytocin"])
    assert 35 < other.slope / one.slope < 47


def test_where_22_can_be_shown_significant_studies_report_33():
    now = read(0.40, 0.60, 0.50, 62)
    assert (now.seen, now.mean_significant) == pytest.approx((0.22, 0.33), abs=0.005)
    assert now.critical == pytest.approx(0.25, abs=0.002)


def test_more_symptoms_go_with_less_oxytocin_as_a_trend_only(dyads):
    found = models.correlation(dyads["epds_total"], dyads["log_oxytocin"])
    assert found.r < 0 and 0.05 < found.p < 0.10


def test_two_arrows_stand_out_after_the_pushes_and_the_loop_of_half_the_strength_does_not():
    table = dyadlab.load("worlds")
    followed = {}
    for design, column, typical in [
        ("talk supported", "log_oxytocin_infant", 0.07),
        ("oxytocin raised", "talk_score", 1.1),
    ]:
        groups = table[table["design"] == design].groupby(["world", "pushed"])[column]
        errors = (groups.var() / groups.count()).groupby("world").sum() ** 0.5
        assert errors.tolist() == pytest.approx([typical] * 4, rel=0.1)
        means = groups.mean().unstack()
        followed[design] = (means[1] - means[0]) / errors
    assert followed["talk supported"]["D"] > 2 and followed["oxytocin raised"]["A"] > 2
    for in_errors in followed.values():
        assert 1 < in_errors["C"] < 2 and abs(in_errors["B"]) < 1


@pytest.mark.parametrize("world", ["anchor-like", "meta-analytic", "null"])
def test_in_every_world_some_of_the_hundred_studies_have_p_below_05(world):
    many = replicate_many("dyads", [f"class {k}" for k in range(1, 101)], world=world)
    p = [
        models.correlation(one["appropriate_pct"], np.log(one["oxytocin_infant_pg_ml"])).p
        for _, one in many.groupby("replicate", observed=True)
    ]
    assert 0 < sum(value < 0.05 for value in p) < 100
