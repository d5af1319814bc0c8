"""Two towns, 400 dyads each, seen four times in half a year: symptoms, talk of minds, infant oxytocin; later outcomes.

Each measure of a dyad is a stable part (the dyad's own level) plus a part that moves from wave to wave::

    measure(t) = stable + moving(t)
    moving(t)  = Phi moving(t - 1) + e(t)          moving parts have the same variances at every wave

Symptoms D, talk of minds M and oxytocin O have stable shares of .55, .50 and .50, and carry over .35, .30 and .20.

* In the **north** nothing crosses over: Phi has its diagonal only. But the stable parts of M and O correlate .60.
  A cross-lagged model without stable parts 'finds' two arrows here that do not exist.
* In the **south** the stable parts of M and O correlate .35, and within dyads M moves O (.20), O moves M (.10) and D
  lowers both (-.10, -.05).

**Sources.** Stable shares and carry-over make talk correlate .65 from wave to wave and .51 over three waves. Published
are .35 to .46 from 6 to 12 months, of single sessions with a reliability near .75 (Meins group, open data). Everything
else is a choice for teaching: four waves two months apart, 400 dyads, no error of measurement inside a wave (each score
is the mean of several sessions and samples; with error the within-dyad arrows would shrink to about half). The
outcomes follow meta-analyses: attachment .30 (Zeegers and others, 2017), later capacities .14 (Aldrich and others,
2021); that attachment carries part of it on to understanding emotions is *assumed*.

**Dropout** is missing at random given what was seen: 8 per cent of dyads do not come back after a wave, more of them
when the mother's symptoms at that wave were high. Who dropped out has no outcomes either. *Assumed.*
"""

import math
from dataclasses import asdict, dataclass, replace

from dyadlab.studies.arithmetic import cholesky
from dyadlab.studies.stream import Stream
from dyadlab.studies.tables import TEXT, WHOLE, Table, decimals

COLUMNS = {
    "dyad_id": TEXT,
    "town": TEXT,
    "wave": WHOLE,
    "infant_age_months": WHOLE,
    "symptoms": decimals(1),
    "appropriate_pct": decimals(2),
    "log_oxytocin_infant": decimals(3),
    "attachment_security": decimals(2),
    "language_score": WHOLE,
    "emotion_understanding": WHOLE,
    "school_readiness": WHOLE,
}
WAVES, AGES = 4, (3, 5, 7, 9)
N_TOWN = 400


@dataclass(frozen=True)
class Town:
    """True within-dyad arrows (standardised) and correlations of the stable parts."""

    talk_to_oxytocin: float = 0.0
    oxytocin_to_talk: float = 0.0
    symptoms_to_talk: float = 0.0
    symptoms_to_oxytocin: float = 0.0
    stable_talk_oxytocin: float = 0.60
    stable_symptoms_talk: float = -0.20
    stable_symptoms_oxytocin: float = -0.25
    moving_together: float = 0.10  # correlation of moving parts at one wave: + for M and O, - with D

    def arrows(self, carry_over):
        """Phi: row t, column t - 1, both in the order D, M, O."""
        d, m, o = carry_over
        return [
            [d, 0.0, 0.0],
            [self.symptoms_to_talk, m, self.oxytocin_to_talk],
            [self.symptoms_to_oxytocin, self.talk_to_oxytocin, o],
        ]

    def stable(self):
        """Correlations of the stable parts, in the order D, M, O."""
        a, b, c = self.stable_symptoms_talk, self.stable_symptoms_oxytocin, self.stable_talk_oxytocin
        return [[1.0, a, b], [a, 1.0, c], [b, c, 1.0]]

    def moving(self):
        """Correlations of the moving parts at one wave."""
        r = self.moving_together
        return [[1.0, -r, -r], [-r, 1.0, r], [-r, r, 1.0]]


@dataclass(frozen=True)
class Population:
    """True parameters of one world; triples are for symptoms, talk and oxytocin."""

    north: Town = Town()
    south: Town = Town(
        talk_to_oxytocin=0.20,
        oxytocin_to_talk=0.10,
        symptoms_to_talk=-0.10,
        symptoms_to_oxytocin=-0.05,
        stable_talk_oxytocin=0.35,
    )
    stable_share: tuple = (0.55, 0.50, 0.50)
    carry_over: tuple = (0.35, 0.30, 0.20)
    means: tuple = (50.0, 7.0, 3.3)
    sds: tuple = (10.0, 1.8, 0.5)
    dropout: float = 0.08
    dropout_log_odds_per_sd: float = 0.5
    attachment_on_talk: float = 0.30
    language_on_talk: float = 0.14
    emotion_on_attachment: float = 0.25
    emotion_on_talk: float = 0.15
    school_on_language: float = 0.30
    school_on_emotion: float = 0.15


ANCHOR_LIKE = Population()
WORLDS = {
    "anchor-like": ANCHOR_LIKE,
    "meta-analytic": replace(
        ANCHOR_LIKE,
        south=Town(talk_to_oxytocin=0.05, stable_talk_oxytocin=0.35, stable_symptoms_talk=-0.06),
    ),
    "null": replace(
        ANCHOR_LIKE,
        south=Town(stable_talk_oxytocin=0.35),
        attachment_on_talk=0.0,
        language_on_talk=0.0,
        emotion_on_talk=0.0,
    ),
}


