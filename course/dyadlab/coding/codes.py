"""Codes as a coder gives them, step by step, and the file that they are kept in. Knows nothing of how they are shown.

A :class:`Mark` is what a coder has said of one comment. :class:`Codes` holds the marks of one task and saves
each change at once: it reads the file again, keeps the newer of two marks of the same comment, and puts a complete
new file in the place of the old one. So two open copies do not lose each other's work, and whoever looks at the file,
at any instant, sees a whole one.

Standard library only.
"""

import contextlib
import csv
import io
import os
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dyadlab.coding import sessions
from dyadlab.sentences import Sentence

CODES = ("not_mind_related", "appropriate", "non_attuned")
BODILY = "bodily_state"
KINDS = ("desire", "cognition", "emotion", "intention", "epistemic", "speaking_for_infant", BODILY)
"""The answers to step 2. The last is not a kind of state of mind: it counts only when it does not fit."""
COLUMNS = (
    "session",
    "comment",
    "code",
    "category",
    "mind_related",
    "kind",
    "fits",
    "unsure",
    "disagrees",
    "note",
    "changed",
)
NEVER = "1970-01-01T00:00:00.000Z"
YES, NO = "yes", "no"
LOCK_PATIENCE_S, LOCK_STALE_S = 5.0, 3.0


class NotAnAnswer(Sentence, ValueError):
    """An answer that the decision procedure does not ask for at that point."""


class NotSaved(Sentence, OSError):
    """The codes could not be written; the message says why."""


class NoCodesYet(Sentence, LookupError):
    """There is no file of codes, or none of this task's comments has a code in it."""


@dataclass(frozen=True)
class Mark:
    """What a coder has said of one comment.

    mind : answer to step 1. kind : one of KINDS or empty. fits : answer to step 3. None or empty: not answered yet.
    disagrees : with the expert's reason, in practice. changed : when, as text in UTC, so that texts sort as times.
    """

    mind: bool | None = None
    kind: str = ""
    fits: bool | None = None
    unsure: bool = False
    disagrees: bool = False
    note: str = ""
    changed: str = NEVER

    @property
    def code(self):
        """One of CODES, or an empty text as long as a step is open."""
        if self.mind is False:
            return "not_mind_related"
        if self.mind is None or self.fits is None:
            return ""
        if self.fits:
            return "not_mind_related" if self.kind == BODILY else "appropriate"
        return "non_attuned"

    @property
    def category(self):
        """The kind of state as the dataset writes it: a bodily state that does not fit is an emotion."""
        if self.code not in CODES[1:]:
            return ""
        return "emotion" if self.kind == BODILY else self.kind

    def answer(self, step, value):
        """The mark after an answer to a step: True or False to steps 1 and 3, one of KINDS to step 2.

        Step 1 begins the comment anew. Raises NotAnAnswer for a step whose turn it is not.
        """
        if step == 1 and isinstance(value, bool):
            return replace(self, mind=value, kind="", fits=None, disagrees=False)
        if step == 2 and value in KINDS and self.mind:
            return replace(self, kind=value)
        if step == 3 and isinstance(value, bool) and self.mind and self.kind:
            return replace(self, fits=value)
        raise NotAnAnswer(f"Step {step} cannot be answered with {value!r} now.")

    def same_as(self, other):
        """Whether both say the same, whenever they were made."""
        return replace(self, changed=NEVER) == replace(other, changed=NEVER)


