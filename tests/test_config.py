"""Claims about jupyter_config: what one environment variable switches on, and for whom."""

import html
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from dyadlab import lab
from dyadlab.grading.course import REPOSITORY, Course
from dyadlab.grading.preprocessors import LIVE_WIDGET
from nbconvert.exporters import HTMLExporter

CONFIG = REPOSITORY / "jupyter_config"
OVERRIDES = CONFIG / "labconfig" / "default_setting_overrides.json"
ANYTHING_FOCUSED = ".jp-Notebook.jp-mod-commandMode:not(.jp-mod-readWrite) :focus"
CELL_FOCUSED = ".jp-Notebook.jp-mod-commandMode:not(.jp-mod-readWrite) .jp-Cell:focus"
PLAIN_PATH = os.pathsep.join(["/usr/local/bin", "/usr/bin", "/bin"])


def switched_on(home, **more):
    """The environment of somebody who set the one variable and nothing else of Jupyter's or ours."""
    ours = ("JUPYTER", "DYADLAB", "PYTHON", "IPYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "HOME": str(home), "JUPYTER_CONFIG_PATH": str(CONFIG), **{k: str(v) for k, v in more.items()}}


def nbgrader(arguments, cwd, env):
    program = Path(sys.executable).parent / "nbgrader"
    return subprocess.run([program, *arguments], cwd=cwd, env=env, capture_output=True, text=True, timeout=120)


def settings(cwd, env):
    """What nbgrader makes of the configuration when it is started in ``cwd``."""
    script = (
        "import json, sys; sys.modules['rfc3987_syntax'] = None\n"
        "from nbgrader.apps import NbGrader\n"
        "from nbgrader.exchange import Exchange\n"
        "app = NbGrader(); app.initialize([])\n"
        "c = app.coursedir\n"
        "print(json.dumps([c.course_id, c.root, c.db_url, c.solution_directory, app.config.Exchange.root]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=cwd, env=env, capture_output=True, text=True, check=True, timeout=120
    )
    return json.loads(done.stdout.splitlines()[-1])


def tiny_notebook():
    """A notebook with one check, one question for a person, and its answers."""

    def graded(cell, id, **changes):
        cell.id = id
        cell.metadata["nbgrader"] = {
            "schema_version": 3, "grade_id": id, "grade": False, "solution": False, "locked": False, "task": False,
        } | changes  # fmt: skip
        return cell

    cells = [
        graded(
            nbformat.v4.new_code_cell("### BEGIN SOLUTION\nx = 3\n#: x = ____\n### END SOLUTION"), "x", solution=True
        ),
        graded(
            nbformat.v4.new_code_cell(
                "assert x > 0\n### BEGIN HIDDEN TESTS\nassert x == 3, 'hidden_secret'\n### END HIDDEN TESTS"
            ),
            "x_check", grade=True, locked=True, points=2,
        ),
        graded(
            nbformat.v4.new_markdown_cell("Why?\n### BEGIN MARK SCHEME\nscheme_secret\n### END MARK SCHEME"),
            "why_prompt", locked=True,
        ),
        graded(nbformat.v4.new_markdown_cell("Because."), "why", grade=True, solution=True, points=1),
        nbformat.v4.new_code_cell('import dyadlab\ndyadlab.code_session("practice")'),
        nbformat.v4.new_code_cell("import ipywidgets\nipywidgets.Button(description='Press me')"),
    ]  # fmt: skip
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A tiny course taken through nbgrader with our configuration: built, one submission graded, feedback."""
    from dyadlab.grading import nbgrader_bridge

    course = Course(tmp_path_factory.mktemp("tiny") / "course")
    source = course.source / "w90_tiny"
    source.mkdir(parents=True)
    nbformat.write(tiny_notebook(), source / "w90_tiny.ipynb")
    (source / "answers.py").write_text("x = 3  # file_secret")
    (source / "notes.md").write_text("file_secret")
    (source / "figure.svg").write_text("<svg/>")
    api = nbgrader_bridge.api(course)
    assert api.generate_assignment("w90_tiny")["success"]
    submission = nbformat.read(course.release / "w90_tiny" / "w90_tiny.ipynb", as_version=4)
    submission.cells = [cell for cell in submission.cells if cell.id != "x_check"]
    submission.cells[0].source = "x = 4"
    (course.submitted / "amy" / "w90_tiny").mkdir(parents=True)
    nbformat.write(submission, course.submitted / "amy" / "w90_tiny" / "w90_tiny.ipynb")
    for step in (api.autograde, api.generate_feedback):
        answer = step("w90_tiny", "amy")
        assert answer["success"], answer["log"]
    return course


# --- nbgrader ---


def test_nbgrader_finds_the_same_course_from_any_directory(tmp_path):
    env = switched_on(tmp_path)
    elsewhere = tmp_path / "with a space"
    elsewhere.mkdir()
    found = settings(elsewhere, env)
    root = REPOSITORY / "course"
    assert found == ["dyadlab", str(root), f"sqlite:///{root}/gradebook.db", "../solutions", str(root / "exchange")]
    assert settings(CONFIG / "labconfig", env) == found


def test_a_course_of_ones_own_and_an_exchange_of_ones_own_can_be_named(tmp_path):
    course, exchange = tmp_path / "mine", tmp_path / "shared"
    course.mkdir()
    found = settings(tmp_path, switched_on(tmp_path, DYADLAB_COURSE=course, DYADLAB_EXCHANGE=exchange))
    assert (found[1], found[4]) == (str(course), str(exchange))
    assert not exchange.exists(), "whoever names an exchange makes it, with the permissions it needs"
    assert settings(tmp_path, switched_on(tmp_path, DYADLAB_COURSE=course))[4] == str(course / "exchange")
    assert (course / "exchange").is_dir()


def test_a_gradebook_is_made_whole_when_the_environment_is_not_on_path(tmp_path):
    course = tmp_path / "course"
    course.mkdir()
    env = switched_on(tmp_path, DYADLAB_COURSE=course, PATH=PLAIN_PATH)
    done = nbgrader(["db", "student", "add", "amy"], tmp_path, env)
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(course / "gradebook.db") as gradebook:
        assert gradebook.execute("select count(*) from alembic_version").fetchone() == (1,)


@pytest.mark.skipif(os.name == "nt", reason="nbgrader's exchange of files does not work on Windows")
def test_the_list_of_assignments_works_from_any_directory(graded, tmp_path):
    from dyadlab.grading.release import release

    release(graded, "w90_tiny")
    done = nbgrader(["list"], tmp_path, switched_on(tmp_path, DYADLAB_COURSE=graded.root))
    assert done.returncode == 0
    assert "dyadlab w90_tiny" in done.stdout + done.stderr


def test_scripts_and_notes_beside_a_notebook_are_not_handed_out(graded):
    handed_out = {path.name for path in (graded.release / "w90_tiny").iterdir()}
    assert handed_out == {"w90_tiny.ipynb", "figure.svg"}


def test_the_release_shows_the_skeleton_and_no_secret(graded):
    released = (graded.release / "w90_tiny" / "w90_tiny.ipynb").read_text()
    assert "x = ____" in released
    assert "secret" not in released


def test_feedback_holds_neither_hidden_tests_nor_marking_schemes(graded):
    graded_copy = (graded.autograded / "amy" / "w90_tiny" / "w90_tiny.ipynb").read_text()
    assert "assert x == 3" in graded_copy and "scheme_secret" in graded_copy  # a person who grades sees both
    feedback = (graded.feedback / "amy" / "w90_tiny" / "w90_tiny.html").read_text()
    assert "Because." not in feedback and "Why?" in feedback
    assert "HIDDEN TESTS" not in feedback and "x == " not in feedback
    assert "AssertionError: hidden_secret" in feedback  # what a check says is meant for the student
    assert "scheme_secret" not in feedback


def addresses(page):
    """What a page would fetch from elsewhere."""
    return re.findall(r"""(?:src|href)\s*=\s*["'](?:https?:)?//[^"']*|url\(["']?https?:[^)]*|import\(["'][^)]*""", page)


def test_feedback_asks_nothing_of_the_network_and_shows_what_stands_in_for_a_widget(graded):
    assert LIVE_WIDGET in (graded.autograded / "amy" / "w90_tiny" / "w90_tiny.ipynb").read_text()
    feedback = (graded.feedback / "amy" / "w90_tiny" / "w90_tiny.html").read_text()
    assert "You're enjoying that, aren't you, having no socks on?" in html.unescape(feedback)
    assert "What the baby does</th>" in feedback
    assert "Button(description='Press me'" in html.unescape(feedback)
    assert LIVE_WIDGET not in feedback
    assert addresses(feedback) == [] and "MathJax" not in feedback


def test_formgraders_view_of_a_submission_asks_nothing_of_the_network_either(graded, caplog):
    from dyadlab.grading import nbgrader_bridge
    from nbgrader.server_extensions.formgrader.formgrader import FormgradeExtension

    config = FormgradeExtension().build_extra_config()
    config.merge(nbgrader_bridge.config_for(graded))  # as when it starts: the file is read last
    about = dict.fromkeys(("submission_id", "student", "first_name", "last_name", "notebook_path", "base_url"), "")
    about |= {"assignment_id": "w90_tiny", "notebook_id": "w90_tiny", "index": 0, "total": 1}
    submitted = graded.autograded / "amy" / "w90_tiny" / "w90_tiny.ipynb"
    page, _ = HTMLExporter(config=config).from_filename(str(submitted), resources=about)
    assert "formgrader/static" in page and "scheme_secret" in page  # it is the page for a person who grades
    assert "What the baby does</th>" in page
    assert addresses(page) == [] and "MathJax" not in page and LIVE_WIDGET not in page
    assert "not recognized" not in caplog.text  # one of our steps, asked to take an option it does not know


def test_a_deleted_check_is_put_back_and_decides(graded):
    copy = nbformat.read(graded.autograded / "amy" / "w90_tiny" / "w90_tiny.ipynb", as_version=4)
    checks = [cell for cell in copy.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "x_check"]
    assert len(checks) == 1
    assert checks[0].outputs[0].ename == "AssertionError"


def test_executed_notebooks_carry_no_clock_times(graded):
    copy = nbformat.read(graded.autograded / "amy" / "w90_tiny" / "w90_tiny.ipynb", as_version=4)
    assert not [cell for cell in copy.cells if "execution" in cell.metadata]


# --- JupyterLab ---


def disabled_for(monkeypatch, home, student):
    """The extensions that JupyterLab would leave out, from every configuration folder it reads."""
    from jupyterlab_server.config import get_static_page_config

    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(home))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", lab.environment(student, REPOSITORY, base={})["JUPYTER_CONFIG_PATH"])
    return {name for name, off in get_static_page_config().get("disabledExtensions", {}).items() if off}


