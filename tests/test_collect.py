"""Claims about taking in submissions that did not come through nbgrader."""

import datetime
import io
import json
import os
import random
import stat
import struct
import subprocess
import sys
import unicodedata
import zipfile

import pytest
from dyadlab import cli
from dyadlab.grading import collect, course, download, roster, submission, submitted

WEEK = "w00_welcome"


@pytest.fixture
def here(tmp_path):
    return course.Course(tmp_path / "course")


def zipped(tmp_path, files, date=(1980, 1, 1, 0, 0, 0)):
    """A ZIP of these files, without dates unless one is given."""
    path = tmp_path / "download.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, date), content, zipfile.ZIP_DEFLATED)
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
        (f"Smith Ann_4711_assignsubmission_file_{WEEK}.ipynb", "Smith Ann"),
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
    assert collect.from_files(here, WEEK, tmp_path / "download") == [f"1 submission for {WEEK}: 1 new."]


def test_a_newer_submission_keeps_the_earlier_one_and_the_same_one_changes_nothing(here, tmp_path):
    collect.from_files(here, WEEK, zipped(tmp_path, {f"ab123/{WEEK}.ipynb": "old"}))
    collect.from_files(here, WEEK, zipped(tmp_path, {f"ab123/{WEEK}.ipynb": "old"}))
    assert not (here.submitted / ".earlier").exists()
    collect.from_files(here, WEEK, zipped(tmp_path, {f"ab123/{WEEK}.ipynb": "new"}))
    assert (here.submitted / "ab123" / WEEK / f"{WEEK}.ipynb").read_text() == "new"
    kept = list((here.submitted / ".earlier" / "ab123").rglob("*.ipynb"))
    assert [k.read_text() for k in kept] == ["old"]


def test_a_zip_cannot_write_outside_or_unpack_without_end(here, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "SMALL_BYTES", 10_000_000)
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
    assert "1 new, " in sentences[0]
    assert sum("leads out" in s for s in sentences) == 2
    assert any("link" in s for s in sentences) and any("larger than it looks" in s for s in sentences)
    assert {p.name for p in here.submitted.iterdir()} == {"ab123", collect.ORIGINS}
    assert not (tmp_path.parent / "outside.ipynb").exists()


@pytest.mark.parametrize(
    "student",
    [".hidden", "-rf", "a+b", "a[b]", "a*", "ends.", "CON", "nul.txt", "x" * 201, "🐣" * 60, "line\nend", "ab:c"],
)
def test_a_name_that_cannot_be_a_student_is_left_out_and_said_and_the_others_are_taken(here, tmp_path, student):
    download = zipped(tmp_path, {f"{student}/{WEEK}.ipynb": "{}", f"ab123/{WEEK}.ipynb": "{}"})
    sentences = collect.from_files(here, WEEK, download)
    assert sentences[0] == f"2 submissions for {WEEK}: 1 new, 1 left out."
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
    monkeypatch.setattr(submitted, "MAX_STUDENT_BYTES", 50_000)
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
    assert answer.stdout.startswith("1 submission "), answer.stderr
    assert int(answer.stdout.split()[-1]) < 30


# --- whose it is ----------------------------------------------------------------------------------------------------


def taken_in(here):
    """All files that were taken in for the week, as {student/file: content}."""
    return {
        f"{student}/{path.relative_to(folder).as_posix()}": path.read_text()
        for student, folder in here.submissions(WEEK).items()
        for path in folder.rglob("*")
        if path.is_file()
    }


TWO_OF_ONE_NAME = {
    "Canvas": ("john_111_9001_{}", "john_222_9002_{}"),
    "Canvas, one late": ("john_111_9001_{}", "john_LATE_222_9002_{}"),
    "Moodle": ("john_111_assignsubmission_file/{}", "john_222_assignsubmission_file/{}"),
    "Moodle, without folders": ("john_111_assignsubmission_file_{}", "john_222_assignsubmission_file_{}"),
    "Moodle, wrapped": ("all/john_111_assignsubmission_file/{}", "all/john_222_assignsubmission_file/{}"),
    "Moodle, spaces": ("john_111_assignsubmission_file/{}", "john _222_assignsubmission_file/{}"),
}


