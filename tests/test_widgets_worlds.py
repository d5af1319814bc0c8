"""Claims about the which-world game of week 5."""

import numpy as np
import pytest
from dyadlab.studies.worlds import LETTERS, causes
from dyadlab.widgets.worlds import CAUSES, NOT_YET, NotAGuess, Round, describe, worlds

# --- The game, without any widget


@pytest.mark.parametrize("seed", range(3))
def test_all_four_clouds_have_the_same_r_and_the_same_t_both_ways(seed):
    for cloud in Round(seed).clouds():
        assert len(cloud.talk) == len(cloud.log_oxytocin) == 62
        assert cloud.r == pytest.approx(0.35, abs=0.001)
        assert cloud.t_on_talk == pytest.approx(cloud.t_on_oxytocin, rel=1e-9)


def test_means_and_spreads_are_the_same_in_all_clouds():
    clouds = Round(1).clouds()
    facts = [(c.talk.mean(), c.talk.std(), c.log_oxytocin.mean(), c.log_oxytocin.std()) for c in clouds]
    assert np.ptp(facts, axis=0) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("seed", range(8))
def test_each_cause_is_behind_one_cloud_and_the_pushes_tell_which(seed):
    revealed = Round(seed).reveal(CAUSES)
    assert sorted(one.cause for one in revealed) == sorted(CAUSES)
    follows = {
        "talk moves oxytocin": (0.35, 0),
        "oxytocin moves talk": (0, 0.35),
        "each moves the other": (0.181, 0.181),
        "a common cause": (0, 0),
    }
    for one in revealed:
        assert (one.push_on_talk, one.push_on_oxytocin) == pytest.approx(follows[one.cause], abs=0.051)


def test_the_order_differs_from_round_to_round():
    orders = {tuple(one.cause for one in Round(seed).reveal(CAUSES)) for seed in range(8)}
    assert len(orders) > 3


def test_the_same_seed_gives_the_same_round():
    one, same = Round("x").clouds(), Round("x").clouds()
    assert all(np.array_equal(a.talk, b.talk) for a, b in zip(one, same, strict=True))


def test_guesses_are_counted_and_the_same_world_may_be_named_twice():
    truth = [one.cause for one in Round(2).reveal(CAUSES)]
    assert describe(Round(2).reveal(truth)).startswith("You named 4 of 4")
    assert describe(Round(2).reveal([truth[0]] * 4)).startswith("You named 1 of 4")


def test_a_cloud_without_a_guess_gets_a_sentence():
    with pytest.raises(NotAGuess, match="cloud 2 and cloud 4"):
        Round(2).reveal([CAUSES[0], NOT_YET, CAUSES[1], NOT_YET])
    with pytest.raises(NotAGuess, match="each of the four"):
        Round(2).reveal(CAUSES[:3])


# --- The widget, without a browser


def _holds(thing, seen=None):
    """Every text that can be reached from an object's attributes, as a student poking around would find it."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, str):
        yield thing
    elif isinstance(thing, dict):
        for key, value in thing.items():
            yield from _holds(key, seen)
            yield from _holds(value, seen)
    elif isinstance(thing, list | tuple):
        for value in thing:
            yield from _holds(value, seen)


def test_before_committing_neither_round_nor_widget_holds_an_answer():
    game = worlds()
    truth = [causes(f"game, {game.round.seed}")[letter] for letter in LETTERS]
    assert list(vars(game.round)) == ["seed"]
    for choice in game._choices:
        assert tuple(choice.options) == (NOT_YET, *CAUSES)  # the same for every cloud
    texts = list(_holds([game._said.value, game._picture.value, repr(game), *(c.description for c in game._choices)]))
    assert not any(cause in text for cause in truth for text in texts)


def test_committing_too_early_asks_for_the_rest_and_reveals_nothing():
    game = worlds()
    game._choices[0].value = CAUSES[0]
    game._commit.click()
    assert "cloud 2 and cloud 3 and cloud 4" in game._said.value and "<table" not in game._said.value
    assert not game._choices[1].disabled


def test_committing_fixes_the_guesses_and_shows_both_pushes_and_the_count():
    game = worlds()
    for choice in game._choices:
        choice.value = CAUSES[3]
    game._commit.click()
    assert all(choice.disabled for choice in game._choices)
    assert "You named 1 of 4" in game._said.value and game._said.value.count("SD</td>") == 8


def test_another_round_brings_new_clouds_and_open_choices():
    game = worlds()
    first, seed = game._picture.value, game.round.seed
    for choice in game._choices:
        choice.value = CAUSES[0]
    game._commit.click()
    game._again.click()
    assert game._picture.value != first and game.round.seed != seed
    assert all(choice.value == NOT_YET and not choice.disabled for choice in game._choices)
    assert "<table" not in game._said.value


def test_every_control_has_a_name_and_the_picture_a_text_alternative():
    game = worlds()
    assert [choice.description for choice in game._choices] == [f"Cloud {k} is the world where" for k in (1, 2, 3, 4)]
    assert "both regressions of each have t =" in game._picture.value and 'role="status"' in game._said.value


def test_no_figure_is_left_open():
    import matplotlib.pyplot as plt

    plt.close("all")
    worlds()
    assert plt.get_fignums() == []


def test_the_game_is_found_under_its_course_name():
    import dyadlab

    assert dyadlab.widgets.worlds is worlds
