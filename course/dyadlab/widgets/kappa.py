"""Two coders whose accuracy, and a code whose prevalence, can be moved: raw agreement and kappa part.

:func:`read` knows the numbers and nothing of notebooks; :class:`KappaExplorer` shows them.
"""

import base64
import html
import io
from typing import NamedTuple

import ipywidgets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dyadlab import models, plots
from dyadlab.plots import drawing
from dyadlab.widgets.eyes import for_eyes
from dyadlab.widgets.slider import Slider

COMMENTS = 1000
PREVALENCES = range(1, 51)  # comments of 100 that are mind-related
ACCURACIES = range(50, 101)  # codes of 100 that are right; 50 is guessing


class Reading(NamedTuple):
    """What two equally good coders come to.

    prevalence, accuracy : of 100. both_yes, only_one, other_one, both_no : whole comments of 1000, as expected.
    """

    prevalence: int
    accuracy: int
    raw_agreement: float
    by_chance: float
    kappa: float
    both_yes: int
    only_one: int
    other_one: int
    both_no: int


def read(prevalence, accuracy):
    """Raw agreement, kappa and the expected table at a prevalence and an accuracy, both whole numbers of 100.

    The model is that of :func:`dyadlab.models.expected_agreement`. The four counts are rounded and add up to 1000.
    """
    v, a = prevalence / 100, accuracy / 100
    expected = models.expected_agreement(v, a)
    both_yes = round(COMMENTS * (v * a**2 + (1 - v) * (1 - a) ** 2))
    only_one = round(COMMENTS * a * (1 - a))
    both_no = COMMENTS - both_yes - 2 * only_one
    return Reading(int(prevalence), int(accuracy), *expected, both_yes, only_one, only_one, both_no)


def describe(reading):
    """A reading in words."""
    return (
        f"Two coders, each right about {reading.accuracy} of 100 comments; {reading.prevalence} of 100 comments are "
        f"mind-related. They agree on {100 * reading.raw_agreement:.1f} % of the comments; chance alone would give "
        f"{100 * reading.by_chance:.1f} %. Kappa is {reading.kappa:.2f}."
    )