@pytest.mark.parametrize("files", [(f"{WEEK}.ipynb", f"{WEEK}.ipynb"), (f"{WEEK}.ipynb", f"{WEEK} (1).ipynb")])
@pytest.mark.parametrize("kind", TWO_OF_ONE_NAME)
def test_two_people_of_one_name_are_neither_mixed_nor_guessed_between(here, tmp_path, kind, files):
    download = {place.format(file): place for place, file in zip(TWO_OF_ONE_NAME[kind], files, strict=True)}
    around = "all/" if "wrapped" in kind else ""
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, download | {f"{around}ann_3_4_{WEEK}.ipynb": "ann's"}))
    told = next(s for s in sentences if "several people have this name" in s)
    assert told.startswith("john: ") and "111" in told and "222" in told and "folder of their own" in told
    assert taken_in(here) == {f"ann/{WEEK}.ipynb": "ann's"}


def test_a_locked_notebook_does_not_hide_that_two_people_have_one_name(here, tmp_path):
    path = zipped(tmp_path, {f"john_1_8_{WEEK}.ipynb": "his", f"john_2_9_{WEEK}.ipynb": "the other's"})
    locked(path, f"john_2_9_{WEEK}.ipynb")
    assert any("several people" in s for s in collect.from_files(here, WEEK, path)) and not taken_in(here)


@pytest.mark.parametrize("place", ["john_{}_9001_{}.ipynb", "john_{}_assignsubmission_file_/{}.ipynb"])
def test_who_hands_in_later_under_the_same_name_does_not_take_the_place_of_the_first(here, tmp_path, place):
    first, other = place.format(111, WEEK), place.format(222, WEEK)
    collect.from_files(here, WEEK, zipped(tmp_path, {first: "first"}))
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, {other: "other's"}))
    assert sentences[0].endswith("1 left out.") and "222 is not who handed in under this name before" in sentences[1]
    assert taken_in(here) == {f"john/{WEEK}.ipynb": "first"}
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, {first: "first, again", other: "other's"}))
    assert taken_in(here) == {f"john/{WEEK}.ipynb": "first, again"} and any("222" in s for s in sentences)


def test_canvas_means_one_person_by_a_number_in_all_weeks_and_moodle_in_one(here, tmp_path):
    moodle = {f"ann_5_assignsubmission_file/{WEEK}.ipynb": "a"}
    collect.from_files(here, "w01_before", zipped(tmp_path, {"john_111_1_x.ipynb": "1", **moodle}))
    moodle = {f"ann_77_assignsubmission_file/{WEEK}.ipynb": "a"}
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, {f"john_222_2_{WEEK}.ipynb": "2", **moodle}))
    assert list(taken_in(here)) == [f"ann/{WEEK}.ipynb"]
    assert any("Canvas 222 is not who" in s and "Canvas 111" in s for s in sentences)


def test_folders_of_their_own_are_the_way_out_for_people_of_one_name(here, tmp_path):
    files = {f"john-a/{WEEK}.ipynb": "his", f"john-b/{WEEK}.ipynb": "the other's"}
    assert collect.from_files(here, WEEK, zipped(tmp_path, files)) == [f"2 submissions for {WEEK}: 2 new."]


MALLORY = "Mallory_7_assignsubmission_file_"


@pytest.mark.parametrize(
    "inside",
    [
        "zoe/{week}",
        "submitted/zoe/{week}",
        "zoe",
        "zoe_8_assignsubmission_file_",
        "{week}/zoe_8_assignsubmission_file_/{week}",
    ],
)
@pytest.mark.parametrize("beside", [None, f"{WEEK}.ipynb", f"{WEEK}-final.ipynb"])
def test_a_folder_in_a_students_work_makes_it_nobody_elses(here, tmp_path, inside, beside):
    inside = f"{MALLORY}/{inside.format(week=WEEK)}"
    files = {f"{inside}/{WEEK}.ipynb": "a trap", f"{inside}/timestamp.txt": "2020-01-01 00:00:00 UTC"}
    files |= {f"{MALLORY}/{WEEK}.ipynb": "own", f"n_9_assignsubmission_file_/{WEEK}.ipynb": "n"}
    if beside:
        files[f"zoe_8_assignsubmission_file_/{beside}"] = "zoe's"
    collect.from_files(here, WEEK, zipped(tmp_path, files))
    found = taken_in(here)
    assert {name: content for name, content in found.items() if name.startswith("zoe/")} == (
        {f"zoe/{beside}": "zoe's"} if beside else {}
    )
    assert found[f"Mallory/{WEEK}.ipynb"] == "own" and "Mallory/timestamp.txt" not in found


