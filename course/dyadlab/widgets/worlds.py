"""The which-world game: four clouds with the same correlation, made by four different causes. Guess, then see.

:class:`Round` knows the clouds and, when asked, the answer; :class:`Worlds` shows them. The answer is not made until
somebody has committed to a guess, so nothing that a notebook holds before gives it away.
"""

import base64
import html
import io
from typing import NamedTuple

import ipywidgets
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dyadlab.plots.drawing import PALETTE
from dyadlab.sentences import Sentence
from dyadlab.studies import worlds as study
from dyadlab.widgets.eyes import for_eyes

CLOUDS = (1, 2, 3, 4)
CAUSES = study.CAUSES
NOT_YET = "choose …"


class NotAGuess(Sentence, ValueError):
    """The guess is not one cause for each of the four clouds; the message says what is amiss."""


class Cloud(NamedTuple):
    """What was found in one world. talk, log_oxytocin : (62,) arrays. r, t_on_talk, t_on_oxytocin : the correlation
    and the t of each regression."""

    talk: np.ndarray
    log_oxytocin: np.ndarray
    r: float
    t_on_talk: float
    t_on_oxytocin: float


class Revealed(NamedTuple):
    """What a push showed in one cloud, in standard deviations, and which cause was behind it."""

    guess: str
    cause: str
    push_on_talk: float
    push_on_oxytocin: float

    @property
    def right(self):
        return self.guess == self.cause


class Round:
    """One round of the game: four clouds in an order that the seed decides.

    seed : text or number; the same seed gives the same round on every computer.
    """

    def __init__(self, seed):
        self.seed = str(seed)

    def clouds(self):
        """What was found in each of the four worlds: a list of :class:`Cloud`, made without asking for causes."""
        return [_cloud(rows) for rows in self._rows("as found")]

    def reveal(self, guesses):
        """Cloud by cloud, what two trials show and which cause was behind it: a list of :class:`Revealed`.

        guesses : four of CAUSES, in the order of the clouds. Raises NotAGuess unless there is one for each.
        """
        guesses = list(guesses)
        open_ones = [str(c) for c, g in zip(CLOUDS, guesses, strict=False) if g not in CAUSES]
        if len(guesses) != len(CLOUDS) or open_ones:
            named = f"cloud {' and cloud '.join(open_ones)}" if open_ones else "each of the four clouds"
            raise NotAGuess(f"Choose a world for {named} first. You may choose the same one twice.")
        talk, oxytocin = self._rows("talk supported"), self._rows("oxytocin raised")
        causes = study.causes(f"game, {self.seed}").values()
        return [
            Revealed(guess, cause, _moved(t, 2) / study.FOUR.log_oxytocin_sd, _moved(o, 1) / study.FOUR.talk_sd)
            for guess, cause, t, o in zip(guesses, causes, talk, oxytocin, strict=True)
        ]

    def _rows(self, design):
        """For each world, an array with one row per dyad: pushed, talk score, log oxytocin."""
        table = study.class_study(f"game, {self.seed}")
        columns = [table.column(name) for name in ("world", "design", "pushed", "talk_score", "log_oxytocin_infant")]
        rows = [row for row in zip(*columns, strict=True) if row[1] == design]
        return [np.array([row[2:] for row in rows if row[0] == letter], dtype=float) for letter in study.LETTERS]


def _cloud(rows):
    from dyadlab import models

    talk, log_oxytocin = rows[:, 1], rows[:, 2]
    on_talk, on_oxytocin = models.regression(log_oxytocin, talk), models.regression(talk, log_oxytocin)
    return Cloud(talk, log_oxytocin, on_talk.standardised, on_talk.t, on_oxytocin.t)


def _moved(rows, column):
    pushed = rows[:, 0] == 1
    return float(rows[pushed, column].mean() - rows[~pushed, column].mean())


def describe(revealed):
    """How many were named rightly, in words."""
    right = sum(one.right for one in revealed)
    return (
        f"You named {right} of 4. Whoever draws the four names out of a hat gets 1 on average, and no skill with "
        "these clouds can beat that."
    )


