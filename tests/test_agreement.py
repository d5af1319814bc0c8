"""Claims about agreement between coders, held against published examples and independent implementations."""

import warnings
from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
from dyadlab import agreement
from dyadlab.models import MakesNoSense
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa as statsmodels_kappa

NAN = np.nan


def from_table(counts, codes="abcdef"):
    """Two columns of codes that have this table of counts."""
    first, second = [], []
    for row, code in zip(counts, codes, strict=False):
        for n, other in zip(row, codes, strict=False):
            first += [code] * n
            second += [other] * n
    return first, second


# --- Published examples

PUBLISHED_KAPPAS = {
    "Cohen 1960, 200 patients, three diagnoses": ([[88, 14, 18], [10, 40, 10], [2, 6, 12]], 0.70, 0.41, 0.492),
    "Fleiss, Cohen & Everitt 1969, 200 cases": ([[106, 10, 4], [22, 28, 10], [2, 12, 6]], 0.70, 0.475, 0.429),
    "Feinstein & Cicchetti 1990, balanced": ([[40, 9], [6, 45]], 0.85, 0.50, 0.70),
    "Feinstein & Cicchetti 1990, one code common": ([[80, 10], [5, 5]], 0.85, 0.78, 0.32),
}


@pytest.mark.parametrize("example", PUBLISHED_KAPPAS)
def test_published_kappas_come_out(example):
    counts, observed, expected, kappa = PUBLISHED_KAPPAS[example]
    found = agreement.cohens_kappa(*from_table(counts))
    assert agreement.chance_agreement(*from_table(counts)) == pytest.approx(found.expected)
    assert found.n == sum(map(sum, counts))
    assert found.raw_agreement == pytest.approx(observed, abs=0.005)
    assert found.expected == pytest.approx(expected, abs=0.005)
    assert found.kappa == pytest.approx(kappa, abs=0.005 if kappa in (0.70, 0.32) else 0.0005)


# Krippendorff (2018): four observers, twelve units, some values missing
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
)


def test_krippendorffs_own_example_with_missing_values():
    assert agreement.krippendorff_alpha(KRIPPENDORFF, coders_in="rows") == pytest.approx(0.743, abs=0.0005)
    assert agreement.krippendorff_alpha(pd.DataFrame(KRIPPENDORFF.T)) == pytest.approx(0.743, abs=0.0005)


