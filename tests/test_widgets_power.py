"""Claims about the explorer of noise, sample size and luck of week 5."""

import numpy as np
import pytest
from dyadlab import models
from dyadlab.widgets.power import EDGES, STUDIES, describe, power, read
from scipy import stats

# --- The model, without any widget


@pytest.mark.parametrize(
    ("true_r", "share"), [(0.1, 0.120), (0.2, 0.349), (0.3, 0.670), (0.35, 0.808), (0.4, 0.907), (0.5, 0.989)]
)
def test_with_62_dyads_the_shares_are_those_of_400_000_simulated_studies(true_r, share):
    assert read(true_r, 1, 1, 62).share_significant == pytest.approx(share, abs=0.01)


def test_the_correlations_are_distributed_like_those_of_drawn_dyads():
    rng = np.random.default_rng(5)
    x = rng.standard_normal((4000, 20))
    y = 0.4 * x + np.sqrt(0.84) * rng.standard_normal((4000, 20))
    drawn = [np.corrcoef(a, b)[0, 1] for a, b in zip(x, y, strict=True)]
    assert stats.ks_2samp(drawn, read(0.4, 1, 1, 20).correlations).pvalue > 0.01


def test_where_nothing_is_true_one_study_in_twenty_finds_it():
    assert read(0, 1, 1, 62).share_significant == pytest.approx(0.05, abs=0.005)


def test_noise_hides_and_significance_exaggerates():
    now = read(0.4, 0.6, 0.5, 62)
    assert now.seen == pytest.approx(0.4 * np.sqrt(0.3))
    assert now.seen < 0.25 < now.mean_significant < 0.4
    assert now.exaggeration == pytest.approx(1.5, abs=0.05)


def test_more_dyads_find_more_and_exaggerate_less():
    readings = [read(0.4, 0.6, 0.5, n) for n in (20, 40, 80, 160, 320)]
    assert (np.diff([r.share_significant for r in readings]) > 0).all()
    assert (np.diff([r.mean_significant for r in readings]) < 0).all()


def test_the_critical_r_has_p_of_exactly_05():
    critical = read(0.3, 1, 1, 62).critical
    t = critical * np.sqrt(60 / (1 - critical**2))
    assert 2 * stats.t.sf(t, 60) == pytest.approx(0.05)


def test_the_same_setting_gives_the_same_studies():
    assert np.array_equal(read(0.3, 0.8, 0.7, 50).correlations, read(0.3, 0.8, 0.7, 50).correlations)


def test_words_hold_the_numbers_and_never_nan():
    now = read(0.4, 0.6, 0.5, 62)
    for number in ("0.40", f"{now.seen:.2f}", f"{100 * now.share_significant:.0f}", f"{now.mean_significant:.2f}"):
        assert number in describe(now)
    for n in (10, 1000):
        for r in (0, 0.9):
            assert "nan" not in describe(read(r, 0.1, 0.1, n))


@pytest.mark.parametrize("setting", [(1.2, 1, 1, 62), (0.3, 60, 1, 62), (0.3, 1, 1, 3), (0.3, 1, 1, 62.5)])
def test_settings_that_make_no_sense_get_a_sentence(setting):
    with pytest.raises(models.MakesNoSense):
        read(*setting)


# --- The widget, without a browser


def drawn(shape):
    """How many studies the bars of one shape show: their heights, added up."""
    bars = shape.get_path().vertices.reshape(-1, 5, 2)
    return int(sum(np.ptp(bars[:, :, 1], axis=1)))


def test_the_significant_part_of_a_bar_stands_on_the_other():
    now = read(0.3, 1, 1, 30)
    explorer = power(0.3, 1, 1, 30)
    beyond = np.abs(now.correlations) > now.critical
    counts = np.histogram(now.correlations, EDGES)[0]
    significant = np.histogram(now.correlations[beyond], EDGES)[0]
    both = (significant > 0) & (significant < counts)
    assert both.sum() == 1  # the bar that holds the critical r
    bars = explorer._significant.get_path().vertices.reshape(-1, 5, 2)
    (split,) = [bar for bar in bars if bar[0, 0] == EDGES[:-1][both]]
    assert split[:, 1].min() == (counts - significant)[both]
    assert split[:, 1].max() == counts[both]


def test_other_settings_move_bars_lines_picture_and_words():
    explorer = power()
    before = explorer._picture.value, explorer._words.value
    explorer.set(true_r=0.4, n=100)
    now = read(0.4, 0.6, 0.5, 100)
    assert explorer.reading.share_significant == now.share_significant
    assert list(explorer._mean.get_xdata()) == [now.mean_significant] * 2
    assert drawn(explorer._others) + drawn(explorer._significant) == STUDIES
    assert drawn(explorer._significant) == round(now.share_significant * STUDIES)
    assert explorer._picture.value != before[0] and describe(now) in explorer._words.value != before[1]


def test_every_slider_has_a_name_and_the_picture_a_text_alternative():
    explorer = power()
    assert [slider.description for slider in explorer.children[0].children] == [
        "True correlation", "Reliability of talk", "Reliability of oxytocin", "Number of dyads",
    ]  # fmt: skip
    assert 'alt="Histogram of' in explorer._picture.value and 'role="status"' in explorer._words.value


def test_one_figure_is_used_again_and_none_is_left_open():
    import matplotlib.pyplot as plt

    plt.close("all")
    explorer = power()
    drawn = len(explorer._axes.patches), len(explorer._axes.lines)
    for n in (10, 62, 500, 1000):
        explorer.set(n=n, true_r=0)
    assert (len(explorer._axes.patches), len(explorer._axes.lines)) == drawn
    assert plt.get_fignums() == []


def test_where_no_widget_can_live_the_words_stand_in_whole():
    explorer = power()
    assert explorer._repr_mimebundle_()["text/plain"].endswith(describe(explorer.reading))


def test_the_explorer_is_found_under_its_course_name():
    import dyadlab

    assert dyadlab.widgets.power is power
