"""Claims about the four worlds: nothing in what is found tells them apart, and a push does."""

import dyadlab
import numpy as np
import pytest
from dyadlab import datasets
from dyadlab.studies import worlds
from scipy import stats


@pytest.fixture
def table():
    return dyadlab.load("worlds")


def z(table, column):
    p = worlds.FOUR
    mean, sd = {
        "talk_score": (p.talk_mean, p.talk_sd),
        "log_oxytocin_infant": (p.log_oxytocin_mean, p.log_oxytocin_sd),
    }[column]
    return (table[column] - mean) / sd


@pytest.mark.parametrize("letter", worlds.LETTERS)
def test_as_found_every_world_has_r_35_and_the_same_means_and_sds(table, letter):
    """Matched: all that is left is the rounding of the table (.05 points in 10)."""
    found = table[(table["world"] == letter) & (table["design"] == "as found")]
    assert len(found) == 62
    assert found["talk_score"].corr(found["log_oxytocin_infant"]) == pytest.approx(0.35, abs=0.001)
    for column in ("talk_score", "log_oxytocin_infant"):
        assert z(found, column).mean() == pytest.approx(0, abs=0.001)
        assert z(found, column).std() == pytest.approx(1, abs=0.002)


@pytest.mark.parametrize("letter", worlds.LETTERS)
def test_both_regressions_have_the_same_t_and_p(table, letter):
    found = table[(table["world"] == letter) & (table["design"] == "as found")]
    one = stats.linregress(found["talk_score"], found["log_oxytocin_infant"])
    other = stats.linregress(found["log_oxytocin_infant"], found["talk_score"])
    assert one.pvalue == pytest.approx(other.pvalue, rel=1e-9)
    assert one.slope / one.stderr == pytest.approx(other.slope / other.stderr, rel=1e-9)


@pytest.mark.parametrize("letter", worlds.LETTERS)
@pytest.mark.parametrize("column", ["talk_score", "log_oxytocin_infant"])
def test_no_skewness_gives_a_direction_away(table, letter, column):
    """With skewed causes a rule of skewness finds the direction in over 90 per cent of samples."""
    found = table[(table["world"] == letter) & (table["design"] == "as found")]
    assert stats.shapiro(found[column]).pvalue > 0.01


def test_a_push_of_one_sd_moves_what_is_pushed_by_one_sd(table):
    """Vetted to .06 of an SD."""
    for design, column in (("talk supported", "talk_score"), ("oxytocin raised", "log_oxytocin_infant")):
        for _, trial in table[table["design"] == design].groupby("world"):
            moved = z(trial[trial["pushed"] == 1], column).mean() - z(trial[trial["pushed"] == 0], column).mean()
            assert moved == pytest.approx(1, abs=0.061)


@pytest.mark.parametrize("letter", worlds.LETTERS)
def test_the_two_trials_together_tell_which_world_it_is(table, letter):
    """Effects in SD of talk on oxytocin and back: (.35, 0), (0, .35), (.18, .18), (0, 0); vetted to .05."""
    effects = []
    for design, column in (("talk supported", "log_oxytocin_infant"), ("oxytocin raised", "talk_score")):
        trial = table[(table["world"] == letter) & (table["design"] == design)]
        effects.append(z(trial[trial["pushed"] == 1], column).mean() - z(trial[trial["pushed"] == 0], column).mean())
    patterns = {
        "talk moves oxytocin": (0.35, 0),
        "oxytocin moves talk": (0, 0.35),
        "each moves the other": (0.181, 0.181),
        "a common cause": (0, 0),
    }
    told = datasets.truth("worlds")[letter]
    assert effects == pytest.approx(patterns[told], abs=0.051)
    nearest = min(patterns, key=lambda cause: np.abs(np.subtract(effects, patterns[cause])).sum())
    assert nearest == told


def test_two_arrows_of_181_make_a_correlation_of_35():
    """r = 2a / (1 + a squared): statistics reference, section 8."""
    a = worlds.FOUR.both_ways()
    assert a == pytest.approx(0.181, abs=0.0005)
    assert 2 * a / (1 + a * a) == pytest.approx(0.35)


def test_every_cause_has_its_letter_and_the_order_gives_nothing_away():
    letters = worlds.causes()
    assert sorted(letters.values()) == sorted(worlds.CAUSES)
    assert tuple(letters.values()) != worlds.CAUSES
