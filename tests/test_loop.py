"""Claims about the loop of two partners: what it does, when it refuses, and that a known loop comes back from data."""

import matplotlib

matplotlib.use("Agg")

import dyadlab
import matplotlib.pyplot as plt
import numpy as np
import pytest
from dyadlab import datasets, models, plots
from dyadlab.blanks import BlankLeft, ____
from dyadlab.checks import figure_facts
from dyadlab.models import MakesNoSense
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.tsa.api import VAR

CONTROL = [[0.72, 0.10], [0.12, 0.70]]
DEPRESSED = [[0.64, 0.04], [0.09, 0.60]]
STRONG = [[0.72, 0.36], [0.36, 0.70]]
inertias, followings = st.floats(0, 0.95), st.floats(0, 0.6)
loops = st.builds(lambda a, c, d, e: [[a, c], [d, e]], inertias, followings, followings, inertias)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


# --- What a loop does


def test_one_second_is_the_two_equations():
    path = models.simulate_loop(CONTROL, 1, start=[2, -1], push=[0.5, 0.25], noise=[[0.01, 0.02]])
    assert path[1] == pytest.approx([0.72 * 2 - 0.10 + 0.51, 0.12 * 2 - 0.70 + 0.27])


def test_both_partners_look_at_the_same_second():
    path = models.simulate_loop(CONTROL, 40, start=[1, 0])
    by_table = [np.linalg.matrix_power(CONTROL, t) @ [1, 0] for t in range(41)]
    assert np.allclose(path, by_table)


def test_many_dyads_at_once_are_the_same_dyads_one_by_one():
    rng = np.random.default_rng(1)
    noise, start = rng.normal(0, 0.5, (50, 7, 2)), rng.normal(0, 1, (7, 2))
    for saturation in (None, 1.5):
        together = models.simulate_loop(CONTROL, 50, start=start, push=[0.1, 0], noise=noise, saturation=saturation)
        for n in range(7):
            alone = models.simulate_loop(
                CONTROL, 50, start=start[n], push=[0.1, 0], noise=noise[:, n], saturation=saturation
            )
            assert np.array_equal(together[:, n], alone)


def test_a_push_may_differ_from_second_to_second():
    push = np.zeros((30, 2))
    push[:10] = [0.2, 0]
    path = models.simulate_loop(CONTROL, 30, push=push)
    assert np.array_equal(path[:11], models.simulate_loop(CONTROL, 10, push=[0.2, 0]))
    assert np.allclose(path[10:], models.simulate_loop(CONTROL, 20, start=path[10]))


def test_with_the_same_chance_only_the_loop_makes_a_difference():
    noise = np.random.default_rng(2).normal(0, 0.5, (60, 2))
    kept = noise.copy()
    first, again = (models.simulate_loop(CONTROL, 60, noise=noise) for _ in range(2))
    assert np.array_equal(first, again) and np.array_equal(noise, kept)
    # without any chance the difference of two starts is what it is with it: nothing else was drawn
    shifted = models.simulate_loop(CONTROL, 60, start=[1, 0], noise=noise)
    assert np.allclose(shifted - first, models.simulate_loop(CONTROL, 60, start=[1, 0]))


def test_a_loop_without_end_grows_in_silence():
    with np.errstate(all="raise"):
        path = models.simulate_loop([[0.9, 0.6], [0.6, 0.9]], 5000, start=[1, 0])
    assert not np.isfinite(path[-1]).any()


@pytest.mark.parametrize(
    ("loop", "radius", "gain", "amplification"),
    [
        (CONTROL, 0.82, 0.143, 1.167),
        (DEPRESSED, 0.683, 0.025, 1.026),
        ([[0.30, 0.10], [0.20, 0.20]], 0.4, 0.036, 1.037),
    ],
)
def test_the_loops_of_the_course_have_the_known_numbers(loop, radius, gain, amplification):
    """Domain reference 9e and statistics reference, claim (c)."""
    assert models.spectral_radius(loop) == pytest.approx(radius, abs=0.0006)
    assert models.loop_gain(loop) == pytest.approx(gain, abs=0.0006)
    assert models.amplification(loop) == pytest.approx(amplification, abs=0.0006)