def test_krippendorffs_examples_of_two_observers():
    # Krippendorff (2011), Computing Krippendorff's alpha-reliability: ten units of 0 and 1, and twelve units of a to e
    binary = [[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]
    nominal = [list("aabbdcccedda"), list("babbbccceddd")]
    assert agreement.krippendorff_alpha(binary, coders_in="rows") == pytest.approx(0.095, abs=0.0005)
    assert agreement.krippendorff_alpha(nominal, coders_in="rows") == pytest.approx(0.692, abs=0.0005)


# --- Independent implementations

tables = st.integers(2, 4).flatmap(
    lambda k: st.lists(st.lists(st.integers(0, 12), min_size=k, max_size=k), min_size=k, max_size=k)
)


def _usable(counts):
    counts = np.array(counts)
    assume(counts.sum() > 1 and np.trace(counts) > 0)
    p = counts / counts.sum()
    assume(p.sum(axis=0) @ p.sum(axis=1) < 0.999)
    used = (counts.sum(axis=0) > 0) & (counts.sum(axis=1) > 0)
    assume(used.any())
    return counts


@given(tables)
@settings(max_examples=80, deadline=None)
def test_kappa_and_its_standard_error_are_those_of_statsmodels(counts):
    counts = _usable(counts)
    found = agreement.cohens_kappa(*from_table(counts))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = statsmodels_kappa(counts)
    assert found.kappa == pytest.approx(other.kappa, abs=1e-12)
    if other.var_kappa > 1e-12:
        assert found.standard_error == pytest.approx(np.sqrt(other.var_kappa), rel=1e-6)
        assert found.low == pytest.approx(max(-1, other.kappa_low), abs=1e-9)


def alpha_pair_by_pair(units):
    """Alpha as its definition says, with a loop over all pairs: slow and plain."""
    units = [[c for c in unit if c == c and c is not None] for unit in units]
    units = [unit for unit in units if len(unit) > 1]
    values = [c for unit in units for c in unit]
    n = len(values)
    seen = sum(sum(a != b for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in units) / n
    by_chance = sum(a != b for a, b in permutations(values, 2)) / (n * (n - 1))
    return 1 - seen / by_chance


reliability_data = st.integers(2, 4).flatmap(
    lambda coders: st.lists(
        st.lists(st.sampled_from(["a", "b", "c", None]), min_size=coders, max_size=coders), min_size=5, max_size=14
    )
)


@given(reliability_data)
@settings(max_examples=80, deadline=None)
def test_alpha_is_what_its_definition_says_pair_by_pair(units):
    pairable = [[c for c in unit if c] for unit in units]
    assume(len({c for unit in pairable if len(unit) > 1 for c in unit}) > 1)
    try:
        found = agreement.krippendorff_alpha(units)
    except MakesNoSense as refused:
        assert "no value in common" in str(refused)
        return
    assert found == pytest.approx(alpha_pair_by_pair(units), abs=1e-12)


# --- Symmetries


@given(tables)
@settings(max_examples=50, deadline=None)
def test_swapping_the_coders_changes_nothing(counts):
    first, second = from_table(_usable(counts))
    one, other = agreement.cohens_kappa(first, second), agreement.cohens_kappa(second, first)
    assert np.allclose(one, other)
    assert agreement.raw_agreement(first, second) == agreement.raw_agreement(second, first)
    assert np.array_equal(
        agreement.confusion_table(first, second).to_numpy(), agreement.confusion_table(second, first).to_numpy().T
    )


@given(tables, st.permutations("abcd"))
@settings(max_examples=50, deadline=None)
def test_other_names_for_the_codes_change_nothing(counts, renamed):
    first, second = from_table(_usable(counts))
    new = dict(zip("abcd", [f"code {c}" for c in renamed], strict=True))
    again = [new[c] for c in first], [new[c] for c in second]
    assert np.allclose(agreement.cohens_kappa(first, second), agreement.cohens_kappa(*again))
    both = np.array([first, second], dtype=object), np.array(again, dtype=object)
    alphas = [agreement.krippendorff_alpha(table, coders_in="rows") for table in both]
    assert alphas[0] == pytest.approx(alphas[1])


@given(st.permutations(range(4)), st.permutations(range(12)))
@settings(max_examples=20, deadline=None)
def test_alpha_does_not_mind_the_order_of_coders_and_units(coders, units):
    shuffled = KRIPPENDORFF[np.ix_(coders, units)]
    assert agreement.krippendorff_alpha(shuffled, "rows") == pytest.approx(0.743, abs=0.0005)


def test_a_kind_of_container_changes_nothing():
    first, second = from_table([[30, 4], [6, 20]])
    as_list = agreement.cohens_kappa(first, second)
    assert agreement.cohens_kappa(np.array(first), pd.Series(second)) == as_list
    yes = [code == "a" for code in first], np.array([code == "a" for code in second])
    assert np.allclose(agreement.cohens_kappa(*yes), as_list)


# --- What the numbers mean


def test_perfect_agreement_is_1_and_shuffled_codes_come_to_about_0():
    rng = np.random.default_rng(5)
    first = rng.choice(["a", "b", "c"], size=3000, p=[0.8, 0.15, 0.05])
    perfect = agreement.cohens_kappa(first, first)
    assert (perfect.kappa, perfect.low, perfect.high) == (1, 1, 1)
    assert abs(agreement.cohens_kappa(first, rng.permutation(first)).kappa) < 0.06
    assert abs(agreement.krippendorff_alpha(np.array([first, rng.permutation(first)]), "rows")) < 0.06


def test_for_two_coders_and_many_comments_alpha_is_near_kappa():
    study = _double_coded()
    alpha = agreement.krippendorff_alpha(study[["expert", "trained"]])
    assert alpha == pytest.approx(agreement.cohens_kappa(study["expert"], study["trained"]).kappa, abs=0.001)


def test_the_interval_of_kappa_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(17)
    joint = np.array([[0.30, 0.05], [0.10, 0.55]])
    p = joint.sum(axis=1), joint.sum(axis=0)
    expected = p[0] @ p[1]
    truth = (np.trace(joint) - expected) / (1 - expected)
    draws = rng.multinomial(200, joint.ravel(), size=600).reshape(-1, 2, 2)
    inside = [k.low <= truth <= k.high for k in (agreement.cohens_kappa(*from_table(d)) for d in draws)]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.03)


def test_alpha_uses_comments_that_one_coder_left_out():
    study = _double_coded()[["expert", "trained", "novice"]].astype(object)
    study.iloc[400:, 2] = None
    whole, listwise = agreement.krippendorff_alpha(study), agreement.krippendorff_alpha(study.dropna())
    assert whole != pytest.approx(listwise, abs=0.005)
    # a comment that only one coder coded says nothing: adding some changes nothing
    more = pd.concat([study, pd.DataFrame({"expert": ["appropriate"] * 50, "trained": None, "novice": None})])
    assert agreement.krippendorff_alpha(more) == pytest.approx(whole)


def test_kappa_by_groups_is_the_kappa_of_each_group():
    study = _double_coded()
    by = agreement.kappa_by(study["expert"], study["novice"], study["session"])
    assert list(by.index) == list(pd.unique(study["session"]))
    assert by["comments"].sum() == len(study)
    own = study[study["session"] == "S05"]
    expected = agreement.cohens_kappa(own["expert"], own["novice"])
    assert by.loc["S05", "kappa"] == pytest.approx(expected.kappa)
    assert by.loc["S05", "raw_agreement"] == pytest.approx(expected.raw_agreement)


def test_a_group_in_which_kappa_does_not_exist_is_nan_and_not_an_error():
    by = agreement.kappa_by(list("aabb"), list("aaab"), ["early", "early", "late", "late"])
    assert np.isnan(by.loc["early", "kappa"]) and by.loc["late", "kappa"] == 0


def test_the_confusion_table_keeps_the_order_asked_for_and_says_whose_it_is():
    table = agreement.confusion_table(pd.Series(["x", "y", "y"], name="expert"), ["y", "y", "x"], codes=["y", "x", "z"])
    assert (table.index.name, table.columns.name) == ("expert", "second")
    assert table.to_numpy().tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 0]]


