"""The same words to a baby who is doing something else: why a transcript alone cannot be coded.

:func:`read` knows the codes and nothing of notebooks; :class:`SameWords` shows them.
"""

import html
from dataclasses import dataclass

import ipywidgets

MOMENTS = (
    "reaching up with both arms, looking at the mother's face",
    "lying still; nothing has been going on for a while",
    "turning a spoon over and over, absorbed",
    "frowning and turning the head away",
)
"""What the baby may be doing."""

_NO_STATE = ("not_mind_related", "It names no state of the baby's mind, whatever the baby does.")
_CODES = {
    "Do you want to come up?": (
        ("appropriate", "The arms go up to her: the wish agrees with what the baby is doing."),
        ("appropriate", "After a lull, an offer fits."),
        ("non_attuned", "The baby is taken up with the spoon and is offered something else."),
        ("non_attuned", "Turning away speaks against the wish."),
    ),
    "You've had enough.": (
        ("non_attuned", "Reaching for more of her speaks against having had enough."),
        ("non_attuned", "Nothing is going on that the baby could have had enough of: no basis."),
        ("non_attuned", "Whoever is absorbed has not had enough."),
        ("appropriate", "Frowning and turning away agree with having had enough."),
    ),
    "You're wondering what that is.": (
        ("non_attuned", "The baby is busy with her face; it cannot be told what “that” would be."),
        ("non_attuned", "Nothing the baby does points to wondering."),
        ("appropriate", "Turning it over and over agrees with wondering what it is."),
        ("non_attuned", "Turning away speaks against wondering."),
    ),
    "'Up, Mum, up!'": (
        ("appropriate", "These are words that a baby with both arms up might say."),
        ("non_attuned", "Nothing the baby does points to these words."),
        ("non_attuned", "A baby with a spoon would not say so just now."),
        ("non_attuned", "A baby who turns away would not say so just now."),
    ),
    "There's a light up there.": (_NO_STATE,) * len(MOMENTS),
}
COMMENTS = tuple(_CODES)
"""What the mother may say."""


@dataclass(frozen=True)
class Reading:
    """The code of a comment at a moment, and why. fitting : at how many of the moments the same words would fit."""

    comment: str
    moment: str
    code: str
    reason: str
    fitting: int


def read(comment, moment):
    """How a comment (one of COMMENTS) is coded while the baby does something (one of MOMENTS)."""
    code, reason = _CODES[comment][MOMENTS.index(moment)]
    fitting = sum(other == "appropriate" for other, _ in _CODES[comment])
    return Reading(comment, moment, code, reason, fitting)


def describe(reading):
    """The reading in words."""
    elsewhere = (
        "These words have the same code at all four moments: step 1 needs the words alone."
        if reading.code == "not_mind_related"
        else f"The same words fit at {reading.fitting} of the four moments: step 3 needs the baby."
    )
    return f"Code: {reading.code.replace('_', '-')}. {reading.reason} {elsewhere}"


class SameWords(ipywidgets.VBox):
    """Two lists to choose from, and the code of the words at that moment."""

    def __init__(self):
        wide = {"layout": {"width": "520px", "max_width": "98%"}, "style": {"description_width": "120px"}}
        self._comment = ipywidgets.Dropdown(options=COMMENTS, description="The mother says", **wide)
        self._moment = ipywidgets.Dropdown(options=MOMENTS, description="The baby is", **wide)
        self._words = ipywidgets.HTML()
        super().__init__([self._comment, self._moment, self._words])
        for choice in (self._comment, self._moment):
            choice.observe(lambda _: self._draw(), names="value")
        self._draw()

    def __repr__(self):
        now = self.reading
        return f"“{now.comment}”, said while the baby is {now.moment}. {describe(now)}"

    def _repr_mimebundle_(self, **kwargs):
        return {**super()._repr_mimebundle_(**kwargs), "text/plain": repr(self)}

    @property
    def reading(self):
        """What is now shown, a :class:`Reading`."""
        return read(self._comment.value, self._moment.value)

    def _draw(self):
        words = html.escape(describe(self.reading))
        self._words.value = f'<p role="status" style="max-width: 45em; line-height: 1.5">{words}</p>'


def same_words():
    """Explore how the same comment is coded while the baby does this or that. Returns a widget."""
    return SameWords()
