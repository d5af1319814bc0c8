"""How values travel between the process of a student's code and the process that judges.

Only data travel, as JSON with the kind of each value written beside it; never pickles, never code. The two
directions are not alike. :func:`encode` runs beside the student's code and is lenient: it takes any value and
writes down what it plainly is (a subclass becomes what it is built on, a figure its facts, an object that is
no plain value the name of its type). :func:`decode` runs where the marks are given and trusts nothing: each
kind, type, length and shape is checked against a short list before anything is built, and what is not exactly
as agreed raises :class:`CannotCross`. Nothing that comes out of it has behaviour made by a student.

Modules: core (how kinds are written and read, limits), plain (Python's own values, figures, objects), arrays
(numpy), columns and tables (pandas), functions (a function that stays over there and is called from here),
frames (messages on a socket), crowds (how many different values may come together).
"""

from dyadlab.grading.wire import arrays, columns, plain, tables  # noqa: F401  (they enter their kinds)
from dyadlab.grading.wire.core import TOO_LARGE_VALUE, decode, encode
from dyadlab.grading.wire.frames import MOST_BYTES, Lost, dumps, loads, receive, send
from dyadlab.grading.wire.functions import CallFailed, Function, perform
from dyadlab.standins import CannotCross, Facts, Opaque

__all__ = [
    "MOST_BYTES", "TOO_LARGE_VALUE", "CallFailed", "CannotCross", "Facts", "Function", "Lost", "Opaque", "decode",
    "dumps", "encode", "loads", "perform", "receive", "send",
]  # fmt: skip
