"""Claims about the panel models: they agree with lavaan, recover the truth, and say when they cannot be trusted."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import panels
import pytest
from dyadlab import models
from dyadlab.models import panel_likelihood
from dyadlab.models.panel_structure import Structure

FIXTURES = Path(__file__).parent / "fixtures" / "lavaan"


def fitted(configuration, number):
    data = panels.panel(configuration, number)
    fit = models.random_intercept if configuration.stable else models.cross_lagged
    return fit(data[:, 0::2], data[:, 1::2], constrained=configuration.constrained)


@pytest.fixture(scope="module", params=panels.CONFIGURATIONS, ids=lambda c: c.name)
def pairs(request):
    """Our fits and lavaan's rows for the 100 panels of a configuration."""
    reference = pd.read_csv(FIXTURES / f"{request.param.name}.csv.gz")
    return request.param, [fitted(request.param, number) for number in range(panels.PANELS)], reference


def compared(pairs):
    """The panels of which both programs say that they found a maximum; for ordinary panels that is all of them."""
    configuration, fits, reference = pairs
    kept = [k for k in range(panels.PANELS) if fits[k].converged and reference["converged"][k] == 1]
    assert len(kept) >= (90 if configuration.name == "ri_free_few_people" else panels.PANELS)
    return configuration, [fits[k] for k in kept], reference.iloc[kept]


def test_estimates_agree_with_lavaan_to_four_decimals(pairs):
    configuration, fits, reference = compared(pairs)
    wanted = reference[[f"est.{name}" for name in configuration.structure.names]].to_numpy()
    assert np.abs(np.stack([fit.theta for fit in fits]) - wanted).max() < 1e-4


def test_standard_errors_agree_with_lavaan_to_four_decimals(pairs):
    configuration, fits, reference = compared(pairs)
    wanted = reference[[f"se.{name}" for name in configuration.structure.names]].to_numpy()
    assert np.abs(np.stack([fit.errors for fit in fits]) - wanted).max() < 1e-4


def test_chi_square_agrees_with_lavaan_to_five_decimals_and_fit_indices_with_it(pairs):
    _, fits, reference = compared(pairs)
    assert [fit.df for fit in fits] == reference["df"].tolist()
    assert [fit.n for fit in fits] == reference["n"].tolist()
    for ours, theirs, tolerance in (
        ("chi2", "chisq", 1e-5),
        ("cfi", "cfi", 1e-6),
        ("rmsea", "rmsea", 1e-6),
        ("log_likelihood", "logl", 1e-5),
    ):
        assert np.abs([getattr(fit, ours) for fit in fits] - reference[theirs]).max() < tolerance, ours


def test_improper_solutions_are_flagged_where_lavaan_flags_them(pairs):
    configuration, fits, reference = compared(pairs)
    assert [fit.proper for fit in fits] == (reference["proper"] == 1).tolist()
    if configuration.name == "ri_free_few_people":
        assert not all(fit.proper for fit in fits)  # else this would show nothing


