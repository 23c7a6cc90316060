"""Complex numbers as what they are in memory, so that moving them needs no arithmetic.

A complex64 is one 64-bit word or two float32; a complex128 two words or two float64. Views of
either kind share the array's memory.
"""

from __future__ import annotations

import numpy as np

from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dtypes import ALL, BOOL, DType
from nnkit.backends.opencl.layout import row_major
from nnkit.backends.opencl.map import launch

_PART = {"complex64": ALL["float32"], "complex128": ALL["float64"]}
_WORD = ALL["uint64"]


def words(x: Array) -> Array:
    """x as numbers that kernels move: itself, or uint64, with an axis of 2 for complex128."""
    if x.dtype.kind != "c":
        return x
    if x.dtype.itemsize == _WORD.itemsize:
        return Array(x.device, x.block, x.shape, x.strides, x.offset, _WORD)
    strides = (*(2 * s for s in x.strides), 1)
    return Array(x.device, x.block, (*x.shape, 2), strides, 2 * x.offset, _WORD)


def from_words(y: Array, dtype: DType) -> Array:
    """The inverse for a new contiguous array: its words read as `dtype` again."""
    if y.dtype == dtype:
        return y
    shape = y.shape if dtype.itemsize == _WORD.itemsize else y.shape[:-1]
    return Array(y.device, y.block, shape, row_major(shape), 0, dtype)


def part(x: Array, index: int) -> Array:
    """The real (0) or imaginary (1) parts of a complex array, as a view."""
    strides = tuple(2 * s for s in x.strides)
    return Array(x.device, x.block, x.shape, strides, 2 * x.offset + index, _PART[x.dtype.name])


def copy_complex(target: Array, x: Array) -> None:
    """target[...] = x, where one of them is complex or both are; x is broadcast and converted.

    Raises:
        TypeError: for complex numbers that would become real.
    """
    if target.dtype == x.dtype:
        launch("positive", [words(x)], words(target), _WORD)
    elif target.dtype == BOOL:
        sides = [Array.empty(x.device, x.shape, BOOL) for _ in range(2)]
        for index, side in enumerate(sides):
            launch("truth", [part(x, index)], side, part(x, index).dtype)
        launch("logical_or", sides, target, BOOL)
    elif target.dtype.kind != "c":
        raise TypeError(f"{x.dtype} does not become {target.dtype}. Fix: take real(x) or imag(x).")
    else:
        real = part(target, 0)
        zero = Array.from_numpy(x.device, np.zeros((), real.dtype))
        sides = [part(x, 0), part(x, 1)] if x.dtype.kind == "c" else [x, zero]
        launch("positive", [sides[0]], real, real.dtype)
        launch("positive", [sides[1]], part(target, 1), real.dtype)


def real(x: Array, /) -> Array:
    """The real parts, as a view; real numbers are their own."""
    if x.dtype == BOOL:
        raise TypeError("real: numbers are wanted, got bool")
    return part(x, 0) if x.dtype.kind == "c" else x


def imag(x: Array, /) -> Array:
    """The imaginary parts of complex numbers, as a view."""
    if x.dtype.kind != "c":
        raise TypeError(f"imag: complex numbers are wanted, got {x.dtype}")
    return part(x, 1)
