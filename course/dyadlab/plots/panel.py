"""Figures of week 6: which arrows a panel model has, and what it found."""

import numpy as np
import seaborn as sns

from dyadlab.models import MakesNoSense, PanelFit
from dyadlab.plots.drawing import PALETTE, axes_for

__all__ = ["arrow_forest", "panel_diagram"]

_MARKERS = "osD^v"
_COLOURS = tuple(PALETTE[k] for k in (3, 0, 2, 1, 4))
_BOX = (0.6, 0.3)  # half the width and half the height of a box


def arrow_forest(fits, *, ax=None):
    """The two crossing arrows of one or more panel models, standardised, with their 95 % intervals.

    fits : a dictionary from a name to a :class:`dyadlab.models.PanelFit` whose arrows are the same at every wave; all
    about the same two measures. One row for each arrow of each model, the first on top. Returns the Axes.
    """
    if not fits or not all(isinstance(fit, PanelFit) and fit.structure.constrained for fit in fits.values()):
        raise MakesNoSense(
            "To draw arrows, give names and fitted models with the same arrows at every wave, for example "
            '{"with stable parts": fit}.'
        )
    first, second = next(iter(fits.values())).names
    ax = axes_for(ax, height=1.2 + 0.42 * 2 * len(fits), width=6.4)
    ticks, labels, place = [], [], 0.0
    for arrow in (f"{first} to {second}", f"{second} to {first}"):
        for k, (name, fit) in enumerate(fits.items()):
            if arrow not in fit.arrows.index:
                raise MakesNoSense(f"The model called {name!r} is about other measures; it has no arrow {arrow!r}.")
            row = fit.arrows.loc[arrow]
            middle, low, high = in_standard_deviations(row)
            ax.plot([low, high], [place, place], color=_COLOURS[k % 5], linewidth=2, solid_capstyle="butt")
            ax.plot(
                [middle], [place], _MARKERS[k % len(_MARKERS)], color=_COLOURS[k % 5], markersize=8,
                markerfacecolor=_COLOURS[k % 5] if fit.warning == "" else "white",
            )  # fmt: skip
            ticks.append(place)
            labels.append(f"{arrow.replace(' to ', ' → ')}: {name}" + (" (do not read)" if fit.warning else ""))
            place += 1
        place += 0.4
    ax.axvline(0, color="0.4", linestyle=":", linewidth=1)
    ax.set_yticks(ticks, labels)
    ax.set_ylim(place - 0.7, -0.7)
    ax.set_xlabel("arrow to the next wave (standard deviations)")
    ax.set_ylabel("")
    sns.despine(ax=ax, left=True)
    ax.tick_params(axis="y", length=0)
    return ax


def in_standard_deviations(arrow):
    """Middle and ends of the interval of one row of ``PanelFit.arrows``, standardised as its middle is."""
    unit = arrow["standardised"] / arrow["estimate"] if arrow["estimate"] else 1.0
    return arrow["standardised"], arrow["low"] * unit, arrow["high"] * unit


def panel_diagram(stable, *, waves=4, names=("talk", "oxytocin"), ax=None):
    """The arrows of a cross-lagged model as a drawing; with ``stable`` also its two stable parts.

    Squares are what was measured; with stable parts, small circles are the moving parts, between which the arrows run,
    and large circles the stable parts, which reach every wave. Returns the Axes (without axes).
    """
    ax = axes_for(ax, height=4.0 if stable else 2.2, width=6.6)
    x = np.arange(waves) * 2.0
    sides = {names[0]: 1, names[1]: -1}
    # Where a row of boxes or circles lies, and how far they reach to either side and up and down.
    row, reach = (0.75, (0.3, 0.3)) if stable else (1.0, _BOX)
    carry, cross, level = (
        {"arrowstyle": "-|>", "color": color, "linewidth": width, "shrinkA": 0, "shrinkB": 0}
        for color, width in (("0.35", 1.4), (PALETTE[3], 1.8), (PALETTE[0], 1.0))
    )
    for side in (1, -1):
        for k in range(waves - 1):
            right, left = x[k] + reach[0], x[k + 1] - reach[0]
            _arrow(ax, (right, side * row), (left, side * row), carry)
            _arrow(ax, (right, 0.86 * side * row), (left, -0.86 * side * row), cross)
    for name, side in sides.items():
        for k in range(waves):
            if not stable:
                _square(ax, x[k], side * row, f"{name} {k + 1}")
                continue
            _circle(ax, x[k], side * row, f"{k + 1}", *reach)
            _square(ax, x[k], side * 2.0, f"{name} {k + 1}")
            _arrow(ax, (x[k], side * (row + reach[1])), (x[k], side * (2.0 - _BOX[1])), dict(carry, linewidth=1.0))
            start = (x.mean() + 0.35 * (x[k] - x.mean()), side * 2.95)
            _arrow(ax, start, (x[k], side * (2.0 + _BOX[1])), level)
        if stable:
            _circle(ax, x.mean(), side * 3.3, f"stable {name}", 1.15, 0.42)
    if stable:
        edge = x[-1] + 1.0
        dashed = {"color": PALETTE[0], "linestyle": "--", "linewidth": 1}
        ax.plot([x.mean() + 1.2, edge, edge, x.mean() + 1.2], [3.3, 3.3, -3.3, -3.3], **dashed)
        for side in (1, -1):
            _arrow(ax, (x.mean() + 1.5, side * 3.3), (x.mean() + 1.15, side * 3.3), level)
        ax.text(edge + 0.12, 0, "correlation of the stable parts", rotation=270, ha="left", va="center", fontsize=8)
        ax.text(x[0] - 0.5, 0, "moving\nparts", ha="right", va="center", fontsize=8.5)
    tall = 3.9 if stable else 1.5
    ax.set(xlim=(-1.2 if stable else -0.9, x[-1] + (1.5 if stable else 0.9)), ylim=(-tall, tall))
    ax.set_axis_off()
    return ax


def _arrow(ax, start, end, style):
    ax.annotate("", end, start, arrowprops=style)


def _square(ax, x, y, text):
    from matplotlib.patches import Rectangle

    wide, high = _BOX
    ax.add_patch(Rectangle((x - wide, y - high), 2 * wide, 2 * high, facecolor="white", edgecolor="0.2", zorder=3))
    ax.text(x, y, text, ha="center", va="center", fontsize=8.5, zorder=4)


def _circle(ax, x, y, text, wide, high):
    from matplotlib.patches import Ellipse

    ax.add_patch(Ellipse((x, y), 2 * wide, 2 * high, facecolor="white", edgecolor="0.2", zorder=3))
    ax.text(x, y, text, ha="center", va="center", fontsize=8.5, zorder=4)
