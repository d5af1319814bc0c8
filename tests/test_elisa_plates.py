"""The plates: a layout that holds, an assay that behaves as such assays do, and the planted faults and no others.

Concentrations are read off each plate's own four-parameter logistic, fitted by least squares with readings weighted
by their noise, as the course teaches it.
"""

from dataclasses import replace

import dyadlab
import numpy as np
import pandas as pd
import pytest
from dyadlab.studies import assay, elisa_plates
from dyadlab.studies.stream import Stream
from dyadlab.studies.tables import read_codebook
from scipy.optimize import curve_fit

CLEAN = replace(assay.FAULTS, swapped_plate=0, edge_plate=0, undivided_plate=0, low_samples=(0, 0))


def logistic(x, top, slope, log_midpoint, bottom):
    return bottom + (top - bottom) / (1 + (x / np.exp(log_midpoint)) ** slope)


def curve(plate, swap=()):
    """Top, slope, log midpoint and bottom of one plate. swap : two nominal values whose labels are exchanged."""
    known = plate[plate["role"].isin(["standard", "b0"])]
    x, y = known["nominal_pg_ml"].to_numpy(), known["optical_density"].to_numpy()
    if swap:
        x = np.where(x == swap[0], swap[1], np.where(x == swap[1], swap[0], x))
    found, _ = curve_fit(logistic, x, y, p0=[1.2, 1.0, np.log(110), 0.08], sigma=np.hypot(0.035 * y, 0.006))
    return found


def concentration(y, parameters):
    """pg/ml in the well; NaN where the reading lies outside the curve."""
    top, slope, log_midpoint, bottom = parameters
    y = np.asarray(y, dtype=float)
    inside = (y > bottom) & (y < top)
    ratio = np.where(inside, (top - bottom) / (np.where(inside, y, 1.0) - bottom) - 1, np.nan)
    return np.exp(log_midpoint) * ratio ** (1 / slope)


def simulated(plates, kit=assay.ASSAY, word="simulation"):
    """Fault-free plates of 32 samples each, log-normal around 25 pg/ml; and what each sample truly holds."""
    stream, rows, saliva = Stream("elisa, tests", word), [], {}
    for number in range(1, plates + 1):
        keys = []
        for at in range(32):
            name = f"P{number}-{at}"
            saliva[name] = 25 * np.exp(np.log(1.8) * stream.normal())
            keys.append((name, kit.in_well(saliva[name])))
        rows += assay.read_plate(number, assay.lay_out(keys, stream, kit), stream, kit, CLEAN)
    return pd.DataFrame(rows, columns=list(elisa_plates.COLUMNS)), saliva


@pytest.fixture(scope="module")
def many():
    """150 plates with each well's concentration from its plate's curve, and the curves."""
    wells, saliva = simulated(150)
    curves = {number: curve(plate) for number, plate in wells.groupby("plate")}
    wells["pg_ml"] = np.concatenate(
        [concentration(plate["optical_density"], curves[number]) for number, plate in wells.groupby("plate")]
    )
    return wells, saliva, curves


@pytest.fixture(scope="module")
def plates():
    return dyadlab.load("elisa_plates")


@pytest.fixture(scope="module")
def declared():
    book = read_codebook(dyadlab.datasets.folder() / "elisa_plates" / "elisa_plates.json")
    return {fault["kind"]: fault for fault in book["declaredDirt"]}


# ------------------------------------------------------------------------------- layout


def test_eight_plates_hold_96_wells_each_in_the_layout_of_the_codebook(plates):
    assert plates.groupby("plate").size().tolist() == [96] * 8
    assert not plates.duplicated(["plate", "well"]).any()
    assert (plates["well"] == plates["row"] + plates["column"].astype(str)).all()
    for _, plate in plates.groupby("plate"):
        count = plate["role"].value_counts()
        assert (count["blank"], count["nsb"], count["standard"], count["qc"], count["recovery"]) == (2, 2, 14, 6, 4)
        assert count["b0"] + count["sample"] == 68
        assert count["b0"] >= 4
        assert set(plate.loc[plate["role"] == "standard", "column"]) == {1, 2}


