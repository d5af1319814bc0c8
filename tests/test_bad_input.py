"""Claims about submissions that are broken, odd or traps: mended and said, or refused with a sentence; never silent,
never a guess, and never at another student's cost. The numbers are those of the catalogue of bad input."""

import contextlib
import datetime
import errno
import io
import json
import os
import random
import socket
import subprocess
import sys
import unicodedata

import nbformat
import pytest
from dyadlab.grading import master, notebooks, outputs, prepare, submission

WEEK = "w99_test"
NAME = f"{WEEK}.ipynb"
linux_files = pytest.mark.skipif(sys.platform == "win32", reason="links and special files of Unix")


def cell(name, source, kind="code", grade=False, solution=False, points=0.0):
    locked = not solution
    made = master.MasterCell(name, kind, source, locked, grade, solution, points, "")
    checksum = notebooks.checksum(made.as_cell())
    return master.MasterCell(name, kind, source, locked, grade, solution, points, checksum)


MASTER = master.Master(
    WEEK,
    (
        cell("w99_my_id", 'my_id = "____"', solution=True),
        cell("w99_x", "x = ____", solution=True),
        cell("w99_x_check", "assert x == 1", grade=True, points=2.0),
        cell("w99_why_think", "Write your answer here.", kind="markdown", grade=True, solution=True, points=1.0),
    ),
)


def notebook(**answers):
    """The week's notebook, answered, as a dict of JSON."""
    made = nbformat.v4.new_notebook(cells=[one.as_cell() for one in MASTER.cells])
    made.metadata = nbformat.from_dict(notebooks.CANONICAL_METADATA)
    for one in made.cells:
        one.source = answers.get(notebooks.grade_id(one).removeprefix("w99_"), one.source)
    return json.loads(nbformat.writes(made))


ANSWERED = {"x": "x = 1", "why_think": "Because."}


def ready(content=None, **files):
    files = {NAME: content} | files if content is not None else files
    packed = {n: c if isinstance(c, bytes) else json.dumps(c, ensure_ascii=False).encode() for n, c in files.items()}
    return prepare.prepare(MASTER, submission.Submission("ab123", WEEK, packed))


def sources(prepared):
    return {notebooks.grade_id(c): c.source for c in prepared.notebook.cells if notebooks.grade_id(c)}


def whole(prepared):
    """The answers are all there, and the course's cells as they should be."""
    return sources(prepared) == {
        **{one.grade_id: one.source for one in MASTER.cells},
        "w99_x": "x = 1",
        "w99_why_think": "Because.",
    }


def refusal(content=None, **files):
    with pytest.raises(prepare.Unreadable) as caught:
        ready(content, **files)
    return str(caught.value)


# --- 36: not JSON -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "It is empty"),
        (b" \n", "It is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "It is a picture"),
        (b"PK\x03\x04\x14\0", "It is a packed file"),
        (b"%PDF-1.7 ...", "It is a PDF"),
        (b"<!DOCTYPE html><html>", "It is a web page"),
        (json.dumps(notebook(**ANSWERED)).encode()[:-300], "cut off"),
        (b"print('hello')", "cut off or edited"),
        (b"null", "is not a notebook"),
        (b'{"nbformat": true, "cells": []}', "is not a notebook"),
        (b'{"nbformat": "4", "cells": []}', "is not a notebook"),
        (b'{"cells": NaN}', "is not a notebook"),
    ],
)
def test_36_what_is_no_notebook_is_refused_with_its_likely_cause(content, sentence):
    assert sentence in refusal(content)


# --- 37: encodings and line ends --------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_37_another_encoding_is_read_and_said(encoding):
    text = json.dumps(notebook(x="x = 1", why_think="Because."), ensure_ascii=False)
    prepared = ready(text.encode(encoding))
    assert whole(prepared)
    assert len(prepared.remarks) == 1 and ("byte order mark" in prepared.remarks[0] or "UTF-" in prepared.remarks[0])


