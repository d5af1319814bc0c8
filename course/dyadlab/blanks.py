"""The blank that a student fills in, written ``____`` in a notebook.

IPython keeps ``_``, ``__`` and ``___`` for earlier outputs, so a blank has four underscores. Using a blank
before it is filled in gives a sentence that names the line, instead of a NameError.
"""

import linecache

from dyadlab.sentences import Sentence


class BlankLeft(Sentence):
    """A blank was used before it was filled in."""

    def __str__(self):
        line = self._line_with_blank()
        where = f" It is in this line:\n\n    {line}\n\n" if line else " "
        return (
            f"There is still a blank (____) to fill in.{where}"
            "Put your answer in the place of the four underscores, then run the cell again."
        )

    def _line_with_blank(self):
        """The first line on the way to the error that holds a blank, or an empty string."""
        step = self.__traceback__
        while step is not None:
            line = linecache.getline(step.tb_frame.f_code.co_filename, step.tb_lineno).strip()
            if "____" in line and step.tb_frame.f_code.co_filename != __file__:
                return line
            step = step.tb_next
        return ""


class Blank:
    """Stands where an answer belongs. It can be named and looked at; every other use raises BlankLeft."""

    def __repr__(self):
        return "____ (a blank to fill in)"

    def __format__(self, how):
        return _refuse(self) if how else repr(self)  # f"{____:.2f}" uses the blank, f"{____}" only shows it


def _refuse(self, *args, **kwargs):
    raise BlankLeft()


for _operation in (
    "call getattr getitem setitem contains iter len bool int float index round abs neg pos invert "
    "add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow matmul rmatmul "
    "and rand or ror xor rxor lt le gt ge eq ne"
).split():
    if _operation != "getattr":  # libraries look for attributes to learn what an object is: let them
        setattr(Blank, f"__{_operation}__", _refuse)
Blank.__hash__ = object.__hash__
Blank.__array_ufunc__ = _refuse  # np.log(____) and the like
Blank.__pandas_priority__ = 1_000_000  # a column leaves `column * ____` to the blank, without a warning first
del _operation

____ = Blank()


def is_blank(value):
    """Whether ``value`` is a blank that nobody has filled in (or the ``...`` some people type instead)."""
    return isinstance(value, Blank) or value is Ellipsis
