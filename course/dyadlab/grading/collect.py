"""Take in what students handed in: from nbgrader's exchange, or from a folder or ZIP that an LMS gave out.

Nothing is ever overwritten without a copy: an earlier submission of the same student goes to ``submitted/.earlier``.
Files go from place to place in pieces, so their size costs no memory, and a submission appears whole or not at all.
Where it is not certain whose a file is, or which of two counts, neither is taken, and a sentence says so. No trouble
with one student's files keeps the others' from being taken in.

Whose a file is, is read from what the LMS or the system wrote, and never from what a student may have written: in a
download that is the outermost name, in the exchange the owner of the folder.
"""

import datetime
import os
import shutil
from pathlib import Path

from dyadlab.grading import nbgrader_bridge, roster, submission, which_week
from dyadlab.grading.course import COURSE_ID, CourseError
from dyadlab.grading.download import UNPACKING, FolderReader, Refused, reader_of
from dyadlab.grading.lms import NO_NUMBER, OTHER_WEEK, Handed, Taken, is_litter, layout_of, owner, parts_of
from dyadlab.grading.submission import shown
from dyadlab.grading.submitted import ORIGINS, not_an_id, portable, read_origin, same_name, store, stored_time
from dyadlab.sentences import counted

try:
    import pwd
except ImportError:  # Windows, where nbgrader has no exchange
    pwd = None

#: As much room as this stays free on the course's disk.
ROOM_LEFT_BYTES = 500_000_000


# --- from nbgrader's exchange ----------------------------------------------------------------------------------------


def from_exchange(course, week):
    """Collect the newest submission of every student from nbgrader's exchange. Returns sentences."""
    if not (course.exchange / COURSE_ID / "inbound").is_dir():
        raise CourseError(
            f"Nothing has been released through the exchange yet, so nobody can have handed in {week} there. "
            f"Run `dyadlab release {week}`, or take in a download with `dyadlab collect {week} --from FILE`."
        )
    before = set(course.submissions(week))
    sentences, doubted, became = [], [], []
    collector = careful_collector(course, week, sentences, doubted, became)
    try:
        collector.start()
    except Exception as error:
        raise CourseError(
            f"Nothing could be collected from the exchange for {week}. nbgrader says: "
            + nbgrader_bridge.last_words({"error": str(error)}, count=1)
        ) from error
    if doubted:
        doubted.append(
            "If students share accounts here, so that the owner of a folder says nothing, set "
            "c.ExchangeCollect.check_owner = False in nbgrader_config.py and collect again."
        )
    now = set(course.submissions(week))
    changed = f", {became.count('changed')} changed" if "changed" in became else ""
    first = f"{counted(len(now), 'submission')} for {week}, {len(now - before)} of them new{changed}."
    return [first, *sentences, *way_back(week, became), *doubted]


def careful_collector(course, week, sentences, doubted, became):
    """nbgrader's own collector, choosing as nbgrader does but copying as this module does.

    nbgrader's copy follows links with the instructor's rights, and one strange folder in the exchange, or one
    notebook of 100 MB, stops the whole class. Folders that belong to somebody else than they say are no student's
    (``doubted`` gets a sentence on each), so that the newest of the student's own counts. ``became`` gets what became
    of each that is newer than what is there.
    """
    from nbgrader.exchange.default import ExchangeCollect

    nobody = {"username": "", "filename": "", "timestamp": datetime.datetime.min}

    class Careful(ExchangeCollect):
        def _path_to_record(self, path):
            shown = submission.printable(Path(path).name)
            try:
                record = super()._path_to_record(path)
                other = other_owner(Path(path), record["username"]) if self.check_owner else ""
            except Exception:
                sentences.append(f"{shown} in the exchange is not a submission.")
                return nobody
            if other:
                said = submission.printable(record["username"])
                doubted.append(f"{shown}: it says that {said!r} handed it in, but it belongs to {other}; left out.")
                return nobody
            return record

        def copy_files(self):
            for record in sorted(self.src_records, key=lambda record: record["username"]):
                if record["username"]:
                    sentences.extend(from_inbound(course, week, Path(self.inbound_path), record, became))

    config = nbgrader_bridge.config_for(course)
    config.CourseDirectory.assignment_id = week
    made = Careful(coursedir=nbgrader_bridge.CourseDirectory(config=config), config=config)
    made.authenticator = nbgrader_bridge.authenticator(config)
    made.update = True
    made.log = nbgrader_bridge.quiet_log()
    return made


