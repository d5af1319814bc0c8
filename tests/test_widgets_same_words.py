"""The same words at other moments: what the explorer of week 1 says."""

import re

import pytest
from dyadlab import widgets
from dyadlab.coding import sessions
from dyadlab.coding.codes import CODES
from dyadlab.widgets.same_words import COMMENTS, MOMENTS, describe, read


@pytest.mark.parametrize("comment", COMMENTS)
def test_every_comment_has_a_code_and_a_reason_at_every_moment(comment):
    readings = [read(comment, moment) for moment in MOMENTS]
    assert all(reading.code in CODES and reading.reason.endswith(".") for reading in readings)


def test_words_that_name_a_state_fit_at_some_moments_and_not_at_others():
    for comment in COMMENTS[:-1]:
        codes = {read(comment, moment).code for moment in MOMENTS}
        assert codes == {"appropriate", "non_attuned"}, comment


def test_words_that_name_no_state_have_one_code_everywhere():
    assert {read(COMMENTS[-1], moment).code for moment in MOMENTS} == {"not_mind_related"}


def test_none_of_the_comments_is_one_that_students_are_graded_on():
    graded = {comment.text.strip("'").casefold() for comment in sessions.comments("graded")}
    assert not graded & {comment.strip("'").casefold() for comment in COMMENTS}


def test_another_moment_is_shown_at_once_and_in_words():
    tool = widgets.same_words()
    first = repr(tool)
    tool._moment.value = MOMENTS[2]
    assert tool.reading.code == "non_attuned"
    assert repr(tool) != first
    assert describe(tool.reading) in tool._words.value.replace("&#x27;", "'")
    assert re.search(r'role="status"', tool._words.value)


def test_everything_to_choose_from_has_a_name():
    tool = widgets.same_words()
    assert [choice.description for choice in tool.children[:2]] == ["The mother says", "The baby is"]
