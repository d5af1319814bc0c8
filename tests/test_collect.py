"""Claims about taking in submissions that did not come through nbgrader."""

import io
import os
import random
import stat
import struct
import subprocess
import sys
import unicodedata
import zipfile

import pytest
from dyadlab.grading import collect, course, submission

WEEK = "w00_welcome"


@pytest.fixture
def here(tmp_path):
    return course.Course(tmp_path / "course")


def zipped(tmp_path, files):
    path = tmp_path / "download.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("name", "student"),
    [
        (f"ab123/{WEEK}.ipynb", "ab123"),
        (f"Zoë Müller/{WEEK}.ipynb", "Zoë Müller"),
        (f"Smith Ann_4711_assignsubmission_file_/{WEEK}.ipynb", "Smith Ann"),
        (f"smithann_12345_67890_{WEEK}.ipynb", "smithann"),
        (f"smithann_LATE_12345_67890_{WEEK}-2.ipynb", "smithann"),
        (f"Week 0_ab123_attempt_2026-10-01-10-00-00_{WEEK}.ipynb", "ab123"),
        (f"ab123_{WEEK}.ipynb", "ab123"),
        (f"submitted/ab123/{WEEK}/{WEEK}.ipynb", "ab123"),
    ],
)
def test_the_owner_is_read_from_the_names_that_moodle_canvas_blackboard_and_people_give(here, tmp_path, name, student):
    collect.from_files(here, WEEK, zipped(tmp_path, {name: "{}"}))
    assert (here.submitted / student / WEEK / f"{WEEK}.ipynb").read_text() == "{}"


def test_a_folder_does_as_well_as_a_zip(here, tmp_path):
    place = tmp_path / "download" / "ab123"
    place.mkdir(parents=True)
    (place / f"{WEEK}.ipynb").write_text("{}")
    assert collect.from_files(here, WEEK, tmp_path / "download") == [f"1 submissions for {WEEK} taken in."]


def test_a_newer_submission_keeps_the_earlier_one_and_the_same_one_changes_nothing(here, tmp_path):
    collect.from_files(here, WEEK, zipped(tmp_path, {f"ab123/{WEEK}.ipynb": "old"}))
    collect.from_files(here, WEEK, zipped(tmp_path, {f"ab123/{WEEK}.ipynb": "old"}))
    assert not (here.submitted / ".earlier").exists()
    collect.from_files(here, WEEK, zipped(tmp_path, {f"ab123/{WEEK}.ipynb": "new"}))
    assert (here.submitted / "ab123" / WEEK / f"{WEEK}.ipynb").read_text() == "new"
    kept = list((here.submitted / ".earlier" / "ab123").rglob("*.ipynb"))
    assert [k.read_text() for k in kept] == ["old"]


def test_a_zip_cannot_write_outside_or_unpack_without_end(here, tmp_path, monkeypatch):
    monkeypatch.setattr(collect, "SMALL_BYTES", 10_000_000)
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../outside.ipynb", "x")
        archive.writestr("/etc/outside.ipynb", "x")
        archive.writestr(f"bomb/{WEEK}.ipynb", b"\0" * 20_000_000)
        link = zipfile.ZipInfo("linked/w.ipynb")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr(f"ab123/{WEEK}.ipynb", "{}")
    sentences = collect.from_files(here, WEEK, path)
    assert sentences[0].startswith("1 submissions")
    assert sum("leads out" in s for s in sentences) == 2
    assert any("link" in s for s in sentences) and any("larger than it looks" in s for s in sentences)
    assert [p.name for p in here.submitted.iterdir()] == ["ab123"]
    assert not (tmp_path.parent / "outside.ipynb").exists()


@pytest.mark.parametrize(
    "student",
    [".hidden", "-rf", "a+b", "a[b]", "a*", "ends.", "CON", "nul.txt", "x" * 201, "🐣" * 60, "line\nend", "ab:c"],
)
def test_a_name_that_cannot_be_a_student_is_left_out_and_said_and_the_others_are_taken(here, tmp_path, student):
    download = zipped(tmp_path, {f"{student}/{WEEK}.ipynb": "{}", f"ab123/{WEEK}.ipynb": "{}"})
    sentences = collect.from_files(here, WEEK, download)
    assert sentences[0] == f"1 submissions for {WEEK} taken in."
    assert len(sentences) == 2 and "cannot be a student's id" in sentences[1]
    assert [p.name for p in here.submitted.iterdir()] == ["ab123"]


