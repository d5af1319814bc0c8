"""What stands in for the things that stay in a student's own process while the work is graded.

A check that runs apart from the student's code sees plain values. Instead of a figure it sees the figure's
:class:`Facts`, and instead of an object that is no plain value it sees an :class:`Opaque`.
"""

from dyadlab.sentences import NotJudged

__all__ = ["CannotCross", "Facts", "Opaque"]


class CannotCross(NotJudged):
    """A value that does not go from the student's process to the one that judges; the message says which."""


class Facts(dict):
    """What :func:`dyadlab.checks.figure_facts` says about a figure, in the figure's place."""


class Opaque:
    """An object of which only the name of its type has come across.

    It can be named and shown. Every other use raises CannotCross, because whatever a check would conclude
    from a stand-in would be about the stand-in and not about the answer. (It is not callable, so that
    ``callable`` tells the truth.) ``why`` is given if the type is not the reason for which it did not come.
    """

    __slots__ = ("_type_name", "_why")

    def __init__(self, type_name, why=""):
        self._type_name = type_name
        self._why = why

    def __repr__(self):
        return f"<a {self._type_name}, left in the notebook>"

    def __format__(self, how):
        return _refuse(self) if how else repr(self)


def type_name_of(opaque):
    """The name of the type of the object for which ``opaque`` stands."""
    return opaque._type_name


def refuse_if_unread(value):
    """Raise CannotCross for the stand-in of a value that might well be right but was too large or tangled to come."""
    if isinstance(value, Opaque) and value._why:
        _refuse(value)


def _refuse(self, *args, **kwargs):
    why = f" ({self._why})" if self._why else ""
    raise CannotCross(
        f"the answer is or holds a {self._type_name}, which cannot be judged by the computer{why}. "
        "A person has to look."
    )


for _operation in (
    "getattr getitem setitem delitem contains iter next reversed len bool int float complex index round abs neg "
    "pos invert hash array enter exit "
    "add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow matmul rmatmul divmod rdivmod "
    "and rand or ror xor rxor lshift rlshift rshift rrshift lt le gt ge eq ne"
).split():
    setattr(Opaque, f"__{_operation}__", _refuse)
Opaque.__array_ufunc__ = _refuse
del _operation
