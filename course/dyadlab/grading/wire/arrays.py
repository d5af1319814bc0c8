"""numpy: arrays and single values of every plain type.

Numbers, truth values and times go as their bytes, text and objects one by one: bytes that claim to be text or
pointers are never looked at.
"""

import math

import numpy as np

from dyadlab.grading.wire.core import TOO_MANY, Unfit, reads, require, writes
from dyadlab.grading.wire.crowds import few_numbers, few_things

_UNITS = ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as")
# All types whose values may come as bytes. Little-endian, so that a mark does not hang on the machine.
_DTYPES = {
    name: np.dtype(name)
    for name in (
        "|b1 |i1 |u1 <i2 <u2 <i4 <u4 <i8 <u8 <f2 <f4 <f8 <c8 <c16 <M8 <m8".split()
        + [f"<{kind}8[{unit}]" for kind in "Mm" for unit in _UNITS]
    )
}
_WIDEST_TEXT = 1_000_000


@writes(np.ndarray, np.generic, np.str_, np.bytes_)  # the last two are text first, and numpy's second
def _array(writer, value):
    try:
        written = write_array(writer, value)
    except Unfit as unfit:
        if str(unfit):
            raise
        return writer.opaque(value)  # a record, with named fields
    return {"k": "scalar", "v": written} if isinstance(value, np.generic) else written


def write_array(writer, value):
    """An array, for the fields of other values too. Raises Unfit, with no reason for one of no plain type."""
    value = np.asarray(value)
    shape, kind = list(value.shape), value.dtype.kind
    writer.allow(value.nbytes)
    if kind == "U":
        texts = _few(writer.text(str(each)) for each in value.ravel().tolist())
        return {"k": "texts", "width": value.dtype.itemsize // 4, "shape": shape, "v": texts}
    if kind == "S":
        value = value.astype(f"S{max(value.dtype.itemsize, 1)}")
        _few(value.ravel().tolist())
        return {"k": "bytes array", "width": value.dtype.itemsize, "shape": shape, "v": writer.buffer(value.tobytes())}
    if kind == "O":
        return {"k": "objects", "shape": shape, "v": writer.list(_few(value.flat))}
    plain = value.astype(_plain_dtype(value.dtype), copy=False)
    if plain.dtype.str not in _DTYPES:
        raise Unfit("")
    if not few_numbers(plain):
        raise Unfit(TOO_MANY)
    return {"k": "array", "dtype": plain.dtype.str, "shape": shape, "v": writer.buffer(plain.tobytes())}


def _few(values):
    """``values`` as a list, unless there are too many different ones."""
    values = list(values)
    if not few_things(values):
        raise Unfit(TOO_MANY)
    return values


def _plain_dtype(dtype):
    """The little-endian type; for long doubles, which differ from machine to machine, the usual one."""
    if dtype.kind in "fc" and dtype.itemsize > {"f": 8, "c": 16}[dtype.kind]:
        return np.dtype("<f8" if dtype.kind == "f" else "<c16")
    return dtype.newbyteorder("<")


@reads("array", "dtype", "shape", "v", cost=20)
def _read_array(reader, dtype, shape, v):
    dtype, shape = _DTYPES[reader.text(dtype, most=8)], _read_shape(reader, shape)
    raw = reader.buffer(v)
    require(len(raw) == math.prod(shape) * dtype.itemsize)
    if dtype.kind == "b":  # a byte that is neither 0 nor 1 is a truth value that equals no other
        return (np.frombuffer(raw, np.uint8) != 0).reshape(shape)
    array = np.frombuffer(raw, dtype).reshape(shape).copy()
    require(few_numbers(array))
    return array


def _read_shape(reader, shape):
    require(type(shape) is list and len(shape) <= 32)
    return tuple(reader.whole(length, 0, 2**31) for length in shape)


@reads("texts", "width", "shape", "v", cost=20)
def _read_texts(reader, width, shape, v):
    width, shape = reader.whole(width, 0, _WIDEST_TEXT), _read_shape(reader, shape)
    require(type(v) is list and len(v) == math.prod(shape))
    reader.spend(0, width * 4 * len(v))
    texts = [reader.text(each, most=width) for each in v]
    require(few_things(texts))
    return np.array(texts, dtype=f"<U{width}").reshape(shape)


@reads("bytes array", "width", "shape", "v", cost=20)
def _read_bytes_array(reader, width, shape, v):
    width, shape = reader.whole(width, 1, _WIDEST_TEXT), _read_shape(reader, shape)
    raw = reader.buffer(v)
    require(len(raw) == math.prod(shape) * width)
    array = np.frombuffer(raw, f"|S{width}").reshape(shape).copy()
    require(few_things(array.ravel().tolist()))
    return array


@reads("objects", "shape", "v", cost=20)
def _read_objects(reader, shape, v):
    shape = _read_shape(reader, shape)
    values = reader.list(v, math.prod(shape))
    require(few_things(values))
    filled = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):  # one by one: numpy would look into lists
        filled[place] = value
    return filled.reshape(shape)


@reads("scalar", "v")
def _read_scalar(reader, v):
    array = reader.a(np.ndarray, v)
    require(array.shape == () and array.dtype.kind != "O")
    return array[()]


@writes(np.ma.MaskedArray)
def _masked(writer, value):
    if value is np.ma.masked:
        return {"k": "masked value"}
    mask = np.ma.getmaskarray(value)
    return {"k": "masked", "data": write_array(writer, np.ma.getdata(value)), "mask": write_array(writer, mask)}


@reads("masked value")
def _read_masked_value(reader):
    return math.nan


@reads("masked", "data", "mask", cost=20)
def _read_masked(reader, data, mask):
    data, mask = reader.a(np.ndarray, data), reader.a(np.ndarray, mask)
    require(mask.dtype == bool and mask.shape == data.shape)
    if not mask.any():
        return data
    # numpy's comparisons skip what is masked, and a check would then agree with a value that is not there
    require(data.dtype.kind in "iuf")
    return np.where(mask, np.nan, data.astype(float))
