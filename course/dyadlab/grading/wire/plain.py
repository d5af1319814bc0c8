"""Python's own values; the blank, figures and objects that stay where they are."""

import collections
import datetime as dt
import decimal
import fractions
import math
import re
import zoneinfo

from dyadlab.blanks import Blank, ____
from dyadlab.grading.wire import figures
from dyadlab.grading.wire.core import (
    MOST_KEYS,
    MOST_PARTS,
    REASONS,
    TOO_LARGE,
    TYPE_NAME,
    Unfit,
    reads,
    require,
    writes,
)  # fmt: skip
from dyadlab.standins import Opaque

_MOST_HEX_DIGITS = 3500  # about 4,200 decimal digits; Python refuses to print more than 4,300
_DECIMAL = re.compile(r"-?(\d+(\.\d+)?(E[+-]\d{1,4})?|Infinity|s?NaN\d*)", re.ASCII)
_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,30}(/[A-Za-z0-9_+-]{1,30}){0,2}")
_PAIRS = (dict, collections.Counter, collections.OrderedDict)
_VIEWS = {"keys": type({}.keys()), "values": type({}.values()), "items": type({}.items())}


@writes(Blank)
def _blank(writer, value):
    return {"k": "blank"}


@reads("blank")
def _read_blank(reader):
    return ____


@writes(type(...))
def _dots(writer, value):
    return {"k": "dots"}


@reads("dots")
def _read_dots(reader):
    return ...


@reads("figure", "facts")
def _read_figure(reader, facts):
    return figures.as_facts(reader(facts))


@reads("opaque", "type", "why")
def _read_opaque(reader, name, why):
    name, why = reader.text(name, most=80), reader.text(why, most=80)
    require(TYPE_NAME.fullmatch(name) and why in ("", *REASONS))
    return Opaque(name, why)


@reads("function", "name", "key")
def _read_function(reader, name, key):
    name = reader.text(name, most=80)
    require(name.isprintable())
    return reader.function(name, reader.whole(key, 0))


# --- numbers and text


@writes(int)
def _int(writer, value):
    value = int.__pos__(value)  # of a subclass, the number it is built on
    if -(2**62) < value < 2**62:
        return value
    digits = hex(value)
    return {"k": "int", "v": digits} if len(digits) <= _MOST_HEX_DIGITS else writer.opaque(value, TOO_LARGE)


@reads("int", "v")
def _read_int(reader, digits):
    require(re.fullmatch(r"-?0x[0-9a-f]+", reader.text(digits, most=_MOST_HEX_DIGITS)))
    return reader.big(int(digits, 16))


@writes(float)
def _float(writer, value):
    value = float.__pos__(value)
    return value if math.isfinite(value) else {"k": "float", "v": repr(value)}


@reads("float", "v")
def _read_float(reader, name):
    return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[name]


@writes(complex)
def _complex(writer, value):
    value = complex.__pos__(value)
    return {"k": "complex", "real": writer(value.real), "imag": writer(value.imag)}


@reads("complex", "real", "imag")
def _read_complex(reader, real, imag):
    return complex(reader.a(float, real), reader.a(float, imag))


@writes(str)
def _str(writer, value):
    return writer.text(str.__str__(value))


@writes(bytes, bytearray)
def _bytes(writer, value):
    return {"k": "bytearray" if isinstance(value, bytearray) else "bytes", "v": writer.buffer(memoryview(value))}


@reads("bytes", "v")
def _read_bytes(reader, v):
    return reader.buffer(v)


@reads("bytearray", "v")
def _read_bytearray(reader, v):
    return bytearray(reader.buffer(v))


@writes(decimal.Decimal)
def _decimal(writer, value):
    text = str(decimal.Decimal(value))
    return {"k": "decimal", "v": text} if _is_decimal(text) else writer.opaque(value, TOO_LARGE)


def _is_decimal(text):
    # 1E+999999999 is short to write and fills the memory once it is made a whole number
    return len(text) <= 1000 and _DECIMAL.fullmatch(text) is not None


@reads("decimal", "v")
def _read_decimal(reader, v):
    require(_is_decimal(reader.text(v, most=1000)))
    return decimal.Decimal(v)


@writes(fractions.Fraction)
def _fraction(writer, value):
    return {"k": "fraction", "of": writer(value.numerator), "by": writer(value.denominator)}


@reads("fraction", "of", "by")
def _read_fraction(reader, of, by):
    return fractions.Fraction(reader.a(int, of), reader.a(int, by))


# --- containers


def _elements(value, base):
    """What ``value`` holds as a ``base``, whatever its own class says of that."""
    if base.__len__(value) > MOST_PARTS:
        raise Unfit(TOO_LARGE)
    return [*base.__iter__(value)]


@writes(list)
def _list(writer, value):
    return writer.list(_elements(value, list))


@writes(tuple)
def _tuple(writer, value):
    return {"k": "tuple", "v": writer.list(_elements(value, tuple))}


@reads("tuple", "v")
def _read_tuple(reader, v):
    return tuple(reader.list(v))


@writes(set, frozenset)
def _set(writer, value):
    base = set if isinstance(value, set) else frozenset
    return {"k": base.__name__, "v": writer.list(_elements(value, base))}


@reads("set", "v")
def _read_set(reader, v):
    return set(_hashable(reader.list(v)))