def test_37_a_notebook_in_utf_16_under_another_name_is_found():
    assert whole(ready(**{"mine.ipynb": json.dumps(notebook(**ANSWERED)).encode("utf-16")}))


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_37_line_ends_of_windows_are_made_the_usual_ones_and_no_cell_counts_as_changed(end):
    odd = notebook(**ANSWERED)
    for one in odd["cells"]:
        one["source"] = f"{''.join(one['source'])}".replace("\n", end)
    odd["cells"][1]["source"] = f"# a comment{end}x = 1"
    prepared = ready(json.dumps(odd, indent=1).replace("\n", "\r\n").encode())
    assert sources(prepared)["w99_x"] == "# a comment\nx = 1"
    assert len(prepared.remarks) == 1 and "line ends" in prepared.remarks[0]


def test_37_latin_1_is_refused_and_not_guessed_at():
    text = json.dumps(notebook(why_think="Schön."), ensure_ascii=False)
    assert "not a readable notebook" in refusal(text.encode("latin-1"))


def test_37_broken_characters_are_replaced_and_said():
    prepared = ready(json.dumps(notebook(x="x = 1 # \ud800 \0", why_think="Because.")).encode())
    assert sources(prepared)["w99_x"] == "x = 1 # � �"
    assert "broken characters" in prepared.remarks[0]
    assert nbformat.writes(prepared.notebook).encode()


# --- 38: formats ------------------------------------------------------------------------------------------------


def test_38_format_3_is_converted_and_said():
    new = notebook(**ANSWERED)
    new["cells"].insert(0, {"cell_type": "markdown", "metadata": {}, "source": "# A heading", "id": "heading"})
    prepared = ready(as_format_3(new))
    assert whole(prepared) and "old format 3" in prepared.remarks[0]
    assert prepared.notebook.cells[0].source == "# A heading"


def as_format_3(new):
    return json.loads(nbformat.writes(nbformat.convert(nbformat.reads(json.dumps(new), 4), 3), version=3))


@pytest.mark.parametrize("version", [0, -1, 5, 99])
def test_38_a_format_that_does_not_exist_yet_or_never_did_is_refused(version):
    assert f"saved in format {version}" in refusal(notebook(**ANSWERED) | {"nbformat": version})


def test_38_a_later_minor_version_of_format_4_is_read():
    assert whole(ready(notebook(**ANSWERED) | {"nbformat_minor": 9, "new_thing": {}}))


# --- 39: nbgrader's metadata ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "flip",
    [
        {"schema_version": 1},
        {"schema_version": 99},
        {"schema_version": "three"},
        {"grade": False},
        {"solution": True},
        {"locked": False},
        {"points": 500},
        {"points": "all"},
        {"points": None},
        {"task": True, "cell_type": "raw", "checksum": 7, "locked": None},
    ],
    ids=repr,
)
def test_39_flipped_settings_of_a_cell_are_put_back_and_said(flip):
    odd = notebook(**ANSWERED)
    odd["cells"][2]["metadata"]["nbgrader"] |= flip
    prepared = ready(odd)
    assert whole(prepared)
    check = next(c for c in prepared.notebook.cells if notebooks.grade_id(c) == "w99_x_check")
    assert notebooks.grading(check) == MASTER["w99_x_check"].metadata()
    assert "w99_x_check" in prepared.remarks[0]


@pytest.mark.parametrize("instead", [None, [], 7, "x", {}, {"grade_id": 7}, {"grade_id": None}], ids=repr)
def test_39_a_check_without_readable_metadata_comes_back_as_a_missing_one(instead):
    odd = notebook(**ANSWERED)
    odd["cells"][2]["metadata"] = {"nbgrader": instead}
    prepared = ready(odd)
    assert whole(prepared) and "were missing and were put back: w99_x_check" in prepared.remarks[0]


def test_39_a_notebook_whose_labels_a_program_took_out_is_refused_and_not_marked_with_nothing():
    bare = notebook(**ANSWERED)
    for one in bare["cells"]:
        one["metadata"] = {}
    assert "took the labels out" in refusal(bare)


# --- 40: the same thing twice -----------------------------------------------------------------------------------


def test_40_double_grade_ids_are_settled_and_said():
    odd = notebook(**ANSWERED)
    for place in (3, 2, 1, 0):
        odd["cells"].insert(place, json.loads(json.dumps(odd["cells"][place])))
    prepared = ready(odd)
    assert whole(prepared)
    assert sum("2 times" in remark for remark in prepared.remarks) == 4


