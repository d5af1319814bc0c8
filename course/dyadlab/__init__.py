"""dyadlab: a graded course on the bond between mothers and babies.

The names below are all that a student meets. Everything else is loaded when it is first used, so that
``import dyadlab`` costs no more than pandas.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from dyadlab.blanks import ____
from dyadlab.datasets import codebook, load, names

if TYPE_CHECKING:
    from dyadlab import checks, models, plots, widgets

__version__ = "0.1.0"
__all__ = ["____", "checks", "codebook", "load", "models", "names", "plots", "widgets"]

_LOADED_WHEN_USED = {"checks", "models", "plots", "widgets"}


def __getattr__(name):
    if name in _LOADED_WHEN_USED:
        return import_module(f"dyadlab.{name}")
    raise AttributeError(
        f"dyadlab has nothing called {name!r}. It offers: {', '.join(sorted(__all__))}."
    )


def __dir__():
    return sorted([*globals(), *_LOADED_WHEN_USED])
