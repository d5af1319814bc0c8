"""A screening score whose cut-off and base rate can be moved: who is found, who is missed, who is called.

:func:`read` knows the numbers and nothing of notebooks; :class:`Cutoff` shows them.
"""

import base64
import html
import io
from typing import NamedTuple

import ipywidgets
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dyadlab import models, plots
from dyadlab.plots import drawing
from dyadlab.widgets.eyes import for_eyes
from dyadlab.widgets.slider import Slider

PEOPLE = 1000
CUTOFFS = range(1, 31)
BASE_RATES = range(1, 61)  # people with depression, of 100


class Reading(NamedTuple):
    """What is known at one cut-off and one base rate.

    sensitivity, specificity : of the cut-off in the data. ppv, npv : predictive values at ``base_rate``.
    counts : whole people out of 1000, as a :class:`dyadlab.models.Screening`.
    """

    cutoff: int
    base_rate: float
    sensitivity: float
    specificity: float
    ppv: float
    npv: float
    counts: models.Screening

    @property
    def positives(self):
        """How many of the 1000 screen positive."""
        return self.counts.true_positive + self.counts.false_positive


def read(score, condition, cutoff, base_rate):
    """The cut-off's sensitivity and specificity in these data, and what they mean at another base rate.

    score, condition, cutoff : as in :func:`dyadlab.models.screening_table`; positive is ``score >= cutoff``.
    base_rate : the proportion with the condition where the questionnaire is to be used, 0 to 1.
    Returns a :class:`Reading`; raises :class:`dyadlab.models.MakesNoSense`.
    """
    sample = models.screening_table(score, condition, cutoff)
    accuracy = sample.sensitivity, sample.specificity
    ppv, npv = models.predictive_values(*accuracy, base_rate)
    counts = models.natural_frequencies(*accuracy, base_rate, PEOPLE)
    return Reading(int(cutoff), float(base_rate), *accuracy, ppv, npv, counts)


def describe(reading):
    """A reading in two sentences of whole people."""
    counts, positives = reading.counts, reading.positives
    if not positives:
        return (
            f"Of {PEOPLE} mothers nobody scores {reading.cutoff} or more, so nobody is called back: "
            f"all {counts.false_negative} with depression are missed."
        )
    return (
        f"Of {PEOPLE} mothers, {positives} score {reading.cutoff} or more; {counts.true_positive} of these "
        f"{positives} have depression, which makes a positive predictive value of {reading.ppv:.2f}. "
        f"{counts.false_negative} mothers with depression score lower and are missed."
    )


