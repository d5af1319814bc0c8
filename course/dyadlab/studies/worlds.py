"""Four causal worlds that look the same: talk and oxytocin correlate .35 in each, for four different reasons.

The letters A to D hide, in an order that the seed decides, which world is which::

    talk moves oxytocin      O = r T + e
    oxytocin moves talk      T = r O + e
    each moves the other     O = a T + e,  T = a O + e,  with 2a / (1 + a**2) = r, so a = .181
    a common cause           T = sqrt(r) S + e,  O = sqrt(r) S + e; S is the baby's sociability and is not in the table

Everything is normal on the scale of the table, so that no shape tells them apart. The 62 dyads *as found* are matched:
mean, SD and correlation are the same in each world, therefore every regression is. What separates the worlds is a
push. In *talk supported* half of the mothers, drawn by lot, talk one SD more to their babies' minds; in *oxytocin
raised* half of the babies get one SD more oxytocin. The second is a thought experiment: nobody should do that to
babies. Both are random samples, vetted by seed to lie near the truth. In the world with two arrows the push reaches
the other by its arrow and not the long way round: the pushed one is held where the push puts it.
"""

import math
from dataclasses import asdict, dataclass

from dyadlab.studies.arithmetic import correlation, dot, mean, standardise
from dyadlab.studies.stream import Stream
from dyadlab.studies.tables import TEXT, WHOLE, Table, decimals

COLUMNS = {
    "world": TEXT,
    "design": TEXT,
    "dyad_id": TEXT,
    "pushed": WHOLE,
    "talk_score": decimals(1),
    "log_oxytocin_infant": decimals(3),
}
LETTERS = ("A", "B", "C", "D")
CAUSES = ("talk moves oxytocin", "oxytocin moves talk", "each moves the other", "a common cause")
DESIGNS = ("as found", "talk supported", "oxytocin raised")


@dataclass(frozen=True)
class Population:
    """True parameters: the correlation, the push (in SD), sample sizes, and means and SDs of both scales."""

    r: float = 0.35
    push: float = 1.0
    n_as_found: int = 62
    n_each_arm: int = 150
    talk_mean: float = 50.0
    talk_sd: float = 10.0
    log_oxytocin_mean: float = 3.3
    log_oxytocin_sd: float = 0.6

    def both_ways(self):
        """The path in each direction that gives the correlation when both are there."""
        return (1 - math.sqrt(1 - self.r**2)) / self.r

    def effect(self, cause, design):
        """What a push of one SD does to the other variable, in SD."""
        if cause == "each moves the other":
            return self.both_ways()
        reached = {"talk moves oxytocin": "talk supported", "oxytocin moves talk": "oxytocin raised"}
        return self.r if reached.get(cause) == design else 0.0


FOUR = Population()
WORLDS = {"anchor-like": FOUR}


SEED = "four worlds"


def causes(seed=SEED):
    """Which letter hides which cause."""
    return dict(zip(LETTERS, Stream("worlds, letters", seed).shuffle(CAUSES), strict=True))


def truth(world):
    """The true parameters, and what a push of one SD does in each world, by name; and which letter is which."""
    population = WORLDS[world]
    return {
        **asdict(population),
        **causes(),
        **{f"{cause}, {design}": population.effect(cause, design) for cause in CAUSES for design in DESIGNS[1:]},
    }


def class_study(seed, population=FOUR):
    """All four worlds and three designs, one below the other."""
    rows = []
    for letter, cause in causes(seed).items():
        found = _as_found(Stream(f"worlds, {letter}", seed), population)
        blocks = [("as found", [(0, *pair) for pair in found])]
        for design in DESIGNS[1:]:
            blocks.append((design, _pushed(f"worlds, {letter}, {design}", seed, cause, design, population)))
        for design, dyads in blocks:
            for pushed, talk, oxytocin in dyads:
                rows.append(
                    (
                        letter,
                        design,
                        f"{letter}{len(rows) + 1:04d}",
                        pushed,
                        population.talk_mean + population.talk_sd * talk,
                        population.log_oxytocin_mean + population.log_oxytocin_sd * oxytocin,
                    )
                )
    return Table(COLUMNS, rows)


def _as_found(stream, population):
    """Pairs of z scores with exactly the population's moments (divisor n - 1). The cause leaves no trace in them."""
    n = population.n_as_found
    talk = standardise(stream.normals(n))
    other = standardise(stream.normals(n))
    shared = dot(talk, other)
    rest = standardise([o - shared * t for t, o in zip(talk, other, strict=True)])
    r, unit = population.r, math.sqrt(n - 1)
    return [(unit * t, unit * (r * t + math.sqrt(1 - r * r) * e)) for t, e in zip(talk, rest, strict=True)]


def _pushed(label, seed, cause, design, population):
    """A random sample of (pushed or not, talk, oxytocin), the first attempt whose effect lies near the truth."""
    r, n = population.r, population.n_each_arm
    for attempt in range(1000):
        stream = Stream(label, seed, attempt=attempt)
        dyads = []
        for pushed in stream.shuffle([0, 1] * n):
            talk, e = stream.normals(2)
            oxytocin = r * talk + math.sqrt(1 - r * r) * e
            reached = pushed * population.push * population.effect(cause, design)
            if design == "talk supported":
                talk, oxytocin = talk + pushed * population.push, oxytocin + reached
            else:
                talk, oxytocin = talk + reached, oxytocin + pushed * population.push
            dyads.append((pushed, talk, oxytocin))
        talk_moved, oxytocin_moved = (
            mean([d[at] for d in dyads if d[0]]) - mean([d[at] for d in dyads if not d[0]]) for at in (1, 2)
        )
        direct, reached = (talk_moved, oxytocin_moved) if design == "talk supported" else (oxytocin_moved, talk_moved)
        among_others = correlation(*zip(*[d[1:] for d in dyads if not d[0]], strict=True))
        if (
            abs(direct - population.push) < 0.06
            and abs(reached - population.effect(cause, design)) < 0.05
            and abs(among_others - r) < 0.08
        ):
            return dyads
    raise RuntimeError("no sample came near the truth")
