"""A world without any crossing arrow, in which a cross-lagged model finds one: move what is stable, and how many.

:func:`study` and :func:`found_in_100` know the numbers and nothing of notebooks; :class:`Traits` shows them.
"""

import base64
import html
from functools import lru_cache
from typing import NamedTuple

import ipywidgets
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dyadlab import models
from dyadlab.plots import drawing
from dyadlab.plots.panel import in_standard_deviations
from dyadlab.widgets.eyes import for_eyes
from dyadlab.widgets.slider import Slider

SIZES = (100, 200, 400, 1000)
MOST_STABLE_R = 0.8
NAMES = ("talk", "oxytocin")
ARROWS = ("talk to oxytocin", "oxytocin to talk")
_WAVES, _SHARE, _CARRY_OVER, _TOGETHER = 4, 0.5, (0.3, 0.2), 0.1


class Study(NamedTuple):
    """What two models say about one made-up study in which no arrow crosses.

    without, with_stable : for each of ARROWS (estimate, low, high), standardised. warning : of the second model.
    """

    without: tuple
    with_stable: tuple
    warning: str


@lru_cache(maxsize=256)
def study(stable_r, people, seed):
    """One study of ``people`` dyads at four waves, fitted without and with stable parts. Returns a :class:`Study`."""
    x, y = models.simulate_panel(
        people, _WAVES, stable_share=_SHARE, stable_r=stable_r, carry_over=_CARRY_OVER, seed=seed
    )
    fits = [model(x, y, names=NAMES) for model in (models.cross_lagged, models.random_intercept)]
    rows = [tuple(in_standard_deviations(fit.arrows.loc[arrow]) for arrow in ARROWS) for fit in fits]
    return Study(*rows, fits[1].warning)


@lru_cache(maxsize=256)
def found_in_100(stable_r, people):
    """Of 100 such studies, in how many the model without stable parts has p below .05: for each of ARROWS.

    Worked out, not simulated: the model is fitted to the population's own covariances, and its estimates are taken to
    scatter normally around what it says there, with its standard errors. Two whole numbers.
    """
    from scipy.stats import norm

    values = _people_with_exactly(_covariances(stable_r), people)
    arrows = models.cross_lagged(values[:, 0::2], values[:, 1::2], names=NAMES).arrows
    z = (arrows["estimate"] / arrows["se"])[list(ARROWS)].to_numpy()
    limit = norm.ppf(0.975)
    return tuple(np.round(100 * (norm.sf(limit - z) + norm.cdf(-limit - z))).astype(int).tolist())


def _covariances(stable_r):
    """Of x1, y1, x2, y2, ... in the world of :func:`dyadlab.models.simulate_panel`."""
    stable = np.array([[1, stable_r], [stable_r, 1]])
    moving = np.array([[1, _TOGETHER], [_TOGETHER, 1]])
    whole = np.empty((_WAVES, 2, _WAVES, 2))
    for later in range(_WAVES):
        for earlier in range(later + 1):
            carried = np.diag(np.array(_CARRY_OVER) ** (later - earlier)) @ moving
            whole[later, :, earlier, :] = _SHARE * stable + (1 - _SHARE) * carried
            whole[earlier, :, later, :] = whole[later, :, earlier, :].T
    return whole.reshape(2 * _WAVES, 2 * _WAVES)


def _people_with_exactly(covariance, people):
    """Made-up people whose sample covariance (dividing by n) is ``covariance``."""
    z = np.random.default_rng(0).standard_normal((people, len(covariance)))
    z -= z.mean(axis=0)
    white = np.linalg.solve(np.linalg.cholesky(z.T @ z / people), z.T).T
    return white @ np.linalg.cholesky(covariance).T


def describe(stable_r, people, found, hits):
    """What is shown, in words: this study, and a hundred like it."""
    clear = [arrow for arrow, (_, low, high) in zip(ARROWS, found.without, strict=True) if low > 0 or high < 0]
    if clear:
        this = f"In this study the model without stable parts “finds” {' and '.join(clear)}"
    else:
        this = "In this study the model without stable parts finds no clear arrow"
    if found.warning:
        other = "the model with stable parts has no proper solution here and should not be read"
    else:
        wrong = [arrow for arrow, (_, low, high) in zip(ARROWS, found.with_stable, strict=True) if low > 0 or high < 0]
        other = "the one with stable parts " + (f"finds {' and '.join(wrong)}, by bad luck" if wrong else "finds none")
    return (
        f"{people} dyads, stable parts correlated {stable_r:.1f}, and in truth no crossing arrow. {this}; {other}. "
        f"Of 100 such studies, about {hits[0]} would find talk to oxytocin without stable parts, and about {hits[1]} "
        "oxytocin to talk. It should be 5; with stable parts it is near 5."
    )


class Traits(ipywidgets.VBox):
    """A slider, a choice and a button; four estimates with intervals around a truth of zero.

    ``stable_r`` and ``people`` may be read and set; ``another()`` draws other dyads.
    """

    def __init__(self):
        self._stable_r = Slider(
            0.6, -MOST_STABLE_R, MOST_STABLE_R, 0.1, "Correlation of the stable parts", decimals=2, width="440px"
        )
        self._people = ipywidgets.Dropdown(
            options=SIZES, value=400, description="Dyads in the study", style={"description_width": "initial"},
            layout={"width": "210px"},
        )  # fmt: skip
        button = ipywidgets.Button(description="Another study", tooltip="The same world, other dyads")
        button.on_click(lambda _: self.another())
        self._seed = 1
        self._picture, self._words = ipywidgets.HTML(), ipywidgets.HTML()
        self._draw_what_stays()
        controls = ipywidgets.Box([self._stable_r, self._people, button], layout={"flex_flow": "row wrap"})
        super().__init__([controls, self._picture, self._words])
        for control in (self._stable_r, self._people):
            control.observe(lambda _: self._draw(), names="value")
        self._draw()

    def __repr__(self):
        return f"A world without crossing arrows. {self.summary}"

    def _repr_mimebundle_(self, **kwargs):
        # The words stand in wherever a widget cannot live: on paper, in a feedback page.
        return {**super()._repr_mimebundle_(**kwargs), "text/plain": repr(self)}

    @property
    def stable_r(self):
        """The correlation of the two stable parts, -0.8 to 0.8."""
        return self._stable_r.value

    @stable_r.setter
    def stable_r(self, value):
        self._stable_r.value = value

    @property
    def people(self):
        """How many dyads the study has: one of SIZES."""
        return self._people.value

    @people.setter
    def people(self, value):
        self._people.value = value

    @property
    def found(self):
        """What is now shown, a :class:`Study`."""
        return study(self.stable_r, self.people, self._seed)

    @property
    def summary(self):
        """What is now shown, in words."""
        return describe(self.stable_r, self.people, self.found, found_in_100(self.stable_r, self.people))

    def another(self):
        """Draw other dyads from the same world."""
        self._seed += 1
        self._draw()

    @for_eyes
    def _draw_what_stays(self):
        """Axes and labels are drawn once; afterwards only points and intervals move, which keeps the answer quick."""
        figure = Figure(figsize=(6.4, 2.7), dpi=100, layout="constrained")
        self._canvas = FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        self._intervals, self._points, labels = [], [], []
        for model, marker, color in (("without stable parts", "o", 3), ("with stable parts", "s", 0)):
            color = drawing.PALETTE[color]
            for arrow in ARROWS:
                place = len(labels) + (0.4 if model.startswith("with ") else 0)
                self._intervals += axes.plot([0, 0], [place, place], color=color, linewidth=2.5)
                self._points += axes.plot([0], [place], marker, color=color, markersize=9)
                labels.append(f"{arrow.replace(' to ', ' → ')}, {model}")
        axes.axvline(0, color="0.3", linestyle=":", linewidth=1.5)
        axes.text(0.005, -0.85, "the truth: 0", fontsize=8.5, color="0.2", va="bottom")
        axes.set_yticks([0, 1, 2.4, 3.4], labels)
        axes.set(xlim=(-0.5, 0.5), ylim=(4.0, -0.9))
        axes.set_xlabel("arrow to the next wave (standard deviations)")
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.tick_params(axis="y", length=0)
        self._canvas.draw()
        figure.set_layout_engine("none")
        for artist in (*self._intervals, *self._points):
            artist.set_animated(True)  # left out of the background, which is kept as it is from here on
        self._canvas.draw()
        self._background = self._canvas.copy_from_bbox(figure.bbox)

    def _png(self):
        """The background with the points and intervals of now, as the bytes of a PNG."""
        self._canvas.restore_region(self._background)
        for artist in (*self._intervals, *self._points):
            artist.axes.draw_artist(artist)
        return drawing.png(self._canvas)

    @for_eyes
    def _draw(self):
        found = self.found
        for interval, point, (middle, low, high) in zip(
            self._intervals, self._points, (*found.without, *found.with_stable), strict=True
        ):
            interval.set_xdata([low, high])
            point.set_xdata([middle])
        hollow = "white" if found.warning else drawing.PALETTE[0]
        for point in self._points[2:]:
            point.set_markerfacecolor(hollow)
        source = base64.b64encode(self._png()).decode()
        alternative = "Four estimated arrows with their intervals, against the truth of 0. " + "; ".join(
            f"{arrow} {kind} stable parts {middle:.2f} ({low:.2f} to {high:.2f})"
            for kind, rows in (("without", found.without), ("with", found.with_stable))
            for arrow, (middle, low, high) in zip(ARROWS, rows, strict=True)
        )
        self._picture.value = (
            f'<img alt="{html.escape(alternative, quote=True)}" style="max-width: 100%" '
            f'src="data:image/png;base64,{source}">'
        )
        words = html.escape(self.summary)
        self._words.value = f'<p role="status" style="max-width: 45em; line-height: 1.5">{words}</p>'


def traits():
    """Explore a world without crossing arrows: how a cross-lagged model finds one, and when. Returns a widget."""
    return Traits()
