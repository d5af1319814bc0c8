"""Several of the author's listed answers in one notebook, so that few runs try them all.

Items are independent of one another by the rules of the course, so one notebook can hold a mistake in every second
item and right answers in the others: what is lost must be exactly what its mistakes are said to lose. A mistake that is
said to reach beyond its own item goes into a notebook of its own.
"""

import random
from dataclasses import dataclass

from dyadlab.grading import mistakes


@dataclass(frozen=True)
class Combination:
    """Answers for one notebook. loses : the checks that must lose their points, all others keeping theirs."""

    entries: tuple[mistakes.Entry, ...]

    @property
    def answers(self):
        return {entry.item: entry.code for entry in self.entries}

    @property
    def loses(self):
        return {name for entry in self.entries for name in entry.fails}


def combinations(items, listed, seed=0):
    """Every entry of ``listed`` in exactly one Combination. items : {answer cell: [its checks]}, as
    ``check.items_with_points`` gives them. The seed decides which entries meet.
    """
    chance = random.Random(seed)
    alone, wrong, right = [], {item: [] for item in items}, {item: [] for item in items}
    for entry in listed.entries:
        own = set(entry.fails) <= set(items.get(entry.item, ()))
        if entry.item not in items or not own:
            alone.append(Combination((entry,)))
        else:
            (wrong if entry.fails else right)[entry.item].append(entry)
    for queue in (*wrong.values(), *right.values()):
        chance.shuffle(queue)
    made, turn = [], 0
    while any((*wrong.values(), *right.values())):
        queues = [(wrong if (place + turn) % 2 else right)[item] for place, item in enumerate(items)]
        made.append(Combination(tuple(queue.pop() for queue in queues if queue)))
        turn += 1
    made = [one for one in made if one.entries]
    chance.shuffle(made)
    return made + alone
