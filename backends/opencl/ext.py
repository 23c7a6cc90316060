"""`ext` for OpenCL: what networks need and the array API standard lacks."""

from __future__ import annotations

from nnkit.backends.opencl import elementwise, functions
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.matmul import matmul
from nnkit.errors import KernelUnavailable


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
