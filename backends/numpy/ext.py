"""`ext` for NumPy: what networks need and the array API standard lacks."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnkit.typing import Array


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