def other_owner(folder, student):
    """To whom else than the student a folder of the exchange belongs, or an empty string.

    The administrator, the owner of the exchange and whoever collects could write there what they like. Where everybody
    works under one account, students too are one of these.
    """
    if pwd is None:
        return ""
    uid = uid_of(folder)
    if uid in (0, os.geteuid(), uid_of(folder.parent)):
        return ""
    try:
        account = pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user number {uid}, who has no account here"
    return "" if account == student else repr(submission.printable(account))


def uid_of(path):
    """The number of the account that a file or a folder belongs to (of a link: the link itself)."""
    return os.lstat(path).st_uid


def from_inbound(course, week, inbound, record, became):
    """Store one submission of the exchange if it is newer than what is there. Returns sentences."""
    student, when = record["username"], record["timestamp"]
    problem = not_an_id(student)
    if problem:
        return [f"{submission.printable(student)!r} {problem}; that submission was left out."]
    stored = stored_time(course.submitted / student / week)
    if (course.submitted / student / week).is_dir() and stored is not None and when <= stored:
        return []
    handed, sentences = Handed(), []
    for name, opened in submission.opened_files(inbound / record["filename"]):
        if isinstance(opened, str):
            sentences.append(f"{student}: {name} {opened}")
            continue
        with opened:
            if name != submission.TIMESTAMP:
                handed.files.append(Taken(name, name, os.fstat(opened.fileno()).st_size))
    stamp = f"{record['filename'].rsplit('+', 3)[2]}"
    reader = FolderReader(inbound / record["filename"])
    sentences += store(course, week, student, handed, reader, stamp)
    became.append(handed.became)
    return sentences


# --- from a folder or a ZIP ------------------------------------------------------------------------------------------


def from_files(course, week, source, roster_file=None):
    """Collect from a folder or ZIP: one folder a student, or flat files named as an LMS names them.

    roster_file : a CSV that says which student is meant by a name; without it, roster.csv of the course folder.
    """
    source = Path(source)
    if not source.exists():
        raise CourseError(f"There is no file or folder {source}.")
    people = roster.find(course, roster_file)
    with reader_of(source, week) as reader:
        entries = [entry for entry in with_parts(reader) if not is_litter(entry[0])]
        refuse_other_weeks(course, week, source, reader, entries)
        handed, sentences = sort_out(entries, week)
        if not handed:
            raise CourseError(
                f"No submission for {week} was found in {source}. Expected: one folder a student with "
                f"{week}.ipynb in it, or files named as Moodle, Canvas or Blackboard name them."
                + "".join(f"\n{sentence}" for sentence in sentences[:5])
            )
        there_were = len(handed)
        if people is not None:
            handed, said = roster.under_ids(course, people, handed)
            sentences += said
        sentences += tell_apart(course, week, handed)
        for student, one in handed.items():
            if not one.spoilt:
                sentences += [f"{shown(student)}: {sentence}" for sentence in newest(one)]
        leave_twins_out(course, handed)
        is_there_room(course, handed)
        for student, one in sorted(handed.items()):
            sentences.extend(store(course, week, student, one, reader))
    became = [one.became for one in handed.values()]
    became += ["left out"] * (there_were - len(became))
    return [how_many(week, became), *sentences, *way_back(week, became)]


def with_parts(reader):
    """(its path as parts, name, size, mark) of every file of a download."""
    return [(parts_of(name), name, size, mark) for name, size, mark in reader.entries()]


