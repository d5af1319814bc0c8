"""Put an attack and its two neighbours into a copy of the target course, and see afterwards what it did."""

import hashlib
import json
import re
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat

from attacks import target

#: The neighbours, by name before and after every attacker. One has all answers right, the other none.
BLANK, RIGHT = "ann_blank", "zoe_right"
FILE = f"{target.WEEK}.ipynb"


@dataclass(frozen=True)
class Surroundings:
    """What an attacker is told about the machine: the course's folder, a folder outside it, a listening port."""

    course: Path
    outside: Path
    port: int = 0

    def fill(self, text):
        for word, value in (("@COURSE@", self.course), ("@OUTSIDE@", self.outside), ("@PORT@", self.port)):
            text = text.replace(word, str(value))
        return text


def bytes_of(notebook):
    return nbformat.writes(notebook).encode()


def place(here, released, attack, around):
    """Write one attack's submission into the course ``here``; returns the student's id."""
    folder = here.submitted / attack.who / target.WEEK
    folder.mkdir(parents=True)
    if attack.place is not None:
        attack.place(folder, released, here)
        return attack.who
    if attack.files is not None:
        files = attack.files(released, here)
    else:
        cells = {name: around.fill(text).strip("\n") for name, text in attack.cells.items()}
        setup = around.fill(attack.setup).strip("\n")
        files = {FILE: bytes_of(target.filled_in(released, attack.answers, setup, cells))}
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return attack.who


def place_neighbours(here, released, who=(BLANK, RIGHT)):
    for student in who:
        answers = "right" if student == RIGHT else "blank"
        folder = here.submitted / student / target.WEEK
        folder.mkdir(parents=True)
        (folder / FILE).write_bytes(bytes_of(target.filled_in(released, answers)))


def checksums(*folders):
    """``{path: digest}`` of every file below the folders; a link counts as where it leads to."""
    found = {}
    for folder in folders:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_symlink():
                found[str(path)] = f"link to {path.readlink()}"
            elif path.is_file():
                found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def shown(path):
    """All outputs of the free and answer cells of an executed notebook, as a list; empty where there is none."""
    try:
        cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
        own = [c for c in cells if not c.get("metadata", {}).get("nbgrader", {}).get("locked")]
        return [output for cell in own for output in cell.get("outputs", [])]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def read_out(path):
    """The secrets that these outputs give away."""
    text = json.dumps(shown(path), ensure_ascii=False)
    return [what for what, words in target.SECRETS.items() if words in text]


def boasts(path):
    """What an attack says of itself: the lines it printed that begin with BOAST."""
    texts = ["".join(output.get("text", "")) for output in shown(path) if output.get("output_type") == "stream"]
    return [line.removeprefix("BOAST: ") for line in "\n".join(texts).split("\n") if line.startswith("BOAST: ")]


def marked_page(path):
    """The page that formgrader shows of an executed notebook, made by its own exporter."""
    from nbconvert.exporters import HTMLExporter
    from nbgrader.server_extensions.formgrader import handlers
    from traitlets.config import Config

    exporter = HTMLExporter(
        config=Config(HTMLExporter={"template_name": "formgrade", "extra_template_basedirs": [handlers.template_path]})
    )
    words = ("student", "assignment_id", "notebook_id", "submission_id", "mathjax_url", "last_name", "first_name")
    names = dict.fromkeys((*words, "notebook_path"), "x") | {"base_url": "/", "index": 0, "total": 1}
    page, _ = exporter.from_notebook_node(nbformat.read(path, as_version=4), resources=names)
    return page


def scripts(path):
    """What on the marker's page would run in the marker's browser, though the student wrote it."""
    from bs4 import BeautifulSoup

    page = BeautifulSoup(marked_page(path), "html.parser")
    found = [str(script)[:80] for script in page.find_all("script") if "mallory" in str(script)]
    for element in page.find_all(True):
        for name, value in element.attrs.items():
            acts = name.startswith("on") or name == "srcdoc" or (name in ("href", "action") and ":" in str(value))
            if "mallory" in str(value) and acts:
                found.append(f"{name}={value}")
    for untouched in page.find_all(["pre", "code", "script"]):
        untouched.decompose()
    return found + re.findall(r"\\href\{javascript[^}]*", page.get_text())  # which MathJax makes a link


@contextmanager
def listener():
    """A service on this machine that student code must not reach. Gives (port, list of what was sent to it)."""
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        over = threading.Event()

        def listen():
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(1)
                    try:
                        heard.append(connection.recv(200).decode(errors="replace"))
                    except OSError:
                        heard.append("")

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1], heard
        finally:
            over.set()
            thread.join()
