"""What every figure of the course shares: its colours, its axes, and a sentence for what cannot be drawn."""

import io

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


def legible_on(background):
    """Black or white, whichever stands out more on a colour (red, green, blue from 0 to 1), as WCAG 2.2 reckons."""
    parts = np.asarray(background, dtype=float)[:3]
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    return "black" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "white"


def png(canvas):
    """What is on a canvas as it stands, as the bytes of a PNG; lightly packed, quicker than matplotlib's own way."""
    from PIL import Image

    picture = io.BytesIO()
    Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").save(picture, "png", compress_level=1)
    return picture.getvalue()
