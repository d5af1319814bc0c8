"""pandas: single values, and the columns of which tables are made."""

import numpy as np
import pandas as pd

from dyadlab.grading.wire.arrays import write_array
from dyadlab.grading.wire.core import TOO_MANY, Unfit, reads, require, writes
from dyadlab.grading.wire.crowds import few_things
from dyadlab.grading.wire.plain import read_zone, zone_of

_SIDES = ("left", "right", "both", "neither")
_UNITS = ("s", "ms", "us", "ns")
_NULLABLE = {
    str(dtype()): dtype().construct_array_type()
    for dtype in (
        pd.BooleanDtype, pd.Float32Dtype, pd.Float64Dtype, pd.Int8Dtype, pd.Int16Dtype, pd.Int32Dtype, pd.Int64Dtype,
        pd.UInt8Dtype, pd.UInt16Dtype, pd.UInt32Dtype, pd.UInt64Dtype,
    )
}  # fmt: skip
# How many periods of each kind there are in a day, at most: pandas' C code is not asked for years beyond 9999.
_PERIODS_A_DAY = {
    **dict.fromkeys(("Y", "Q", "M", "W", "D"), 1),
    "h": 24, "min": 1440, "s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000,
}  # fmt: skip
_ENDS = {
    "Y": ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
    "W": ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"),
}
_ENDS["Q"] = _ENDS["Y"]


# --- single values


@writes(type(pd.NaT))
def _nat(writer, value):
    return {"k": "NaT"}


@reads("NaT")
def _read_nat(reader):
    return pd.NaT


@writes(type(pd.NA))
def _na(writer, value):
    return {"k": "NA"}


@reads("NA")
def _read_na(reader):
    return pd.NA


@writes(pd.Timestamp)
def _timestamp(writer, value):
    naive = value if value.tzinfo is None else value.tz_convert("UTC").tz_localize(None)
    zone = zone_of(value.tzinfo)
    return {"k": "timestamp", "v": write_array(writer, np.asarray(naive.to_datetime64())), "zone": zone}


@reads("timestamp", "v", "zone", cost=50)
def _read_timestamp(reader, v, zone):
    value, zone = _moment(reader, v, "M"), read_zone(reader, zone)
    value = pd.Timestamp(value)
    return value if zone is None else value.tz_localize("UTC").tz_convert(zone)


@writes(pd.Timedelta)
def _timedelta(writer, value):
    return {"k": "duration", "v": write_array(writer, np.asarray(value.to_timedelta64()))}


@reads("duration", "v", cost=50)
def _read_timedelta(reader, v):
    return pd.Timedelta(_moment(reader, v, "m"))


def _moment(reader, v, kind):
    array = reader.a(np.ndarray, v)
    require(array.shape == () and array.dtype.kind == kind and np.datetime_data(array.dtype)[0] in _UNITS)
    require(not np.isnat(array))
    return array[()]


@writes(pd.Period)
def _period(writer, value):
    freq, ordinal = value.freqstr, value.ordinal
    if not _is_freq(freq) or not _within_years(np.array([ordinal]), freq):
        return writer.opaque(value)
    return {"k": "period", "freq": freq, "ordinal": ordinal}


@reads("period", "freq", "ordinal", cost=300)
def _read_period(reader, freq, ordinal):
    require(_is_freq(reader.text(freq, most=6)))
    require(_within_years(np.array([reader.whole(ordinal)]), freq))
    return pd.Period(ordinal=ordinal, freq=freq)


def _is_freq(freq):
    code, dash, end = freq.partition("-")
    return code in _PERIODS_A_DAY and (end in _ENDS.get(code, ()) if dash else code not in _ENDS)


def _within_years(ordinals, freq):
    most = min(2_900_000 * _PERIODS_A_DAY[freq.partition("-")[0]], 2**62)
    if freq.partition("-")[0] in ("Y", "Q", "M"):
        most = 8000
    missing = ordinals == np.iinfo(np.int64).min
    return bool((missing | ((ordinals >= -most) & (ordinals <= most))).all())


@writes(pd.Interval)
def _interval(writer, value):
    return {"k": "interval", "left": writer(value.left), "right": writer(value.right), "closed": value.closed}


@reads("interval", "left", "right", "closed", cost=20)
def _read_interval(reader, left, right, closed):
    require(closed in _SIDES)
    kinds = (int, float, pd.Timestamp, pd.Timedelta, np.float64, np.int64)
    return pd.Interval(reader.a(kinds, left), reader.a(kinds, right), closed)


# --- columns


def write_column(writer, values):
    """A column of a table, a Series or an Index, from its ``.array``; with numpy's types, as a plain array."""
    if type(values) is pd.arrays.NumpyExtensionArray:  # text columns are a kind of them
        return write_array(writer, values.to_numpy())
    return writer(values)


def read_column(reader, data):
    """A numpy or pandas array of one dimension."""
    values = reader(data)
    require(isinstance(values, np.ndarray | pd.api.extensions.ExtensionArray) and values.ndim == 1)
    require(not isinstance(values, np.ma.MaskedArray))
    return values