def test_students_lack_exactly_the_tools_of_teachers_and_the_news(monkeypatch, tmp_path):
    assert disabled_for(monkeypatch, tmp_path, student=True) - disabled_for(monkeypatch, tmp_path, student=False) == {
        "@jupyter/nbgrader:formgrader",
        "@jupyter/nbgrader:create-assignment",
        "@jupyter/nbgrader:course-list",
        "@jupyterlab/apputils-extension:announcements",
    }


def test_teachers_lack_nothing(monkeypatch, tmp_path):
    assert not disabled_for(monkeypatch, tmp_path, student=False)


def test_every_key_that_acts_on_cells_asks_for_a_focused_cell():
    wanted = {
        (shortcut["command"], *shortcut["keys"])
        for shortcut in shortcuts_of_jupyterlab()
        if shortcut["selector"] == ANYTHING_FOCUSED and pressed_without_ctrl(shortcut["keys"])
    }
    assert ("notebook:cut-cell", "X") in wanted and ("notebook:delete-cell", "D", "D") in wanted
    ours = json.loads(OVERRIDES.read_text())["@jupyterlab/shortcuts-extension:shortcuts"]["shortcuts"]
    off = {(s["command"], *s["keys"]) for s in ours if s.get("disabled") and s["selector"] == ANYTHING_FOCUSED}
    narrowed = {(s["command"], *s["keys"]) for s in ours if not s.get("disabled") and s["selector"] == CELL_FOCUSED}
    assert off == wanted
    assert narrowed == wanted


