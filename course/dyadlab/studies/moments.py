"""Five minutes of twelve dyads, second by second: how attuned the mother is, how engaged the baby is.

Two linked equations, with the set point 5 on a scale from 0 to 10::

    mother(t+1) - 5 = mother_inertia * (mother(t) - 5) + mother_follows * (baby(t) - 5) + e
    baby(t+1)   - 5 = baby_follows * (mother(t) - 5) + baby_inertia * (baby(t) - 5) + e              e ~ N(0, .5)

    the mother speaks in a second with probability .29; a comment is about the baby's mind with
    logit p = -2.6 + 0.8 * (baby - 5)
    oxytocin drive o(t+1) = .9977 o(t) + .0023 * (mother - 5) * (baby - 5)   a half-life of five minutes

**Sources.** Second-by-second coding of 132 dyads: with more symptoms both partners are less predictable from their own
last second (Beebe and others, 2008); babies lead (Chow and others, 2010). The values are *assumed* in that direction.
The rate of comments is 88 in 300 seconds, about 8 per cent of them on the mind. The oxytocin drive is *assumed* and
cannot be measured: it stands here to show that half of what a session raises has not yet come when it ends.
"""

import math
from dataclasses import asdict, dataclass, replace

from dyadlab.studies.arithmetic import mean
from dyadlab.studies.stream import Stream
from dyadlab.studies.tables import TEXT, WHOLE, Table, decimals

COLUMNS = {
    "dyad_id": TEXT,
    "elevated": WHOLE,
    "second": WHOLE,
    "mother_attunement": decimals(2),
    "infant_engagement": decimals(2),
    "mother_speaks": WHOLE,
    "mind_related": WHOLE,
    "oxytocin_drive": decimals(4),
}
N_EACH, SECONDS = 6, 300


@dataclass(frozen=True)
class Loop:
    """The four coefficients of a dyad's loop: own inertia, and how far one follows the other."""

    mother_inertia: float
    mother_follows: float
    baby_follows: float
    baby_inertia: float

    def spectral_radius(self):
        """The largest absolute eigenvalue: below 1 a disturbance dies out."""
        trace = self.mother_inertia + self.baby_inertia
        determinant = self.mother_inertia * self.baby_inertia - self.mother_follows * self.baby_follows
        inside = trace * trace / 4 - determinant
        if inside < 0:
            return math.sqrt(determinant)
        return max(abs(trace / 2 + math.sqrt(inside)), abs(trace / 2 - math.sqrt(inside)))

    def gain(self):
        """Static loop gain: what comes back of a lasting push after once round."""
        return self.mother_follows * self.baby_follows / ((1 - self.mother_inertia) * (1 - self.baby_inertia))


@dataclass(frozen=True)
class Population:
    """True parameters of one world."""

    other: Loop = Loop(0.72, 0.10, 0.12, 0.70)
    elevated: Loop = Loop(0.64, 0.04, 0.09, 0.60)
    set_point: float = 5.0
    noise: float = 0.5
    speech_per_second: float = 0.29
    mind_logit: float = -2.6
    mind_on_engagement: float = 0.8
    drive_kept: float = 0.9977


ANCHOR_LIKE = Population()
WORLDS = {
    "anchor-like": ANCHOR_LIKE,
    # depression hardly matters: the elevated group's loop is a tenth of the way from the others'
    "meta-analytic": replace(ANCHOR_LIKE, elevated=Loop(0.712, 0.094, 0.117, 0.69)),
    "null": replace(ANCHOR_LIKE, other=Loop(0.72, 0.0, 0.0, 0.70), elevated=Loop(0.72, 0.0, 0.0, 0.70)),
}


def truth(world):
    """The true parameters of a world, by name; those of the loops, and their radius and gain, by group."""
    population = WORLDS[world]
    named = asdict(population)
    for group, loop in (("other", population.other), ("elevated", population.elevated)):
        del named[group]
        named |= {f"{group}_{name}": value for name, value in asdict(loop).items()}
        named |= {f"{group}_spectral_radius": loop.spectral_radius(), f"{group}_gain": loop.gain()}
    return named


def replicate(student_id, world):
    """An honest random sample of twelve dyads (six elevated), decided by the id alone."""
    return _table(sample(Stream("moments", student_id), WORLDS[world]))


def sample(stream, population, n_each=N_EACH, seconds=SECONDS):
    """A random sample: a list of (elevated, list of seconds); a second is its row without id, group and number."""
    groups = stream.shuffle([0, 1] * n_each)
    return [(elevated, _dyad(stream, population, elevated, seconds)) for elevated in groups]


def _dyad(stream, population, elevated, seconds):
    p = population
    loop = p.elevated if elevated else p.other
    mother = baby = drive = 0.0
    kept = []
    warm_up = 60  # unrecorded seconds, after which the start no longer matters
    noise = stream.normals(2 * (warm_up + seconds))
    chance = stream.uniforms(2 * seconds)
    for t in range(warm_up + seconds):
        if t >= warm_up:
            now = 2 * (t - warm_up)
            speaks = chance[now] < p.speech_per_second
            share = 1 / (1 + math.exp(-(p.mind_logit + p.mind_on_engagement * baby)))
            on_mind = int(speaks and chance[now + 1] < share)
            kept.append((p.set_point + mother, p.set_point + baby, int(speaks), on_mind, drive))
            drive = p.drive_kept * drive + (1 - p.drive_kept) * mother * baby
        mother, baby = (
            loop.mother_inertia * mother + loop.mother_follows * baby + p.noise * noise[2 * t],
            loop.baby_follows * mother + loop.baby_inertia * baby + p.noise * noise[2 * t + 1],
        )
    return kept


def _table(dyads):
    return Table(
        COLUMNS,
        [
            (f"L{number:02d}", elevated, second, *moment)
            for number, (elevated, seconds) in enumerate(dyads, start=1)
            for second, moment in enumerate(seconds)
        ],
    )


def class_study(seed, population=ANCHOR_LIKE):
    """A random sample whose estimated loops lie near the truth on average: the seed's first attempt that does."""
    for attempt in range(1000):
        dyads = sample(Stream("moments, class study", seed, attempt=attempt), population)
        near = True
        for group, loop in ((0, population.other), (1, population.elevated)):
            estimates = [_estimate(seconds) for elevated, seconds in dyads if elevated == group]
            for at, true in enumerate((loop.mother_inertia, loop.mother_follows, loop.baby_follows, loop.baby_inertia)):
                near = near and abs(mean([e[at] for e in estimates]) - true) < 0.02
        if near:
            return _table(dyads)
    raise RuntimeError("no sample came near the truth")


def _estimate(seconds):
    """Least squares of each partner on both partners a second before."""
    mother, baby = [m[0] for m in seconds], [m[1] for m in seconds]
    before_m, before_b = _centred(mother[:-1]), _centred(baby[:-1])
    mm, bb = math.fsum(x * x for x in before_m), math.fsum(x * x for x in before_b)
    mb = math.fsum(x * y for x, y in zip(before_m, before_b, strict=True))
    found = []
    for after in (_centred(mother[1:]), _centred(baby[1:])):
        my = math.fsum(x * y for x, y in zip(before_m, after, strict=True))
        by = math.fsum(x * y for x, y in zip(before_b, after, strict=True))
        det = mm * bb - mb * mb
        found += [(bb * my - mb * by) / det, (mm * by - mb * my) / det]
    return found


def _centred(values):
    centre = mean(values)
    return [v - centre for v in values]
