"""Claims about correlations, what can be held constant, and worlds made of arrows."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from dyadlab import models
from dyadlab.models import MakesNoSense
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats


def _pair(n=62, rho=0.35, seed=3):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    return x, rho * x + np.sqrt(1 - rho**2) * rng.standard_normal(n)


# --- Correlations


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize(("n", "rho"), [(10, -0.8), (62, 0.35), (300, 0.0)])
def test_r_its_interval_and_its_p_are_those_of_scipy(n, rho, confidence):
    x, y = _pair(n, rho)
    ours, theirs = models.correlation(x, y, confidence), stats.pearsonr(x, y)
    interval = theirs.confidence_interval(confidence)
    assert (ours.r, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-9)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert ours.df == n - 2


def test_about_95_of_100_intervals_hold_the_truth():
    rng = np.random.default_rng(12)
    held = 0
    for _ in range(2000):
        x = rng.standard_normal(62)
        found = models.correlation(x, 0.5 * x + np.sqrt(0.75) * rng.standard_normal(62))
        held += found.low < 0.5 < found.high
    assert 0.935 < held / 2000 < 0.965  # SE .005


@settings(max_examples=40, deadline=None)
@given(st.floats(-50, 50), st.floats(0.01, 100))
def test_units_and_order_do_not_matter_to_r(shift, scale):
    x, y = _pair()
    there, back = models.correlation(x * scale + shift, y), models.correlation(y, x)
    assert there == pytest.approx(models.correlation(x, y), rel=1e-9)
    assert back == pytest.approx(models.correlation(x, y), rel=1e-12)


def test_a_perfect_line_has_r_one_and_p_zero_and_no_warning():
    with np.errstate(all="raise"):
        found = models.correlation([1, 2, 3, 4], [2, 4, 6, 8])
    assert found.r == pytest.approx(1) and found.p == pytest.approx(0, abs=1e-12)


def test_ranks_are_those_of_scipy_and_ignore_the_logarithm():
    x, y = _pair()
    y = np.round(np.exp(y), 1)  # with ties
    ours, theirs = models.rank_correlation(x, y), stats.spearmanr(x, y)
    assert (ours.r, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-9)
    assert models.rank_correlation(x, np.log(y)) == ours
    assert ours.low < ours.r < ours.high


def test_leaving_out_one_dyad_is_the_correlation_of_the_others():
    x, y = _pair(20)
    without = models.without_each(x, y)
    assert without.shape == (20,)
    for k in (0, 7, 19):
        assert without[k] == pytest.approx(stats.pearsonr(np.delete(x, k), np.delete(y, k)).statistic)


# --- Holding constant


def test_a_partial_correlation_has_the_t_and_p_of_a_regression():
    x, y = _pair()
    rng = np.random.default_rng(5)
    held = np.column_stack([x + rng.standard_normal(62), 1e6 + 300 * rng.standard_normal(62)])
    fit = sm.OLS(y, sm.add_constant(np.column_stack([x, held]))).fit()
    ours = models.partial_correlation(x, y, held)
    assert (ours.t, ours.p, ours.df) == pytest.approx((fit.tvalues[1], fit.pvalues[1], 58), rel=1e-6)
    assert models.partial_correlation(y, x, held) == pytest.approx(ours, rel=1e-9)


def test_a_partial_correlation_is_the_formula_of_three_correlations():
    x, y = _pair()
    held = x - y + np.random.default_rng(6).standard_normal(62)
    a, b, c = (stats.pearsonr(*two).statistic for two in ((x, y), (x, held), (y, held)))
    expected = (a - b * c) / np.sqrt((1 - b**2) * (1 - c**2))
    ours = models.partial_correlation(x, y, held)
    assert ours.r == pytest.approx(expected)
    half_width = stats.norm.ppf(0.975) / np.sqrt(62 - 4)
    assert (ours.low, ours.high) == pytest.approx(np.tanh(np.arctanh(expected) + np.array([-1, 1]) * half_width))


def test_residuals_know_nothing_of_what_was_held_constant():
    x, y = _pair()
    left = models.residuals(y, np.column_stack([x, x**2]))
    assert left.mean() == pytest.approx(0, abs=1e-12)
    assert np.abs(np.corrcoef([left, x, x**2])[0, 1:]).max() < 1e-9


# --- Regression


def test_both_regressions_have_the_same_t_and_p_and_the_same_standardised_slope():
    x, y = _pair()
    y = 40 * y + 3
    one, other = models.regression(y, x), models.regression(x, y)
    assert (one.t, one.p, one.standardised) == pytest.approx((other.t, other.p, other.standardised), rel=1e-12)
    assert one.slope == pytest.approx(stats.linregress(x, y).slope)
    assert other.slope == pytest.approx(stats.linregress(y, x).slope)
    assert one.slope * other.slope == pytest.approx(one.standardised**2)


def test_standardised_slopes_are_those_of_standardised_columns_and_keep_their_names():
    x, y = _pair()
    table = pd.DataFrame({"talk": 10 * x + 5, "minutes": 60 * np.random.default_rng(2).random(62)})
    z = (table - table.mean()) / table.std()
    fit = sm.OLS((y - y.mean()) / y.std(ddof=1), z).fit()
    ours = models.standardised_slopes(y, table)
    assert list(ours.index) == ["talk", "minutes"]
    assert np.allclose(ours, fit.params)
    assert np.allclose(models.standardised_slopes(y * 100, table / 60), ours)


# --- Worlds made of arrows: the claims of week 5


COMMON_CAUSE = {("depression", "talk"): -0.55, ("depression", "oxytocin"): -0.55}
ON_THE_WAY = {("talk", "depression"): -0.55, ("depression", "oxytocin"): -0.55}


def _partial(world, held):
    return models.partial_correlation(world["talk"], world["oxytocin"], world[held]).r


def test_every_variable_has_variance_one_and_arrows_make_the_correlations_they_should():
    arrows = {("a", "b"): 0.6, ("a", "c"): 0.3, ("b", "c"): 0.4}
    world = models.simulate_arrows(arrows, n=200_000, seed=4)
    assert list(world.columns) == ["a", "b", "c"]
    assert np.allclose(world.var(), 1, atol=0.02)
    # SE .002; a with c: .3 directly and .6 * .4 by way of b
    assert np.allclose(world.corr().loc["a", ["b", "c"]], [0.6, 0.54], atol=0.01)
    assert world["b"].corr(world["c"]) == pytest.approx(0.4 + 0.3 * 0.6, abs=0.01)


def test_the_same_seed_makes_the_same_world_and_another_seed_another():
    first, same, other = (models.simulate_arrows(COMMON_CAUSE, n=50, seed=s) for s in (1, 1, 2))
    assert first.equals(same) and not first.equals(other)


def test_a_common_cause_and_a_variable_on_the_way_give_the_same_numbers():
    for arrows in (COMMON_CAUSE, ON_THE_WAY):
        world = models.simulate_arrows(arrows, n=100_000, seed=6)
        assert world["talk"].corr(world["oxytocin"]) == pytest.approx(0.3025, abs=0.012)
        assert _partial(world, "depression") == pytest.approx(0, abs=0.012)


def test_a_noisy_measure_leaves_part_of_the_link_and_two_groups_leave_more():
    world = models.simulate_arrows({**COMMON_CAUSE, ("depression", "form"): 0.89}, n=100_000, seed=6)
    world["elevated"] = world["form"] > 0.2
    left = [_partial(world, held) for held in ("depression", "form", "elevated")]
    assert left == pytest.approx([0, 0.08, 0.17], abs=0.015)


def test_holding_a_common_effect_constant_makes_a_link_and_so_does_selecting_by_it():
    world = models.simulate_arrows({("talk", "smiling"): 0.5, ("oxytocin", "smiling"): 0.5}, n=100_000, seed=6)
    assert world["talk"].corr(world["oxytocin"]) == pytest.approx(0, abs=0.012)
    assert _partial(world, "smiling") == pytest.approx(-1 / 3, abs=0.012)
    smilers = world[world["smiling"] > 0]
    assert smilers["talk"].corr(smilers["oxytocin"]) == pytest.approx(-0.19, abs=0.02)


# --- What makes no sense gets a sentence


@pytest.mark.parametrize(
    ("nonsense", "said"),
    [
        (lambda: models.correlation([1, 2, 3, 4], [1, 2, 3]), "each dyad needs both"),
        (lambda: models.correlation([1, 2, 3], [1, 2, 3]), "at least 4"),
        (lambda: models.correlation([1, 1, 1, 1], [1, 2, 3, 4]), "the same for everybody"),
        (lambda: models.correlation([1, 2, 3, np.nan], [1, 2, 3, 4]), "missing"),
        (lambda: models.correlation(["a", "b", "c", "d"], [1, 2, 3, 4]), "numbers"),
        (lambda: models.correlation([1, 2, 3, 5], [1, 2, 4, 3], confidence=95), "between 0 and 1"),
        (lambda: models.partial_correlation(range(9), np.arange(9) ** 2, [1, 2]), "9 dyads and 2 rows"),
        (lambda: models.partial_correlation(range(9), np.arange(9) ** 2, np.arange(9) * 3), "wholly"),
        (lambda: models.partial_correlation(range(9), np.arange(9) ** 2, np.ones(9)), "nothing to hold constant"),
        (lambda: models.partial_correlation(range(4), np.arange(4) ** 2, [1, 5, 2, 2]), "too few"),
        (lambda: models.simulate_arrows({("a", "b"): 0.5, ("b", "a"): 0.5}, 9, 1), "circle"),
        (lambda: models.simulate_arrows({("a", "c"): 0.8, ("b", "c"): 0.8}, 9, 1), "128 %"),
        (lambda: models.simulate_arrows({("a", "c"): "strong"}, 9, 1), "one number"),
    ],
)
def test_nonsense_gets_a_sentence(nonsense, said):
    with pytest.raises(MakesNoSense, match=said):
        nonsense()


def test_results_show_themselves_in_words():
    x, y = _pair()
    assert repr(models.correlation(x, y)).startswith("r = 0.")
    assert "in standard deviations" in repr(models.regression(y, x))