def test_the_script_that_remakes_the_fixtures_writes_a_model_for_every_parameter():
    code = (
        "import make_fixtures as m, panels\n"
        "for c in panels.CONFIGURATIONS:\n"
        "    text = m.lavaan_model(c)\n"
        "    assert all(f'{name}*' in text for name in c.structure.names), c.name\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=FIXTURES, check=True)


# --- The machinery, against differences of its own likelihood ----------------------------------------


@pytest.mark.parametrize("stable", [True, False])
@pytest.mark.parametrize("constrained", [True, False])
@pytest.mark.parametrize("expected", [False, True])
def test_slopes_and_curvature_are_those_of_the_likelihood(stable, constrained, expected):
    rng = np.random.default_rng(3)
    structure = Structure(4, stable=stable, constrained=constrained)
    data = rng.standard_normal((60, 8)) @ np.linalg.cholesky(np.eye(8) + 0.3).T
    data[rng.random(data.shape) < 0.15] = np.nan
    patterns = panel_likelihood.Patterns(data)
    point = np.concatenate([rng.normal(0, 0.1, 8), structure.start(np.eye(8) + 0.3)])

    def slopes(at):
        return panel_likelihood._slopes_and_curvature(patterns, structure, at[8:], at[:8], expected)

    def minus_log_likelihood(at):
        return -patterns.log_likelihood(at[:8], structure(at[8:])[0])

    h, steps = 1e-5, 1e-5 * np.eye(len(point))
    slope, curvature = slopes(point)
    by_difference = [(minus_log_likelihood(point + s) - minus_log_likelihood(point - s)) / (2 * h) for s in steps]
    assert slope == pytest.approx(by_difference, abs=1e-6)
    by_difference = np.array([(slopes(point + s)[0] - slopes(point - s)[0]) / (2 * h) for s in steps])
    if expected:
        assert np.abs(curvature - by_difference).max() > 1  # what is expected is not what was observed here
    else:
        assert curvature == pytest.approx(by_difference, abs=1e-5)


def test_without_missing_values_the_saturated_moments_are_the_sample_moments():
    data = np.random.default_rng(4).standard_normal((50, 4))
    mean, covariance, _, found = panel_likelihood.Patterns(data).saturated()
    assert found
    assert mean == pytest.approx(data.mean(axis=0))
    assert covariance == pytest.approx(np.cov(data.T, bias=True))


def test_nothing_beats_the_saturated_likelihood_of_incomplete_data():
    rng = np.random.default_rng(5)
    data = rng.standard_normal((80, 4)) @ np.linalg.cholesky(np.eye(4) + 0.5).T
    data[rng.random(data.shape) < 0.2] = np.nan
    patterns = panel_likelihood.Patterns(data)
    mean, covariance, best, found = patterns.saturated()
    assert found
    for _ in range(50):
        wobble = rng.normal(0, 0.02, (4, 4))
        other = patterns.log_likelihood(mean + rng.normal(0, 0.02, 4), covariance + wobble + wobble.T)
        assert other < best


# --- What the models say about known worlds -----------------------------------------------------


def arrow(fit, name="x to y"):
    return fit.arrows.loc[name, "standardised"]


def studies(n, **world):
    return [models.simulate_panel(seed=seed, **world) for seed in range(n)]


def test_the_random_intercept_model_recovers_arrows_and_stable_parts():
    fits = [models.random_intercept(x, y) for x, y in studies(60, people=1000, x_to_y=0.2, y_to_x=0.1, stable_r=0.4)]
    for name, truth in {"x to x": 0.3, "y to y": 0.2, "x to y": 0.2, "y to x": 0.1}.items():
        found = [arrow(fit, name) for fit in fits]
        assert np.mean(found) == pytest.approx(truth, abs=4 * np.std(found) / np.sqrt(60)), name
    assert np.mean([fit.stable_r for fit in fits]) == pytest.approx(0.4, abs=0.02)
    assert np.mean([fit.stable_share["x"] for fit in fits]) == pytest.approx(0.5, abs=0.02)


def test_about_95_of_100_intervals_hold_the_true_arrow_with_dropout_too():
    held = []
    for seed in range(200):
        x, y = models.simulate_panel(300, x_to_y=0.2, y_to_x=0.1, stable_r=0.35, seed=seed)
        gone = (x[:, 1] + np.random.default_rng(seed).logistic(size=300)) < -2.0
        x[gone, 2:] = y[gone, 2:] = np.nan
        row = models.random_intercept(x, y).arrows.loc["x to y"]
        held.append(row["low"] < 0.2 < row["high"])
    assert 0.90 <= np.mean(held) <= 0.99


def test_without_any_arrow_the_cross_lagged_model_finds_one_and_the_random_intercept_model_does_not():
    wrong, right = [], []
    for x, y in studies(150, people=300, stable_r=0.6):
        wrong.append(models.cross_lagged(x, y).arrows.loc["x to y", "p"] < 0.05)
        right.append(models.random_intercept(x, y).arrows.loc["x to y", "p"] < 0.05)
    assert np.mean(wrong) > 0.8
    assert np.mean(right) < 0.12


def test_centring_and_regressing_turns_carry_over_negative_with_four_waves_and_less_so_with_twenty():
    four, twenty = (
        np.mean([models.centred_regressions(x, y)["x to x"] for x, y in studies(40, people=300, waves=waves)])
        for waves in (4, 20)
    )
    assert four < -0.1 and 0.15 < twenty < 0.3  # the truth is .30 both times


def test_an_unseen_cause_with_a_delay_makes_an_arrow_while_the_model_fits():
    fits = [models.random_intercept(x, y) for x, y in studies(60, people=400, unseen=0.5, unseen_delay=1)]
    assert np.mean([fit.arrows.loc["x to y", "p"] < 0.05 for fit in fits]) > 0.9
    assert np.mean([fit.p < 0.05 for fit in fits]) < 0.15


def test_people_with_missing_waves_stay_in_and_make_the_answer_surer():
    surer = []
    for seed in range(10):
        x, y = models.simulate_panel(300, seed=seed)
        x[150:, 3] = y[150:, 3] = np.nan
        fit = models.random_intercept(x, y)
        assert (fit.n, fit.n_complete) == (300, 150)
        surer.append(fit.errors.mean() < models.random_intercept(x[:150], y[:150]).errors.mean())
    assert all(surer)


def test_somebody_of_whom_nothing_was_seen_changes_nothing():
    x, y = models.simulate_panel(100, seed=2)
    nobody = np.full((3, 4), np.nan)
    fit, again = models.random_intercept(x, y), models.random_intercept(np.vstack([x, nobody]), np.vstack([y, nobody]))
    assert again.n == 100 and again.theta == pytest.approx(fit.theta)


def test_other_units_change_raw_arrows_as_they_should_and_nothing_standardised():
    x, y = models.simulate_panel(300, x_to_y=0.2, seed=3)
    x[250:, 3] = np.nan
    fit, rescaled = models.random_intercept(x, y), models.random_intercept(50 + 10 * x, 0.01 * y)
    assert rescaled.chi2 == pytest.approx(fit.chi2, abs=1e-6)
    row, other = fit.arrows.loc["x to y"], rescaled.arrows.loc["x to y"]
    assert other["estimate"] == pytest.approx(row["estimate"] / 1000, rel=1e-5)
    assert other["se"] == pytest.approx(row["se"] / 1000, rel=1e-5)
    assert other["standardised"] == pytest.approx(row["standardised"], rel=1e-5)
    # the log-likelihood is that of the data as given
    changed = -np.log(10) * np.isfinite(x).sum() - np.log(0.01) * np.isfinite(y).sum()
    assert rescaled.log_likelihood - fit.log_likelihood == pytest.approx(changed, abs=1e-6)


def test_equations_give_the_slopes_of_the_free_cross_lagged_model():
    x, y = models.simulate_panel(300, x_to_y=0.2, seed=4)
    table = models.cross_lagged_equations(x, y).set_index(["wave", "outcome", "predictor"])
    free = models.cross_lagged(x, y, constrained=False).parameters
    for wave in (2, 3, 4):
        row = table.loc[(wave, "y", "x")]
        assert row["slope"] == pytest.approx(free.loc[f"x_to_y_{wave}", "estimate"], abs=1e-6)
        # least squares divides by the people less three, maximum likelihood by the people
        assert row["se"] == pytest.approx(free.loc[f"x_to_y_{wave}", "se"] * np.sqrt(300 / 297), rel=1e-5)


def test_a_standardised_slope_is_the_slope_of_z_scores():
    x, y = models.simulate_panel(200, x_to_y=0.2, seed=5)
    z = [(table - table.mean(axis=0)) / table.std(axis=0) for table in (x, y)]
    raw, standard = models.cross_lagged_equations(10 * x, y), models.cross_lagged_equations(*z)
    assert raw["standardised"].tolist() == pytest.approx(standard["slope"].tolist())


# --- Saying what is wrong ---------------------------------------------------------------------------


def test_an_improper_solution_gets_a_flag_and_a_sentence():
    rng = np.random.default_rng(6)
    x = np.cumsum(rng.standard_normal((150, 4)), axis=1)  # nothing is stable here
    fit = models.random_intercept(x, rng.standard_normal((150, 4)))
    assert not fit.proper
    assert "Improper solution" in fit.warning and "Improper solution" in repr(fit)


def test_a_sound_solution_gets_no_warning():
    fit = models.random_intercept(*models.simulate_panel(300, seed=7))
    assert fit.converged and fit.proper and fit.warning == ""


@pytest.mark.parametrize("constrained", [True, False])
def test_the_table_of_arrows_speaks_in_the_names_given(constrained):
    x, y = models.simulate_panel(300, waves=3, seed=8)
    fit = models.random_intercept(x, y, names=("talk", "oxytocin"), constrained=constrained)
    assert len(fit.arrows) == (4 if constrained else 8)
    assert ("talk to oxytocin" if constrained else "talk to oxytocin, wave 3") in fit.arrows.index
    assert "talk to oxytocin" in repr(fit)


def test_input_that_makes_no_sense_gets_a_sentence():
    x, y = models.simulate_panel(50, seed=9)
    table = pd.DataFrame(x, index=range(50))
    first_half = np.arange(50)[:, None] < 25
    for first, second, sentence in (
        (x[:, :2], y[:, :2], "needs at least 3"),
        (x[:, 0], y[:, 0], "wide table"),
        (x, y[:-1], "same people"),
        (table, pd.DataFrame(y, index=range(1, 51)), "same order"),
        (x[:6], y[:6], "many more people"),
        (np.where(x > 100, 0, 1.0), y, "does not vary"),
        (x * np.array([1, 1, 1, np.nan]), y, "missing for all"),
        (np.where(first_half, x, np.nan), np.where(first_half, np.nan, y), "never seen"),
        ([["a"] * 4] * 50, y, "a number"),
        (x * np.inf, y, "infinite"),
    ):
        with pytest.raises(models.MakesNoSense, match=sentence):
            models.random_intercept(first, second)
    with pytest.raises(models.MakesNoSense, match="expected"):
        models.random_intercept(x, y, information="some")


def test_worlds_that_cannot_be_get_a_sentence():
    for world, sentence in (
        ({"x_to_y": 2.0}, "grow from wave to wave"),
        ({"stable_r": 1.5}, "between -1 and 1"),
        ({"stable_share": -0.1}, "between 0 and 1"),
        ({"unseen": 1.0}, "smaller than 1"),
        ({"people": 0}, "no panel"),
    ):
        with pytest.raises(models.MakesNoSense, match=sentence):
            models.simulate_panel(**world)


# --- Indirect effects ------------------------------------------------------------------------------


def three(n=400, a=0.3, b=0.25, direct=0.15, seed=10):
    e = np.random.default_rng(seed).standard_normal((3, n))
    cause = e[0]
    mediator = a * cause + e[1]
    return cause, mediator, b * mediator + direct * cause + e[2]


def test_slopes_and_product_are_those_of_two_regressions():
    from statsmodels.formula.api import ols

    cause, mediator, outcome = three()
    table = pd.DataFrame({"x": cause, "m": mediator, "y": outcome})
    effect = models.indirect_effect(cause, 10 * mediator, outcome, draws=10)
    second = ols("y ~ m + x", table).fit().params
    assert effect.a == pytest.approx(10 * ols("m ~ x", table).fit().params["x"])
    assert (effect.b, effect.direct) == pytest.approx((second["m"] / 10, second["x"]))
    assert effect.indirect == pytest.approx(effect.a * effect.b)
    assert effect.total == pytest.approx(ols("y ~ x", table).fit().params["x"])  # the parts add up to the whole


def test_the_bootstrap_interval_is_that_of_people_drawn_one_by_one():
    cause, mediator, outcome = three(n=80)
    effect = models.indirect_effect(cause, mediator, outcome, draws=4000, seed=1)
    rng, products = np.random.default_rng(2), []
    for _ in range(4000):
        who = rng.integers(0, 80, 80)
        x, m, y = cause[who], mediator[who], outcome[who]
        a = np.polyfit(x, m, 1)[0]
        b = np.linalg.lstsq(np.column_stack([m, x, np.ones(80)]), y, rcond=None)[0][0]
        products.append(a * b)
    assert (effect.low, effect.high) == pytest.approx(np.quantile(products, [0.025, 0.975]).tolist(), abs=0.01)


def test_the_interval_holds_the_true_product_in_about_95_of_100_studies():
    held = [
        effect.low < 0.075 < effect.high
        for effect in (models.indirect_effect(*three(n=300, seed=seed), draws=500, seed=seed) for seed in range(200))
    ]
    assert 0.90 <= np.mean(held) <= 0.99


def test_the_same_seed_gives_the_same_interval_and_missing_people_are_counted():
    cause, mediator, outcome = three(n=100)
    mediator[:20] = np.nan
    first, second = (models.indirect_effect(cause, mediator, outcome, seed=3) for _ in range(2))
    assert first == second and first.n == 80


def test_an_indirect_effect_of_nonsense_gets_a_sentence():
    cause, mediator, outcome = three(n=50)
    with pytest.raises(models.MakesNoSense, match="50, 49, 50"):
        models.indirect_effect(cause, mediator[1:], outcome)
    with pytest.raises(models.MakesNoSense, match="at least 10"):
        models.indirect_effect(cause[:5], mediator[:5], outcome[:5])
    with pytest.raises(models.MakesNoSense, match="does not vary"):
        models.indirect_effect(np.ones(50), mediator, outcome)
