"""A student's process as the grader sees it: run a cell, fetch a value, call a function, each with a time limit.

Whatever comes back is taken as data and never believed: outputs are rebuilt field by field, values go through the
strict side of :mod:`dyadlab.grading.wire`. A process that answers too late, too much or not at all is ended; everything
asked of it afterwards raises :class:`Gone`.
"""

import base64
import contextlib
import json
import os
import signal
import threading
import time

from dyadlab.grading import sandbox, wire
from dyadlab.grading.wire.functions import MOST_OUTPUT
from dyadlab.sentences import NotJudged

#: After an interruption a cell has this long to stop; then its process is ended.
GRACE_S = 2.0
#: Levels of lists and dictionaries in an output that is JSON; a live widget has three.
MOST_NESTED = 50


class Gone(NotJudged):
    """The student's process is no longer there; the message says why."""


class Student:
    """One student's process.

    deadline : the moment (time.monotonic) when the notebook's whole time is over. slow : names of functions that are
    not called again, because they took too long before; added to here.
    """

    def __init__(self, warm, deadline, slow):
        self._warm, self.deadline, self.slow = warm, deadline, slow
        self._connection, self._pid = warm.fork()
        self._watch = Watch(self._pid, warm.limits.memory_mb)
        self.gone = ""

    def give(self, files):
        """Put files beside the notebook: {name: bytes}."""
        packed = {name: base64.b64encode(content).decode() for name, content in files.items()}
        self._ask(30, do="files", files=packed)

    def run(self, source, count, seconds):
        """Run a cell. Returns its outputs (as a notebook keeps them), whether some were cut off, and whether it was
        interrupted because ``seconds`` were over."""
        interrupted = []
        answer = self._ask(seconds, interrupted, do="run", source=source, count=count)
        given = answer.get("outputs")
        outputs = [tidy for output in given if (tidy := tidied(output))] if isinstance(given, list) else []
        return outputs, bool(answer.get("cut")), bool(interrupted)

    def fetch(self, name, seconds):
        """The value of a name. Raises KeyError where there is none, wire.CannotCross, or Gone."""
        answer = self._ask(seconds, do="fetch", name=name)
        if answer.get("has") is False:
            raise KeyError(name)
        if "value" not in answer:
            raise wire.CannotCross(f"`{name}` is too large to be handed over, or takes too long.")
        return wire.decode(answer.get("value"), self.caller(name, seconds))

    def caller(self, name, seconds):
        """How a function that came with the answer ``name`` is called over there: see wire.Function."""

        def call(key, request):
            if name in self.slow:
                raise TimeoutError("the function took too long before and was not tried again")
            interrupted = []
            answer = self._ask(seconds, interrupted, do="call", of=name, key=key, request=request)
            if interrupted:
                self.slow.add(name)
                raise TimeoutError(f"the function ran for more than {seconds:g} seconds and was stopped")
            if "reply" not in answer:
                raise wire.CannotCross(f"what `{name}` gave back is too large to be handed over.")
            reply = answer["reply"]
            if isinstance(reply, dict) and len(str(reply.get("output"))) >= MOST_OUTPUT:
                raise OSError("the function printed far too much")
            return reply

        return call

    def end(self):
        """End the process and all that it started. May be called twice."""
        if self._connection is not None:
            self._watch.stop()
            self._connection.close()
            self._connection = None
            self._warm.end(self._pid)

    def _ask(self, seconds, interrupted=None, **request):
        if self.gone:
            raise Gone(self.gone)
        until = min(time.monotonic() + seconds, self.deadline)
        try:
            wire.send(self._connection, request, until + GRACE_S)
            try:
                return wire.receive(self._connection, until)
            except wire.Lost as lost:
                if lost.why != "slow":
                    raise
            if interrupted is not None:
                interrupted.append(True)
            self._warm.interrupt(self._pid)
            return wire.receive(self._connection, time.monotonic() + GRACE_S)
        except wire.Lost as lost:
            if lost.why == "slow" and "of" in request:
                self.slow.add(request["of"])
            self.gone = self._watch.why or str(lost)
            self.end()
            raise Gone(self.gone) from None
        except BaseException:
            # the checker's own clock, above all: the answer may still come, and the next question would take it for its
            self.gone = "it had not answered when the time for a check was over"
            self.end()
            raise


class Watch(threading.Thread):
    """Looks every so often how much memory a student's process and all that it started take together, and ends it when
    that is too much. The limit of a single process does not see that several share the work."""

    EVERY_S = 0.15

    def __init__(self, pid, most_mb):
        super().__init__(daemon=True)
        self._pid, self._most_mb, self._over = pid, most_mb, threading.Event()
        self.why = ""
        self.start()

    def run(self):
        while not self._over.wait(self.EVERY_S):
            if sandbox.memory_mb(self._pid, exact_above=self._most_mb) > self._most_mb:
                self.why = f"it took more than {self._most_mb} MB of memory"
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._pid, signal.SIGKILL)
                return

    def stop(self):
        self._over.set()
        self.join()


def stopped_output(why):
    """What stands under a cell that ended Python."""
    says = f"Python stopped here: {why}."
    return {"output_type": "error", "ename": "Stopped", "evalue": says, "traceback": [says]}


def tidied(output):
    """An output rebuilt from what the student's process said, or None if it is not one."""
    if not isinstance(output, dict):
        return None
    kind = output.get("output_type")
    if kind == "stream" and output.get("name") in ("stdout", "stderr"):
        return {"output_type": "stream", "name": output["name"], "text": text(output.get("text"))}
    if kind == "error":
        lines = output.get("traceback")
        return {
            "output_type": "error",
            "ename": text(output.get("ename"))[:200],
            "evalue": text(output.get("evalue"))[:20_000],
            "traceback": [text(line)[:20_000] for line in lines[:200]] if isinstance(lines, list) else [],
        }
    if kind in ("display_data", "execute_result") and isinstance(output.get("data"), dict):
        data = {str(mime)[:200]: content for mime, content in output["data"].items() if is_content(mime, content)}
        made = {"output_type": kind, "data": data, "metadata": {}}
        if kind == "execute_result":
            count = output.get("execution_count")
            made["execution_count"] = count if type(count) is int and 0 <= count < 10**6 else None
        return made
    return None


def is_content(mime, content):
    """Text, or for the kinds whose content is JSON, anything that is not too deep: it is shown and never judged."""
    if mime == "application/json" or str(mime).endswith("+json"):
        return not deeper_than(MOST_NESTED, content)
    return isinstance(content, str)


def deeper_than(most, content):
    """Whether lists and dictionaries stand in one another more often than that; programs that read them would stop."""
    level = [content]
    for _ in range(most + 1):
        parts = [part.values() if isinstance(part, dict) else part for part in level if isinstance(part, dict | list)]
        level = [one for part in parts for one in part]
        if not level:
            return False
    return True


def size(output):
    """How many characters of a notebook an output takes, about."""
    if output["output_type"] == "stream":
        return len(output["text"])
    if output["output_type"] == "error":
        return len(output["evalue"]) + sum(map(len, output["traceback"]))
    return sum(len(part) if isinstance(part, str) else len(json.dumps(part)) for part in output["data"].values())


def text(value):
    """A string that every program can write: no half characters (lone surrogates)."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
