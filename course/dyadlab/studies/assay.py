"""A competitive oxytocin assay of saliva: samples, plates, wells, and what can go wrong with them.

Two datasets come out of one run of the laboratory: :mod:`dyadlab.studies.elisa_plates` (one row per well)
and :mod:`dyadlab.studies.saliva_samples` (one row per sample). Both call :func:`run`.

The signal of a competitive assay falls with concentration, along the four-parameter logistic
``y = D + (A - D) / (1 + (x / C)**B)``: A is the optical density without any oxytocin (B0, the top), D what
is left when everything is displaced (non-specific binding), C the concentration half-way, B the slope.

What the class study `dyads` calls a dyad's oxytocin is what the tube taken *after* play truly holds, and
its clock time and minutes since the feed are that tube's; the tube taken before play is drawn around it. A
well sees it after extraction (a tenth is lost) and fourfold concentration.

Standard library only. Optical densities at 405 nm; concentrations in pg/ml.
"""

import math
from dataclasses import dataclass

from dyadlab.studies import dyads as class_dyads
from dyadlab.studies.stream import Stream
from dyadlab.studies.tables import Table

ROWS = "ABCDEFGH"
COLUMNS_OF_PLATE = range(1, 13)


@dataclass(frozen=True)
class Assay:
    """The kit and the hands that use it.

    Its wavelength, falling curve, standards and fourfold concentration are those of kits in use for saliva; the noise
    is chosen so that duplicates vary by 7.5 % in the middle and a fifth of them by more than 15 %.
    """

    top: float = 1.20
    """A, optical density of zero-dose wells (assumed)."""
    slope: float = 1.0
    """B (assumed)."""
    midpoint: float = 110.0
    """C, pg/ml in the well (assumed)."""
    bottom: float = 0.08
    """D, optical density of non-specific binding (assumed)."""
    background: float = 0.045
    """Optical density of a well that holds substrate alone; part of every other well's too (assumed)."""
    relative_sd: float = 0.035
    """Part of the noise of a reading that grows with it: sd**2 = (relative_sd * y)**2 + constant_sd**2."""
    constant_sd: float = 0.006
    """Part of the noise of a reading that does not."""
    preparation_sd: float = 0.06
    """Log-SD of what reaches a well of a sample or control (pipetting). Standards come without it."""
    plate_sd: float = 0.05
    """Log-SD between plates, of the top and, separately, of the midpoint."""
    concentration_factor: float = 4.0
    """Saliva is dried down and taken up in a quarter of its volume (White-Traut et al., 2009)."""
    recovery: float = 0.90
    """Share of the oxytocin that survives extraction (assumed)."""
    standards: tuple = (1000.0, 500.0, 250.0, 125.0, 62.5, 31.25, 15.625)
    """pg/ml, two-fold."""
    controls: tuple = (40.0, 150.0, 500.0)
    """Quality controls, pg/ml in the well; they need no extraction."""
    pool: float = 20.0
    """Oxytocin in a pool of saliva that is taken through extraction on every plate, pg/ml of saliva."""
    spike: float = 40.0
    """Oxytocin added to half of the pool before extraction, pg/ml of saliva: what returns is the recovery."""

    def density(self, x, top, midpoint):
        """Expected optical density of a well with x pg/ml, on a plate with this top and midpoint."""
        return self.bottom + (top - self.bottom) / (1 + (x / midpoint) ** self.slope)

    def in_well(self, saliva):
        """What a well holds, pg/ml, of a sample with this many pg/ml of saliva."""
        return saliva * self.concentration_factor * self.recovery