@given(loops)
@settings(max_examples=60, deadline=None)
def test_below_radius_1_the_simulation_rests_where_the_equations_say(loop):
    radius = models.spectral_radius(loop)
    if radius > 0.97:
        return
    rest = models.fixed_point(loop, [0.3, -0.1])
    assert np.allclose(np.array(loop) @ rest + [0.3, -0.1], rest)
    assert models.simulate_loop(loop, 900, push=[0.3, -0.1])[-1] == pytest.approx(rest, abs=1e-6)


@given(loops)
@settings(max_examples=60, deadline=None)
def test_amplification_is_what_the_loop_adds_to_a_lasting_push(loop):
    if models.spectral_radius(loop) >= 1:
        with pytest.raises(MakesNoSense):
            models.amplification(loop)
        return
    alone = 1 / (1 - loop[0][0])
    assert models.amplification(loop) == pytest.approx(models.fixed_point(loop, [1, 0])[0] / alone)
    # the sum of all rounds
    gain = models.loop_gain(loop)
    if gain < 0.9:
        assert models.amplification(loop) == pytest.approx(sum(gain**n for n in range(400)))


@given(loops)
@settings(max_examples=60, deadline=None)
def test_where_nobody_turns_away_radius_1_and_gain_1_are_one_line(loop):
    gain = models.loop_gain(loop)
    if abs(gain - 1) > 1e-6:
        assert (gain < 1) == (models.spectral_radius(loop) < 1)


def test_a_loop_that_turns_away_may_be_stable_with_a_gain_below_minus_1():
    """For negative feedback the gain does not decide: the spectral radius does."""
    loop = [[0.7, -0.6], [0.6, 0.2]]
    assert models.loop_gain(loop) < -1 and models.spectral_radius(loop) < 1
    assert models.amplification(loop) == pytest.approx(models.simulate_loop(loop, 500, push=[0.3, 0])[-1, 0])


def test_beyond_gain_1_no_amplification_is_reported_though_the_formula_gives_one():
    loop = [[0.72, 0.34], [0.30, 0.70]]
    assert 1 / (1 - models.loop_gain(loop)) == pytest.approx(-4.67, abs=0.005)
    with pytest.raises(MakesNoSense, match="no amplification to report"):
        models.amplification(loop)
    with pytest.raises(MakesNoSense, match="does not come to rest"):
        models.fixed_point(loop, [0.1, 0])


def test_near_gain_1_thirty_seconds_show_a_quarter():
    """The prose of week 7: 4 of 15."""
    near = [[0.72, 0.28], [0.28, 0.70]]
    assert models.amplification(near) == pytest.approx(15)
    assert models.simulate_loop(near, 30, push=[0.28, 0])[30, 0] == pytest.approx(4.0, abs=0.05)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.82, 0.9977])
def test_after_the_half_life_half_is_kept(kept):
    assert kept ** models.half_life(kept) == pytest.approx(0.5)


@pytest.mark.parametrize("kept", [0, 1, 1.03, -0.5, float("nan")])
def test_what_never_halves_has_no_half_life(kept):
    with pytest.raises(MakesNoSense):
        models.half_life(kept)


def test_a_disturbance_keeps_the_spectral_radius_in_the_long_run():
    path = models.simulate_loop(CONTROL, 60, start=[1, 0])
    assert path[60, 0] / path[59, 0] == pytest.approx(models.spectral_radius(CONTROL), abs=1e-6)


def test_lifting_the_push_helps_the_baby_and_following_alone_does_not():
    """Week 7, 7.7: with a push downwards a tighter loop carries the baby further down."""
    none = models.fixed_point(DEPRESSED, [-0.18, 0])[1]
    lift = models.fixed_point(DEPRESSED, [-0.09, 0])[1]
    couple = models.fixed_point([[0.64, 0.10], [0.09, 0.60]], [-0.18, 0])[1]
    assert couple < none < lift < 0


