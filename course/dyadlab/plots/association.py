"""Figures of week 5: a cloud of dyads with its correlation, small drawings of causes, and the r's of many studies."""

import numpy as np
import seaborn as sns

from dyadlab import models
from dyadlab.models import MakesNoSense
from dyadlab.plots.drawing import PALETTE, axes_for, column

__all__ = ["causes", "correlation", "many_correlations"]


def correlation(x, y, *, xlabel, ylabel, names=None, named=(), confidence=0.95, ax=None):
    """Every dyad as a point, the straight line through them with its band, and r with its interval as the title.

    x, y : as in :func:`dyadlab.models.correlation`. xlabel, ylabel : what was measured, with its unit.
    names : (n,) names of the dyads; named : those names to write beside their points, which also get a ring.
    The band is the interval for the mean of ``y`` at each ``x``. Returns the Axes.
    """
    x, y = column(x, "the values across"), column(y, "the values upwards")
    found = models.correlation(x, y, confidence)
    ax = axes_for(ax, height=4.4)
    across = np.linspace(x.min(), x.max(), 60)
    line, half_width = _line_with_band(x, y, across, confidence)
    ax.fill_between(across, line - half_width, line + half_width, color=PALETTE[0], alpha=0.15, linewidth=0)
    ax.plot(across, line, color=PALETTE[0], linewidth=2)
    sns.scatterplot(x=x, y=y, s=32, color="0.25", alpha=0.8, ax=ax)
    _name_points(ax, x, y, names, named)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.set_title(
        f"r = {found.r:.2f}, {100 * confidence:.0f} % interval {found.low:.2f} to {found.high:.2f}, n = {len(x)}",
        fontsize=11,
    )
    sns.despine(ax=ax)
    return ax


