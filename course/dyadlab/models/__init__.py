"""What the notebooks count, estimate and simulate: arrays in, arrays (or a few named numbers) out.

Nothing here draws, loads or knows about notebooks. Every function says its formula and where it comes from,
and answers input that makes no sense with a sentence. Lists, pandas columns and numpy arrays are all welcome.
One module for each subject; every public name of theirs is a name of ``dyadlab.models`` as well.
"""

from dyadlab.models.assay import *  # noqa: F403
from dyadlab.models.association import *  # noqa: F403
from dyadlab.models.given import MakesNoSense as MakesNoSense
from dyadlab.models.groups import *  # noqa: F403  each module's __all__ says what is public
from dyadlab.models.loop import *  # noqa: F403
from dyadlab.models.mediation import *  # noqa: F403
from dyadlab.models.panel import *  # noqa: F403
from dyadlab.models.panel_tables import *  # noqa: F403
from dyadlab.models.panel_worlds import *  # noqa: F403
from dyadlab.models.reliability import *  # noqa: F403
from dyadlab.models.screening import *  # noqa: F403

__all__ = [name for name in dir() if not name.startswith("_")]