@dataclass(frozen=True)
class Saliva:
    """How the tube before play differs from the tube after play, whose content `dyads` gives. All assumed."""

    rise: float = 1.25
    """Ratio of after to before in the middle of the distribution: both rise after play (Feldman et al., 2010,
    who do not give the size)."""
    stability: float = 0.60
    """Correlation of log concentrations before and after, within mothers and within infants."""
    minutes_between: int = 18
    """From the first tube to the second: settling, five minutes of play, a short wait."""
    feed_before_that: tuple = (60, 180)
    """A baby that was fed between the tubes had its feed before that so many minutes before the first,
    evenly."""


@dataclass(frozen=True)
class Faults:
    """What went wrong, on purpose. The codebooks declare every one; a test expects exactly these."""

    swapped_plate: int = 3
    swapped_standards: tuple = (125.0, 62.5)
    """These two standards stand in each other's wells."""
    edge_plate: int = 6
    edge_factor: float = 1.18
    """Optical density of this plate's outermost wells is multiplied by this (they dried and warmed)."""
    undivided_plate: int = 5
    """The reader exported this plate's samples as concentration in the well, not in saliva."""
    low_samples: tuple = (4, 2)
    """How many infants (elevated, not elevated) had next to no oxytocin before play: under the limit."""
    low_candidates: tuple = (10, 8)
    """They are drawn from this many of their group's lowest after play."""
    low_saliva: float = 0.8
    """Their median, pg/ml of saliva, where the detection limit is about 2.5."""
    low_sd: float = 0.15
    """Their log-SD."""


ASSAY, SALIVA, FAULTS = Assay(), Saliva(), Faults()
PLATES = 8
PEOPLE, MOMENTS = ("mother", "infant"), ("before", "after")


def share_out(elevated, plates=PLATES):
    """A plate number for each dyad, so that each plate has as many of either group as can be.

    elevated : a list of 0 and 1. Returns a list of whole numbers from 1. The elevated are dealt like cards,
    beginning at plate 1; the others are dealt on from where that ended.
    """
    given, next_plate = [0] * len(elevated), 0
    for group in (1, 0):
        for at, belongs in enumerate(elevated):
            if belongs == group:
                given[at] = next_plate % plates + 1
                next_plate += 1
    return given


def draw_saliva(dyads, stream, plates, saliva=SALIVA, faults=FAULTS):
    """What each tube truly holds: a dictionary from (dyad_id, person, moment) to pg/ml; and the low tubes.

    dyads : list of dictionaries with dyad_id, elevated, oxytocin_infant_pg_ml, oxytocin_mother_pg_ml.
    plates : the plate of each dyad; low tubes are kept off plates that carry another fault.
    """
    holds, low = {}, []
    for person in PEOPLE:
        after = [math.log(dyad[f"oxytocin_{person}_pg_ml"]) for dyad in dyads]
        mean = math.fsum(after) / len(after)
        sd = math.sqrt(math.fsum((x - mean) ** 2 for x in after) / (len(after) - 1))
        own = math.sqrt(1 - saliva.stability**2)
        for dyad, x, noise in zip(dyads, after, stream.normals(len(after)), strict=True):
            before = mean - math.log(saliva.rise) + saliva.stability * (x - mean) + own * sd * noise
            holds[dyad["dyad_id"], person, "before"] = math.exp(before)
            holds[dyad["dyad_id"], person, "after"] = dyad[f"oxytocin_{person}_pg_ml"]
    faulty = (faults.swapped_plate, faults.edge_plate, faults.undivided_plate)
    for group, count, among in zip((1, 0), faults.low_samples, faults.low_candidates, strict=True):
        candidates = [
            dyad for dyad, plate in zip(dyads, plates, strict=True) if dyad["elevated"] == group and plate not in faulty
        ]
        candidates.sort(key=lambda dyad: dyad["oxytocin_infant_pg_ml"])
        for dyad in stream.sample(candidates[:among], count):
            key = (dyad["dyad_id"], "infant", "before")
            holds[key] = faults.low_saliva * math.exp(faults.low_sd * stream.normal())
            low.append(key)
    return holds, sorted(low)