# --- The bootstrap


def clustered(rng, sessions=12, comments=40):
    """Codes of two coders who agree well in some sessions and badly in others."""
    first, second, session = [], [], []
    for name in range(sessions):
        accuracy = 0.99 if name % 2 else 0.70
        truth = rng.random(comments) < 0.4
        for column in (first, second):
            column.extend(np.where(rng.random(comments) < accuracy, truth, ~truth))
        session += [name] * comments
    return first, second, session


def test_drawing_sessions_gives_a_wider_interval_than_drawing_comments_where_sessions_differ():
    first, second, session = clustered(np.random.default_rng(3))
    sessions = agreement.bootstrap_kappa(first, second, session)
    comments = agreement.bootstrap_kappa(first, second, range(len(first)))
    assert sessions.estimate == comments.estimate
    assert sessions.high - sessions.low > 1.5 * (comments.high - comments.low)


def test_drawing_comments_agrees_with_the_formula_where_comments_are_independent():
    rng = np.random.default_rng(8)
    first = rng.random(800) < 0.4
    second = np.where(rng.random(800) < 0.9, first, ~first)
    drawn = agreement.bootstrap_kappa(first, second, range(800), resamples=3000)
    formula = agreement.cohens_kappa(first, second)
    assert (drawn.low, drawn.high) == pytest.approx((formula.low, formula.high), abs=0.01)


def test_the_bootstrap_is_what_drawing_rows_one_session_at_a_time_gives():
    study = _double_coded()
    found = agreement.bootstrap_kappa(study["expert"], study["trained"], study["session"])
    rng = np.random.default_rng(99)
    parts = [part for _, part in study.groupby("session")]
    kappas = []
    for _ in range(400):
        drawn = pd.concat([parts[k] for k in rng.integers(0, len(parts), len(parts))])
        kappas.append(agreement.kappa_by(drawn["expert"], drawn["trained"], ["all"] * len(drawn))["kappa"].iloc[0])
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(kappas, [0.025, 0.975])), abs=0.02)
    assert found.groups == len(parts)


def test_the_bootstrap_of_alpha_for_two_coders_is_near_that_of_kappa():
    study = _double_coded()
    alpha = agreement.bootstrap_alpha(study[["expert", "novice"]], study["session"])
    kappa = agreement.bootstrap_kappa(study["expert"], study["novice"], study["session"])
    assert alpha[:3] == pytest.approx(kappa[:3], abs=0.005)


def test_the_same_seed_gives_the_same_interval():
    study = _double_coded()
    first, second = (agreement.bootstrap_kappa(study["expert"], study["novice"], study["session"]) for _ in range(2))
    other = agreement.bootstrap_kappa(study["expert"], study["novice"], study["session"], seed=3)
    assert first == second and first != other


# --- Sentences


def test_a_table_on_its_side_gets_a_sentence_and_not_a_number():
    study = _double_coded()[["expert", "trained", "novice"]]
    with pytest.raises(MakesNoSense, match="lie on its side"):
        agreement.krippendorff_alpha(study.T)
    assert agreement.krippendorff_alpha(study.T, coders_in="rows") == agreement.krippendorff_alpha(study)


def test_a_column_that_is_no_coder_gets_a_sentence_with_its_name():
    with pytest.raises(MakesNoSense, match="'session' has no value in common"):
        agreement.krippendorff_alpha(_double_coded()[["session", "expert", "trained"]])


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (["a", None, "b"], ["a", "a", "b"], "1 of the 3 comments lack a code"),
        (["a", "", "b"], ["a", "a", np.nan], "2 of the 3 comments lack a code"),
        (["a", "b"], ["a"], "has 2 codes and the second 1"),
        ([], [], "no codes at all"),
        ("aab", "abb", "a column or list of codes"),
        (pd.DataFrame({"a": ["x"]}), ["x"], "one column of codes"),
        (["A", "N"], ["appropriate", "non_attuned"], "not one code in common"),
        (["a", "a"], ["a", "a"], "the same one code"),
    ],
)
def test_codes_that_make_no_sense_get_a_sentence(first, second, said):
    with pytest.raises(MakesNoSense, match=said):
        agreement.cohens_kappa(first, second)


