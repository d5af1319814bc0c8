"""Claims about setting up: the lock, the conda file, the script that installs, and its thin front door."""

import ast
import copy
import importlib.util
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import rattler
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")

# Where the lock must fit: three Pythons (3.11 as Debian has it and as it was last) on three systems.
PYTHONS = ["3.11.2", "3.11.14", "3.12.1", "3.13.0"]
SYSTEMS = {
    "linux": {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux"},
    "macOS": {"sys_platform": "darwin", "os_name": "posix", "platform_system": "Darwin"},
    "Windows": {"sys_platform": "win32", "os_name": "nt", "platform_system": "Windows"},
}


def load_bootstrap(folder=ROOT):
    spec = importlib.util.spec_from_file_location("bootstrap", folder / "bootstrap.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bootstrap = load_bootstrap()
PROJECT = bootstrap.read_project()


def locked_requirements(text=LOCK):
    """The entries of the lock as packaging reads them, each with its number of hashes."""
    entries = []
    for entry in re.split(r"(?<!\\)\n", text):
        if entry and not entry.startswith("#"):
            words = re.split(r"\s*\\\n\s*", entry)
            hashes = [word for word in words[1:] if re.fullmatch("--hash=sha256:[0-9a-f]{64}", word)]
            assert len(hashes) == len(words) - 1, f"something besides hashes in {entry!r}"
            entries.append((Requirement(words[0]), len(hashes)))
    return entries


def pinned(python, system):
    """Name -> version of what the lock installs with this Python on this system."""
    where = {
        **SYSTEMS[system],
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }
    found = {}
    for requirement, _ in locked_requirements():
        if requirement.marker is None or requirement.marker.evaluate(where):
            name = canonicalize_name(requirement.name)
            assert name not in found, f"{name} is locked twice for Python {python} on {system}"
            (specifier,) = requirement.specifier
            found[name] = Version(specifier.version)
    return found


def direct_requirements():
    groups = PROJECT["dependency-groups"].values()
    return [
        Requirement(line) for line in [*PROJECT["project"]["dependencies"], *(li for group in groups for li in group)]
    ]


# --- the lock ---------------------------------------------------------------------------------------------


def test_lock_was_made_for_the_requirements_in_pyproject():
    assert LOCK.startswith(bootstrap.lock_heading(PROJECT)), (
        "pyproject.toml asks for other versions than those requirements.lock was made for: run `make lock`."
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda project: project["project"]["dependencies"].append("pingouin"),
        lambda project: project["project"]["dependencies"].pop(),
        lambda project: project["dependency-groups"]["test"].append("nbval"),
        lambda project: project["project"].update({"requires-python": ">=3.12"}),
    ],
    ids=["one more", "one less", "one more in a group", "another Python"],
)
def test_a_change_of_requirements_is_noticed(change):
    project = copy.deepcopy(PROJECT)
    change(project)
    assert not LOCK.startswith(bootstrap.lock_heading(project))


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_direct_requirement_is_locked_within_its_bounds(python, system):
    locked = pinned(python, system)
    for wanted in direct_requirements():
        assert wanted.specifier.contains(locked[canonicalize_name(wanted.name)]), wanted


def test_every_entry_is_pinned_by_version_and_hash():
    entries = locked_requirements()
    assert len(entries) > 100
    for requirement, hashes in entries:
        assert [specifier.operator for specifier in requirement.specifier] == ["=="], requirement
        assert hashes >= 1, f"{requirement} has no hash"


def test_lock_holds_no_address_and_no_path():
    assert not re.search(r"://|file:|\s@\s|^-|^\s+--(?!hash=)", LOCK, re.MULTILINE)


def test_what_is_locked_fits_together():
    """Every requirement of every installed package is met by the lock, for this Python on this system."""
    here = {canonicalize_name(requirement.name) for requirement, _ in locked_requirements()}
    locked = {}
    for requirement, _ in locked_requirements():
        if requirement.marker is None or requirement.marker.evaluate():
            locked[canonicalize_name(requirement.name)] = requirement
    for name in locked:
        for line in metadata.requires(name) or []:
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                other = canonicalize_name(needed.name)
                assert other in here, f"{name} needs {other}, which is not locked"
                (specifier,) = locked[other].specifier
                assert needed.specifier.contains(specifier.version, prereleases=True), (name, line)


@pytest.mark.skipif(Path(sys.prefix) != ROOT / ".venv", reason="not run from the project's own .venv")
def test_installed_is_what_is_locked():
    here = [sysconfig.get_path("purelib")]  # setuptools puts copies of its own on the path when it is used
    installed = {canonicalize_name(d.metadata["Name"]): d.version for d in metadata.distributions(path=here)}
    for requirement, _ in locked_requirements():
        if requirement.marker is None or requirement.marker.evaluate():
            (specifier,) = requirement.specifier
            assert Version(installed[canonicalize_name(requirement.name)]) == Version(specifier.version)


# --- conda ------------------------------------------------------------------------------------------------


def conda_specs():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    return [entry for entry in environment["dependencies"] if isinstance(entry, str)]


def test_environment_yml_is_as_pyproject_makes_it():
    made = bootstrap.conda_environment(PROJECT)
    assert (ROOT / "environment.yml").read_text(encoding="utf-8") == made, "run `make environment`"


def test_conda_reads_every_line_as_pip_does():
    """A conda spec parser takes each line, and its bounds let the locked versions in and the next major out."""
    read = {spec.split()[0]: rattler.MatchSpec(spec, strict=True) for spec in conda_specs()}
    specs = {name: rattler.VersionSpec(spec.version or "*") for name, spec in read.items()}
    locked = pinned("3.13.0", "linux")
    wanted = {canonicalize_name(r.name): r for r in map(Requirement, PROJECT["project"]["dependencies"])}
    assert set(specs) == {"python", "pip", *wanted}
    for name, requirement in wanted.items():
        assert specs[name].matches(rattler.Version(str(locked[name]))), name
        assert not specs[name].matches(rattler.Version("9999")), name
        assert not requirement.specifier.contains("9999"), name
    for version, fits in [("3.10.9", False), ("3.11.0", True), ("3.13.9", True), ("3.14.0", False)]:
        assert specs["python"].matches(rattler.Version(version)) is fits


@pytest.mark.parametrize("line", ["ipython[all]>=9", "pywinpty>=2; os_name == 'nt'", "pkg @ somewhere"])
def test_what_conda_cannot_write_is_refused_with_a_sentence(line):
    with pytest.raises(bootstrap.CannotGoOn, match="conda has no way to write"):
        bootstrap.conda_spec(line)


# --- bootstrap.py -----------------------------------------------------------------------------------------


def test_bootstrap_needs_only_the_standard_library():
    tree = ast.parse((ROOT / "bootstrap.py").read_text(encoding="utf-8"))
    named = [n.names[0].name for n in ast.walk(tree) if isinstance(n, ast.Import)]
    named += [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    assert {name.partition(".")[0] for name in named} <= set(sys.stdlib_module_names)


def test_an_old_python_can_read_bootstrap_and_gets_a_sentence(monkeypatch, capsys):
    ast.parse((ROOT / "bootstrap.py").read_text(encoding="utf-8"), feature_version=(3, 7))
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    assert bootstrap.main(["setup"]) == 1
    assert "needs Python 3.11, 3.12 or 3.13; this is Python 3.9" in capsys.readouterr().err


def test_an_old_python_hands_over_to_a_newer_one(monkeypatch):
    """A name that is found but does not run (as version managers leave behind) is passed over."""
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    found = {"python3.13": "/nowhere/python3.13", "python3.12": sys.executable}
    monkeypatch.setattr(bootstrap.shutil, "which", found.get)
    assert bootstrap.fitting_interpreter() == sys.executable


def test_bounds_on_python_agree_everywhere():
    oldest, newest = bootstrap.OLDEST, bootstrap.NEWEST
    assert PROJECT["project"]["requires-python"] == ">={}.{}".format(*oldest)
    named = [line.rpartition(" ")[2] for line in PROJECT["project"]["classifiers"] if "Python ::" in line]
    assert named == [f"3.{minor}" for minor in range(oldest[1], newest[1] + 1)]
    assert {tuple(map(int, python.split(".")[:2])) for python in PYTHONS} >= {oldest, newest}


def test_a_job_that_does_not_exist_gets_the_list_of_those_that_do():
    done = subprocess.run([sys.executable, ROOT / "bootstrap.py", "dmeo"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "no job called 'dmeo'" in done.stderr
    assert all(job in done.stderr for job in bootstrap.JOBS)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A bootstrap for a project elsewhere whose installing steps only note that they were taken."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    for name in ("bootstrap.py", "pyproject.toml", "requirements.lock"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    module = load_bootstrap(folder)
    module.steps = []

    def run(command):
        words = [str(word) for word in command]
        module.steps.append(words)
        if "venv" in words:
            module.venv_python().parent.mkdir(parents=True, exist_ok=True)
            module.venv_python().touch()
        return module.answer(words)

    module.answer = lambda words: 0
    module.run = run
    return module


def test_second_set_up_does_nothing(project):
    project.set_up()
    assert project.steps
    project.steps.clear()
    project.set_up()
    assert project.steps == []


def test_set_up_is_redone_when_the_lock_changes(project):
    project.set_up()
    project.LOCK.write_text(LOCK + "# one line more\n", encoding="utf-8")
    assert not project.is_set_up()


@pytest.mark.parametrize(
    ("before", "after", "still"),
    [("[project]", '[project]\nkeywords = ["new"]', False), ("[tool.ruff]", "[tool.ruff]\nfix = false", True)],
    ids=["how it is packed", "how style is checked"],
)
def test_set_up_is_redone_when_the_project_is_packed_otherwise(project, before, after, still):
    project.set_up()
    text = project.PROJECT.read_text(encoding="utf-8")
    project.PROJECT.write_text(text.replace(before, after, 1), encoding="utf-8")
    assert project.is_set_up() is still


def test_set_up_is_redone_in_a_moved_folder_and_with_another_python(project, monkeypatch):
    project.set_up()
    moved = project.ROOT.rename(project.ROOT.with_name("moved"))
    assert not load_bootstrap(moved).is_set_up()
    moved.rename(project.ROOT)
    assert project.is_set_up()
    monkeypatch.setattr(sys, "version", "3.13.99 (another)")
    assert not project.is_set_up()


def test_set_up_is_redone_when_the_python_it_was_made_from_is_gone(project):
    project.set_up()
    project.venv_python().unlink()
    assert not project.is_set_up()


@pytest.mark.parametrize("step", ["venv", "-r", "-e", "-c"])
def test_interrupted_set_up_is_redone(project, step):
    def interrupt(words):
        if step in words:
            raise KeyboardInterrupt
        return 0

    project.answer = interrupt
    with pytest.raises(KeyboardInterrupt):
        project.set_up()
    assert not project.is_set_up()
    project.answer = lambda words: 0
    project.set_up()
    assert project.is_set_up()


def test_interrupted_redoing_does_not_leave_the_old_stamp(project):
    """The stamp of an earlier set-up goes with the old environment, before anything new is installed."""
    project.set_up()
    lock = project.LOCK.read_bytes()
    project.LOCK.write_bytes(lock + b"# changed\n")

    def interrupt(words):
        if "-r" in words:
            raise KeyboardInterrupt
        return 0

    project.answer = interrupt
    with pytest.raises(KeyboardInterrupt):
        project.set_up()
    project.LOCK.write_bytes(lock)
    assert not project.is_set_up()


def test_a_set_up_that_cannot_import_the_course_is_not_called_complete(project):
    project.answer = lambda words: 1 if "-c" in words else 0
    with pytest.raises(project.CannotGoOn, match="do not work together"):
        project.set_up()
    assert not project.is_set_up()


def test_uv_itself_is_installed_by_hash(project):
    assert re.match(r"uv==\S+ \\\n    --hash=sha256:", project.locked("uv"))
    assert project.locked("uv").count("==") == 1
    project.set_up()
    pip_installs = [words for words in project.steps if "-m" in words and "pip" in words and "-r" in words]
    assert all("--require-hashes" in words for words in pip_installs)


def test_pip_takes_over_where_uv_cannot_be_had(project):
    project.answer = lambda words: 1 if words[-1].endswith("uv.txt") else 0
    project.set_up()
    assert not any("uv" in words for words in project.steps)
    by_pip = [words for words in project.steps if words[1:3] == ["-m", "pip"] and str(project.LOCK) in words]
    assert len(by_pip) == 1
    assert "--require-hashes" in by_pip[0]


def test_a_python_without_ensurepip_is_helped_by_its_own_pip(project, monkeypatch):
    """Debian's python3 without python3-venv: no system package is touched while there is a pip to ask."""
    monkeypatch.setattr(project.shutil, "which", lambda name: "/usr/bin/apt-get")
    project.answer = lambda words: 1 if words[1:] == ["-m", "venv", "--clear", str(project.VENV)] else 0
    project.set_up()
    assert any("--python" in words and words[-1] == "pip" for words in project.steps)
    assert not any(words[0] == "apt-get" for words in project.steps)
    assert project.is_set_up()


def test_no_virtual_environment_at_all_is_a_sentence(project, monkeypatch):
    monkeypatch.setattr(project.shutil, "which", lambda name: None)
    project.answer = lambda words: 1
    with pytest.raises(project.CannotGoOn, match="sudo apt install python3-venv"):
        project.set_up()


def test_no_way_to_install_is_a_sentence_and_not_a_set_up(project):
    project.answer = lambda words: 1 if "-r" in words else 0
    with pytest.raises(project.CannotGoOn, match="could not be installed"):
        project.set_up()
    assert not project.is_set_up()


def test_settings_that_lead_elsewhere_are_not_passed_on(monkeypatch):
    for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "PIP_TARGET"):
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("HOME", "")
    monkeypatch.setenv("VIRTUAL_ENV", "elsewhere")
    env = bootstrap.child_environment()
    assert "elsewhere" not in env.values()
    assert "HOME" not in env
    assert env["PIP_USER"] == "0"
    assert env["UV_PYTHON_DOWNLOADS"] == "never"
    assert env["PATH"].startswith(str(ROOT / ".venv"))


# --- what students install --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel that `make wheel` builds, made from what is committed or about to be."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (made,) = folder.glob("*.whl")
    return made


def test_wheel_holds_the_package_and_its_data_and_no_answers(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert "dyadlab/_datasets/dyads/dyads.csv" in names
        assert all(name.startswith(("dyadlab/", "dyadlab-")) for name in names)
        assert not [name for name in names if name.endswith(".ipynb") or "/keys/" in name]


def test_wheel_works_far_from_this_repository(wheel, tmp_path):
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", site, wheel]
    subprocess.run(install, check=True, capture_output=True, timeout=120)
    code = "import dyadlab; print(dyadlab.__file__); print(len(dyadlab.load('dyads')), dyadlab.names() != [])"
    env = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.splitlines() == [str(site / "dyadlab" / "__init__.py"), "62 True"], done.stderr


# --- the front door ---------------------------------------------------------------------------------------


def test_make_knows_exactly_the_jobs_of_bootstrap():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert set(re.search(r"^JOBS := (.*)$", text, re.MULTILINE).group(1).split()) == set(bootstrap.JOBS)


def test_continuous_integration_calls_the_readmes_test_command():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").rstrip().endswith("exec make test")


def install_system_packages(folder, **programs):
    """Run the script where only ``programs`` exist; each is the body of a shell script. Returns its output."""
    for name, body in programs.items():
        path = folder / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
    script = ROOT / "tests" / "install_system_packages.sh"
    done = subprocess.run(["/bin/sh", script], env={"PATH": str(folder)}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(os.name == "nt", reason="the script is for systems with a shell")
class TestSystemPackages:
    def test_nothing_is_said_where_nothing_is_missing(self, tmp_path):
        assert install_system_packages(tmp_path, id="echo 0", uname="echo Linux", chromium="", bwrap="", npm="") == ""

    def test_root_on_debian_gets_what_is_missing(self, tmp_path):
        noted = tmp_path / "noted"
        said = install_system_packages(
            tmp_path, id="echo 0", uname="echo Linux", bwrap="", npm="", apt_get=f'echo "$@" >> "{noted}"'
        )
        assert said == "Installing for the tests: chromium\n"
        update, install = noted.read_text().splitlines()
        assert "update" in update
        assert install.split()[-1] == "chromium"
        assert "bubblewrap" not in install

    @pytest.mark.parametrize(
        "programs",
        [
            {"id": "echo 1000", "uname": "echo Linux", "apt_get": "exit 99"},
            {"id": "echo 0", "uname": "echo Linux"},
            {"id": "echo 0", "uname": "echo Linux", "apt_get": "exit 100"},
        ],
        ids=["not root", "not Debian", "no package index"],
    )
    def test_otherwise_one_sentence_names_the_packages_and_the_tests_go_on(self, tmp_path, programs):
        said = install_system_packages(tmp_path, **programs).splitlines()[-1]
        assert said.startswith("Not installed: chromium bubblewrap npm.")


def test_no_committed_file_holds_a_path_of_this_machine():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=60)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for path in (ROOT / name for name in listed.stdout.decode().split("\0") if name):
        assert not path.is_file() or str(ROOT).encode() + b"/" not in path.read_bytes(), path
