"""The coding tool as a notebook shows it: decisions go to :class:`dyadlab.coding.codes.Codes`, and back what is saved.

The page draws each decision at once and calls it saved only when this side has said so. Messages, and not
synchronised traits, carry the decisions: a trait keeps only the last of several quick changes.

JupyterLab may hand messages to several threads of Python, so one may overtake another, in either direction. Each
message therefore holds all answers to a comment and a number, and whoever gets an older one after a newer one drops it.
"""

import html
import threading
from pathlib import Path

import anywidget
import traitlets

from dyadlab.coding import sessions
from dyadlab.coding.codes import BODILY, Codes, Mark, NotAnAnswer, NotSaved

STATIC = Path(__file__).with_name("static")
NAMES = {
    "not_mind_related": "not mind-related",
    "appropriate": "appropriate",
    "non_attuned": "non-attuned",
    "speaking_for_infant": "speaking for the infant",
    BODILY: "a bodily state",
    "": "not coded",
}
BODILY_KIND = {
    "kind": BODILY,
    "meaning": "hungry, tired, windy: not a state of mind. It counts only when it does not fit, as in Lee, Meins and "
    "Larkin (2023)",
    "example": "You're tired, you are.",
}


class CodingTool(anywidget.AnyWidget):
    """The view of one task. ``codes`` is the model."""

    _esm = STATIC / "coder.js"
    _css = STATIC / "coder.css"
    setup = traitlets.Dict().tag(sync=True)

    def __init__(self, name, folder="."):
        self.codes = Codes(name, folder)
        self._sent, self._numbers, self._answered = {}, {}, 0
        self._turn = threading.Lock()
        super().__init__(setup=setup(self.codes))
        self.on_msg(self._heard)

    def _heard(self, _widget, message, _buffers):
        """Do what the page asks for, and tell it what is saved."""
        with self._turn:
            answer = {"to": message.get("id"), "saved": True}
            try:
                answer |= self._do(message)
            except (NotAnAnswer, NotSaved) as refusal:
                answer |= {"saved": isinstance(refusal, NotAnAnswer), "why": str(refusal)}
            self._answered += 1
            news = self._news(message.get("key"), everything=message.get("do") == "open")
            self.send({**answer, **news, "number": self._answered})

    def _do(self, message):
        key, what = message.get("key"), message.get("do")
        if what == "open":
            self.codes.refresh()
            return {"go": self.codes.start()}
        if what == "undo":
            return {"go": self.codes.undo()}
        if what == "answer" and self._is_newest(message, what):
            self.codes.decide(key, *message.get("answers", ()))
        elif what == "set":
            said = message.get("said", {})
            newest = {name: value for name, value in said.items() if self._is_newest(message, name)}
            if newest:
                self.codes.set(key, **newest)
        return {}

    def _is_newest(self, message, about):
        """Whether no later message of that page about the same thing has been here before."""
        page, _, number = str(message.get("id")).rpartition("-")
        about = (page, message.get("key"), about)
        number = int(number) if number.isdigit() else 0
        if number < self._numbers.get(about, 0):
            return False
        self._numbers[about] = number
        return True

    def _news(self, key, everything=False):
        """The mark asked about, and those that the page has not seen yet; another copy may have made some of them."""
        now = {one: as_sent(self.codes.mark(one)) for one in self.codes.comments}
        marks = {one: mark for one, mark in now.items() if everything or one == key or self._sent.get(one) != mark}
        self._sent = now
        return {"marks": marks, "summary": self.codes.summary(), "notice": self.codes.notice}

    def __repr__(self):
        done = len(self.codes.coded())
        return f"{self.codes.task.title}: {done} of {len(self.codes.comments)} comments coded."

    def _repr_mimebundle_(self, **kwargs):
        # A table in words stands in wherever the tool cannot live: on paper, in a feedback page, without a kernel.
        shown = super()._repr_mimebundle_(**kwargs)
        bundle, rest = (shown[0], shown[1:]) if isinstance(shown, tuple) else (shown, None)
        bundle = {**(bundle or {}), "text/plain": repr(self), "text/html": as_table(self.codes)}
        return bundle if rest is None else (bundle, *rest)


