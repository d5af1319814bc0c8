"""Measure what plain nbgrader does with each attack: real runs of `nbgrader autograde` and `nbgrader zip_collect`.

    sudo python tests/attacks/plain.py                  all attacks, some twenty minutes; writes plain_nbgrader.json
    sudo python tests/attacks/plain.py "a fork bomb"    some of them, by name or kind

The attacks are real, so every run is fenced in from outside: another user who may write nowhere else, its own
numbering of processes, and limits on memory, processes and file size. Linux and an administrator are needed.
"""

import importlib.metadata
import itertools
import json
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dyadlab.grading import course, notebooks

from attacks import catalogue, scene, target

RESULTS = Path(__file__).with_name("plain_nbgrader.json")
#: A user nobody else is. Limits count per user, so two measurements at once take two of them.
USER = 70_001
SECONDS = 150
SECONDS_PER_CELL = 12
NOTHING = "nothing"
AUTOGRADE = ["nbgrader", "autograde", target.WEEK, "--Execute.shutdown_kernel=immediate"]

#: Runs the command as process 1 of its own numbering, then writes down which processes are left.
WATCHED = """
import os, subprocess, sys, time
ended = subprocess.run(sys.argv[2:], stdin=subprocess.DEVNULL).returncode
time.sleep(float(os.environ.get("LINGER", "0.5")))
left = []
for name in os.listdir("/proc"):
    if name.isdigit() and name != "1":
        try:
            if " Z " not in open(f"/proc/{name}/stat").read():
                left.append(name)
        except OSError:
            pass
open(sys.argv[1], "w").write(f"{ended} {len(left)}")
"""


#: Python often lies below an administrator's home, which nobody else may enter: there, an open folder takes its place.
REACHABLE = """
set -e
if [ -n "$2" ]; then
  there=$(mktemp -d)
  mount --bind "$1" "$there"
  mount -t tmpfs -o mode=755 tmpfs "$2"
  mkdir -p "$1"
  mount --move "$there" "$1"
  rmdir "$there"
fi
shift 2
exec "$@"
"""


def possible():
    """Whether this machine lets us measure: Linux, an administrator, and the programs that fence in."""
    programs = all(shutil.which(name) for name in ("unshare", "setpriv", "prlimit"))
    if not (sys.platform == "linux" and os.geteuid() == 0 and programs):
        return False
    try:
        pwd.getpwuid(USER)
        return False
    except KeyError:
        again = "import subprocess, sys, dyadlab; subprocess.run([sys.executable, '-V'], check=True)"
        return subprocess.run([*fence(), sys.executable, "-c", again], capture_output=True, cwd="/").returncode == 0


def fence():
    """The beginning of a command that runs the rest of it fenced in."""
    shut = [p for p in reversed(Path(sys.base_prefix).parents) if not p.stat().st_mode & 0o001]
    reach = ["sh", "-c", REACHABLE, "sh", sys.base_prefix, str(shut[0]) if shut else ""]
    who = ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups", "--bounding-set=-all"]
    limits = ["prlimit", "--nproc=500", "--as=12000000000", "--fsize=1500000000", "--core=0"]
    return ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--ipc", "--kill-child", *reach, *who, *limits]


def environment(here, home):
    programs = Path(sys.executable).parent
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "IPYTHONDIR": str(home / ".ipython"),
        "MPLCONFIGDIR": str(home / "matplotlib"),
        "JUPYTER_CONFIG_PATH": str(here.config),
        "DYADLAB_COURSE": str(here.root),
        "LANG": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        "GRADER_SECRET": target.SECRETS["the grader's environment"],
    }