@pytest.mark.parametrize(
    ("name", "student"),
    [
        (f"mallory_7_100_zoe_8_assignsubmission_file_{WEEK}.ipynb", "mallory"),
        (f"mallory_7_100_x_zoe_attempt_1_{WEEK}.ipynb", "mallory"),
        (f"mallory_7_assignsubmission_file_zoe_8_200_{WEEK}.ipynb", "mallory"),
        (f"Week 0_mallory_attempt_2026-10-01_zoe_8_200_{WEEK}.ipynb", "mallory"),
        (f"mallory_7_assignsubmission_file_x_zoe_attempt_1_{WEEK}.ipynb", "mallory"),
    ],
)
def test_a_file_called_as_if_an_lms_had_named_it_stays_with_who_handed_it_in(here, tmp_path, name, student):
    collect.from_files(here, WEEK, zipped(tmp_path, {name: "{}"}))
    assert list(here.submissions(WEEK)) == [student]


def test_a_folder_named_as_moodle_does_within_a_folder_that_is_not_moodles_is_nobodys(here, tmp_path):
    files = {f"mallory/zoe_8_assignsubmission_file_/{WEEK}.ipynb": "?", f"ann/{WEEK}.ipynb": "a"}
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, files))
    assert taken_in(here) == {f"ann/{WEEK}.ipynb": "a"} and "whose it is cannot be seen" in sentences[1]


@pytest.mark.parametrize("name", ["timestamp.txt", "timestamp.txt.", "Timestamp.TXT", f"{WEEK}/timestamp.txt"])
@pytest.mark.parametrize("folder", [MALLORY, "mallory"])
def test_no_student_sets_the_time_in_a_download(here, tmp_path, folder, name):
    files = {f"{folder}/{WEEK}.ipynb": "{}", f"{folder}/{name}": "2020-01-01 00:00:00 UTC", f"ann/{WEEK}.ipynb": "a"}
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, files))
    assert sorted(taken_in(here)) == sorted([f"{folder.split('_')[0].strip()}/{WEEK}.ipynb", f"ann/{WEEK}.ipynb"])
    assert "do not say themselves" in sentences[1]


@pytest.mark.parametrize("around", ["download/", "download/w00/", f"{WEEK}/"])
@pytest.mark.parametrize("place", ["{}_11_assignsubmission_file/", "{}_11_12_", "{}/", "{}/" + WEEK + "/"])
def test_folders_around_a_whole_download_are_looked_through(here, tmp_path, around, place):
    files = {f"{around}{place.format(name)}{WEEK}.ipynb": name for name in ("john", "ann")}
    collect.from_files(here, WEEK, zipped(tmp_path, files))
    assert taken_in(here) == {f"{name}/{WEEK}.ipynb": name for name in ("ann", "john")}


def test_moodle_downloads_of_several_groups_are_taken_together(here, tmp_path):
    files = {f"group {n}/s{n}_{n}_assignsubmission_file_/{WEEK}.ipynb": "{}" for n in (1, 2)}
    collect.from_files(here, WEEK, zipped(tmp_path, files))
    assert list(here.submissions(WEEK)) == ["s1", "s2"]


@pytest.mark.parametrize("inner", ["zoe", "zoe_8_assignsubmission_file_", f"zoe/{WEEK}"])
def test_a_single_folder_in_a_single_folder_is_not_guessed_at(here, tmp_path, inner):
    with pytest.raises(course.CourseError, match="not certain whether that is a student's"):
        collect.from_files(here, WEEK, zipped(tmp_path, {f"mallory/{inner}/{WEEK}.ipynb": "?"}))
    assert not here.submitted.exists()


def test_of_nbgraders_own_folder_only_the_week_that_was_asked_for_is_taken(here, tmp_path):
    files = {f"submitted/ab123/{week}/{week}.ipynb": week for week in (WEEK, "w01_other")}
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, files))
    assert taken_in(here) == {f"ab123/{WEEK}.ipynb": WEEK} and "other weeks" in sentences[1]


@pytest.mark.parametrize("letter", ["\u202e", "\u2066", "\u200b", "\ufeff", "\u2028", "\x9b", "\x1b"])
def test_no_name_makes_the_terminal_do_anything(here, tmp_path, letter):
    files = {
        f"zoe{letter}/{WEEK}.ipynb": "{}",
        f"ann/gnp.{letter}x": "a",
        f"ann/{WEEK}.ipynb": "{}",
        f"l{letter}oose.txt": "l",
        f"bo{letter}b_1_2_x.ipynb": "1",
        f"bo{letter}b_2_3_x.ipynb": "2",
    }
    told = "\n".join(collect.from_files(here, WEEK, zipped(tmp_path, files)))
    assert letter not in told and "'zoe\\" in told
    assert sorted(taken_in(here)) == ["ann/gnp._x", f"ann/{WEEK}.ipynb"]