def test_40_double_cell_ids_become_single_ones():
    odd = notebook(**ANSWERED)
    for one in odd["cells"]:
        one["id"] = "the-same"
    prepared = ready(odd)
    assert whole(prepared)
    ids = [one.id for one in prepared.notebook.cells]
    assert len(set(ids)) == len(ids)
    nbformat.validate(prepared.notebook)


@pytest.mark.parametrize("name", [None, "", "x" * 100_000, "ü b", 7])
def test_40_cell_ids_that_no_notebook_may_have_do_no_harm(name):
    odd = notebook(**ANSWERED)
    odd["cells"][1]["id"] = name
    prepared = ready(odd)
    assert whole(prepared)
    nbformat.validate(prepared.notebook)


# --- 41, 42: too much -------------------------------------------------------------------------------------------

LINE = '      "0123456789 line of output, with \\"quotes\\", {brackets}, [more] and \\u00e9\\\\\\n",\n'


def write_large(path, megabytes):
    """A notebook with ``megabytes`` of printed lines and pictures in front of its answers."""
    text = json.dumps(notebook(**ANSWERED), indent=1)
    head, tail = text.split('"outputs": []', 1)
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(head + '"outputs": [\n  {"name": "stdout", "output_type": "stream", "text": [\n')
        for _ in range(megabytes * 500_000 // len(LINE)):
            stream.write(LINE)
        stream.write('""]},\n {"output_type": "display_data", "metadata": {"outputs": [[{}]]}, "data": {"image/png": "')
        for _ in range(megabytes // 2):
            stream.write("iVBORw0K" * 125_000)
        stream.write('"}}]' + tail)
    return path


def test_41_outputs_of_120_mb_cost_neither_the_submission_nor_the_graders_memory(tmp_path):
    """Measured in a process of its own: how much the peak grows from reading."""
    path = write_large(tmp_path / NAME, 120)
    assert path.stat().st_size > 115_000_000
    script = (
        "import sys; from dyadlab.grading import submission\n"
        "def peak(): return int(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1])\n"
        "before = peak()\n"
        "read = submission.read('ab123', 'w99_test', sys.argv[1])\n"
        "assert read.remarks == ()\n"
        "print((peak() - before) // 1024)\n"
        "open(sys.argv[2], 'wb').write(read.files['w99_test.ipynb'])\n"
    )
    if sys.platform == "linux":
        kept = tmp_path / "kept"
        command = [sys.executable, "-c", script, str(tmp_path), str(kept)]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=100)
        assert answer.returncode == 0, answer.stderr
        assert int(answer.stdout) < 20, "megabytes, for a file of 120"
        assert len(kept.read_bytes()) < 10_000 and whole(ready(kept.read_bytes()))
    else:
        assert whole(prepare.prepare(MASTER, submission.read("ab123", WEEK, tmp_path)))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
def test_41_leaving_outputs_out_changes_nothing_else_wherever_the_pieces_end(size):
    full = notebook(x='x = 1 # "outputs": [ {', why_think='Because "\\" "outputs": ["')
    full["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ['a"]}\\', "\\\\"]}]
    full["cells"][2]["outputs"] = [{"output_type": "display_data", "data": {"x": [[[{}]]]}, "metadata": {}}]
    full["cells"][3]["metadata"]["outputs"] = {"kept": [1]}
    full["metadata"]["widgets"] = {"state": {"a": {"b": "c" * 50}}}
    content = json.dumps(full, ensure_ascii=False).encode()
    pieces = (content[at : at + size] for at in range(0, len(content), size))
    kept = json.loads(outputs.removed(pieces, 10**6))
    for number in (1, 2):
        full["cells"][number]["outputs"] = []
    full["metadata"]["widgets"] = {}
    assert kept == full


def test_41_a_notebook_of_format_3_loses_only_its_outputs_too():
    old = as_format_3(notebook(**ANSWERED))
    cells = old["worksheets"][0]["cells"]
    cells[1]["outputs"] = [{"output_type": "stream", "stream": "stdout", "text": ["x" * 99]}]
    kept = json.loads(outputs.removed([json.dumps(old).encode()], 10**6))
    cells[1]["outputs"] = []
    assert kept == old