def test_the_looser_loop_under_depression_comes_from_the_lower_following_that_was_assumed():
    """Week 7, before 7.7: with the same inertias and following raised instead, the gain is above that of control."""
    raised = models.loop_gain([[0.64, 0.16], [0.18, 0.60]])
    assert models.loop_gain(DEPRESSED) < models.loop_gain(CONTROL) < raised == pytest.approx(0.20)


def test_a_correlation_of_30_between_equals_promises_an_amplification_of_1_15():
    """The prose after 7.4: inertia .70 both, following c both, nothing else; r = 2ac / (1 - a² - c²)."""
    c = (-1.4 + np.sqrt(1.4**2 + 4 * 0.3 * 0.153)) / 0.6
    loop = [[0.7, c], [c, 0.7]]
    assert models.amplification(loop) == pytest.approx(1.15, abs=0.01)
    end = models.simulate_loop(loop, 80, noise=np.random.default_rng(3).normal(size=(80, 40_000, 2)))[-1]
    assert np.corrcoef(end.T)[0, 1] == pytest.approx(0.30, abs=0.015)  # standard error .005


# --- A ceiling


@pytest.mark.parametrize(("gain", "place"), [(1.1, 0.38), (2, 1.16), (4, 1.92)])
def test_with_a_ceiling_a_gain_above_1_has_two_resting_states(gain, place):
    """Statistics reference, claim (c): ±.38, ±1.16, ±1.92."""
    k = 0.5 * np.sqrt(gain)
    points, holds = models.resting_states([[0.5, k], [k, 0.5]], saturation=1)
    assert points[:, 0] == pytest.approx([-place, 0, place], abs=0.006)
    assert holds.tolist() == [True, False, True]


@given(loops, st.floats(-0.5, 0.5))
@settings(max_examples=40, deadline=None)
def test_a_resting_state_is_where_the_next_second_is_this_second(loop, push):
    points, holds = models.resting_states(loop, (push, 0), saturation=2)
    assert holds.any()
    for point in points:
        assert models.simulate_loop(loop, 1, start=point, push=[push, 0], saturation=2)[1] == pytest.approx(
            point, abs=1e-8
        )


def test_each_side_ends_at_its_own_place():
    points, _ = models.resting_states(STRONG, saturation=2)
    for start, place in ((0.5, points[-1]), (-0.5, points[0])):
        assert models.simulate_loop(STRONG, 400, start=[start, 0], saturation=2)[-1] == pytest.approx(place, abs=1e-6)


def test_below_gain_1_the_ceiling_leaves_one_place_at_the_usual_point():
    points, holds = models.resting_states(CONTROL, saturation=2)
    assert points == pytest.approx(np.zeros((1, 2)), abs=1e-9) and holds.tolist() == [True]


def test_a_small_disturbance_does_not_feel_the_ceiling():
    with_it = models.simulate_loop(CONTROL, 30, start=[0.01, 0], saturation=2)
    assert np.allclose(with_it, models.simulate_loop(CONTROL, 30, start=[0.01, 0]), atol=1e-6)


def test_eight_seconds_of_help_are_lost_and_ten_last():
    """Week 7, part 5."""
    low = models.resting_states(STRONG, saturation=2)[0][0]
    for seconds, side in ((8, -1), (10, 1)):
        push = np.zeros((200, 2))
        push[:seconds, 0] = 0.4
        assert np.sign(models.simulate_loop(STRONG, 200, start=low, push=push, saturation=2)[-1, 0]) == side


# --- Estimating


def one_dyad(loop, seed, seconds=300):
    noise = np.random.default_rng(seed).normal(0, 0.5, (seconds + 60, 2))
    return models.simulate_loop(loop, seconds + 60, noise=noise)[60:] + 5