def test_names_that_are_spelt_with_joiners_are_names_and_their_lookalikes_are_left_out(here, tmp_path):
    persian = "علی\u200cرضا"
    assert collect.from_files(here, WEEK, zipped(tmp_path, {f"{persian}/{WEEK}.ipynb": "{}"}))[1:] == []
    twin = zipped(tmp_path, {f"{persian.replace(chr(0x200C), '')}/{WEEK}.ipynb": "other"})
    assert "is there as well" in collect.from_files(here, WEEK, twin)[1]
    assert list(here.submissions(WEEK)) == [persian]


# --- which week's it is -------------------------------------------------------------------------------------------

OTHER = "w01_coding"


@pytest.fixture
def two_weeks(here):
    """A course with two weeks, each with one graded cell."""
    for week in (WEEK, OTHER):
        (here.source / week).mkdir(parents=True)
        (here.source / week / f"{week}.ipynb").write_text(work(week))
    return here


def work(week, text=""):
    """A notebook with a cell of this week."""
    meta = {"nbgrader": {"grade_id": f"{week[:3]}_answer"}}
    return json.dumps({"cells": [{"cell_type": "code", "metadata": meta, "source": text}]})


@pytest.mark.parametrize("place", ["{}/{}.ipynb", "{}/my answers.ipynb", "{}_1_2_{}.ipynb", "{}_{}.ipynb"])
def test_another_weeks_download_is_refused_whole(two_weeks, tmp_path, place):
    collect.from_files(two_weeks, WEEK, zipped(tmp_path, {f"ann/{WEEK}.ipynb": work(WEEK)}))
    wrong = {place.format(name, OTHER): work(OTHER) for name in ("ann", "zoe")}
    with pytest.raises(course.CourseError, match=f"looks like {OTHER}.*nothing was taken in. .*collect {OTHER} --from"):
        collect.from_files(two_weeks, WEEK, zipped(tmp_path, wrong | {"zoe/notes.docx": "n"}))
    assert taken_in(two_weeks) == {f"ann/{WEEK}.ipynb": work(WEEK)}


def test_a_download_in_which_some_handed_in_another_weeks_notebook_is_taken(two_weeks, tmp_path):
    files = {f"ann/{WEEK} (1).ipynb": work(WEEK), f"zoe/{OTHER}.ipynb": work(OTHER), "bob/essay.docx": "b"}
    sentences = collect.from_files(two_weeks, WEEK, zipped(tmp_path, files))
    assert sentences[0] == f"3 submissions for {WEEK}: 3 new." and len(taken_in(two_weeks)) == 3
    told = [s for s in sentences if f"no notebook of {WEEK} is in this submission" in s]
    assert [s.split(":")[0] for s in told] == ["bob", "zoe"] and "essay.docx" in told[0]


def test_a_notebook_of_any_name_is_known_by_its_cells_wherever_these_stand(two_weeks, tmp_path, monkeypatch):
    monkeypatch.setattr(submission, "CHUNK", 7)  # the id lies across pieces
    sentences = collect.from_files(two_weeks, WEEK, zipped(tmp_path, {"ann/mine.ipynb": work(WEEK, "x" * 50)}))
    assert sentences == [f"1 submission for {WEEK}: 1 new."]


@pytest.mark.parametrize(
    "poorer",
    [
        {f"ann/{OTHER}.ipynb": work(OTHER)},
        {"ann/essay.docx": "x"},
        {"ann/onlinetext.html": "x"},
        {f"ann/{WEEK}.ipynb": work(OTHER)},
    ],
    ids=["another week's", "a text", "what Moodle adds", "another week's under this name"],
)
def test_what_holds_nothing_of_the_week_replaces_nothing(two_weeks, tmp_path, poorer):
    collect.from_files(two_weeks, WEEK, zipped(tmp_path, {f"ann/{WEEK}.ipynb": work(WEEK)}))
    download = zipped(tmp_path, poorer | {f"zoe/{WEEK}.ipynb": work(WEEK)})
    sentences = collect.from_files(two_weeks, WEEK, download)
    assert taken_in(two_weeks) == {f"{name}/{WEEK}.ipynb": work(WEEK) for name in ("ann", "zoe")}
    assert sentences[0].endswith("1 new, 1 left out.") and "the one that is there stays" in sentences[1]
    assert not (two_weeks.submitted / ".earlier").exists()