class KappaExplorer(ipywidgets.VBox):
    """Two sliders and four buttons, both curves with a mark on each, and 1000 comments as a table.

    ``prevalence`` and ``accuracy`` (whole numbers of 100) may be read and set.
    """

    def __init__(self):
        look = {"unit": "of 100", "width": "460px", "label_width": "225px"}
        self._prevalence = Slider(50, PREVALENCES[0], PREVALENCES[-1], 1, "Of 100 comments, mind-related", **look)
        self._accuracy = Slider(95, ACCURACIES[0], ACCURACIES[-1], 1, "Of 100 codes, right", **look)
        rarer, commoner = (
            ipywidgets.Button(description=name, tooltip=f"Mind-related comments {name.lower()} by one in 100")
            for name in ("Rarer", "Commoner")
        )
        worse, better = (
            ipywidgets.Button(description=f"{name} coders", tooltip=f"{name} by one code in 100")
            for name in ("Poorer", "Better")
        )
        for button, slider, by in (
            (rarer, self._prevalence, -1),
            (commoner, self._prevalence, +1),
            (worse, self._accuracy, -1),
            (better, self._accuracy, +1),
        ):
            button.on_click(lambda _, slider=slider, by=by: slider.move(by))
        self._picture = ipywidgets.HTML()
        self._words = ipywidgets.HTML(
            layout={"flex": "0 1 345px", "max_width": "100%", "min_width": "0", "margin": "2px 12px 2px 2px"}
        )
        self._draw_what_stays()
        # Rows that wrap: in a narrow window the picture stands under the table.
        wrapping = {"flex_flow": "row wrap"}
        super().__init__(
            [
                ipywidgets.Box([self._prevalence, rarer, commoner], layout=wrapping),
                ipywidgets.Box([self._accuracy, worse, better], layout=wrapping),
                ipywidgets.Box([self._words, self._picture], layout=wrapping),
            ]
        )
        for slider in (self._prevalence, self._accuracy):
            slider.observe(lambda _: self._draw(), names="value")
        self._draw()

    def __repr__(self):
        return f"Kappa explorer. {describe(self.reading)}"

    def _repr_mimebundle_(self, **kwargs):
        # The words stand in wherever a widget cannot live: on paper, in a feedback page.
        return {**super()._repr_mimebundle_(**kwargs), "text/plain": repr(self)}

    @property
    def prevalence(self):
        """Of 100 comments, how many are mind-related."""
        return self._prevalence.value

    @prevalence.setter
    def prevalence(self, value):
        self._prevalence.value = value

    @property
    def accuracy(self):
        """Of 100 codes of either coder, how many are right."""
        return self._accuracy.value

    @accuracy.setter
    def accuracy(self, value):
        self._accuracy.value = value

    @property
    def reading(self):
        """What is now shown, a :class:`Reading`."""
        return read(self.prevalence, self.accuracy)

    @for_eyes
    def _draw_what_stays(self):
        """Axes and labels are drawn once; afterwards two curves and two marks move, which keeps the answer quick."""
        figure = Figure(figsize=(3.8, 3.1), dpi=100, layout="constrained")
        self._canvas = FigureCanvasAgg(figure)
        axes = plots.kappa_curves(self.accuracy / 100, ax=figure.add_subplot())
        self._raw_curve, self._kappa_curve = axes.lines[:2]
        (self._gap,) = axes.plot([], [], color="0.4", linestyle=":", linewidth=1.5)
        self._raw_mark, self._kappa_mark = (
            axes.plot([], [], linestyle="none", marker=shape, markersize=9, color=colour)[0]
            for shape, colour in (("s", drawing.PALETTE[1]), ("o", drawing.PALETTE[0]))
        )
        # Lay out now and for good: later drawings are quicker, and the curves never shift by a pixel.
        self._canvas.draw()
        figure.set_layout_engine("none")

    @for_eyes
    def _draw(self):
        now = self.reading
        places = [v / 100 for v in PREVALENCES]
        curves = models.expected_agreement(places, now.accuracy / 100)
        self._raw_curve.set_data(PREVALENCES, curves.raw_agreement)
        self._kappa_curve.set_data(PREVALENCES, curves.kappa)
        self._raw_mark.set_data([now.prevalence], [now.raw_agreement])
        self._kappa_mark.set_data([now.prevalence], [now.kappa])
        self._gap.set_data([now.prevalence] * 2, [now.raw_agreement, now.kappa])
        picture = io.BytesIO()
        self._canvas.print_png(picture)
        source = base64.b64encode(picture.getvalue()).decode()
        alternative = (
            "Raw agreement and kappa against how many of 100 comments are mind-related. Raw agreement is a level line "
            f"at {now.raw_agreement:.2f}; kappa is {curves.kappa[-1]:.2f} at 50 of 100 and falls to "
            f"{curves.kappa[0]:.2f} at 1 of 100. The mark at {now.prevalence} of 100 shows kappa {now.kappa:.2f}."
        )
        self._picture.value = (
            f'<img alt="{html.escape(alternative)}" style="max-width: 100%" src="data:image/png;base64,{source}">'
        )
        self._words.value = _table(now)


def _table(now):
    """The 1000 comments as a two-by-two table, and the reading in words that a screen reader announces."""
    line = "border-bottom: 1px solid currentColor; padding: 3px 7px"
    columns = "".join(
        f'<th scope="col" style="{line}; text-align: right">{name}</th>' for name in ("second: yes", "second: no")
    )
    body = "".join(
        f'<tr><th scope="row" style="{line}; text-align: left; white-space: nowrap">{name}</th>'
        + "".join(f'<td style="{line}; text-align: right">{n}</td>' for n in counts)
        + "</tr>"
        for name, counts in (
            ("first: yes", (now.both_yes, now.only_one)),
            ("first: no", (now.other_one, now.both_no)),
        )
    )
    return (
        '<div style="line-height: 1.4; white-space: normal">'
        '<table style="border-collapse: collapse; margin: 6px 0"><caption style="text-align: left">'
        f"Mind-related? {COMMENTS} comments by two coders, as we expect them</caption>"
        f"<thead><tr><td></td>{columns}</tr></thead><tbody>{body}</tbody></table>"
        f'<p role="status">{html.escape(describe(now))}</p></div>'
    )


def kappa():
    """Explore how raw agreement and kappa part where a code is rare, for coders as good as you like.

    Returns a widget, which a notebook shows.
    """
    return KappaExplorer()
