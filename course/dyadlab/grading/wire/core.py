"""The frame in which kinds of values are written and read: limits, dispatch, the checks that all kinds share.

On the wire stand ``null``, ``true``, ``false``, text, whole and finite decimal numbers and lists as they are in
JSON. Everything else is an object whose ``"k"`` names its kind and whose other fields are fixed by that kind.
"""

import base64
import binascii
import math
import numbers
import re

from dyadlab.grading.wire import figures
from dyadlab.grading.wire.crowds import MOST_NUMBERS, few_things
from dyadlab.standins import CannotCross

MOST_PARTS = 2_000_000  # elements of all lists, tables and so on of one value together
MOST_RAW_BYTES = 44 * 2**20  # of all texts and buffers of one value together: in base64 below the 64 MB of a message
# Whole numbers from here on can be chosen so that they all have one hash, and a set of n of them takes n² steps, during
# which Python cannot be interrupted. (The hash of a text is not to be foreseen, and other numbers have their own.)
BIG = 2**61 - 1
MOST_BIG = 10_000
MOST_KEYS = 50_000  # of one set or dictionary, unless they are texts: they may still crowd together
DEEPEST = 40
HOLDS_ITSELF, TOO_DEEP, TOO_LARGE, TOO_MANY, TOO_MANY_POINTS, UNREADABLE = REASONS = (
    "it holds itself", "it is too deep", "it is too large", "it holds too many different values",
    "it shows too many points", "it could not be looked at",
)  # fmt: skip
# What stands for a value whose message turned out too large only when it was put together.
TOO_LARGE_VALUE = {"k": "opaque", "type": "value", "why": TOO_LARGE}
TYPE_NAME = re.compile(r"[^\W\d]\w{0,79}")

_WRITERS = {}
_READERS = {}


def writes(*types):
    """Decorator: this function ``(writer, value)`` writes values of these types and their subclasses."""

    def enter(function):
        _WRITERS.update(dict.fromkeys(types, function))
        return function

    return enter


def reads(kind, *fields, cost=5):
    """Decorator: this function ``(reader, *fields)`` reads the values of ``kind``, which have just these fields.

    cost : how many parts such a value counts for, beyond its contents; about the microseconds it takes to make.
    """

    def enter(function):
        _READERS[kind] = function, fields, {"k", *fields}, cost
        return function

    return enter


def encode(value, remember=None):
    """What ``value`` is, in terms of JSON.

    remember : function that keeps a callable and returns its number, by which it can be called later. Without
    it (for the arguments of a call, which the marker's own code gives) anything that is not a plain value
    raises CannotCross. With it nothing is refused: what is no plain value becomes the name of its type.
    """
    writer = Writer(remember)
    try:
        return writer(value)
    except Unfit as unfit:
        return writer.opaque(value, str(unfit))
    except Exception:  # an object of the student's own making may raise anything while it is looked at
        return writer.opaque(value, UNREADABLE)


def decode(data, call=None):
    """The value that ``data`` describe; the converse of :func:`encode`, for data that may be malicious.

    call : ``call(key, request) -> reply`` carries the call of a function over to where the function is.
    Raises CannotCross, and nothing else, when anything is not exactly as agreed or larger than agreed.
    """
    from dyadlab.grading.wire.functions import Function

    return read(data, lambda name, key: Function(name, key, call))


def read(data, function):
    """As :func:`decode`, with ``function(name, key)`` to make or find the functions that are spoken of."""
    try:
        return Reader(function)(data)
    except Exception as error:  # whatever numpy and pandas object to in the data, it was not as agreed
        raise CannotCross(f"the value that arrived is not as agreed ({type(error).__name__})") from None


class Unfit(Exception):
    """The value is of no plain type, or larger, deeper or more tangled than what is carried; says which."""


