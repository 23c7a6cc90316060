"""`ext` for CuPy: what networks need and the array API standard lacks.

What the functions mean is said in `nnkit.backends.numpy.ext`.
"""

from __future__ import annotations

from collections.abc import Callable

import cupy
from cupy.lib.stride_tricks import as_strided
from cupyx.scipy import special  # type: ignore[import-untyped]

from nnkit.backends.device import extension
from nnkit.backends.device.launcher import Launcher
from nnkit.extension import check_index, scatter_layout, window_view
from nnkit.typing import Array, DType, Shape


class Extension:
    """The functions of `ext` on one device; `enter` makes that device the thread's current one."""

    def __init__(self, enter: Callable[[], None], launcher: Launcher) -> None:
        self._enter, self._launcher = enter, launcher

    def contiguous(self, x: Array) -> Array:
        """x in row-major memory without gaps; a copy only where it is not so already."""
        self._enter()  # backward of an op begins here, perhaps in another thread
        return x if x.flags.c_contiguous else cupy.ascontiguousarray(x)

    def erf(self, x: Array) -> Array:
        """CUDA's own error function."""
        if x.dtype.kind != "f":
            raise TypeError(f"erf takes float32 and float64, got {x.dtype}")
        return special.erf(x)

    def matmul_add(self, a: Array, b: Array, bias: Array | None) -> Array:
        """a @ b, plus `bias` (n,) in each row unless it is None."""
        y = cupy.matmul(a, b)
        if bias is not None:
            y += bias
        return y

    def random_bits(
        self, shape: int | Shape, key: int, counter: Array, dtype: DType = cupy.uint32
    ) -> Array:
        """Philox4x64-10 by the kernel that OpenCL uses too."""
        self._enter()
        return extension.random_bits(self._launcher, shape, key, counter, dtype)

    def scatter_add(
        self, target: Array | Shape, index: Array, values: Array, axis: int = 0
    ) -> Array:
        """Without atomic additions, so that the bits are the same each time."""
        self._enter()
        check_index(index.dtype)
        shape = target if isinstance(target, tuple) else target.shape
        layout = scatter_layout(shape, index.shape, values.shape, axis)
        if isinstance(target, tuple):
            y = cupy.zeros(target, values.dtype)
        else:
            y = cupy.array(target, order="C")
        values = cupy.ascontiguousarray(values, y.dtype)
        extension.scatter_into(self._launcher, y, cupy.ascontiguousarray(index), values, layout)
        return y

    def sliding_windows(
        self, x: Array, size: int, stride: int = 1, dilation: int = 1, axis: int = -1
    ) -> Array:
        """The windows along an axis as a view: shape (…, windows, …, size)."""
        return as_strided(x, *window_view(x.shape, x.strides, size, stride, dilation, axis))
