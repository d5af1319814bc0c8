"""How unreliable measures and few dyads change the correlation that a study sees, and what 'significant' does to it.

:func:`read` knows the numbers and nothing of notebooks; :class:`Power` shows them.
"""

import base64
import html
from functools import cache, lru_cache
from typing import NamedTuple

import ipywidgets
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from dyadlab import models
from dyadlab.models.given import MakesNoSense, one_number
from dyadlab.plots.drawing import PALETTE, png
from dyadlab.widgets.eyes import for_eyes
from dyadlab.widgets.slider import Slider

STUDIES = 4000
SMALLEST, LARGEST = 10, 1000
SEED = 20
EDGES = np.linspace(-1, 1, 81)
P = 0.05


class Reading(NamedTuple):
    """What studies of ``n`` dyads see.

    seen : the correlation that the measures can show on average, true_r weakened by both reliabilities.
    correlations : one r for each of 4000 simulated studies. critical : the smallest \\|r\\| with a two-sided p below
    .05. share_significant : proportion of the studies beyond it. mean_significant : mean r of these (nan if none).
    """

    true_r: float
    n: int
    seen: float
    correlations: np.ndarray
    critical: float
    share_significant: float
    mean_significant: float

    @property
    def exaggeration(self):
        """How many times larger a significant r is, on average, than what the measures can show (nan at zero)."""
        return self.mean_significant / self.seen if self.seen else float("nan")


def read(true_r, reliability_talk, reliability_oxytocin, n):
    """4000 studies of ``n`` dyads that measure a true correlation with noise.

    true_r : between what the two measures are meant to catch. The reliabilities are proportions: the share of the
    variance that is no noise; they weaken it as :func:`dyadlab.models.attenuated` says.
    Both measures are normal. The same noise serves every setting, so that what moves is moved by the setting.
    Returns a :class:`Reading`; raises :class:`dyadlab.models.MakesNoSense`.
    """
    true_r, n = one_number(true_r, "the true correlation"), one_number(n, "the number of dyads")
    if not -1 < true_r < 1:
        raise MakesNoSense(f"A correlation lies between -1 and 1; this one is {true_r:g}.")
    if not SMALLEST <= n <= LARGEST or n != round(n):
        raise MakesNoSense(f"The number of dyads should be a whole number from {SMALLEST} to {LARGEST}.")
    seen, n = models.attenuated(true_r, reliability_talk, reliability_oxytocin), int(n)
    correlations = _sampled(seen, n)
    critical = _critical(n)
    significant = correlations[np.abs(correlations) > critical]
    return Reading(
        true_r, n, seen, correlations, critical, significant.size / STUDIES,
        float(significant.mean()) if significant.size else float("nan"),
    )  # fmt: skip


@cache
def _noise():
    """Three evenly spread columns (a Latin hypercube), so that 4000 studies hit the shares of a million to .01."""
    from scipy.stats import norm, qmc

    below, one, other = qmc.LatinHypercube(3, rng=SEED).random(STUDIES).T
    return norm.ppf(below), one, other


@lru_cache(maxsize=64)
def _for_size(n):
    """What does not depend on the correlation: Bartlett's (1933) triangle of a sample of two normal measures."""
    from scipy.stats import chi2

    below, one, other = _noise()
    return below, np.sqrt(chi2.ppf(one, n - 1)), np.sqrt(chi2.ppf(other, n - 2))


def _sampled(rho, n):
    """4000 sample correlations, exactly distributed: no dyad has to be drawn for them."""
    below, first, second = _for_size(n)
    across = rho * first + np.sqrt(1 - rho**2) * below
    return across / np.hypot(across, np.sqrt(1 - rho**2) * second)


@lru_cache(maxsize=64)
def _critical(n):
    from scipy.stats import t as student

    limit = student.ppf(1 - P / 2, n - 2)
    return float(limit / np.sqrt(n - 2 + limit**2))


def describe(reading):
    """A reading in a few sentences."""
    words = (
        f"The true r is {reading.true_r:.2f}; with these reliabilities the measures can show {reading.seen:.2f} on "
        f"average. Of 100 studies of {reading.n} dyads, {100 * reading.share_significant:.0f} find p below .05"
    )
    if not reading.share_significant:
        return words + "."
    if not reading.seen:
        return words + ", half of them with an r above and half with an r below zero, and nothing is there to be found."
    words += f"; the mean r of those is {reading.mean_significant:.2f}"
    if reading.exaggeration > 1:
        words += f", {reading.exaggeration:.1f} times what the measures can show"
    return words + f". An r below {reading.critical:.2f} has no chance of p below .05."


def _bars(heights, under=0):
    """Bars of the histogram as one shape, quicker to draw than 80. under : the height that they stand on."""
    heights = np.asarray(heights)
    under = np.broadcast_to(under, heights.shape)
    left, right, top = EDGES[:-1], EDGES[1:], under + heights
    corners = [(left, under), (left, top), (right, top), (right, under), (left, under)]
    there = heights > 0
    vertices = np.stack([np.column_stack(corner)[there] for corner in corners], axis=1).reshape(-1, 2)
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * int(there.sum())
    return Path(vertices, codes)


