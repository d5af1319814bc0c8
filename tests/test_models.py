"""Claims about what the notebooks count and estimate."""

import math

import numpy as np
import pandas as pd
import pytest
from dyadlab import models
from dyadlab.models import MakesNoSense, Screening
from dyadlab.sentences import Sentence
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

# --- Scoring


def _answers(*rows):
    return np.array(rows, dtype=float)


def test_only_items_3_and_5_to_10_are_turned_round():
    least = models.score_items(_answers([0] * 10))[0]
    assert least.tolist() == [0, 0, 3, 0, 3, 3, 3, 3, 3, 3]
    most = models.score_items(_answers([3] * 10))[0]
    assert (least + most == 3).all()


def test_a_table_stays_a_table_with_its_names_and_an_array_an_array():
    answers = pd.DataFrame({f"item_{k}": [0.0, 2.0, np.nan] for k in range(1, 11)}, index=[7, 8, 9])
    scores = models.score_items(answers)
    assert isinstance(scores, pd.DataFrame)
    assert scores.columns.equals(answers.columns) and scores.index.equals(answers.index)
    assert np.array_equal(scores.to_numpy(), models.score_items(answers.to_numpy()), equal_nan=True)


def test_turning_twice_gives_the_answers_back():
    answers = np.random.default_rng(4).integers(0, 4, (50, 10)).astype(float)
    assert np.array_equal(models.score_items(models.score_items(answers)), answers)


def test_one_or_two_missing_answers_are_prorated_and_more_give_no_score():
    row = np.array([1, 1, 2, 1, 2, 2, 2, 2, 2, 2], dtype=float)  # every item scores 1 after turning
    rows = [row.copy() for _ in range(4)]
    for k, items in enumerate([[], [9], [0, 9], [0, 4, 9]]):
        rows[k][items] = np.nan
    assert models.epds_total(rows)[:3].tolist() == [10, 10, 10]
    assert np.isnan(models.epds_total(rows)[3])
    assert models.epds_total(rows, max_missing=3)[3] == 10


def test_prorating_is_not_rounded():
    row = [3, 0, 3, 0, 3, 3, 3, 3, 3, np.nan]  # 3 points on nine items
    assert models.epds_total([row])[0] == pytest.approx(3 * 10 / 9)


def test_a_mother_without_any_answer_has_no_score_and_causes_no_warning():
    with np.errstate(all="raise"):
        assert np.isnan(models.epds_total([[np.nan] * 10], max_missing=10)[0])


# --- Screening


SCORE = [2, 10, 11, 12, 15, 11, 3, 9]
ILL = [0, 0, 0, 1, 1, 1, 0, 1]


def test_the_cutoff_itself_counts_as_positive():
    assert models.screening_table(SCORE, ILL, 11) == Screening(3, 1, 1, 3)


def test_the_four_shares_mean_what_they_say():
    table = Screening(true_positive=30, false_negative=10, false_positive=40, true_negative=120)
    assert table.sensitivity == 30 / 40
    assert table.specificity == 120 / 160
    assert table.base_rate == 40 / 200
    assert table.ppv == pytest.approx(30 / 70)
    assert table.npv == pytest.approx(120 / 130)


def test_true_and_false_are_as_good_as_1_and_0():
    assert models.screening_table(SCORE, np.array(ILL, dtype=bool), 11) == models.screening_table(SCORE, ILL, 11)


def test_the_curve_has_the_values_of_each_table():
    sensitivity, specificity = models.screening_curve(SCORE, ILL, range(0, 20))
    for cutoff in range(0, 20):
        table = models.screening_table(SCORE, ILL, cutoff)
        assert sensitivity[cutoff] == table.sensitivity
        assert specificity[cutoff] == table.specificity
    assert (np.diff(sensitivity) <= 0).all() and (np.diff(specificity) >= 0).all()


proportion = st.floats(0.01, 0.99)


@given(proportion, proportion, proportion)
def test_predictive_values_are_those_of_counted_people(se, sp, base):
    ppv, npv = models.predictive_values(se, sp, base)
    people = 1e6
    tp, fp = people * base * se, people * (1 - base) * (1 - sp)
    tn, fn = people * (1 - base) * sp, people * base * (1 - se)
    assert ppv == pytest.approx(tp / (tp + fp))
    assert npv == pytest.approx(tn / (tn + fn))


def test_the_rarer_the_condition_the_less_a_positive_screen_says():
    ppv, npv = models.predictive_values(0.81, 0.88, np.array([0.02, 0.1, 0.3]))
    assert (np.diff(ppv) > 0).all() and (np.diff(npv) < 0).all()


def test_where_nobody_screens_positive_there_is_no_positive_predictive_value():
    assert math.isnan(models.predictive_values(0, 1, 0.1)[0])


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.sampled_from([100, 1000]))
def test_natural_frequencies_always_add_up_and_are_never_negative(se, sp, base, people):
    counts = models.natural_frequencies(se, sp, base, people)
    assert sum(counts) == people and min(counts) >= 0
    assert abs(counts.true_positive + counts.false_negative - people * base) <= 0.5


# --- Intervals and groups


