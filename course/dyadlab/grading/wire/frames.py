"""Messages on a socket: four bytes with the length, then one JSON object of at most that size.

Whoever is on the other side may be slow, silent, dead or lying; each of these raises :class:`Lost`. After that the
socket may stand in the middle of a message and is good for nothing, save that a message too large to send has
not been begun.
"""

import json
import re
import struct
import time

from dyadlab.sentences import NotJudged

MOST_BYTES = 64 * 2**20  # of one message
# Commas, opening brackets and escapes: 20 million empty lists are a small message and 1.5 GB.
MOST_TOKENS = 6_000_000
_LENGTH = struct.Struct(">I")
_LONE_SURROGATE = re.compile(rb"(?<!\\)(?:\\\\)*+\\u[dD][89a-fA-F]")
_PIECE = 2**20


class Lost(NotJudged):
    """No proper message came or went. ``why`` is "dead", "slow", "large" or "garbled"."""

    SENTENCES = {  # noqa: RUF012
        "dead": "the notebook's process has ended",
        "slow": "the notebook's process did not answer in time",
        "large": "the notebook's process sent more than is allowed",
        "garbled": "the notebook's process sent something that is no proper message",
    }

    def __init__(self, why):
        super().__init__(self.SENTENCES[why])
        self.why = why


def dumps(message):
    """``message``, a dictionary of JSON, as the bytes of one frame. Raises Lost("large") beyond MOST_BYTES."""
    # Characters as they are: escapes such as \ud83d never occur, which is how loads knows lone surrogates
    text = json.dumps(message, ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))
    body = text.encode("utf-8", "replace")
    if len(body) > MOST_BYTES or _tokens(body) > MOST_TOKENS:
        raise Lost("large")
    return _LENGTH.pack(len(body)) + body


def loads(frame, most=MOST_BYTES):
    """The dictionary in ``frame``, the bytes of one frame. Raises Lost when it is not exactly that."""
    frame = bytes(frame)
    if len(frame) < _LENGTH.size or _LENGTH.unpack_from(frame)[0] != len(frame) - _LENGTH.size:
        raise Lost("garbled")
    return _parsed(frame[_LENGTH.size :], most)


def send(sock, message, deadline=None):
    """Send ``message`` before ``deadline`` (in the time of time.monotonic; None: wait for ever)."""
    frame = memoryview(dumps(message))
    try:
        while frame:
            sock.settimeout(_left(deadline))
            frame = frame[sock.send(frame[:_PIECE]) :]
    except TimeoutError:
        raise Lost("slow") from None
    except OSError:
        raise Lost("dead") from None


def receive(sock, deadline=None, max_bytes=MOST_BYTES):
    """The next message, a dictionary, as long as it has come whole before ``deadline``."""
    length = _LENGTH.unpack(_exactly(sock, _LENGTH.size, deadline))[0]
    if length > max_bytes:
        raise Lost("large")
    return _parsed(_exactly(sock, length, deadline), max_bytes)


def _exactly(sock, length, deadline):
    got = bytearray()  # grows with what really comes, whatever length was announced
    try:
        while len(got) < length:
            sock.settimeout(_left(deadline))
            piece = sock.recv(min(_PIECE, length - len(got)))
            if not piece:
                raise Lost("dead")
            got += piece
    except TimeoutError:
        raise Lost("slow") from None
    except OSError:
        raise Lost("dead") from None
    return bytes(got)


def _left(deadline):
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _parsed(body, most):
    if len(body) > most:
        raise Lost("large")
    if _tokens(body) > MOST_TOKENS:
        raise Lost("large")
    if b"\\u" in body and _LONE_SURROGATE.search(body):
        raise Lost("garbled")
    try:
        message = json.loads(body.decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_object)
    except (ValueError, RecursionError, MemoryError):
        raise Lost("garbled") from None
    if type(message) is not dict:
        raise Lost("garbled")
    return message


def _tokens(body):
    return sum(body.count(sign) for sign in (b",", b"[", b"{", b"\\"))


def _object(pairs):
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key twice")
    return made


def _refuse(constant):
    raise ValueError("NaN and infinity are no JSON")
