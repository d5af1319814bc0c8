"""A community screening of 500 mothers, 6 to 12 weeks after birth: ten answers as printed, and a diagnostic interview.

Answers follow the graded-threshold model of :mod:`dyadlab.studies.epds`. The interview finds depression in the mothers
with the highest ``0.90 * D + sqrt(1 - 0.90**2) * e``, nine in a hundred of the population; with that, the scale's
sensitivity and specificity come near Levis and others (2020). Who leaves answers out is decided by chance alone.

The class study is a plain random sample, chosen among seeds for lying near the population in what week 4 computes.
Nothing is exchanged or matched in it.
"""

import math
from dataclasses import asdict, dataclass
from statistics import NormalDist

from dyadlab.studies import epds
from dyadlab.studies.arithmetic import mean, sd
from dyadlab.studies.stream import Stream
from dyadlab.studies.tables import TEXT, WHOLE, Table

COLUMNS = {
    "mother_id": TEXT,
    "weeks_postpartum": WHOLE,
    **{f"item_{item}": WHOLE for item in range(1, 11)},
    "interview_depressed": WHOLE,
}
N = 500


@dataclass(frozen=True)
class Population:
    """True parameters: how well the interview sees the liability, how many it finds, how many answers are missing."""

    interview_on_liability: float = 0.90
    interview_prevalence: float = 0.09
    mothers_missing_one_or_two: int = 10
    mothers_missing_three_to_six: int = 3


COMMUNITY = Population()
WORLDS = {"anchor-like": COMMUNITY}  # nothing here depends on talk or oxytocin


def truth(world):
    """The true parameters, those of the questionnaire among them, by name."""
    return {**asdict(WORLDS[world]), **asdict(epds.EPDS)}


def replicate(student_id, world):
    """An honest random sample of 500 mothers, decided by the id alone."""
    stream = Stream("epds_items", student_id)
    return _table(stream, sample(stream, WORLDS[world]), WORLDS[world])


def sample(stream, population, n=N):
    """A random sample without missing answers: a list of (weeks, ten scores, 1 if the interview finds depression)."""
    seen = population.interview_on_liability
    unseen = math.sqrt(1 - seen * seen)
    limit = NormalDist().inv_cdf(1 - population.interview_prevalence)
    mothers = []
    for _ in range(n):
        liability, noise = stream.normals(2)
        weeks = 6 + stream.below(7)
        scores = epds.answers(stream, liability)
        mothers.append((weeks, scores, int(seen * liability + unseen * noise > limit)))
    return mothers


def as_printed(item, score):
    """The number of the box on the form, 0 for the first: the score itself, or 3 - score where the form runs down."""
    return 3 - score if item in epds.PRINTED_REVERSED else score


def _table(stream, mothers, population):
    few, more = population.mothers_missing_one_or_two, population.mothers_missing_three_to_six
    chosen = stream.sample(range(len(mothers)), few + more)
    missing = {mother: stream.sample(range(1, 11), 1 + stream.below(2)) for mother in chosen[:few]}
    missing |= {mother: stream.sample(range(1, 11), 3 + stream.below(4)) for mother in chosen[few:]}
    rows = []
    for at, (weeks, scores, depressed) in enumerate(mothers):
        printed = [
            None if item in missing.get(at, ()) else as_printed(item, score)
            for item, score in enumerate(scores, start=1)
        ]
        rows.append((f"M{at + 1:03d}", weeks, *printed, depressed))
    return Table(COLUMNS, rows)


def class_study(seed, population=COMMUNITY):
    """A random sample that lies near the population: the first of the seed's attempts that does."""
    for attempt in range(2000):
        stream = Stream("epds_items, class study", seed, attempt=attempt)
        mothers = sample(stream, population)
        if _near_the_population(mothers):
            return _table(stream, mothers, population)
    raise RuntimeError("no sample came near the population: the limits are too tight")


def _near_the_population(mothers):
    totals = [sum(scores) for _, scores, _ in mothers]
    cases = [depressed for _, _, depressed in mothers]

    def share(cutoff, among):
        chosen = [t >= cutoff for t, c in zip(totals, cases, strict=True) if c in among]
        return sum(chosen) / len(chosen)

    return (
        abs(mean(totals) - 5.83) < 0.15
        and abs(sd(totals) - 4.49) < 0.15
        and abs(sum(cases) / len(cases) - 0.09) < 0.0045
        and all(
            abs(share(cutoff, (0, 1)) - expected) < 0.012
            for cutoff, expected in ((9, 0.24), (10, 0.19), (11, 0.15), (13, 0.09))
        )
        and all(
            abs(share(cutoff, (1,)) - sensitivity) < 0.04 and abs(1 - share(cutoff, (0,)) - specificity) < 0.015
            for cutoff, sensitivity, specificity in ((10, 0.85, 0.87), (11, 0.78, 0.91), (13, 0.61, 0.96))
        )
        and abs(sum(scores[9] > 0 for _, scores, _ in mothers) / len(mothers) - 0.06) < 0.012
    )