def refuse_other_weeks(course, week, source, reader, entries):
    """CourseError where no file looks like a notebook of this week and some look like another week's."""
    files = [(parts, Taken(name, name, size, mark=mark)) for parts, name, size, mark in entries if size_known(size)]
    if any(which_week.by_name(one.name, week) or week in parts[1:-1] for parts, one in files):
        return
    ids_of = which_week.all_ids(course)
    found = {other for other in ids_of for _, one in files if which_week.by_name(one.name, other)}
    try:
        for _, opened in reader.open_all([one for _, one in files if which_week.is_notebook(one.name)]):
            found |= which_week.inside(opened, ids_of)
            if week in found:
                return
    except (Refused, *UNPACKING):
        return  # what cannot be read says nothing; each student's submission is looked at again before it is stored
    if found:
        right = sorted(found)[0]
        raise CourseError(
            f"This looks like {' and '.join(sorted(found))}, and no notebook of {week} is in it; nothing was taken in. "
            f"If it is the download of {right}, run `dyadlab collect {right} --from {source}`. If all of these "
            f"students handed in the wrong notebook, ask them for {week}.ipynb."
        )


def size_known(size):
    """Readers give a sentence in place of the size of what cannot be taken."""
    return not isinstance(size, str)


def how_many(week, became):
    """The sentence that accounts for every submission of a download."""
    kinds = [f"{became.count(kind)} {kind}" for kind in ("new", "changed", "unchanged", "left out") if kind in became]
    return f"{counted(len(became), 'submission')} for {week}: {', '.join(kinds)}."


def way_back(week, became):
    """How to get back what was put aside, once, where anything was."""
    if "changed" not in became:
        return []
    return [
        f"To get an earlier submission back, put its folder submitted/.earlier/STUDENT/{week}.TIME in the place of "
        f"submitted/STUDENT/{week}, under that name, and grade again."
    ]


def sort_out(entries, week):
    """({student: Handed}, sentences): whose each file is."""
    layout, sentences = layout_of([parts for parts, _, size, _ in entries if size_known(size)], week)
    handed = {}
    for parts, name, size, mark in entries:
        student, taken = owner(parts, layout, week)
        if not size_known(size):
            sentences.append(f"{shown(name)}: {size}")
            if taken is not None and name.casefold().endswith(".ipynb") and not not_an_id(student):
                one = handed.setdefault(student, Handed())
                one.spoilt = "its notebook could not be taken"
                one.numbers.add(taken.number)
            continue
        if student is OTHER_WEEK:
            continue
        if student is None:
            sentences.append(f"{shown(name)}: whose it is cannot be seen from its name; it was left out.")
            continue
        taken.source, taken.size, taken.mark = name, size, mark
        one = handed.setdefault(student, Handed())
        one.numbers.add(taken.number)
        if taken.free_name and says_when(taken.name, week):
            sentences.append(f"{shown(name)}: students do not say themselves when they handed in; it was left out.")
            continue
        one.files.append(taken)
    return handed, sentences


def says_when(name, week):
    """Whether a file would be stored as the time of submission, or looks as if it was meant to be."""
    kept = same_name(portable(name)[0])
    return kept in (submission.TIMESTAMP, same_name(f"{week}/{submission.TIMESTAMP}"))


def newest(one):
    """Keep the newest attempt only, and of each file the newest version. Yields sentences."""
    attempts = {taken.attempt for taken in one.files}
    if len(attempts) > 1:
        one.files = [taken for taken in one.files if taken.attempt == max(attempts)]
        yield f"{len(attempts)} attempts; the newest counts."
    if any(taken.late for taken in one.files):
        yield "the LMS marks this submission as late; no time is known, so no penalty will be worked out."
    by_name = {}
    for taken in one.files:
        taken.name, renamed = portable(taken.name)
        if renamed:
            yield f"{submission.printable(taken.source)} is kept as {taken.name}, a name that every computer can keep."
        by_name.setdefault(same_name(taken.name), []).append(taken)
    one.files = []
    for several in by_name.values():
        kept = sorted(several, key=lambda taken: taken.version)
        if len(kept) > 1 and kept[-1].version == kept[-2].version and not all_one(kept):
            yield f"{kept[-1].name} is there {len(kept)} times with different contents; none was taken."
            if kept[-1].name.casefold().endswith(".ipynb"):
                one.spoilt = "which of its notebooks counts is not certain"
            continue
        one.files.append(kept[-1])


