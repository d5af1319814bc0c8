"""Errors that are sentences: an exception which a notebook shows as its message and nothing else."""

import textwrap

WIDTH = 88
#: So many names stand in one sentence; of longer lists only these.
MOST_NAMED = 10


class Sentence(Exception):
    """An error written for its reader: what is wrong, where, what to do.

    A notebook prints the message alone, because IPython asks an exception for ``_render_traceback_``
    before it draws a traceback. In a plain Python program it behaves like any exception.
    """

    def _render_traceback_(self):
        return folded(str(self))


class NotJudged(BaseException):
    """A check could not be carried out, and that says nothing about the answer; the message says why.

    No Exception, so that a check which allows for errors (``except Exception``) does not take an answer that
    never arrived for one that passed. ``about`` is the number of the item that was being checked.
    """

    about = ""

    def __str__(self):
        said = super().__str__()
        return f"{self.about} could not be judged: {said}" if self.about else said

    def _render_traceback_(self):
        return folded(str(self))


def folded(text):
    """The lines of ``text``, none longer than WIDTH letters unless it is indented, as code is.

    JupyterLab breaks the long lines of an error in the middle of words, and nbgrader's Validate does not
    break them at all.
    """
    lines = []
    for line in text.split("\n"):
        fits = len(line) <= WIDTH or line.startswith(" ")
        lines += [line] if fits else textwrap.wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False)
    return lines


def counted(number, one, many=None):
    """``1 page``, ``2 pages``; ``many`` where an s is not enough."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def listed(names):
    """Names in a sentence: the first of them, and how many more."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
