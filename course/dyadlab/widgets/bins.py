"""A histogram whose number of bins can be changed: the same values, another picture, the same mean.

:func:`count_bins` and :func:`describe` know the numbers and nothing of notebooks; :class:`Bins` shows them.
"""

import base64
import html
import math
from dataclasses import dataclass

import ipywidgets
import numpy as np
import seaborn as sns
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dyadlab.plots.drawing import PALETTE, png
from dyadlab.sentences import Sentence
from dyadlab.widgets.eyes import for_eyes
from dyadlab.widgets.slider import Slider

MOST_BINS = 60
FIRST_BINS = 10


class NothingToCount(Sentence):
    """The values given are not numbers, or there are none."""


@dataclass(frozen=True)
class BinCounts:
    """How many values lie in each of some bins of equal width.

    counts : whole numbers, one per bin. edges : one more than bins, in the unit of the values; a value on
    an edge belongs to the bin on its right, and the largest value to the last bin.
    mean, median : of the values themselves, so they do not depend on the bins. left_out : missing values.
    """

    counts: np.ndarray
    edges: np.ndarray
    mean: float
    median: float
    left_out: int = 0

    @property
    def width(self):
        """Width of one bin, in the unit of the values."""
        return float(self.edges[1] - self.edges[0])


def as_numbers(values):
    """``values`` (column, list or array) as a one-dimensional float array without missing values, and how
    many were missing. Raises NothingToCount with a sentence when there is nothing to draw."""
    try:
        numbers = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise NothingToCount(
            "These values cannot be put in order, because some of them are not numbers. Choose a column of "
            'numbers, for example dyads["n_comments"].'
        ) from None
    if numbers.ndim != 1:
        raise NothingToCount(
            "A histogram shows one column at a time. Name the column in square brackets and quotation "
            'marks, for example dyads["n_comments"].'
        )
    present = numbers[np.isfinite(numbers)]
    if present.size == 0:
        raise NothingToCount("There are no values to count: the column is empty.")
    return present, int(numbers.size - present.size)


def count_bins(values, n_bins):
    """Count ``values`` in ``n_bins`` bins of equal width from the smallest to the largest value."""
    present, left_out = as_numbers(values)
    counts, edges = np.histogram(present, bins=int(n_bins))
    return BinCounts(
        counts=counts,
        edges=edges,
        mean=float(present.mean()),
        median=float(np.median(present)),
        left_out=left_out,
    )


def describe(binned):
    """What the histogram shows, in words, for those who do not see it."""
    # two figures of the bin's width: fewer would make neighbouring edges look the same
    decimals = max(0, 1 - math.floor(math.log10(binned.width)))
    fullest = int(np.argmax(binned.counts))
    total = int(binned.counts.sum())
    low, high = binned.edges[fullest], binned.edges[fullest + 1]
    empty = int((binned.counts == 0).sum())
    n_bins = len(binned.counts)
    words = [
        f"{n_bins} {'bin' if n_bins == 1 else 'bins'}, each {binned.width:.{decimals}f} wide.",
        f"The fullest runs from {low:.{decimals}f} to {high:.{decimals}f} and holds "
        f"{binned.counts[fullest]} of the {total} values.",
        f"Empty bins: {empty}.",
        f"Whatever the number of bins, the mean is {binned.mean:.1f} and the median {binned.median:.1f}.",
    ]
    if binned.left_out:
        words.append(f"Missing values left out: {binned.left_out}.")
    return " ".join(words)


