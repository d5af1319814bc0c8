"""Claims about every dataset that is found, and about the loader: no dataset is named in the general tests."""

import json
import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import dyadlab
import pandas as pd
import pytest
from dyadlab import data_build, datasets
from dyadlab.blanks import ____
from dyadlab.datasets import DatasetError
from dyadlab.studies.stream import UnusableId, fold_id
from dyadlab.studies.tables import Table, checksum, formats_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[1]
NAMES = datasets.names()
WITH_REPLICATES = [name for name in NAMES if datasets._has_replicates(name)]


# ------------------------------------------------------------------------------- files


def test_verify_finds_nothing_amiss():
    assert data_build.verify() == []


REGENERATE = """
import sys
from dyadlab import data_build, datasets
from dyadlab.studies.tables import checksum
assert "pandas" not in sys.modules and "numpy" not in sys.modules
for name in datasets.names():
    print(f"{name}/{name}.csv", checksum(data_build.generate(name)))
    if datasets._has_replicates(name):
        study, world = datasets._study_with_replicates(name)
        for student in ("ab123", "Zo\\u00eb", "\\u674e\\u96f7"):
            print(name, student.encode(), checksum(study.replicate(student, world).to_csv()))
"""


def pythons():
    """Every Python 3.11, 3.12 and 3.13 of this machine, one of each."""
    found = {f"{sys.version_info.major}.{sys.version_info.minor}": sys.executable}
    for version in ("3.11", "3.12", "3.13"):
        candidates = [shutil.which(f"python{version}"), *_pyenv(version)]
        for candidate in filter(None, candidates):
            asked = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
            answer = subprocess.run(asked, capture_output=True, text=True)
            if answer.stdout.strip() == version:  # a pyenv shim answers only for the version it is set to
                found.setdefault(version, candidate)
                break
    return found


def _pyenv(version):
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return [str(path) for path in home.glob(f"versions/{version}.*/bin/python")]


