"""NumPy's functions in the form that a replay calls: they write into `out` where it is given.

Each gives the same bits as the function that it stands for.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Host = np.ndarray[Any, Any]


def where(condition: Host, x: Any, y: Any, out: Host | None = None) -> Any:
    """`numpy.where`, which cannot be told where to write."""
    if out is None:
        return np.where(condition, x, y)
    if is_masked(condition, x, y, out):
        return np.multiply(bits(x), condition, out=bits(out))
    out[...] = np.where(condition, x, y)
    return out


def is_masked(condition: Any, x: Any, y: Any, out: Host) -> bool:
    """Whether it is x where the condition holds and +0 elsewhere.

    Then x's bits as an integer are multiplied by 1 or 0, which needs no branch: four times faster.
    """
    arrays = isinstance(condition, np.ndarray) and isinstance(x, np.ndarray)
    zero = isinstance(y, float) and y == 0 and math.copysign(1.0, y) > 0
    return arrays and zero and condition.dtype == np.bool_ and x.dtype == out.dtype in BITS


def bits(x: Host) -> Host:
    """The same memory, read as integers."""
    return x.view(BITS[x.dtype])


BITS = {np.dtype(np.float32): np.int32, np.dtype(np.float64): np.int64}


def cast(x: Host, dtype: Any, out: Host | None = None) -> Any:
    """`x.astype(dtype)`."""
    if out is None:
        return x.astype(dtype)
    np.copyto(out, x, casting="unsafe")
    return out


def dot(a: Host, b: Host, out: Host | None = None) -> Any:
    """`a @ b` of matrices by the function of NumPy with the shortest way to BLAS."""
    return a.dot(b) if out is None else a.dot(b, out)


SMALL_PRODUCT = 1 << 20
"""Multiplications of a product from which on the way to BLAS does not count."""


def is_dot(a: Any, b: Any) -> bool:
    """Whether `dot` gives the product of two arrays to the bit, and is worth it."""
    if not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and 1 <= a.ndim <= b.ndim == 2):
        return False
    if a.dtype != b.dtype or a.shape[-1] != b.shape[0] or a.size * b.shape[1] > SMALL_PRODUCT:
        return False
    y = np.matmul(a, b)
    return bool(y.flags.c_contiguous) and y.tobytes() == a.dot(b).tobytes()
