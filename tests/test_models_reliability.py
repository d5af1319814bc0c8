"""Claims about coders of known accuracy, the length of a session, and what noise does to a correlation."""

import numpy as np
import pytest
from dyadlab import agreement, models
from dyadlab.models import MakesNoSense
from hypothesis import given, settings
from hypothesis import strategies as st

shares = st.floats(0.01, 0.99)


def test_kappa_falls_where_a_code_is_rare_although_nobody_codes_worse():
    found = models.expected_agreement(np.array([0.5, 0.2, 0.1, 0.05, 0.02]), 0.95)
    assert np.allclose(found.raw_agreement, 0.905)
    assert found.kappa.round(2).tolist() == [0.81, 0.73, 0.61, 0.45, 0.25]


def test_simulated_coders_come_to_the_expected_agreement():
    rng = np.random.default_rng(12)
    truth = rng.random(200_000) < 0.1
    codes = [np.where(rng.random(truth.size) < accuracy, truth, ~truth) for accuracy in (0.95, 0.85)]
    expected = models.expected_agreement(0.1, 0.95, 0.85)
    assert agreement.raw_agreement(*codes) == pytest.approx(expected.raw_agreement, abs=0.003)
    assert agreement.cohens_kappa(*codes).kappa == pytest.approx(expected.kappa, abs=0.01)


@given(shares, shares)
@settings(max_examples=50, deadline=None)
def test_yes_and_no_may_change_places(prevalence, accuracy):
    one, other = models.expected_agreement(prevalence, accuracy), models.expected_agreement(1 - prevalence, accuracy)
    assert one == pytest.approx(other, abs=1e-9)


def test_a_coder_who_guesses_reaches_kappa_0_and_faultless_coders_1():
    assert models.expected_agreement(0.1, 0.95, 0.5).kappa == pytest.approx(0)
    assert models.expected_agreement(0.1, 1).kappa == pytest.approx(1)
    assert np.isnan(models.expected_agreement(0, 1).kappa)


def test_five_and_ten_minutes_have_the_reliabilities_of_the_published_data():
    assert models.share_reliability(88) == pytest.approx(0.60, abs=0.005)
    assert models.share_reliability(177) == pytest.approx(0.75, abs=0.005)


@given(st.integers(1, 500), st.floats(0.1, 8))
@settings(max_examples=50, deadline=None)
def test_a_longer_session_gains_what_spearman_and_brown_say(comments, times):
    direct = models.share_reliability(comments * times)
    assert models.spearman_brown(models.share_reliability(comments), times) == pytest.approx(direct)


def test_reliability_is_the_squared_correlation_with_the_truth_and_that_of_two_sessions():
    rng = np.random.default_rng(7)
    for notices, false_alarm in ((1, 0), (0.70, 0.03)):
        expected = models.share_reliability(88, notices=notices, false_alarm=false_alarm)
        true, counted = models.simulate_shares(60_000, 88, rng=rng, notices=notices, false_alarm=false_alarm)
        assert np.corrcoef(true, counted)[0, 1] ** 2 == pytest.approx(expected, abs=0.015)
    twice = [rng.binomial(88, true) for _ in range(2)]
    assert np.corrcoef(*twice)[0, 1] == pytest.approx(models.share_reliability(88), abs=0.015)


def test_a_poorer_coder_makes_a_poorer_measure_and_one_who_guesses_none():
    expert, trained, novice = (
        models.share_reliability(88, notices=n, false_alarm=f) for n, f in ((1, 0), (0.86, 0.012), (0.7, 0.03))
    )
    assert expert > trained > novice > 0.3
    assert models.share_reliability(88, notices=0.3, false_alarm=0.3) == 0


def test_attenuation_multiplies_by_the_root_and_can_be_taken_back():
    assert models.attenuated(0.40, 0.85, 0.70) == pytest.approx(0.309, abs=0.0005)
    assert models.disattenuated(models.attenuated(0.40, 0.85, 0.70), 0.85, 0.70) == pytest.approx(0.40)


def test_noise_shrinks_a_simulated_correlation_as_the_formula_says():
    rng = np.random.default_rng(21)
    true, counted = models.simulate_shares(60_000, 88, rng=rng)
    z = (true - true.mean()) / true.std()
    other = 0.5 * z + np.sqrt(1 - 0.25) * rng.normal(size=z.size)
    seen = np.corrcoef(counted, other)[0, 1]
    assert seen == pytest.approx(models.attenuated(0.5, models.share_reliability(88)), abs=0.012)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: models.expected_agreement(50, 0.95), "divide by 100"),
        (lambda: models.share_reliability(0), "at least one comment"),
        (lambda: models.share_reliability("many"), "a number is wanted"),
        (lambda: models.share_reliability(88, mean=0), "mean share"),
        (lambda: models.share_reliability(88, notices=0, false_alarm=0), "measures nothing"),
        (lambda: models.spearman_brown(0.6, 0), "more than 0"),
        (lambda: models.attenuated(1.4, 0.6), "between -1 and 1"),
        (lambda: models.disattenuated(0.3, 0.0), "nothing was measured"),
    ],
)
def test_numbers_that_make_no_sense_get_a_sentence(call, said):
    with pytest.raises(MakesNoSense, match=said):
        call()