@pytest.mark.parametrize("seed", range(40))
def test_41_no_bytes_bring_the_reader_of_large_notebooks_down(seed):
    chance = random.Random(seed)
    content = bytearray(json.dumps(notebook(**ANSWERED)).encode())
    for _ in range(chance.randint(1, 30)):
        content[chance.randrange(len(content))] = chance.choice(b'"\\{}[]:,x\xff\0')
    pieces = [bytes(content[at : at + 97]) for at in range(0, len(content), 97)]
    with contextlib.suppress(outputs.TooMuch):
        assert len(outputs.removed(pieces, 10**6)) <= len(content)


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        ("a cell of 10 MB", "a cell of 10,000,00"),
        ("100,000 cells", "more than 1000 cells"),
        ("nested 10,000 deep", "not a readable notebook"),
        ("many long cells", "far more than anybody types"),
    ],
)
def test_42_more_than_a_notebook_can_be_is_refused_with_a_sentence(tmp_path, harm, sentence):
    odd = notebook(**ANSWERED)
    extra = {"cell_type": "markdown", "metadata": {}, "source": "x", "id": "x"}
    if harm == "a cell of 10 MB":
        odd["cells"][1]["source"] = "x = 1\n" + "#" * 10_000_000
    elif harm == "100,000 cells":
        odd["cells"] += [extra] * 100_000
    elif harm == "many long cells":
        odd["cells"] += [extra | {"source": "y" * 400_000}] * 20
    text = json.dumps(odd)
    if harm.startswith("nested"):
        text = text[:-1] + ', "deep": ' + "[" * 10_000 + "]" * 10_000 + "}"
    assert sentence in refusal(text.encode())
    (tmp_path / NAME).write_text(text)
    read = submission.read("ab123", WEEK, tmp_path)
    with pytest.raises(prepare.Unreadable):
        prepare.prepare(MASTER, read)


@pytest.mark.parametrize("harm", ["long", "deep"])
def test_42_a_notebook_that_is_too_large_without_its_outputs_is_not_even_read_whole(tmp_path, harm):
    with (tmp_path / NAME).open("w") as stream:
        stream.write('{"nbformat": 4, "cells": [' + ("" if harm == "long" else "[" * 2_000_000))
        for _ in range(60 if harm == "long" else 0):
            stream.write('{"source": "' + "x" * 1_000_000 + '"},')
    read = submission.read("ab123", WEEK, tmp_path)
    assert read.files == {} and "larger than 20 MB, or nested deeper" in read.remarks[0]
    with pytest.raises(prepare.Unreadable, match=r"There is no notebook .* even without its outputs"):
        prepare.prepare(MASTER, read)


def test_42_python_that_python_cannot_parse_does_not_bring_the_reader_down():
    for source in ("(" * 4000, "-" * 400_000 + "1", "my_id = " + "[" * 300, "x = '" + "\\" * 99):
        assert sources(ready(notebook(my_id=source, **ANSWERED)))["w99_my_id"] == source


# --- 43: names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "my work.ipynb",
        "🐣.ipynb",
        unicodedata.normalize("NFD", "Übung.ipynb"),
        "a[b].ipynb",
        "-rf.ipynb",
        "trailing..ipynb",
        "x" * 249 + ".ipynb",
        "W99_TEST.IPYNB",
        "CON.ipynb",
        "%s {0} $HOME `ls`.ipynb",
    ],
)
def test_43_whatever_the_notebook_is_called_it_is_found_and_said(tmp_path, name):
    if sys.platform == "win32" and (name.startswith("CON") or len(name) > 99):
        pytest.skip("Windows cannot make such a file")
    (tmp_path / name).write_text(json.dumps(notebook(**ANSWERED)), encoding="utf-8")
    prepared = prepare.prepare(MASTER, submission.read("ab123", WEEK, tmp_path))
    assert whole(prepared) and prepared.file_name in prepared.remarks[0]


