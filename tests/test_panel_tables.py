"""Claims about long and wide tables and the steps between visits."""

import dyadlab
import numpy as np
import pandas as pd
import pytest
from dyadlab import models
from dyadlab.blanks import BlankLeft


@pytest.fixture(scope="module")
def north():
    visits = dyadlab.load("panel")
    return visits[visits["town"] == "north"]


def test_a_wide_table_keeps_everybody_and_every_value(north):
    wide = models.to_wide(north.sample(frac=1, random_state=1), "symptoms")  # whatever the order of rows
    assert wide.shape == (400, 4)
    for row in north.sample(50, random_state=2).itertuples():
        assert wide.loc[row.dyad_id, row.wave] == pytest.approx(row.symptoms, nan_ok=True)


def test_a_step_joins_two_neighbouring_visits_of_one_dyad(north):
    step = models.steps(north, talk="appropriate_pct")
    score = (north["appropriate_pct"] - north["appropriate_pct"].mean()) / north["appropriate_pct"].std()
    known = dict(zip(zip(north["dyad_id"], north["wave"], strict=True), score, strict=True))
    assert len(step) == sum(
        np.isfinite(v) and np.isfinite(known.get((d, w - 1), np.nan)) for (d, w), v in known.items()
    )
    for row in step.itertuples():
        assert row.talk_now == pytest.approx(known[row.dyad_id, row.wave])
        assert row.talk_before == pytest.approx(known[row.dyad_id, row.wave - 1])


def test_steps_do_not_depend_on_the_order_of_rows_and_skip_gaps():
    visits = pd.DataFrame(
        {"dyad_id": list("aaabbb"), "wave": [3, 1, 2, 1, 3, 2], "talk": [3.0, 1.0, 2.0, 4.0, 6.0, np.nan]}
    )
    step = models.steps(visits, talk="talk")
    assert step[["dyad_id", "wave"]].sort_values("wave").to_numpy().tolist() == [["a", 2], ["a", 3]]


def test_tables_that_do_not_serve_get_a_sentence(north):
    with pytest.raises(models.MakesNoSense, match="no column 'smiles'"):
        models.to_wide(north, "smiles")
    with pytest.raises(models.MakesNoSense, match="two rows for the same wave"):
        models.to_wide(pd.concat([north, north]), "symptoms")
    with pytest.raises(models.MakesNoSense, match="table is wanted"):
        models.steps([1, 2], talk="appropriate_pct")


def test_a_blank_in_place_of_a_table_gets_the_sentence_of_a_blank():
    x, _ = models.simulate_panel(30)
    with pytest.raises(BlankLeft):
        models.random_intercept(x, dyadlab.____)
    with pytest.raises(BlankLeft):
        models.indirect_effect(x[:, 0], dyadlab.____, x[:, 1])
