"""Long and wide tables of the same visits, and steps from one visit to the next."""

from itertools import pairwise

from dyadlab.models.given import MakesNoSense

__all__ = ["steps", "to_wide"]


def to_wide(table, column, *, person="dyad_id", wave="wave"):
    """One measure of a long table as a wide one: a row per person, a column per wave, nan where missing.

    table : a DataFrame with one row per visit. Raises MakesNoSense when a column is not there, or somebody has two
    rows for one wave.
    """
    _ask_for(table, (person, wave, column))
    if table.duplicated([person, wave]).any():
        raise MakesNoSense(f"Somebody has two rows for the same {wave}. Has the table been stacked on another?")
    return table.pivot(index=person, columns=wave, values=column)


def steps(table, *, person="dyad_id", wave="wave", **columns):
    """Every step from one visit to the next: what it was before, and what it is now, in standard scores.

    columns : new name = column of the long ``table``. Each is standardised over all visits; a step needs both visits
    of one person, next to each other in time, and nothing missing. Returns person, wave (of the later visit), and
    NAME_before and NAME_now for each new name.
    """
    import pandas as pd

    _ask_for(table, (person, wave, *columns.values()))
    now = table[[person, wave]].copy()
    for name, column in columns.items():
        now[name] = (table[column] - table[column].mean()) / table[column].std()
    waves = sorted(pd.unique(table[wave]))
    before = now.copy()
    before[wave] = before[wave].map(dict(pairwise(waves)))
    both = now.merge(before.dropna(subset=[wave]), on=[person, wave], suffixes=("_now", "_before"))
    return both.dropna().reset_index(drop=True)


def _ask_for(table, columns):
    if not hasattr(table, "columns"):
        raise MakesNoSense("A table is wanted, with one row for each visit.")
    lacking = [column for column in columns if column not in table.columns]
    if lacking:
        raise MakesNoSense(
            f"The table has no column {', '.join(map(repr, lacking))}; it has {', '.join(table.columns)}."
        )