def measure(attacks, base):
    """Hand in these attacks and their neighbours in a copy of ``base`` and autograde. Returns {name: what happened}."""
    with tempfile.TemporaryDirectory(prefix="plain-nbgrader-") as folder, scene.listener() as (port, heard):
        top = Path(folder)
        shutil.copytree(base.root, top / "course")
        here = course.Course(top / "course", solutions=top / "solutions")
        (top / "home" / "matplotlib").mkdir(parents=True)
        (top / "outside").mkdir()
        around = scene.Surroundings(here.root, top / "outside", port)
        released = notebooks.read(here.release / target.WEEK / scene.FILE)
        scene.place_neighbours(here, released, who=[scene.RIGHT])
        for attack in attacks:
            scene.place(here, released, attack, around)
        give_away(top)
        watched = (here.source, *(here.submitted / student for student in (scene.BLANK, scene.RIGHT)))
        before = scene.checksums(*watched)
        command = [*AUTOGRADE, f"--Execute.timeout={SECONDS_PER_CELL}"]
        linger = 9 if any("after the grading" in attack.name for attack in attacks) else 0.5
        ended, left, log = run(command, here, top, linger, SECONDS + 60 * (len(attacks) - 1))
        if "Creating/updating student" not in log:
            raise RuntimeError(f"nbgrader did not even begin:\n{log[-2000:]}")
        marks = read_marks(here.gradebook)
        course_wide = []
        later = marks.get(scene.RIGHT, {})
        if any(later.get(item.check_id, (None, None))[0] is None for item in target.CHECKED):
            course_wide.append("hangs the whole class" if ended is None else "stops the class")
        elif changed_marks(marks, [s for s in (scene.BLANK, scene.RIGHT) if (here.submitted / s).exists()]):
            course_wide.append("changes other students' marks")
        after = scene.checksums(*watched)
        if changed := {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}:
            whose = "the course's source" if any(str(here.source) in path for path in changed) else "a neighbour's work"
            course_wide.append(f"changes {whose}")
        if marks is NO_GRADEBOOK:
            course_wide.append("destroys the gradebook")
        strays = [p for p in (top / "outside").rglob("*") if p.is_file()]
        strays += [p for p in here.root.rglob("was-here") if p.is_file()]
        if strays:
            course_wide.append("writes outside its folder")
        if list((top / "home").rglob("usercustomize.py")) or list((top / "home").rglob("startup/00.py")):
            course_wide.append("changes Python for those who come later")
        if heard:
            course_wide.append("reaches a service on the machine")
        if left:
            course_wide.append("leaves processes running")
        if os.environ.get("SHOW_LOG"):
            print(log[-6000:])
        return {a.name: judged(a, here, marks, course_wide if len(attacks) == 1 else []) for a in attacks}, course_wide


