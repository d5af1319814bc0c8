"""The student's process: runs a student's cells, hands out values by name, and calls functions.

It lives behind the walls of :mod:`dyadlab.grading.sandbox` and is forked from a warm process (:mod:`.warm`), so it
imports nothing that takes long. It never holds a check. Once a student's first cell has run, nothing that it says is
believed: whoever listens (:mod:`.students`) takes its answers as data.
"""

import base64
import contextlib
import os
import random
import signal
import sys

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

from dyadlab.grading import wire

#: What one cell may write (letters), and what its figures and tables may take (letters of base64 or HTML).
TEXT_LIMIT, SHOWN_LIMIT, OUTPUTS_LIMIT = 200_000, 10_000_000, 200


#: Stands for an answer that was too large to send, or interrupted; it holds neither a value nor a reply.
UNFINISHED = {"unfinished": True}


class Outputs:
    """What a cell has put out so far, as a notebook keeps it, up to a limit."""

    def __init__(self):
        self.clear()

    def clear(self):
        self.kept, self.text_left, self.shown_left, self.cut = [], TEXT_LIMIT, SHOWN_LIMIT, False

    def write(self, name, text):
        if len(text) > self.text_left:
            text, self.cut = text[: self.text_left], True
        self.text_left -= len(text)
        last = self.kept[-1] if self.kept else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"].append(text)
        elif text and self.room():
            self.kept.append({"output_type": "stream", "name": name, "text": [text]})

    def show(self, output):
        size = sum(len(content) for content in output.get("data", {}).values() if isinstance(content, str | bytes))
        if size > self.shown_left or not self.room():
            self.cut = True
            return
        self.shown_left -= size
        self.kept.append(output)

    def room(self):
        if len(self.kept) >= OUTPUTS_LIMIT:
            self.cut = True
        return len(self.kept) < OUTPUTS_LIMIT

    def failed(self, output):
        """An error is kept whatever else was written: it must not be lost behind a flood."""
        self.kept.append(output)

    def as_notebook(self):
        return [plain for out in self.kept if (plain := as_json(out)).get("text") != ""]


def as_json(output):
    """An output with its pieces of text joined and its pictures as base64."""
    if output["output_type"] == "stream":
        return {**output, "text": "".join(output["text"])}
    data = {
        kind: base64.b64encode(content).decode() if isinstance(content, bytes) else content
        for kind, content in output.get("data", {}).items()
    }
    return {**output, "data": data} if data else output


class Stream:
    """Stands for sys.stdout or sys.stderr and writes into the cell's outputs."""

    encoding, errors, closed, softspace = "utf-8", "strict", False, 0

    def __init__(self, outputs, name):
        self.outputs, self.name = outputs, f"<{name}>"
        self._name = name

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.outputs.write(self._name, text)
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        pass

    def isatty(self):
        return False

    def writable(self):
        return True

    readable = seekable = isatty

    def fileno(self):
        raise OSError("this output has no file behind it")


class Hook(DisplayHook):
    """The last line's value becomes an execute_result."""

    def write_output_prompt(self):
        pass

    def write_format_data(self, format_dict, md_dict=None):
        self.shell.outputs.show(
            {
                "output_type": "execute_result",
                "execution_count": self.shell.execution_count,
                "data": format_dict,
                "metadata": md_dict or {},
            }
        )

    def finish_displayhook(self):
        pass

    def log_output(self, format_dict):
        pass


class Publisher(DisplayPublisher):
    """Figures and everything displayed become display_data."""

    def publish(self, data, metadata=None, *args, transient=None, update=False, **kwargs):
        if not update:
            self.shell.outputs.show({"output_type": "display_data", "data": data, "metadata": metadata or {}})

    def clear_output(self, wait=False):
        self.shell.outputs.clear()


