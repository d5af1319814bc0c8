"""Figures of week 3: a plate as the reader sees it, and a standard curve with what it misses."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from dyadlab import models
from dyadlab.models import MakesNoSense
from dyadlab.plots.drawing import PALETTE, axes_for, column, legible_on

__all__ = ["duplicate_deviations", "plate", "standard_curve"]

ROWS, COLUMNS = list("ABCDEFGH"), list(range(1, 13))
SHORT = {"blank": "blank", "nsb": "NSB", "b0": "B0"}


def _grid(wells, value):
    """An 8 by 12 table of one column of ``wells``; nan where a well is not in the table."""
    needed = ["row", "column", "role", "sample_id", value]
    lacking = [name for name in needed if name not in getattr(wells, "columns", ())]
    if lacking:
        raise MakesNoSense(f"To draw a plate, its wells need {', '.join(lacking)}. Take rows of `elisa_plates`.")
    if not len(wells):
        raise MakesNoSense("There are no wells to draw. Has a selection kept no rows?")
    for row, number in zip(wells["row"], wells["column"], strict=True):
        models.well_place(f"{row}{number}")
    if wells.duplicated(["row", "column"]).any():
        raise MakesNoSense(
            'Some wells are there more than once. A plate is drawn alone: wells[wells["plate"] == 7], for example.'
        )
    return wells.pivot(index="row", columns="column", values=value).reindex(index=ROWS, columns=COLUMNS)


def _label(role, sample_id):
    if role in SHORT:
        return SHORT[role]
    return sample_id.replace("STD-", "").replace("15.625", "15.6") if role == "standard" else sample_id


def plate(wells, *, ax=None):
    """One plate of 96 wells as a heatmap of 8 rows and 12 columns: what stands in each well, and its reading.

    wells : the rows of one plate of ``elisa_plates``. A standard shows its pg/ml, a sample its number. The darker
    a well, the higher its optical density (so the less oxytocin), which is also written in it. Returns the Axes.
    """
    density = _grid(wells, "optical_density")
    named = wells.assign(
        label=[
            f"{_label(role, name)}\n{y:.2f}"
            for role, name, y in zip(wells["role"], wells["sample_id"], wells["optical_density"], strict=True)
        ]
    )
    labels = _grid(named, "label").fillna("")
    ax = axes_for(ax, height=4.6, width=9.2)
    sns.heatmap(
        density, annot=labels, fmt="", cmap="YlOrBr", vmin=0, linewidths=1.5, linecolor="white", ax=ax,
        annot_kws={"fontsize": 7}, cbar_kws={"label": "optical density (405 nm)", "pad": 0.02},
    )  # fmt: skip
    for words, background in zip(
        ax.texts, ax.collections[0].get_facecolors()[density.notna().to_numpy().ravel()], strict=True
    ):
        words.set_color(legible_on(background))
    ax.set_xlabel("column of the plate")
    ax.set_ylabel("row of the plate")
    ax.tick_params(axis="both", length=0, rotation=0)
    return ax


def duplicate_deviations(wells, *, limit=12):
    """All plates side by side: how far each well lies from the mean of its own sample or standard, in percent.

    wells : ``elisa_plates``, whole. Blue wells are paler than their partner, red ones darker; where all is well the
    plate is a patchwork without a pattern. limit : percent at which the colour is full. Returns the array of Axes.
    """
    if "plate" not in getattr(wells, "columns", ()):
        raise MakesNoSense("To compare plates, the wells need their column `plate`. Load `elisa_plates`.")
    own = wells.groupby(["plate", "sample_id"])["optical_density"].transform("mean")
    table = wells.assign(deviation=100 * (wells["optical_density"] / own - 1))
    plates = list(pd.unique(table["plate"]))
    across = min(4, len(plates))
    down = -(-len(plates) // across)
    figure, all_axes = plt.subplots(down, across, figsize=(2.35 * across + 0.9, 1.75 * down + 0.3), squeeze=False)
    drawn = all_axes.ravel()
    for ax in drawn:
        ax.set_visible(False)  # for each map seaborn draws all that can be seen of the figure, to measure its labels
    for ax, number in zip(drawn, plates, strict=False):
        sns.heatmap(
            _grid(table[table["plate"] == number], "deviation"), cmap="vlag", vmin=-limit, vmax=limit,
            linewidths=0.5, linecolor="white", cbar=False, ax=ax, xticklabels=COLUMNS, yticklabels=ROWS,
        )  # fmt: skip
        ax.set(title=f"plate {number}", xlabel="", ylabel="")
        ax.tick_params(axis="both", length=0, rotation=0, labelsize=7)
    for ax in drawn:
        ax.set_visible(True)
    for ax in drawn[len(plates) :]:
        ax.remove()
    figure.set_layout_engine("constrained")
    figure.colorbar(drawn[0].collections[0], ax=all_axes, pad=0.01, label="difference from own mean (%)", extend="both")
    figure.supxlabel("column of the plate", fontsize=9)
    figure.supylabel("row of the plate", fontsize=9)
    return drawn[: len(plates)]


def log_places(concentration):
    """Where concentrations stand on a logarithmic axis: as they are, and zero at a quarter of the lowest."""
    x = column(concentration, "the concentrations")
    if (x < 0).any():
        raise MakesNoSense(f"A concentration cannot be negative, and there is {x.min():g}.")
    if not (x > 0).any():
        raise MakesNoSense("To draw a standard curve, at least one concentration above 0 is needed.")
    zero = x[x > 0].min() / 4
    return np.where(x > 0, x, zero), zero


def curve_line(curve, zero, highest):
    """Points of a curve for a logarithmic axis, (x, y): a short level at the place of zero, then a gap, then the rest.

    The gap (nan) says what a logarithmic axis cannot show: between zero and the lowest standard lies no known step.
    """
    level = np.array([zero * 0.7, zero * 1.45])
    rest = np.geomspace(zero * 2.2, highest * 1.4, 160)
    x = np.concatenate([level, [np.nan], rest])
    y = np.concatenate([np.repeat(models.density_at(0, curve), 2), [np.nan], models.density_at(rest, curve)])
    return x, y


def concentration_axis(ax, concentration, zero):
    """Give an axis its logarithmic scale and the concentrations as ticks."""
    levels = np.unique(np.asarray(concentration, dtype=float))
    names = [f"{level:g}" if len(f"{level:g}") < 6 else f"{level:.1f}" for level in levels]
    ax.set_xscale("log")
    ax.set_xticks([zero if level == 0 else level for level in levels], names)
    ax.minorticks_off()
    ax.set_xlabel("oxytocin in the well (pg/ml, logarithmic; 0 set apart)")


def standard_curve(concentration, density, curve=None, *, axes=None):
    """Standards on a logarithmic axis with their curve, and below it the residuals.

    concentration, density : (n,) of standards and zero-dose wells. curve : top, slope, midpoint, bottom; without
    it the points are drawn alone. axes : two Axes that share their x, for curve and residuals. Zero, which has no
    logarithm, stands apart at the left. Returns the upper Axes.
    """
    x, y = column(concentration, "the concentrations"), column(density, "the optical densities")
    if len(x) != len(y):
        raise MakesNoSense(f"There are {len(x)} concentrations and {len(y)} optical densities; each well needs both.")
    places, zero = log_places(x)
    if axes is None and curve is not None:
        axes = plt.subplots(2, 1, figsize=(6.4, 4.8), sharex=True, height_ratios=[3, 1.2], layout="constrained")[1]
    upper, lower = axes if axes is not None else (axes_for(None, height=3.6), None)
    sns.scatterplot(x=places, y=y, color=PALETTE[0], s=36, ax=upper, zorder=3)
    upper.set_ylabel("optical density (405 nm)")
    concentration_axis(upper, x, zero)
    if curve is not None:
        upper.plot(*curve_line(curve, zero, x.max()), color=PALETTE[1], linewidth=2)
        if lower is not None:
            lower.axhline(0, color=PALETTE[1], linewidth=1.5)
            sns.scatterplot(x=places, y=y - models.density_at(x, curve), color=PALETTE[0], s=30, ax=lower, zorder=3)
            lower.set_ylabel("residual\n(optical density)")
            concentration_axis(lower, x, zero)
            upper.set_xlabel("")
    sns.despine(fig=upper.figure)
    return upper