def test_columns_of_different_selections_get_a_sentence():
    study = _double_coded()
    with pytest.raises(MakesNoSense, match="different rows"):
        agreement.raw_agreement(study["expert"].iloc[:100], study["novice"].iloc[100:200])


def test_groups_that_do_not_fit_get_a_sentence():
    with pytest.raises(MakesNoSense, match="3 groups"):
        agreement.kappa_by(list("ab"), list("ab"), [1, 1, 2])
    with pytest.raises(MakesNoSense, match="only one group"):
        agreement.bootstrap_kappa(list("aab"), list("abb"), ["S01"] * 3)
    with pytest.raises(MakesNoSense, match="belong to no group"):
        agreement.bootstrap_kappa(list("aab"), list("abb"), ["S01", None, "S02"])


def test_too_few_rare_codes_for_a_bootstrap_get_a_sentence():
    first = ["no"] * 39 + ["yes"]
    with pytest.raises(MakesNoSense, match="nothing to compute"):
        agreement.bootstrap_kappa(first, first, range(40))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ([["a"], ["b"]], "only one coder"),
        ([["a", None], [None, "b"]], "No comment has codes from two coders"),
        ([["a", "a"], ["a", "a"]], "the same one code"),
        (["a", "b"], "A table is wanted"),
    ],
)
def test_tables_that_say_nothing_about_agreement_get_a_sentence(table, said):
    with pytest.raises(MakesNoSense, match=said):
        agreement.krippendorff_alpha(table)


def test_agreement_is_found_under_its_course_name():
    import dyadlab

    assert dyadlab.agreement is agreement


def _double_coded():
    import dyadlab

    return dyadlab.load("double_coded")


def test_the_four_coders_stand_in_the_order_of_their_skill():
    """What week 2 tells of its coders: raw agreement hides what kappa shows."""
    study = _double_coded()
    names = ("trained", "novice", "keyword_bot")
    found = {name: agreement.cohens_kappa(study["expert"], study[name]) for name in names}
    kappas = [k.kappa for k in found.values()]
    assert kappas == sorted(kappas, reverse=True) and kappas[0] > 0.75 and kappas[1] < 0.70
    assert min(k.raw_agreement for k in found.values()) > 0.85
    pairwise = [agreement.cohens_kappa(study[a], study[b]).kappa for a, b in combinations(["expert", *found], 2)]
    alpha = agreement.krippendorff_alpha(study[["expert", *found]])
    assert min(pairwise) < alpha < max(pairwise)


def test_what_week_2_says_about_its_coders_is_so():
    study = _double_coded()
    minds = study.set_index(["session", "comment"]) != "not_mind_related"
    assert 0.84 < (study["expert"] == "not_mind_related").mean() < 0.88  # whom a sleeper agrees with
    fit = {}
    for name in ("trained", "novice", "keyword_bot"):
        judged = study[(minds["expert"] & minds[name]).to_numpy()]
        fit[name] = agreement.cohens_kappa(judged["expert"], judged[name]).kappa
    assert fit["novice"] < 0.5 < fit["trained"] < 0.70 and fit["keyword_bot"] == 0
    noticing = {name: agreement.cohens_kappa(minds["expert"], minds[name]).kappa for name in fit}
    assert abs(noticing["keyword_bot"] - noticing["novice"]) < 0.05
    of_novice = study.loc[study["expert"] == "non_attuned", "novice"]
    assert (of_novice != "non_attuned").mean() > 0.5
    of_trained = study.loc[study["expert"] == "non_attuned", "trained"].value_counts(normalize=True)
    assert of_trained["non_attuned"] == pytest.approx(2 / 3, abs=0.05)
    by_session = agreement.kappa_by(study["expert"], study["trained"], study["session"])["kappa"]
    assert by_session.min() < 0.7 and by_session.max() > 0.9
    half = np.where(study["comment"] <= study.groupby("session")["comment"].transform("max") / 2, "first", "second")
    falls = {name: np.diff(agreement.kappa_by(minds["expert"], minds[name], half)["kappa"])[0] for name in fit}
    assert falls["novice"] < -0.12 and min(falls["trained"], falls["keyword_bot"]) > -0.09


def test_a_blank_in_the_place_of_a_table_says_that_it_is_one():
    from dyadlab.blanks import BlankLeft, ____

    for use in (agreement.krippendorff_alpha, lambda blank: agreement.cohens_kappa(blank, blank)):
        with pytest.raises(BlankLeft):
            use(____)
