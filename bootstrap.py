#!/usr/bin/env python3
"""Sets dyadlab up on this computer and then does one job; needs Python 3.11 or newer and nothing else.

    python3 bootstrap.py demo       on Linux and macOS (``make demo`` is the same)
    py bootstrap.py demo            on Windows

Everything is installed into the folder ``.venv`` beside this file, never into the system's Python: exactly
the packages that ``requirements.lock`` lists, each compared with its recorded hash, and the project itself
so that an edit takes effect at once. A second run installs nothing unless the lock, ``pyproject.toml``, the
Python or the place of the folder has changed. Delete ``.venv`` to undo all of it.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 13)
ROOT = Path(__file__).resolve().parent
LOCK = ROOT / "requirements.lock"
PROJECT = ROOT / "pyproject.toml"
ENVIRONMENT = ROOT / "environment.yml"
VENV = ROOT / ".venv"
STAMP = VENV / "set-up-complete"
WINDOWS = os.name == "nt"

JOBS = {
    "setup": "only install what the other jobs need",
    "demo": "grade a small synthetic class from end to end and say where everything lies",
    "test": "run the tests; words after it go to pytest",
    "bench": "time grading beside plain nbgrader and otter-grader; words after it go to benchmarks/bench.py",
    "lab": "open JupyterLab on the course; words after it go to `dyadlab lab`",
    "site": "build the browser-only site: the coding tool with nothing to install; needs npm",
    "wheel": "pack what students install, without any answers, into dist",
    "lint": "look for slips of style in the Python files",
    "lock": "choose package versions anew and write requirements.lock",
    "environment": "write environment.yml from pyproject.toml",
}

# pytest's exit status when tests ran and some failed.
TESTS_FAILED = 1

# For `bench`: otter-grader (which imports a module that newer setuptools lack), and what has to be as in the lock.
BENCH_VENV = ROOT / ".venv-bench"
OTTER = ("otter-grader==7.0.0", "setuptools<81")
BENCH_STACK = ("anywidget", "ipykernel", "ipython", "ipywidgets", "matplotlib", "nbclient", "nbconvert", "nbformat")
BENCH_STACK += ("numpy", "pandas", "scipy", "seaborn", "statsmodels")

# Imported once at the end of a set-up: an installation that cannot do this is not called complete.
MUST_IMPORT = "dyadlab, ipywidgets, jupyterlab, nbgrader, pytest, rich, scipy, seaborn, statsmodels"


class CannotGoOn(Exception):
    """Something that a person has to mend; the message says what."""


def main(words):
    """Do the job that ``words`` ask for and return the exit status."""
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    job, rest = words[0], words[1:]
    if job not in JOBS:
        print(f"There is no job called {job!r}.\n\n{usage()}", file=sys.stderr)
        return 2
    try:
        other = fitting_interpreter()
        if other:
            return subprocess.call([other, str(ROOT / "bootstrap.py"), *words])
        return do(job, rest)
    except CannotGoOn as sentence:
        print(f"\n{sentence}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


def usage():
    width = max(map(len, JOBS))
    lines = ["  {:<{}}   {}".format(job, width, what) for job, what in JOBS.items()]
    start = "py bootstrap.py JOB" if WINDOWS else "make JOB      or      python3 bootstrap.py JOB"
    return "\n".join([start, "", *lines])


def do(job, rest):
    if job == "environment":
        ENVIRONMENT.write_text(conda_environment(read_project()), encoding="utf-8", newline="\n")
        return 0
    if job == "lock":
        return make_lock()
    set_up()
    if job == "setup":
        return 0
    if job == "lint":
        return run_python("-m", "ruff", "check", ROOT) or run_python("-m", "ruff", "format", "--check", ROOT)
    if job == "wheel":
        return run_python("-m", "hatchling", "build", "-t", "wheel", "-d", ROOT / "dist")
    if job == "test":
        if not WINDOWS:
            run(["sh", ROOT / "tests" / "install_system_packages.sh"])
        at_once = min(os.cpu_count() or 1, 4)
        # the tests of a file stay together, which share what is slow to make; tests/conftest.py says which come first
        spread = ("-n", at_once, "--dist", "loadfile", "--no-loadscope-reorder")
        status = run_python("-m", "pytest", "-q", *spread, *rest)
        if status == TESTS_FAILED:
            print("\nOnce more, one after the other, what failed: with a browser at work beside it, a machine of few "
                  "cores lets some tests wait too long. What fails now, fails.", flush=True)  # fmt: skip
            status = run_python("-m", "pytest", "-q", "--last-failed", "--last-failed-no-failures", "none", *rest)
        return status
    if job == "bench":
        otter = otter_python()
        return run_python(ROOT / "benchmarks" / "bench.py", *(["--otter", otter] if otter else []), *rest)
    return run_python("-m", "dyadlab", job, *rest)


# --- which Python -----------------------------------------------------------------------------------------


def fitting_interpreter():
    """Another interpreter that should carry on in place of this one, or None if this one will do.

    The interpreter of ``.venv`` itself hands over to the one it was made from, because it cannot replace the
    folder it runs in; one that is too old looks for a newer one.
    """
    this = sys.version_info[:2]
    if this < OLDEST:
        for name in ("python3.13", "python3.12", "python3.11"):
            found = shutil.which(name)
            if found and succeeds([found, "-c", "import venv"]):
                return found
        raise CannotGoOn(
            "dyadlab needs Python 3.11, 3.12 or 3.13; this is Python {}.{}. Install a newer Python, or name "
            "one that you have: make demo PYTHON=/path/to/python3.12".format(*this)
        )
    if this > NEWEST:
        print("dyadlab is tested with Python 3.11 to 3.13; this is {}.{}, which may do.".format(*this))
    base = getattr(sys, "_base_executable", None)
    if base and Path(base) != Path(sys.executable) and VENV.exists() and os.path.samefile(sys.prefix, VENV):
        return base
    return None


def succeeds(command):
    """Whether ``command`` can be run and ends well; it prints nothing."""
    try:
        return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def venv_python():
    return VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")


def child_environment():
    """The environment for everything that is started from here.

    Python's and pip's own settings are taken out where they would lead elsewhere than to ``.venv``.
    """
    env = dict(os.environ)
    for name in ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX"):
        env.pop(name, None)
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # without compiled files every start costs seconds more
    if not env.get("HOME"):
        env.pop("HOME", None)  # an empty HOME would put caches into the root of the disk
    env.update(
        VIRTUAL_ENV=str(VENV),
        PATH=os.pathsep.join([str(venv_python().parent), env.get("PATH", os.defpath)]),
        PIP_USER="0",
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        UV_PYTHON_DOWNLOADS="never",
    )
    env.setdefault("UV_SYSTEM_CERTS", "1")  # universities put certificates of their own into the system
    return env


def run(command):
    """Run ``command`` in the project's folder and return its exit status."""
    sys.stdout.flush()
    try:
        return subprocess.call([str(word) for word in command], cwd=str(ROOT), env=child_environment())
    except OSError as error:
        print(f"{command[0]}: {error}", file=sys.stderr)
        return 127