def truth(world):
    """The true parameters of a world, by name; a town's begin with its name."""
    named = asdict(WORLDS[world])
    for town in ("north", "south"):
        named |= {f"{town}_{name}": value for name, value in named.pop(town).items()}
    return named


def replicate(student_id, world):
    """An honest random sample of both towns, decided by the id alone."""
    return class_study(student_id, WORLDS[world], label="panel")


def class_study(seed, population=ANCHOR_LIKE, label="panel, class study", n=N_TOWN):
    """A random sample of ``n`` dyads from each town. Nothing is matched."""
    rows = []
    for town in ("north", "south"):
        stream = Stream(f"{label}, {town}", seed)
        for number, (waves, outcomes) in enumerate(sample(stream, population, getattr(population, town), n), start=1):
            for wave, measures in enumerate(waves):
                name = f"{town[0].upper()}{number:03d}"
                rows.append((name, town, wave + 1, AGES[wave], *measures, *outcomes))
    return Table(COLUMNS, rows)


def sample(stream, population, town, n):
    """A random sample from one town: a list of (four waves of three measures, four outcomes); None where missing."""
    p = population
    phi = town.arrows(p.carry_over)
    moving = town.moving()
    kept = _times(_times(phi, moving), _turned(phi))
    new = [[moving[i][j] - kept[i][j] for j in range(3)] for i in range(3)]
    stable_root, moving_root, new_root = cholesky(town.stable()), cholesky(moving), cholesky(new)
    by_stable = [math.sqrt(s) for s in p.stable_share]
    by_moving = [math.sqrt(1 - s) for s in p.stable_share]
    mean_talk_sd = _sd_of_mean_talk(p, phi, moving)
    leaves = math.log(p.dropout / (1 - p.dropout)) - p.dropout_log_odds_per_sd**2 / 2
    dyads = []
    for _ in range(n):
        z = stream.normals(3 * (WAVES + 1) + 4)
        chance = stream.uniforms(WAVES - 1)
        level = _by_root(stable_root, z[:3])
        state = _by_root(moving_root, z[3:6])
        waves, score, total_talk, present = [], (0.0, 0.0, 0.0), 0.0, True
        for wave in range(WAVES):
            if wave:
                e = _by_root(new_root, z[3 + 3 * wave : 6 + 3 * wave])
                state = [phi[i][0] * state[0] + phi[i][1] * state[1] + phi[i][2] * state[2] + e[i] for i in range(3)]
                odds = math.exp(leaves + p.dropout_log_odds_per_sd * score[0])
                present = present and chance[wave - 1] > odds / (1 + odds)
            score = [by_stable[i] * level[i] + by_moving[i] * state[i] for i in range(3)]
            total_talk += score[1]
            measures = tuple(p.means[i] + p.sds[i] * score[i] for i in range(3))
            waves.append(_possible(measures) if present else (None, None, None))
        outcomes = _outcomes(p, total_talk / WAVES / mean_talk_sd, z[-4:])
        dyads.append((waves, outcomes if present else (None,) * 4))
    return dyads


def _possible(measures):
    symptoms, talk, oxytocin = measures
    return symptoms, max(0.0, talk), oxytocin


def _outcomes(p, talk, e):
    """Attachment security, language, emotion understanding, school readiness, from the z score of mean talk."""
    attachment = p.attachment_on_talk * talk + math.sqrt(1 - p.attachment_on_talk**2) * e[0]
    language = p.language_on_talk * talk + math.sqrt(1 - p.language_on_talk**2) * e[1]
    known = (
        p.emotion_on_attachment**2
        + p.emotion_on_talk**2
        + 2 * p.emotion_on_attachment * p.emotion_on_talk * p.attachment_on_talk
    )
    emotion = p.emotion_on_attachment * attachment + p.emotion_on_talk * talk + math.sqrt(1 - known) * e[2]
    both = p.language_on_talk * (p.emotion_on_talk + p.emotion_on_attachment * p.attachment_on_talk)
    known = p.school_on_language**2 + p.school_on_emotion**2 + 2 * p.school_on_language * p.school_on_emotion * both
    school = p.school_on_language * language + p.school_on_emotion * emotion + math.sqrt(1 - known) * e[3]
    return (
        min(1.0, max(-1.0, 0.35 + 0.22 * attachment)),
        *(min(160, max(40, round(100 + 15 * score))) for score in (language, emotion, school)),
    )


def _sd_of_mean_talk(p, phi, moving):
    """SD of the mean of four waves of talk, whose single waves have SD 1."""
    variance = p.stable_share[1]
    later = moving  # covariance of moving parts `lag` waves apart
    for lag in range(WAVES):
        pairs = WAVES if lag == 0 else 2 * (WAVES - lag)
        variance += (1 - p.stable_share[1]) * pairs * later[1][1] / WAVES**2
        later = _times(phi, later)
    return math.sqrt(variance)


def _by_root(root, z):
    return (
        root[0][0] * z[0],
        root[1][0] * z[0] + root[1][1] * z[1],
        root[2][0] * z[0] + root[2][1] * z[1] + root[2][2] * z[2],
    )


def _times(a, b):
    return [[math.fsum(a[i][k] * b[k][j] for k in range(3)) for j in range(3)] for i in range(3)]


def _turned(a):
    return [list(row) for row in zip(*a, strict=True)]
