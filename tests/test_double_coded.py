"""Claims about the four coders: rates as declared, kappas per decision step, a drifting novice, a bot without eyes."""

import runpy
from collections import Counter
from dataclasses import replace
from pathlib import Path

import dyadlab
import pytest
from dyadlab.studies import double_coded as study
from dyadlab.studies import transcripts
from dyadlab.studies.stream import Stream

FOLDER = Path(__file__).parents[1] / "datasets" / "double_coded"
PEOPLE = ("trained", "novice")


@pytest.fixture(scope="module")
def codes():
    return dyadlab.load("double_coded")


@pytest.fixture(scope="module")
def shares(codes):
    return [float((codes["expert"] == code).mean()) for code in (study.APPROPRIATE, study.NON_ATTUNED)]


def kappas(codes, coder):
    return study.kappas(Counter(zip(codes["expert"], codes[coder], strict=True)))


def test_675_comments_of_nine_sessions_each_coded_by_all_four(codes):
    assert codes.shape == (675, 6) and codes["session"].nunique() == 9 and not codes.isna().any().any()


def test_the_expert_is_the_expert_of_the_transcripts(codes):
    talk = dyadlab.load("transcripts").merge(codes, on=["session", "comment"], validate="one_to_one")
    assert len(talk) == 675 and (talk["expert_code"] == talk["expert"]).all()


def test_the_published_table_is_what_the_generator_makes():
    made = runpy.run_path(str(FOLDER / "generate.py"))["generate"]()
    assert made.to_csv() == (FOLDER / "double_coded.csv").read_bytes()


@pytest.mark.parametrize(
    ("coder", "table"), [("trained", (0.85, 0.65, 0.79)), ("novice", (0.65, 0.39, 0.57)), ("bot", (0.60, 0.00, 0.52))]
)
def test_the_rates_give_kappas_85_65_79_and_65_39_57_and_60_00_52_at_published_base_rates(coder, table):
    """Calibration table of the course's model at 5.2 % appropriate and 1.6 % non-attuned comments, from a simulation.

    Tolerance .03: the table comes from a simulation with mothers who differ, the formula has one rate for all.
    """
    model = getattr(study.CODERS, coder, study.Coder(0.80, 0.06, 1.0, 0.0))
    alarm = 1.0 if coder == "bot" else study.CODERS.alarm_appropriate
    assert study.kappas(study.expected_table(model, 0.052, 0.016, alarm)) == pytest.approx(table, abs=0.03)


@pytest.mark.parametrize(("coder", "hoped"), [("trained", (0.87, 0.68, 0.81)), ("novice", (0.71, 0.42, 0.61))])
def test_kappas_of_the_people_lie_within_04_of_87_68_81_and_71_42_61(codes, shares, coder, hoped):
    """The same rates at this corpus's base rates, 10 and 4 % (richer than published, hence a little higher).

    Tolerance .04: the class study is matched to it (MATCHED)."""
    expected = study.kappas(study.expected_table(getattr(study.CODERS, coder), *shares))
    assert expected == pytest.approx(hoped, abs=0.01)
    assert kappas(codes, coder) == pytest.approx(expected, abs=study.MATCHED)


def test_the_keyword_bot_notices_80_percent_with_6_percent_false_alarms_and_has_kappa_0_for_fit(codes):
    """The model's keyword bot has .80 and .06; ours is a real list of words. Tolerance .02: whatever the list gives."""
    mind = codes["expert"] != study.NOT_MIND
    flagged = codes["keyword_bot"] != study.NOT_MIND
    assert flagged[mind].mean() == pytest.approx(0.80, abs=0.02)
    assert flagged[~mind].mean() == pytest.approx(0.06, abs=0.02)
    noticing, fit, all_three = kappas(codes, "keyword_bot")
    assert fit == 0.0 and 0.55 < noticing < 0.75 and 0.50 < all_three < 0.62


def test_the_bot_reads_the_words_and_nothing_else(codes):
    talk = dyadlab.load("transcripts").merge(codes, on=["session", "comment"])
    assert (talk["text"].map(study.keyword_code) == talk["keyword_bot"]).all()
    assert study.keyword_code("Wantage is a town.") == study.NOT_MIND
    assert study.keyword_code("Do you WANT it?") == study.APPROPRIATE