def test_every_sample_stands_in_two_neighbouring_wells_of_one_plate(plates):
    samples = plates[plates["role"] == "sample"]
    assert samples["sample_id"].nunique() == 248
    for _, wells in samples.groupby("sample_id"):
        assert len(wells) == 2
        assert wells[["plate", "row"]].nunique().tolist() == [1, 1]
        assert np.diff(wells["column"]).tolist() == [1]


def test_every_dyad_has_one_plate_and_groups_are_spread_evenly():
    """26 elevated over 8 plates are 3 or 4 on each, 36 others 4 or 5."""
    samples = dyadlab.load("saliva_samples").merge(dyadlab.load("dyads")[["dyad_id", "elevated"]], on="dyad_id")
    assert (samples.groupby("dyad_id")["plate"].nunique() == 1).all()
    dyads = samples.drop_duplicates("dyad_id").groupby(["plate", "elevated"]).size().unstack()
    assert set(dyads[1]) == {3, 4}
    assert set(dyads[0]) == {4, 5}


# ------------------------------------------------------------------------------- the assay in the long run


def test_parameters_top_120_slope_1_midpoint_110_bottom_08_are_recovered(many):
    """Median of 150 fitted curves. Tolerances: three standard errors of a median, from the curves' own spread
    (slope .07, midpoint 9 %, bottom .025, top 5.5 %)."""
    *_, curves = many
    top, slope, log_midpoint, bottom = np.median(list(curves.values()), axis=0)
    assert top == pytest.approx(1.20, rel=0.018)
    assert slope == pytest.approx(1.0, abs=0.022)
    assert np.exp(log_midpoint) == pytest.approx(110, rel=0.03)
    assert bottom == pytest.approx(0.08, abs=0.01)


def sample_cv(wells):
    pairs = wells[wells["role"] == "sample"].groupby("sample_id")["pg_ml"]
    return pairs.std() / pairs.mean()


def test_duplicates_vary_by_75_thousandths_in_the_middle_and_a_fifth_by_more_than_15_percent(many):
    """Median CV 7.5 %, 20 % above 15 % (calibration by simulation; ddof 1). Tolerances .004 and .025: three standard
    errors of 4,800 pairs, and what a different fit moves."""
    cv = sample_cv(many[0])
    assert cv.median() == pytest.approx(0.075, abs=0.004)
    assert (cv > 0.15).mean() == pytest.approx(0.20, abs=0.025)


def test_quality_controls_vary_between_plates_by_12_and_6_and_65_thousandths(many):
    """Inter-assay CV 12 %, 6 %, 6.5 % at 40, 150, 500 pg/ml (calibration). Tolerance .02: a CV of 150 plates has a
    standard error of 6 % of itself; the rest is how the curve is fitted."""
    wells = many[0]
    controls = wells[wells["role"] == "qc"].groupby(["nominal_pg_ml", "plate"])["pg_ml"].mean().unstack()
    cv = controls.std(axis=1) / controls.mean(axis=1)
    assert cv.tolist() == pytest.approx([0.12, 0.06, 0.065], abs=0.02)
    assert (controls.mean(axis=1) / controls.index).tolist() == pytest.approx([1, 1, 1], abs=0.03)


def test_concentrations_divided_by_4_are_90_hundredths_of_the_truth(many):
    """Recovery .90 is in every reading. Tolerance .02: median of 4,800 ratios with a log-SD of .13."""
    wells, saliva, _ = many
    means = wells[wells["role"] == "sample"].groupby("sample_id")["pg_ml"].mean()
    assert (means / 4 / pd.Series(saliva)).median() == pytest.approx(0.90, abs=0.02)


def test_the_spiked_pool_gives_the_recovery_of_90_percent(many):
    """(spiked - plain) / (4 * 40). Tolerance .03: one plate's estimate has an SD of .11, 150 plates' mean .009."""
    wells = many[0]
    pool = wells[wells["role"] == "recovery"].groupby(["sample_id", "plate"])["pg_ml"].mean().unstack()
    assert ((pool.loc["POOL+40"] - pool.loc["POOL"]) / 160).mean() == pytest.approx(0.90, abs=0.03)


