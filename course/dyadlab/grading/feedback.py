"""Feedback pages, without hidden tests and without marking schemes, and their way back to students."""

from dyadlab.grading import build, nbgrader_bridge, record
from dyadlab.grading.course import CourseError


def feedback(course, week, progress=lambda student: None):
    """Write a feedback page for every graded submission and hand them back through the exchange.

    Returns sentences. One page that fails does not stop the others.
    """
    records = record.outcomes(course, week)
    if not records:
        raise CourseError(f"Nothing has been graded for {week} yet. Run `dyadlab grade {week}` first.")
    api = nbgrader_bridge.api(course)
    written, sentences = 0, []
    for student, found in records.items():
        build.clear(course.feedback / student / week)  # a page about earlier work would be taken for this one's
        if found.score is None:
            sentences.append(f"{student}: no page, because there is no mark: {found.outcome}.")
            continue
        answer = api.generate_feedback(week, student, force=True)
        if answer["success"]:
            written += 1
        else:
            sentences.append(f"{student}: the page could not be made.\n{build.last_lines(answer['log'])}")
        progress(student)
    sentences.insert(0, f"{written} feedback pages for {week} in {course.feedback}.")
    if (course.exchange / "dyadlab" / "inbound").is_dir():
        answer = api.release_feedback(week)
        if answer["success"]:
            sentences.append("They were handed back through the exchange.")
        else:
            sentences.append(f"They could not be handed back.\n{build.last_lines(answer['log'])}")
    else:
        sentences.append("There is no exchange for this course, so hand the pages back through your LMS.")
    return sentences
