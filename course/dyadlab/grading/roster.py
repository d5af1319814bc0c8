"""A list that says which student an LMS means by a name: a CSV, by hand or as Moodle and Canvas export it."""

import csv
import io
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from dyadlab.grading.course import CourseError
from dyadlab.grading.lms import NO_NUMBER, Handed
from dyadlab.grading.submission import shown
from dyadlab.sentences import counted

FILE = "roster.csv"
#: Headings as they are compared; of several for the id, the first with anything below it counts.
ID = ("student_id", "student id", "id number", "sis user id", "sis login id", "username")
NAME = ("name", "lms_name", "lms name", "full name", "student")
FIRST, LAST = ("first name", "first name(s)"), ("surname", "last name")
EMAIL = ("email", "email address", "e-mail")
MOST_NAMED = 100


@dataclass
class Roster:
    """Who is meant by what: {key: ids}, with names as they are written, names squeezed as Canvas does, and ids and
    e-mail addresses, by which nobody is known whose name an LMS wrote (names of people can look like ids)."""

    path: Path
    names: dict = field(default_factory=dict)
    squeezed: dict = field(default_factory=dict)
    ids: dict = field(default_factory=dict)
    emails: dict = field(default_factory=dict)

    def who(self, name, written_by_lms):
        """The ids of all who may be meant by a name."""
        kinds = [(self.names, folded(name)), (self.squeezed, squeezed(name))]
        if not written_by_lms:
            kinds = [(self.ids, folded(name)), (self.emails, folded(name)), *kinds]
        return next((kind[key] for kind, key in kinds if key in kind), set())

    def add(self, student, names, emails):
        for name in names:
            self.names.setdefault(folded(name), set()).add(student)
            for turned in turns(name):
                self.squeezed.setdefault(squeezed(turned), set()).add(student)
        for email in emails:
            for account in {email, email.partition("@")[0]}:
                self.emails.setdefault(folded(account), set()).add(student)
        self.ids.setdefault(folded(student), set()).add(student)


def folded(name):
    """Equal for names that differ in capitals, in spaces, or in how accents are put together."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def squeezed(name):
    """A name without anything but its letters, digits and lines."""
    return "".join(letter for letter in folded(name) if letter.isalnum() or letter == "_")


def turns(name):
    """A name in every order of first names and surname: which of several words begins the surname is not known."""
    words = name.split()
    return [" ".join(words[place:] + words[:place]) for place in range(max(len(words), 1))]


def find(course, named=None):
    """The roster that was named, or roster.csv of the course folder, or None."""
    path = Path(named) if named else course.root / FILE
    if not named and not path.is_file():
        return None
    return read(path)


def read(path):
    """The roster in a CSV. Raises CourseError."""
    rows = [row for row in table(path) if any(cell.strip() for cell in row)]
    heads = [folded(cell) for cell in rows[0]] if rows else []
    people = [{head: cell.strip() for head, cell in zip(heads, row, strict=False)} for row in rows[1:]]
    by = next((head for head in ID if any(person.get(head) for person in people)), None)
    roster = Roster(path)
    for person in people:
        names, emails = names_of(person), values(person, EMAIL)
        if by and person.get(by) and (names or emails):
            roster.add(person[by], names, emails)
    if not roster.ids:
        raise CourseError(
            f"Nobody can be found in {path}. Its first line has to name the columns: student_id, and name, lms_name or "
            "email; below it stands one line a student. The tables of people that Moodle and Canvas export do as well, "
            "if the ids are in them."
        )
    return roster


def table(path):
    """The cells of a CSV, as spreadsheets of many countries save it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CourseError(f"The roster {path} cannot be read: {error.strerror}.") from None
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")  # Excel, where it was not told to save UTF-8
    first = text.lstrip().split("\n", 1)[0]
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count)))
    except csv.Error:
        raise CourseError(f"The roster {path} is not a CSV that can be read.") from None


def values(person, heads):
    return [person[head] for head in heads if person.get(head)]


def names_of(person):
    """Every form of a row's name, in both orders."""
    names = values(person, NAME)
    first, last = values(person, FIRST), values(person, LAST)
    if first and last:
        names += [f"{first[0]} {last[0]}", f"{last[0]} {first[0]}"]
    for name in list(names):
        last, comma, first = name.partition(",")
        names += [f"{first} {last}", f"{last} {first}"] if comma else []
    return names


def under_ids(course, roster, handed):
    """({id: Handed}, sentences): what was handed in under the names of an LMS, under the ids of the roster.

    Nobody is guessed at: who is not in the roster, or is there twice, stays under the LMS's name and is spoilt.
    """
    found = {name: roster.who(name, one.numbers != {NO_NUMBER}) for name, one in handed.items()}
    names_by_id, renamed, sentences = {}, {}, []
    for name, ids in found.items():
        if len(ids) == 1:
            names_by_id.setdefault(next(iter(ids)), []).append(name)
    for student, names in names_by_id.items():
        renamed[student] = Handed() if len(names) > 1 else handed[names[0]]
        if len(names) > 1:
            both = " and ".join(shown(name) for name in sorted(names))
            renamed[student].spoilt = f"{both} are this one student in {roster.path.name}; which counts is not certain"
        sentences += [before_the_roster(name, student) for name in names if was_there(course, name, student)]
    for name, ids in found.items():
        if len(ids) > 1:
            several = " and ".join(shown(one) for one in sorted(ids))
            renamed[name] = handed[name]
            renamed[
                name
            ].spoilt = (
                f"{roster.path.name} gives this name to {several}. Put the files into a folder named with the right id"
            )
    return renamed, sentences + strangers(roster, [name for name, ids in found.items() if not ids])


def strangers(roster, names):
    """A sentence on who is not in the roster."""
    if not names:
        return []
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    listed = "; ".join(shown(name) for name in sorted(names)[:MOST_NAMED]) + more
    return [
        f"{counted(len(names), 'submission was', 'submissions were')} left out, because nobody in {roster.path} has "
        f"the name: {listed}. Add these there (the column lms_name takes a name just as it stands here) and collect "
        "again; nothing is lost."
    ]


def was_there(course, name, student):
    return name != student and (course.submitted / name).is_dir()


def before_the_roster(name, student):
    return (
        f"{shown(name)} is {student} in the roster, but submitted/{shown(name)} is there from before and counts as "
        f"somebody else. Collect those weeks again as well, and then move submitted/{shown(name)} out of the way."
    )
