"""Figures of week 7: two partners over time, and the plane in which a dyad is one moving point."""

import numpy as np
import seaborn as sns

from dyadlab.models import MakesNoSense
from dyadlab.plots.drawing import PALETTE, axes_for

__all__ = ["phase_plane", "stay_lines", "time_course"]

MOTHER, BABY = {"color": PALETTE[0], "linestyle": "-"}, {"color": PALETTE[1], "linestyle": "--"}
NAMES = ("mother’s attunement", "baby’s engagement")


def time_course(path, *, ax=None):
    """Mother and baby of one dyad, second by second.

    path : (seconds + 1, 2), points from the usual point, as :func:`dyadlab.models.simulate_loop` gives it.
    The mother's line is whole, the baby's dashed. Returns the Axes.
    """
    path = _path(path)
    ax = axes_for(ax, height=3.2)
    ax.axhline(0, color="0.6", linewidth=0.8)
    for values, name, style in zip(path.T, NAMES, (MOTHER, BABY), strict=True):
        ax.plot(np.arange(len(values)), values, label=name, **style)
    ax.set_xlabel("time (seconds)")
    ax.set_ylabel("points from the usual point")
    ax.legend(frameon=False)
    sns.despine(ax=ax)
    return ax


def stay_lines(loop, push=(0, 0), *, saturation=None, reach=5.0):
    """The two lines of the plane on which one partner would stay where he or she is (the nullclines).

    Each is a (k, 2) array of points (mother, baby): first the line where the mother stays, then the baby's. Where they
    cross, the dyad rests. reach : how far from the usual point the lines run. A line is None where its partner never
    stays (an inertia of 1 or more).
    """
    (a, c), (d, e) = np.asarray(loop, dtype=float)
    steps = np.linspace(-reach, reach, 81)
    heard = steps if saturation is None else saturation * np.tanh(steps / saturation)
    mother = np.column_stack([(c * heard + push[0]) / (1 - a), steps]) if a < 1 else None
    baby = np.column_stack([steps, (d * heard + push[1]) / (1 - e)]) if e < 1 else None
    return mother, baby


def phase_plane(paths, *, loop=None, push=(0, 0), saturation=None, reach=None, ax=None):
    """The plane of mother (across) and baby (up): a dyad is one point, and its seconds are a path.

    paths : one (seconds + 1, 2) path or a list of them; each begins at a small point and ends at a cross.
    loop, push, saturation : draw the two lines on which mother or baby would stay; where they cross is rest.
    reach : how many points from the centre are shown; by default what the paths need. Returns the Axes.
    """
    single = np.ndim(paths[0]) == 1
    paths = [_path(path) for path in ([paths] if single else paths)]
    reach = 1.15 * max(1.0, max(np.abs(path).max() for path in paths)) if reach is None else reach
    ax = axes_for(ax, height=4.0, width=4.4)
    if loop is not None:
        names = ("mother stays", "baby stays")
        for line, name, style in zip(
            stay_lines(loop, push, saturation=saturation, reach=reach), names, (MOTHER, BABY), strict=True
        ):
            if line is not None:
                ax.plot(*line.T, linewidth=1.3, label=f"{name} on this line", **style)
        ax.legend(frameon=False, fontsize=8, loc="upper left")
    for path in paths:
        ax.plot(*path.T, color="0.25", linewidth=1.2, marker=".", markersize=3)
        ax.plot(*path[0], marker="o", color="0.25", markersize=5)
        ax.plot(*path[-1], marker="x", color=PALETTE[3], markersize=10, markeredgewidth=2.5)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-reach, reach)
    ax.set_xlabel("mother’s attunement (points from usual)")
    ax.set_ylabel("baby’s engagement (points from usual)")
    sns.despine(ax=ax)
    return ax


def _path(path):
    try:
        path = np.asarray(path, dtype=float)
    except (TypeError, ValueError):
        raise MakesNoSense("Not all of the path are numbers, so it cannot be drawn.") from None
    if path.ndim != 2 or path.shape[1] != 2 or not len(path):
        raise MakesNoSense(
            f"A path has one row for each second and two columns, mother and baby; this one has the shape {path.shape}."
        )
    return path