class Writer:
    """Writes one value, and keeps count of what it has written."""

    def __init__(self, remember):
        self.remember = remember
        self._parts = MOST_PARTS
        self._bytes = MOST_RAW_BYTES
        self._open = set()

    def __call__(self, value):
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is str:
            return self.text(value)
        if kind is float and math.isfinite(value):
            return value
        if kind is int and -(2**62) < value < 2**62:
            return value
        for base in kind.__mro__:
            if base in _WRITERS:
                return self._within(value, _WRITERS[base])
        return self._other(value)

    def _within(self, value, write):
        if id(value) in self._open:
            raise Unfit(HOLDS_ITSELF)
        if len(self._open) >= DEEPEST:
            raise Unfit(TOO_DEEP)
        self._open.add(id(value))
        written = write(self, value)
        self._open.discard(id(value))
        if type(written) is dict:
            self.spend(_READERS[written["k"]][3])
        return written

    def _other(self, value):
        facts = figures.facts_of(value, alone=not self._open)
        if facts is not None:
            if not figures.few_points(facts):
                raise Unfit(TOO_MANY_POINTS)
            return {"k": "figure", "facts": self(facts)}
        if callable(value):
            if self.remember is None:
                return self.opaque(value)
            return {"k": "function", "name": self._name(value), "key": self.remember(value)}
        if isinstance(value, numbers.Real):
            return self(float(value))
        return self.opaque(value)

    def opaque(self, value, why=""):
        """The name of the type of ``value`` in place of it."""
        name = type.__dict__["__name__"].__get__(type(value))  # whatever its class says of itself
        name = name if TYPE_NAME.fullmatch(name) else "thing"
        if self.remember is None:
            raise CannotCross(f"a {name} cannot be given to a function of the notebook")
        return {"k": "opaque", "type": name, "why": why}

    @staticmethod
    def _name(function):
        name = getattr(function, "__name__", None)
        return name[:80] if type(name) is str and name.isprintable() else "a function"

    def spend(self, parts, size=0):
        """Count ``parts`` elements and ``size`` bytes; to be called before they are written out."""
        self._parts -= parts
        self._bytes -= size
        if self._parts < 0 or self._bytes < 0:
            raise Unfit(TOO_LARGE)

    def allow(self, size):
        """Refuse what has ``size`` bytes more than are left, before they are copied."""
        if size > self._bytes:
            raise Unfit(TOO_LARGE)

    def text(self, value):
        if not value.isascii():  # a lone surrogate is no character, and no file or page can hold it
            value = value.encode("utf-8", "replace").decode("utf-8")
        self._bytes -= len(value)
        if self._bytes < 0:
            raise Unfit(TOO_LARGE)
        return value

    def buffer(self, value):
        self.spend(0, len(value))
        return base64.b64encode(value).decode("ascii")

    def list(self, values):
        """The written elements of ``values``, which has a length."""
        self.spend(len(values))
        if not few_things(values, MOST_NUMBERS):
            raise Unfit(TOO_MANY)
        return [self(value) for value in values]


class Reader:
    """Reads one value, and refuses (by any Exception) what is not exactly as agreed."""

    def __init__(self, function):
        self.function = function
        self._parts = MOST_PARTS
        self._bytes = MOST_RAW_BYTES + 3
        self._big = MOST_BIG
        self._depth = 0

    def __call__(self, data):
        kind = type(data)
        if data is None or kind is bool:
            return data
        if kind is int:
            return data if -BIG < data < BIG else self.big(data)
        if kind is str:
            return self.text(data)
        if kind is float:
            require(math.isfinite(data))
            return data
        require(self._depth < 2 * DEEPEST)
        self._depth += 1
        if kind is list:
            value = self.list(data)
        else:
            require(kind is dict and type(data.get("k")) is str and data["k"] in _READERS)
            reading, fields, keys, cost = _READERS[data["k"]]
            require(data.keys() == keys)
            self.spend(cost)
            value = reading(self, *[data[field] for field in fields])
        self._depth -= 1
        return value

    def spend(self, parts, size=0):
        """Count ``parts`` elements and ``size`` bytes; to be called before room is made for them."""
        self._parts -= parts
        self._bytes -= size
        require(self._parts >= 0 and self._bytes >= 0)

    def list(self, data, length=None):
        """The values of a list, which must have ``length`` elements if that is given."""
        require(type(data) is list and length in (None, len(data)))
        self.spend(len(data))
        values = [self(each) for each in data]
        require(few_things(values, MOST_NUMBERS))
        return values

    def big(self, number):
        """A whole number so large that there may only be so many."""
        self._big -= 1
        require(self._big >= 0)
        return number

    def a(self, wanted, data):
        """The value, which must be exactly of the type (or of one of the types) ``wanted``."""
        value = self(data)
        require(type(value) in wanted if type(wanted) is tuple else type(value) is wanted)
        return value

    def text(self, data, most=None):
        require(type(data) is str and (most is None or len(data) <= most))
        self.spend(0, len(data))
        if not data.isascii():
            data.encode("utf-8")  # raises for a lone surrogate
        return data

    def whole(self, data, low=-(2**63), high=2**63 - 1):
        require(type(data) is int and low <= data <= high)
        return data

    def truth(self, data):
        require(type(data) is bool)
        return data

    def buffer(self, data):
        """The bytes of a text in base64."""
        require(type(data) is str)
        self.spend(0, len(data) * 3 // 4)
        try:
            return base64.b64decode(data.encode("ascii"), validate=True)
        except binascii.Error:
            raise ValueError("no base64") from None


def require(condition):
    """For readers: refuse the data unless ``condition`` holds."""
    if not condition:
        raise ValueError("not as agreed")
