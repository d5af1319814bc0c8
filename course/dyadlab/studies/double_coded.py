"""Four coders of the same comments: an expert, a trained student, a novice and a list of keywords.

The expert's codes are those of the dataset ``transcripts``. Each person is a simple error model: how often a
mind-related comment is noticed, how often another comment is taken for one, and how often a noticed comment keeps its
code, appropriate or non-attuned. The rates are assumptions. With 5.2 per cent appropriate and 1.6 per cent non-attuned
comments the trained student comes near the kappas that published teams report for appropriate against non-attuned (.72
to .86: Larkin et al., 2023; Lee, Meins and Larkin, 2023), and the novice falls well short of them. The novice drifts:
notices less, and imagines more, towards the end of each session.

The keyword bot is no simulation. It flags a comment that holds a word of ``KEYWORDS`` and calls it appropriate, since a
list of words knows nothing of what the baby is doing.

The class study is matched: a draw is kept only if the kappas of the two people lie within ``MATCHED`` of what their
rates lead one to expect at this corpus's base rates, and the novice's drift can be seen. Standard library only.
"""

import re
from collections import Counter
from dataclasses import asdict, dataclass

from dyadlab.studies.stream import Stream
from dyadlab.studies.tables import TEXT, WHOLE, Table

COLUMNS = {
    "session": TEXT,
    "comment": WHOLE,
    "expert": TEXT,
    "trained": TEXT,
    "novice": TEXT,
    "keyword_bot": TEXT,
}
NOT_MIND, APPROPRIATE, NON_ATTUNED = "not_mind_related", "appropriate", "non_attuned"


@dataclass(frozen=True)
class Coder:
    """How a person codes, against the expert. All are probabilities, averaged over a session.

    notices : of a mind-related comment. false_alarm : of another comment. keeps_appropriate, keeps_non_attuned : once
    noticed. drift : how much lower ``notices`` is at the end of a session than at its beginning; ``false_alarm`` grows
    by the same fraction of itself, ``drift / notices``.
    """

    notices: float
    false_alarm: float
    keeps_appropriate: float
    keeps_non_attuned: float
    drift: float = 0.0

    def at(self, place):
        """The two rates of noticing at a place in the session, from 0 (beginning) to 1 (end)."""
        share = self.drift / self.notices * (place - 0.5)
        return self.notices * (1 - share), self.false_alarm * (1 + share)


@dataclass(frozen=True)
class Coders:
    """The people. confusable_weight : how many times likelier a false alarm is on a hard case of CONFUSABLE (assumed).

    alarm_appropriate : share of false alarms that are called appropriate (assumed).
    """

    trained: Coder = Coder(0.86, 0.012, 0.91, 0.76)
    novice: Coder = Coder(0.70, 0.030, 0.82, 0.60, drift=0.36)
    confusable_weight: float = 4.0
    alarm_appropriate: float = 0.75


CODERS = Coders()
WORLDS = {"anchor-like": CODERS}

CONFUSABLE = frozenset(
    ("figure_of_speech", "other_mind", "own_state", "perception_verb", "physical_state", "praise", "trait")
)
"""Hard cases of the dataset transcripts that hold no state of this baby's mind but sound as if they did."""

KEYWORDS = (
    "angry",
    "bored",
    "cross",
    "decided",
    "delighted",
    "enjoy",
    "enjoying",
    "excited",
    "fed",
    "forgotten",
    "frightened",
    "glad",
    "happy",
    "hate",
    "interested",
    "interesting",
    "know",
    "like",
    "liked",
    "love",
    "loves",
    "mean",
    "meant",
    "mind",
    "need",
    "pleased",
    "prefer",
    "proud",
    "purpose",
    "puzzled",
    "rather",
    "recognised",
    "remember",
    "remembered",
    "sad",
    "scared",
    "sick",
    "surprised",
    "teasing",
    "think",
    "thinking",
    "thought",
    "tired",
    "try",
    "trying",
    "want",
    "wanted",
    "wants",
    "wonder",
    "wondering",
    "worried",
)
_KEYWORD = re.compile(r"\b(?:" + "|".join(KEYWORDS) + r")\b", re.IGNORECASE)

MATCHED = 0.04
"""How far a kappa of the class study may lie from its expectation."""
DRIFT_SEEN = 0.12
"""The novice's kappa for noticing is at least so much lower in the second half of the sessions than in the first."""


def keyword_code(text):
    """What the keyword bot makes of a comment."""
    return APPROPRIATE if _KEYWORD.search(text) else NOT_MIND


