"""`ext` for OpenCL: what networks need and the array API standard lacks."""

from __future__ import annotations

from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.elementwise import contiguous as _contiguous


def contiguous(x: Array) -> Array:
    """x in row-major memory without gaps; a copy only where it is not so already."""
    return _contiguous(x)