def lay_out(keys, stream, assay=ASSAY):
    """Where everything stands on one plate: (row, column, role, sample_id, nominal, content) of 96 wells.

    keys : the samples of this plate as (sample_id, pg/ml that its wells ought to hold); at most 32.

    Columns 1 and 2 carry the standards, 3 and 4 the controls, each in duplicate side by side; samples stand in
    random pairs of wells of columns 5 to 12. Pairs without a sample are further zero-dose wells. ``nominal`` is
    what the well's label says, pg/ml, or None; ``content`` what it ought to hold, None in a blank and infinite
    where nothing can bind (NSB).
    """
    pairs = []
    for row, level in zip(ROWS, assay.standards, strict=False):
        pairs.append((row, 1, "standard", f"STD-{level:g}", level, level))
    pairs.append(("H", 1, "b0", "B0", 0.0, 0.0))
    pairs.append(("A", 3, "nsb", "NSB", None, math.inf))
    pairs.append(("B", 3, "blank", "BLANK", None, None))
    pairs.append(("C", 3, "b0", "B0", 0.0, 0.0))
    for row, level in zip("DEF", assay.controls, strict=True):
        pairs.append((row, 3, "qc", f"QC-{level:g}", level, level))
    spiked = f"POOL+{assay.spike:g}"
    pairs.append(("G", 3, "recovery", "POOL", None, assay.in_well(assay.pool)))
    pairs.append(("H", 3, "recovery", spiked, None, assay.in_well(assay.pool + assay.spike)))
    places = stream.shuffle([(row, column) for row in ROWS for column in (5, 7, 9, 11)])
    for (row, column), (sample_id, content) in zip(places, keys, strict=False):
        pairs.append((row, column, "sample", sample_id, None, content))
    for row, column in places[len(keys) :]:
        pairs.append((row, column, "b0", "B0", 0.0, 0.0))
    wells = []
    for row, column, *rest in pairs:
        wells.append((row, column, *rest))
        wells.append((row, column + 1, *rest))
    return sorted(wells, key=lambda well: (well[0], well[1]))


def is_edge(row, column):
    """Whether this well is one of the 36 outermost."""
    return row in "AH" or column in (1, 12)


def read_plate(number, wells, stream, assay=ASSAY, faults=FAULTS):
    """What the reader sees: (plate, row, column, well, role, sample_id, replicate, nominal, density) of each well.

    number : which plate, from 1. wells : as :func:`lay_out` gives them.
    """
    top = assay.top * math.exp(assay.plate_sd * stream.normal())
    midpoint = assay.midpoint * math.exp(assay.plate_sd * stream.normal())
    swap = dict(zip(faults.swapped_standards, reversed(faults.swapped_standards), strict=True))
    met, rows = {}, []
    for row, column, role, sample_id, nominal, content in wells:
        pipetting, reading = stream.normals(2)
        if role in ("sample", "qc", "recovery"):
            content = content * math.exp(assay.preparation_sd * pipetting)
        if role == "standard" and number == faults.swapped_plate:
            content = swap.get(content, content)
        if role == "blank":
            expected = assay.background
        elif role == "nsb":
            expected = assay.bottom
        else:
            expected = assay.density(content, top, midpoint)
        seen = expected + reading * math.hypot(assay.relative_sd * expected, assay.constant_sd)
        if number == faults.edge_plate and is_edge(row, column):
            seen *= faults.edge_factor
        met[sample_id] = met.get(sample_id, 0) + 1
        well = f"{row}{column}"
        rows.append((number, row, column, well, role, sample_id, met[sample_id], nominal, round(seen, 3)))
    return rows


