"""`ext` for CuPy: what networks need and the array API standard lacks."""

from __future__ import annotations

from collections.abc import Callable

import cupy

from nnkit.typing import Array


class Extension:
    """The functions of `ext` on one device; `enter` makes that device the thread's current one."""

    def __init__(self, enter: Callable[[], None]) -> None:
        self._enter = enter

    def contiguous(self, x: Array) -> Array:
        """x in row-major memory without gaps; a copy only where it is not so already."""
        self._enter()  # backward of an op begins here, perhaps in another thread
        return x if x.flags.c_contiguous else cupy.ascontiguousarray(x)

    def matmul_add(self, a: Array, b: Array, bias: Array | None) -> Array:
        """a @ b, plus `bias` (n,) in each row unless it is None."""
        y = cupy.matmul(a, b)
        if bias is not None:
            y += bias
        return y