def test_what_holds_the_weeks_notebook_replaces_what_does_not(two_weeks, tmp_path):
    collect.from_files(two_weeks, WEEK, zipped(tmp_path, {"ann/essay.docx": "x"}))
    collect.from_files(two_weeks, WEEK, zipped(tmp_path, {f"ann/{WEEK}.ipynb": work(WEEK)}))
    assert taken_in(two_weeks) == {f"ann/{WEEK}.ipynb": work(WEEK)}


def test_every_submission_is_accounted_for_and_the_way_back_is_said_once(here, tmp_path):
    files = {f"{name}/{WEEK}.ipynb": name for name in ("ann", "bob", "zoe")}
    assert collect.from_files(here, WEEK, zipped(tmp_path, files)) == [f"3 submissions for {WEEK}: 3 new."]
    assert collect.from_files(here, WEEK, zipped(tmp_path, files)) == [f"3 submissions for {WEEK}: 3 unchanged."]
    files |= {
        f"ann/{WEEK}.ipynb": "better",
        f"bob/{WEEK}.ipynb": "better",
        f"-no/{WEEK}.ipynb": "",
        f"x/{WEEK}.ipynb": "",
    }
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, files))
    assert sentences[0] == f"5 submissions for {WEEK}: 1 new, 2 changed, 1 unchanged, 1 left out."
    assert [s for s in sentences if "back" in s] == sentences[-1:] and f"submitted/STUDENT/{WEEK}" in sentences[-1]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (f"{WEEK}.ipynb", "{}", r"named after the student.*downloads/ab123/w00_welcome.ipynb"),
        ("all.7z", "7z\xbc", "neither a folder nor a ZIP"),
        ("download.zip", "", "cut off"),
    ],
)
def test_a_file_that_is_no_zip_gets_the_advice_that_fits_it(here, tmp_path, name, content, told):
    (tmp_path / name).write_text(content)
    with pytest.raises(course.CourseError, match=told):
        collect.from_files(here, WEEK, tmp_path / name)


# --- a roster -------------------------------------------------------------------------------------------------------

ROSTERS = {
    "two columns": "student_id,name\naberg,Anna Berg\nzoe1,Zoë van Dam\n",
    "surname first": 'student_id,name\naberg,"Berg, Anna"\nzoe1,"van Dam, Zoë"\n',
    "semicolons and a mark": "\ufeffstudent_id;lms_name\r\naberg;Anna  BERG\r\nzoe1;Zoe\u0308 van Dam\r\n",
    "Moodle": '"First name",Surname,"ID number","Email address"\nAnna,Berg,aberg,a@x\nZoë,van Dam,zoe1,z@x\n',
    "Moodle, last name": '"First name","Last name","ID number"\nAnna,Berg,aberg\nZoë,van Dam,zoe1\n',
    "Canvas": (
        'Student,ID,"SIS User ID","SIS Login ID",Section\n"    Points Possible",,,,\n'
        '"Berg, Anna",11,aberg,a@x,1\n"van Dam, Zoë",12,zoe1,z@x,1\n'
    ),
    "Canvas, logins only": 'Student,ID,"SIS User ID","SIS Login ID"\n"Berg, Anna",11,,aberg\n"van Dam, Zoë",12,,zoe1\n',
}
NAMED = {
    "Moodle": ("Anna Berg_11_assignsubmission_file/", "Zoë van Dam_12_assignsubmission_file/"),
    "Moodle, surname first": ("BERG Anna_11_assignsubmission_file/", "van Dam Zoe\u0308_12_assignsubmission_file/"),
    "Canvas": ("berganna_11_91_", "vandamzoë_LATE_12_92_"),
    "ids": ("aberg/", "ZOE1/"),
    "names": ("Anna Berg/", "zoë van dam/"),
}


