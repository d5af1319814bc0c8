"""The sessions that students code: their comments, what the baby did meanwhile, and the decision procedure.

Everything comes from the dataset ``transcripts`` and its codebook, read with the standard library alone, so that
the coding tool also runs where there is no numpy.
"""

import csv
from dataclasses import dataclass
from functools import cache

from dyadlab.blanks import BlankLeft, is_blank
from dyadlab.datasets import folder
from dyadlab.sentences import Sentence
from dyadlab.studies.tables import read_codebook

AFFECTS = {"neutral": "neither smiling nor frowning"}
"""In the codebook, “neither” follows the two others; here it stands alone."""

BEFORE, AFTER = 4, 2
"""So many comments of the flow are shown around each comment that is picked out for practice."""


class UnknownSession(Sentence, ValueError):
    """There is no session of that name to code."""


@dataclass(frozen=True)
class Expert:
    """What an expert made of a comment. category and fit_way are empty for a comment that is not mind-related."""

    code: str
    category: str
    fit_way: str
    reason: str


@dataclass(frozen=True)
class Comment:
    """One comment and the baby at that moment. time_s : seconds from the start. expert : None where not to be shown.

    pause_s : seconds since the comment before began, 0 for the first. to_code : whether it is to be coded, or shown
    for the flow only.
    """

    session: str
    number: int
    infant: str
    time_s: int
    pause_s: int
    text: str
    gaze: str
    affect: str
    activity: str
    vocalisation: str
    lull: bool
    to_code: bool = True
    expert: Expert | None = None

    @property
    def key(self):
        """The comment's name in the tool and in messages, such as "S03-12"."""
        return f"{self.session}-{self.number}"


@dataclass(frozen=True)
class Task:
    """Something to code. picked : session -> numbers of the comments to code, or None for all of them."""

    name: str
    title: str
    file: str
    picked: dict
    practice: bool


TASKS = {
    task.name: task
    for task in (
        Task(
            "practice",
            "Practice: ten comments from two sessions",
            "w01_practice.csv",
            {"S01": (8, 16, 18, 20, 24), "S02": (23, 35, 36, 43, 55)},
            practice=True,
        ),
        Task("more practice", "More practice: a whole session", "w01_more_practice.csv", {"S02": None}, practice=True),
        Task("graded", "The graded session", "w01_codes.csv", {"S03": None}, practice=False),
    )
}


def task(name):
    """The task of that name. Raises UnknownSession."""
    if is_blank(name):
        raise BlankLeft()
    wanted = name.strip().casefold() if isinstance(name, str) else name
    if wanted not in TASKS:
        listed = ", ".join(f'"{known}"' for known in TASKS)
        raise UnknownSession(f"There is nothing to code called {name!r}. There is: {listed}.")
    return TASKS[wanted]


@cache
def comments(name):
    """The comments of a task in order, as a tuple of Comment; those shown for the flow only among them.

    Expert codes and reasons come with practice only; the graded session has none in these data at all.
    """
    wanted = task(name)
    chosen = []
    for session, picked in wanted.picked.items():
        rows = [row for row in _rows() if row["session"] == session]
        near = _near(picked, len(rows))
        earlier = None
        for row in rows:
            number = int(row["comment"])
            if number in near:
                chosen.append(_comment(row, earlier, picked is None or number in picked, wanted.practice))
            earlier = int(row["time_s"])
    return tuple(chosen)


def to_code(name):
    """The comments of a task that are to be coded."""
    return tuple(comment for comment in comments(name) if comment.to_code)


def _near(picked, last):
    """The numbers of the comments that are shown."""
    if picked is None:
        return range(1, last + 1)
    return {n for number in picked for n in range(max(1, number - BEFORE), min(last, number + AFTER) + 1)}


def _comment(row, earlier, wanted, with_expert):
    levels = {name: entry["levels"] for name, entry in book()["variables"].items() if "levels" in entry}
    expert = None
    if with_expert and wanted:
        expert = Expert(row["expert_code"], row["category"], row["fit_way"], row["reason"])
    return Comment(
        session=row["session"],
        number=int(row["comment"]),
        infant=row["infant_name"],
        time_s=int(row["time_s"]),
        pause_s=0 if earlier is None else int(row["time_s"]) - earlier,
        text=row["text"],
        gaze=levels["infant_gaze"][row["infant_gaze"]],
        affect=AFFECTS.get(row["infant_affect"], levels["infant_affect"][row["infant_affect"]]),
        activity=row["infant_activity"],
        vocalisation=levels["infant_vocalisation"][row["infant_vocalisation"]],
        lull=row["lull"] == "1",
        to_code=wanted,
        expert=expert,
    )


@cache
def _rows():
    with (folder() / "transcripts" / "transcripts.csv").open(encoding="ascii", newline="") as stream:
        return tuple(csv.DictReader(stream))


@cache
def book():
    """The codebook of the transcripts, as a dictionary."""
    return read_codebook(folder() / "transcripts" / "transcripts.json")


def manual():
    """The decision procedure of this course, as a dictionary: steps, kinds, ways to fit and not to fit, rules."""
    return book()["codingManual"]
