"""Claims about the pages people read: what they name exists, and the commands they give can be given."""

import contextlib
import importlib.util
import io
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from dyadlab import cli

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def committed():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=60)
    return [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


COMMITTED = committed()
pytestmark = pytest.mark.skipif(not COMMITTED, reason="not a git checkout")
PAGES = [name for name in COMMITTED if name.endswith(".md")]


def jobs():
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "bootstrap.py")
    bootstrap = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bootstrap)
    return bootstrap.JOBS


def command_lines(text):
    """The lines of a page that are meant to be typed (indented or fenced), without their remarks."""
    lines = re.findall(r"^ {4}(\S.*)$", text, re.MULTILINE)
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        lines += block.splitlines()
    return [re.split(r"\s{2,}|\s#\s", line)[0] for line in lines]


def mentions(text):
    """Code within sentences, which may name only part of a command."""
    return re.findall(r"`([^`\n]+)`", text)


def refused(command, whole):
    """Whether make, bootstrap.py or dyadlab would not know ``command``; of a part, whether it knows the words."""
    words = shlex.split(command.replace("…", ""), posix=True) if command.count("'") % 2 == 0 else command.split()
    if words[:1] == ["make"] and len(words) > 1:
        return words[1] not in {*jobs(), "help"}
    if "bootstrap.py" in words[:2] and len(words) > 2:
        return words[2] not in jobs()
    if words[:1] != ["dyadlab"] or len(words) == 1:
        return False
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            if whole:
                cli.parser().parse_args(words[1:])
            else:
                cli.parser().parse_args([*(w for w in words[1:] if not w.startswith("-")), "--help"])
    except SystemExit as end:
        unknown = [word for word in words if word.startswith("--") and word not in said.getvalue()]
        return bool(end.code or unknown)
    return False


def headings(page):
    """The anchors of a page's headings, as code hosts make them."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES)
def test_no_link_is_dead(page):
    here = ROOT / page
    for target in re.findall(r"\]\(([^)\s]+)\)", here.read_text(encoding="utf-8")):
        if re.match(r"https?://|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (here.parent / path).resolve() if path else here
        assert linked.exists(), f"{page} links to {target}, which does not exist"
        assert any((ROOT / name).is_relative_to(linked) for name in COMMITTED), f"{page}: {target} is not in git"
        assert not anchor or anchor in headings(linked), f"{page}: {target} has no such heading"


@pytest.mark.parametrize("page", PAGES)
def test_every_command_given_can_be_given(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert [line for line in command_lines(text) if refused(line, whole=True)] == []
    assert [words for words in mentions(text) if refused(words, whole=False)] == []


@pytest.mark.parametrize(
    "wrong", ["make tea", "python3 bootstrap.py tea", "dyadlab gradee w04", "dyadlab check --fixx", "dyadlab data bild"]
)
def test_a_command_that_does_not_exist_would_be_noticed(wrong):
    assert command_lines(f"Do this:\n\n    {wrong}    # remark\n") == [wrong]
    assert refused(wrong, whole=True)
    assert refused(wrong, whole=False)


def test_the_two_commands_come_first():
    assert command_lines(README)[:2] == ["make demo", "make test"]


def tables():
    """The README's tables, each a list of rows, each a list of cells; without the headings."""
    found = re.findall(r"(?:^\|.*\n)+", README, re.MULTILINE)
    return [[[cell.strip() for cell in row.strip("| ").split(" | ")] for row in t.splitlines()[2:]] for t in found]


def test_folder_table_names_every_top_level_file_and_folder_and_no_other():
    table = next(t for t in tables() if "`course/`" in t[0][0])
    named = {name.rstrip("/") for row in table for name in re.findall(r"`([^`]+)`", row[0])}
    there = {name.split("/")[0] for name in COMMITTED}
    assert named == there - {"README.md", ".gitignore", ".gitattributes"}


def test_derived_table_names_files_that_exist_or_are_kept_out_of_git():
    table = next(t for t in tables() if "`solutions/`" in t[0][0])
    assert len(table) >= 5
    for made, source, _ in table:
        for path in re.findall(r"`([^`]+)`", made):
            ignored = subprocess.run(["git", "check-ignore", "-q", path], cwd=ROOT, timeout=60).returncode == 0
            assert ignored == ("not in git" in made), path
            assert ignored or list(ROOT.glob(path.rstrip("/"))), path
        for path in re.findall(r"`([^`]+)`", source):
            assert list(ROOT.glob(path.rstrip("/"))), path


@pytest.mark.parametrize("page", PAGES)
def test_no_page_promises_a_week_that_does_not_exist(page):
    weeks = {path.name[:3] for path in (ROOT / "course" / "source").iterdir()}
    text = (ROOT / page).read_text(encoding="utf-8")
    typed = [line for line in command_lines(text) + mentions(text) if line.startswith("dyadlab")]
    named = {word for line in typed for word in re.findall(r"\bw\d\d\b", line)}
    assert named <= weeks