def listing(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "people.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("named", NAMED)
@pytest.mark.parametrize("kind", ROSTERS)
def test_a_roster_makes_ids_of_the_names_that_an_lms_gives(here, tmp_path, kind, named):
    download = zipped(tmp_path, {f"{place}{WEEK}.ipynb": "{}" for place in NAMED[named]})
    collect.from_files(here, WEEK, download, listing(tmp_path, ROSTERS[kind]))
    assert list(here.submissions(WEEK)) == ["aberg", "zoe1"]


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_a_roster_may_be_saved_as_spreadsheets_do(tmp_path, encoding):
    found = roster.read(listing(tmp_path, "student_id;name\nzoe1;Zoë van Dam\n", encoding))
    assert found.who("Zoë van Dam", True) == {"zoe1"}


def test_the_roster_of_the_course_folder_is_used_without_being_named(here, tmp_path):
    here.root.mkdir()
    (here.root / "roster.csv").write_text("student_id,name\naberg,Anna Berg\n")
    collect.from_files(here, WEEK, zipped(tmp_path, {f"berganna_1_2_{WEEK}.ipynb": "{}"}))
    assert list(here.submissions(WEEK)) == ["aberg"]


def test_who_is_not_in_the_roster_is_left_out_and_listed_and_comes_in_once_added(here, tmp_path):
    download = zipped(tmp_path, {f"{name}_1_2_{WEEK}.ipynb": name for name in ("berganna", "odeben", "strangex")})
    people = listing(tmp_path, "student_id,name\naberg,Anna Berg\n")
    sentences = collect.from_files(here, WEEK, download, people)
    assert sentences[0] == f"3 submissions for {WEEK}: 1 new, 2 left out."
    assert "2 submissions were left out" in sentences[1] and "odeben; strangex" in sentences[1]
    people.write_text("student_id,name,lms_name\naberg,Anna Berg,\nben,,odeben\nx,,strangex\n")
    assert "2 new, 1 unchanged" in collect.from_files(here, WEEK, download, people)[0]
    assert list(here.submissions(WEEK)) == ["aberg", "ben", "x"]


def test_two_people_of_one_name_in_the_roster_are_not_guessed_between(here, tmp_path):
    people = listing(tmp_path, "student_id,name\naberg,Anna Berg\naberg2,anna berg\nzoe1,Zoe\n")
    files = {f"berganna_1_2_{WEEK}.ipynb": "?", f"zoe_3_4_{WEEK}.ipynb": "z"}
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, files), people)
    assert list(here.submissions(WEEK)) == ["zoe1"] and any("to aberg and aberg2" in s for s in sentences)
    collect.from_files(
        here, WEEK, zipped(tmp_path, {f"aberg2/{WEEK}.ipynb": "hers", f"zoe1/{WEEK}.ipynb": "z"}), people
    )
    assert stored(here, "aberg2") == "hers"


def test_two_names_in_a_download_that_are_one_student_are_both_left_out(here, tmp_path):
    people = listing(tmp_path, "student_id,name,lms_name\naberg,Anna Berg,Anni\nzoe1,Zoe,\n")
    files = {f"{name}/{WEEK}.ipynb": name for name in ("Anna Berg", "Anni", "Zoe")}
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, files), people)
    assert list(here.submissions(WEEK)) == ["zoe1"]
    assert any("aberg: this submission was left out; Anna Berg and Anni are this one student" in s for s in sentences)


def test_nobody_becomes_somebody_else_by_taking_an_id_for_a_name_in_the_lms(here, tmp_path):
    people = listing(tmp_path, "student_id,name,email\naberg,Anna Berg,anna@x\nzoe1,Zoe,z@x\n")
    names = ("aberg", "anna", "anna@x", "Zoe")
    files = {f"{name}_{n}_assignsubmission_file/{WEEK}.ipynb": name for n, name in enumerate(names)}
    collect.from_files(here, WEEK, zipped(tmp_path, files), people)
    assert taken_in(here) == {f"zoe1/{WEEK}.ipynb": "Zoe"}


def test_what_came_in_before_there_was_a_roster_is_pointed_out(here, tmp_path):
    download = zipped(tmp_path, {f"Anna Berg_1_assignsubmission_file/{WEEK}.ipynb": "{}"})
    collect.from_files(here, WEEK, download)
    sentences = collect.from_files(here, WEEK, download, listing(tmp_path, "student_id,name\naberg,Anna Berg\n"))
    assert any("submitted/Anna Berg is there from before" in s for s in sentences)


