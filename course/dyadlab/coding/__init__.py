"""The coding tool of week 1: a model of codes, kept in a file beside the notebook, and a view of it for notebooks.

:mod:`dyadlab.coding.sessions` knows the comments, :mod:`dyadlab.coding.codes` the decisions and their file,
:mod:`dyadlab.coding.widget` how they are shown. The first two need the standard library only.
"""

from dyadlab.coding import sessions
from dyadlab.coding.codes import Codes, NotAnAnswer, codes_in_file

__all__ = ["code_session", "read", "write"]


def code_session(name):
    """The coding tool for a session: "practice", "more practice" or "graded". Shows itself in a notebook.

    Every decision is saved at once in a file beside the notebook (``w01_codes.csv`` for the graded session), and
    the tool opens where you stopped. Raises UnknownSession.
    """
    from dyadlab.coding.widget import CodingTool

    return CodingTool(name)


def read(name, folder="."):
    """The codes given in the coding tool, as a table with one row for each comment of the task, coded or not.

    name : "practice", "more practice" or "graded". Columns: session, comment, time_s, text, infant_activity, lull,
    code (missing where there is none yet), category, unsure, note; for practice also expert_code, expert_category
    and reason. Prints how many comments are coded, and what could not be read. Raises NoCodesYet with a sentence.
    """
    import pandas as pd

    found, faults = codes_in_file(name, folder)
    rows = []
    for comment in sessions.to_code(name):
        mark = found.get(comment.key)
        row = {
            "session": comment.session,
            "comment": comment.number,
            "time_s": comment.time_s,
            "text": comment.text,
            "infant_activity": comment.activity,
            "lull": int(comment.lull),
            "code": (mark.code if mark else "") or None,
            "category": (mark.category if mark else "") or None,
            "unsure": bool(mark and mark.unsure),
            "note": mark.note if mark else "",
        }
        if comment.expert:
            row |= {
                "expert_code": comment.expert.code,
                "expert_category": comment.expert.category or None,
                "reason": comment.expert.reason,
            }
        rows.append(row)
    table = pd.DataFrame(rows).astype({"code": "str", "category": "str"})
    coded = int(table["code"].notna().sum())
    print(f"{coded} of {len(table)} comments coded.")
    if coded < len(table):
        print("Not coded yet:", _listed(table.loc[table["code"].isna(), "comment"].tolist()))
    if faults:
        print(f"{sessions.task(name).file} could not be read whole: {faults[0]}")
    return table


def _listed(numbers, most=12):
    more = f" and {len(numbers) - most} more" if len(numbers) > most else ""
    return ", ".join(map(str, numbers[:most])) + more


def write(name, codes, others=None, folder="."):
    """Save codes that were not given in the tool but on paper, for example, into the same file, and return its name.

    codes : {comment number: code}; a number that several sessions have goes by its key, such as "S01-8". others : the
    code of all comments that are not named. A code is one of "not_mind_related", "appropriate", "non_attuned".
    """
    kept = Codes(name, folder)
    by_number = {}
    for comment in kept.comments.values():
        by_number.setdefault(comment.number, []).append(comment.key)
    named = {}
    for wanted, code in codes.items():
        keys = [wanted] if wanted in kept.comments else by_number.get(wanted, [])
        if len(keys) != 1:
            raise NotAnAnswer(f"There is no one comment {wanted!r} to code here.")
        named[keys[0]] = code
    given = {key: named.get(key, others) for key in kept.comments}
    kept.give({key: code for key, code in given.items() if code is not None})
    return kept.path.name
