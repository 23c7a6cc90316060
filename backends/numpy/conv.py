"""Convolution written for NumPy: some images at a time, so that their windows stay in the cache.

In the symbols of `nnkit.ops.conv`: a part of B images has columns (C, *kernel, B, *positions). They
are made where they are needed, in the same memory for each part, and never kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from nnkit.backends.numpy import threads
from nnkit.backends.numpy.record import noted
from nnkit.ops.conv import conv_windows
from nnkit.ops.windows import Lengths, Padding, Windows

if TYPE_CHECKING:
    from nnkit.typing import Array, Namespace, Needs

Host = np.ndarray[Any, Any]
FLOATS = ("float32", "float64")
PART = 1 << 22
"""Bytes of the columns of some images, unless those of one image are more."""


def conv(
    xp: Namespace,
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    needs: Needs,
    stride: Lengths = 1,
    padding: Padding = 0,
    dilation: Lengths = 1,
    groups: int = 1,
) -> Any:
    """`nnkit.ops.conv` of one group, where all columns together would be large."""
    w = conv_windows(x, weight, bias, stride, padding, dilation, groups)
    columns = x.shape[0] * _bytes_of_one(x, w)
    if groups != 1 or columns <= PART or str(x.dtype) not in FLOATS or not weight.size:
        return NotImplemented
    y = product(x, weight, bias, tuple(w))

    def vjp(g: Array) -> tuple[Array | None, ...]:
        return (
            by_x(g, weight, tuple(w)) if needs[0] else None,
            by_weight(x, g, tuple(w)) if needs[1] else None,
            xp.sum(g, axis=(0, *range(2, g.ndim))) if bias is not None and needs[2] else None,
        )

    return y, vjp if any(needs) else None


@noted
def product(
    x: Host, weight: Host, bias: Host | None, windows: tuple[Any, ...], out: Host | None = None
) -> Host:
    """Y of each part, the product of the weight (O, C K) with its columns (C K, B P)."""
    w, outputs = Windows(*windows), weight.shape[0]
    y = np.empty((x.shape[0], outputs, *w.positions), x.dtype) if out is None else out
    taps = weight.reshape(outputs, -1)
    for part, columns in _parts(x, w):
        _unfold(x[part], columns, w)
        rows = taps @ columns.reshape(taps.shape[1], -1)
        if bias is not None:
            rows += bias[:, np.newaxis]
        y[part] = np.moveaxis(rows.reshape(outputs, -1, *w.positions), 0, 1)
    return y


@noted
def by_x(g: Host, weight: Host, windows: tuple[Any, ...], out: Host | None = None) -> Host:
    """The gradient by x: the columns of each part are added up where they came from."""
    w, inputs = Windows(*windows), weight.shape[1]
    to_x = np.empty((g.shape[0], inputs, *w.size), g.dtype) if out is None else out
    taps = weight.reshape(weight.shape[0], -1)
    for part, columns in _parts(to_x, w):
        np.matmul(taps.T, _rows(g[part]), out=columns.reshape(taps.shape[1], -1))
        _fold(columns, to_x[part], w)
    return to_x


@noted
def by_weight(x: Host, g: Host, windows: tuple[Any, ...], out: Host | None = None) -> Host:
    """The gradient by the weight, a sum over the parts."""
    w, outputs = Windows(*windows), g.shape[1]
    shape = (outputs, x.shape[1], *w.kernel)
    to_weight = np.empty(shape, x.dtype) if out is None else out
    to_weight.fill(0)
    flat = to_weight.reshape(outputs, -1)
    for part, columns in _parts(x, w):
        _unfold(x[part], columns, w)
        flat += _rows(g[part]) @ columns.reshape(flat.shape[1], -1).T
    return to_weight


def _bytes_of_one(x: Host, w: Windows) -> int:
    """The bytes of one image's columns."""
    elements = x.shape[1] * math.prod(w.kernel) * math.prod(w.positions)
    return int(elements * np.dtype(x.dtype).itemsize)


def _parts(x: Host, w: Windows) -> Iterator[tuple[slice, Host]]:
    """Some images, and memory for their columns, 0 at first: what is padding stays so."""
    most = max(1, PART // _bytes_of_one(x, w))
    memory = np.zeros((most, *x.shape[1:2], *w.kernel, *w.positions), x.dtype).reshape(-1)
    for start in range(0, x.shape[0], most):
        count = min(most, x.shape[0] - start)
        shape = (x.shape[1], *w.kernel, count, *w.positions)
        if count < most:
            memory.fill(0)  # of fewer images, the padding lies elsewhere
        yield slice(start, start + count), memory[: math.prod(shape)].reshape(shape)


def _rows(g: Host) -> Host:
    """(B, O, *positions) as (O, B P)."""
    return np.ascontiguousarray(np.moveaxis(g, 1, 0)).reshape(g.shape[1], -1)


def _unfold(x: Host, columns: Host, w: Windows) -> None:
    """Fill the columns of x, each place of the kernel by itself."""
    every, source = slice(None), np.moveaxis(x, 1, 0)

    def fill(place: tuple[int, ...]) -> None:
        windows, elements = w.shift(place)
        columns[(every, *place, every, *windows)] = source[(every, every, *elements)]

    threads.run(fill, w.places)


def _fold(columns: Host, x: Host, w: Windows) -> None:
    """The adjoint of `_unfold`, into x, some channels at a time."""
    every, target = slice(None), np.moveaxis(x, 1, 0)
    count = -(-x.shape[1] // (2 * threads.thread_count()))

    def add(start: int) -> None:
        channels = slice(start, start + count)
        target[channels] = 0
        for place in w.places:
            windows, elements = w.shift(place)
            found = columns[(channels, *place, every, *windows)]
            target[(channels, every, *elements)] += found

    threads.run(add, range(0, x.shape[1], count))