def reported(rows, undivided, assay=ASSAY):
    """What the reader exports for one plate: a dictionary from sample_id to pg/ml, None where it fails.

    The reader does not fit the plate's own standards. It takes the share bound, (sample - NSB) / (B0 -
    NSB), to the curve that the kit's maker gives for the lot, and divides by the concentration factor
    (unless ``undivided``). It knows nothing of recovery. Where a sample is as bright as the zero dose there
    is no number.
    """
    densities = {}
    for *_, role, sample_id, _replicate, _nominal, density in rows:
        densities.setdefault((role, sample_id), []).append(density)

    def mean(key):
        return math.fsum(densities[key]) / len(densities[key])

    zero, nonspecific = mean(("b0", "B0")), mean(("nsb", "NSB"))
    exported = {}
    for role, sample_id in densities:
        if role == "sample":
            bound = (mean((role, sample_id)) - nonspecific) / (zero - nonspecific)
            if 0 < bound < 1:
                x = assay.midpoint * (1 / bound - 1) ** (1 / assay.slope)
                exported[sample_id] = x if undivided else x / assay.concentration_factor
            else:
                exported[sample_id] = None
    return exported


def run(dyads, seed, assay=ASSAY, saliva=SALIVA, faults=FAULTS):
    """The whole laboratory: every tube of these dyads taken, frozen, extracted and read.

    dyads : the class study as a list of dictionaries (its columns). seed : a word.
    Returns (wells, samples, declared): rows for elisa_plates; rows for saliva_samples; and, in the words of
    the codebooks, which samples lie under the detection limit and which could not be exported.
    """
    stream = Stream("assay", seed)
    plates = share_out([dyad["elevated"] for dyad in dyads])
    holds, low = draw_saliva(dyads, stream, plates, saliva, faults)
    earliest, latest = saliva.feed_before_that
    feeds_before = {dyad["dyad_id"]: earliest + stream.below(latest - earliest + 1) for dyad in dyads}
    keys = [(dyad["dyad_id"], person, moment) for dyad in dyads for person in PEOPLE for moment in MOMENTS]
    # The laboratory is blind: numbers on tubes say nothing about who or when.
    numbers = stream.shuffle(range(1, len(keys) + 1))
    ids = {key: f"S{number:03d}" for key, number in zip(keys, numbers, strict=True)}
    plate_of = {dyad["dyad_id"]: plate for dyad, plate in zip(dyads, plates, strict=True)}
    wells, exported, stands = [], {}, {}
    for number in range(1, max(plates) + 1):
        here = [(ids[key], assay.in_well(holds[key])) for key in keys if plate_of[key[0]] == number]
        rows = read_plate(number, lay_out(here, stream, assay), stream, assay, faults)
        exported.update(reported(rows, number == faults.undivided_plate, assay))
        for _plate, _row, _column, well, _role, sample_id, *_ in rows:
            stands.setdefault((number, sample_id), []).append(well)
        wells.extend(rows)
    samples = []
    for dyad in dyads:
        for person in PEOPLE:
            for moment in MOMENTS:
                key = (dyad["dyad_id"], person, moment)
                clock, since_feed = dyad["clock_time_h"], dyad["minutes_since_feed"]
                if moment == "before":
                    clock -= saliva.minutes_between / 60
                    since_feed -= saliva.minutes_between
                    if since_feed < 0:
                        since_feed = feeds_before[dyad["dyad_id"]]
                samples.append(
                    (
                        ids[key],
                        *key,
                        clock,
                        since_feed,
                        plate_of[key[0]],
                        *stands[plate_of[key[0]], ids[key]],
                        exported[ids[key]],
                    )
                )
    declared = {
        "under_detection_limit": sorted(ids[key] for key in low),
        "not_exported": sorted(name for name, value in exported.items() if value is None),
    }
    return wells, samples, declared


def published_dyads(folder):
    """The class study as the laboratory met it: the published file, as a list of dictionaries.

    folder : the folder of all datasets (a path). The file and not its generator is read, because the file
    is what the class has.
    """
    table = Table.from_csv(class_dyads.COLUMNS, (folder / "dyads" / "dyads.csv").read_bytes())
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]
