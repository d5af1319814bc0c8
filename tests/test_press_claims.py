"""The claims: enough of them, of every kind, each resting on references that are there."""

import re

import dyadlab
import pytest
from dyadlab.studies.press_claims import ABOUT, HYPE, KINDS, REFERENCES
from dyadlab.studies.tables import read_codebook

PLANNED = {
    *("transcripts", "double_coded", "mind_mindedness", "elisa_plates", "saliva_samples", "epds_items", "dyads"),
    *("worlds", "panel", "moments", "spray_trial", "support_trial", "press_claims"),
}


@pytest.fixture(scope="module")
def claims():
    return dyadlab.load("press_claims")


@pytest.fixture(scope="module")
def book():
    return read_codebook(dyadlab.datasets.folder() / "press_claims" / "press_claims.json")


def test_there_are_twenty_claims_and_no_two_say_the_same(claims):
    assert len(claims) == 20
    assert claims["claim"].is_unique
    assert claims["claim_id"].tolist() == [f"C{number:02d}" for number in range(1, 21)]


def test_every_kind_person_and_level_of_hype_occurs_at_least_twice(claims):
    for column, levels in (("kind", KINDS), ("about", ABOUT), ("hype", HYPE)):
        counts = claims[column].value_counts()
        assert set(counts.index) == set(levels)
        assert counts.min() >= 2


def test_every_claim_names_the_references_that_its_evidence_rests_on(claims):
    for _, claim in claims.iterrows():
        assert set(re.findall(r"\[(\w+)\]", claim["evidence"])) == set(claim["sources"].split())
        assert claim["sources"]


def test_every_reference_is_used_and_in_the_codebook(claims, book):
    used = {key for sources in claims["sources"] for key in sources.split()}
    assert used == set(REFERENCES) == set(book["references"])
    assert book["references"] == REFERENCES


def test_claims_are_our_words_without_quotation_marks(claims):
    for column in ("claim", "evidence"):
        assert not claims[column].str.contains('["“”‘]', regex=True).any()


def test_every_claim_can_be_tried_with_datasets_of_this_course(claims):
    """The course has thirteen datasets; nothing else may be named."""
    for named in claims["try_with"]:
        assert set(named.split(", ")) <= PLANNED


def test_no_claim_of_cause_or_treatment_by_hype_3_is_called_shown(claims):
    strong = claims[(claims["hype"] == 3) & claims["kind"].isin(["cause", "treatment"])]
    assert len(strong) >= 4
    assert not strong["evidence"].str.match(r"(?i)shown|supported|found in").any()