@pytest.mark.parametrize("student", ["Ann Smith", "o'neil", "zoë", "李雷", "🐣", "a_b-c.d", "x" * 200, "conrad"])
def test_unusual_names_are_names(here, tmp_path, student):
    assert collect.from_files(here, WEEK, zipped(tmp_path, {f"{student}/{WEEK}.ipynb": "{}"}))[1:] == []
    assert list(here.submissions(WEEK)) == [student]


@pytest.mark.parametrize("pair", [("AB123", "ab123"), ("Zoë", "zoë")])
def test_ids_that_some_computers_cannot_tell_apart_are_both_left_out(here, tmp_path, pair):
    files = {f"{name}/{WEEK}.ipynb": name for name in (*pair, "cd456")}
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, files))
    assert list(here.submissions(WEEK)) == ["cd456"]
    assert sum("differs only in capitals" in s for s in sentences) == 2


def test_an_id_that_differs_only_in_capitals_from_one_that_is_there_is_left_out(here, tmp_path):
    collect.from_files(here, WEEK, zipped(tmp_path, {f"ab123/{WEEK}.ipynb": "one"}))
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, {f"AB123/{WEEK}.ipynb": "two"}))
    assert "'ab123' is there as well" in sentences[1]
    assert list(here.submissions(WEEK)) == ["ab123"]


def test_one_name_in_two_spellings_of_its_accent_is_one_student(here, tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD"))
    collect.from_files(here, WEEK, zipped(tmp_path, {f"{decomposed}/{WEEK}.ipynb": "one"}))
    assert list(here.submissions(WEEK)) == [composed]
    both = {f"{decomposed}/{WEEK}.ipynb": "two", f"{composed}/{WEEK}.ipynb": "three"}
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, both))
    assert any("which of its notebooks counts is not certain" in s for s in sentences)
    assert (here.submitted / composed / WEEK / f"{WEEK}.ipynb").read_text() == "one"


def test_a_download_without_any_submission_says_what_was_expected(here, tmp_path):
    with pytest.raises(course.CourseError, match="one folder a student"):
        collect.from_files(here, WEEK, zipped(tmp_path, {"readme.txt": "hello"}))
    with pytest.raises(course.CourseError, match="no file or folder"):
        collect.from_files(here, WEEK, tmp_path / "nothing.zip")


# --- ZIPs that are not what they seem --------------------------------------------------------------------------------


def test_of_a_name_that_is_there_twice_with_different_contents_neither_is_taken(here, tmp_path):
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        for content in ("one", "two"):
            archive.writestr(f"ab123/{WEEK}.ipynb", content)
        for _ in range(2):
            archive.writestr(f"cd456/{WEEK}.ipynb", "the same")
    sentences = collect.from_files(here, WEEK, path)
    assert any("ab123" in s and "not certain" in s for s in sentences)
    assert list(here.submissions(WEEK)) == ["cd456"]


def test_files_whose_names_differ_only_in_capitals_are_not_guessed_between(here, tmp_path):
    files = {f"ab123/{WEEK}.ipynb": "{}", "ab123/Codes.csv": "a", "ab123/codes.csv": "b"}
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, files))
    assert any("2 times with different contents" in s for s in sentences)
    assert os.listdir(here.submitted / "ab123" / WEEK) == [f"{WEEK}.ipynb"]


