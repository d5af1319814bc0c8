"""Claims about the figures of week 2."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from dyadlab import models, plots

FIRST = pd.Series(["no", "no", "no", "yes", "yes", "unsure_now"], name="expert")
SECOND = pd.Series(["no", "no", "yes", "yes", "yes", "no"], name="keyword_bot")


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def test_every_square_holds_its_count_and_its_shade_is_the_share_of_the_row():
    ax = plots.agreement_heatmap(FIRST, SECOND, codes=["no", "yes", "unsure_now"])
    assert [text.get_text() for text in ax.texts] == ["2", "1", "0", "0", "2", "0", "1", "0", "0"]
    shades = np.asarray(ax.collections[0].get_array()).reshape(3, 3)
    assert np.allclose(shades, [[2 / 3, 1 / 3, 0], [0, 1, 0], [1, 0, 0]])


def test_the_axes_say_whose_codes_they_are_and_the_diagonal_is_framed():
    ax = plots.agreement_heatmap(FIRST, SECOND)
    assert "expert" in ax.get_ylabel() and "keyword bot" in ax.get_xlabel()
    assert len(ax.patches) == 3
    assert ax.figure.axes[1].get_ylabel() == "share of the row (proportion)"


def test_a_code_that_the_first_coder_never_used_leaves_an_empty_row():
    ax = plots.agreement_heatmap(["a", "a", "b"], ["a", "c", "b"])
    assert np.allclose(np.asarray(ax.collections[0].get_array()).reshape(3, 3)[2], 0)


def test_kappa_curves_show_the_expected_values_and_differ_by_more_than_colour():
    ax = plots.kappa_curves(0.95)
    raw, kappa = ax.lines
    expected = models.expected_agreement(np.arange(1, 51) / 100, 0.95)
    assert np.allclose(raw.get_ydata(), expected.raw_agreement) and np.allclose(kappa.get_ydata(), expected.kappa)
    assert raw.get_linestyle() != kappa.get_linestyle()
    assert "of 100" in ax.get_xlabel() and ax.get_ylabel()