def test_every_python_here_makes_the_same_files_and_replicates_without_any_package():
    made = {}
    for version, python in pythons().items():
        # -S: without site-packages, so that nothing but the standard library can take part
        run = subprocess.run(
            [python, "-S", "-c", REGENERATE],
            env={**os.environ, "PYTHONPATH": str(ROOT / "course"), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        assert run.returncode == 0, f"{version}: {run.stderr}"
        made[version] = run.stdout
    assert len(set(made.values())) == 1, f"these differ: {sorted(made)}"
    stated = dict(line.split()[::-1] for line in (ROOT / "datasets/CHECKSUMS.txt").read_text().splitlines())
    regenerated = dict(line.split() for line in next(iter(made.values())).splitlines() if ".csv " in line)
    assert regenerated == stated


@pytest.mark.parametrize("name", NAMES)
def test_every_row_of_the_file_says_synthetic(name):
    raw = pd.read_csv(ROOT / "datasets" / name / f"{name}.csv", keep_default_na=False)
    assert (raw["data_source"] == "SYNTHETIC").all()
    assert "data_source" not in dyadlab.load(name).columns
    assert dyadlab.load(name).attrs["data_source"] == "SYNTHETIC"


@pytest.mark.parametrize("name", NAMES)
def test_the_codebook_and_the_index_say_synthetic(name):
    assert "SYNTHETIC" in datasets.codebook(name).description
    index = (ROOT / "datasets/README.md").read_text(encoding="utf-8")
    assert "SYNTHETIC" in index
    assert f"[`{name}`]" in index


@pytest.mark.parametrize("name", NAMES)
def test_files_are_ascii_with_plain_line_ends(name):
    content = (ROOT / "datasets" / name / f"{name}.csv").read_bytes()
    content.decode("ascii")
    assert b"\r" not in content
    assert content.endswith(b"\n")


def test_git_never_changes_the_line_ends_of_a_data_file():
    asked = ["git", "check-attr", "text", "--", *[f"datasets/{name}/{name}.csv" for name in NAMES]]
    answer = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True)
    if answer.returncode:
        pytest.skip("not a git repository")
    assert all(line.endswith(": unset") for line in answer.stdout.splitlines()), answer.stdout


# ------------------------------------------------------------------------------- schema


@pytest.mark.parametrize("name", NAMES)
def test_every_column_is_documented_and_every_value_is_in_range(name):
    assert data_build.departures(datasets._class_table(name), datasets._codebook(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_stated_number_of_rows_is_there(name):
    assert len(dyadlab.load(name)) == datasets._codebook(name)["rows"]


@pytest.mark.parametrize("name", NAMES)
def test_a_column_that_declares_missing_answers_has_some(name):
    book, table = datasets._codebook(name), datasets._class_table(name)
    declared = [column for column, entry in book["variables"].items() if "missingValues" in entry]
    assert [column for column in declared if None not in table.column(column)] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_codebook_says_everything_that_a_reader_needs(name):
    book = datasets._codebook(name)
    assert book["name"] == name
    for key in ("@context", "@type", "title", "description", "license", "rowMeaning", "rows", "declaredDirt"):
        assert key in book, key
    for column, entry in book["variables"].items():
        assert len(entry["description"]) > 10, column
        assert entry["valueType"] in ("text", "whole", "decimal"), column
        assert (
            "levels" in entry or entry["valueType"] == "text" or {"minValue", "maxValue", "unitText"} <= set(entry)
        ), f"{column} has neither levels nor range and unit"


@pytest.mark.parametrize("name", NAMES)
def test_the_study_writes_the_columns_that_the_codebook_describes(name):
    study = datasets._study(name)
    if study is None:
        pytest.skip("written by hand")
    assert dict(study.COLUMNS) == formats_of(datasets._codebook(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_table_read_back_from_its_file_is_the_same_table(name):
    table = datasets._class_table(name)
    assert Table.from_csv(table.columns, table.to_csv()).rows == table.rows


# ------------------------------------------------------------------------------- replicates

FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ids = st.text(max_size=30)


@pytest.mark.parametrize("name", WITH_REPLICATES)
def test_any_text_gives_a_stable_conforming_replicate_or_a_sentence_about_the_id(name):
    study, world = datasets._study_with_replicates(name)
    book = datasets._codebook(name)

    @FEW
    @given(ids)
    def claim(student_id):
        try:
            fold_id(student_id)
        except UnusableId as refused:
            with pytest.raises(UnusableId, match="id"):
                dyadlab.load(name, replicate=student_id)
            assert str(refused).endswith(".")
            return
        table = study.replicate(student_id, world)
        assert data_build.departures(table, book) == []
        assert table.rows == study.replicate(f"  {student_id.strip()}\n", world).rows

    claim()


@pytest.mark.parametrize("name", WITH_REPLICATES)
def test_different_ids_never_share_data(name):
    study, world = datasets._study_with_replicates(name)

    @FEW
    @given(ids, ids)
    def claim(one, other):
        try:
            same = fold_id(one) == fold_id(other)
        except UnusableId:
            return
        assert (study.replicate(one, world).to_csv() == study.replicate(other, world).to_csv()) is same

    claim()


def test_no_two_of_a_thousand_ids_share_a_dyad():
    many = datasets.replicate_many("dyads", [f"s{i:04d}" for i in range(1000)])
    measured = many.drop(columns=["replicate", "dyad_id"])
    assert not measured.duplicated().any()


@pytest.mark.parametrize("name", WITH_REPLICATES)
def test_a_replicate_has_the_columns_and_types_of_the_class_study(name):
    own, everybody = dyadlab.load(name, replicate="ab123"), dyadlab.load(name)
    assert own.dtypes.to_dict() == everybody.dtypes.to_dict()
    assert not own.equals(everybody)


@pytest.mark.parametrize("name", WITH_REPLICATES)
def test_many_replicates_are_the_single_ones_below_one_another(name):
    students = ["ab123", "Zoë", "c"]
    many = datasets.replicate_many(name, students)
    for student in students:
        part = many[many["replicate"] == student].drop(columns="replicate").reset_index(drop=True)
        single = dyadlab.load(name, replicate=student)
        pd.testing.assert_frame_equal(part, single, check_dtype=False, check_categorical=False, check_like=False)


def test_many_of_no_ids_is_an_empty_table():
    empty = datasets.replicate_many("dyads", [])
    assert len(empty) == 0
    assert list(empty.columns) == ["replicate", *dyadlab.load("dyads").columns]


def test_what_one_does_to_a_table_does_not_change_the_next_one():
    mine = dyadlab.load("dyads")
    mine["elevated"] = 99
    assert set(dyadlab.load("dyads")["elevated"]) == {0, 1}


# ------------------------------------------------------------------------------- worlds


def test_the_environment_variable_chooses_the_world(monkeypatch):
    monkeypatch.delenv("DYADLAB_WORLD", raising=False)
    anchor_like = dyadlab.load("dyads", replicate="ab123")
    monkeypatch.setenv("DYADLAB_WORLD", "null")
    assert datasets.current_world() == "null"
    assert not dyadlab.load("dyads", replicate="ab123").equals(anchor_like)
    assert datasets.truth("dyads")["talk_on_depression"] == 0
    assert datasets.truth("dyads", "anchor-like")["talk_on_depression"] < 0


def test_the_course_setting_chooses_the_world(monkeypatch, tmp_path):
    monkeypatch.delenv("DYADLAB_WORLD", raising=False)
    ours = tmp_path / "course_settings.toml"
    ours.write_text('world = "meta-analytic"\n')
    monkeypatch.setattr(datasets, "SETTINGS", ours)
    datasets._settings.cache_clear()
    try:
        assert datasets.current_world() == "meta-analytic"
        ours.write_text("world = anchor\n")
        datasets._settings.cache_clear()
        with pytest.raises(DatasetError, match=r"course_settings\.toml cannot be read"):
            datasets.current_world()
    finally:
        monkeypatch.undo()
        datasets._settings.cache_clear()


def test_the_world_of_the_shipped_setting_is_anchor_like(monkeypatch):
    monkeypatch.delenv("DYADLAB_WORLD", raising=False)
    assert datasets.current_world() == "anchor-like"


def test_an_unknown_world_gets_a_sentence(monkeypatch):
    monkeypatch.setenv("DYADLAB_WORLD", "mars")
    with pytest.raises(DatasetError, match=r"DYADLAB_WORLD names the world 'mars'.*anchor-like.*meta-analytic.*null"):
        dyadlab.load("dyads", replicate="ab123")
    assert len(dyadlab.load("dyads")) == 62  # the class study is the same in every world


@pytest.mark.parametrize("name", [n for n in NAMES if hasattr(datasets._study(n), "truth")])
def test_the_truth_is_named_numbers(name):
    assert datasets.truth(name)
    assert all(isinstance(key, str) for key in datasets.truth(name))


# ------------------------------------------------------------------------------- sentences


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dyad", "no dataset called “dyad”. Did you mean “dyads”\\?"),
        ("Dyads", "Did you mean “dyads”"),
        ("dyads.csv", "Did you mean “dyads”"),
        ("penguins", "no dataset called “penguins”. The names: .*dyads"),
        ("", "no dataset called “”"),
        ("../dyads", "no dataset called"),
        (7, "text in quotation marks.*7"),
        (None, "text in quotation marks"),
        (["dyads"], "text in quotation marks"),
        (____, "text in quotation marks"),
        (pd.DataFrame({"a": [1]}), "This is a table already"),
    ],
)
@pytest.mark.parametrize("use", [dyadlab.load, dyadlab.codebook, datasets.truth])
def test_a_wrong_name_gets_a_sentence_that_lists_the_right_ones(use, name, said):
    with pytest.raises(DatasetError, match=said) as told:
        use(name)
    assert "dyads" in str(told.value)


@pytest.mark.parametrize(
    ("bad", "said"), [("", "empty"), ("  ", "empty"), (12, "quotation marks"), (____, "blank"), (b"ab", "text")]
)
def test_a_wrong_id_gets_a_sentence(bad, said):
    with pytest.raises(UnusableId, match=said):
        dyadlab.load("dyads", replicate=bad)


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(WITH_REPLICATES)))
def test_asking_for_a_replicate_where_there_is_none_gets_a_sentence(name):
    with pytest.raises(DatasetError, match=r"same for everybody and has no replicates. These have: .*dyads"):
        dyadlab.load(name, replicate="ab123")


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """The loader looks at a copy of the datasets, which a test may damage."""
    shutil.copytree(ROOT / "datasets", tmp_path / "datasets")
    caches = (datasets._class_table, datasets._checksums, datasets._codebook)
    for cached in caches:
        cached.cache_clear()
    monkeypatch.setattr(datasets, "folder", lambda: tmp_path / "datasets")
    yield tmp_path / "datasets"
    for cached in caches:
        cached.cache_clear()


def test_one_changed_digit_in_a_file_is_noticed(copied):
    path = copied / "dyads" / "dyads.csv"
    content = path.read_bytes()
    assert len(dyadlab.load("dyads")) == 62
    datasets._class_table.cache_clear()
    path.write_bytes(content.replace(b"D01,0", b"D01,1", 1).replace(b"D01,1", b"D01,0", 1)[:-2] + b"X\n")
    with pytest.raises(DatasetError, match=r"datasets/dyads/dyads\.csv is damaged or was edited"):
        dyadlab.load("dyads")


def test_a_file_saved_again_by_a_spreadsheet_is_noticed(copied):
    path = copied / "dyads" / "dyads.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(DatasetError, match="damaged or was edited"):
        dyadlab.load("dyads")


def test_a_missing_file_is_no_dataset(copied):
    (copied / "dyads" / "dyads.csv").unlink()
    assert "dyads" not in dyadlab.names()
    with pytest.raises(DatasetError, match="no dataset called “dyads”"):
        dyadlab.load("dyads")


def test_verify_says_which_file_is_amiss(copied):
    before = (copied / "dyads" / "dyads.csv").read_bytes()
    (copied / "dyads" / "dyads.csv").write_bytes(before[:-1])
    (copied / "README.md").write_text("nothing")
    amiss = data_build.verify(copied, names=["dyads"])
    assert len(amiss) == 3
    assert "datasets/dyads/dyads.csv is not the file whose checksum" in amiss[0]
    assert "datasets/dyads/dyads.csv is not what its generate.py makes" in amiss[1]
    assert "README.md does not say what the codebooks say" in amiss[2]
    assert data_build.build(["dyads"], copied)[0].startswith("dyads: written")
    assert (copied / "dyads" / "dyads.csv").read_bytes() == before
    assert data_build.verify(copied, names=["dyads"]) == []


def test_verify_names_the_value_that_the_codebook_does_not_allow(copied):
    path = copied / "dyads" / "dyads.json"
    book = path.read_text(encoding="utf-8")
    path.write_text(book.replace('"girl": "a girl"', '"lass": "a girl"'), encoding="utf-8")
    amiss = data_build.verify(copied, names=["dyads"])
    assert amiss == ["datasets/dyads/dyads.csv: infant_sex has values which are none of its levels: girl."]
    path.write_text(book.replace('"maxValue": 44', '"maxValue": 30'), encoding="utf-8")
    assert "mother_age_years runs beyond 23 to 30" in data_build.verify(copied, names=["dyads"])[0]


def test_an_installed_copy_finds_the_datasets_it_carries(tmp_path):
    inside = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "course/dyadlab", tmp_path / "site/dyadlab", ignore=inside)
    shutil.copytree(ROOT / "datasets", tmp_path / "site/dyadlab/_datasets", ignore=inside)
    asked = "import dyadlab, pathlib; print(dyadlab.__file__, len(dyadlab.load('dyads')), *dyadlab.names())"
    run = subprocess.run(
        [sys.executable, "-P", "-c", asked],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    where, rows, *found = run.stdout.split()
    assert Path(where).is_relative_to(tmp_path)
    assert rows == "62"
    assert found == NAMES


def test_a_new_folder_is_a_new_dataset_without_any_list(copied):
    for suffix in ("csv", "json"):
        (copied / "copies").mkdir(exist_ok=True)
        shutil.copy(copied / "dyads" / f"dyads.{suffix}", copied / "copies" / f"copies.{suffix}")
    with (copied / "CHECKSUMS.txt").open("a") as stated:
        stated.write(f"{checksum((copied / 'copies/copies.csv').read_bytes())}  copies/copies.csv\n")
    datasets._checksums.cache_clear()
    assert "copies" in dyadlab.names()
    assert dyadlab.load("copies").equals(dyadlab.load("dyads"))


def test_building_an_unknown_dataset_gets_a_sentence():
    with pytest.raises(DatasetError, match="no dataset called “dyad”"):
        data_build.build(["dyad"])


# ------------------------------------------------------------------------------- the codebook's displays


@pytest.mark.parametrize("name", NAMES)
def test_the_codebook_shows_every_column_as_a_table_that_screen_readers_can_read(name):
    shown = dyadlab.codebook(name)._repr_html_()
    for column in dyadlab.load(name).columns:
        assert re.search(rf'<th scope="row"[^>]*><code>{column}</code></th>', shown)
    assert "<caption>" in shown
    assert 'scope="col"' in shown
    assert "<script" not in shown


@pytest.mark.parametrize("name", NAMES)
def test_the_codebook_prints_as_plain_text_and_as_a_frame(name):
    book = dyadlab.codebook(name)
    assert book.columns == list(dyadlab.load(name).columns)
    assert list(book.to_frame().index) == book.columns
    printed = repr(book)
    positions = [printed.index(f"\n{column}\n") for column in book.columns]
    assert all(one < other for one, other in pairwise(positions))


def test_asking_the_codebook_for_a_column_that_is_not_there_gets_a_sentence():
    assert dyadlab.codebook("epds_items")["item_3"]["printed_reversed"] is True
    with pytest.raises(DatasetError, match="no column 'item_11'"):
        dyadlab.codebook("epds_items")["item_11"]


def test_the_codebooks_are_written_in_one_form():
    for name in NAMES:
        text = (ROOT / "datasets" / name / f"{name}.json").read_text(encoding="utf-8")
        assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n", name


# ------------------------------------------------------------------------------- weight


def test_importing_dyadlab_brings_in_nothing_heavier_than_pandas():
    listed = "import sys, dyadlab; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    run = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True)
    heavy = {"scipy", "matplotlib", "seaborn", "statsmodels", "IPython", "ipywidgets", "nbgrader", "hypothesis"}
    assert not heavy & set(run.stdout.split())