@linux_files
@pytest.mark.parametrize("name", [b"\xff\xfe.ipynb", b"line\nend.csv", b"\x1b[31mred.csv"])
def test_43_a_file_whose_name_is_no_text_is_left_out_and_named_harmlessly(tmp_path, name):
    (tmp_path / NAME).write_text(json.dumps(notebook(**ANSWERED)))
    try:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as stream:
            stream.write(b"x")
    except OSError:
        pytest.skip("this file system does not take such a name")
    read = submission.read("ab123", WEEK, tmp_path)
    assert set(read.files) == {NAME} and "has a name that cannot be kept" in read.remarks[0]
    assert read.remarks[0].isprintable() and read.digest()


# --- 44: links and special files --------------------------------------------------------------------------------


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        here = os.getcwd()
        os.chdir(path.parent)  # a socket's path may not be long
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


def make_device(path):
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero, which never ends
    except PermissionError:
        pytest.skip("only an administrator can make a device")


TRAPS = {
    "a symlink": lambda path, secret: path.symlink_to(secret),
    "a symlink to a folder": lambda path, secret: path.symlink_to(secret.parent, target_is_directory=True),
    "a dangling symlink": lambda path, secret: path.symlink_to("nowhere"),
    "a symlink to itself": lambda path, secret: path.symlink_to(path),
    "a hard link": lambda path, secret: os.link(secret, path),
    "a FIFO": lambda path, secret: os.mkfifo(path),
    "a socket": lambda path, secret: make_socket(path),
    "a device": lambda path, secret: make_device(path),
}


@linux_files
@pytest.mark.parametrize("place", [NAME, "codes.csv", "deep/er/codes.csv"])
@pytest.mark.parametrize("trap", TRAPS)
def test_44_nothing_is_followed_waited_for_or_silently_left_out(tmp_path, trap, place):
    folder, secret = tmp_path / "handed" / WEEK, tmp_path / "course" / "secret.txt"
    for made in ((folder / place).parent, secret.parent):
        made.mkdir(parents=True)
    secret.write_text("the instructor's own")
    TRAPS[trap](folder / place, secret)
    (folder / "innocent.csv").write_text("a,b")
    read = submission.read("ab123", WEEK, folder)
    assert read.files == {"innocent.csv": b"a,b"}
    assert len(read.remarks) == 1 and place in read.remarks[0] and "was not read" in read.remarks[0]


@linux_files
def test_44_a_folder_that_is_itself_a_link_is_not_entered(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / NAME).write_text(json.dumps(notebook(**ANSWERED)))
    (tmp_path / WEEK).symlink_to(elsewhere, target_is_directory=True)
    read = submission.read("ab123", WEEK, tmp_path / WEEK)
    assert read.files == {} and "is a link" in read.remarks[0]


@linux_files
@pytest.mark.parametrize("what", ["the file", "its folder"])
def test_44_a_link_put_in_place_between_looking_and_opening_is_not_followed(tmp_path, monkeypatch, what):
    """The swap happens at the worst moment: just before the system opens the file."""
    folder, secret = tmp_path / WEEK, tmp_path / "secret"
    for made in (folder / "deep", secret):
        made.mkdir(parents=True)
    (folder / "deep" / "codes.csv").write_text("a,b")
    (secret / "codes.csv").write_text("the instructor's own")
    really_open = os.open

    def swap_then_open(path, flags, *more, **also):
        if path == "codes.csv":
            place = folder / "deep" / "codes.csv" if what == "the file" else folder / "deep"
            place.rename(tmp_path / "aside")
            place.symlink_to(secret / "codes.csv" if what == "the file" else secret)
        return really_open(path, flags, *more, **also)

    monkeypatch.setattr(os, "open", swap_then_open)
    read = submission.read("ab123", WEEK, folder)
    assert (folder / "deep" / "codes.csv").read_text() == "the instructor's own", "whoever follows would have read this"
    assert b"the instructor's own" not in read.files.values()
    assert read.remarks or read.files == {"deep/codes.csv": b"a,b"}


@linux_files
def test_44_a_file_that_cannot_be_read_is_said_and_the_rest_goes_on(tmp_path, monkeypatch):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x")
    really_open = os.open

    def refuse(path, flags, *more, **also):
        if path == "a.csv":
            raise OSError(errno.EIO, "Input/output error")
        return really_open(path, flags, *more, **also)

    monkeypatch.setattr(os, "open", refuse)
    read = submission.read("ab123", WEEK, tmp_path)
    assert set(read.files) == {"b.csv"} and "Input/output error" in read.remarks[0]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep such names out themselves")
