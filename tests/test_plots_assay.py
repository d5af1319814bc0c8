"""Claims about the figures of week 3: what stands in each well, and a curve with what it misses."""

import matplotlib

matplotlib.use("Agg")

import dyadlab
import matplotlib.pyplot as plt
import numpy as np
import pytest
from dyadlab import models, plots


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def wells():
    return dyadlab.load("elisa_plates")


@pytest.fixture(scope="module")
def known(wells):
    known = wells[(wells["plate"] == 7) & wells["role"].isin(["standard", "b0"])]
    return known["nominal_pg_ml"].to_numpy(), known["optical_density"].to_numpy()


def test_a_plate_has_a_to_h_downwards_and_1_to_12_across_with_every_reading_in_its_place(wells):
    one = wells[wells["plate"] == 7]
    ax = plots.plate(one)
    assert [t.get_text() for t in ax.get_yticklabels()] == list("ABCDEFGH")
    assert [t.get_text() for t in ax.get_xticklabels()] == [str(n) for n in range(1, 13)]
    assert ax.yaxis_inverted()
    drawn = np.asarray(ax.collections[0].get_array()).reshape(8, 12)
    for row, column, density in zip(one["row"], one["column"], one["optical_density"], strict=True):
        assert drawn["ABCDEFGH".index(row), column - 1] == density
    assert "optical density" in ax.figure.axes[1].get_ylabel()


def test_every_well_says_what_stands_in_it_and_what_was_read(wells):
    one = wells[wells["plate"] == 7].set_index("well")
    ax = plots.plate(one.reset_index())
    written = {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in ax.texts}
    assert len(written) == 96
    assert written[0, 0] == f"1000\n{one.loc['A1', 'optical_density']:.2f}"
    assert written[0, 2].startswith("NSB") and written[7, 0].startswith("B0")
    assert written[5, 8].split("\n")[0] == one.loc["F9", "sample_id"]


def luminance(color):
    parts = np.asarray(matplotlib.colors.to_rgb(color))
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_what_is_written_in_a_well_stands_out_from_its_colour_as_wcag_asks(wells):
    ax = plots.plate(wells[wells["plate"] == 7])
    for words, color in zip(ax.texts, ax.collections[0].get_facecolors(), strict=True):
        dark, light = sorted((luminance(words.get_color()), luminance(color)))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, words.get_text()


def test_a_plate_with_an_empty_well_is_drawn_with_a_gap(wells):
    ax = plots.plate(wells[(wells["plate"] == 7) & (wells["well"] != "C5")])
    assert len(ax.texts) == 95


def test_on_the_plate_with_the_edge_effect_the_outer_columns_are_darker_than_their_partners(wells):
    axes = plots.duplicate_deviations(wells)
    assert [ax.get_title() for ax in axes] == [f"plate {n}" for n in range(1, 9)]
    rim = []
    for ax in axes:
        drawn = np.asarray(ax.collections[0].get_array()).reshape(8, 12)
        rim.append(np.nanmean(drawn[1:7, [0, 11]]))
    assert int(np.argmax(rim)) == 5
    assert rim[5] > 5 > 2 * max(abs(r) for at, r in enumerate(rim) if at != 5)


def test_curve_and_residuals_show_the_wells_and_what_the_curve_misses(known):
    curve = models.fit_curve(*known)
    upper = plots.standard_curve(*known, curve)
    lower = upper.figure.axes[1]
    assert upper.get_xscale() == lower.get_xscale() == "log"
    points, residuals = (np.asarray(ax.collections[0].get_offsets()) for ax in (upper, lower))
    assert points[:, 1] == pytest.approx(known[1])
    assert points[known[0] > 0, 0] == pytest.approx(known[0][known[0] > 0])
    assert residuals[:, 1] == pytest.approx(known[1] - models.density_at(known[0], curve))
    assert "pg/ml" in lower.get_xlabel() and "405 nm" in upper.get_ylabel() and "residual" in lower.get_ylabel()


def test_zero_stands_apart_at_the_left_under_its_own_name(known):
    upper = plots.standard_curve(*known, models.fit_curve(*known))
    lower = upper.figure.axes[1]
    ticks = dict(zip((t.get_text() for t in lower.get_xticklabels()), lower.get_xticks(), strict=True))
    assert 0 < ticks["0"] < 15.625 / 2
    x, y = upper.lines[0].get_data()
    gap = np.flatnonzero(np.isnan(x))
    assert len(gap) == 1 and x[gap[0] - 1] < x[gap[0] + 1] < 15.625
    assert np.allclose(y[: gap[0]], models.fit_curve(*known).top)


def test_without_a_curve_the_points_are_drawn_alone(known):
    ax = plots.standard_curve(*known)
    assert len(ax.collections[0].get_offsets()) == len(known[0]) and not ax.lines


def test_what_cannot_be_drawn_gets_a_sentence(wells, known):
    with pytest.raises(models.MakesNoSense, match="drawn alone"):
        plots.plate(wells)
    with pytest.raises(models.MakesNoSense, match="columns 1 to 12"):
        plots.plate(wells[wells["plate"] == 7].assign(column=13))
    with pytest.raises(models.MakesNoSense, match="no wells"):
        plots.plate(wells[wells["plate"] == 9])
    with pytest.raises(models.MakesNoSense, match="optical_density"):
        plots.plate(wells.drop(columns="optical_density"))
    with pytest.raises(models.MakesNoSense, match="column `plate`"):
        plots.duplicate_deviations(wells.drop(columns="plate"))
    with pytest.raises(models.MakesNoSense, match="each well needs both"):
        plots.standard_curve(known[0][1:], known[1])
    with pytest.raises(models.MakesNoSense, match="above 0"):
        plots.standard_curve([0, 0], [1.2, 1.1])