def test_detection_limit_lies_near_9_pg_ml_in_the_well_below_the_lowest_standard(many):
    """Two SDs of zero-dose wells under their mean, on the true curve: 1.115, that is 9.0 pg/ml. A kit states
    11.7. Tolerance 1 on the median over plates, with the SD pooled: 4 wells alone give anything from 4 to 14."""
    wells, _, curves = many
    zero = wells[wells["role"] == "b0"].groupby("plate")["optical_density"]
    sd = np.sqrt(zero.var().mean())
    limits = [concentration([mean - 2 * sd], curves[number])[0] for number, mean in zero.mean().items()]
    assert np.nanmedian(limits) == pytest.approx(9.0, abs=1.0)
    assert np.nanmedian(limits) < 15.625


# ------------------------------------------------------------------------------- planted faults


def swapped(plates):
    """Plates whose standards do not fall with their labels, and the labels that mend it."""
    found = {}
    for number, plate in plates.groupby("plate"):
        mean = plate[plate["role"] == "standard"].groupby("nominal_pg_ml")["optical_density"].mean().sort_index()
        wrong = np.flatnonzero(np.diff(mean) >= 0)
        if len(wrong):
            found[number] = sorted({level for at in wrong for level in mean.index[[at, at + 1]]}, reverse=True)
    return found


def edged(plates):
    """t of the log ratio, outermost to inner well, over the twelve pairs that straddle the edge, by plate."""
    found = {}
    for number, plate in plates.groupby("plate"):
        grid = plate.pivot(index="row", columns="column", values="optical_density").loc["B":"G"]
        ratio = np.log(np.concatenate([grid[1] / grid[2], grid[12] / grid[11]]))
        found[number] = ratio.mean() / (ratio.std(ddof=1) / np.sqrt(len(ratio)))
    return found


def too_bright(plates, sds=2, spare=()):
    """Samples whose mean reading lies above their plate's mean B0 minus so many SDs (pooled over sound plates)."""
    zero = plates[plates["role"] == "b0"].groupby("plate")["optical_density"]
    sd = np.sqrt(zero.var().drop(list(spare)).mean())
    samples = plates[plates["role"] == "sample"].groupby(["plate", "sample_id"])["optical_density"].mean()
    limit = samples.index.get_level_values("plate").map(zero.mean() - sds * sd)
    return sorted(samples[samples > limit].index.get_level_values("sample_id"))


def test_two_standards_are_swapped_on_the_declared_plate_and_on_no_other(plates, declared):
    fault = declared["swapped standards"]
    assert swapped(plates) == {fault["plates"][0]: fault["standards_pg_ml"]}


def test_exchanging_the_labels_mends_the_curve(plates, declared):
    """Standards read back off the mended curve are within 20 % of their labels, except the lowest, where the curve is
    flat (its standard error is 25 %); off the unmended one they are not."""
    fault = declared["swapped standards"]
    plate = plates[plates["plate"] == fault["plates"][0]]
    standards = plate[plate["role"] == "standard"].groupby("nominal_pg_ml")["optical_density"].mean()
    mended = dict(zip(fault["standards_pg_ml"], reversed(fault["standards_pg_ml"]), strict=True))
    labels = np.array([mended.get(level, level) for level in standards.index])
    mended_miss = np.log(concentration(standards, curve(plate, fault["standards_pg_ml"])) / labels)
    unmended_miss = np.log(concentration(standards, curve(plate)) / standards.index)
    assert np.abs(mended_miss[1:]).max() < 0.2
    assert np.abs(unmended_miss[1:]).max() > 0.3


def test_the_edge_reads_high_on_the_declared_plate_and_on_no_other(plates, declared):
    """t over twelve pairs: beyond 5 there, within 3 elsewhere (p about .01 for one plate)."""
    t = edged(plates)
    faulty = declared["edge effect"]["plates"][0]
    assert t.pop(faulty) > 5
    assert max(map(abs, t.values())) < 3


