"""A synthetic class: submissions of every kind that students hand in, for rehearsal and for load.

Everything is decided by the week, the student's number and nothing else, so that a rehearsal can be repeated.
"""

import contextlib
import copy
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbgrader.api import MissingEntry

from dyadlab.grading import build, lock, mistakes, nbgrader_bridge, notebooks, record
from dyadlab.grading.course import CourseError

#: In the order in which students of a simulated class hand in; a larger class goes round again.
KINDS = (
    "all answers",
    "another right way",
    "half done",
    "blank",
    "typical mistakes",
    "more typical mistakes",
    "a classmate's id",
    "a cell copied",
    "checks deleted",
    "checks tampered with",
    "renamed notebook",
    "not a notebook",
    "kills Python",
    "old format",
    "endless loop",
)
#: Beside each simulated submission, so that a real one is never taken for it.
MARK = "simulated.txt"
MARKED = b"made by dyadlab simulate\n"
#: What student_ids makes.
SIMULATED_ID = re.compile(r"sim\d{2,}( o'neil|-zoë)?")
DEMO_KINDS = KINDS[:10] + KINDS[11:13]


@dataclass(frozen=True)
class Simulated:
    """One simulated submission: whose, of which kind, and its files."""

    student: str
    kind: str
    files: dict[str, bytes]


def student_ids(count):
    """Ids of a simulated class; a space and letters outside ASCII among them, as in real classes."""
    ids = [f"sim{number:02d}" for number in range(1, count + 1)]
    for place, unusual in ((4, "sim05 o'neil"), (5, "sim06-zoë")):
        if count > place:
            ids[place] = unusual
    return ids


def simulate(course, week, count, kinds=KINDS):
    """``count`` simulated submissions for a week that has been built."""
    release = course.release / week / f"{week}.ipynb"
    if not release.exists():
        raise CourseError(f"{week} has not been built yet. Run `dyadlab build {week}` first.")
    released, source = notebooks.read(release), notebooks.read(course.notebook(week))
    listed = mistakes.read(course.mistakes / f"{week.split('_')[0]}.toml")
    class_list = student_ids(count)
    simulated = []
    for number, student in enumerate(class_list):
        kind = kinds[number % len(kinds)]
        files = submission(kind, number, student, week, released, source, listed)
        simulated.append(Simulated(student, kind, files))
    return simulated


def hand_in(course, week, simulated):
    """Hand the simulated submissions in through nbgrader's exchange, each under its own student's name."""
    from nbgrader.exchange.default import ExchangeSubmit

    with tempfile.TemporaryDirectory(prefix="dyadlab-class-") as folder:
        for one in simulated:
            desk = Path(folder, one.student, week)
            write_files(desk, one.files)
            config = nbgrader_bridge.config_for(course)
            config.CourseDirectory.student_id = one.student
            config.CourseDirectory.assignment_id = week
            config.Exchange.assignment_dir = str(desk.parent)
            config.Exchange.cache = str(Path(folder, "cache"))
            submit = ExchangeSubmit(coursedir=nbgrader_bridge.CourseDirectory(config=config), config=config)
            submit.authenticator = nbgrader_bridge.authenticator(config)
            submit.log = nbgrader_bridge.quiet_log()
            submit.start()


def put_in(course, week, simulated):
    """Put the simulated submissions where collected ones lie. A real submission is never touched."""
    for one in simulated:
        folder = course.submitted / one.student / week
        if folder.exists() and not (folder / MARK).exists():
            raise CourseError(f"{folder} holds a submission that is not simulated; nothing was written over it.")
    for one in simulated:
        folder = course.submitted / one.student / week
        build.clear(folder)
        write_files(folder, {**one.files, MARK: MARKED})


def remove(course, week):
    """Take simulated submissions of a week away again, with all that grading made of them. Returns how many there were.

    What a real student handed in is never touched: only folders that hold our mark, under an id that we give.
    """
    students = simulated_students(course, week)
    if not students:
        return 0
    with lock.only_one(course):
        forget(course, week, students)
        for student in students:
            for place in (record.path, record.log_path, record.waiting_path):
                place(course, week, student).unlink(missing_ok=True)
            # what was handed in goes last: by it a removal that was stopped in the middle knows what is left to do
            for folder in (course.autograded, course.feedback, course.submitted):
                build.clear(folder / student / week)
                with contextlib.suppress(OSError):
                    (folder / student).rmdir()  # only when nothing of another week is in it
    return len(students)


def simulated_students(course, week):
    """Whose work for a week is simulated; those included whose submission somebody has already deleted by hand."""
    there = course.submissions(week)
    found = {student for student, folder in there.items() if is_simulated(student, folder)}
    left = {folder.parent.name for folder in course.autograded.glob(f"*/{week}")}
    found |= {s for s in left if s not in there and is_simulated(s, course.autograded / s / week)}
    recorded = {path.stem for path in (course.records / week).glob("*.json")}
    # work that could not be graded has left no copy; then its record shows that there is no mark to lose
    for student in recorded - set(there) - left:
        known = record.read(course, week, student)
        if SIMULATED_ID.fullmatch(student) and known is not None and known.score is None:
            found.add(student)
    return sorted(found)