def run_python(*words):
    return run([venv_python(), *words])


# --- setting up -------------------------------------------------------------------------------------------


def set_up():
    """Make ``.venv`` as the lock says, unless that has been done already."""
    if is_set_up():
        return
    with only_one_at_a_time():
        if is_set_up():  # another terminal has just done it
            return
        began = time.monotonic()
        if not LOCK.exists():
            raise CannotGoOn("requirements.lock is missing. It is part of the project: fetch it again.")
        print(f"Setting up in {VENV} (once; half a minute, or some minutes on a slow line).", flush=True)
        STAMP.unlink(missing_ok=True)
        make_venv()
        install_packages()
        install_project()
        if run_python("-c", f"import {MUST_IMPORT}") != 0:
            raise CannotGoOn("The packages were installed but do not work together; see the error above.")
        write_whole(STAMP, fingerprint())
        print(f"Set up in {time.monotonic() - began:.0f} seconds.", flush=True)


def is_set_up():
    try:
        return STAMP.read_text(encoding="utf-8") == fingerprint() and venv_python().exists()
    except OSError:
        return False


def fingerprint():
    """A short name for what an installation depends on.

    That is the lock, the Python, how the project is packed, and the folder, since installed commands know
    where they lie; but not how the tests or the style check are set.
    """
    project = read_project()
    packing = [project["build-system"], project["project"], project["tool"]["hatch"]]
    reasons = [LOCK.read_text(encoding="utf-8"), packing, sys.version, str(VENV)]
    return hashlib.sha256(json.dumps(reasons).encode()).hexdigest()