def class_study(seed, comments, coders=CODERS):
    """The four coders' codes.

    comments : the Table of the dataset transcripts. Sessions without expert codes are left out.
    """
    coded = [row for row in _rows(comments) if row["expert_code"]]
    last = Counter(row["session"] for row in coded)
    for row in coded:
        row["place"] = (row["comment"] - 1) / (last[row["session"]] - 1)
    for attempt in range(2000):
        stream = Stream("double_coded", seed, attempt=attempt)
        codes = {name: _draw(stream, coded, getattr(coders, name), coders) for name in ("trained", "novice")}
        if _as_expected(coded, codes, coders):
            break
    else:
        raise RuntimeError("no draw met the conditions")
    return Table(
        COLUMNS,
        [
            (row["session"], row["comment"], row["expert_code"], trained, novice, keyword_code(row["text"]))
            for row, trained, novice in zip(coded, codes["trained"], codes["novice"], strict=True)
        ],
    )


def truth(world="anchor-like"):
    """The rates of the two people, by name."""
    return asdict(WORLDS[world])


def expected_table(coder, appropriate, non_attuned, alarm_appropriate=CODERS.alarm_appropriate):
    """The expected joint shares {(expert's code, coder's code): share} at given shares of the expert's codes."""
    joint = {}
    for code, share, keeps, other in (
        (APPROPRIATE, appropriate, coder.keeps_appropriate, NON_ATTUNED),
        (NON_ATTUNED, non_attuned, coder.keeps_non_attuned, APPROPRIATE),
    ):
        joint[code, code] = share * coder.notices * keeps
        joint[code, other] = share * coder.notices * (1 - keeps)
        joint[code, NOT_MIND] = share * (1 - coder.notices)
    rest = 1 - appropriate - non_attuned
    joint[NOT_MIND, APPROPRIATE] = rest * coder.false_alarm * alarm_appropriate
    joint[NOT_MIND, NON_ATTUNED] = rest * coder.false_alarm * (1 - alarm_appropriate)
    joint[NOT_MIND, NOT_MIND] = rest * (1 - coder.false_alarm)
    return joint


def kappas(joint):
    """Cohen's kappas (1960) of a joint table of counts or shares: (noticing, fit, all three codes).

    Noticing: mind-related or not. Fit: appropriate or non-attuned, among comments that both call mind-related.
    """
    noticing, fit = Counter(), Counter()
    for (one, other), n in joint.items():
        noticing[one != NOT_MIND, other != NOT_MIND] += n
        if NOT_MIND not in (one, other):
            fit[one, other] += n
    return tuple(map(_kappa, (noticing, fit, joint)))


def _kappa(joint):
    total = sum(joint.values())
    rows, columns = Counter(), Counter()
    for (one, other), n in joint.items():
        rows[one] += n / total
        columns[other] += n / total
    seen = sum(n for (one, other), n in joint.items() if one == other) / total
    by_chance = sum(rows[code] * columns[code] for code in rows)
    return (seen - by_chance) / (1 - by_chance)


def _rows(table):
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def _draw(stream, coded, coder, coders):
    others = [row for row in coded if row["expert_code"] == NOT_MIND]
    confusable = sum(row["hard_case"] in CONFUSABLE for row in others) / len(others)
    plain = 1 / (1 + confusable * (coders.confusable_weight - 1))  # keeps the average rate of false alarms
    codes = []
    for row in coded:
        expert = row["expert_code"]
        notices, false_alarm = coder.at(row["place"])
        first, second = stream.uniforms(2)
        if expert == NOT_MIND:
            weight = plain * (coders.confusable_weight if row["hard_case"] in CONFUSABLE else 1)
            called = APPROPRIATE if second < coders.alarm_appropriate else NON_ATTUNED
            codes.append(called if first < false_alarm * weight else NOT_MIND)
        elif first >= notices:
            codes.append(NOT_MIND)
        elif expert == APPROPRIATE:
            codes.append(APPROPRIATE if second < coder.keeps_appropriate else NON_ATTUNED)
        else:
            codes.append(NON_ATTUNED if second < coder.keeps_non_attuned else APPROPRIATE)
    return codes


def _as_expected(coded, codes, coders):
    expert = [row["expert_code"] for row in coded]
    shares = [expert.count(code) / len(expert) for code in (APPROPRIATE, NON_ATTUNED)]
    for name, given in codes.items():
        hoped = kappas(expected_table(getattr(coders, name), *shares, coders.alarm_appropriate))
        seen = kappas(Counter(zip(expert, given, strict=True)))
        if any(abs(a - b) > MATCHED for a, b in zip(hoped, seen, strict=True)):
            return False
    falls = {name: _fall(coded, expert, given) for name, given in codes.items()}
    return falls["novice"] > DRIFT_SEEN and abs(falls["trained"]) < 0.06


def _fall(coded, expert, given):
    """How much lower the kappa for noticing is in the second half of the sessions than in the first."""
    halves = Counter(), Counter()
    for row, one, other in zip(coded, expert, given, strict=True):
        halves[row["place"] > 0.5][one, other] += 1
    return kappas(halves[0])[0] - kappas(halves[1])[0]
