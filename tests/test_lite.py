"""Claims about what the browser-only site is made of. That it works is tried in tests/browser/test_lite.py."""

import json
import re
import zipfile
from pathlib import Path

import pytest
from dyadlab import lite
from dyadlab.grading import notebooks

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / lite.CONFIG


def pins(path):
    """Name -> version of a list of packages."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", path.read_text(encoding="utf-8"), re.M))


def wheel(folder, name, needs=(), files=(), tag="py3-none-any"):
    """A small wheel, and its path."""
    path = folder / f"{name}-1.0-{tag}.whl"
    about = "".join(f"Requires-Dist: {need}\n" for need in needs)
    with zipfile.ZipFile(path, "w") as archive:
        for file in files or (f"{name}/__init__.py",):
            archive.writestr(file, "")
        archive.writestr(
            f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{about}"
        )
    return path


def test_the_page_gets_the_versions_that_the_course_is_tested_with():
    tested, page = pins(ROOT / "requirements.lock"), pins(CONFIG / "browser.lock")
    common = set(tested) & set(page)
    assert {"anywidget", "ipywidgets", "ipython", "traitlets"} <= common
    assert {name: page[name] for name in common} == {name: tested[name] for name in common}


@pytest.mark.parametrize("name", ["tools", "browser"])
def test_everything_wanted_is_pinned_with_hashes(name):
    locked = (CONFIG / f"{name}.lock").read_text(encoding="utf-8")
    wanted = re.findall(r"^[a-z][\w-]*$", (CONFIG / f"{name}.in").read_text(encoding="utf-8"), re.M)
    assert wanted and set(wanted) <= set(pins(CONFIG / f"{name}.lock"))
    entries = [entry for entry in re.split(r"(?<!\\)\n", locked) if entry]
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in locked


def test_python_for_browsers_is_pinned_with_its_hash_and_without_an_address():
    wanted = json.loads((CONFIG / "package.json").read_text())["dependencies"]
    text = (CONFIG / "package-lock.json").read_text()
    for name, entry in json.loads(text)["packages"].items():
        assert not name or entry["integrity"].startswith("sha512-")
    assert json.loads(text)["packages"]["node_modules/pyodide"]["version"] == wanted["pyodide"]
    assert "resolved" not in text


def test_the_list_of_packages_holds_the_wheels_given_and_nothing_that_lies_elsewhere(tmp_path):
    core = {"info": {"python": "3.14.2"}, "packages": {"numpy": {"name": "numpy"}, "two": {"name": "two"}}}
    needs = ["Two[extra]>=1", "numpy", "three; sys_platform == 'win32'", "four; extra == 'test'"]
    made = lite.pyodide_lock(core, [wheel(tmp_path, "one", needs), wheel(tmp_path, "two")])
    assert made["info"] == core["info"]
    assert set(made["packages"]) == {"one", "two"}
    assert made["packages"]["one"]["depends"] == ["two"]
    assert made["packages"]["one"]["imports"] == ["one"]
    assert lite.settings(made)["jupyter-config-data"]["litePluginSettings"].popitem()[1]["disablePyPIFallback"] is True


def test_single_modules_are_importable_too(tmp_path):
    made = lite.package(wheel(tmp_path, "six", files=("six.py", "six-1.0.data/scripts/x.py")))
    assert made["imports"] == ["six"]


def test_what_is_not_pure_python_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(lite.SiteError, match="not pure Python"):
        lite.package(wheel(tmp_path, "fast", tag="cp314-cp314-manylinux_2_17_x86_64"))


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path):
    kept = tmp_path / "thesis.txt"
    kept.write_text("years of work")
    with pytest.raises(lite.SiteError, match="not empty"):
        lite.build(ROOT, tmp_path)
    assert kept.read_text() == "years of work"


def test_without_npm_a_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(lite.shutil, "which", lambda name: None)
    with pytest.raises(lite.SiteError, match=r"Node\.js"):
        lite.build(ROOT, tmp_path / "site")


def test_the_notebook_of_the_site_needs_nothing_but_dyadlab_and_holds_no_output():
    notebook = notebooks.read(CONFIG / "coding.ipynb")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.source for cell in code] == [
        "import dyadlab",
        'dyadlab.code_session("practice")',
        'dyadlab.code_session("graded")',
    ]
    assert not any(cell.outputs for cell in code)
