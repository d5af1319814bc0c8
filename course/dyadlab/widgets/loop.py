"""The loop of a dyad to be moved: its four numbers, a start, a push, a ceiling. Plane and course answer at once.

Chance is drawn once and used again at every setting, so that whatever moves in the picture was moved by hand.
:func:`read` knows the numbers and nothing of notebooks; :class:`LoopExplorer` shows them.
"""

import base64
import html
from dataclasses import dataclass

import ipywidgets
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dyadlab import models
from dyadlab.plots import drawing
from dyadlab.plots.loop import BABY, MOTHER, stay_lines
from dyadlab.widgets.eyes import for_eyes
from dyadlab.widgets.slider import Slider

SECONDS, REACH = 60, 2.5
CEILING = 2.0  # points, where a ceiling is asked for
# The dyads of the course's synthetic moments; both loops are assumed.
WITHOUT_DEPRESSION = ((0.72, 0.10), (0.12, 0.70))
UNDER_DEPRESSION = ((0.64, 0.04), (0.09, 0.60))
CHANCE = np.random.default_rng(300).normal(0, 0.15, (SECONDS, 2))


@dataclass(frozen=True, eq=False)
class Reading:
    """What one setting does.

    radius : spectral radius of the linear loop. half_life, amplification : None where there is none (radius from 1).
    rests : (k, 2), where the dyad can stay; holds : (k,), whether it comes back there. path, chanced : (61, 2),
    the same dyad without and with chance, in points from the usual point, mother first.
    """

    radius: float
    gain: float
    half_life: float | None
    amplification: float | None
    rests: np.ndarray
    holds: np.ndarray
    path: np.ndarray
    chanced: np.ndarray
    ceiling: float | None


def read(loop, *, start=1.0, push=0.0, ceiling=None):
    """What a loop does that starts with the mother ``start`` points from usual and the baby at the usual point.

    loop : (2, 2). push : lasting, on the mother, points per second. ceiling : points, or None for the linear loop.
    Returns a :class:`Reading`; raises :class:`dyadlab.models.MakesNoSense`.
    """
    radius, gain = models.spectral_radius(loop), models.loop_gain(loop)
    stable = radius < 1
    if ceiling is not None:
        rests, holds = models.resting_states(loop, (push, 0), saturation=ceiling)
    elif stable:
        rests, holds = models.fixed_point(loop, (push, 0))[None], np.array([True])
    else:
        rests, holds = np.empty((0, 2)), np.empty(0, dtype=bool)
    paths = models.simulate_loop(
        loop, SECONDS, start=(start, 0), push=(push, 0), saturation=ceiling,
        noise=np.stack([np.zeros_like(CHANCE), CHANCE], axis=1),
    )  # fmt: skip
    return Reading(
        radius, gain,
        models.half_life(radius) if 0 < radius < 1 else None,
        models.amplification(loop) if stable else None,
        rests, holds, paths[:, 0], paths[:, 1], ceiling,
    )  # fmt: skip


def describe(reading):
    """A reading in three sentences."""
    r = reading
    if r.half_life is not None:
        first = (
            f"Spectral radius {r.radius:.2f}: in the long run each second keeps this share of a disturbance, and half "
            f"of it is gone after {r.half_life:.1f} seconds. "
        )
    elif r.radius < 1:
        first = "Spectral radius 0: a disturbance is gone at once. "
    else:
        first = f"Spectral radius {_just(r.radius)}, not below 1: a small disturbance does not die out. "
    second = f"Loop gain {_just(r.gain)}"
    if r.amplification is not None:
        second += f", amplification {r.amplification:.2f}. "
    else:
        second += f": no amplification to report (1 / (1 - gain) would give {_formula(r.gain)}, which means nothing). "
    places = [f"mother {_signed(m)}, baby {_signed(b)}" for m, b in r.rests[r.holds]]
    if not places:
        third = "There is no resting state."
    elif len(places) == 1:
        third = f"One resting state: {places[0]}."
    else:
        third = f"{len(places)} resting states: {'; '.join(places)}."
    return first + second + third


def _just(value):
    """Two decimals, or as many as it takes to tell the value from 1."""
    for decimals in range(2, 8):
        if float(f"{value:.{decimals}f}") != 1:
            return f"{value:.{decimals}f}"
    return "1.00"


def _formula(gain):
    return "a division by zero" if abs(1 - gain) < 1e-12 else f"{1 / (1 - gain):.1f}".replace("-", "−")


