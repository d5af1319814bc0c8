"""Figures of week 2: two coders' codes against each other, and kappa against the prevalence of a code."""

import numpy as np
import seaborn as sns
from matplotlib.patches import Rectangle

from dyadlab import agreement, models
from dyadlab.plots.drawing import PALETTE, axes_for

__all__ = ["agreement_heatmap", "kappa_curves"]


def agreement_heatmap(first, second, *, codes=None, ax=None):
    """How often each code of one coder met each code of the other.

    Each square holds its count; its shade is the share of its *row*, so that a rare code can be read beside a common
    one. Same codes lie on the framed diagonal. first, second, codes : as in
    :func:`dyadlab.agreement.confusion_table`; the axes are named after the columns. Returns the Axes.
    """
    table = agreement.confusion_table(first, second, codes)
    totals = table.sum(axis=1).to_numpy()[:, None]
    shares = table / np.where(totals, totals, 1)
    words = [f"{code}".replace("_", "-") for code in table.index]
    ax = axes_for(ax, height=1.3 + 0.8 * len(table), width=3.0 + 0.9 * len(table))
    sns.heatmap(
        shares, annot=table.to_numpy(), fmt="d", vmin=0, vmax=1, cmap="Blues", linewidths=1, linecolor="white",
        xticklabels=[word.replace("-", "-\n") for word in words], yticklabels=words, square=True,
        cbar_kws={"label": "share of the row (proportion)"}, ax=ax,
    )  # fmt: skip
    for k in range(len(table)):
        ax.add_patch(Rectangle((k + 0.04, k + 0.04), 0.92, 0.92, fill=False, linewidth=2))
    ax.set_ylabel(f"code by: {table.index.name}".replace("_", " "))
    ax.set_xlabel(f"code by: {table.columns.name}".replace("_", " "))
    ax.tick_params(axis="both", rotation=0)
    return ax


def kappa_curves(accuracy, *, prevalence=None, ax=None):
    """Expected raw agreement (dashed) and kappa (drawn through) of two equally good coders, against prevalence.

    accuracy : the proportion of codes that are right. prevalence : proportions for the horizontal axis, by default
    0.01 to 0.50. Returns the Axes, whose first two lines are raw agreement and kappa.
    """
    prevalence = np.arange(1, 51) / 100 if prevalence is None else np.asarray(prevalence, dtype=float)
    expected = models.expected_agreement(prevalence, accuracy)
    ax = axes_for(ax, height=3.6, width=5.2)
    ax.plot(100 * prevalence, expected.raw_agreement, linestyle="--", color=PALETTE[1], label="raw agreement")
    ax.plot(100 * prevalence, expected.kappa, color=PALETTE[0], linewidth=2, label="kappa")
    ax.set_xlim(0, 100 * prevalence.max() + 1)
    ax.set_ylim(-0.04, 1.04)
    ax.set_xlabel("comments that are mind-related (of 100)")
    ax.set_ylabel("raw agreement, kappa")
    # above the axes: inside, a curve of poor coders would run through the words
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    sns.despine(ax=ax)
    return ax