def test_every_shortcut_that_is_switched_off_exists_and_is_replaced():
    ours = json.loads(OVERRIDES.read_text())["@jupyterlab/shortcuts-extension:shortcuts"]["shortcuts"]
    existing = {(s["command"], *s["keys"], s["selector"]) for s in shortcuts_of_jupyterlab()}
    off = [s for s in ours if s.get("disabled")]
    assert {(s["command"], *s["keys"], s["selector"]) for s in off} <= existing
    kept = [(s["command"], s["keys"]) for s in ours if not s.get("disabled")]
    assert sorted(kept) == sorted((s["command"], s["keys"]) for s in off)


def shortcuts_of_jupyterlab():
    schemas = Path(sys.prefix) / "share" / "jupyter" / "lab" / "schemas" / "@jupyterlab"
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(schemas.glob("*/*.json"))]
    return [shortcut for schema in found for shortcut in schema.get("jupyter.lab.shortcuts", [])]


def pressed_without_ctrl(keys):
    return bool(keys) and not re.search("Ctrl|Accel|Alt|Cmd", " ".join(keys))


def test_every_file_of_the_folder_is_in_its_readme():
    files = {
        path.relative_to(CONFIG).as_posix()
        for path in CONFIG.rglob("*")
        if path.is_file() and path.suffix in {".py", ".json", ".md"} and "__pycache__" not in path.parts
    }
    listed = set(re.findall(r"^\| `([^`]+)` \|", (CONFIG / "README.md").read_text(), flags=re.MULTILINE))
    assert files - {"README.md"} == listed


