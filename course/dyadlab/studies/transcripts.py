"""Transcripts of five minutes of play without toys: what a mother said, what the baby did, how an expert codes it.

The words were written by hand for this course; no mother said them and nothing here is drawn at random. The truth is
``datasets/transcripts/sessions/S01.csv`` and so on, one file for each session, open to any editor or spreadsheet; this
module puts them into one table and refuses, with sentences, what breaks the rules that the codebook states.

The session in which students are graded has no code columns in its file: its expert codes live with the instructors.

The decision procedure is the key ``codingManual`` of ``datasets/transcripts/transcripts.json``. It is told in our own
words after two published studies that apply the manual of Meins and Fernyhough (2015): Larkin et al. (2023) and Lee,
Meins and Larkin (2023). What we decided ourselves is called there "the rule of this course".

Standard library only.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from dyadlab.sentences import Sentence
from dyadlab.studies.tables import TEXT, WHOLE, Table, decimals

BEHAVIOUR = {
    "time_s": WHOLE,
    "text": TEXT,
    "infant_gaze": TEXT,
    "infant_affect": TEXT,
    "infant_activity": TEXT,
    "infant_vocalisation": TEXT,
    "lull": WHOLE,
}
"""The columns of every authored file: what can be heard and seen."""

CODES = {
    "expert_code": TEXT,
    "category": TEXT,
    "decision_step": WHOLE,
    "fit_way": TEXT,
    "hard_case": TEXT,
    "reason": TEXT,
}
"""The further columns of the authored files of coded sessions."""

COLUMNS = {
    "session": TEXT,
    "dyad": TEXT,
    "used_for": TEXT,
    "infant_name": TEXT,
    "infant_age_months": decimals(1),
    "comment": WHOLE,
    **BEHAVIOUR,
    **CODES,
}


@dataclass(frozen=True)
class Session:
    """One filmed session. used_for : "practice", "graded" or "reliability"."""

    name: str
    dyad: str
    used_for: str
    infant_name: str
    infant_age_months: float


SESSIONS = (
    Session("S01", "A", "practice", "Edie", 4.6),
    Session("S02", "B", "practice", "Kofi", 7.2),
    Session("S03", "C", "graded", "Nell", 6.1),
    Session("S04", "D", "reliability", "Yusuf", 5.3),
    Session("S05", "E", "reliability", "Isla", 3.2),
    Session("S06", "F", "reliability", "Rowan", 8.6),
    Session("S07", "G", "reliability", "Priya", 6.6),
    Session("S08", "H", "reliability", "Tomos", 3.8),
    Session("S09", "I", "reliability", "Zofia", 7.8),
    Session("S10", "J", "reliability", "Leo", 9.0),
)

GAZES = (
    "mother_face",
    "mother_hands",
    "mother_clothes",
    "own_hands",
    "own_feet",
    "own_clothes",
    "mat",
    "window",
    "door",
    "ceiling",
    "mirror",
    "camera",
    "unfocused",
)
AFFECTS = ("positive", "neutral", "negative")
VOCALISATIONS = (
    "silent",
    "coo",
    "babble",
    "squeal",
    "laugh",
    "grunt",
    "sigh",
    "whimper",
    "cry",
    "hiccup",
    "sneeze",
    "raspberry",
)
EXPERT_CODES = ("not_mind_related", "appropriate", "non_attuned")
CATEGORIES = ("desire", "cognition", "emotion", "intention", "epistemic", "speaking_for_infant")
WAYS_TO_FIT = ("fits_now", "linked_in_time", "offer_after_lull", "plausible_voice")
WAYS_NOT_TO_FIT = ("contradicted", "unrelated_in_time", "interrupts", "no_basis", "unclear_referent")
HARD_CASES = (
    "figure_of_speech",
    "future_talk",
    "interruption",
    "irony",
    "lull_offer",
    "other_mind",
    "own_state",
    "own_state_projected",
    "past_talk",
    "perception_verb",
    "physical_state",
    "praise",
    "song",
    "speaking_for_infant",
    "teasing",
    "trait",
    "unclear_referent",
)
LULL_S = 10
"""A lull: at least so many seconds between two beginnings, with a baby not taken up by anything."""


class BadTranscript(Sentence):
    """An authored session breaks the rules of the codebook; the message names the line."""


def class_study(folder):
    """All sessions in one table, read from the authored files in ``folder``. Raises BadTranscript."""
    rows = []
    for session in SESSIONS:
        path = Path(folder) / f"{session.name}.csv"
        for number, row in enumerate(read_session(path, coded=session.used_for != "graded"), start=1):
            about = (session.name, session.dyad, session.used_for, session.infant_name, session.infant_age_months)
            rows.append((*about, number, *(row.get(column) for column in (*BEHAVIOUR, *CODES))))
    return Table(COLUMNS, rows)


def read_session(path, coded):
    """The comments of one authored file, as dictionaries; an empty cell is None. Raises BadTranscript.

    coded : whether the file has the columns of CODES. The graded session's file must not have them.
    """
    columns = {**BEHAVIOUR, **CODES} if coded else BEHAVIOUR
    reader = csv.reader(io.StringIO(Path(path).read_bytes().decode("ascii"), newline=""))
    header = next(reader)
    if header != list(columns):
        raise BadTranscript(f"{path.name} should have the columns {', '.join(columns)}; it has {', '.join(header)}.")
    rows, before = [], None
    for line, cells in enumerate(reader, start=2):
        where = f"{path.name}, line {line}"
        if len(cells) != len(columns):
            raise BadTranscript(f"{where}: {len(cells)} cells instead of {len(columns)}. Is a comma outside quotes?")
        row = {name: form.read(cell) for (name, form), cell in zip(columns.items(), cells, strict=True)}
        faults = [*_faults_of_behaviour(row, before), *(_faults_of_codes(row) if coded else ())]
        if faults:
            raise BadTranscript(f"{where} (“{row['text']}”): {faults[0]}")
        rows.append(row)
        before = row
    return rows


def _faults_of_behaviour(row, before):
    if not row["text"] or row["text"] != row["text"].strip():
        yield "the comment is empty or has spaces around it."
    for column, allowed in (("infant_gaze", GAZES), ("infant_affect", AFFECTS), ("infant_vocalisation", VOCALISATIONS)):
        if row[column] not in allowed:
            yield f"{column} is {row[column]!r}; it can be {', '.join(allowed)}."
    if not row["infant_activity"]:
        yield "infant_activity is empty."
    if row["time_s"] is None or not 0 <= row["time_s"] <= 300:
        yield "time_s lies outside the 300 seconds."
    elif before and row["time_s"] <= before["time_s"]:
        yield "time_s does not go on from the comment before."
    elif before and row["lull"] != int(row["time_s"] - before["time_s"] >= LULL_S):
        yield f"lull is 1 when {LULL_S} seconds or more have passed since the comment before began, and else 0."


def _faults_of_codes(row):
    code, way = row["expert_code"], row["fit_way"]
    if code not in EXPERT_CODES:
        yield f"expert_code is {code!r}; it can be {', '.join(EXPERT_CODES)}."
    elif code == "not_mind_related":
        if row["category"] or way:
            yield "a comment that is not mind-related has neither category nor fit_way."
        if row["decision_step"] not in (1, 2):
            yield "a comment that is not mind-related is decided at step 1, or at step 2 for a bodily state that fits."
    else:
        if row["category"] not in CATEGORIES:
            yield f"category is {row['category']!r}; it can be {', '.join(CATEGORIES)}."
        ways = WAYS_TO_FIT if code == "appropriate" else WAYS_NOT_TO_FIT
        if way not in ways:
            yield f"fit_way is {way!r}; for {code} it can be {', '.join(ways)}."
        if (way == "offer_after_lull") != (row["hard_case"] == "lull_offer"):
            yield "fit_way offer_after_lull and hard_case lull_offer go together."
        if row["decision_step"] not in (2, 3):
            yield "a mind-related comment is decided at step 3, or at step 2 when the kind is what coders argue about."
    if row["hard_case"] and row["hard_case"] not in HARD_CASES:
        yield f"hard_case is {row['hard_case']!r}; it can be empty or {', '.join(HARD_CASES)}."
    if not row["reason"] or not row["reason"].endswith("."):
        yield "the reason is one sentence with a full stop."