class Codes:
    """The codes of one task, kept in a file. ``notice`` is a sentence about the file, when there is one to say."""

    def __init__(self, name, folder="."):
        self.task = sessions.task(name)
        self.comments = {comment.key: comment for comment in sessions.to_code(name)}
        self.path = Path(folder) / self.task.file
        self.marks = {}
        self.notice = ""
        self._before = []
        with contextlib.suppress(NotSaved):  # a folder that cannot be written to is told of at the first change
            self.refresh()

    # --- looking ---

    def mark(self, key):
        """What has been said of a comment, an empty Mark at first."""
        return self.marks.get(key, Mark())

    def coded(self):
        """The keys of comments with a code, in order."""
        return [key for key in self.comments if self.mark(key).code]

    def filtered(self, which):
        """The keys of some comments, in order. which : "all", "not coded", "unsure", "noted" or "disagrees"."""
        wanted = {
            "all": lambda mark: True,
            "not coded": lambda mark: not mark.code,
            "unsure": lambda mark: mark.unsure,
            "noted": lambda mark: bool(mark.note),
            "disagrees": lambda mark: mark.disagrees,
        }[which]
        return [key for key in self.comments if wanted(self.mark(key))]

    def start(self):
        """The key of the comment to go on with: the one changed last while it is open, else the first open one after
        it, else the first open one; in a finished task the one changed last."""
        keys = list(self.comments)
        last = max(self.marks, key=lambda key: self.marks[key].changed, default=keys[0])
        place = keys.index(last)
        return next((key for key in keys[place:] + keys[:place] if not self.mark(key).code), last)

    def summary(self):
        """Counts at a glance: a dictionary with ``comments``, ``coded``, ``codes`` and ``categories`` (name to count),
        and the numbers of comments ``not_coded``, ``unsure``, ``noted``, ``disagrees`` (lists of text)."""
        marks = [self.mark(key) for key in self.comments]
        codes = Counter(mark.code for mark in marks)
        categories = Counter(mark.category for mark in marks if mark.category)
        lists = {which: self.filtered(which.replace("_", " ")) for which in ("not_coded", "unsure", "noted")}
        return {
            "comments": len(marks),
            "coded": len(marks) - codes[""],
            "codes": {code: codes[code] for code in CODES},
            "categories": dict(categories),
            **lists,
            "disagrees": self.filtered("disagrees"),
        }

    # --- deciding ---

    def answer(self, key, step, value):
        """Answer a step for a comment, and save."""
        return self._change(key, self.mark(key).answer(step, value))

    def decide(self, key, mind=None, kind="", fits=None):
        """Answer all steps for a comment up to where one is open, and save."""
        mark = self.mark(key).answer(1, mind)
        if kind:
            mark = mark.answer(2, kind)
        if fits is not None:
            mark = mark.answer(3, fits)
        return self._change(key, mark)

    def set(self, key, **said):
        """Set ``unsure`` or ``disagrees`` (True or False) or ``note`` (text) of a comment, and save."""
        kinds = {"unsure": bool, "disagrees": bool, "note": str}
        for name, value in said.items():
            if not isinstance(value, kinds.get(name, ())):
                raise NotAnAnswer(f"{name} cannot be set to {value!r}.")
        return self._change(key, replace(self.mark(key), **said))

    def undo(self):
        """Take back the last change made here, and save. Returns the comment's key, or None without a change."""
        if not self._before:
            return None
        key, before, after = self._before[-1]
        if self.mark(key).same_as(after):  # otherwise another copy has changed it since: leave that alone
            self._save({key: before})
        self._before.pop()
        return key

    def _change(self, key, mark):
        if key not in self.comments:
            raise NotAnAnswer(f"There is no comment {key!r} to code here.")
        before = self.mark(key)
        self._save({key: mark})
        self._before.append((key, before, mark))
        return key

    def give(self, codes):
        """Give several comments their codes at once, {key: code}, and save."""
        given = {}
        for key, code in codes.items():
            if key not in self.comments or code not in CODES:
                raise NotAnAnswer(f"{code!r} is not a code, or there is no comment {key!r} to code here.")
            related = code != "not_mind_related"
            given[key] = replace(self.mark(key), mind=related, kind="", fits=code == "appropriate" if related else None)
        self._save(given)

    # --- the file ---

    def refresh(self):
        """Take in what the file holds. A file that cannot be read whole is kept under another name."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise NotSaved(f"{self.path.name} cannot be read ({error.strerror}).") from None
        found, faults = parse(content, self.task.name)
        if faults:
            self.notice = self._keep_copy(content, found, faults)
        self._merge(found)

    def _merge(self, found):
        for key, mark in found.items():
            if mark.changed >= self.mark(key).changed:
                self.marks[key] = mark

    def _save(self, marks):
        """Put marks among those of the file and write it. In memory they stay even if that fails."""
        try:
            with only_writer(self.path):
                self.refresh()
                self._put(marks)
                write_whole(self.path, self.to_csv())
        except NotSaved:
            self._put(marks)
            raise
        except OSError as error:
            raise NotSaved(
                f"{self.path.name} could not be written ({error.strerror or error}). Is it open in another program, or "
                "the disk full? Your next decision tries again."
            ) from None

    def _put(self, marks):
        for key, mark in marks.items():
            self.marks[key] = replace(mark, changed=later_than(self.mark(key).changed))

    def to_csv(self):
        """The file as text: one row for each comment that anything has been said of."""
        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\n")
        writer.writerow(COLUMNS)
        for key, comment in self.comments.items():
            mark = self.mark(key)
            if mark.changed == NEVER:
                continue
            writer.writerow(
                (
                    comment.session,
                    comment.number,
                    mark.code,
                    mark.category,
                    _yes_no(mark.mind),
                    mark.kind,
                    _yes_no(mark.fits),
                    int(mark.unsure),
                    int(mark.disagrees),
                    mark.note,
                    mark.changed,
                )
            )
        return written.getvalue()

    def _keep_copy(self, content, found, faults):
        """Keep the file as it was found beside it, once, and say so in a sentence."""
        number = 1
        while (copy := self.path.with_name(f"{self.path.stem}_as_found_{number}.csv")).exists():
            if copy.read_bytes() == content:
                break
            number += 1
        else:
            try:
                write_whole(copy, content)
            except OSError as error:
                raise NotSaved(f"{copy.name} could not be written ({error.strerror or error}).") from None
        read = sum(bool(mark.code) for mark in found.values())
        return (
            f"{self.path.name} could not be read whole: {faults[0]}{' And more.' if faults[1:] else ''} "
            f"{read} of {len(self.comments)} codes were read. The file as it was found is kept as {copy.name}."
        )


def parse(content, name):
    """What a file of codes holds for a task: ({key: Mark}, [sentences about what could not be read]).

    content : bytes, as a spreadsheet program may have saved them (semicolons, a byte-order mark, another encoding).
    Where the code and the answers to the steps do not agree, the code counts. Of two rows for one comment the last one
    counts.
    """
    keys = {(comment.session, comment.number): comment.key for comment in sessions.to_code(name)}
    faults, found = [], {}
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    if "\0" in text or not text.strip():
        return {}, ["it is empty." if not text.strip() else "it is not a table."]
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        lacking = [column for column in ("session", "comment", "code") if column not in (reader.fieldnames or ())]
        if lacking:
            return {}, [f"it has no column {' and no column '.join(lacking)}."]
        for row in reader:
            session = (row["session"] or "").strip()
            try:
                key = keys.get((session, int(row["comment"])))
                if key is None:
                    known = session in {s for s, _ in keys}
                    what = f"no comment {row['comment']}" if known else f"a code of session {session or 'without name'}"
                    faults.append(f"line {reader.line_num} holds {what}, which is not coded here.")
                    continue
                found[key] = _mark(row)
            except (TypeError, ValueError):
                faults.append(f"line {reader.line_num} is not a code of a comment.")
    except csv.Error:
        faults.append(f"the table breaks off in line {reader.line_num}.")
    return found, faults


def _mark(row):
    """One row of a file as a Mark. ValueError when it makes no sense."""
    said = {name: (row.get(name) or "").strip() for name in COLUMNS}
    code, kind = said["code"].casefold(), said["kind"] or said["category"]
    if code not in (*CODES, "") or kind not in (*KINDS, ""):
        raise ValueError("neither a code nor a kind")
    mark = Mark(
        mind=_truth(said["mind_related"]),
        kind=kind,
        fits=_truth(said["fits"]),
        unsure=said["unsure"] == "1",
        disagrees=said["disagrees"] == "1",
        note=row.get("note") or "",
        changed=said["changed"] if _is_time(said["changed"]) else NEVER.replace("00.000", "00.001"),
    )
    if not code or mark.code == code:
        return mark
    if code == "not_mind_related":
        return replace(mark, mind=False, kind="", fits=None)
    return replace(mark, mind=True, fits=code == "appropriate")


def _truth(text):
    return {YES: True, NO: False}.get(text.casefold())


def _yes_no(value):
    return "" if value is None else YES if value else NO


def _is_time(text):
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len(NEVER) and text.endswith("Z")


def later_than(earlier):
    """Now, as text, or a thousandth of a second after ``earlier`` if a clock has been turned back."""
    now = datetime.now(UTC)
    with contextlib.suppress(OverflowError):
        now = max(now, datetime.fromisoformat(earlier) + timedelta(milliseconds=1))
    return now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"


@contextlib.contextmanager
def only_writer(path):
    """Be the only one who writes ``path``, on every system: a small file beside it says so for a few milliseconds.

    One that a crash left behind is taken away after LOCK_STALE_S seconds. Raises NotSaved when waiting does not help.
    """
    lock = path.with_name(f".{path.name}.lock")
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            break
        except FileExistsError:
            with contextlib.suppress(OSError):
                if abs(time.time() - lock.stat().st_mtime) > LOCK_STALE_S:
                    lock.unlink()
                    continue
        except PermissionError as error:  # Windows, for a moment, while another copy takes its lock away
            if os.name != "nt":
                raise NotSaved(_unwritable(path, error)) from None
        except OSError as error:
            raise NotSaved(_unwritable(path, error)) from None
        if time.monotonic() > deadline:
            raise NotSaved(
                f"{path.name} is being written by another copy of the notebook. Your next decision tries again."
            )
        time.sleep(0.01)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.unlink()


def _unwritable(path, error):
    return (
        f"{path.name} could not be written, because nothing can be written into this folder ({error.strerror}). "
        "Copy the notebook into a folder of your own."
    )


def write_whole(path, content):
    """Write text or bytes so that ``path`` is, at any instant, either as it was or complete."""
    content = content.encode("utf-8") if isinstance(content, str) else content
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)  # handed in like any file; mkstemp lets its owner alone read it
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def codes_in_file(name, folder="."):
    """The marks in a task's file as ({key: Mark}, faults), changing nothing. Raises NoCodesYet with a sentence."""
    task = sessions.task(name)
    path = Path(folder) / task.file
    try:
        content = path.read_bytes()
    except OSError:
        raise NoCodesYet(
            f"There is no file {task.file} beside this notebook yet. It appears with your first decision in the coding "
            f'tool: run the cell with dyadlab.code_session("{name}") and code a comment.'
        ) from None
    found, faults = parse(content, name)
    if not any(mark.code for mark in found.values()):
        why = f" What is amiss: {faults[0]}" if faults else ""
        listed = " and ".join(task.picked)
        raise NoCodesYet(f"{task.file} holds no code for a comment of session {listed}.{why}")
    return found, faults
