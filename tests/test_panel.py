"""Claims about the panel: what is true of each town comes back, and the wrong model goes wrong in the known way."""

from functools import cache

import dyadlab
import numpy as np
import pandas as pd
import pytest
from dyadlab import datasets
from dyadlab.studies import panel
from dyadlab.studies.stream import Stream
from scipy import optimize, stats

MEASURES = ["symptoms", "appropriate_pct", "log_oxytocin_infant"]


def standardised(table):
    """Complete dyads of one town as an array dyad x wave x (D, M, O), in the population's SDs."""
    complete = table.groupby("dyad_id").filter(lambda dyad: not dyad[MEASURES].isna().any(axis=None))
    values = complete[MEASURES].to_numpy().reshape(-1, panel.WAVES, 3)
    return (values - panel.ANCHOR_LIKE.means) / panel.ANCHOR_LIKE.sds


@cache
def large(town):
    """6,000 dyads of a town before dropout, dyad x wave x (D, M, O)."""
    population = panel.Population(dropout=1e-9)
    dyads = panel.sample(Stream("tests", town), population, getattr(population, town), 6000)
    values = np.array([waves for waves, _ in dyads])
    return (values - population.means) / population.sds, np.array([outcomes for _, outcomes in dyads], dtype=float)


def cross_lagged(x):
    """Estimates and p of M -> O and O -> M in the model without stable parts, waves pooled, errors by dyad."""
    found = {}
    n = len(x)
    for name, cause, result in (("talk_to_oxytocin", 1, 2), ("oxytocin_to_talk", 2, 1)):
        y = x[:, 1:, result].ravel()
        design = np.column_stack([np.ones(len(y)), x[:, :-1, result].ravel(), x[:, :-1, cause].ravel()])
        bread = np.linalg.inv(design.T @ design)
        b = bread @ design.T @ y
        by_dyad = (design * (y - design @ b)[:, None]).reshape(n, -1, 3).sum(axis=1)
        se = np.sqrt((bread @ by_dyad.T @ by_dyad @ bread)[2, 2])
        found[name] = (b[2], 2 * stats.t.sf(abs(b[2] / se), n - 1))
    return found


def with_stable_parts(x):
    """Estimates and z of M -> O and O -> M in the random-intercept model (maximum likelihood, equal over waves)."""
    x = x[:, :, 1:]
    n, waves, _ = x.shape
    observed = np.cov(x.reshape(n, -1).T, bias=True)

    def implied(theta):
        b11, b12, b22, w11, w12, w22, a11, a12, a21, a22, q11, q12, q22 = theta
        stable, arrows = np.array([[b11, b12], [b12, b22]]), np.array([[a11, a12], [a21, a22]])
        within = [np.array([[w11, w12], [w12, w22]])]
        for _ in range(waves - 1):
            within.append(arrows @ within[-1] @ arrows.T + np.array([[q11, q12], [q12, q22]]))
        sigma = np.empty((2 * waves, 2 * waves))
        for s in range(waves):
            block = within[s]
            for t in range(s, waves):
                sigma[2 * t : 2 * t + 2, 2 * s : 2 * s + 2] = block + stable
                sigma[2 * s : 2 * s + 2, 2 * t : 2 * t + 2] = (block + stable).T
                block = arrows @ block
        return sigma

    def misfit(theta):
        try:
            root = np.linalg.cholesky(implied(theta))
        except np.linalg.LinAlgError:
            return 1e3
        half = np.linalg.solve(root, observed)
        return 2 * np.log(np.diag(root)).sum() + np.trace(np.linalg.solve(root.T, half))

    start = np.array([0.5, 0.2, 0.5, 0.5, 0.05, 0.5, 0.2, 0, 0, 0.2, 0.45, 0.05, 0.45])
    theta = optimize.minimize(misfit, start, method="BFGS", options={"gtol": 1e-5}).x
    step, k = 1e-4, len(start)
    curvature = np.zeros((k, k))
    for i in range(k):
        for j in range(i, k):
            di, dj = np.eye(k)[i] * step, np.eye(k)[j] * step
            corners = (
                misfit(theta + di + dj) - misfit(theta + di - dj) - misfit(theta - di + dj) + misfit(theta - di - dj)
            )
            curvature[i, j] = curvature[j, i] = corners / (4 * step * step)
    se = np.sqrt(np.diag(np.linalg.inv(curvature * n / 2)))
    return {
        "talk_to_oxytocin": (theta[8], theta[8] / se[8]),
        "oxytocin_to_talk": (theta[7], theta[7] / se[7]),
        "carry_over": (theta[6], theta[9]),
        "stable_r": theta[1] / np.sqrt(theta[0] * theta[2]),
    }


# ------------------------------------------------------------------------------- recovery


@pytest.mark.parametrize("town", ["north", "south"])
def test_the_true_arrows_and_stable_correlations_come_back_from_6000_dyads(town):
    """Random-intercept model of M and O. Standard errors near .012; tolerance .05.

    D is left out of the fitted model; in the south it moves M and O within dyads, which adds about .01.
    """
    values, _ = large(town)
    found, true = with_stable_parts(values), datasets.truth("panel", "anchor-like")
    for arrow in ("talk_to_oxytocin", "oxytocin_to_talk"):
        assert found[arrow][0] == pytest.approx(true[f"{town}_{arrow}"], abs=0.05)
    assert found["carry_over"] == pytest.approx(true["carry_over"][1:], abs=0.06)
    assert found["stable_r"] == pytest.approx(true[f"{town}_stable_talk_oxytocin"], abs=0.05)


def test_measures_have_mean_0_and_sd_1_at_every_wave_of_both_towns():
    """The moving parts are in equilibrium from the first wave. 6,000 dyads: SE .013; tolerance .05."""
    for town in ("north", "south"):
        values, _ = large(town)
        assert values.mean(axis=0) == pytest.approx(np.zeros((4, 3)), abs=0.055)
        assert values.std(axis=0) == pytest.approx(np.ones((4, 3)), abs=0.05)


def test_talk_correlates_65_from_wave_to_wave_and_51_over_three_waves():
    """Stable share .50, carry-over .30: .50 + .50 * .30 = .65, .50 + .50 * .027 = .51. Tolerance .03."""
    values, _ = large("north")
    talk = np.corrcoef(values[:, :, 1].T)
    assert [talk[0, 1], talk[1, 2], talk[2, 3]] == pytest.approx([0.65] * 3, abs=0.03)
    assert talk[0, 3] == pytest.approx(0.51, abs=0.03)


def test_talk_correlates_30_with_attachment_and_14_with_language():
    """Zeegers and others (2017): .30; Aldrich and others (2021): .14. 12,000 dyads: SE .009; tolerance .03."""
    talk = np.concatenate([large(town)[0][:, :, 1].mean(axis=1) for town in ("north", "south")])
    outcomes = np.concatenate([large(town)[1] for town in ("north", "south")])
    assert np.corrcoef(talk, outcomes[:, 0])[0, 1] == pytest.approx(0.30, abs=0.03)
    assert np.corrcoef(talk, outcomes[:, 1])[0, 1] == pytest.approx(0.14, abs=0.03)


def test_the_indirect_effect_by_way_of_attachment_is_075():
    """.30 * .25 = .075, the .07 of Zeegers and others (2017) as its model. Tolerance .015 (SE .004)."""
    talk = np.concatenate([large(town)[0][:, :, 1].mean(axis=1) for town in ("north", "south")])
    outcomes = np.concatenate([large(town)[1] for town in ("north", "south")])
    talk, attachment, emotion = ((v - v.mean()) / v.std() for v in (talk, outcomes[:, 0], outcomes[:, 2]))
    a = np.polyfit(talk, attachment, 1)[0]
    b = np.linalg.lstsq(np.column_stack([talk, attachment]), emotion, rcond=None)[0][1]
    assert a * b == pytest.approx(0.075, abs=0.015)


# ------------------------------------------------------------------------------- the class study


@pytest.fixture
def visits():
    return dyadlab.load("panel")


def test_in_the_north_the_model_without_stable_parts_finds_two_arrows_that_do_not_exist(visits):
    found = cross_lagged(standardised(visits[visits["town"] == "north"]))
    assert found["talk_to_oxytocin"][0] > 0.05
    assert found["talk_to_oxytocin"][1] < 0.01
    assert found["oxytocin_to_talk"][1] < 0.01
    assert datasets.truth("panel", "anchor-like")["north_talk_to_oxytocin"] == 0


def test_in_the_north_the_model_with_stable_parts_finds_neither(visits):
    found = with_stable_parts(standardised(visits[visits["town"] == "north"]))
    for arrow in ("talk_to_oxytocin", "oxytocin_to_talk"):
        estimate, z = found[arrow]
        assert abs(z) < 1.5
        assert abs(estimate) < 0.06


def test_in_the_south_both_models_find_both_arrows(visits):
    x = standardised(visits[visits["town"] == "south"])
    assert all(p < 0.01 for _, p in cross_lagged(x).values())
    found = with_stable_parts(x)
    for arrow, true in (("talk_to_oxytocin", 0.20), ("oxytocin_to_talk", 0.10)):
        estimate, z = found[arrow]
        assert z > 2
        assert estimate == pytest.approx(true, abs=0.07)


@pytest.mark.parametrize("town", ["north", "south"])
def test_exactly_the_declared_dyads_drop_out_and_stay_away(visits, town):
    declared = datasets._codebook("panel")["declaredDirt"][0]["missing"][town]
    here = visits[visits["town"] == town]
    gone = here[MEASURES].isna()
    assert (gone.nunique(axis=1) == 1).all()  # a visit is missed whole or not at all
    assert here["symptoms"].isna().groupby(here["wave"]).sum().tolist() == declared
    away = here.pivot(index="dyad_id", columns="wave", values="symptoms").isna().to_numpy()
    assert (np.diff(away.astype(int), axis=1) >= 0).all()
    no_outcome = here.groupby("dyad_id")["school_readiness"].first().isna()
    assert (no_outcome.to_numpy() == away[:, -1]).all()


def test_8_per_cent_leave_after_each_wave_and_they_had_more_symptoms():
    """Assumed rate and slope, from 12,000 dyads: tolerance 1 point and .15 in the log odds (SE .15 and .02)."""
    rows = panel.class_study("dropout", label="tests", n=6000).by_column()
    table = pd.DataFrame(rows)
    seen = table.pivot(index="dyad_id", columns="wave", values="symptoms")
    left, before = [], []
    for wave in (1, 2, 3):
        present = seen[wave].notna()
        left.append(seen.loc[present, wave + 1].isna().to_numpy())
        before.append((seen.loc[present, wave].to_numpy() - 50) / 10)
    left, before = np.concatenate(left), np.concatenate(before)
    assert left.mean() == pytest.approx(0.08, abs=0.01)

    def misfit(theta):
        eta = theta[0] + theta[1] * before
        return (np.logaddexp(0, eta) - left * eta).mean()

    assert optimize.minimize(misfit, [-2.0, 0.0]).x[1] == pytest.approx(0.5, abs=0.15)


def test_outcomes_are_the_same_in_every_row_of_a_dyad(visits):
    outcomes = ["attachment_security", "language_score", "emotion_understanding", "school_readiness"]
    assert (visits.groupby("dyad_id")[outcomes].nunique(dropna=False) == 1).all(axis=None)


def test_the_null_world_has_no_arrows_in_either_town():
    named = datasets.truth("panel", "null")
    assert {named[f"{t}_{a}"] for t in ("north", "south") for a in ("talk_to_oxytocin", "oxytocin_to_talk")} == {0}
