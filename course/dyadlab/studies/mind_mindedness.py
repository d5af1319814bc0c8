"""What kinds of inner states the 62 mothers of the class study spoke of: the counts behind ``dyads``, by category.

The totals are those of ``dyads``, comment for comment. Each mother spreads her appropriate and her non-attuned
comments over six categories with leanings of her own: a gamma draw for each category, round the mix of the population.

**Sources.** In UK play with toys appropriate comments are desire .74, cognition .12, emotion .07, intention .04,
infant's voice .01 (computed from open data of the Meins group), and non-attuned ones mostly desire. Here there are no
toys to want, so that part of desire is given to the other categories: *assumed*. How much mothers differ in their
leanings is *assumed* too.
"""

from dataclasses import asdict, dataclass

from dyadlab.studies import dyads
from dyadlab.studies.stream import Stream
from dyadlab.studies.tables import TEXT, WHOLE, Table

CATEGORIES = ("desire", "cognition", "emotion", "intention", "epistemic", "speaking_for_infant")
COLUMNS = {
    "dyad_id": TEXT,
    "n_comments": WHOLE,
    "not_mind_related": WHOLE,
    **{f"appropriate_{category}": WHOLE for category in CATEGORIES},
    **{f"non_attuned_{category}": WHOLE for category in CATEGORIES},
}


@dataclass(frozen=True)
class Population:
    """True shares of the categories, in the order of CATEGORIES, and how alike mothers are in them (higher: more)."""

    appropriate_mix: tuple = (0.60, 0.16, 0.12, 0.06, 0.02, 0.04)
    non_attuned_mix: tuple = (0.80, 0.05, 0.08, 0.03, 0.01, 0.03)
    likeness: float = 12.0


MIX = Population()
WORLDS = {"anchor-like": MIX}


def truth(world):
    """The true parameters, by name."""
    return asdict(WORLDS[world])


def class_study(seed, counted, population=MIX):
    """The counts of each dyad of ``counted`` (a Table with the columns of ``dyads``), split by category."""
    stream = Stream("mind_mindedness, class study", seed)
    wanted = ("dyad_id", "n_comments", "n_appropriate", "n_non_attuned")
    rows = []
    for dyad, comments, fitting, other in zip(*(counted.column(name) for name in wanted), strict=True):
        rows.append(
            (
                dyad,
                comments,
                comments - fitting - other,
                *_split(stream, fitting, population.appropriate_mix, population.likeness),
                *_split(stream, other, population.non_attuned_mix, population.likeness),
            )
        )
    return Table(COLUMNS, rows)


def _split(stream, count, mix, likeness):
    leanings = [stream.gamma(share * likeness) for share in mix]
    chosen = [stream.choice(range(len(mix)), leanings) for _ in range(count)]
    return [chosen.count(category) for category in range(len(mix))]


def read_dyads(content):
    """The class study of ``dyads`` from the bytes of its file."""
    return Table.from_csv(dyads.COLUMNS, content)
