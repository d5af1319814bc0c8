"""pandas: indexes, Series and DataFrames."""

import re

import numpy as np
import pandas as pd

from dyadlab.grading.wire.columns import read_column, write_column
from dyadlab.grading.wire.core import TOO_MANY, Unfit, reads, require, writes
from dyadlab.grading.wire.crowds import MOST_THINGS
from dyadlab.grading.wire.plain import read_range

# pandas makes all dates anew to see whether a frequency fits them, one by one if it is one of the calendar.
_LONGEST_WITH_FREQ = 10_000
_FREQ = re.compile(r"-?\d{0,3}(B|D|W-[A-Z]{3}|ME|MS|Q[ES]-[A-Z]{3}|Y[ES]-[A-Z]{3}|h|min|s|ms|us|ns)", re.ASCII)


@writes(pd.Index)
def _index(writer, value):
    freq = getattr(value, "freqstr", None) if isinstance(value, pd.DatetimeIndex | pd.TimedeltaIndex) else None
    if freq is not None and (len(value) > _LONGEST_WITH_FREQ or not _FREQ.fullmatch(freq)):
        freq = None
    return {"k": "index", "v": write_column(writer, value.array), "name": writer(value.name), "freq": freq}


@reads("index", "v", "name", "freq", cost=200)
def _read_index(reader, v, name, freq):
    values, name = read_column(reader, v), reader(name)
    index = pd.Index(values, dtype=values.dtype, name=name, copy=False)
    if freq is None:
        return index
    require(isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex) and len(index) <= _LONGEST_WITH_FREQ)
    require(_FREQ.fullmatch(reader.text(freq, most=12)))
    reader.spend(2000 + len(index))
    return type(index)(index, freq=freq, name=name)


@writes(pd.RangeIndex)
def _range_index(writer, value):
    writer.spend(len(value))
    return {"k": "range index", "ends": [value.start, value.stop, value.step], "name": writer(value.name)}


@reads("range index", "ends", "name", cost=100)
def _read_range_index(reader, ends, name):
    return pd.RangeIndex(read_range(reader, ends), name=reader(name))


@writes(pd.MultiIndex)
def _multi_index(writer, value):
    if len(value) > MOST_THINGS:
        raise Unfit(TOO_MANY)
    levels = [writer(level) for level in value.levels]
    codes = [writer(np.asarray(codes)) for codes in value.codes]
    return {"k": "multi index", "levels": levels, "codes": codes, "names": writer.list(list(value.names))}


@reads("multi index", "levels", "codes", "names", cost=500)
def _read_multi_index(reader, levels, codes, names):
    levels = reader.list(levels)
    codes, names = reader.list(codes, len(levels)), reader.list(names, len(levels))
    require(levels and all(isinstance(level, pd.Index) for level in levels))
    require(not any(isinstance(level, pd.MultiIndex) for level in levels))
    require(all(type(each) is np.ndarray and each.ndim == 1 and each.dtype.kind == "i" for each in codes))
    require(len(codes[0]) <= MOST_THINGS)  # pandas hashes the levels' places together, and these can be chosen
    return pd.MultiIndex(levels, codes, names=names, verify_integrity=True)


@writes(pd.Series)
def _series(writer, value):
    return {
        "k": "series",
        "v": write_column(writer, value.array),
        "index": writer(value.index),
        "name": writer(value.name),
        "attrs": writer(value.attrs),
    }


@reads("series", "v", "index", "name", "attrs", cost=100)
def _read_series(reader, v, index, name, attrs):
    values, index, name = read_column(reader, v), reader(index), reader(name)
    require(isinstance(index, pd.Index) and len(index) == len(values))
    series = pd.Series(values, index=index, name=name, dtype=values.dtype, copy=False)
    series.attrs = reader.a(dict, attrs)
    return series


@writes(pd.DataFrame)
def _table(writer, value):
    columns = [write_column(writer, value.iloc[:, place].array) for place in range(value.shape[1])]
    return {
        "k": "table",
        "v": columns,
        "columns": writer(value.columns),
        "index": writer(value.index),
        "attrs": writer(value.attrs),
    }


@reads("table", "v", "columns", "index", "attrs", cost=500)
def _read_table(reader, v, columns, index, attrs):
    columns, index = reader(columns), reader(index)
    require(isinstance(columns, pd.Index) and isinstance(index, pd.Index))
    require(type(v) is list and len(v) == len(columns))
    reader.spend(len(v))
    series = {}
    for place, each in enumerate(v):
        values = read_column(reader, each)
        require(len(values) == len(index))
        series[place] = pd.Series(values, index=index, dtype=values.dtype, copy=False)
    table = pd.DataFrame(series, index=index)
    table.columns = columns
    table.attrs = reader.a(dict, attrs)
    return table
