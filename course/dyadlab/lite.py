"""The browser-only site: JupyterLab, Python and the coding tool as files that any web server can hand out.

Python runs in the visitor's own browser (JupyterLite with Pyodide); nothing is installed, no server computes, and
while the site is used nothing is asked of other machines: all packages are files of the site. They are those that the
lists in ``jupyter_config/lite`` name, each compared with its hash, and the wheel of dyadlab that students install.

Only pure Python can be had in this way. numpy, pandas and seaborn for Pyodide are in no package index, so the site
offers the coding tool, which needs none of them, and not the weeks' notebooks.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

from dyadlab.sentences import Sentence

CONFIG = Path("jupyter_config", "lite")
OVERRIDES = Path("jupyter_config", "labconfig", "default_setting_overrides.json")
KERNEL = "@jupyterlite/pyodide-kernel-extension"
IN_PAGE = ("@jupyter-widgets/jupyterlab-manager", "anywidget")
"""The parts of JupyterLab that the course's own environment has and the site needs too: they draw widgets."""
CORE = ("pyodide.mjs", "pyodide.js", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
PYTHON = "3.14"
"""The Python of Pyodide; a wheel must fit it."""
NOT_IN_PAGE = ("widgetsnbextension-3",)
"""Of two stand-ins for one package that the kernel brings, the older."""


class SiteError(Sentence):
    """The site cannot be built; the message says what is missing."""


def build(root, out, progress=lambda sentence: None):
    """Build the site of the checkout at ``root`` into the folder ``out``, whose former content goes.

    Needs the package indexes of Python and npm, which it asks through pip and npm. Raises SiteError.
    """
    root, out = Path(root).resolve(), Path(out).resolve()
    config = root / CONFIG
    if not (config / "tools.lock").is_file():
        raise SiteError(f"There is no {CONFIG} in {root}. The site is built in a checkout of the course.")
    if out.exists() and any(out.iterdir()) and not (out / "jupyter-lite.json").is_file():
        raise SiteError(f"{out} is not empty and holds no site; name another folder.")
    npm = shutil.which("npm")
    if npm is None:
        raise SiteError(
            "npm is missing: install Node.js, which brings it. It fetches Pyodide, the Python for browsers."
        )
    with tempfile.TemporaryDirectory(prefix="dyadlab-site-") as folder:
        work = Path(folder)
        tools, wheels, lite = work / "tools", work / "wheels", work / "lite"
        progress("fetching what builds the site, and Python for browsers")
        _run(_pip("install", "--no-deps", "--require-hashes", "--target", tools, "-r", config / "tools.lock"))
        _fits(tools, config)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(config / name, work)
        _run([npm, "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=work)
        progress("fetching the packages that the page is given")
        fits = ["--python-version", PYTHON, "--implementation", "py", "--abi", "none", "--platform", "any"]
        listed = ["--require-hashes", "-r", config / "browser.lock"]
        _run(_pip("download", "--no-deps", "--only-binary", ":all:", *fits, *listed, "--dest", wheels))
        _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels], cwd=root)
        for wheel in (tools / "share/jupyter/labextensions" / KERNEL / "static/pypi").glob("*.whl"):
            if not wheel.name.startswith(NOT_IN_PAGE):
                shutil.copy(wheel, wheels)
        progress("putting the site together")
        _lay_out(lite, work / "node_modules" / "pyodide", sorted(wheels.glob("*.whl")), root)
        if out.exists():
            shutil.rmtree(out)
        extensions = [tools / "share/jupyter/labextensions" / KERNEL, *_extensions_here()]
        _run(
            [
                *(sys.executable, "-m", "jupyterlite_core", "build", "--lite-dir", lite, "--output-dir", out),
                *("--contents", lite / "files", "--apps", "lab", "--no-sourcemaps", "--no-unused-shared-packages"),
                *("--ignore-sys-prefix", "federated_extensions"),
                *(f"--LiteBuildConfig.federated_extensions={extension}" for extension in extensions),
            ],
            cwd=lite,
            PYTHONPATH=str(tools),
        )
    return out


def _lay_out(lite, core, wheels, root):
    """What JupyterLite's builder finds: Python for browsers with its packages, settings, and notebooks."""
    static = lite / "static" / "pyodide"
    static.mkdir(parents=True)
    for name in CORE:
        shutil.copy(core / name, static)
    for wheel in wheels:
        shutil.copy(wheel, static)
    lock = pyodide_lock(json.loads((core / "pyodide-lock.json").read_text(encoding="utf-8")), wheels)
    (static / "pyodide-lock.json").write_text(json.dumps(lock, indent=1, sort_keys=True), encoding="utf-8")
    (lite / "jupyter-lite.json").write_text(json.dumps(settings(lock), indent=1), encoding="utf-8")
    shutil.copy(root / OVERRIDES, lite / "overrides.json")
    (lite / "files").mkdir()
    for notebook in (root / CONFIG).glob("*.ipynb"):
        shutil.copy(notebook, lite / "files")


def pyodide_lock(core, wheels):
    """Pyodide's list of packages with those of ``wheels`` (paths of wheels) in place of all its own, as a dictionary.

    Pyodide's own entries name files that it would fetch from elsewhere.
    """
    packages = {entry["name"]: entry for entry in map(package, wheels)}
    for entry in packages.values():
        entry["depends"] = sorted(set(entry["depends"]) & set(packages))
    return {**core, "packages": packages}


def package(wheel):
    """A wheel as an entry of Pyodide's list of packages. Raises SiteError for one that is not pure Python."""
    from packaging.utils import canonicalize_name, parse_wheel_filename

    name, version, _, tags = parse_wheel_filename(wheel.name)
    if {(tag.abi, tag.platform) for tag in tags} != {("none", "any")}:
        raise SiteError(f"{wheel.name} is not pure Python, so it does not run in a browser.")
    with zipfile.ZipFile(wheel) as archive:
        files = archive.namelist()
        about = next(file for file in files if file.endswith(".dist-info/METADATA") and file.count("/") == 1)
        needs = HeaderParser().parsestr(archive.read(about).decode("utf-8")).get_all("Requires-Dist") or []
    tops = {file.split("/")[0] for file in files if file.endswith(".py")}
    return {
        "name": str(canonicalize_name(name)),
        "version": str(version),
        "file_name": wheel.name,
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "package_type": "package",
        "install_dir": "site",
        "unvendored_tests": False,
        "imports": sorted(top.removesuffix(".py") for top in tops if not top.endswith((".dist-info", ".data"))),
        "depends": list(filter(None, map(_needed, needs))),
    }


def _needed(requirement):
    """The name of what a wheel needs in a browser, or None for what it needs elsewhere only."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    wanted = Requirement(requirement)
    browser = {
        "sys_platform": "emscripten",
        "platform_system": "Emscripten",
        "platform_machine": "wasm32",
        "os_name": "posix",
        "python_version": PYTHON,
        "python_full_version": f"{PYTHON}.0",
        "extra": "",
    }
    return None if wanted.marker and not wanted.marker.evaluate(browser) else str(canonicalize_name(wanted.name))


def settings(lock):
    """JupyterLite's settings: everything is loaded when Python starts, and no package index is ever asked."""
    kernel = {
        "pyodideUrl": "./static/pyodide/pyodide.mjs",
        "disablePyPIFallback": True,
        "loadPyodideOptions": {
            "packages": sorted(lock["packages"]),
            "lockFileURL": "./static/pyodide/pyodide-lock.json",
        },
    }
    return {
        "jupyter-lite-schema-version": 0,
        "jupyter-config-data": {
            "appName": "dyadlab",
            "enableMemoryStorage": False,
            "litePluginSettings": {f"{KERNEL}:kernel": kernel},
        },
    }


def _fits(tools, config):
    """Raise SiteError unless package.json names the Pyodide that the kernel in tools.lock was made for."""
    constants = (tools / "jupyterlite_pyodide_kernel" / "constants.py").read_text(encoding="utf-8")
    wanted = re.search(r'^PYODIDE_VERSION = "(.+)"$', constants, re.M)
    named = json.loads((config / "package.json").read_text(encoding="utf-8"))["dependencies"]["pyodide"]
    if not wanted or wanted.group(1) != named:
        asked = wanted.group(1) if wanted else "another version"
        raise SiteError(f"{CONFIG / 'package.json'} names Pyodide {named}, but the kernel in tools.lock needs {asked}.")


def _extensions_here():
    folder = Path(sys.prefix, "share/jupyter/labextensions")
    found = [folder / name for name in IN_PAGE]
    lacking = [path.name for path in found if not path.is_dir()]
    if lacking:
        raise SiteError(f"This environment lacks {' and '.join(lacking)} for JupyterLab; run `make setup`.")
    return found


def _pip(*words):
    return [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words]


def _run(command, cwd=None, **variables):
    """Run a step quietly. SiteError with the end of what it said when it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = "\n".join(done.stdout.strip().splitlines()[-12:])
        raise SiteError(f"The site was not built: `{Path(str(command[0])).name} {command[1]} …` failed.\n{said}")
