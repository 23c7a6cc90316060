"""Calls of single functions that make, move and multiply arrays."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from tests.standard_calls import (
    NUMERIC,
    REAL,
    Call,
    Data,
    Draw,
    Kind,
    array,
    axes_of,
    inside,
    partner,
    shapes,
    some,
)


def concat(draw: Draw, name: str) -> Call:
    x = draw(array(some(name, REAL), draw(shapes(1))))
    shape, dtype = list(x.values.shape), str(x.values.dtype)
    axis = draw(st.none() | inside(len(shape)))
    if axis is not None:
        shape[axis] = draw(st.sampled_from([0, 1, 2]))
    other = draw(array([dtype, draw(st.sampled_from(some(name, REAL)))], tuple(shape)))
    return Call(([x, other, x],), {"axis": axis})


def stack(draw: Draw, name: str) -> Call:
    x = draw(array(some(name, REAL)))
    other = draw(
        array([str(x.values.dtype)], draw(st.sampled_from([x.values.shape] * 5 + [(2, 5)])))
    )
    ndim = x.values.ndim
    return Call(([x, other],), {"axis": draw(st.integers(-ndim - 1, ndim))})


def broadcast_to(draw: Draw, name: str) -> Call:
    x = draw(array(some(name, REAL)))
    wide = tuple(draw(st.sampled_from([n, n, 3])) if n == 1 else n for n in x.values.shape)
    return Call((x, draw(st.sampled_from([wide, (2, *wide), (*wide, 5)]))))


def broadcast_arrays(draw: Draw, name: str) -> Call:
    x = draw(array(some(name, REAL)))
    return Call((x, draw(array(some(name, REAL), draw(partner(x.values.shape))))))


def moveaxis(draw: Draw, name: str) -> Call:
    x = draw(array(some(name, REAL), draw(shapes(1))))
    ndim = x.values.ndim
    if draw(st.booleans()):
        return Call((x, draw(inside(ndim)), draw(st.integers(-ndim - 1, ndim))))
    order = draw(st.permutations(range(ndim)))
    count = draw(st.integers(0, ndim))
    return Call((x, tuple(range(count)), tuple(order[:count])))


def permute(draw: Draw, name: str) -> Call:
    x = draw(array(some(name, REAL)))
    order = draw(st.permutations(range(x.values.ndim)))
    if order and draw(st.integers(0, 9)) == 0:
        order = draw(st.sampled_from([order[1:], [order[0], *order[:-1]]]))
    return Call((x, tuple(order)))


def expand(draw: Draw, name: str) -> Call:
    x = draw(array(some(name, REAL)))
    ndim = x.values.ndim
    return Call((x,), {"axis": draw(st.integers(-ndim - 2, ndim + 1))})


def squeeze(draw: Draw, name: str) -> Call:
    x = draw(array(some(name, REAL), draw(shapes(1))))
    ones = tuple(i for i, n in enumerate(x.values.shape) if n == 1)
    return Call((x, draw(st.just(ones) | inside(x.values.ndim))))


def reshape(draw: Draw, name: str) -> Call:
    x = draw(array(some(name, REAL)))
    n = x.values.size
    fits = [
        (n,),
        (1, n, 1),
        (-1,),
        (n, -1),
        (-1, 2),
        (n + 1,),
        *[(k, n // k) for k in (2, 3) if n % k == 0],
    ]
    return Call((x, draw(st.sampled_from(fits))), {"copy": draw(st.sampled_from([None, True]))})


def repeat(draw: Draw, name: str) -> Call:
    x = draw(array(some(name, REAL), draw(shapes(1))))
    axis = draw(st.none() | inside(x.values.ndim))
    length = x.values.size if axis is None else x.values.shape[axis]
    counts = array(["int64"], (length,), small=True).map(lambda d: Data(np.abs(d.values)))
    return Call((x, draw(st.integers(0, 3) | counts)), {"axis": axis})


def roll(draw: Draw, name: str) -> Call:
    x = draw(array(some(name, REAL)))
    axis = draw(axes_of(x.values.ndim))
    shift = draw(st.integers(-7, 7))
    if isinstance(axis, tuple):
        return Call((x, tuple(draw(st.integers(-4, 4)) for _ in axis)), {"axis": axis})
    return Call((x, shift), {"axis": axis})


def tile(draw: Draw, name: str) -> Call:
    x = draw(array(some(name, REAL)))
    return Call((x, tuple(draw(st.lists(st.integers(0, 3), max_size=4)))))


def take(draw: Draw, name: str) -> Call:
    shape = tuple(n + 1 for n in draw(shapes(1)))
    x = draw(array(some(name, REAL), shape))
    axis = draw(inside(len(shape)))
    places = draw(st.lists(inside(shape[axis]), max_size=4))
    if len(shape) == 1 and draw(st.booleans()):
        return Call((x, Data(np.array(places, "int32"))))
    return Call((x, Data(np.array(places, "int64"))), {"axis": axis})


def take_along(draw: Draw, name: str) -> Call:
    shape = tuple(n + 1 for n in draw(shapes(1)))
    x = draw(array(some(name, REAL), shape))
    axis = draw(inside(len(shape)))
    size = list(shape)
    size[axis] = draw(st.integers(0, 3))
    places = draw(
        st.lists(inside(shape[axis]), min_size=int(np.prod(size)), max_size=int(np.prod(size)))
    )
    return Call((x, Data(np.array(places, "int64").reshape(size))), {"axis": axis})


def diff(draw: Draw, name: str) -> Call:
    x = draw(
        array(some(name, ("float32", "int32", "float64", "int8")), draw(shapes(1)), small=True)
    )
    axis = draw(inside(x.values.ndim))
    options: dict[str, object] = {"axis": axis, "n": draw(st.integers(0, 3))}
    for end in ("prepend", "append"):
        if draw(st.booleans()):
            shape = list(x.values.shape)
            shape[axis] = draw(st.sampled_from([0, 1, 2]))
            options[end] = draw(array([str(x.values.dtype)], tuple(shape), small=True))
    return Call((x,), options)


def searchsorted(draw: Draw, name: str) -> Call:
    dtype = draw(st.sampled_from(some(name, NUMERIC)))
    table = draw(array([dtype], (draw(st.integers(0, 5)),), small=True))
    ordered = Data(np.sort(table.values), table.layout)
    side = draw(st.sampled_from(["left", "right"]))
    return Call((ordered, draw(array([dtype], small=True))), {"side": side})


def matmul(draw: Draw, name: str) -> Call:
    (m, k, n), stack = draw(st.tuples(*[st.sampled_from([0, 1, 2, 3])] * 3)), draw(shapes(0, 1))
    first = draw(st.sampled_from([(k,), (m, k), (*stack, m, k), ()]))
    second = draw(st.sampled_from([(k,), (k, n), (*stack, k, n), (1, k, n), (k + 1, n)]))
    dtype = draw(st.sampled_from(some(name, NUMERIC)))
    return Call(tuple(draw(array([dtype], s, small=True)) for s in (first, second)))


def vecdot(draw: Draw, name: str) -> Call:
    a = draw(array(some(name, NUMERIC), draw(shapes(1)), small=True))
    shape, ndim = a.values.shape, a.values.ndim
    other = draw(st.sampled_from([shape, shape, (shape[-1],), (shape[-1] + 1,)]))
    b = draw(array([str(a.values.dtype)], other, small=True))
    return Call((a, b), {"axis": draw(st.sampled_from([-1, -1, -min(ndim, len(other))]))})


def tensordot(draw: Draw, name: str) -> Call:
    a = draw(array(some(name, NUMERIC), draw(shapes(2)), small=True))
    shape = a.values.shape
    axes, other = draw(
        st.sampled_from(
            [(2, (*shape[-2:], 2)), (1, (shape[-1], 3)), (0, (2,)), (((0,), (1,)), (2, shape[0]))]
        )
    )
    return Call((a, draw(array([str(a.values.dtype)], other, small=True))), {"axes": axes})


def meshgrid(draw: Draw, name: str) -> Call:
    dtype = some(name, NUMERIC)[:1]
    lengths = draw(st.lists(st.integers(0, 3), max_size=3))
    indexing = draw(st.sampled_from(["xy", "ij"]))
    return Call(tuple(draw(array(dtype, (n,))) for n in lengths), {"indexing": indexing})


def tri(draw: Draw, name: str) -> Call:
    return Call((draw(array(some(name, REAL), draw(shapes(1)))),), {"k": draw(st.integers(-3, 3))})


def asarray(draw: Draw, name: str) -> Call:
    nested = st.sampled_from(
        [1, 2.5, True, [], [1, 2], [[1.0, 2], [3, 4]], [[True], [False]], (1, 2)]
    )
    copy = draw(st.sampled_from([None, True]))
    return Call((draw(nested | array(some(name, REAL))),), {"copy": copy})


def arange(draw: Draw, name: str) -> Call:
    whole = [st.integers(-5, 9), st.none() | st.integers(-5, 9), st.sampled_from([1, 2, -1, 3])]
    parts = [
        st.sampled_from([0.5, 2.0, -1.5]),
        st.none() | st.sampled_from([3.5, -2.0]),
        st.sampled_from([0.5, 1.0, -0.25]),
    ]
    start, stop, step = (draw(s) for s in draw(st.sampled_from([whole, parts])))
    dtype = draw(st.sampled_from([None, "float32", "float64"]))
    return Call((start, stop, step), {"dtype": Kind(dtype)} if dtype else {})


def linspace(draw: Draw, name: str) -> Call:
    ends = st.sampled_from([0, 1, -2.5, 3.0, 10])
    options = {"num": draw(st.integers(0, 6)), "endpoint": draw(st.booleans())}
    dtype = draw(st.sampled_from([None, "float32", "float64"]))
    return Call((draw(ends), draw(ends)), options | ({"dtype": Kind(dtype)} if dtype else {}))
