"""dyadlab: a graded course on the bond between mothers and babies.

The names below are all that a student meets. Each is loaded when it is first used, so that ``import dyadlab``
and the command ``dyadlab --help`` cost next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from dyadlab.blanks import ____

if TYPE_CHECKING:
    from dyadlab import agreement, checks, coding, models, plots, widgets
    from dyadlab.coding import code_session
    from dyadlab.datasets import codebook, load, names

__version__ = "0.1.0"
__all__ = [
    "____", "agreement", "checks", "code_session", "codebook", "coding", "load", "models", "names", "plots", "widgets",
]  # fmt: skip

_MODULES_LOADED_WHEN_USED = {"agreement", "checks", "coding", "models", "plots", "widgets"}
_NAMES_OF_DATASETS = {"codebook", "load", "names"}


def __getattr__(name):
    if name in _MODULES_LOADED_WHEN_USED:
        return import_module(f"dyadlab.{name}")
    if name in _NAMES_OF_DATASETS:
        return getattr(import_module("dyadlab.datasets"), name)
    if name == "code_session":
        return import_module("dyadlab.coding").code_session
    raise AttributeError(f"dyadlab has nothing called {name!r}. It offers: {', '.join(sorted(__all__))}.")


def __dir__():
    return sorted({*globals(), *__all__})