@pytest.mark.parametrize("loop", [CONTROL, DEPRESSED, [[0.7, -0.2], [0.3, 0.5]]])
def test_a_known_loop_comes_back_and_the_errors_are_honest(loop):
    """400 dyads of 300 seconds: standard error of a mean .002, bias of inertia about -.013; intervals hold 95 %."""
    noise = np.random.default_rng(9).normal(0, 0.5, (360, 400, 2))
    films = models.simulate_loop(loop, 360, noise=noise)[60:]
    fits = [models.fit_loop(*films[:, n].T) for n in range(400)]
    estimates, errors = (np.array([getattr(fit, what) for fit in fits]) for what in ("loop", "errors"))
    assert estimates.mean(axis=0) == pytest.approx(np.array(loop), abs=0.02)
    assert errors.mean(axis=0) == pytest.approx(estimates.std(axis=0, ddof=1), rel=0.15)
    covered = np.abs(estimates - loop) < 1.96 * errors
    assert covered.mean() == pytest.approx(0.95, abs=0.025)


def test_the_estimates_are_those_of_an_independent_vector_autoregression():
    film = one_dyad(CONTROL, 4)
    fit, other = models.fit_loop(*film.T), VAR(film).fit(1)
    assert fit.loop == pytest.approx(other.coefs[0], abs=1e-10)
    assert fit.errors == pytest.approx(other.stderr[1:].T, abs=1e-10)
    assert fit.pairs == 300


def test_the_stored_dyads_give_back_the_loops_they_were_made_with():
    """Means of six; each coefficient of each group was vetted to .02."""
    truth = datasets.truth("moments", "anchor-like")
    names = ("mother_inertia", "mother_follows", "baby_follows", "baby_inertia")
    for code, group in ((0, "other"), (1, "elevated")):
        table = dyadlab.load("moments")
        table = table[table["elevated"] == code]
        fits = [
            models.fit_loop(film["mother_attunement"], film["infant_engagement"])
            for _, film in table.groupby("dyad_id")
        ]
        for name in names:
            assert np.mean([getattr(fit, name) for fit in fits]) == pytest.approx(truth[f"{group}_{name}"], abs=0.021)
        # nearly every interval of nearly every dyad holds the truth
        true = np.array([truth[f"{group}_{name}"] for name in names]).reshape(2, 2)
        held = [np.abs(fit.loop - true) < 1.96 * fit.errors for fit in fits]
        assert np.mean(held) > 0.8


def test_time_turned_round_gives_another_loop():
    """A mistake that the week refuses: this second regressed on the next."""
    forwards, backwards = (
        models.fit_loop(*film.T).loop for film in (one_dyad(CONTROL, 5, 20_000),) for film in (film, film[::-1])
    )
    assert forwards == pytest.approx(np.array(CONTROL), abs=0.02)
    assert not np.allclose(backwards, forwards, atol=0.01)


def test_shared_events_without_following_look_alike_in_one_number_and_not_in_300_seconds():
    """Week 7, part 7: mean product .18 in both worlds; the estimated following is 0 in the second."""
    rng = np.random.default_rng(7)
    own, shared = rng.normal(0, 0.5, (300, 500, 2)), rng.normal(0, 0.5, (300, 500, 1))
    in_a_loop = models.simulate_loop(CONTROL, 300, noise=own)
    together = models.simulate_loop([[0.72, 0], [0, 0.70]], 300, noise=np.sqrt(0.63) * own + np.sqrt(0.37) * shared)
    products = [(paths[..., 0] * paths[..., 1]).mean() for paths in (in_a_loop, together)]
    assert products[0] == pytest.approx(products[1], abs=0.01)
    fits = [models.fit_loop(*together[:, n].T).loop for n in range(100)]
    assert np.mean(fits, axis=0)[0, 1] == pytest.approx(0, abs=0.015)
    assert np.mean(fits, axis=0)[1, 0] == pytest.approx(0, abs=0.015)


def test_the_interval_decides_how_far_one_seems_to_follow():
    seen = {seconds: models.loop_at_interval(CONTROL, seconds) for seconds in (1, 2, 3, 4, 30)}
    assert max(seen, key=lambda seconds: seen[seconds][1, 0]) == 3
    assert seen[3][1, 0] == pytest.approx(0.183, abs=0.0005) and seen[30][1, 0] < 0.002
    for table in seen.values():  # the ratio stays
        assert table[1, 0] / table[0, 1] == pytest.approx(1.2)
    # it is what a long film gives that is coded every third second only
    film = one_dyad(CONTROL, 6, 60_000)[::3]
    assert models.fit_loop(*film.T).loop == pytest.approx(seen[3], abs=0.025)