def run(command, here, top, linger=0.5, most=SECONDS):
    """(exit status or None for never, processes left, log)."""
    note = top / "home" / "left.txt"
    began = time.monotonic()
    with (top / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [*fence(), sys.executable, "-I", "-c", WATCHED, str(note), *command],
            cwd=here.root,
            env=environment(here, top / "home") | {"LINGER": str(linger)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            process.wait(most)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
            process.kill()
            process.wait()
    seconds = time.monotonic() - began
    told = note.read_text().split() if note.exists() else []
    ended, left = (int(told[0]), int(told[1])) if len(told) == 2 else (None, 0)
    if not told and seconds < most - 5:
        ended = -9
    return ended, left, (top / "log.txt").read_text(errors="replace")


def give_away(top):
    """The whole scene belongs to the fenced-in user, as an instructor's course belongs to the instructor."""
    for path in (top, *top.rglob("*")):
        os.chown(path, USER, USER, follow_symlinks=False)


NO_GRADEBOOK = {"": {}}


def read_marks(path):
    """{student: {grade_id: (auto score, manual score)}} straight from the gradebook's file."""
    question = (
        "select submitted_assignment.student_id, base_cell.name, grade.auto_score, grade.manual_score from grade"
        " join base_cell on base_cell.id = grade.cell_id"
        " join submitted_notebook on submitted_notebook.id = grade.notebook_id"
        " join submitted_assignment on submitted_assignment.id = submitted_notebook.assignment_id"
    )
    found = {}
    try:
        with sqlite3.connect(path, timeout=1) as book:
            for student, name, auto, manual in book.execute(question):
                found.setdefault(student, {})[name] = (auto, manual)
    except sqlite3.Error:
        return NO_GRADEBOOK
    return found


def changed_marks(marks, who=(scene.BLANK, scene.RIGHT)):
    """Whether the neighbours have other marks than their work is worth."""
    worth = {scene.BLANK: dict.fromkeys((i.check_id for i in target.CHECKED), 0.0)}
    worth[scene.RIGHT] = {i.check_id: float(i.points) for i in target.CHECKED}
    return any(
        marks.get(student, {}).get(name) != (score, None)
        for student, own in worth.items()
        if student in who
        for name, score in own.items()
    )


def judged(attack, here, marks, course_wide):
    """What one attack did, as short phrases."""
    did = list(course_wide)
    own = marks.get(attack.who, {})
    checked = [own.get(item.check_id, (None, None)) for item in target.CHECKED]
    got = sum((auto or 0.0) if manual is None else manual for auto, manual in checked)
    if got > attack.honest + 1e-9:
        did.insert(0, f"gains {got - attack.honest:g} points")
    elif all(auto is None for auto, _ in checked):
        did.append("ends without any mark")
    elif any(auto is None for auto, _ in checked):
        did.append("ends with marks missing")
    elif attack.points is not None and got < attack.points:
        did.append(f"costs {attack.points - got:g} points that were earned")
    executed = here.autograded / attack.who / target.WEEK / scene.FILE
    did += [f"shows {what}" for what in scene.read_out(executed)]
    did += [phrase.rstrip(" 0123456789") for phrase in scene.boasts(executed)]
    beside = [p for p in executed.parent.rglob("*") if p.is_file() and p.suffix != ".ipynb"]
    if any(p.read_bytes() == Path("/etc/passwd").read_bytes() for p in beside):
        did.append("copies files of the machine into the graded work")
    if "mallory()" in attack.setup and executed.exists() and scene.scripts(executed):
        did.append("runs its script in the marker's browser")
    return sorted(set(did), key=did.index) or [NOTHING]


def measure_zip(attack, base):
    """Collect one ZIP with plain nbgrader's zip_collect. Returns what happened, as short phrases."""
    with tempfile.TemporaryDirectory(prefix="plain-nbgrader-") as folder:
        top = Path(folder)
        shutil.copytree(base.root, top / "course")
        here = course.Course(top / "course", solutions=top / "solutions")
        (top / "home").mkdir()
        archive = here.root / "downloaded" / target.WEEK / "archive" / "download.zip"
        archive.parent.mkdir(parents=True)
        attack.archive(notebooks.read(here.release / target.WEEK / scene.FILE), archive)
        give_away(top)
        pattern = r".*/(?P<student_id>[^/]+)/(?P<file_id>[^/]+)\.ipynb"
        command = ["nbgrader", "zip_collect", target.WEEK, f"--FileNameCollectorPlugin.named_regexp={pattern}"]
        ended, _, log = run(command, here, top)
        if os.environ.get("SHOW_LOG"):
            print(log[-6000:])
        did = []
        came = {p.parent.parent.name for p in here.submitted.glob(f"*/*/{scene.FILE}")}
        if not came >= set(attack.collected):
            did.append("stops the collecting of everybody's work")
        if ended and not did:
            did.append("ends with an error, after the others were collected")
        outside = [
            p
            for p in (top / "outside.ipynb", here.root / "outside.ipynb", Path("/tmp/dyadlab-outside.ipynb"))
            if p.exists()
        ]
        outside += [p for p in here.root.rglob("outside.ipynb")]
        if outside:
            did.append("writes outside its folder")
        for path in here.root.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.stat().st_size > 200 * 2**20:
                did.append("unpacks without limit")
                break
        if any(p.is_symlink() for p in here.submitted.rglob("*")):
            did.append("passes a link on")
        return did or [NOTHING]


def base_course(folder):
    """The target course, built, the first neighbour graded: what befalls an earlier mark is seen as well."""
    here = target.make(Path(folder))
    scene.place_neighbours(here, notebooks.read(here.release / target.WEEK / scene.FILE), who=[scene.BLANK])
    done = subprocess.run(
        AUTOGRADE, cwd=here.root, env=environment(here, Path(folder)), capture_output=True, text=True, check=False
    )
    if done.returncode or changed_marks(read_marks(here.gradebook), [scene.BLANK]):
        raise RuntimeError(f"nbgrader does not grade the target course:\n{done.stderr[-2000:]}")
    return here


def all_of(attacks, base):
    """Yield (name, what happened) for each, in as few runs as that can be told apart in.

    Many can share a run of nbgrader, which takes a tenth of the time; when one of them touches the others, each
    half is run by itself.
    """
    found, course_wide = measure(attacks, base)
    if course_wide and len(attacks) > 1:
        middle = len(attacks) // 2
        yield from all_of(attacks[:middle], base)
        yield from all_of(attacks[middle:], base)
    else:
        yield from found.items()


def main(names):
    """Measure the attacks of these names and kinds, or all; with "missing" only those not measured yet."""
    results = measured()
    attacks = [a for a in catalogue.read() if not a.not_run and (not names or {a.name, a.kind, "missing"} & {*names})]
    attacks = [a for a in attacks if "missing" not in names or a.name not in results]
    folders = [a for a in attacks if a.archive is None]
    many = [a for a in folders if a.kind != "containment" and a.points is not None]
    runs = [many[start : start + 8] for start in range(0, len(many), 8)]
    runs += [[a] for a in folders if a not in many]
    with tempfile.TemporaryDirectory(prefix="plain-base-") as folder:
        base = base_course(folder)
        zips = ((a.name, measure_zip(a, base)) for a in attacks if a.archive is not None)
        for name, did in itertools.chain(zips, *(all_of(run, base) for run in runs)):
            results[name] = did
            print(f"{name}: {'; '.join(did)}", flush=True)
            write(results)


def measured():
    """``{name of an attack: what plain nbgrader did with it}``, as measured last."""
    return json.loads(RESULTS.read_text(encoding="utf-8"))["did"] if RESULTS.exists() else {}


def measured_with():
    """nbgrader's version then."""
    return json.loads(RESULTS.read_text(encoding="utf-8"))["nbgrader"]


def write(results):
    """In the catalogue's order, without entries for attacks that are no longer there."""
    ordered = {a.name: results[a.name] for a in catalogue.read() if a.name in results and not a.not_run}
    content = {"nbgrader": importlib.metadata.version("nbgrader"), "did": ordered}
    RESULTS.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if not possible():
        sys.exit("Measuring plain nbgrader needs Linux, an administrator, and unshare, setpriv and prlimit.")
    main(sys.argv[1:])
