"""What all backends share of `ext`: shapes and arguments are checked in one place.

`ext` is a closed list: contiguous, erf, matmul_add, random_bits, scatter_add, sliding_windows. What
each function means is said by its NumPy version, `nnkit.backends.numpy.ext`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from nnkit.dtypes import dtype_name
from nnkit.ops.common import normalize_axes
from nnkit.typing import DType, Shape


def window_view(
    shape: Shape, strides: Sequence[int], size: int, stride: int, dilation: int, axis: int
) -> tuple[Shape, tuple[int, ...]]:
    """Shape and strides of the windows along an axis: `axis` counts them, a new last axis each.

    Raises:
        ValueError: for a size, stride or dilation below 1, and windows longer than the axis.
    """
    (at,) = normalize_axes("sliding_windows", axis, len(shape))
    if min(size, stride, dilation) < 1:
        raise ValueError(
            "sliding_windows: size, stride and dilation must be at least 1, got "
            f"{size}, {stride} and {dilation}"
        )
    reach = dilation * (size - 1) + 1
    if reach > shape[at]:
        raise ValueError(
            f"sliding_windows: a window reaches over {reach} elements, axis {at} has {shape[at]}"
        )
    count = (shape[at] - reach) // stride + 1
    step = strides[at]
    return (
        (*shape[:at], count, *shape[at + 1 :], size),
        (*strides[:at], stride * step, *strides[at + 1 :], dilation * step),
    )


class Scatter(NamedTuple):
    """A scatter seen as `outer` matrices of `rows` x `cols`, each taking `n` rows of values."""

    outer: int
    rows: int
    cols: int
    n: int


def scatter_layout(target: Shape, index: Shape, values: Shape, axis: int) -> Scatter:
    """How `values` lie over `target`, whose `axis` the index replaces.

    Raises:
        ValueError: where the shape of the values is another.
    """
    (at,) = normalize_axes("scatter_add", axis, len(target))
    expected = (*target[:at], *index, *target[at + 1 :])
    if tuple(values) != expected:
        raise ValueError(
            f"scatter_add: values must have the shape {expected} for the target {tuple(target)} "
            f"and the index {tuple(index)}, got {tuple(values)}"
        )
    return Scatter(
        math.prod(target[:at]), target[at], math.prod(target[at + 1 :]), math.prod(index)
    )


def check_index(dtype: DType) -> None:
    """Refuse an index of other than integers."""
    if "int" not in dtype_name(dtype):
        raise TypeError(f"scatter_add: the index must hold integers, got {dtype_name(dtype)}")


BITS = {"uint16": 16, "uint32": 8, "uint64": 4}
"""Random numbers in one block of Philox, by dtype."""


def random_plan(shape: int | Shape, key: int, dtype: DType) -> tuple[Shape, int, int, str]:
    """The shape, the numbers in it, the blocks that they take, and the name of the dtype.

    Raises:
        ValueError: for a key that is not a number of 128 bits.
        TypeError: for other dtypes than uint16, uint32 and uint64.
    """
    name = dtype_name(dtype)
    if name not in BITS:
        raise TypeError(f"random_bits: dtype must be one of {', '.join(BITS)}, got {name}")
    if not 0 <= key < 1 << 128:
        raise ValueError(f"random_bits: key must be in [0, 2^128), got {key}")
    lengths = (shape,) if isinstance(shape, int) else tuple(shape)
    n = math.prod(lengths)
    return lengths, n, -(-n // BITS[name]), name