def is_simulated(student, folder):
    try:
        return bool(SIMULATED_ID.fullmatch(student)) and (folder / MARK).read_bytes() == MARKED
    except OSError:
        return False


def forget(course, week, students):
    """Remove students' work for a week from the gradebook, and those of whom nothing else is known there."""
    if not course.gradebook.exists():
        return
    with nbgrader_bridge.gradebook_or_sentence(course) as gradebook:
        for student in students:
            with contextlib.suppress(MissingEntry):
                gradebook.remove_submission(week, student)
            with contextlib.suppress(MissingEntry):
                if not gradebook.find_student(student).submissions:
                    gradebook.remove_student(student)


def write_files(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def submission(kind, number, student, name, released, source, listed):
    """The files of one submission of a kind; ``name`` is the week's."""
    answers = own_answers(source, student)
    if kind == "blank":
        answers = {}
    elif kind == "half done":
        answers = dict(list(answers.items())[: (len(answers) + 1) // 2])
    elif kind == "another right way":
        answers |= first_of_each(listed.right, number)
    elif kind in ("typical mistakes", "more typical mistakes"):
        wrong = first_of_each(listed.wrong, number)
        answers |= dict(list(wrong.items())[KINDS.index(kind) % 2 :: 2])
    elif kind == "a classmate's id":
        answers = own_answers(source, "somebody-else")
    elif kind in ("kills Python", "endless loop"):
        items = [i for i in answers if i in {entry.item for entry in listed.wrong}]
        harm = "import os\nos._exit(1)" if kind == "kills Python" else "while True:\n    pass"
        answers[items[len(items) // 2]] = harm
    notebook = filled(released, answers)
    edit = {"a cell copied": copy_cells, "checks deleted": delete_checks, "checks tampered with": tamper}.get(kind)
    if edit:
        edit(notebook)
    if kind == "old format":
        return {f"{name}.ipynb": json.dumps(as_format_3(notebook)).encode()}
    content = nbformat.writes(notebook).encode()
    if kind == "not a notebook":
        content = content[: len(content) // 3]
    file_name = f"{name} (final) copy.ipynb" if kind == "renamed notebook" else f"{name}.ipynb"
    return {file_name: content}


def own_answers(source, student):
    """grade_id -> the answered source of every Do and Think cell, with the student's own id typed in."""
    answers = {}
    for cell in source.cells:
        name = notebooks.grade_id(cell)
        if notebooks.is_answer(cell):
            answers[name] = answered(cell.source)
            if name.endswith("_my_id"):
                answers[name] = f"my_id = {student!r}"
        elif notebooks.is_think(cell):
            answers[name] = cell.source
    return answers


def answered(source):
    """A solution cell as a student who knows the answer would leave it."""
    lines = [
        line
        for line in source.split("\n")
        if not line.strip().startswith(notebooks.SKELETON_MARK)
        and notebooks.BEGIN_SOLUTION not in line
        and notebooks.END_SOLUTION not in line
    ]
    return "\n".join(lines)


def filled(released, answers):
    """The released notebook with some of its answers filled in."""
    notebook = copy.deepcopy(released)
    for cell in notebook.cells:
        name = notebooks.grade_id(cell)
        if name in answers and not notebooks.grading(cell).get("locked"):
            cell.source = answers[name]
    return notebook


def first_of_each(entries, number):
    """item -> code: one entry for each item, another one for another student."""
    by_item = {}
    for entry in entries:
        if entry.item.endswith("_my_id"):
            continue  # each student types an id of their own
        by_item.setdefault(entry.item, []).append(entry.code)
    return {item: codes[number % len(codes)] for item, codes in by_item.items()}


def copy_cells(notebook):
    """Copy the first answer and the first check, metadata and all, as copy and paste does."""
    for wanted in (notebooks.is_answer, notebooks.is_check):
        place = next(i for i, cell in enumerate(notebook.cells) if wanted(cell))
        twin = copy.deepcopy(notebook.cells[place])
        twin["id"] = f"{twin['id'][:50]}-copy"
        notebook.cells.insert(place + 1, twin)


def delete_checks(notebook):
    """Delete every second check."""
    checks = [cell.id for cell in notebook.cells if notebooks.is_check(cell)][::2]
    notebook.cells = [cell for cell in notebook.cells if cell.id not in checks]


def tamper(notebook):
    """Turn every check into nothing, ask for more points, and give wrong answers."""
    for cell in notebook.cells:
        if notebooks.is_check(cell):
            cell.source = "pass"
            cell.metadata["nbgrader"]["points"] = 500
        elif notebooks.is_answer(cell) and not notebooks.grade_id(cell).endswith("_my_id"):
            cell.source = "pass"


def as_format_3(notebook):
    """The notebook as programs of before 2015 saved it."""
    old = nbformat.convert(copy.deepcopy(notebook), 3)
    return json.loads(nbformat.writes(old, version=3))