class Power(ipywidgets.VBox):
    """Four sliders and the histogram of 4000 studies, the significant ones hatched.

    :meth:`set` does what moving the sliders does.
    """

    def __init__(self, true_r=0.6, reliability_talk=0.6, reliability_oxytocin=0.5, n=62):
        read(true_r, reliability_talk, reliability_oxytocin, n)  # complains now
        look = {"width": "370px", "label_width": "145px"}
        self._sliders = {
            "true_r": Slider(true_r, 0, 0.9, 0.05, "True correlation", **look),
            "reliability_talk": Slider(reliability_talk, 0.1, 1, 0.05, "Reliability of talk", **look),
            "reliability_oxytocin": Slider(reliability_oxytocin, 0.1, 1, 0.05, "Reliability of oxytocin", **look),
            "n": Slider(n, SMALLEST, LARGEST, 1, "Number of dyads", **look),
        }
        self._picture, self._words = ipywidgets.HTML(), ipywidgets.HTML()
        self._draw_what_stays()
        super().__init__(
            [
                ipywidgets.Box(list(self._sliders.values()), layout={"flex_flow": "row wrap"}),
                self._picture,
                self._words,
            ]
        )
        for slider in self._sliders.values():
            slider.observe(lambda _: self._draw(), names="value")
        self._draw()

    def __repr__(self):
        return f"Explorer of studies. {describe(self.reading)}"

    def _repr_mimebundle_(self, **kwargs):
        # The words stand in wherever a widget cannot live: on paper, in a feedback page.
        return {**super()._repr_mimebundle_(**kwargs), "text/plain": repr(self)}

    @property
    def reading(self):
        """What is now shown, a :class:`Reading`."""
        return read(**{name: slider.value for name, slider in self._sliders.items()})

    def set(self, **settings):
        """Change any of true_r, reliability_talk, reliability_oxytocin and n; a value out of range is moved into it."""
        for name, value in settings.items():
            self._sliders[name].value = value

    @for_eyes
    def _draw_what_stays(self):
        """Axes and two shapes of bars are made once; afterwards only shapes and lines move."""
        figure = Figure(figsize=(6.6, 3.0), dpi=100, layout="constrained")
        self._canvas = FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        look = {"edgecolor": "white", "linewidth": 0.3}
        nothing = _bars(np.zeros(len(EDGES) - 1))
        self._others = axes.add_patch(PathPatch(nothing, facecolor=PALETTE[9], label="p .05 or more", **look))
        self._significant = axes.add_patch(
            PathPatch(nothing, facecolor=PALETTE[1], hatch="///", label="p below .05", **look)
        )
        self._seen = axes.axvline(0, color="black", linewidth=2, label="what the measures can show")
        self._true = axes.axvline(0, color="black", linestyle=":", linewidth=2, label="true correlation")
        self._mean = axes.axvline(0, color=PALETTE[3], linestyle="--", linewidth=2, label="mean of the significant")
        axes.set(xlim=(-0.6, 1), xlabel="correlation r that a study sees", ylabel="number of studies (of 4000)")
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_ylim(0, STUDIES / 4)
        told = [self._seen, self._true, self._mean, self._others, self._significant]
        axes.legend(handles=told, frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        # Lay out now and for good: later drawings are quicker, and the axes never shift.
        self._canvas.draw()
        figure.set_layout_engine("none")
        self._axes = axes
        # All else is drawn once more without what moves, the scale of counts included, and kept as a background.
        self._moving = [self._others, self._significant, self._seen, self._true, self._mean, axes.yaxis]
        for artist in self._moving:
            artist.set_animated(True)
        self._canvas.draw()
        self._background = self._canvas.copy_from_bbox(figure.bbox)

    @for_eyes
    def _draw(self):
        now = self.reading
        beyond = np.abs(now.correlations) > now.critical
        all_counts = np.histogram(now.correlations, EDGES)[0]
        significant = np.histogram(now.correlations[beyond], EDGES)[0]
        # The bar that holds the critical r is partly both: the significant part stands on the other.
        self._others.set_path(_bars(all_counts - significant))
        self._significant.set_path(_bars(significant, all_counts - significant))
        self._axes.set_ylim(0, 1.08 * all_counts.max())
        self._seen.set_xdata([now.seen, now.seen])
        self._true.set_xdata([now.true_r, now.true_r])
        self._mean.set_xdata([now.mean_significant, now.mean_significant])
        self._canvas.restore_region(self._background)
        for artist in self._moving:
            self._axes.draw_artist(artist)
        source = base64.b64encode(png(self._canvas)).decode()
        alternative = html.escape(
            f"Histogram of the correlations of {STUDIES} simulated studies of {now.n} dyads, the significant ones "
            "hatched. The words below say what it shows."
        )
        self._picture.value = f'<img alt="{alternative}" style="max-width: 100%" src="data:image/png;base64,{source}">'
        self._words.value = (
            f'<p role="status" style="max-width: 45em; line-height: 1.5">{html.escape(describe(now))}</p>'
        )


def power(true_r=0.6, reliability_talk=0.6, reliability_oxytocin=0.5, n=62):
    """Explore what noise in both measures, and the number of dyads, do to the r that a study sees.

    true_r : 0 to 0.9. reliabilities : 0.1 to 1. n : 10 to 1000 dyads. Returns a widget, which a notebook shows.
    """
    return Power(true_r, reliability_talk, reliability_oxytocin, n)
