"""Claims about a blank that a student has not filled in: every use gives one sentence, and nothing else."""

import warnings

import numpy as np
import pandas as pd
import pytest
from dyadlab import ____
from dyadlab.blanks import BlankLeft

column = pd.Series([1.0, 2.0, 3.0])
table = pd.DataFrame({"a": [1, 2], "b": [3, 4]})


@pytest.mark.parametrize(
    "use",
    [
        lambda: column * ____,
        lambda: ____ - column,
        lambda: column > ____,
        lambda: column == ____,
        lambda: column[____],
        lambda: table[____],
        lambda: table.loc[____, "a"],
        lambda: table["a"].isin(____),
        lambda: table.groupby(____),
        lambda: table.assign(c=____),
        lambda: np.array([1.0, 2.0]) + ____,
        lambda: np.log(____),
        lambda: np.mean(____),
        lambda: [1, 2] + ____,  # noqa: RUF005
        lambda: round(____, 2),
        lambda: f"{____:.2f}",
        lambda: ____(3),
    ],
)
def test_using_a_blank_gives_its_sentence_and_no_warning_of_a_library(use):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(BlankLeft, match="There is still a blank"):
            use()


def test_a_blank_can_be_shown():
    assert f"{____}" == repr(____) == "____ (a blank to fill in)"
