"""A standard curve fitted by eye: four sliders to move, what they miss, and least squares beside one's own.

:func:`read` knows the numbers and nothing of notebooks; :class:`CurveByEye` shows them.
"""

import base64
import html
from typing import NamedTuple

import ipywidgets
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dyadlab import models
from dyadlab.plots import assay as drawn
from dyadlab.plots.drawing import PALETTE, png
from dyadlab.widgets.eyes import for_eyes
from dyadlab.widgets.slider import Slider

FIRST = models.Curve(1.0, 0.6, 250.0, 0.2)
"""Where everybody begins: a curve, and a poor one."""
RESIDUALS_UP_TO = 0.3
"""Half the height of the lower panel; the first curve fits in."""
CONTROLS = (
    # name, lowest, highest, step, the unit that a screen reader says after the value
    ("Top A (optical density)", 0.2, 2.0, 0.01, ""),
    ("Slope B", 0.2, 3.0, 0.05, ""),
    ("Midpoint C (pg/ml)", 5, 1000, 5, "pg/ml"),
    ("Bottom D (optical density)", 0.0, 1.0, 0.01, ""),
)


class Reading(NamedTuple):
    """A curve beside the readings: its sum of squares, and where it misses most.

    worst : concentration (pg/ml) of the standard whose mean reading lies furthest from the curve.
    miss : that mean reading minus the curve, in units of optical density.
    """

    curve: models.Curve
    sum_of_squares: float
    worst: float
    miss: float


def read(concentration, density, curve):
    """What a curve makes of known wells. concentration, density : (n,). Returns a :class:`Reading`; raises
    :class:`dyadlab.models.MakesNoSense` where the curve is none."""
    x, y = np.asarray(concentration, dtype=float), np.asarray(density, dtype=float)
    squares = models.curve_sum_of_squares(x, y, curve)
    levels = np.unique(x)
    misses = [float((y[x == level] - models.density_at(x[x == level], curve)).mean()) for level in levels]
    worst = int(np.argmax(np.abs(misses)))
    return Reading(models.Curve(*map(float, curve)), squares, float(levels[worst]), misses[worst])


def describe(reading, best=None):
    """A reading in words; with ``best``, another reading beside it."""
    side = "above" if reading.miss > 0 else "below"
    words = (
        f"Your sum of squares: {reading.sum_of_squares:.4f}. Your curve misses most at {reading.worst:g} pg/ml: the "
        f"wells there lie {abs(reading.miss):.3f} {side} it."
    )
    if best is not None:
        top, slope, midpoint, bottom = best.curve
        words += (
            f" Least squares: {best.sum_of_squares:.4f}, with top A {top:.2f}, slope B {slope:.2f}, "
            f"midpoint C {midpoint:.0f}, bottom D {bottom:.2f}."
        )
    return words