class Cutoff(ipywidgets.VBox):
    """Two sliders and two buttons, the curve with a ring on it, and 1000 mothers as a table.

    ``cutoff`` and ``base_rate`` (of 100) may be read and set.
    """

    def __init__(self, score, condition):
        models.screening_table(score, condition, 11)  # complains now, and not when somebody moves a number
        self._data = np.asarray(score, dtype=float), np.asarray(condition, dtype=float)
        look = {"width": "435px", "label_width": "195px"}
        self._cutoff = Slider(11, CUTOFFS[0], CUTOFFS[-1], 1, "Cut-off (this score or more)", **look)
        self._base_rate = Slider(
            10, BASE_RATES[0], BASE_RATES[-1], 1, "Of 100 mothers, depressed", unit="of 100", **look
        )
        lower = ipywidgets.Button(description="Lower cut-off", tooltip="Cut-off one point lower")
        higher = ipywidgets.Button(description="Higher cut-off", tooltip="Cut-off one point higher")
        lower.on_click(lambda _: self._cutoff.move(-1))
        higher.on_click(lambda _: self._cutoff.move(+1))
        self._picture = ipywidgets.HTML()
        self._words = ipywidgets.HTML(
            layout={"flex": "0 1 345px", "max_width": "100%", "min_width": "0", "margin": "2px 12px 2px 2px"}
        )
        self._draw_what_stays()
        # A row that wraps: in a narrow window the picture stands under the table.
        below = ipywidgets.Box([self._words, self._picture], layout={"flex_flow": "row wrap"})
        controls = ipywidgets.Box([self._cutoff, lower, higher, self._base_rate], layout={"flex_flow": "row wrap"})
        super().__init__([controls, below])
        for slider in (self._cutoff, self._base_rate):
            slider.observe(lambda _: self._draw(), names="value")
        self._draw()

    def __repr__(self):
        return f"Cut-off explorer. {describe(self.reading)}"

    def _repr_mimebundle_(self, **kwargs):
        # The words stand in wherever a widget cannot live: on paper, in a feedback page.
        return {**super()._repr_mimebundle_(**kwargs), "text/plain": repr(self)}

    @property
    def cutoff(self):
        """The cut-off now shown: this score or more is a positive screen."""
        return self._cutoff.value

    @cutoff.setter
    def cutoff(self, value):
        self._cutoff.value = value

    @property
    def base_rate(self):
        """Of 100 mothers, how many have depression."""
        return self._base_rate.value

    @base_rate.setter
    def base_rate(self, value):
        self._base_rate.value = value

    @property
    def reading(self):
        """What is now shown, a :class:`Reading`."""
        return read(*self._data, self.cutoff, self.base_rate / 100)

    @for_eyes
    def _draw_what_stays(self):
        """The curve is drawn once; afterwards only the ring moves, which keeps the answer quick."""
        figure = Figure(figsize=(3.4, 3.1), dpi=100, layout="constrained")
        self._canvas = FigureCanvasAgg(figure)
        axes = plots.screening_curve(*self._data, cutoffs=CUTOFFS, ax=figure.add_subplot())
        (self._ring,) = axes.plot(
            [], [], linestyle="none", marker="o", markersize=15, markerfacecolor="none",
            markeredgewidth=2.5, markeredgecolor=drawing.PALETTE[3],
        )  # fmt: skip
        # Lay out now and for good: later drawings are quicker, and the curve never shifts by a pixel.
        self._canvas.draw()
        figure.set_layout_engine("none")

    @for_eyes
    def _draw(self):
        now = self.reading
        self._ring.set_data([1 - now.specificity], [now.sensitivity])
        picture = io.BytesIO()
        self._canvas.print_png(picture)
        source = base64.b64encode(picture.getvalue()).decode()
        alternative = (
            "Curve of sensitivity against false alarms, one point for each cut-off. A ring marks cut-off "
            f"{now.cutoff}: sensitivity {now.sensitivity:.2f}, false alarms {1 - now.specificity:.2f}."
        )
        self._picture.value = (
            f'<img alt="{html.escape(alternative)}" style="max-width: 100%" src="data:image/png;base64,{source}">'
        )
        self._words.value = _table(now)


def _table(reading):
    """The 1000 mothers as a two-by-two table, and the reading in words that a screen reader announces."""
    counts = reading.counts
    rows = (
        (f"{reading.cutoff} or more", counts.true_positive, counts.false_positive),
        (f"below {reading.cutoff}", counts.false_negative, counts.true_negative),
        ("all", counts.true_positive + counts.false_negative, counts.false_positive + counts.true_negative),
    )
    line = "border-bottom: 1px solid currentColor; padding: 3px 7px"
    columns = "".join(
        f'<th scope="col" style="{line}; text-align: right">{name}</th>'
        for name in ("depression", "no depression", "all")
    )
    body = "".join(
        f'<tr><th scope="row" style="{line}; text-align: left; white-space: nowrap">{name}</th>'
        + "".join(f'<td style="{line}; text-align: right">{n}</td>' for n in (first, second, first + second))
        + "</tr>"
        for name, first, second in rows
    )
    return (
        f'<div style="line-height: 1.4; white-space: normal">'
        f'<table style="border-collapse: collapse; margin: 6px 0"><caption style="text-align: left">'
        f"{PEOPLE} mothers by their score, as we expect them</caption><thead><tr><td></td>{columns}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
        f"<p>Sensitivity {reading.sensitivity:.2f}, specificity {reading.specificity:.2f}.</p>"
        f'<p role="status">{html.escape(describe(reading))}</p></div>'
    )


def cutoff(score, condition):
    """Explore what a screening score says at each cut-off, and where depression is rarer or commoner.

    score : total scores, one per mother. condition : 1 where the interview found depression, else 0. Neither
    may have missing values. Returns a widget, which a notebook shows; raises
    :class:`dyadlab.models.MakesNoSense` when the columns do not fit together.
    """
    return Cutoff(score, condition)
