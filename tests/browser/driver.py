"""Drives JupyterLab in headless Chromium: servers started as ``dyadlab lab`` starts them, and a page's parts.

Three habits of JupyterLab shape what is here. A notebook looks idle before its kernel is connected, so
:meth:`Lab.open` asks the kernel itself. A command that waits for the kernel may never come back, so commands
are started and their end is waited for with a time limit. A widget's new value reaches the kernel and comes
back a moment later, so tests wait for what they expect and never read just once.
"""

import contextlib
import ctypes
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from dyadlab import lab
from playwright.sync_api import Error as PlaywrightError

SECONDS = 1000  # Playwright counts in milliseconds
PATIENCE = 90 * SECONDS
NAMES_OF_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CONTROLS = ":is(input, select, button, textarea, [role=slider], [role=listbox]):visible:not([disabled])"
WIDE = {"width": 1360, "height": 900}
PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
_NUMBERS = itertools.count(1)


def find_chromium():
    """Where Chromium is on this machine, or None."""
    return next(filter(None, map(shutil.which, NAMES_OF_CHROMIUM)), None)


@dataclass(frozen=True)
class Server:
    """A running JupyterLab: its address (ending in a slash), its token, the folder it opens, its log."""

    url: str
    token: str
    folder: Path
    log: Path

    def address(self, path=""):
        return f"{self.url}{path}?token={self.token}"

    def status(self, path):
        """The HTTP status of a page of the server."""
        try:
            with urllib.request.urlopen(self.address(path), timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code


@contextlib.contextmanager
def server(home, root, course, student):
    """JupyterLab as ``dyadlab lab`` would start it, with ``home`` for everything it writes for itself.

    Differs from the real thing only in opening no browser, taking any free port, and letting the page's
    scripts reach the application.
    """
    home.mkdir(parents=True)
    runtime = home / "runtime"
    base = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JUPYTER", "DYADLAB", "PYTHON", "IPYTHON"))
    }
    base |= {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "IPYTHONDIR": str(home / "ipython"),
        "MPLCONFIGDIR": str(home / "matplotlib"),
    }
    line = lab.command(
        student,
        root,
        course,
        [
            "--no-browser",
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.port=0",
            "--LabApp.expose_app_in_browser=True",
        ],
    )
    log = home / "server.log"
    with log.open("w") as written:
        process = subprocess.Popen(
            line,
            env=lab.environment(student, root, course, base),
            stdout=written,
            stderr=written,
            cwd=lab.folder(student, root, course),
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
    try:
        known = _wait_for(runtime, process, log)
        yield Server(known["url"], known["token"], Path(known["root_dir"]), log)
    finally:
        _stop(process)


def _end_with_parent():
    """Ask Linux to end this process when the one that started it ends, even if that was killed."""
    set_signal_at_parents_end = 1
    ctypes.CDLL(None).prctl(set_signal_at_parents_end, signal.SIGTERM)


def _wait_for(runtime, process, log):
    """What the server writes about itself once it listens: a dictionary with url, token and root_dir."""
    deadline = time.monotonic() + PATIENCE / SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for path in runtime.glob("jpserver-*.json"):
            with contextlib.suppress(ValueError, OSError):
                known = json.loads(path.read_text())
                urllib.request.urlopen(f"{known['url']}api/status?token={known['token']}", timeout=5).close()
                return known
        time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start. The end of its log:\n{log.read_text()[-3000:]}")


def _stop(process):
    """End the server and all that it started, politely and then surely."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(5)


@contextlib.contextmanager
def browser(playwright, executable):
    """A browser with a profile of its own, which asks nothing of the world by itself."""
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=executable,
            headless=True,
            viewport=WIDE,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
            ],
        )
        try:
            yield context
        finally:
            context.close()


class Lab:
    """One tab with JupyterLab in it. ``strangers`` and ``complaints`` collect outside addresses that the page
    asked for, and errors on its console."""

    def __init__(self, context, server, folder_for_pictures=None):
        self.server = server
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.pictures = folder_for_pictures
        self.strangers, self.complaints = [], []
        self.page.on("request", self._note_request)
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note_request(self, request):
        if not request.url.startswith((self.server.url, "data:", "blob:")):
            self.strangers.append(request.url)

    def close(self):
        """Stop the kernels that this tab started, and close it."""
        if self.page.url.startswith(self.server.url):
            self._finish("serviceManager.sessions.shutdownAll()")
        self.page.close()

    def picture(self, name, part=None):
        """Keep what the tab, or a part of it, shows, when somebody asked for pictures."""
        if self.pictures:
            (part or self.page).screenshot(path=self.pictures / f"{name}.png")

    def start(self):
        """Open JupyterLab with nothing in it."""
        self._go()

    def open(self, path):
        """Open a notebook (path below the server's folder) and wait until its kernel answers."""
        self._go(f"/tree/{path}")
        self.ready()

    def ready(self):
        """Wait until the notebook that is shown has a kernel that answers."""
        self.page.wait_for_selector(f"{PANEL} .jp-Notebook .jp-Cell")
        self.page.wait_for_function(
            """() => {
              const shown = window.jupyterapp.shell.currentWidget;
              const kernel = shown?.sessionContext?.session?.kernel;
              return kernel && shown.sessionContext.isReady && shown.context.isReady
                && kernel.connectionStatus === 'connected' && kernel.status === 'idle';
            }"""
        )
        self._finish("shell.currentWidget.sessionContext.session.kernel.info")

    def _go(self, path=""):
        """Load JupyterLab in a workspace that is new. With one that is open in another tab, or one that is to be
        reset, JupyterLab may load the page once more some time after the first."""
        workspace = f"lab/workspaces/new-{next(_NUMBERS)}"
        self.page.goto(self.server.address(workspace + path), wait_until="domcontentloaded")
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")
        self.page.wait_for_function("() => window.jupyterapp?.shell")
        self._finish("restored")

    def _finish(self, promise):
        """Wait for a promise of the application, named by its expression, with a time limit."""
        self.page.evaluate(
            f"() => {{ window.dyadlabDone = null; Promise.resolve(window.jupyterapp.{promise})"
            ".then(() => { window.dyadlabDone = true; }, e => { window.dyadlabDone = String(e); }); }"
        )
        done = self.page.wait_for_function("() => window.dyadlabDone").json_value()
        if done is not True:
            raise RuntimeError(f"{promise}: {done}")

    def command(self, name):
        """Run a command of JupyterLab and wait for its end."""
        self._finish(f"commands.execute({name!r})")

    def begin(self, name):
        """Run a command of JupyterLab whose end may never come, such as one that opens a dialogue."""
        self.page.evaluate(f"() => {{ window.jupyterapp.commands.execute({name!r}); }}")

    def commands(self, start):
        """The names of JupyterLab's commands that begin with ``start``."""
        names = self.page.evaluate("() => window.jupyterapp.commands.listCommands()")
        return sorted(name for name in names if name.startswith(start))

    def menu(self, label):
        """The entries of a menu of the menu bar, as a list of text; empty when there is no such menu."""
        title = self.page.locator(".lm-MenuBar-item", has_text=label)
        if title.count() == 0:
            return []
        entries = self.page.locator(".lm-Menu .lm-Menu-itemLabel")
        for _ in range(5):  # a menu sometimes closes again while the page is still busy
            title.click()
            with contextlib.suppress(PlaywrightError):
                entries.first.wait_for(timeout=2 * SECONDS)
                found = entries.all_inner_texts()
                self.page.keyboard.press("Escape")
                return [text for text in found if text]
        raise AssertionError(f"the menu {label} does not open")

    # --- the notebook that is shown ---

    @property
    def outputs(self):
        return self.page.locator(f"{PANEL} .jp-OutputArea-output")

    def cells(self):
        """Every cell of the notebook as [id, type], in order."""
        return self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.widgets.map(w => [w.model.id, w.model.type])"
        )

    def select(self, index):
        """Select a cell without editing it, as a click beside it does."""
        self.page.evaluate(
            """i => {
              const notebook = window.jupyterapp.shell.currentWidget.content;
              notebook.deselectAll(); notebook.activeCellIndex = i; notebook.mode = 'command';
              notebook.activeCell.node.focus();
            }""",
            index,
        )

    def run(self, cell):
        """Run the cell with that id."""
        self.select([name for name, _ in self.cells()].index(cell))
        self.command("notebook:run-cell")

    def run_all(self):
        """Run all cells from the top, which stops at the first error."""
        self.command("notebook:run-all-cells")

    def run_each(self):
        """Run every code cell, one after the other, going on after errors."""
        for index, (_, kind) in enumerate(self.cells()):
            if kind == "code":
                self.select(index)
                self.command("notebook:run-cell")

    def settle(self):
        """Wait until the kernel has nothing to do, so that what is shown is up to date."""
        kernel = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        self.page.wait_for_function(f"() => {kernel}.status === 'idle'")
        self.page.wait_for_timeout(300)

    def validate(self, picture):
        """Press Validate and return the text of the dialogue, which is then closed."""
        self.page.get_by_role("button", name="Validate").click()
        dialogue = self.page.locator(".jp-Dialog")
        dialogue.locator(".jp-Dialog-header", has_text="Validation").wait_for()
        text = dialogue.inner_text()
        self.picture(picture)
        dialogue.get_by_role("button", name="Ok").click()
        dialogue.wait_for(state="detached")
        return text

    # --- widgets ---

    @property
    def widgets(self):
        """The outputs that hold a widget, of whatever kind: all others are not panels."""
        return self.page.locator(f"{PANEL} .jp-OutputArea-output.lm-Panel")

    def controls(self, widget):
        """What can be operated in a widget."""
        return widget.locator(CONTROLS)

    def shown(self, widget):
        """All that a widget shows: its words, the state of its controls and its pictures."""
        return widget.evaluate(
            """node => [node.innerText,
              ...[...node.querySelectorAll('input, select')].map(e => e.type + e.value + e.checked),
              ...[...node.querySelectorAll('[role=slider]')].map(e => e.ariaValueNow),
              ...[...node.querySelectorAll('img')].map(e => e.src)].join('\\n')"""
        )

    def operate(self, widget, control):
        """Use one control by keyboard, and return whether the widget then showed something else."""
        before = self.shown(widget)
        for key in keys_for(control):
            control.focus()
            self.page.keyboard.press(key)
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline:
                if self.shown(widget) != before:
                    return True
                self.page.wait_for_timeout(100)
        return False


def keys_for(control):
    """Keys that change a control: one, and its opposite in case the control stands at its end."""
    kind = control.evaluate("node => node.getAttribute('role') || node.type || node.tagName.toLowerCase()")
    if kind in {"slider", "range"}:
        return ("ArrowRight", "ArrowLeft")
    if kind in {"number", "radio", "select", "select-one", "select-multiple", "spinbutton", "listbox"}:
        return ("ArrowUp", "ArrowDown")
    return (" ",)