def write_whole(path, text):
    """Write ``text`` so that ``path`` holds all of it or is as it was before."""
    new = path.with_name(path.name + ".new")
    new.write_text(text, encoding="utf-8", newline="\n")
    os.replace(new, path)


class only_one_at_a_time:
    """Two terminals may start at once; the second waits for the first. (On Windows it does not wait.)"""

    def __enter__(self):
        try:
            import fcntl
        except ImportError:
            self.file = None
            return
        (ROOT / ".build").mkdir(exist_ok=True)
        self.file = open(ROOT / ".build" / "set-up.lock", "w")
        fcntl.flock(self.file, fcntl.LOCK_EX)  # let go by the system if this process dies

    def __exit__(self, *_):
        if self.file:
            self.file.close()


def make_venv():
    """An empty virtual environment with pip in it, whatever was there before.

    Debian and Ubuntu keep a part of Python that this needs in a package of its own, which may be missing.
    """
    base = getattr(sys, "_base_executable", None) or sys.executable
    if run([base, "-m", "venv", "--clear", VENV]) == 0:
        return
    if run([base, "-m", "venv", "--clear", "--without-pip", VENV]) == 0:
        print("This Python has no pip to give away; asking its own pip, if it has one, for another.", flush=True)
        if run([base, "-m", "pip", "--python", venv_python(), "install", "--quiet", "pip"]) == 0:
            return
    if shutil.which("apt-get") and getattr(os, "geteuid", lambda: 1)() == 0:
        package = "python{}.{}-venv".format(*sys.version_info[:2])
        print(f"Installing the system's package {package}, which this Python lacks.", flush=True)
        installed = run(["apt-get", "update", "-qq"]) == 0 and run(["apt-get", "install", "-qq", "-y", package]) == 0
        if installed and run([base, "-m", "venv", "--clear", VENV]) == 0:
            return
    raise CannotGoOn(
        "This Python could not make a virtual environment (see above). On Debian and Ubuntu this helps: "
        "sudo apt install python3-venv"
    )


def install_packages():
    """Everything in the lock, by uv (quick), or by pip where uv cannot be had or fails."""
    uv = locked("uv")
    with tempfile.TemporaryDirectory() as folder:
        only_uv = Path(folder) / "uv.txt"
        only_uv.write_text(uv, encoding="utf-8")
        have_uv = bool(uv) and pip("--require-hashes", "-r", only_uv) == 0
    if have_uv:
        uv_install = ["-m", "uv", "pip", "install", "--quiet", "--python", venv_python()]
        if run_python(*uv_install, "--require-hashes", "-r", LOCK) == 0:
            return
    print("uv could not be used; installing with pip, which takes a few minutes.", flush=True)
    if pip("--require-hashes", "-r", LOCK) != 0:
        raise CannotGoOn(
            "The packages could not be installed (see above). Is this computer connected to a package index? "
            "Run the same command again: it begins afresh."
        )


def install_project():
    """The project itself, editable, built with what the lock has installed: nothing more is fetched."""
    if pip("--no-deps", "--no-build-isolation", "--no-index", "-e", ROOT) != 0:
        raise CannotGoOn("The packages are installed, but the project itself could not be (see above).")


def pip(*words):
    return run_python("-m", "pip", "install", "--quiet", *words)


def locked(name):
    """The lines of the lock that pin the package ``name``, or an empty string."""
    found = re.search(rf"^{re.escape(name)}==(?:.*\\\n)*.*\n", LOCK.read_text(encoding="utf-8"), re.M)
    return found.group() if found else ""