# --- What makes no sense


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: models.spectral_radius([[0.7, 0.1]]), "two rows of two"),
        (lambda: models.spectral_radius([[0.7, np.inf], [0, 0.5]]), "infinite"),
        (lambda: models.loop_gain([[1.0, 0.1], [0.1, 0.5]]), "never comes to rest"),
        (lambda: models.fixed_point(CONTROL, 0.3), "mother first"),
        (lambda: models.simulate_loop(CONTROL, 0), "whole number from 1"),
        (lambda: models.simulate_loop(CONTROL, 9, push=np.zeros((8, 2))), "8 pushes for 9 seconds"),
        (lambda: models.simulate_loop(CONTROL, 9, noise=np.zeros((8, 2))), "shape"),
        (lambda: models.simulate_loop(CONTROL, 9, saturation=0), "above 0"),
        (lambda: models.resting_states(CONTROL, saturation=None), "ceiling"),
        (lambda: models.fit_loop(range(20), range(21)), "same seconds"),
        (lambda: models.fit_loop([5.0] * 20, range(20)), "cannot be told apart"),
        (lambda: models.fit_loop([1, 2, 3], [1, 2, 4]), "at least 10"),
        (lambda: models.loop_at_interval(CONTROL, 1.5), "whole number"),
    ],
)
def test_what_makes_no_sense_is_answered_with_a_sentence(call, sentence):
    with pytest.raises(MakesNoSense, match=sentence):
        call()


def test_a_blank_in_a_loop_or_a_push_is_called_a_blank():
    for call in (
        lambda: models.fixed_point(CONTROL, [____, 0]),
        lambda: models.spectral_radius([[0.7, ____], [0, 0.7]]),
    ):
        with pytest.raises(BlankLeft):
            call()


# --- Figures


def test_the_course_shows_mother_and_baby_with_units():
    path = models.simulate_loop(CONTROL, 20, start=[1, 0])
    facts = figure_facts(plots.time_course(path))
    drawn = set(zip(np.round(facts["xdata"], 9), np.round(facts["ydata"], 9), strict=True))
    for partner in path.T:
        assert {(t, v) for t, v in enumerate(np.round(partner, 9))} <= drawn
    assert "(seconds)" in facts["xlabel"] and "points" in facts["ylabel"] and len(facts["legend"]) == 2


@pytest.mark.parametrize(("loop", "saturation"), [(CONTROL, None), (STRONG, 2.0)])
def test_the_two_lines_are_where_one_partner_stays(loop, saturation):
    mother, baby = plots.stay_lines(loop, (0.2, -0.1), saturation=saturation)
    for who, line in enumerate((mother, baby)):
        for point in line[::20]:
            after = models.simulate_loop(loop, 1, start=point, push=[0.2, -0.1], saturation=saturation)[1]
            assert after[who] == pytest.approx(point[who])


def test_paths_end_at_crosses_inside_the_picture():
    lifted, lowered = (models.simulate_loop(CONTROL, 50, push=[p, 0]) for p in (0.28, -0.28))
    ax = plots.phase_plane([lifted, lowered], loop=CONTROL)
    crosses = [line.get_xydata()[0] for line in ax.lines if line.get_marker() == "x"]
    assert np.allclose(crosses, [lifted[-1], lowered[-1]])
    assert ax.get_xlim()[1] >= lifted.max() and "points" in ax.get_xlabel() and "points" in ax.get_ylabel()


def test_one_path_needs_no_list_and_a_table_of_the_wrong_width_is_refused():
    path = models.simulate_loop(CONTROL, 5, start=[1, 0])
    assert figure_facts(plots.phase_plane(path))["xdata"] == figure_facts(plots.phase_plane([path]))["xdata"]
    with pytest.raises(MakesNoSense, match="two columns"):
        plots.time_course(np.zeros((5, 3)))
