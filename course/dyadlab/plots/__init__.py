"""One-line figures of the course, drawn with seaborn. Each returns the matplotlib Axes it drew on.

Colours are seaborn's colour-blind palette, and never the only cue: position, shape or a written label says
the same. Every axis carries a label with its unit.
"""

from dyadlab.plots.agreement import *  # noqa: F403
from dyadlab.plots.assay import *  # noqa: F403
from dyadlab.plots.association import *  # noqa: F403
from dyadlab.plots.loop import *  # noqa: F403
from dyadlab.plots.panel import *  # noqa: F403
from dyadlab.plots.screening import *  # noqa: F403  each module's __all__ says what is public

__all__ = [name for name in dir() if not name.startswith("_")]
