"""What every figure of the course shares: its colours, its axes, and a sentence for what cannot be drawn."""

import numpy as np
import pandas as pd
import seaborn as sns

from dyadlab.models import MakesNoSense

PALETTE = sns.color_palette("colorblind")


def axes_for(ax, *, height, width=6.4):
    """The Axes to draw on: the one given, or one in a new figure that the notebook shows."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def column(values, what):
    try:
        values = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise MakesNoSense(f"Not all of {what} are numbers, so they cannot be drawn.") from None
    if values.ndim != 1 or not values.size:
        raise MakesNoSense(f"For {what}, a single column with at least one number is wanted.")
    return values


def listed(names):
    return ", ".join(repr(name) for name in pd.unique(names))