def test_raw_agreement_of_the_novice_exceeds_90_percent_while_kappa_for_fit_stays_under_one_half(codes):
    assert (codes["expert"] == codes["novice"]).mean() > 0.90
    assert kappas(codes, "novice")[1] < 0.5


def test_skill_orders_the_coders(codes):
    trained, novice, bot = (kappas(codes, coder) for coder in ("trained", "novice", "keyword_bot"))
    assert trained[0] > novice[0] and trained[1] > novice[1] > bot[1] and trained[2] > novice[2] > bot[2]


def test_the_novice_drifts_and_the_trained_student_does_not(codes):
    place = (codes["comment"] - 1) / (codes.groupby("session")["comment"].transform("max") - 1)
    falls = {c: kappas(codes[place <= 0.5], c)[0] - kappas(codes[place > 0.5], c)[0] for c in PEOPLE}
    assert falls["novice"] > study.DRIFT_SEEN and abs(falls["trained"]) < 0.06


def test_false_alarms_are_commoner_on_look_alikes_in_a_large_simulation():
    """Assumed: four times. Tolerance: 3 to 5, about three standard errors of 60 draws of the corpus."""
    rows = _corpus()
    hits, tries = Counter(), Counter()
    for attempt in range(60):
        given = study._draw(Stream("a claim", "look-alikes", attempt=attempt), rows, study.CODERS.trained, study.CODERS)
        for row, code in zip(rows, given, strict=True):
            if row["expert_code"] == study.NOT_MIND:
                alike = row["hard_case"] in study.CONFUSABLE
                tries[alike] += 1
                hits[alike] += code != study.NOT_MIND
    assert 3 < (hits[True] / tries[True]) / (hits[False] / tries[False]) < 5
    assert hits.total() / tries.total() == pytest.approx(study.CODERS.trained.false_alarm, abs=0.002)


@pytest.mark.parametrize("coder", PEOPLE)
def test_the_true_rates_come_back_from_60_draws_of_the_corpus(coder):
    """Tolerance .02: about three standard errors of the scarcest, a non-attuned code kept (some 1,200 to 1,500)."""
    rows, model = _corpus(), getattr(study.CODERS, coder)
    joint = Counter()
    for attempt in range(60):
        given = study._draw(Stream("a claim", coder, attempt=attempt), rows, model, study.CODERS)
        joint.update(zip((row["expert_code"] for row in rows), given, strict=True))

    def share(one, others, among):
        return sum(joint[one, o] for o in others) / sum(joint[one, o] for o in among)

    a, n, none = study.APPROPRIATE, study.NON_ATTUNED, study.NOT_MIND
    mind = [share(code, (a, n), (a, n, none)) for code in (a, n)]
    both = sum(joint[x, y] for x in (a, n) for y in (a, n)) / sum(joint[x, y] for x in (a, n) for y in (a, n, none))
    assert both == pytest.approx(model.notices, abs=0.02), mind
    assert share(none, (a, n), (a, n, none)) == pytest.approx(model.false_alarm, abs=0.004)
    assert share(a, (a,), (a, n)) == pytest.approx(model.keeps_appropriate, abs=0.03)
    assert share(n, (n,), (a, n)) == pytest.approx(model.keeps_non_attuned, abs=0.04)


def test_drift_is_88_to_52_percent_noticed_and_averages_to_the_stated_rate():
    novice = study.CODERS.novice
    assert novice.at(0) == pytest.approx((0.88, 0.03 * (1 - 0.36 / 0.70 / 2)))
    assert novice.at(1)[0] == pytest.approx(0.52) and novice.at(0.5) == pytest.approx((0.70, 0.03))
    assert replace(novice, drift=0.0).at(1) == pytest.approx((0.70, 0.03))


def test_kappa_of_a_published_table_is_4_tenths():
    """Cohen's formula on the table 20, 5, 10, 15: agreement .70, by chance .50, kappa .40 (a textbook example)."""
    joint = {("a", "a"): 20, ("a", "b"): 5, ("b", "a"): 10, ("b", "b"): 15}
    assert study._kappa(joint) == pytest.approx(0.40)


def _corpus():
    table = transcripts.class_study(FOLDER.parent / "transcripts" / "sessions")
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    rows = [row for row in rows if row["expert_code"]]
    last = Counter(row["session"] for row in rows)
    return [{**row, "place": (row["comment"] - 1) / (last[row["session"]] - 1)} for row in rows]