@pytest.mark.parametrize("letter", ["\u202e", "\u2066", "\u200b", "\u00ad", "\u2028", "\x9b", "\x1b", "\n"])
@pytest.mark.parametrize("place", ["a{}gnp.ipynb", "fold{}er/a.csv", "lin{}k"])
def test_44_no_name_reaches_the_terminal_that_the_terminal_would_obey(tmp_path, monkeypatch, place, letter):
    path = tmp_path / place.format(letter)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to("elsewhere") if "k" in place else path.write_text("x")
    (tmp_path / "علی\u200cرضا.csv").write_text("spelt with a joiner")
    for way in (True, False):  # as on Unix, and as on Windows
        monkeypatch.setattr(submission, "OPENS_WITHIN_FOLDERS", way)
        read = submission.read("ab123", WEEK, tmp_path)
        assert list(read.files) == ["علی\u200cرضا.csv"]
        assert letter not in read.remarks[0] and submission.NAME in read.remarks[0]


def test_44_a_thousand_files_or_folders_do_not_fill_the_report(tmp_path):
    for number in range(submission.MAX_FILES + 100):
        (tmp_path / f"{number:04d}").write_text("x")
    for number in range(submission.MAX_FOLDERS + 50):
        (tmp_path / f"folder{number}").mkdir()
    read = submission.read("ab123", WEEK, tmp_path)
    assert len(read.files) == submission.MAX_FILES and len(read.remarks) == 21
    assert "more files were not read" in read.remarks[-1]


def test_44_folders_within_folders_without_end_are_not_followed_to_theirs(tmp_path):
    deep = tmp_path
    for _ in range(60):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "x").write_text("x")
    read = submission.read("ab123", WEEK, tmp_path)
    assert read.files == {} and "too deep" in read.remarks[0]


# --- 46: kernels ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kernel", "said"),
    [
        ({"name": "ir", "display_name": "R", "language": "R"}, "'ir'"),
        ({"name": "julia-1.9", "display_name": "Julia", "language": "julia"}, "'julia-1.9'"),
        ({"name": "my-env", "display_name": "mine", "language": "python"}, "'my-env'"),
        ({"name": "../../x", "display_name": "x"}, "'../../x'"),
        (None, ""),
        ({}, ""),
        ({"name": 7}, ""),
        ("python", ""),
    ],
    ids=repr,
)
def test_46_the_courses_kernel_is_used_whatever_the_notebook_says(kernel, said):
    odd = notebook(**ANSWERED)
    odd["metadata"] = {"kernelspec": kernel, "language_info": {"name": "R"}} if kernel is not None else {}
    prepared = ready(odd)
    assert whole(prepared)
    assert prepared.notebook.metadata == notebooks.CANONICAL_METADATA
    assert said in " ".join(prepared.remarks) and bool(said) == bool(prepared.remarks)


# --- 47: which notebook -----------------------------------------------------------------------------------------


def test_47_without_a_notebook_the_sentence_says_what_is_there_and_what_to_ask_for():
    assert refusal(**{"work.zip": b"PK"}) == (
        f"There is no notebook in this submission; it holds work.zip. A packed file is not unpacked. Ask for {NAME}."
    )
    assert "it holds nothing" in refusal(**{"timestamp.txt": b"x"})
    assert "it holds ._w99_test.ipynb" in refusal(**{"._w99_test.ipynb": b"\0\5\x16\7"})


@pytest.mark.parametrize("name", ["w99_test (1).ipynb", "w99_test-Copy1.ipynb", "w99_test/w99_test.ipynb"])
def test_47_the_only_notebook_of_the_week_is_taken_whatever_its_name(name):
    scratch = json.loads(nbformat.writes(nbformat.v4.new_notebook()))
    prepared = ready(**{name: notebook(**ANSWERED), "scratch.ipynb": scratch})
    assert whole(prepared) and name in prepared.remarks[0] and not prepared.flags


def test_47_of_two_different_ones_neither_of_the_right_name_none_is_guessed():
    sentence = refusal(**{"a.ipynb": notebook(**ANSWERED), "b.ipynb": notebook(x="x = 2")})
    assert "a.ipynb, b.ipynb" in sentence and "Ask which one counts" in sentence
    assert whole(ready(**{"a.ipynb": notebook(**ANSWERED), "b.ipynb": notebook(**ANSWERED)}))


