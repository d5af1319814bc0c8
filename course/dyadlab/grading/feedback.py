"""Feedback pages, without hidden tests and without marking schemes, and their way back to students."""

from dyadlab.grading import build, export, nbgrader_bridge, record
from dyadlab.grading.course import COURSE_ID, CourseError, how_to_read
from dyadlab.grading.submission import TIMESTAMP
from dyadlab.sentences import counted, listed

#: nbgrader puts it beside what comes through the exchange; it decides under which name only that student finds a page.
SECRET = "submission_secret.txt"


def feedback(course, week, even_unread=False, progress=lambda student: None):
    """Write a feedback page for every graded submission and hand back, through the exchange, what came through it.

    A page is held back while its mark is of earlier work, and while an answer waits for a person, unless
    ``even_unread``. Returns sentences. One page that fails does not stop the others.
    """
    records = record.outcomes(course, week)
    if not records:
        raise CourseError(f"Nothing has been graded for {week} yet. Run `dyadlab grade {week}` first.")
    with nbgrader_bridge.gradebook_or_sentence(course) as gradebook:
        unread = {s for s, stored in export.stored_submissions(gradebook, week).items() if stored.needs_manual_grade}
    api = nbgrader_bridge.api(course)
    written, again, waiting, problems = [], [], [], []
    for student, found in records.items():
        build.clear(course.feedback / student / week)  # a page about earlier work would be taken for this one's
        if export.replaced(course, found):
            again.append(student)
        elif found.score is None:
            problems.append(f"{student}: no page, because there is no mark: {found.outcome}.")
        elif student in unread and not even_unread:
            waiting.append(student)
        else:
            answer = api.generate_feedback(week, student, force=True)
            if answer["success"]:
                written.append(student)
            else:
                problems.append(f"{student}: the page could not be made.\n{nbgrader_bridge.last_words(answer)}")
        progress(student)
    ungraded = [student for student in course.submissions(week) if student not in records]
    return [
        f"{counted(len(written), 'feedback page')} for {week} in {course.feedback}.",
        *said_on_the_page([student for student in written if student in unread]),
        *problems,
        *held_back(course, week, waiting, again, ungraded),
        *hand_back(course, week, written, api),
    ]


def said_on_the_page(students):
    """A sentence for those whose page goes out although nobody has read all of it."""
    if students:
        yield (
            f"{counted(len(students), 'of them holds an answer', 'of them hold answers')} that nobody has read yet; "
            f"the page says so: {listed(students)}."
        )


def held_back(course, week, unread, again, ungraded):
    """A sentence for each reason why pages are held back, and what to do."""
    if unread:
        yield (
            f"{counted(len(unread), 'page is', 'pages are')} held back, because a person still has to read a Think "
            f"answer there: {listed(unread)}. {how_to_read(course)} Then run `dyadlab feedback {week}` again. With "
            "`--even-unread` they go out as they are."
        )
    if again:
        yield (
            f"{counted(len(again), 'page is', 'pages are')} held back, because there is newer work which is not "
            f"graded yet: {listed(again)}. Run `dyadlab grade {week}`, then this again."
        )
    if ungraded:
        yield f"Not graded yet, so without a page: {listed(ungraded)}. Run `dyadlab grade {week}`, then this again."


def hand_back(course, week, students, api):
    """Hand pages back, each for itself: nbgrader stops a whole class at one student who did not use the exchange."""
    by_hand, returned = [], 0
    there_is_an_exchange = (course.exchange / COURSE_ID / "inbound").is_dir()
    for student in students:
        folder = course.feedback / student / week
        if not (there_is_an_exchange and all((folder / name).is_file() for name in (TIMESTAMP, SECRET))):
            by_hand.append(student)
            continue
        answer = api.release_feedback(week, student)
        if answer["success"]:
            returned += 1
        else:
            yield f"{student}: the page could not be handed back.\n{nbgrader_bridge.last_words(answer)}"
    if returned:
        yield f"{counted(returned, 'page was', 'pages were')} handed back through the exchange."
    if by_hand and not there_is_an_exchange:
        yield "There is no exchange for this course, so hand the pages back through your LMS."
    elif by_hand:
        yield (
            f"{counted(len(by_hand), 'student')} did not hand in through the exchange: {listed(by_hand)}. Hand these "
            f"back through your LMS: each lies in {course.feedback / 'STUDENT' / week}."
        )