@pytest.mark.parametrize(
    "text", ["", "name\nAnna\n", "student_id,shoe size\na,38\n", "student_id,name\n", "\0", 'a,"b']
)
def test_a_roster_in_which_nobody_can_be_found_is_refused_before_anything_is_taken(here, tmp_path, text):
    download = zipped(tmp_path, {f"ann/{WEEK}.ipynb": "{}"})
    with pytest.raises(course.CourseError, match=r"Nobody can be found in|not a CSV"):
        collect.from_files(here, WEEK, download, listing(tmp_path, text))
    with pytest.raises(course.CourseError, match="cannot be read"):
        collect.from_files(here, WEEK, download, tmp_path / "nowhere.csv")
    assert not here.submitted.exists()


def test_a_roster_without_a_download_is_told_what_it_is_for(monkeypatch, capsys, two_weeks):
    monkeypatch.setenv("DYADLAB_COURSE", str(two_weeks.root))
    with pytest.raises(SystemExit):
        cli.main(["collect", "w00", "--roster", "people.csv"])
    assert "name that with --from" in capsys.readouterr().err


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
        ("when I was ready", "two", "nothing tells which is the newer one"),
    ],
    ids=["later", "out of order", "the same moment", "no time"],
)
def test_which_of_two_submissions_counts_hangs_on_when_they_were_handed_in(here, tmp_path, second, stays, sentence):
    collect.from_files(here, WEEK, zipped(tmp_path, dated("one", "2026-10-01 10:00:00 UTC")))
    sentences = collect.from_files(here, WEEK, zipped(tmp_path, dated("two", second)))
    assert stored(here) == stays and sentence in sentences[1]
    there = {p.read_text() for p in here.submitted.rglob("*.ipynb")}
    assert there == ({"one", "two"} if stays == "two" else {"one"})


OCTOBER = (2026, 10, 1, 10, 0, 0)


@pytest.mark.parametrize(
    ("dates", "stays", "sentence"),
    [
        ((OCTOBER, (2026, 10, 2, 10, 0, 0)), "two", "a newer submission"),
        (((2026, 10, 2, 10, 0, 0), OCTOBER), "one", "dated 2026-10-01 10:00:00, before those of the one that is there"),
        ((OCTOBER, OCTOBER), "two", "nothing tells which is the newer one"),
        (((1980, 1, 1, 0, 0, 0), OCTOBER), "two", "nothing tells which is the newer one"),
        (((2090, 1, 1, 0, 0, 0), OCTOBER), "two", "nothing tells which is the newer one"),
        ((OCTOBER, (2026, 0, 0, 0, 0, 0)), "two", "nothing tells which is the newer one"),
    ],
    ids=["later", "last week's", "the same", "no dates", "a wrong clock", "no such day"],
)
def test_without_time_stamps_the_dates_in_the_zip_tell_or_nothing_is_claimed(
    here, tmp_path, monkeypatch, dates, stays, sentence
):
    class Then(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 11, 20, tzinfo=tz)

    monkeypatch.setattr(datetime, "datetime", Then)
    for content, date in zip(("one", "two"), dates, strict=True):
        download = zipped(tmp_path, {f"ab123_1_2_{WEEK}.ipynb": content}, date)
        sentences = collect.from_files(here, WEEK, download)
    assert stored(here) == stays and sentence in sentences[1]
    kept = [path.read_text() for path in (here.submitted / ".earlier").rglob("*.ipynb")]
    assert kept == (["one"] if stays == "two" else [])


def test_a_note_of_where_a_submission_came_from_that_cannot_be_read_stops_nothing(here, tmp_path):
    collect.from_files(here, WEEK, zipped(tmp_path, {f"ab123_1_2_{WEEK}.ipynb": "one"}, OCTOBER))
    note = here.submitted / collect.ORIGINS / "ab123" / f"{WEEK}.json"
    for damaged in (b"", b"[]", b"{", b"\xff"):
        note.write_bytes(damaged)
        collect.from_files(here, WEEK, zipped(tmp_path, {f"ab123_1_2_{WEEK}.ipynb": f"after {damaged}"}, OCTOBER))
        assert stored(here) == f"after {damaged}"


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
    assert collect.from_exchange(here, WEEK) == [f"1 submission for {WEEK}, 1 of them new."]
    assert stored(here).startswith("2026-10-03")
    hand_in("ab123", "2026-10-04 10:00:00.000001 UTC")
    sentences = collect.from_exchange(here, WEEK)
    assert stored(here).startswith("2026-10-04") and "kept in submitted/.earlier" in sentences[1]
    assert next((here.submitted / ".earlier").rglob("*.ipynb")).read_text().startswith("2026-10-03")
    assert (here.submitted / "ab123" / WEEK / "timestamp.txt").read_text() == "2026-10-04 10:00:00.000001 UTC"