def otter_python():
    """The interpreter of an environment with otter-grader, for the benchmark alone; None where it cannot be had.

    What notebooks use has there the versions of the lock, so that the same code is timed. Otter cannot live beside
    everything else in the lock, and is not in it.
    """
    stack = re.compile(rf"({'|'.join(BENCH_STACK)})==")
    lines = [line.rstrip("\\ ") for line in LOCK.read_text(encoding="utf-8").splitlines() if stack.match(line)]
    python = BENCH_VENV / venv_python().relative_to(VENV)
    stamp = BENCH_VENV / "set-up-complete"
    reasons = json.dumps([OTTER, lines, sys.version, str(BENCH_VENV)])
    if stamp.exists() and stamp.read_text(encoding="utf-8") == reasons and python.exists():
        return python
    print(f"Setting up otter-grader in {BENCH_VENV} (once; for the benchmark alone).", flush=True)
    stamp.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        same = Path(folder) / "same.txt"
        same.write_text("\n".join(lines), encoding="utf-8")
        names = [line.partition("==")[0] for line in lines]
        install = ["-m", "uv", "pip", "install", "--quiet", "--python", python]
        for words in (
            ["-m", "uv", "venv", "--quiet", "--clear", "--python", venv_python(), BENCH_VENV],
            [*install, "-c", same, *OTTER, *sorted(set(names))],
            [*install, "--no-deps", "-e", ROOT],
        ):
            if run_python(*words) != 0:
                print("otter-grader could not be had (see above); the benchmark goes on without it.", flush=True)
                return None
    write_whole(stamp, reasons)
    return python


# --- files made from pyproject.toml -----------------------------------------------------------------------


def read_project():
    import tomllib  # new in Python 3.11: not at the top, where an older Python would fail without a sentence

    return tomllib.loads(PROJECT.read_text(encoding="utf-8"))


def requirements_digest(project):
    """A short name for all that pyproject.toml says about versions; it changes when any of it does."""
    said = [project["project"]["requires-python"]]
    said += sorted(project["project"]["dependencies"])
    extras = project["project"].get("optional-dependencies", {})
    for group, members in sorted([*project.get("dependency-groups", {}).items(), *extras.items()]):
        said += [group, *sorted(members)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


def lock_heading(project):
    return (
        "# Every package of dyadlab's environment, by version and hash. Made by `make lock`; never edited.\n"
        f"# Made for the requirements in pyproject.toml with the digest {requirements_digest(project)}\n"
    )


def make_lock():
    """Choose versions with uv, in an environment that is thrown away, and write requirements.lock."""
    heading = lock_heading(read_project())
    with tempfile.TemporaryDirectory() as folder:
        exported = Path(folder) / "exported.txt"
        venv = Path(folder) / "venv"
        python = venv / venv_python().relative_to(VENV)
        uv = [python, "-m", "uv", "--quiet"]
        export = ["export", "--frozen", "--all-groups", "--no-emit-project", "--no-header", "--no-annotate"]
        for step in (
            [sys.executable, "-m", "venv", venv],
            [python, "-m", "pip", "install", "--quiet", "uv"],
            [*uv, "lock", "--upgrade", "--python", sys.executable],
            [*uv, *export, "--format", "requirements.txt", "-o", exported],
        ):
            if run(step) != 0:
                raise CannotGoOn("No new lock was made; requirements.lock is as it was.")
        write_whole(LOCK, heading + exported.read_text(encoding="utf-8"))
    print("Wrote requirements.lock. Run the tests before you commit it.")
    return 0


def conda_environment(project):
    """The text of environment.yml: the packages that students and instructors need, as conda writes them."""
    needed = [project["project"]["requires-python"]]
    needed = [f"python {needed[0]},<{NEWEST[0]}.{NEWEST[1] + 1}", "pip"]
    needed += [conda_spec(requirement) for requirement in project["project"]["dependencies"]]
    return "\n".join(
        [
            "# For people who work with conda. Made from pyproject.toml by `make environment`; never edited.",
            "# conda chooses versions within these bounds; the tested set is the one in requirements.lock.",
            "name: dyadlab",
            "channels:",
            "  - conda-forge",
            "  - nodefaults",
            "dependencies:",
            *(f"  - {spec}" for spec in needed),
            "  - pip:",
            "      - -e .",
            "",
        ]
    )


def conda_spec(requirement):
    """``numpy>=2.3,<2.6`` as conda writes it: ``numpy >=2.3,<2.6``."""
    parts = re.fullmatch(r"([A-Za-z0-9._-]+)\s*([<>=!~].*)?", requirement)
    if not parts or ";" in requirement:
        raise CannotGoOn(f"conda has no way to write {requirement!r}; give conda_spec in bootstrap.py a rule for it.")
    return "{} {}".format(parts.group(1).lower(), parts.group(2) or "").strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