def setup(codes):
    """All that the page needs to know once: the comments, the procedure and the names of codes."""
    manual = sessions.manual()
    return {
        "title": codes.task.title,
        "file": codes.task.file,
        "practice": codes.task.practice,
        "names": NAMES,
        "items": [as_item(comment) for comment in sessions.comments(codes.task.name)],
        "steps": manual["steps"],
        "kinds": [*manual["kinds"], BODILY_KIND],
        "help": [
            {"title": "When it fits: one way is enough", "lines": [way["meaning"] for way in manual["ways_to_fit"]]},
            {
                "title": "When it does not fit: any of these",
                "lines": [way["meaning"] for way in manual["ways_not_to_fit"]],
            },
            {
                "title": "Rules for hard cases",
                "lines": [f"{rule['about'].capitalize()}. {rule['rule']}" for rule in manual["course_rules"]],
            },
            {"title": "The unit", "lines": [manual["unit"]]},
        ],
    }


def as_item(comment):
    """A comment as the page gets it."""
    item = {
        "key": comment.key,
        "session": comment.session,
        "number": comment.number,
        "infant": comment.infant,
        "time": f"{comment.time_s // 60}:{comment.time_s % 60:02d}",
        "text": comment.text,
        "gaze": comment.gaze,
        "face": comment.affect,
        "activity": comment.activity,
        "sound": comment.vocalisation,
        "lull": comment.pause_s if comment.lull else 0,
        "toCode": comment.to_code,
    }
    if comment.expert:
        ways = {
            way["way"]: way["meaning"] for part in ("ways_to_fit", "ways_not_to_fit") for way in sessions.manual()[part]
        }
        item["expert"] = {
            "code": comment.expert.code,
            "category": comment.expert.category,
            "way": ways.get(comment.expert.fit_way, ""),
            "reason": comment.expert.reason,
        }
    return item


def as_sent(mark: Mark):
    """A mark as the page gets it."""
    return {
        "mind": mark.mind,
        "kind": mark.kind,
        "fits": mark.fits,
        "unsure": mark.unsure,
        "disagrees": mark.disagrees,
        "note": mark.note,
        "code": mark.code,
        "category": mark.category,
    }


def as_table(codes):
    """The task as a plain HTML table, for where nothing can be clicked."""
    cell = html.escape
    rows = []
    for comment in sessions.comments(codes.task.name):
        mark = codes.mark(comment.key)
        code = NAMES[mark.code] if comment.to_code else "(shown for the flow)"
        kind = f", {NAMES.get(mark.category, mark.category)}" if mark.category else ""
        lull = " (after a lull)" if comment.lull else ""
        words = (
            f"{comment.session} {comment.number}",
            f"{comment.time_s // 60}:{comment.time_s % 60:02d}{lull}",
            comment.text,
            f"{comment.activity}; looks at {comment.gaze}; face {comment.affect}; {comment.vocalisation}",
            code + kind + (" (unsure)" if mark.unsure else ""),
            mark.note,
        )
        rows.append("<tr>" + "".join(f'<td style="text-align:left">{cell(word)}</td>' for word in words) + "</tr>")
    heads = ("Comment", "Time", "Words", "What the baby does", "Your code", "Your note")
    return (
        f"<p>{cell(codes.task.title)}, {len(codes.coded())} of {len(codes.comments)} comments coded. SYNTHETIC. "
        f"To code, run this cell where Python is running; decisions are kept in {cell(codes.task.file)}.</p>"
        "<table><thead><tr>"
        + "".join(f'<th scope="col" style="text-align:left">{head}</th>' for head in heads)
        + f"</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )
