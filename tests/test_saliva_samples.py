"""The tubes: they agree with the class study and the plates, rise as declared, and carry the declared faults alone."""

from dataclasses import replace

import dyadlab
import numpy as np
import pandas as pd
import pytest
from dyadlab.studies import assay
from dyadlab.studies.stream import Stream
from dyadlab.studies.tables import read_codebook

CLEAN = replace(assay.FAULTS, swapped_plate=0, edge_plate=0, undivided_plate=0, low_samples=(0, 0))


@pytest.fixture(scope="module")
def tubes():
    return dyadlab.load("saliva_samples")


@pytest.fixture(scope="module")
def declared():
    book = read_codebook(dyadlab.datasets.folder() / "saliva_samples" / "saliva_samples.json")
    return {fault["kind"]: fault for fault in book["declaredDirt"]}


def test_every_mother_and_infant_gives_a_tube_before_and_after(tubes):
    assert len(tubes) == 248
    assert tubes["sample_id"].is_unique
    assert (tubes.groupby(["dyad_id", "person", "moment"]).size() == 1).all()
    assert set(tubes["dyad_id"]) == set(dyadlab.load("dyads")["dyad_id"])


def test_wells_are_those_of_the_plates(tubes):
    wells = dyadlab.load("elisa_plates").query("role == 'sample'")
    where = wells.set_index(["sample_id", "replicate"])["well"].unstack()
    plate = wells.groupby("sample_id")["plate"].first()
    seen = tubes.set_index("sample_id")
    assert (where.loc[seen.index, 1] == seen["well_1"]).all()
    assert (where.loc[seen.index, 2] == seen["well_2"]).all()
    assert (plate.loc[seen.index] == seen["plate"]).all()


def test_tubes_after_play_have_the_clock_and_the_feed_of_the_class_study(tubes):
    after = tubes[tubes["moment"] == "after"].merge(dyadlab.load("dyads"), on="dyad_id", suffixes=("", "_dyad"))
    assert (after["clock_time_h"] == after["clock_time_h_dyad"]).all()
    assert (after["minutes_since_feed"] == after["minutes_since_feed_dyad"]).all()


def test_tubes_before_play_are_18_minutes_earlier_or_count_from_the_feed_before(tubes):
    pairs = tubes.set_index(["dyad_id", "person", "moment"])[["clock_time_h", "minutes_since_feed"]].unstack()
    clock, feed = pairs["clock_time_h"], pairs["minutes_since_feed"]
    assert np.allclose(clock["after"] - clock["before"], 0.3)
    fed_between = feed["after"] < 18
    assert (feed["after"] - feed["before"])[~fed_between].eq(18).all()
    assert feed["before"][fed_between].between(60, 180).all()
    assert fed_between.any()


def test_numbers_on_tubes_tell_the_laboratory_nothing(tubes):
    """Number against person, moment and group: correlations within .2 (three standard errors of 248 are .19)."""
    number = tubes["sample_id"].str[1:].astype(int)
    elevated = tubes["dyad_id"].map(dyadlab.load("dyads").set_index("dyad_id")["elevated"])
    for told in (tubes["person"] == "infant", tubes["moment"] == "after", elevated):
        assert abs(np.corrcoef(number, told)[0, 1]) < 0.2


# ------------------------------------------------------------------------------- the model in the long run


@pytest.fixture(scope="module")
def large():
    """Logs of what 20,000 pairs of tubes truly hold, before and after, without low samples."""
    stream = Stream("saliva, tests", "large")
    dyads = [
        {
            "dyad_id": f"D{number}",
            "elevated": number % 2,
            "oxytocin_infant_pg_ml": 25 * np.exp(0.588 * stream.normal()),
            "oxytocin_mother_pg_ml": 30 * np.exp(0.588 * stream.normal()),
        }
        for number in range(20_000)
    ]
    holds, low = assay.draw_saliva(dyads, stream, [1] * len(dyads), faults=CLEAN)
    assert low == []
    ids = [dyad["dyad_id"] for dyad in dyads]
    return {
        (person, moment): np.log([holds[dyad_id, person, moment] for dyad_id in ids])
        for person in assay.PEOPLE
        for moment in assay.MOMENTS
    }


