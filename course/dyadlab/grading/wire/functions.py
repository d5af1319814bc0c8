"""A student's function stays in the student's process; what is here of it can be called.

A call is by value: the arguments go over as data, the result comes back as data. What the function did to the
lists, dictionaries and sets it was given is done again to the ones here (their contents are replaced), and
what it printed is printed here.
"""

import builtins
import contextlib
import io

from dyadlab.grading.wire.core import TYPE_NAME, Writer, encode, read, writes
from dyadlab.sentences import Sentence
from dyadlab.standins import CannotCross

MOST_OUTPUT = 100_000  # characters printed by one call
_MOST_MESSAGE = 2_000
_CHANGEABLE = (list, dict, set)
# Errors that a check may expect of a function, such as ValueError. Not AssertionError, which is a check's own
# way of saying no; not those that cannot be made from a message; and no BaseException, which is not an error.
_ERRORS = {
    name: error
    for name, error in vars(builtins).items()
    if isinstance(error, type)
    and issubclass(error, Exception)
    and not issubclass(
        error, AssertionError | UnicodeError | BaseExceptionGroup | Warning | StopIteration | StopAsyncIteration
    )
}


class CallFailed(Sentence):
    """A call of a student's function ended in an error that is not one of Python's usual ones."""


class Function:
    """Stands for the student's function ``name``; ``key`` is its number over there.

    call : ``call(key, request) -> reply`` carries a call over; both are of JSON. It raises NotJudged if no
    reply comes.
    """

    def __init__(self, name, key, call):
        self.__name__ = self.__qualname__ = name
        self._key = key
        self._call = call

    def __repr__(self):
        return f"<function {self.__name__}>"

    def __call__(self, *arguments, **keywords):
        writer = Writer(None)
        request = {"arguments": _written(writer, list(arguments)), "keywords": _written(writer, keywords)}
        return self._settle(self._call(self._key, request), [*arguments, *keywords.values()])

    def _settle(self, reply, arguments):
        """Print, restore and return or raise what ``reply`` says, which may be malicious."""
        if type(reply) is not dict:
            raise CannotCross(f"`{self.__name__}` gave no proper answer")
        output = reply.get("output", "")
        if type(output) is not str or len(output) > MOST_OUTPUT:
            raise CannotCross(f"`{self.__name__}` gave no proper answer")
        print(output.encode("utf-8", "replace").decode("utf-8"), end="")
        if reply.keys() == {"output", "error", "message"}:
            raise self._error(reply["error"], reply["message"])
        if reply.keys() != {"output", "value", "arguments"} or type(reply["arguments"]) is not list:
            raise CannotCross(f"`{self.__name__}` gave no proper answer")
        # decoded together, so that the limits hold for all of them
        value, restored = self._read([reply["value"], reply["arguments"]])
        if len(restored) != len(arguments):
            raise CannotCross(f"`{self.__name__}` gave no proper answer")
        # Only a function that gives nothing back is there to change what it was given. Any other could else rewrite the
        # very list that a check compares its answer with.
        for given, now in zip(arguments, restored, strict=True) if value is None else ():
            if type(given) in _CHANGEABLE and type(now) is type(given):
                given.clear()
                given.extend(now) if type(given) is list else given.update(now)
        return value

    def _read(self, data):
        return read(data, lambda name, key: Function(name, key, self._call))

    def _error(self, name, message):
        if type(name) is not str or type(message) is not str:
            raise CannotCross(f"`{self.__name__}` gave no proper answer")
        name, message = (text.encode("utf-8", "replace").decode("utf-8")[:_MOST_MESSAGE] for text in (name, message))
        if name in _ERRORS:
            return _ERRORS[name](message)
        name = name if TYPE_NAME.fullmatch(name) else "an error"
        return CallFailed(f"calling `{self.__name__}` led to “{name}: {message}”")


@writes(Function)
def _function(writer, value):
    if writer.remember is not None:
        return writer.opaque(value)
    return {"k": "function", "name": value.__name__, "key": value._key}


def _written(writer, value):
    try:
        return writer(value)
    except Exception:
        raise CannotCross(f"a {type(value).__name__} cannot be given to a function of the notebook") from None


def perform(function, request, remember, recall):
    """In the student's process: call ``function`` as ``request`` asks and describe how it went.

    remember : as for encode. recall : ``recall(key)`` is the function of that key.
    Returns the reply for :class:`Function`. Every error, of whatever kind, becomes part of the reply.
    """
    output = _Bounded()
    try:
        with contextlib.redirect_stdout(output):
            arguments, keywords = (
                read(request[part], lambda name, key: recall(key)) for part in ("arguments", "keywords")
            )
            value = function(*arguments, **keywords)
    except BaseException as error:
        message = error.args[0] if len(error.args) == 1 and type(error.args[0]) is str else _said(error)
        return {"output": output.getvalue(), "error": type(error).__name__, "message": message[:_MOST_MESSAGE]}
    restored = [
        encode(each, remember) if type(each) in _CHANGEABLE else None for each in (*arguments, *keywords.values())
    ]
    return {"output": output.getvalue(), "value": encode(value, remember), "arguments": restored}


def _said(error):
    try:
        return str(error)
    except Exception:
        return ""


class _Bounded(io.StringIO):
    """Keeps the first MOST_OUTPUT characters and lets the rest go."""

    def write(self, text):
        room = MOST_OUTPUT - self.tell()
        if room > 0:
            super().write(text[:room])
        return len(text)