class Shell(InteractiveShell):
    """IPython as a notebook has it, without kernel, history file or colours."""

    displayhook_class, display_pub_class = Type(Hook), Type(Publisher)
    outputs = None

    def _showtraceback(self, etype, evalue, stb):
        self.outputs.failed(
            {"output_type": "error", "ename": etype.__name__, "evalue": str(evalue), "traceback": [str(s) for s in stb]}
        )

    def enable_gui(self, gui=None):
        """Figures go into the notebook; there are no windows to wait for."""

    def ask_exit(self):
        """`exit` in a cell ends nothing here."""


def make_shell():
    """The shell, made once in the warm process; its children find it ready."""
    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.xmode = "Plain"
    config.InteractiveShell.autocall = 0
    Shell.outputs = Outputs()
    shell = Shell.instance(config=config)
    shell.system = shell.system_piped
    shell.enable_matplotlib("inline")
    # pyplot would draw every open figure once for nobody, before it is drawn for the notebook
    from matplotlib import pyplot

    with contextlib.suppress(ValueError):
        shell.events.unregister("post_execute", pyplot._draw_all_if_interactive)
    return shell


def serve(connection):
    """Answer requests until the other side hangs up. Called once, behind the walls, before any student's code."""
    shell = Shell.instance()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interruption counts only while a cell runs
    random.seed(0)
    sys.modules["numpy"].random.seed(0)
    sys.stdin = open(os.devnull)  # noqa: SIM115 (for as long as this process lives)
    sys.stdout, sys.stderr = Stream(shell.outputs, "stdout"), Stream(shell.outputs, "stderr")
    shell.builtin_trap.activate()
    sys.modules["builtins"].input = no_input
    known = Known()
    jobs = {"files": write_files, "run": run, "fetch": fetch, "call": call}
    while True:
        try:
            request = wire.receive(connection)
        except wire.Lost:
            return
        try:
            answer = jobs[request.pop("do")](shell, known, **request)
        except KeyboardInterrupt:  # it came while a value was being written down
            answer = UNFINISHED
        try:
            wire.send(connection, answer)
        except wire.Lost as lost:
            if lost.why != "large":
                return
            wire.send(connection, UNFINISHED)


class Known:
    """The functions that the other side may call, by number."""

    def __init__(self):
        self.functions = []

    def remember(self, function):
        for key, known in enumerate(self.functions):
            if known is function:
                return key
        self.functions.append(function)
        return len(self.functions) - 1


def no_input(prompt=""):
    """There is nobody to ask while work is graded."""
    raise StdinNotImplementedError(
        "input() asks somebody to type, and nobody sits here while work is graded. Put the value into the code instead."
    )


def write_files(shell, known, files):
    """Put the files that came with the notebook beside it: into the private folder, which is the current one."""
    for name, content in files.items():
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(os.path.join(".", name)), exist_ok=True)
            with open(os.path.join(".", name), "wb") as stream:
                stream.write(base64.b64decode(content))
    return {}


def run(shell, known, source, count):
    """Run one cell. Gives its outputs, and whether something was cut off."""
    shell.outputs.clear()
    shell.execution_count = count
    with interruptible():
        try:
            shell.run_cell(source, store_history=True)
        except KeyboardInterrupt:  # it came between two lines of IPython itself
            shell.outputs.failed(interrupted())
    return {"outputs": shell.outputs.as_notebook(), "cut": shell.outputs.cut}


def interrupted():
    return {"output_type": "error", "ename": "KeyboardInterrupt", "evalue": "", "traceback": ["KeyboardInterrupt"]}


@contextlib.contextmanager
def interruptible():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        # a second interruption may fall between these lines; the next request would only find the cell interrupted
        with contextlib.suppress(KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def fetch(shell, known, name):
    """The value of a name, as data."""
    if name not in shell.user_ns:
        return {"has": False}
    with interruptible():
        return {"has": True, "value": wire.encode(shell.user_ns[name], known.remember)}


def call(shell, known, of, key, request):
    """Call a function of the student's, as wire.Function asks."""
    shell.outputs.clear()
    with interruptible():
        return {"reply": wire.perform(known.functions[key], request, known.remember, known.functions.__getitem__)}