def _line_with_band(x, y, across, confidence):
    from scipy.stats import t as student

    fit = models.regression(y, x)
    line = y.mean() + fit.slope * (across - x.mean())
    rest = y - y.mean() - fit.slope * (x - x.mean())
    error = np.sqrt(rest @ rest / fit.df)
    distance = (across - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum()
    return line, student.ppf(0.5 + confidence / 2, fit.df) * error * np.sqrt(1 / len(x) + distance)


def _name_points(ax, x, y, names, named):
    if not len(named):
        return
    names = [str(name) for name in (names if names is not None else [])]
    if len(names) != len(x):
        raise MakesNoSense(f"There are {len(x)} dyads and {len(names)} names; to name dyads, each needs one.")
    for name in map(str, named):
        if name not in names:
            raise MakesNoSense(f"No dyad is called {name!r}. The first is called {names[0]!r}.")
        at = names.index(name)
        ax.plot(x[at], y[at], "o", markersize=11, markerfacecolor="none", markeredgewidth=2, color=PALETTE[3])
        left = x[at] > x.mean() + 0.5 * (x.max() - x.mean())  # at the right edge there is no room on the right
        ax.annotate(
            name, (x[at], y[at]), xytext=(-9 if left else 9, 0), textcoords="offset points", va="center",
            ha="right" if left else "left", fontsize=10,
        )  # fmt: skip


# --- Small drawings of causes ---------------------------------------------------------------------

_PLACES = ((0.0, 0.0), (1.0, 0.0), (0.5, 0.85))  # left, right, above


def causes(arrows, *, nodes=("talk", "oxytocin"), unknown=(), ax=None):
    """A small drawing of up to three variables and the arrows between them, from cause to effect.

    arrows : pairs such as ``[("depression", "talk"), ("depression", "oxytocin")]``, or a dictionary with such pairs
    as keys; or, for several drawings side by side, a dictionary from titles to any of these. nodes : which two stand
    at the bottom, left and right; the third stands above. unknown : pairs joined by a dotted line with a question
    mark. Returns the Axes, or an array of them.
    """
    if isinstance(arrows, dict) and arrows and all(isinstance(key, str) for key in arrows):
        import matplotlib.pyplot as plt

        _, several = plt.subplots(1, len(arrows), figsize=(3.0 * len(arrows), 2.5), layout="constrained")
        for each, (title, own) in zip(np.atleast_1d(several), arrows.items(), strict=True):
            causes(own, nodes=nodes, unknown=unknown, ax=each)
            each.set_title(title, fontsize=10.5)
        return several
    arrows, unknown = [tuple(pair) for pair in arrows], [tuple(pair) for pair in unknown]
    shown = list(dict.fromkeys([*nodes, *(name for pair in [*arrows, *unknown] for name in pair)]))
    if len(shown) > len(_PLACES):
        raise MakesNoSense(f"A drawing holds three variables, and these are {len(shown)}: {', '.join(shown)}.")
    places = dict(zip(shown, _PLACES, strict=False))
    ax = axes_for(ax, height=2.4, width=3.4)
    boxes = {}
    for name, (x, y) in places.items():
        box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": "0.2"}
        boxes[name] = ax.text(x, y, name, ha="center", va="center", fontsize=10, bbox=box).get_bbox_patch()
    for cause, effect in arrows:
        both = (effect, cause) in arrows
        _arrow(ax, places, boxes, cause, effect, "-|>", "-", bend=0.22 if both else 0.0)
    for one, other in unknown:
        _arrow(ax, places, boxes, one, other, "-", ":")
        (x1, y1), (x2, y2) = places[one], places[other]
        ax.text((x1 + x2) / 2, (y1 + y2) / 2 + 0.06, "?", ha="center", va="bottom", fontsize=12)
    ax.set_xlim(-0.38, 1.38)
    ax.set_ylim(-0.28, 1.12 if len(shown) == 3 else 0.35)
    ax.axis("off")
    return ax


def _arrow(ax, places, boxes, start, end, style, line, bend=0.0):
    ax.annotate(
        "", places[end], xytext=places[start], zorder=4,  # drawn after the boxes, which know their size only then
        arrowprops={
            "arrowstyle": style, "linestyle": line, "color": "0.2", "linewidth": 1.6, "mutation_scale": 15,
            "patchA": boxes[start], "patchB": boxes[end], "shrinkA": 3, "shrinkB": 3,
            "connectionstyle": f"arc3,rad={bend}",
        },
    )  # fmt: skip


# --- Many studies ---------------------------------------------------------------------------------


def many_correlations(correlations, n, *, mine=None, confidence=0.95, ax=None):
    """The correlations of many studies of ``n`` dyads each, those that a test calls significant hatched.

    correlations : one r for each study. mine : one more r, marked by a dashed line. Significant means a two-sided p
    below 1 - confidence. Returns the Axes.
    """
    from scipy.stats import t as student

    values = column(correlations, "the correlations")
    if (np.abs(values) > 1).any():
        raise MakesNoSense("Correlations lie between -1 and 1.")
    limit = student.ppf(0.5 + confidence / 2, n - 2)
    critical = limit / np.sqrt(n - 2 + limit**2)
    ax = axes_for(ax, height=3.4)
    # bins end exactly at the critical r, so that no bar is half significant
    width = critical / 5
    edges = np.arange(np.floor(values.min() / width), np.ceil(values.max() / width) + 1) * width
    counts, edges = np.histogram(values, edges if len(edges) > 1 else [edges[0], edges[0] + width])
    middle = (edges[:-1] + edges[1:]) / 2
    for significant, colour, hatch, label in (
        (False, PALETTE[9], "", "p .05 or more" if confidence == 0.95 else "not significant"),
        (True, PALETTE[1], "//", "p below .05" if confidence == 0.95 else "significant"),
    ):
        own = (np.abs(middle) > critical) == significant
        ax.bar(middle[own], counts[own], width=width, color=colour, hatch=hatch, edgecolor="white", label=label)
    if mine is not None:
        ax.axvline(float(mine), color="black", linestyle="--", linewidth=2, label=f"mine: {float(mine):.2f}")
    ax.set_xlabel(f"correlation r in a study of {n} dyads")
    ax.set_ylabel("number of studies")
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.legend(frameon=False, loc="upper left")
    sns.despine(ax=ax)
    return ax