def _signed(value):
    return f"{0.0 if abs(value) < 0.005 else value:+.2f}".replace("+0.00", "0.00").replace("-", "−")


class LoopExplorer(ipywidgets.VBox):
    """Six sliders, a choice and two buttons; the plane and the course; the reading in words.

    ``loop``, ``start``, ``push`` and ``ceiling`` may be read and set.
    """

    def __init__(self):

        def slider(value, name, low, high, step, unit=""):
            return Slider(value, low, high, step, name, unit=unit, decimals=2, width="355px", label_width="135px")

        (a, c), (d, e) = WITHOUT_DEPRESSION
        self._sliders = (
            slider(a, "Mother’s inertia", 0, 0.95, 0.01),
            slider(c, "Mother follows baby", 0, 0.6, 0.01),
            slider(d, "Baby follows mother", 0, 0.6, 0.01),
            slider(e, "Baby’s inertia", 0, 0.95, 0.01),
        )
        self._start = slider(1.0, "Mother starts at", -2, 2, 0.5, "points from usual")
        self._push = slider(0.0, "Lasting push on her", -0.5, 0.5, 0.02, "points per second")
        self._ceiling = ipywidgets.Dropdown(
            options=[("none", 0.0), ("2 points", CEILING)], description="Ceiling", layout={"width": "160px"},
            style={"description_width": "initial"},
        )  # fmt: skip
        buttons = []
        for name, loop, tip in (
            ("Loop under depression", UNDER_DEPRESSION, "Sets the four numbers of the loop; assumed values"),
            ("Loop without depression", WITHOUT_DEPRESSION, "Sets the four numbers of the loop; assumed values"),
        ):
            button = ipywidgets.Button(description=name, tooltip=tip, layout={"width": "245px"})
            button.on_click(lambda _, loop=loop: self._set(loop))
            buttons.append(button)
        self._picture, self._words = ipywidgets.HTML(), ipywidgets.HTML()
        self._held = False
        self._draw_what_stays()
        wrap = {"flex_flow": "row wrap"}
        super().__init__(
            [
                ipywidgets.Box(buttons, layout=wrap),
                ipywidgets.Box(self._sliders[:2], layout=wrap),
                ipywidgets.Box(self._sliders[2:], layout=wrap),
                ipywidgets.Box([self._start, self._push, self._ceiling], layout=wrap),
                self._picture,
                self._words,
            ]
        )
        for control in (*self._sliders, self._start, self._push, self._ceiling):
            control.observe(lambda _: self._draw(), names="value")
        self._draw()

    def __repr__(self):
        return f"Loop explorer. {describe(self.reading)}"

    def _repr_mimebundle_(self, **kwargs):
        # The words stand in wherever a widget cannot live: on paper, in a feedback page.
        return {**super()._repr_mimebundle_(**kwargs), "text/plain": repr(self)}

    @property
    def loop(self):
        """The four numbers now set, as a table of two rows."""
        a, c, d, e = (slider.value for slider in self._sliders)
        return [[a, c], [d, e]]

    @loop.setter
    def loop(self, loop):
        self._set(loop)

    @property
    def start(self):
        """Where the mother starts, in points from usual."""
        return self._start.value

    @start.setter
    def start(self, value):
        self._start.value = value

    @property
    def push(self):
        """The lasting push on the mother, in points per second."""
        return self._push.value

    @push.setter
    def push(self, value):
        self._push.value = value

    @property
    def ceiling(self):
        """The ceiling in points, or None."""
        return self._ceiling.value or None  # a Dropdown shows nothing for None, so “none” is 0 there

    @ceiling.setter
    def ceiling(self, value):
        self._ceiling.value = value or 0.0

    @property
    def reading(self):
        """What is now shown, a :class:`Reading`."""
        return read(self.loop, start=self.start, push=self.push, ceiling=self.ceiling)

    def _set(self, loop):
        self._held = True  # four sliders change, one picture is drawn
        for slider, value in zip(self._sliders, np.ravel(loop), strict=True):
            slider.value = value
        self._held = False
        self._draw()

    @for_eyes
    def _draw_what_stays(self):
        """Axes and labels are drawn once and kept as a picture; afterwards only the lines are drawn on it."""
        figure = Figure(figsize=(7.0, 3.0), dpi=90, layout="constrained")
        self._canvas = FigureCanvasAgg(figure)
        plane, course = figure.subplots(1, 2, width_ratios=[1, 1.35])
        plane.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), xlabel="mother (points from usual)",
                  ylabel="baby (points from usual)")  # fmt: skip
        course.set(xlim=(0, SECONDS), ylim=(-REACH, REACH), xlabel="time (seconds)", ylabel="points from usual")
        course.axhline(0, color="0.7", linewidth=0.8)
        for axes in (plane, course):
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(labelsize=8)
            axes.xaxis.label.set_size(9)
            axes.yaxis.label.set_size(9)
        for style, name, what in ((MOTHER, "mother", "mother stays"), (BABY, "baby", "baby stays")):
            course.plot([], [], label=name, linewidth=2, **style)
            plane.plot([], [], label=what, linewidth=1.4, **style)
        plane.plot([], [], label="can rest", linestyle="none", marker="x", color=drawing.PALETTE[3], markeredgewidth=2)
        for axes, columns in ((plane, 3), (course, 2)):
            axes.legend(fontsize=7, frameon=False, loc="upper left", ncols=columns, borderpad=0, columnspacing=0.9,
                        handlelength=1.8, bbox_to_anchor=(0, 1.1))  # fmt: skip
        self._canvas.draw()
        figure.set_layout_engine("none")
        self._background = self._canvas.copy_from_bbox(figure.bbox)

        def line(axes, **how):
            return axes.plot([], [], animated=True, **how)[0]

        thin = {"linewidth": 0.8, "alpha": 0.7}
        self._stays = line(plane, linewidth=1.4, **MOTHER), line(plane, linewidth=1.4, **BABY)
        self._chanced_trace = line(plane, color="0.45", linewidth=0.6)
        self._trace = line(plane, color="black", linewidth=1.4, marker=".", markersize=3.5)
        self._rests = line(
            plane, color=drawing.PALETTE[3], linestyle="none", marker="x", markersize=10, markeredgewidth=2.5
        )
        self._chanced = line(course, **thin, **MOTHER), line(course, **thin, **BABY)
        self._courses = line(course, linewidth=2, **MOTHER), line(course, linewidth=2, **BABY)
        self._moving = (
            *self._stays, self._chanced_trace, self._trace, self._rests, *self._chanced, *self._courses,
        )  # fmt: skip

    @for_eyes
    def _draw(self):
        if self._held:
            return
        now = self.reading
        seconds = np.arange(SECONDS + 1)
        lines = stay_lines(self.loop, (self.push, 0), saturation=now.ceiling, reach=2 * REACH)
        for artist, points in zip(self._stays, lines, strict=True):
            artist.set_data(*points.T)
        # What runs far out of the picture is cut there: the drawing of huge numbers is slow and shows nothing.
        path, chanced = (np.clip(p, -4 * REACH, 4 * REACH) for p in (now.path, now.chanced))
        self._trace.set_data(*path.T)
        self._chanced_trace.set_data(*chanced.T)
        self._rests.set_data(*now.rests[now.holds].T)
        for artists, values in ((self._courses, path), (self._chanced, chanced)):
            for artist, partner in zip(artists, values.T, strict=True):
                artist.set_data(seconds, partner)
        self._canvas.restore_region(self._background)
        for artist in self._moving:
            artist.axes.draw_artist(artist)
        self._picture.value = (
            f'<img alt="{html.escape(_alternative(now))}" style="max-width: 100%" '
            f'src="data:image/png;base64,{base64.b64encode(drawing.png(self._canvas)).decode()}">'
        )
        self._words.value = (
            f'<p role="status" style="line-height: 1.4; white-space: normal; max-width: 640px">'
            f"{html.escape(describe(now))}</p>"
        )


def _alternative(reading):
    last = reading.path[-1]
    far = np.abs(reading.path).max() > REACH
    end = "and leaves the picture" if far else f"and ends at mother {_signed(last[0])}, baby {_signed(last[1])}"
    return (
        "Left, the plane of mother and baby with the two lines on which one partner stays; right, both over "
        f"{SECONDS} seconds. Without chance the dyad starts at mother {_signed(reading.path[0, 0])}, baby 0.00, {end}. "
        "Thin lines show the same dyad with a little chance, the same chance at every setting."
    )


def loop():
    """Explore a dyad's loop: the four numbers, where the mother starts, a lasting push on her, and a ceiling.

    Returns a widget, which a notebook shows.
    """
    return LoopExplorer()
