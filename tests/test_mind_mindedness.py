"""Claims about the comments by category: they are those of the class study, in the published mix but for toys."""

import dyadlab
import pytest
from dyadlab.studies import mind_mindedness
from dyadlab.studies.stream import Stream

APPROPRIATE = [f"appropriate_{c}" for c in mind_mindedness.CATEGORIES]
NON_ATTUNED = [f"non_attuned_{c}" for c in mind_mindedness.CATEGORIES]


@pytest.fixture
def counts():
    return dyadlab.load("mind_mindedness")


def test_every_count_agrees_with_the_class_study(counts):
    dyads = dyadlab.load("dyads")
    assert (counts["dyad_id"] == dyads["dyad_id"]).all()
    assert (counts["n_comments"] == dyads["n_comments"]).all()
    assert (counts[APPROPRIATE].sum(axis=1) == dyads["n_appropriate"]).all()
    assert (counts[NON_ATTUNED].sum(axis=1) == dyads["n_non_attuned"]).all()
    assert (counts["not_mind_related"] + counts[APPROPRIATE + NON_ATTUNED].sum(axis=1) == counts["n_comments"]).all()


def test_the_categories_are_those_of_the_transcripts():
    assert set(mind_mindedness.CATEGORIES) == set(dyadlab.codebook("transcripts")["category"]["levels"])


def test_desire_is_60_per_cent_of_appropriate_comments_and_most_of_the_non_attuned(counts):
    """.74 and about .84 with toys (Meins group, open data); .60 and .80 without them is assumed.

    Tolerance .06 and .12: 312 and about 90 comments, whose mothers lean different ways.
    """
    appropriate, non_attuned = counts[APPROPRIATE].sum(), counts[NON_ATTUNED].sum()
    assert appropriate["appropriate_desire"] / appropriate.sum() == pytest.approx(0.60, abs=0.06)
    assert non_attuned["non_attuned_desire"] / non_attuned.sum() == pytest.approx(0.80, abs=0.12)


def test_the_true_mix_comes_back_from_many_mothers():
    """4,000 mothers with 10 comments each; tolerance .015, four standard errors with their leanings."""
    stream, mix = Stream("tests", "mix"), mind_mindedness.MIX
    total = [0] * 6
    for _ in range(4000):
        for at, count in enumerate(mind_mindedness._split(stream, 10, mix.appropriate_mix, mix.likeness)):
            total[at] += count
    assert [t / 40_000 for t in total] == pytest.approx(list(mix.appropriate_mix), abs=0.015)


def test_both_mixes_add_up_to_one():
    assert sum(mind_mindedness.MIX.appropriate_mix) == pytest.approx(1)
    assert sum(mind_mindedness.MIX.non_attuned_mix) == pytest.approx(1)
