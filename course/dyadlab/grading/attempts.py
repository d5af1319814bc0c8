"""How often grading a submission was begun, and how it ended: a journal on disk.

Each attempt is written down before it begins. What an attempt's line was never followed by is "interrupted": the
grader itself was stopped while that submission was being graded. That is nobody's fault and never counts as blame;
it only sends the submission to the end of the queue, so that one which should bring down the whole grader does so
after everybody else has been graded. Blame is counted when a grading process ended abnormally and this submission
was alone in it.
"""

import contextlib
import json
import os

#: Crashes after which a submission is left to a person.
MAX_BLAME = 3


class Attempts:
    """The journal of one course. Use in a ``with``; only the holder of the course's lock may have one."""

    def __init__(self, course):
        self._place = course.records / ".attempts"
        self._blame, self._interrupted = {}, {}
        self._open = set()

    def __enter__(self):
        self._load()
        self._place.parent.mkdir(parents=True, exist_ok=True)
        kept = [self._line("kept", key, n) for key, n in self._blame.items()]
        kept += [self._line("interrupted", key, n) for key, n in self._interrupted.items()]
        with contextlib.suppress(OSError):  # on a full disk the old journal serves
            whole = self._place.with_name(".attempts-half")
            whole.write_bytes(b"".join(kept))
            whole.replace(self._place)
        self._file = os.open(self._place, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        return self

    def __exit__(self, *_error):
        os.close(self._file)
        if not (self._open or self._blame or self._interrupted):
            self._place.unlink(missing_ok=True)

    def _load(self):
        try:
            lines = self._place.read_bytes().splitlines()
        except OSError:
            return
        begun = {}
        for line in lines:
            try:
                word, week, student, digest, number = json.loads(line)
                key = (week, student, digest)
            except (ValueError, TypeError):
                continue  # cut off when the machine went down
            if word == "begin":
                begun[key] = begun.get(key, 0) + 1
            elif word == "kept":
                self._blame[key] = number
            elif word == "interrupted":
                self._interrupted[key] = number
            else:
                begun.pop(key, None)
                if word == "crash":
                    self._blame[key] = self._blame.get(key, 0) + 1
                elif word == "end":
                    self._forget(key)
        for key, number in begun.items():
            self._interrupted[key] = self._interrupted.get(key, 0) + number

    def begin(self, key):
        """To be called before each attempt. A key is (week, student, digest of what is graded)."""
        self._open.add(key)
        self._write("begin", key)

    def end(self, key):
        """The attempt gave a result, whatever it was."""
        self._forget(key)
        self._write("end", key)

    def crash(self, key):
        """The grading process ended abnormally on this submission alone. Returns how often it has by now."""
        self._open.discard(key)
        self._blame[key] = self._blame.get(key, 0) + 1
        self._write("crash", key)
        with contextlib.suppress(OSError):
            os.fsync(self._file)
        return self._blame[key]

    def put_back(self, key):
        """The attempt ended without a result and without blame."""
        self._open.discard(key)
        self._write("back", key)

    def forget(self, key):
        """Begin anew with a submission: somebody asked for it to be graded again."""
        if key in self._blame or key in self._interrupted:
            self.end(key)

    def blame(self, key):
        return self._blame.get(key, 0)

    def interrupted(self, key):
        return self._interrupted.get(key, 0)

    def _forget(self, key):
        self._open.discard(key)
        self._blame.pop(key, None)
        self._interrupted.pop(key, None)

    def _line(self, word, key, number=0):
        return json.dumps([word, *key, number]).encode() + b"\n"

    def _write(self, word, key):
        with contextlib.suppress(OSError):  # a full disk: the count is not kept, and nobody is blamed for it
            os.write(self._file, self._line(word, key))