class Worlds(ipywidgets.VBox):
    """Four clouds, a choice for each, a button to commit and one for another round. ``round`` is the round shown."""

    def __init__(self, seed=1):
        self._seed, self._number = str(seed), 0
        self._picture, self._said = ipywidgets.HTML(), ipywidgets.HTML()
        self._choices = [
            ipywidgets.Dropdown(
                options=(NOT_YET, *CAUSES), value=NOT_YET, description=f"Cloud {cloud} is the world where",
                style={"description_width": "initial"}, layout={"width": "345px"},
            )
            for cloud in CLOUDS
        ]  # fmt: skip
        self._commit = ipywidgets.Button(
            description="Commit and see", tooltip="Fix the four guesses and see the answer"
        )
        self._again = ipywidgets.Button(description="Another round", tooltip="Four new clouds")
        self._commit.on_click(lambda _: self._see())
        self._again.on_click(lambda _: self._start())
        self._make_figure()
        wrap = {"flex_flow": "row wrap"}
        super().__init__(
            [
                self._picture,
                ipywidgets.Box(self._choices, layout=wrap),
                ipywidgets.Box([self._commit, self._again], layout=wrap),
                self._said,
            ]
        )
        self._start()

    def __repr__(self):
        return (
            "Which world? Four clouds of 62 dyads, each with r = .35, from four different worlds in an unknown order."
        )

    def _repr_mimebundle_(self, **kwargs):
        # The words stand in wherever a widget cannot live: on paper, in a feedback page.
        return {**super()._repr_mimebundle_(**kwargs), "text/plain": repr(self)}

    def _start(self):
        self._number += 1
        self.round = Round(f"{self._seed}, round {self._number}")
        for choice in self._choices:
            choice.value, choice.disabled = NOT_YET, False
        self._draw(self.round.clouds())
        self._say("<p>Choose a world for each cloud, then commit.</p>")

    def _see(self):
        try:
            revealed = self.round.reveal([choice.value for choice in self._choices])
        except NotAGuess as amiss:
            self._say(f"<p>{html.escape(str(amiss))}</p>")
            return
        for choice in self._choices:
            choice.disabled = True  # the buttons stay: whoever pressed one by keyboard would lose their place
        self._say(_table(revealed) + f"<p>{html.escape(describe(revealed))}</p>")

    def _say(self, words):
        self._said.value = (
            f'<div role="status" style="max-width: 52em; line-height: 1.5; white-space: normal">{words}</div>'
        )

    @for_eyes
    def _make_figure(self):
        figure = Figure(figsize=(8.4, 2.5), dpi=90, layout="constrained")
        self._canvas = FigureCanvasAgg(figure)
        p = study.FOUR
        self._points, self._titles = [], []
        for cloud, axes in zip(CLOUDS, figure.subplots(1, 4, sharex=True, sharey=True), strict=True):
            self._points += axes.plot([], [], "o", markersize=3.5, color=PALETTE[0], alpha=0.75)
            self._titles.append(axes.set_title(f"Cloud {cloud}\nr = .35, t = 0.00 both ways", fontsize=9))
            axes.set_xlim(p.talk_mean - 3.6 * p.talk_sd, p.talk_mean + 3.6 * p.talk_sd)
            axes.set_ylim(p.log_oxytocin_mean - 3.6 * p.log_oxytocin_sd, p.log_oxytocin_mean + 3.6 * p.log_oxytocin_sd)
            axes.set_xlabel("talk (points)", fontsize=9)
            axes.spines[["top", "right"]].set_visible(False)
            axes.label_outer()
        figure.axes[0].set_ylabel("infant oxytocin (ln pg/ml)", fontsize=9)
        self._canvas.draw()
        figure.set_layout_engine("none")

    @for_eyes
    def _draw(self, clouds):
        for cloud, points, title, number in zip(clouds, self._points, self._titles, CLOUDS, strict=True):
            points.set_data(cloud.talk, cloud.log_oxytocin)
            title.set_text(f"Cloud {number}\nr = {cloud.r:.2f}, t = {cloud.t_on_talk:.2f} both ways")
        picture = io.BytesIO()
        self._canvas.print_png(picture)
        source = base64.b64encode(picture.getvalue()).decode()
        alternative = (
            "Four scatterplots of infant oxytocin against talk, clouds 1 to 4. Each rises loosely from lower left to "
            f"upper right with r = {clouds[0].r:.2f}; both regressions of each have t = {clouds[0].t_on_talk:.2f}."
        )
        self._picture.value = (
            f'<img alt="{html.escape(alternative)}" style="max-width: 100%" src="data:image/png;base64,{source}">'
        )


def _table(revealed):
    line = "border-bottom: 1px solid currentColor; padding: 3px 6px; text-align: left"
    heads = "".join(
        f'<th scope="col" style="{line}">{name}</th>'
        for name in ("cloud", "push on talk moved oxytocin by", "push on oxytocin moved talk by", "you said", "it was")
    )
    rows = "".join(
        f'<tr><th scope="row" style="{line}">{cloud}</th>'
        + "".join(
            f'<td style="{line}">{text}</td>'
            for text in (
                f"{one.push_on_talk:+.2f} SD".replace("-", "−"),
                f"{one.push_on_oxytocin:+.2f} SD".replace("-", "−"),
                one.guess,
                f"{one.cause} ✓" if one.right else one.cause,
            )
        )
        + "</tr>"
        for cloud, one in zip(CLOUDS, revealed, strict=True)
    )
    return (
        '<table style="border-collapse: collapse; margin: 6px 0"><caption style="text-align: left">What two trials '
        "show: half of the dyads, by lot, get a push of one SD. A tick: you named it.</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def worlds(seed=1):
    """Play: which of four clouds with the same correlation comes from which world?

    seed : decides all rounds; the same seed gives the same game. Returns a widget, which a notebook shows.
    """
    return Worlds(seed)
