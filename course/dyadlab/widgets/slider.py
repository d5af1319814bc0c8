"""A slider with a name, and a field beside it for a value to be typed.

Why one of our own: the slider of ipywidgets has no accessible name, so a screen reader says “slider, ten” and not what
the ten is. This one is the browser's own slider and number field, each with a label, which brings keys, touch and
names with it.
"""

import math
from decimal import Decimal
from pathlib import Path

import anywidget
import traitlets

STATIC = Path(__file__).with_name("static")


def decimals_of(number):
    """How many decimals it takes to write a number down: 2 for 0.05, 0 for 5."""
    return max(0, -Decimal(str(number)).normalize().as_tuple().exponent)


def tidy(value, low, high, decimals):
    """The nearest number from ``low`` to ``high`` with so many decimals; a whole number (int) where there are none.

    So 0.1 + 0.2 is 0.3. What is no number raises ValueError with a sentence.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if math.isnan(number):
        raise ValueError(f"A slider needs a number from {low} to {high}, not {value!r}.")
    number = round(min(high, max(low, number)), decimals) + 0.0  # and no -0.0
    return number if decimals else int(number)


class Slider(anywidget.AnyWidget):
    """A label, a slider and a number field in one line. ``value`` may be read, set and observed.

    step : what an arrow key moves. decimals : to how many a value is rounded that was typed or set; at least what
    low, high and step need. A value may thus lie between two steps. unit : said after the value by screen readers
    (put it into the description, too, where everybody should see it). width, label_width : as in CSS; the second puts
    the labels of sliders under each other into one column. Range, step and names stay as they are given here.
    """

    _esm = STATIC / "slider.js"
    _css = STATIC / "slider.css"
    value = traitlets.TraitType(0).tag(sync=True)  # of no type, because _tidied lets only numbers pass
    min = traitlets.Any(read_only=True).tag(sync=True)
    max = traitlets.Any(read_only=True).tag(sync=True)
    step = traitlets.Any(read_only=True).tag(sync=True)
    decimals = traitlets.Int(read_only=True).tag(sync=True)
    description = traitlets.Unicode(read_only=True).tag(sync=True)
    unit = traitlets.Unicode(read_only=True).tag(sync=True)
    label_width = traitlets.Unicode(read_only=True).tag(sync=True)

    def __init__(self, value, low, high, step, description, *, unit="", decimals=0, width="350px", label_width="auto"):
        if not (low < high and step > 0):
            raise ValueError(f"A slider from {low} to {high} in steps of {step} cannot be moved.")
        decimals = max(decimals, *map(decimals_of, (low, high, step)))
        fixed = {
            "min": low, "max": high, "step": step, "decimals": decimals, "description": description, "unit": unit,
            "label_width": label_width,
        }  # fmt: skip
        for name, given in fixed.items():
            self.set_trait(name, given)
        layout = {"width": width, "max_width": "100%"}
        super().__init__(value=tidy(value, low, high, decimals), layout=layout)

    @traitlets.validate("value")
    def _tidied(self, proposal):
        try:
            return tidy(proposal["value"], self.min, self.max, self.decimals)
        except ValueError as sentence:
            raise traitlets.TraitError(str(sentence)) from None

    def __repr__(self):
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.description}: {self.value:.{self.decimals}f}{unit}"

    def move(self, by):
        """Move by so many steps, as far as the range goes."""
        self.value += by * self.step