class Bins(ipywidgets.VBox):
    """A histogram with a slider for its bins and two buttons, usable by mouse or by keyboard alone.

    ``n_bins`` may be read and set.
    """

    def __init__(self, values, label):
        as_numbers(values)  # complains now, and not when somebody first moves the number
        self._values = values
        self._label = str(label)
        self._figure = Figure(figsize=(5.2, 2.9), dpi=110, layout="constrained")
        self._canvas = FigureCanvasAgg(self._figure)
        self._axes = self._figure.add_subplot()
        self._number = Slider(FIRST_BINS, 1, MOST_BINS, 1, "Number of bins")
        fewer = ipywidgets.Button(description="Fewer bins", tooltip="One bin fewer")
        more = ipywidgets.Button(description="More bins", tooltip="One bin more")
        fewer.on_click(lambda _: self._number.move(-1))
        more.on_click(lambda _: self._number.move(+1))
        self._picture = ipywidgets.HTML()
        self._words = ipywidgets.HTML()
        controls = ipywidgets.Box([self._number, fewer, more], layout={"flex_flow": "row wrap"})
        super().__init__([controls, self._picture, self._words])
        self._number.observe(lambda _: self._draw(), names="value")
        self._draw_what_stays()
        self._draw()

    def __repr__(self):
        return f"Histogram of {self._label}. {self.summary}"

    def _repr_mimebundle_(self, **kwargs):
        # The words stand in wherever a widget cannot live: on paper, in a feedback page. ipywidgets would
        # cut them off after 110 characters.
        return {**super()._repr_mimebundle_(**kwargs), "text/plain": repr(self)}

    @property
    def n_bins(self):
        """Number of bins now shown."""
        return self._number.value

    @n_bins.setter
    def n_bins(self, value):
        self._number.value = value

    @property
    def binned(self):
        """The counts now shown, a :class:`BinCounts`."""
        return count_bins(self._values, self.n_bins)

    @property
    def summary(self):
        """What is now shown, in words."""
        return describe(self.binned)

    @for_eyes
    def _draw_what_stays(self):
        """Mean, median and names are drawn once, for no number of bins moves them; afterwards only bars change."""
        blue, orange, vermilion = (PALETTE[i] for i in (0, 1, 3))
        self._look = {"align": "edge", "color": blue, "edgecolor": "white"}
        axes, binned = self._axes, self.binned
        # told apart by their dashes as well as by their colours
        axes.axvline(binned.median, color=orange, linestyle=":", linewidth=2.5, label=f"median {binned.median:.1f}")
        axes.axvline(binned.mean, color=vermilion, linestyle="--", linewidth=2, label=f"mean {binned.mean:.1f}")
        axes.set_xlabel(self._label)
        axes.set_ylabel("Count")
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.legend(frameon=False)
        sns.despine(ax=axes)
        # Lay out now and for good, with the longest counts: later drawings are quicker, and the axes never shift.
        self._draw_bars(count_bins(self._values, 1))
        self._figure.get_layout_engine().execute(self._figure)
        self._figure.set_layout_engine("none")

    def _draw_bars(self, binned):
        for bar in list(self._axes.patches):
            bar.remove()
        self._axes.bar(binned.edges[:-1], binned.counts, width=binned.width, **self._look)
        self._axes.set_ylim(0, 1.05 * binned.counts.max())

    @for_eyes
    def _draw(self):
        binned = self.binned
        self._draw_bars(binned)
        self._canvas.draw()
        source = base64.b64encode(png(self._canvas)).decode()
        alternative = html.escape(
            f"Histogram of {self._label} in {self.n_bins} bins. The words below say what it shows.",
            quote=True,
        )
        self._picture.value = f'<img alt="{alternative}" style="max-width: 100%" src="data:image/png;base64,{source}">'
        words = html.escape(describe(binned))
        self._words.value = f'<p role="status" style="max-width: 45em; line-height: 1.5">{words}</p>'


def bins(values, label):
    """Explore how the number of bins changes a histogram.

    values : a column, list or array of numbers; missing values are left out, and counted in words.
    label : what they are, with the unit, for the axis: ``"Comments in five minutes"``.
    Returns a widget, which a notebook shows. Raises NothingToCount when there is nothing to draw.
    """
    return Bins(values, label)
