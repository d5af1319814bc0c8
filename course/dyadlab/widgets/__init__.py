"""Things to move: each name is a function that returns a widget for a notebook to show.

Imported at once and not when used: a function that shares the name of its module would otherwise be hidden
by the module as soon as anybody imports that. ``dyadlab.widgets`` as a whole is loaded only when used.
"""

from dyadlab.widgets.bins import bins
from dyadlab.widgets.curve import curve
from dyadlab.widgets.cutoff import cutoff
from dyadlab.widgets.kappa import kappa
from dyadlab.widgets.loop import loop
from dyadlab.widgets.power import power
from dyadlab.widgets.same_words import same_words
from dyadlab.widgets.traits import traits
from dyadlab.widgets.worlds import worlds

__all__ = ["bins", "curve", "cutoff", "kappa", "loop", "power", "same_words", "traits", "worlds"]
