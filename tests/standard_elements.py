"""Calls of single functions that work element by element, or on dtypes."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from tests.standard_calls import (
    FLOATS,
    NUMERIC,
    REAL,
    Call,
    Data,
    Draw,
    Kind,
    array,
    binary,
    partner,
    scalar,
    some,
)
from tests.standard_calls import (
    INTEGERS as INT,
)


def clip(draw: Draw, name: str) -> Call:
    x = draw(array(some(name, NUMERIC)))
    dtype = str(x.values.dtype)
    numbers = st.sampled_from([0, 1, 2])
    low = draw(st.none() | numbers | array([dtype], draw(partner(x.values.shape))))
    high = draw(st.none() | st.sampled_from([2, 3]))
    return Call((x, low, high))


def where(draw: Draw, name: str) -> Call:
    a = draw(array(some(name, REAL)))
    dtype, shape = str(a.values.dtype), a.values.shape
    test = draw(array(["bool", "bool", "bool", "int32"], draw(partner(shape))))
    other = draw(st.one_of(array([dtype], draw(partner(shape))), scalar(dtype)))
    return Call((test, a, other))


def astype(draw: Draw, name: str) -> Call:
    x = draw(array(some(name, REAL), small=True))  # what a float out of range becomes is open
    unsigned = [] if (x.values.astype(np.float64) < 0).any() else ["uint8", "uint64"]
    to = draw(st.sampled_from([*REAL[:5], "int8", *unsigned]))
    return Call((x, Kind(to)), {"copy": draw(st.booleans())})


def shift(draw: Draw, name: str) -> Call:
    x = draw(array(some(name, INT)))
    bits = x.values.dtype.itemsize * 8
    counts = st.integers(0, bits + 2 if draw(st.booleans()) else bits - 1)
    if draw(st.booleans()):
        return Call((x, draw(counts)))
    shape = draw(partner(x.values.shape))
    flat = [draw(counts) for _ in range(int(np.prod(shape)))]
    return Call((x, Data(np.array(flat, x.values.dtype).reshape(shape))))


def pow(draw: Draw, name: str) -> Call:
    call = draw(binary(NUMERIC, "bool", small=True)(name))
    arrays = [a for a in call.args if isinstance(a, Data)]
    if all(a.values.dtype.kind in "iu" for a in arrays):
        # A negative power of an integer is nobody's promise, on either side of the operator.
        return Call(tuple(Data(np.abs(a.values), a.layout) for a in (*arrays, *arrays)[:2]))
    return call  # type: ignore[no-any-return]


def division(draw: Draw, name: str) -> Call:
    """No integer is divided by 0, nor the least one by -1: the standard leaves it open."""
    # floor_divide: NumPy, behind the oracle, departs from the standard at 0 and infinity.
    ordinary = name == "floor_divide"
    a, b = draw(binary(NUMERIC, "bool", small=ordinary)(name)).args
    if ordinary and isinstance(b, Data) and b.values.dtype.kind == "f":
        b = Data(np.where(b.values == 0, b.values.dtype.type(3), b.values), b.layout)
    if isinstance(a, Data) and isinstance(b, Data) and b.values.dtype.kind in "iu":
        values = b.values.copy()
        values[
            (values == 0)
            | (values == values.dtype.type(-1) if b.values.dtype.kind == "i" else values == 0)
        ] = 3
        return Call((a, Data(values, b.layout)))
    if isinstance(b, int | float) and not b:
        return Call((a, 1))
    if isinstance(a, int | float) and isinstance(b, Data) and b.values.dtype.kind in "iu":
        return Call((b, 2))
    return Call((a, b))


def result_type(draw: Draw, name: str) -> Call:
    kinds = st.sampled_from(REAL).map(Kind) | array(REAL, (2,))
    rest = st.lists(kinds | st.sampled_from([1, 2.0, True]), max_size=2)
    return Call((draw(kinds), *draw(rest)))


def can_cast(draw: Draw, name: str) -> Call:
    kinds = st.sampled_from(REAL).map(Kind)
    return Call((draw(kinds | array(REAL, ())), draw(kinds)))


def isdtype(draw: Draw, name: str) -> Call:
    word = st.sampled_from(
        [
            "bool",
            "signed integer",
            "unsigned integer",
            "integral",
            "real floating",
            "complex floating",
            "numeric",
        ]
    )
    one = word | st.sampled_from(REAL).map(Kind)
    return Call((Kind(draw(st.sampled_from(REAL))), draw(one | st.tuples(one, one))))


def complex_part(draw: Draw, name: str) -> Call:
    return Call((draw(array(FLOATS if name == "imag" else NUMERIC)),))
