"""Claims about the kappa explorer of week 2."""

import pytest
from dyadlab import models
from dyadlab.widgets.kappa import ACCURACIES, COMMENTS, PREVALENCES, describe, kappa, read

# --- The model, without any widget


def test_prevalence_moves_kappa_and_leaves_raw_agreement_alone():
    common, rare = read(50, 95), read(5, 95)
    assert common.raw_agreement == rare.raw_agreement == pytest.approx(0.905)
    assert common.kappa == pytest.approx(0.81) and rare.kappa == pytest.approx(0.45, abs=0.005)


def test_better_coders_have_a_higher_kappa_at_every_prevalence():
    for prevalence in PREVALENCES:
        kappas = [read(prevalence, accuracy).kappa for accuracy in ACCURACIES]
        assert kappas == sorted(kappas)
        assert kappas[0] == pytest.approx(0) and kappas[-1] == pytest.approx(1)


def test_at_every_setting_a_thousand_comments_are_shown_and_their_kappa_is_near_the_one_told():
    for prevalence in PREVALENCES:
        for accuracy in ACCURACIES:
            now = read(prevalence, accuracy)
            counts = now[-4:]
            assert sum(counts) == COMMENTS and min(counts) >= 0
            assert (now.both_yes + now.both_no) / COMMENTS == pytest.approx(now.raw_agreement, abs=0.0011)


def test_words_hold_the_numbers_of_the_reading():
    words = describe(read(5, 95))
    for part in ("95 of 100", "5 of 100", "90.5 %", "82.8 %", "Kappa is 0.45"):
        assert part in words


# --- The widget, without a browser


def _parts(explorer):
    first, second, below = explorer.children
    return (*first.children, *second.children, *below.children)


def test_another_prevalence_moves_marks_picture_and_words():
    explorer = kappa()
    slider, _, _, _, _, _, words, picture = _parts(explorer)
    before = picture.value, words.value
    slider.value = 5
    now = read(5, 95)
    assert explorer.reading == now
    assert explorer._kappa_mark.get_xydata().tolist() == [[5, now.kappa]]
    assert explorer._raw_mark.get_xydata().tolist() == [[5, now.raw_agreement]]
    assert picture.value != before[0] and words.value != before[1] and describe(now) in words.value


def test_another_accuracy_moves_both_curves():
    explorer = kappa()
    explorer.accuracy = 80
    expected = models.expected_agreement([v / 100 for v in PREVALENCES], 0.80)
    assert explorer._raw_curve.get_ydata() == pytest.approx(expected.raw_agreement)
    assert explorer._kappa_curve.get_ydata() == pytest.approx(expected.kappa)


def test_buttons_step_by_one_and_stop_at_the_ends():
    explorer = kappa()
    _, rarer, commoner, _, poorer, better, *_ = _parts(explorer)
    commoner.click()
    assert explorer.prevalence == PREVALENCES[-1]
    rarer.click()
    assert explorer.prevalence == PREVALENCES[-1] - 1
    better.click()
    assert explorer.accuracy == 96
    explorer.accuracy = ACCURACIES[0]
    poorer.click()
    assert explorer.accuracy == ACCURACIES[0]


def test_every_control_has_a_name_and_the_picture_a_text_alternative():
    *controls, words, picture = _parts(kappa())
    assert [control.description for control in controls] == [
        "Of 100 comments, mind-related", "Rarer", "Commoner", "Of 100 codes, right", "Poorer coders", "Better coders",
    ]  # fmt: skip
    assert "The mark at 50 of 100 shows kappa 0.81." in picture.value
    assert 'role="status"' in words.value and 'scope="row"' in words.value


def test_one_figure_is_used_again_and_none_is_left_open():
    import matplotlib.pyplot as plt

    plt.close("all")
    explorer = kappa()
    axes = explorer._kappa_mark.axes
    drawn = len(axes.lines)
    for prevalence in (1, 10, 30):
        explorer.prevalence = prevalence
    assert explorer._kappa_mark.axes is axes and len(axes.lines) == drawn
    assert plt.get_fignums() == []


def test_where_no_widget_can_live_the_words_stand_in_whole():
    explorer = kappa()
    assert explorer._repr_mimebundle_()["text/plain"].endswith(describe(explorer.reading))


def test_the_explorer_is_found_under_its_course_name():
    import dyadlab

    assert dyadlab.widgets.kappa is kappa