def all_one(several):
    """Whether files of one name are certainly the same: by the checksum that a ZIP holds of each."""
    return len({(one.name, one.size, getattr(one.mark, "CRC", id(one))) for one in several}) == 1


# --- who is who ------------------------------------------------------------------------------------------------------

OWN_FOLDER = (
    "Give each a folder of their own, named with an id that will be theirs in every week, and take these in with --from"
)


def tell_apart(course, week, handed):
    """Leave out whom the name alone does not tell from somebody else. Yields sentences.

    The numbers are no part of ids: Moodle gives a student another one in every assignment. A name under which a number
    has handed in already stays that number's.
    """
    for student, one in handed.items():
        before = number_before(course, week, student, {lms for lms, _ in one.numbers})
        if not one.numbers or one.numbers == {before} or (before is None and len(one.numbers) == 1):
            continue
        people = ", ".join(number_shown(number) for number in sorted(one.numbers - {before})[:10])
        if before in one.numbers:
            one.files = [taken for taken in one.files if taken.number == before]
            one.numbers = {before}
            yield f"{shown(student)}: {people} is not who handed in under this name before; left out. {OWN_FOLDER}."
        elif before is not None:
            one.spoilt = f"{people} is not who handed in under this name before ({number_shown(before)}). {OWN_FOLDER}"
        else:
            one.spoilt = f"several people have this name: {people}. {OWN_FOLDER}"


def number_shown(number):
    return " ".join(number) if number != NO_NUMBER else "a folder without a number"


def number_before(course, week, student, systems):
    """The (LMS, number) under which the student of this name has handed in to one of these systems, or None."""
    if not_an_id(student):
        return None
    for path in sorted((course.submitted / ORIGINS / student).glob("*.json")):
        origin = read_origin(path)
        numbered = origin["number"] and origin["lms"] in systems and (course.submitted / student / path.stem).is_dir()
        if numbered and (path.stem == week or origin["lms"] == "Canvas"):  # there, the same number in all weeks
            return origin["lms"], origin["number"]
    return None


def leave_twins_out(course, handed):
    """Spoil submissions whose students' ids some computers cannot tell apart."""
    there = [p.name for p in course.submitted.iterdir() if p.is_dir()] if course.submitted.is_dir() else []
    names = {}
    for name in [*handed, *there]:
        names.setdefault(same_name(name), set()).add(name)
    for student, one in handed.items():
        twins = sorted(names[same_name(student)] - {student})
        if twins and not one.spoilt:
            others = " and ".join(repr(submission.printable(twin)) for twin in twins)
            be, differ = ("are", "differ") if len(twins) > 1 else ("is", "differs")
            one.spoilt = (
                f"{others} {be} there as well, and {differ} only in capitals, in spaces or in how accents and joined "
                "letters are written. If they are one person, give the folders one name"
            )


def is_there_room(course, handed):
    """Raise CourseError before the disk would be full."""
    needed = sum(taken.size for one in handed.values() for taken in one.files)
    place = next(p for p in (course.submitted, *course.submitted.parents) if p.exists())
    free = shutil.disk_usage(place).free - ROOM_LEFT_BYTES
    if needed > free:
        raise CourseError(
            f"Unpacked, this takes {needed / 1e9:.1f} GB, and the course's disk has {max(free, 0) / 1e9:.1f} GB free. "
            "Nothing was taken in."
        )