def test_in_the_exchange_too_what_holds_nothing_of_the_week_replaces_nothing(exchange):
    here, hand_in, _inbound = exchange
    (here.source / WEEK / f"{WEEK}.ipynb").write_text(work(WEEK))
    hand_in("ab123", "2026-10-01 10:00:00.000001 UTC", notebook=work(WEEK))
    collect.from_exchange(here, WEEK)
    hand_in("ab123", "2026-10-02 10:00:00.000001 UTC", notebook=work(OTHER))
    sentences = collect.from_exchange(here, WEEK)
    assert stored(here) == work(WEEK) and "nothing of w00_welcome can be recognised" in sentences[1]
    hand_in("ab123", "2026-10-03 10:00:00.000001 UTC", notebook=work(WEEK, "better"))
    assert collect.from_exchange(here, WEEK)[0] == f"1 submission for {WEEK}, 0 of them new, 1 changed."
    assert stored(here) == work(WEEK, "better")


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


@pytest.fixture
def accounts(exchange, monkeypatch):
    """Two accounts of this machine, and a way of giving folders of the exchange to one of them."""
    import pwd

    names = [account.pw_name for account in pwd.getpwall() if account.pw_uid not in (0, os.geteuid())][:2]
    owners, really = {}, collect.uid_of
    monkeypatch.setattr(collect, "uid_of", lambda path: owners.get(path) or really(path))

    def give(folder, account):
        owners[folder] = account if isinstance(account, int) else pwd.getpwnam(account).pw_uid

    return *names, give


def test_in_the_exchange_nobody_hands_in_for_somebody_else(exchange, accounts):
    here, hand_in, _inbound = exchange
    zoe, mallory, give = accounts
    give(hand_in(zoe, "2026-10-01 10:00:00.000001 UTC"), zoe)
    give(hand_in(zoe, "2026-10-09 10:00:00.000001 UTC", notebook="blank"), mallory)
    give(hand_in(mallory, "2026-10-02 10:00:00.000001 UTC"), mallory)
    give(hand_in("nn", "2026-10-02 10:00:00.000001 UTC"), 54_321_987)
    sentences = collect.from_exchange(here, WEEK)
    assert list(here.submissions(WEEK)) == sorted([zoe, mallory])
    assert stored(here, zoe).startswith("2026-10-01"), "the newest of her own counts"
    assert any(f"'{zoe}'" in s and f"'{mallory}'" in s and "left out" in s for s in sentences)
    assert any("'nn'" in s and "54321987" in s for s in sentences)
    assert "check_owner = False" in sentences[-1]


@pytest.mark.parametrize("owner", ["the administrator", "who collects", "who owns the exchange"])
def test_where_all_work_under_one_account_owners_say_nothing(exchange, monkeypatch, owner):
    here, hand_in, inbound = exchange
    uid = {"the administrator": 0, "who collects": 12_345, "who owns the exchange": 12_346}[owner]
    monkeypatch.setattr(collect.os, "geteuid", lambda: 12_345)
    monkeypatch.setattr(collect, "uid_of", lambda path: 12_346 if path == inbound else uid)
    for student in ("ab123", "cd456"):
        hand_in(student, "2026-10-01 10:00:00.000001 UTC")
    assert collect.from_exchange(here, WEEK) == [f"2 submissions for {WEEK}, 2 of them new."]


def test_looking_at_owners_can_be_switched_off_as_in_nbgrader(exchange, accounts, monkeypatch):
    here, hand_in, _inbound = exchange
    somebody, _other, give = accounts
    give(hand_in("ab123", "2026-10-01 10:00:00.000001 UTC"), somebody)
    config_for = collect.nbgrader_bridge.config_for

    def without(course):
        config = config_for(course)
        config.ExchangeCollect.check_owner = False
        return config

    monkeypatch.setattr(collect.nbgrader_bridge, "config_for", without)
    assert collect.from_exchange(here, WEEK) == [f"1 submission for {WEEK}, 1 of them new."]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only an administrator gives folders away")
def test_the_owner_is_who_the_system_says(exchange):
    here, hand_in, _inbound = exchange
    folder = hand_in("zoe", "2026-10-01 10:00:00.000001 UTC")
    os.chown(folder, 54_321, 54_321)
    assert any("user number 54321" in s for s in collect.from_exchange(here, WEEK))
    assert not list(here.submissions(WEEK))
