"""`ext` for NumPy: what networks need and the array API standard lacks.

The other backends' functions of the same names mean the same; what differs is said there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nnkit.backends.numpy.erf import erf
from nnkit.extension import check_index, random_plan, scatter_layout, window_view
from nnkit.typing import Array, DType, Shape

__all__ = ["contiguous", "erf", "matmul_add", "random_bits", "scatter_add", "sliding_windows"]


def contiguous(x: Array) -> Array:
    """x in row-major memory without gaps; a copy only where it is not so already."""
    result: np.ndarray[Any, Any] = np.ascontiguousarray(x)
    return result.reshape(np.shape(x))  # NumPy makes 0-d arrays 1-d


def matmul_add(a: Array, b: Array, bias: Array | None) -> Array:
    """a @ b, plus `bias` (n,) in each row unless it is None."""
    y: np.ndarray[Any, Any] = np.matmul(a, b)
    if bias is not None:
        y += bias
    return y


def random_bits(shape: int | Shape, key: int, counter: Array, dtype: DType = np.uint32) -> Array:
    """Random integers: a part of the stream of Philox4x64-10.

    It is the stream of `numpy.random.Philox(key=key)` after the first `counter` blocks of four
    64-bit words; smaller integers are cut from the words, low ends first. So the floats
    (bits >> 8) * 2⁻²⁴ of 32 bits are those of `Generator.random(dtype=float32)`.

    Args:
        shape: of the result.
        key: a number of 128 bits that chooses the stream.
        counter: blocks used so far, a uint64 array of no axes on the device where the result shall
            be; the result takes ceil(size * bits / 256) blocks.
        dtype: uint16, uint32 or uint64.

    Raises:
        ValueError: for a key outside [0, 2^128).
        TypeError: for another dtype.
    """
    lengths, n, blocks, name = random_plan(shape, key, dtype)
    words = np.random.Philox(key=key, counter=int(counter)).random_raw(4 * blocks)
    return words.astype("<u8", copy=False).view(f"<{np.dtype(name).str[1:]}")[:n].reshape(lengths)


def scatter_add(target: Array | Shape, index: Array, values: Array, axis: int = 0) -> Array:
    """A copy of `target` with values[…, i, …] added at […, index[i], …], for all i in order.

    Indices may repeat; their values are added one after the other, so the bits are the same each
    time. An index from -n counts from the end.

    Args:
        target: an array, or the shape of one of zeros in the dtype of the values.
        index: integers of any shape, which stands in the place of `axis` in `values`.
        values: what is added, in the dtype of the target.
        axis: the axis of the target that the index counts along.

    Raises:
        IndexError: for an index outside the axis; on devices, which cannot tell, such values are
            left out.
        ValueError: where the shapes do not fit.
    """
    check_index(index.dtype)
    zeros = isinstance(target, tuple)
    y = np.zeros(target, values.dtype) if zeros else np.array(target, order="C")
    layout = scatter_layout(y.shape, index.shape, values.shape, axis)
    rows = y.reshape(layout.outer, layout.rows, layout.cols)
    added = values.astype(y.dtype, copy=False).reshape(layout.outer, layout.n, layout.cols)
    places: Any = (slice(None), index.reshape(-1))
    np.add.at(rows, places, added)
    return y


def sliding_windows(
    x: Array, size: int, stride: int = 1, dilation: int = 1, axis: int = -1
) -> Array:
    """The windows of `size` elements along an axis, as a view: shape (…, windows, …, size).

    Element […, w, …, k] is x[…, w * stride + k * dilation, …]; `axis` counts the windows that lie
    inside x, and the elements of each stand on a new last axis. Not to be written to.

    Raises:
        ValueError: for numbers below 1, or windows longer than the axis.
    """
    shape, strides = window_view(x.shape, x.strides, size, stride, dilation, axis)
    return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)