def test_a_zip_inside_a_zip_is_a_file_and_is_not_unpacked(here, tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr(f"{WEEK}.ipynb", "{}")
    collect.from_files(here, WEEK, zipped(tmp_path, {"ab123/work.zip": inner.getvalue()}))
    assert os.listdir(here.submitted / "ab123" / WEEK) == ["work.zip"]


def locked(path, name):
    """Mark one entry of a ZIP as locked with a password."""
    content = bytearray(path.read_bytes())
    for signature, offset, place in ((b"PK\3\4", 30, 6), (b"PK\1\2", 46, 8)):
        at = 0
        while (at := content.find(signature, at)) >= 0:
            if content[at + offset :].startswith(name.encode()):
                content[at + place] |= 1
            at += 4
    path.write_bytes(content)


def test_a_locked_entry_is_left_out_with_its_submission_and_an_earlier_one_stays(here, tmp_path):
    collect.from_files(here, WEEK, zipped(tmp_path, {f"ab123/{WEEK}.ipynb": "earlier"}))
    path = zipped(tmp_path, {f"ab123/{WEEK}.ipynb": "new", "ab123/notes.txt": "n", f"cd456/{WEEK}.ipynb": "{}"})
    locked(path, f"ab123/{WEEK}.ipynb")
    sentences = collect.from_files(here, WEEK, path)
    assert any("password" in s for s in sentences)
    assert (here.submitted / "ab123" / WEEK / f"{WEEK}.ipynb").read_text() == "earlier"
    assert (here.submitted / "cd456" / WEEK / f"{WEEK}.ipynb").exists()


def test_a_damaged_entry_costs_its_own_submission_only(here, tmp_path):
    path = zipped(tmp_path, {f"ab123/{WEEK}.ipynb": "a" * 5000, f"cd456/{WEEK}.ipynb": "{}"})
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        content[archive.infolist()[0].header_offset + 30 + len(f"ab123/{WEEK}.ipynb") + 3] ^= 0xFF
    path.write_bytes(content)
    sentences = collect.from_files(here, WEEK, path)
    assert any("ab123" in s and "damaged" in s for s in sentences)
    assert list(here.submissions(WEEK)) == ["cd456"]


def test_a_download_that_was_cut_off_is_said_to_be(here, tmp_path):
    path = zipped(tmp_path, {f"ab123/{WEEK}.ipynb": random.Random(1).randbytes(9000)})
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(course.CourseError, match="cut off"):
        collect.from_files(here, WEEK, path)


@pytest.mark.parametrize("seed", range(30))
def test_no_damage_to_a_zip_leaves_half_a_submission(here, tmp_path, seed):
    files = {f"s{n}/{WEEK}.ipynb": str(n) * 3000 for n in range(4)}
    path = zipped(tmp_path, files)
    content, chance = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(chance.randint(1, 8)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    path.write_bytes(content[: chance.randint(len(content) // 2, len(content))] if seed % 3 == 0 else content)
    try:
        collect.from_files(here, WEEK, path)
    except course.CourseError:
        assert not here.submitted.exists()
    for stored in here.submitted.rglob("*.ipynb"):
        assert stored.read_text() in files.values()
    assert not (here.submitted / ".incoming").exists()


def test_more_entries_than_any_class_hands_in_are_refused_before_anything_is_unpacked(here, tmp_path):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(65_001):
            archive.writestr(zipfile.ZipInfo(f"ab123/{number}"), b"")
    with pytest.raises(course.CourseError, match="65,001 files"):
        collect.from_files(here, WEEK, path)
    assert not here.submitted.exists()


def test_a_student_with_too_many_files_or_too_much_is_left_out_alone(here, tmp_path, monkeypatch):
    monkeypatch.setattr(collect, "MAX_STUDENT_BYTES", 50_000)
    files = {f"many/{number}.txt": "x" for number in range(submission.MAX_FILES + 1)}
    files |= {f"big/{WEEK}.ipynb": "x" * 60_000, f"ab123/{WEEK}.ipynb": "{}"}
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, files))
    assert len([s for s in sentences if "left out; it has more than" in s]) == 2
    assert list(here.submissions(WEEK)) == ["ab123"]


def test_a_zip_for_which_the_disk_has_no_room_is_refused_before_anything_is_unpacked(here, tmp_path, monkeypatch):
    monkeypatch.setattr(collect, "ROOM_LEFT_BYTES", 10**18)
    with pytest.raises(course.CourseError, match="free"):
        collect.from_files(here, WEEK, zipped(tmp_path, {f"ab123/{WEEK}.ipynb": "{}"}))
    assert not here.submitted.exists()


def test_an_entry_that_lies_about_its_size_is_not_believed(here, tmp_path):
    path = tmp_path / "liar.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"ab123/{WEEK}.ipynb", b"x" * 3_000_000)
        archive.writestr(f"cd456/{WEEK}.ipynb", b"{}")
    content = bytearray(path.read_bytes())
    for signature, place in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        at = content.find(signature) + place
        content[at : at + 4] = struct.pack("<I", 10)
    path.write_bytes(content)
    assert any("damaged" in s for s in collect.from_files(here, WEEK, path))
    assert list(here.submissions(WEEK)) == ["cd456"]


def test_names_in_utf_8_that_a_zip_does_not_announce_are_read_rightly(here, tmp_path):
    path = zipped(tmp_path, {f"zoé/{WEEK}.ipynb": "{}"})
    content = bytearray(path.read_bytes())
    for signature, place in ((b"PK\3\4", 7), (b"PK\1\2", 9)):
        content[content.find(signature) + place] &= ~0x08
    path.write_bytes(content)
    collect.from_files(here, WEEK, path)
    assert list(here.submissions(WEEK)) == ["zoé"]


def test_a_file_whose_name_not_every_computer_can_keep_gets_another(here, tmp_path):
    files = {
        f"ab123/{WEEK}.ipynb": "{}",
        "ab123/what is it?.txt": "a",
        "ab123/con.txt": "b",
        f"ab123/{'é' * 127}.csv": "c",
    }
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, files))
    names = sorted(os.listdir(here.submitted / "ab123" / WEEK))
    assert names[:2] == ["_con.txt", f"{WEEK}.ipynb"] and names[2] == "what is it_.txt"
    assert names[3].endswith("é.csv") and len(names[3].encode()) <= 200
    assert sum("every computer can keep" in s for s in sentences) == 3


def test_collecting_a_large_file_costs_no_memory(tmp_path):
    """120 MB of outputs, from a ZIP, in a process of its own whose peak is measured."""
    path = tmp_path / "large.zip"
    large = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with large as archive, archive.open(f"ab123/{WEEK}.ipynb", "w") as stream:
        for _ in range(120):
            stream.write(b"0123456789abcdef" * 65_536)
    script = (
        "import resource, sys, pathlib\n"
        "from dyadlab.grading import collect, course\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"print(collect.from_files(course.Course(pathlib.Path(sys.argv[1])), {WEEK!r}, sys.argv[2])[0])\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    if sys.platform != "linux":
        pytest.skip("the peak is measured on Linux")
    answer = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "course"), str(path)], capture_output=True, text=True, timeout=100
    )
    assert answer.stdout.startswith("1 submissions"), answer.stderr
    assert int(answer.stdout.split()[-1]) < 30


