"""Claims about taking in submissions that did not come through nbgrader."""

import stat
import zipfile

import pytest
from dyadlab.grading import collect, course

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
    monkeypatch.setattr(collect, "MAX_ZIP_RATIO", 2)
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


@pytest.mark.parametrize("student", ["..", ".hidden", "a+b", "x" * 200, " "])
def test_a_name_that_cannot_be_a_student_is_left_out_and_said(here, tmp_path, student):
    sentences = collect.store(here, WEEK, student, {"a": b""})
    assert "cannot be a student's id" in sentences[0]
    assert not here.submitted.exists()


def test_a_download_without_any_submission_says_what_was_expected(here, tmp_path):
    with pytest.raises(course.CourseError, match="one folder a student"):
        collect.from_files(here, WEEK, zipped(tmp_path, {"readme.txt": "hello"}))
    with pytest.raises(course.CourseError, match="no file or folder"):
        collect.from_files(here, WEEK, tmp_path / "nothing.zip")
