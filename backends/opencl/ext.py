"""`ext` for OpenCL: what networks need and the array API standard lacks.

What the functions mean is said in `nnkit.backends.numpy.ext`.
"""

from __future__ import annotations

from nnkit.backends.device import extension
from nnkit.backends.numpy import ext as on_host
from nnkit.backends.opencl import create, elementwise, functions
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dtypes import ALL, DType
from nnkit.backends.opencl.host import on_device_or_host
from nnkit.backends.opencl.launch import launcher_of
from nnkit.backends.opencl.matmul import matmul
from nnkit.errors import KernelUnavailable
from nnkit.extension import check_index, scatter_layout, window_view
from nnkit.typing import Shape


def contiguous(x: Array) -> Array:
    """x in row-major memory without gaps; a copy only where it is not so already."""
    return elementwise.contiguous(x)


def matmul_add(a: Array, b: Array, bias: Array | None) -> Array:
    """a @ b, plus `bias` (n,) in each row unless it is None: one launch."""
    try:
        return matmul(a, b, None if bias is None else elementwise.contiguous(bias))
    except KernelUnavailable:
        y: Array = functions.call("matmul", a, b)
        return y if bias is None else functions.call("add", y, bias)


def _erf(x: Array) -> Array:
    if x.dtype.kind != "f":
        raise TypeError(f"erf takes float32 and float64, got {x.dtype}")
    return elementwise.unary("erf", x)


def _random_bits(
    shape: int | Shape, key: int, counter: Array, dtype: DType = ALL["uint32"]
) -> Array:
    bits: Array = extension.random_bits(launcher_of(counter.device), shape, key, counter, dtype)
    return bits


def _scatter_add(target: Array | Shape, index: Array, values: Array, axis: int = 0) -> Array:
    check_index(index.dtype)
    elementwise.same_device("scatter_add", index, values)
    shape = target if isinstance(target, tuple) else target.shape
    layout = scatter_layout(shape, index.shape, values.shape, axis)
    if isinstance(target, Array):
        elementwise.same_device("scatter_add", target, values)
        y = elementwise.cast(target, target.dtype)
    else:
        y = create.zeros(target, device=values.device, dtype=values.dtype)
    if y.dtype.kind in "bc":
        raise KernelUnavailable(f"scatter_add has no kernel for {y.dtype}")
    values = contiguous(values) if values.dtype == y.dtype else elementwise.cast(values, y.dtype)
    extension.scatter_into(launcher_of(y.device), y, contiguous(index), values, layout)
    return y


def sliding_windows(
    x: Array, size: int, stride: int = 1, dilation: int = 1, axis: int = -1
) -> Array:
    """The windows along an axis as a view: shape (…, windows, …, size)."""
    return x.view(*window_view(x.shape, x.strides, size, stride, dilation, axis))


erf = on_device_or_host("ext.erf", _erf, on_host.erf)
random_bits = on_device_or_host("ext.random_bits", _random_bits, on_host.random_bits)
scatter_add = on_device_or_host("ext.scatter_add", _scatter_add, on_host.scatter_add)