def test_47_beside_the_right_name_another_is_said_and_flagged_where_the_right_one_is_empty():
    prepared = ready(notebook(**ANSWERED), **{"w99_test (1).ipynb": notebook()})
    assert whole(prepared) and not prepared.flags and "w99_test (1).ipynb" in prepared.remarks[0]
    prepared = ready(notebook(), **{"w99_test (1).ipynb": notebook(**ANSWERED)})
    assert "which one was meant" in prepared.flags[0]


def test_47_a_deleted_answer_cell_does_not_undo_the_answer_given_elsewhere():
    odd = notebook(**ANSWERED)
    del odd["cells"][1]
    odd["cells"].insert(1, {"cell_type": "code", "metadata": {}, "source": "x = 1", "id": "own", "outputs": []})
    prepared = ready(odd)
    assert "____" not in sources(prepared)["w99_x"] and "w99_x" in prepared.remarks[0]


def test_47_a_deleted_written_answer_waits_for_a_person():
    odd = notebook(**ANSWERED)
    odd["cells"][3]["metadata"] = {}
    assert "w99_why_think" in ready(odd).flags[0]


# --- 57: times --------------------------------------------------------------------------------------------------

NOW = datetime.datetime(2026, 10, 25, 1, 30)


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ("", None),
        ("2026-10-25 01:29:59.123456 UTC", None),
        ("2026-10-25 01:39:59 UTC", None),
        ("2026-10-25T02:30:00+02:00", None),
        ("2026-10-25 02:30:00 UTC", "lies in the future"),
        ("2226-01-01 00:00:00 UTC", "lies in the future"),
        ("yesterday, I think", "cannot be read"),
        ("9" * 400, "cannot be read"),
        ("0000-00-00 00:00:00 UTC", "cannot be read"),
        ("\0\x1b", "cannot be read"),
    ],
)
def test_57_a_time_that_cannot_be_or_cannot_be_read_asks_for_a_person(when, says):
    said = list(submission.about_time(when, NOW))
    assert len(said) == bool(says) and (not says or says in said[0])


def test_57_such_a_submission_is_flagged(tmp_path):
    (tmp_path / NAME).write_text(json.dumps(notebook(**ANSWERED)))
    (tmp_path / "timestamp.txt").write_text("2226-01-01 00:00:00 UTC")
    prepared = prepare.prepare(MASTER, submission.read("ab123", WEEK, tmp_path))
    assert whole(prepared) and "in the future" in prepared.flags[0]


# --- pictures in written answers --------------------------------------------------------------------------------

PNG = "iVBORw0KGgo="


def test_pictures_pasted_into_a_written_answer_stay_for_the_marker_and_programs_do_not():
    odd = notebook(**ANSWERED)
    odd["cells"][3]["attachments"] = {
        "plot.png": {"image/png": PNG, "text/html": "<script>"},
        "drawing.svg": {"image/svg+xml": "<svg onload='x'/>"},
        "broken.png": {"image/png": "not base64!"},
        "odd.png": {"image/png": 7},
    }
    thought = next(c for c in ready(odd).notebook.cells if notebooks.grade_id(c) == "w99_why_think")
    assert thought.attachments == {"plot.png": {"image/png": PNG}}


def test_reading_a_submission_twice_gives_the_same_digest_and_a_changed_answer_another(tmp_path):
    path = write_large(tmp_path / NAME, 2)
    first = submission.read("ab123", WEEK, tmp_path).digest()
    assert submission.read("ab123", WEEK, tmp_path).digest() == first
    path.write_text(path.read_text().replace("x = 1", "x = 2"))
    assert submission.read("ab123", WEEK, tmp_path).digest() != first


def test_the_reader_of_large_notebooks_is_given_pieces_and_never_the_whole():
    class Watched(io.BytesIO):
        largest = 0

        def read(self, size=-1):
            assert 0 < size <= submission.CHUNK
            return super().read(size)

    content = json.dumps(notebook(**ANSWERED)).encode()
    assert submission.without_outputs(NAME, b"", Watched(content)) == content