# --- what `dyadlab lab` starts ---


def test_the_teachers_lab_opens_the_course_with_our_configuration(tmp_path):
    env = lab.environment(False, REPOSITORY, base={"PATH": PLAIN_PATH})
    assert env["JUPYTER_CONFIG_PATH"] == str(CONFIG)
    assert env["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert f"--ServerApp.root_dir={tmp_path}" in lab.command(False, REPOSITORY, tmp_path)


def test_the_students_lab_puts_the_students_settings_first_and_opens_the_desk(tmp_path):
    env = lab.environment(True, REPOSITORY, tmp_path, base={})
    assert env["JUPYTER_CONFIG_PATH"].split(os.pathsep) == [str(CONFIG / "student"), str(CONFIG)]
    assert env["DYADLAB_COURSE"] == str(tmp_path)
    assert f"--ServerApp.root_dir={tmp_path / 'student'}" in lab.command(True, REPOSITORY, tmp_path)


def test_configuration_that_somebody_already_has_is_kept_and_not_doubled():
    before = os.pathsep.join(["/theirs", str(CONFIG)])
    after = lab.environment(False, REPOSITORY, base={"JUPYTER_CONFIG_PATH": before})["JUPYTER_CONFIG_PATH"]
    assert after.split(os.pathsep) == [str(CONFIG), "/theirs"]


def test_asking_what_would_be_started_changes_nothing(tmp_path):
    before = dict(os.environ)
    assert lab.environment(True, REPOSITORY, tmp_path) == lab.environment(True, REPOSITORY, tmp_path)
    lab.command(True, REPOSITORY, tmp_path)
    assert dict(os.environ) == before
    assert not list(tmp_path.iterdir())


def test_the_desk_gets_what_is_released_and_keeps_what_the_student_wrote(graded, tmp_path):
    course = tmp_path / "course"
    shutil.copytree(graded.release, course / "release")
    assert lab.lay_out(course) == ["w90_tiny"]
    notebook = course / "student" / "w90_tiny" / "w90_tiny.ipynb"
    notebook.write_text("my own work")
    assert lab.lay_out(course) == []
    assert notebook.read_text() == "my own work"


def test_a_students_lab_with_nothing_released_says_what_to_do(tmp_path):
    with pytest.raises(lab.LabError, match="dyadlab build"):
        lab.lay_out(tmp_path)
    with pytest.raises(lab.LabError, match="DYADLAB_COURSE"):
        lab.run(root=REPOSITORY, course=tmp_path / "nowhere")