# --- several submissions of one student -----------------------------------------------------------------------------


def stored(here, student="ab123"):
    return (here.submitted / student / WEEK / f"{WEEK}.ipynb").read_text()


def test_of_several_attempts_in_one_download_the_newest_counts(here, tmp_path):
    files = {f"Week 0_ab123_attempt_2026-10-{day}-10-00-00_{WEEK}.ipynb": f"day {day}" for day in ("02", "03", "01")}
    files["Week 0_ab123_attempt_2026-10-01-10-00-00_old.csv"] = "of the first attempt"
    files |= {f"smith_12_{n}_{WEEK}{copy}.ipynb": copy for n, copy in ((99, ""), (97, "-1"), (98, "-2"))}
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, files))
    assert stored(here) == "day 03" and stored(here, "smith") == "-2"
    assert os.listdir(here.submitted / "ab123" / WEEK) == [f"{WEEK}.ipynb"]
    assert "ab123: 3 attempts; the newest counts." in sentences


def dated(content, when, student="ab123"):
    return {f"submitted/{student}/{WEEK}/{WEEK}.ipynb": content, f"submitted/{student}/{WEEK}/timestamp.txt": when}


@pytest.mark.parametrize(
    ("second", "stays", "sentence"),
    [
        ("2026-10-02 10:00:00 UTC", "two", "a newer submission"),
        ("2026-09-30 10:00:00 UTC", "one", "handed in earlier than the one that is there"),
        ("2026-10-01 10:00:00 UTC", "one", "has the same time as"),
        ("when I was ready", "two", "a newer submission"),
    ],
    ids=["later", "out of order", "the same moment", "no time"],
)
def test_which_of_two_submissions_counts_hangs_on_when_they_were_handed_in(here, tmp_path, second, stays, sentence):
    collect.from_files(here, WEEK, zipped(tmp_path, dated("one", "2026-10-01 10:00:00 UTC")))
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, dated("two", second)))
    assert stored(here) == stays and sentence in sentences[1]
    there = {p.read_text() for p in here.submitted.rglob("*.ipynb")}
    assert there == ({"one", "two"} if stays == "two" else {"one"})


def test_three_submissions_within_one_second_are_all_kept(here, tmp_path):
    for content in ("one", "two", "three"):
        collect.from_files(here, WEEK, zipped(tmp_path, {f"ab123/{WEEK}.ipynb": content}))
    kept = {p.read_text() for p in (here.submitted / ".earlier").rglob("*.ipynb")}
    assert stored(here) == "three" and kept == {"one", "two"}
    (here.source / WEEK).mkdir(parents=True)
    (here.source / WEEK / f"{WEEK}.ipynb").write_text("{}")
    assert here.strangers() == [] and list(here.submissions(WEEK)) == ["ab123"]