@reads("frozenset", "v")
def _read_frozenset(reader, v):
    return frozenset(_hashable(reader.list(v)))


def _hashable(values):
    """``values`` as the keys of a set or dictionary, unless they were chosen to be slow as such."""
    if {*map(type, values)} <= {str}:
        return values
    require(len(values) <= MOST_KEYS)
    # distinct values nearly always have distinct hashes; -1 and -2 have not
    require(len({*map(hash, values)}) >= 0.9 * len(values) - 5)
    return values


@writes(*_PAIRS)
def _dict(writer, value):
    base = next(base for base in reversed(_PAIRS) if isinstance(value, base))
    pairs = list(collections.OrderedDict.items(value) if base is collections.OrderedDict else dict.items(value))
    keys, values = writer.list([key for key, _ in pairs]), writer.list([value for _, value in pairs])
    return {"k": base.__name__, "keys": keys, "values": values}


def _read_pairs(base):
    def read(reader, keys, values):
        keys = _hashable(reader.list(keys))
        return base(dict(zip(keys, reader.list(values, len(keys)), strict=True)))

    return read


for _base in _PAIRS:
    reads(_base.__name__, "keys", "values")(_read_pairs(_base))


@writes(*_VIEWS.values())
def _view(writer, value):
    name = next(name for name, view in _VIEWS.items() if isinstance(value, view))
    return {"k": name, "v": writer.list(list(value))}


@reads("keys", "v")
def _read_keys(reader, v):
    return dict.fromkeys(_hashable(reader.list(v))).keys()


@reads("values", "v")
def _read_values(reader, v):
    return dict(enumerate(reader.list(v))).values()


@reads("items", "v")
def _read_items(reader, v):
    pairs = reader.list(v)
    require(all(type(pair) is tuple and len(pair) == 2 for pair in pairs))
    _hashable([key for key, _ in pairs])
    return dict(pairs).items()


@writes(range)
def _range(writer, value):
    ends = value.start, value.stop, value.step
    if len(value) > MOST_PARTS or max(map(abs, ends)) >= 2**62:
        return writer.opaque(value, TOO_LARGE)
    return {"k": "range", "ends": list(ends)}


@reads("range", "ends")
def _read_range(reader, ends):
    return read_range(reader, ends)


def read_range(reader, ends):
    """A range that is no longer than other things may be: a check may well make a list of it."""
    require(type(ends) is list and len(ends) == 3)
    value = range(*[reader.whole(each, -(2**62), 2**62) for each in ends])
    reader.spend(len(value))
    return value


# --- dates and times


@writes(dt.datetime)
def _datetime(writer, value):
    plain = dt.datetime(*value.timetuple()[:6], value.microsecond)
    return {"k": "datetime", "v": plain.isoformat(), "zone": zone_of(value.tzinfo), "fold": value.fold}


@reads("datetime", "v", "zone", "fold")
def _read_datetime(reader, v, zone, fold):
    value = dt.datetime.fromisoformat(reader.text(v, most=30))
    require(value.tzinfo is None)
    return value.replace(tzinfo=read_zone(reader, zone), fold=reader.whole(fold, 0, 1))


@writes(dt.date)
def _date(writer, value):
    return {"k": "date", "v": dt.date.isoformat(value)}


@reads("date", "v")
def _read_date(reader, v):
    return dt.date.fromisoformat(reader.text(v, most=10))


@writes(dt.time)
def _time(writer, value):
    plain = dt.time.isoformat(value.replace(tzinfo=None))
    return {"k": "time", "v": plain, "zone": zone_of(value.tzinfo), "fold": value.fold}


@reads("time", "v", "zone", "fold")
def _read_time(reader, v, zone, fold):
    value = dt.time.fromisoformat(reader.text(v, most=20))
    require(value.tzinfo is None)
    return value.replace(tzinfo=read_zone(reader, zone), fold=reader.whole(fold, 0, 1))


@writes(dt.timedelta)
def _timedelta(writer, value):
    return {"k": "timedelta", "v": [value.days, value.seconds, value.microseconds]}


@reads("timedelta", "v")
def _read_timedelta(reader, v):
    days, seconds, microseconds = reader.list(v, 3)
    most = 999_999_999
    return dt.timedelta(
        reader.whole(days, -most, most), reader.whole(seconds, 0, 86_399), reader.whole(microseconds, 0, 999_999)
    )


def zone_of(zone):
    """A time zone by its name, or by its distance from UTC in seconds; None stays None."""
    if zone is None:
        return None
    name = getattr(zone, "key", None) or getattr(zone, "zone", None)  # zoneinfo; pytz
    if zone is dt.UTC or name == "UTC":
        return "UTC"
    if name is not None:
        return str(name)
    return round(zone.utcoffset(None).total_seconds())  # fails for a zone that is neither: then nothing crosses


def read_zone(reader, zone):
    """The time zone; only names of the time zone data, never a path."""
    if zone is None:
        return None
    if type(zone) is int:
        return dt.timezone(dt.timedelta(seconds=reader.whole(zone, -86_399, 86_399)))
    require(_ZONE.fullmatch(reader.text(zone, most=80)))
    return dt.UTC if zone == "UTC" else zoneinfo.ZoneInfo(zone)
