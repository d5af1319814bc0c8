"""Hand a built week out through nbgrader's exchange."""

import os

from dyadlab.grading import build, nbgrader_bridge
from dyadlab.grading.course import COURSE_ID, CourseError


def release(course, week):
    """Put the release of a week where students fetch it; one released earlier is replaced. Returns a sentence."""
    if not (course.release / week / f"{week}.ipynb").exists():
        raise CourseError(f"{week} has not been built yet. Run `dyadlab build {week}` first.")
    ready_exchange(course)
    earlier = course.exchange / COURSE_ID / "outbound" / week
    if earlier.exists():
        build.clear(earlier)
    answer = nbgrader_bridge.api(course).release_assignment(week)
    if not answer["success"]:
        raise CourseError(f"{week} could not be released.\n{nbgrader_bridge.last_words(answer)}")
    return f"{week} is released: students find it under Nbgrader > Assignment List. The exchange is {course.exchange}."


def ready_exchange(course):
    """Make the exchange where it is the course's own; one that somebody named is theirs to make."""
    if course.named_exchange:
        if not course.exchange.is_dir():
            raise CourseError(
                f"DYADLAB_EXCHANGE names {course.exchange}, and there is no such folder. Make it, so that everybody "
                "who takes part can read and write there (mode 777, which nbgrader asks for), and release again."
            )
        return
    course.exchange.mkdir(parents=True, exist_ok=True)
    # nbgrader wants everybody to be able to reach the exchange; it sets the folders below to what each needs.
    course.exchange.chmod(0o777)


def exchange_is_possible():
    """nbgrader's exchange of files does not work on Windows."""
    return os.name != "nt"