def test_a_student_cannot_say_when_the_work_was_handed_in(here, tmp_path):
    files = {f"ab123/{WEEK}.ipynb": "{}", "ab123/timestamp.txt": "2020-01-01 00:00:00 UTC"}
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, files))
    assert "do not say themselves" in sentences[1]
    assert os.listdir(here.submitted / "ab123" / WEEK) == [f"{WEEK}.ipynb"]


def test_work_that_canvas_marks_as_late_is_said_to_be(here, tmp_path):
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, {f"smith_LATE_1_2_{WEEK}.ipynb": "{}"}))
    assert "marks this submission as late" in sentences[1]


# --- the exchange ---------------------------------------------------------------------------------------------------


@pytest.fixture
def exchange(tmp_path):
    """A course with a gradebook and an empty exchange, and a way of putting submissions there."""
    if sys.platform == "win32":
        pytest.skip("nbgrader has no exchange on Windows")
    from nbgrader.api import Gradebook

    here = course.Course(tmp_path / "course")
    inbound = here.exchange / "dyadlab" / "inbound"
    inbound.mkdir(parents=True)
    (here.source / WEEK).mkdir(parents=True)
    (here.source / WEEK / f"{WEEK}.ipynb").write_text("{}")
    collect.nbgrader_bridge.programs_on_path()
    Gradebook(here.db_url).close()

    def hand_in(student, when, **files):
        folder = inbound / f"{student}+{WEEK}+{when}+abcdef"
        folder.mkdir()
        (folder / f"{WEEK}.ipynb").write_text(files.pop("notebook", when))
        (folder / "timestamp.txt").write_text(files.pop("timestamp", when))
        return folder

    return here, hand_in, inbound


def test_the_exchange_gives_the_newest_and_an_earlier_one_is_kept(exchange):
    here, hand_in, _inbound = exchange
    hand_in("ab123", "2026-10-01 10:00:00.000001 UTC")
    hand_in("ab123", "2026-10-03 10:00:00.000001 UTC")
    hand_in("ab123", "2026-10-02 10:00:00.000001 UTC")
    assert collect.from_exchange(here, WEEK) == [f"1 submissions for {WEEK}, 1 of them new."]
    assert stored(here).startswith("2026-10-03")
    hand_in("ab123", "2026-10-04 10:00:00.000001 UTC")
    sentences = collect.from_exchange(here, WEEK)
    assert stored(here).startswith("2026-10-04") and "kept in submitted/.earlier" in sentences[1]
    assert next((here.submitted / ".earlier").rglob("*.ipynb")).read_text().startswith("2026-10-03")
    assert (here.submitted / "ab123" / WEEK / "timestamp.txt").read_text() == "2026-10-04 10:00:00.000001 UTC"


def test_nothing_strange_in_the_exchange_stops_the_class_or_is_followed(exchange, tmp_path):
    here, hand_in, inbound = exchange
    secret = tmp_path / "secret.txt"
    secret.write_text("the instructor's own")
    folder = hand_in("ab123", "2026-10-01 10:00:00.000001 UTC", timestamp="no time at all")
    (folder / "link.txt").symlink_to(secret)
    (folder / "up").symlink_to(tmp_path, target_is_directory=True)
    os.link(secret, folder / "hard.txt")
    os.mkfifo(folder / "pipe")
    (inbound / f"cd456+{WEEK}+some day+x").mkdir()
    (inbound / f"a[b]+{WEEK}+2026-10-01 10:00:00 UTC+x").mkdir()
    (inbound / f"ef789+{WEEK}+2026-10-01 10:00:00 UTC+x").symlink_to(tmp_path, target_is_directory=True)
    hand_in("gh012", "2026-10-01 10:00:00.000001 UTC")
    sentences = collect.from_exchange(here, WEEK)
    assert list(here.submissions(WEEK)) == ["ab123", "gh012"]
    assert sorted(os.listdir(here.submitted / "ab123" / WEEK)) == ["timestamp.txt", f"{WEEK}.ipynb"]
    assert "own" not in "".join(p.read_text() for p in here.submitted.rglob("*") if p.is_file())
    told = " ".join(sentences)
    for words in (
        "link.txt is a link",
        "up is a link",
        "hard.txt is the same file",
        "pipe is a link or a special file",
    ):
        assert words in told
    assert "cd456" in told and "'a[b]' cannot be" in told and "ef789" in told
    hand_in("ab123", "2026-10-02 10:00:00.000001 UTC")
    collect.from_exchange(here, WEEK)
    assert stored(here).startswith("2026-10-02")