@writes(pd.api.extensions.ExtensionArray)
def _column(writer, values):
    dtype = values.dtype
    if type(values) is pd.arrays.NumpyExtensionArray:  # text columns are a kind of them
        return {"k": "numpy column", "v": write_array(writer, values.to_numpy())}
    if isinstance(dtype, pd.StringDtype):
        writer.spend(len(values))
        texts = [writer.text(each) if isinstance(each, str) else None for each in values.to_numpy(object)]
        if not few_things(texts):
            raise Unfit(TOO_MANY)
        return {"k": "strings", "missing": "NA" if dtype.na_value is pd.NA else "nan", "v": texts}
    if str(dtype) in _NULLABLE:
        missing = np.asarray(values.isna())
        plain = values.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0))
        return {
            "k": "nullable",
            "dtype": str(dtype),
            "v": write_array(writer, plain),
            "missing": write_array(writer, missing),
        }
    if isinstance(dtype, pd.CategoricalDtype):
        categories = writer(values.categories)
        return {
            "k": "categorical",
            "codes": write_array(writer, values.codes),
            "of": categories,
            "ordered": bool(values.ordered),
        }
    if dtype.kind == "M":
        zone = zone_of(getattr(dtype, "tz", None))
        if zone is not None:
            values = values.tz_convert("UTC").tz_localize(None)
        return {"k": "times", "v": write_array(writer, values.to_numpy()), "zone": zone}
    if dtype.kind == "m":
        return {"k": "durations", "v": write_array(writer, values.to_numpy())}
    if isinstance(dtype, pd.PeriodDtype):
        freq = str(dtype).removeprefix("period[").removesuffix("]")
        if _is_freq(freq) and _within_years(values.asi8, freq):
            return {"k": "periods", "v": write_array(writer, values.asi8), "freq": freq}
    if isinstance(dtype, pd.IntervalDtype):
        return {
            "k": "intervals",
            "left": writer(values.left),
            "right": writer(values.right),
            "closed": dtype.closed,
        }
    return write_array(writer, np.asarray(values))  # sparse columns and those of other libraries


@reads("numpy column", "v", cost=50)
def _read_numpy_column(reader, v):
    array = reader.a(np.ndarray, v)
    require(array.ndim == 1)
    return pd.arrays.NumpyExtensionArray(array)


@reads("strings", "missing", "v", cost=50)
def _read_strings(reader, missing, v):
    require(type(v) is list)
    reader.spend(len(v))
    there = [each for each in v if each is not None]
    require(all(type(each) is str for each in there))
    reader.text("".join(there))
    require(few_things(v))
    missing = {"NA": pd.NA, "nan": np.nan}[missing]
    texts = np.array([missing if each is None else each for each in v], dtype=object)
    return pd.array(texts, dtype=pd.StringDtype(na_value=missing))


@reads("nullable", "dtype", "v", "missing", cost=50)
def _read_nullable(reader, dtype, v, missing):
    values, missing = reader.a(np.ndarray, v), reader.a(np.ndarray, missing)
    require(missing.dtype == bool and values.ndim == 1 and missing.shape == values.shape)
    made = _NULLABLE[dtype](values, missing)
    require(str(made.dtype) == dtype)
    return made


@reads("categorical", "codes", "of", "ordered", cost=300)
def _read_categorical(reader, codes, of, ordered):
    codes, of = reader.a(np.ndarray, codes), reader(of)
    require(isinstance(of, pd.Index) and codes.ndim == 1 and codes.dtype.kind == "i")
    return pd.Categorical.from_codes(codes, categories=of, ordered=reader.truth(ordered))


@reads("times", "v", "zone", cost=50)
def _read_times(reader, v, zone):
    array, zone = reader.a(np.ndarray, v), read_zone(reader, zone)
    require(array.ndim == 1 and array.dtype.kind == "M" and np.datetime_data(array.dtype)[0] in _UNITS)
    times = pd.array(array, dtype=array.dtype)
    return times if zone is None else times.tz_localize("UTC").tz_convert(zone)


@reads("durations", "v", cost=50)
def _read_durations(reader, v):
    array = reader.a(np.ndarray, v)
    require(array.ndim == 1 and array.dtype.kind == "m" and np.datetime_data(array.dtype)[0] in _UNITS)
    return pd.array(array, dtype=array.dtype)


@reads("periods", "v", "freq", cost=300)
def _read_periods(reader, v, freq):
    array = reader.a(np.ndarray, v)
    require(_is_freq(reader.text(freq, most=6)) and array.dtype == np.int64 and array.ndim == 1)
    require(_within_years(array, freq))
    return pd.arrays.PeriodArray(array, dtype=pd.PeriodDtype(freq))


@reads("intervals", "left", "right", "closed", cost=300)
def _read_intervals(reader, left, right, closed):
    left, right = reader(left), reader(right)
    require(isinstance(left, pd.Index) and isinstance(right, pd.Index) and closed in _SIDES)
    return pd.arrays.IntervalArray.from_arrays(left, right, closed=closed)