def test_exactly_the_declared_samples_lie_under_the_detection_limit(plates, declared):
    faulty = declared["edge effect"]["plates"]
    expected = declared["under the detection limit"]["samples"]
    assert len(expected) == 6
    assert too_bright(plates, spare=faulty) == expected
    assert too_bright(plates, sds=3, spare=faulty) == expected


def test_the_same_search_finds_nothing_when_nothing_is_planted():
    """Negative control: the class's own laboratory, same seed, without faults."""
    dyads = dyadlab.load("dyads").to_dict("records")
    rows, _, undetected = assay.run(dyads, "plates, nothing planted", faults=CLEAN)
    sound = pd.DataFrame(rows, columns=list(elisa_plates.COLUMNS))
    assert swapped(sound) == {}
    assert max(map(abs, edged(sound).values())) < 3.5
    assert too_bright(sound) == []
    assert undetected["under_detection_limit"] == []


def test_labels_are_there_for_known_wells_and_for_no_others(plates):
    known = plates["role"].isin(["standard", "qc", "b0"])
    assert (plates["nominal_pg_ml"].notna() == known).all()
    assert (plates.loc[plates["role"] == "b0", "nominal_pg_ml"] == 0).all()
    assert not plates.drop(columns="nominal_pg_ml").isna().any().any()


def test_class_plates_have_ordinary_duplicates_and_controls(plates, declared):
    """The seed was chosen for it: median CV 7 to 8 %, 15 to 25 % above 15 %, controls within 10 % of their labels
    and recovery .85 to .95 over the plates without an edge effect."""
    swap, edge = declared["swapped standards"], declared["edge effect"]["plates"][0]
    parts = []
    for number, plate in plates.groupby("plate"):
        found = curve(plate, swap["standards_pg_ml"] if number in swap["plates"] else ())
        parts.append(plate.assign(pg_ml=concentration(plate["optical_density"], found)))
    wells = pd.concat(parts)
    cv = sample_cv(wells).dropna()
    assert cv.median() == pytest.approx(0.075, abs=0.005)
    assert (cv > 0.15).mean() == pytest.approx(0.20, abs=0.05)
    wells = wells[wells["plate"] != edge]
    controls = wells[wells["role"] == "qc"].groupby("nominal_pg_ml")["pg_ml"].mean()
    assert (controls / controls.index).tolist() == pytest.approx([1, 1, 1], abs=0.1)
    pool = wells[wells["role"] == "recovery"].groupby(["sample_id", "plate"])["pg_ml"].mean().unstack()
    assert ((pool.loc["POOL+40"] - pool.loc["POOL"]) / 160).mean() == pytest.approx(0.90, abs=0.05)


@pytest.mark.parametrize("person", ["infant", "mother"])
def test_wells_lead_back_to_the_oxytocin_of_the_class_study(plates, declared, person):
    """After play, corrected for concentration and recovery and with swapped labels exchanged: r of logs above .97 and
    no bias beyond 5 % on plates without an edge effect (assay error is about 13 %, the spread of people 80 %)."""
    swap, edge = declared["swapped standards"], declared["edge effect"]["plates"][0]
    measured = {}
    for number, plate in plates[plates["plate"] != edge].groupby("plate"):
        found = curve(plate, swap["standards_pg_ml"] if number in swap["plates"] else ())
        mean = plate[plate["role"] == "sample"].groupby("sample_id")["optical_density"].mean()
        measured.update(zip(mean.index, concentration(mean, found) / 4 / 0.90, strict=True))
    tubes = dyadlab.load("saliva_samples").query("person == @person and moment == 'after'")
    tubes = tubes.merge(dyadlab.load("dyads"), on="dyad_id", suffixes=("", "_dyad"))
    tubes = tubes[tubes["plate"] != edge]
    ours = np.log(tubes["sample_id"].map(measured))
    theirs = np.log(tubes[f"oxytocin_{person}_pg_ml"])
    assert np.corrcoef(ours, theirs)[0, 1] > 0.97
    assert (ours - theirs).mean() == pytest.approx(0, abs=0.05)
