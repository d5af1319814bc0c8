"""Figures of week 4: two groups as a raincloud, and the curve of a screening score."""

import numpy as np
import pandas as pd
import seaborn as sns

from dyadlab import models
from dyadlab.models import MakesNoSense
from dyadlab.plots.drawing import PALETTE, axes_for, column, listed

__all__ = ["raincloud", "screening_curve"]


def raincloud(values, groups, *, label, group_label="", order=None, seed=0, ax=None):
    """A cloud (density), a box and the rain (every single value) for each group (Allen et al., 2019).

    values : (n,) numbers without missing values. groups : (n,) names of groups, as long as ``values``.
    label : what was measured, with its unit, for the horizontal axis. order : names of the groups from top to
    bottom. seed : decides how the rain is scattered, which means nothing. Returns the Axes.
    """
    values, groups = column(values, "the values"), np.asarray(groups)
    if len(values) != len(groups):
        raise MakesNoSense(f"There are {len(values)} values and {len(groups)} groups; each value needs one.")
    table = pd.DataFrame({"value": values, "group": groups})
    if table["value"].isna().any():
        raise MakesNoSense("Some of the values are missing (nan). Drop them first, so that the figure hides nothing.")
    order = list(pd.unique(table["group"])) if order is None else list(order)
    ax = axes_for(ax, height=1.0 + 1.2 * len(order))
    for group in order:
        if not (table["group"] == group).any():
            raise MakesNoSense(f"No value belongs to the group {group!r}; there are {listed(table['group'])}.")
    sns.violinplot(
        table, x="value", y="group", order=order, inner=None, cut=0, width=0.9, linewidth=0, color=PALETTE[9],
        ax=ax,
    )  # fmt: skip
    for cloud in ax.collections:
        # The lower half of each violin is pressed flat, to leave room for the rain.
        outline = cloud.get_paths()[0].vertices
        outline[:, 1] = np.minimum(outline[:, 1], round(outline[:, 1].mean()))
    rng = np.random.default_rng(seed)
    for place, group in enumerate(order):
        own = table.loc[table["group"] == group, "value"].to_numpy()
        ax.boxplot(
            own, positions=[place + 0.09], widths=0.08, orientation="horizontal", showfliers=False,
            manage_ticks=False, medianprops={"color": "black", "linewidth": 2},
        )  # fmt: skip
        rain = place + 0.27 + rng.uniform(-0.08, 0.08, len(own))
        ax.scatter(own, rain, s=16, alpha=0.6, color=[PALETTE[0]])
    ax.set_ylim(len(order) - 0.45, -0.6)
    ax.set_xlabel(label)
    ax.set_ylabel(group_label)
    sns.despine(ax=ax)
    return ax


def screening_curve(score, condition, *, cutoffs=None, named=(9, 10, 11, 13), ax=None):
    """Sensitivity against the share of false alarms, one point for each cut-off (the ROC curve).

    score, condition : as in :func:`dyadlab.models.screening_table`. cutoffs : whole numbers; by default from
    the lowest score to one above the highest. named : cut-offs whose number is written beside their point.
    Returns the Axes.
    """
    score = column(score, "the scores")
    if cutoffs is None:
        cutoffs = np.arange(np.floor(np.nanmin(score)), np.floor(np.nanmax(score)) + 2)
    cutoffs = np.asarray(cutoffs, dtype=float)
    sensitivity, specificity = models.screening_curve(score, condition, cutoffs)
    ax = axes_for(ax, height=4.2, width=4.6)
    ax.plot([0, 1], [0, 1], linestyle=":", color="0.45", linewidth=1)
    ax.text(0.62, 0.56, "a coin toss", color="0.35", va="top", fontsize=8)
    sns.lineplot(x=1 - specificity, y=sensitivity, sort=False, estimator=None, color=PALETTE[0], marker="o",
                 markersize=4, ax=ax)  # fmt: skip
    for cutoff, x, y in zip(cutoffs, 1 - specificity, sensitivity, strict=True):
        if cutoff in named:
            # to the upper left, where the curve leaves room
            ax.annotate(f"{cutoff:g}", (x, y), xytext=(-6, 3), textcoords="offset points", ha="right", fontsize=9)
    ax.set_xlim(-0.1, 1.02)
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlabel("false alarms: 1 − specificity (proportion)")
    ax.set_ylabel("sensitivity (proportion)")
    sns.despine(ax=ax)
    return ax