class CurveByEye(ipywidgets.VBox):
    """Four sliders and a button, the curve through the standards with its residuals, and words.

    ``values`` (a :class:`dyadlab.models.Curve`) and ``compared`` may be read and set.
    """

    def __init__(self, concentration, density):
        self._data = np.asarray(concentration, dtype=float), np.asarray(density, dtype=float)
        # Without weights: what the student sees being made small is what the computer makes small.
        best = models.fit_curve(*self._data, weighted=False)  # complains now, not when somebody moves a number
        self._best = read(*self._data, best)
        self._sliders = [
            Slider(value, low, high, step, name, unit=unit, width="400px", label_width="176px")
            for value, (name, low, high, step, unit) in zip(FIRST, CONTROLS, strict=True)
        ]
        self._button = ipywidgets.Button(description="Show least squares", layout={"width": "180px"})
        self._button.on_click(lambda _: self._compare())
        self._compared = False
        self._words = ipywidgets.HTML(layout={"width": "380px", "max_width": "98%", "margin": "6px 2px"})
        self._picture = ipywidgets.HTML()
        self._draw_what_stays()
        narrow = {"flex": "0 0 auto", "max_width": "100%"}
        left = ipywidgets.VBox([*self._sliders, self._button, self._words], layout=narrow)
        # A row that wraps: in a narrow window the picture stands under the sliders.
        super().__init__([ipywidgets.Box([left, self._picture], layout={"flex_flow": "row wrap"})])
        for slider in self._sliders:
            slider.observe(lambda _: self._draw(), names="value")
        self._draw()

    def __repr__(self):
        return f"Curve by eye. {self.summary}"

    def _repr_mimebundle_(self, **kwargs):
        # The words stand in wherever a widget cannot live: on paper, in a feedback page.
        return {**super()._repr_mimebundle_(**kwargs), "text/plain": repr(self)}

    @property
    def values(self):
        """The four numbers now shown."""
        return models.Curve(*(float(slider.value) for slider in self._sliders))

    @values.setter
    def values(self, curve):
        for slider, value in zip(self._sliders, curve, strict=True):
            slider.value = value

    @property
    def compared(self):
        """Whether the least-squares curve is shown beside one's own."""
        return self._compared

    @compared.setter
    def compared(self, value):
        if bool(value) != self._compared:
            self._compare()

    @property
    def reading(self):
        """What is now shown, a :class:`Reading`."""
        return read(*self._data, self.values)

    @property
    def summary(self):
        """What is now shown, in words."""
        try:
            return describe(self.reading, self._best if self._compared else None)
        except models.MakesNoSense as sentence:
            return str(sentence)

    def _compare(self):
        self._compared = not self._compared
        self._button.description = "Hide least squares" if self._compared else "Show least squares"
        self._draw()

    @for_eyes
    def _draw_what_stays(self):
        """Points and axes are drawn once and kept as an image; afterwards only the lines are drawn on top."""
        x, y = self._data
        figure = Figure(figsize=(5.4, 4.3), dpi=90, layout="constrained")
        self._canvas = FigureCanvasAgg(figure)
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1.3])
        drawn.standard_curve(x, y, None, axes=(upper, lower))
        upper.set_xlabel("")
        upper.set_ylim(0, 1.12 * y.max())
        places, self._zero = drawn.log_places(x)
        drawn.concentration_axis(lower, x, self._zero)
        lower.axhline(0, color=PALETTE[1], linewidth=1.5)
        lower.set_ylim(-RESIDUALS_UP_TO, RESIDUALS_UP_TO)
        lower.set_ylabel("residual")
        style = {"animated": True, "linewidth": 2}
        (self._line,) = upper.plot([], [], color=PALETTE[1], label="yours", **style)
        (self._best_line,) = upper.plot(
            *drawn.curve_line(self._best.curve, self._zero, x.max()), color=PALETTE[2], linestyle="--",
            label="least squares", **style,
        )  # fmt: skip
        self._places = np.asarray(places)
        self._residuals = [
            lower.plot([], [], linestyle="none", marker=marker, markersize=size, color=PALETTE[0], animated=True)[0]
            for marker, size in (("o", 5), ("^", 7), ("v", 7))
        ]
        upper.legend(frameon=False, loc="upper right")
        self._canvas.draw()
        figure.set_layout_engine("none")
        self._canvas.draw()
        self._background = self._canvas.copy_from_bbox(figure.bbox)

    @for_eyes
    def _draw(self):
        try:
            now = self.reading
        except models.MakesNoSense as sentence:
            self._words.value = _status(str(sentence))
            return
        x, y = self._data
        self._line.set_data(*drawn.curve_line(now.curve, self._zero, x.max()))
        # A miss beyond the panel is drawn at its edge as an arrowhead, so that no point is lost from sight.
        missed, edge = y - models.density_at(x, now.curve), RESIDUALS_UP_TO
        above, below = missed > edge, missed < -edge
        shown = np.where(above, 0.9 * edge, np.where(below, -0.9 * edge, missed))
        for points, which in zip(self._residuals, (~above & ~below, above, below), strict=True):
            points.set_data(self._places[which], shown[which])
        self._canvas.restore_region(self._background)
        for artist in [self._best_line] * self._compared + [self._line, *self._residuals]:
            artist.axes.draw_artist(artist)
        source = base64.b64encode(png(self._canvas)).decode()
        alternative = (
            "Standards and a falling curve on a logarithmic axis of concentration, with the residuals below. "
            + describe(now, self._best if self._compared else None)
        )
        self._picture.value = (
            f'<img alt="{html.escape(alternative)}" style="max-width: 100%" src="data:image/png;base64,{source}">'
        )
        beyond = " Arrowheads are residuals too large for the lower panel." if (above | below).any() else ""
        self._words.value = _status(self.summary + beyond)


def _status(words):
    return f'<p role="status" style="line-height: 1.5; white-space: normal">{html.escape(words)}</p>'


def curve(concentration, density):
    """Fit a standard curve by eye, and then see least squares beside your own.

    concentration : pg/ml of standards and zero-dose wells (0). density : their optical densities, as many.
    Returns a widget, which a notebook shows; raises :class:`dyadlab.models.MakesNoSense` when the columns do not
    fit together.
    """
    return CurveByEye(concentration, density)