@pytest.mark.parametrize(("count", "n"), [(0, 20), (20, 20), (1, 7), (75, 497), (3, 1000)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_wilson_agrees_with_statsmodels(count, n, confidence):
    expected = proportion_confint(count, n, alpha=1 - confidence, method="wilson")
    assert models.wilson_interval(count, n, confidence) == pytest.approx(expected, abs=1e-9)


def _two_groups(seed=26):
    rng = np.random.default_rng(seed)
    return rng.gamma(2, 2, 26), rng.gamma(3, 3, 36)


def test_welch_agrees_with_scipy_and_statsmodels():
    first, second = _two_groups()
    ours = models.welch(first, second)
    scipy_says = stats.ttest_ind(first, second, equal_var=False)
    assert (ours.t, ours.p, ours.df) == pytest.approx((scipy_says.statistic, scipy_says.pvalue, scipy_says.df))
    compared = CompareMeans(DescrStatsW(first), DescrStatsW(second))
    assert (ours.low, ours.high) == pytest.approx(compared.tconfint_diff(usevar="unequal"))
    assert ours.difference == pytest.approx(first.mean() - second.mean())


def test_g_is_d_made_smaller_by_the_exact_correction_to_four_decimals():
    first, second = _two_groups()
    pooled = math.sqrt((25 * first.var(ddof=1) + 35 * second.var(ddof=1)) / 60)
    exact = math.gamma(30) / (math.sqrt(30) * math.gamma(29.5))
    assert models.hedges_g(first, second).g == pytest.approx(exact * (first.mean() - second.mean()) / pooled, abs=1e-4)


def test_changing_the_order_of_groups_changes_the_sign_and_nothing_else():
    first, second = _two_groups()
    one, other = models.hedges_g(first, second), models.hedges_g(second, first)
    assert one == pytest.approx((-other.g, -other.high, -other.low))
    one, other = models.welch(first, second), models.welch(second, first)
    assert (one.difference, one.low, one.p) == pytest.approx((-other.difference, -other.high, other.p))


@settings(deadline=None, max_examples=25)
@given(st.floats(-100, 100), st.floats(0.01, 100))
def test_g_does_not_depend_on_the_unit(shift, scale):
    first, second = _two_groups()
    assert models.hedges_g(shift + scale * first, shift + scale * second).g == pytest.approx(
        models.hedges_g(first, second).g, rel=1e-6
    )


def test_about_95_of_100_intervals_for_g_hold_the_truth():
    rng = np.random.default_rng(95)
    held = 0
    for _ in range(1000):
        effect = models.hedges_g(rng.normal(0.5, 1, 26), rng.normal(0, 1, 36))
        held += effect.low <= 0.5 <= effect.high
    assert 930 <= held <= 970


def test_lists_and_columns_give_what_arrays_give():
    first, second = _two_groups()
    for kind in (list, pd.Series, tuple):
        assert models.welch(kind(first), kind(second)) == models.welch(first, second)
        assert models.hedges_g(kind(first), kind(second)) == models.hedges_g(first, second)


def test_results_show_themselves_in_words():
    first, second = _two_groups()
    assert repr(models.welch(first, second)).startswith("difference ")
    assert ", interval " in repr(models.hedges_g(first, second))


# --- Nonsense


@pytest.mark.parametrize(
    ("nonsense", "said"),
    [
        (lambda: models.score_items(_answers([4] * 10)), "0, 1, 2 or 3"),
        (lambda: models.score_items(_answers([1.5] * 10)), "0, 1, 2 or 3"),
        (lambda: models.score_items(_answers([1] * 9)), "9 columns of answers, and 10 items"),
        (lambda: models.score_items([["M001"] + [1] * 9]), "columns of numbers only"),
        (lambda: models.score_items([1] * 10), "a table of several columns"),
        (lambda: models.epds_total(np.empty((0, 10))), "kept no rows"),
        (lambda: models.screening_table([9, np.nan], [0, 1], 11), "missing"),
        (lambda: models.screening_table([9, 12, 3], [0, 1], 11), "3 scores and 2 diagnoses"),
        (lambda: models.screening_table([9, 12], [1, 2], 11), "coded 1"),
        (lambda: models.screening_table([9, 12], [0, 0], 11), "same diagnosis"),
        (lambda: models.screening_table([9, 12], [0, 1], [9, 11]), "one number"),
        (lambda: models.screening_table([9, 12], [0, 1], "11"), "one number"),
        (lambda: models.predictive_values(81, 0.88, 0.1), "divide by 100"),
        (lambda: models.predictive_values(0.81, 0.88, float("nan")), "between 0 and 1"),
        (lambda: models.wilson_interval(0.15, 500), "Is it a proportion"),
        (lambda: models.wilson_interval(501, 500), "not a proportion"),
        (lambda: models.wilson_interval(0, 0), "not a proportion"),
        (lambda: models.wilson_interval(3, 10, confidence=95), "confidence level"),
        (lambda: models.welch([1], [1, 2]), "only one value in the first group"),
        (lambda: models.welch([1, 2], [1, np.nan]), "dropna"),
        (lambda: models.welch([1, 1], [2, 2]), "no spread"),
        (lambda: models.hedges_g([], [1, 2]), "kept no rows"),
        (lambda: models.hedges_g(["a", "b"], [1, 2]), "numbers"),
    ],
)
def test_nonsense_gets_a_sentence(nonsense, said):
    with pytest.raises(MakesNoSense, match=said) as raised:
        nonsense()
    assert isinstance(raised.value, Sentence)
    assert str(raised.value).endswith((".", "?"))