@pytest.mark.parametrize("person", assay.PEOPLE)
def test_a_rise_of_25_percent_and_a_stability_of_60_hundredths_are_recovered(large, person):
    """Both assumed (Feldman and others, 2010, report a rise and stability without sizes). Tolerances: four standard
    errors of 20,000 pairs, .015 in the log ratio and .02 in r."""
    before, after = large[person, "before"], large[person, "after"]
    assert (after - before).mean() == pytest.approx(np.log(1.25), abs=0.015)
    assert np.corrcoef(before, after)[0, 1] == pytest.approx(0.60, abs=0.02)
    assert before.std() == pytest.approx(after.std(), rel=0.02)


def test_class_mothers_rise_in_pairs_but_not_as_two_groups(tubes):
    """The seed was chosen for it: what the reader exported, mended, shows p < .05 paired and p > .05 unpaired."""
    from scipy import stats

    mended = tubes["reported_pg_ml"].where(tubes["plate"] != assay.FAULTS.undivided_plate, tubes["reported_pg_ml"] / 4)
    logs = np.log(mended).groupby([tubes["person"], tubes["moment"], tubes["dyad_id"]]).first()
    before, after = logs["mother", "before"], logs["mother", "after"]
    assert stats.ttest_rel(after, before).pvalue < 0.05
    assert stats.ttest_ind(after, before).pvalue > 0.05
    assert after.mean() > before.mean()


# ------------------------------------------------------------------------------- planted faults


def test_one_plate_was_exported_without_division_by_4_and_no_other(tubes, declared):
    """Median of the plate against that of all plates: 3 to 5.5 times there, within a factor of 1.5 elsewhere."""
    median = tubes.groupby("plate")["reported_pg_ml"].median()
    ratio = median / median.median()
    undivided = declared["missed division"]["plates"]
    assert len(undivided) == 1
    assert ratio[undivided].between(3, 5.5).all()
    assert ratio.drop(undivided).between(1 / 1.5, 1.5).all()


def test_exports_agree_with_the_class_study_once_divided_and_corrected(tubes, declared):
    """The maker's curve, not each plate's own: median ratio to the truth .9 +- .15 on plates without an edge effect
    (plates' midpoints differ by 5 %, B0 of four wells by 2 %, which is 6 % of a concentration)."""
    dyads = dyadlab.load("dyads").set_index("dyad_id")
    after = tubes[tubes["moment"] == "after"]
    whose = zip(after["dyad_id"], after["person"], strict=True)
    truth = pd.Series([dyads.loc[dyad, f"oxytocin_{person}_pg_ml"] for dyad, person in whose], after.index)
    divided = after["reported_pg_ml"] / np.where(after["plate"].isin(declared["missed division"]["plates"]), 4, 1)
    ratio = (divided / truth).groupby(after["plate"]).median().drop(assay.FAULTS.edge_plate)
    assert ratio.between(0.75, 1.05).all()


def test_exactly_the_declared_samples_have_no_exported_number_and_all_of_them_are_under_the_limit(tubes, declared):
    missing = sorted(tubes.loc[tubes["reported_pg_ml"].isna(), "sample_id"])
    assert missing == declared["not exported"]["samples"]
    assert set(missing) <= set(declared["under the detection limit"]["samples"])
    assert not tubes.drop(columns="reported_pg_ml").isna().any().any()


def test_the_low_samples_are_infants_before_play_four_of_them_elevated(tubes, declared):
    low = tubes[tubes["sample_id"].isin(declared["under the detection limit"]["samples"])]
    assert len(low) == 6
    assert set(low["person"]) == {"infant"}
    assert set(low["moment"]) == {"before"}
    elevated = low["dyad_id"].map(dyadlab.load("dyads").set_index("dyad_id")["elevated"])
    assert elevated.sum() == 4
    assert not set(low["plate"]) & {3, 5, 6}


def test_the_two_codebooks_declare_the_same_low_samples(declared):
    other = read_codebook(dyadlab.datasets.folder() / "elisa_plates" / "elisa_plates.json")
    there = next(fault for fault in other["declaredDirt"] if fault["kind"] == "under the detection limit")
    assert there["samples"] == declared["under the detection limit"]["samples"]
