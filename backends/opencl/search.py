"""Searching in sorted numbers."""

from __future__ import annotations

from typing import Literal

from nnkit.backends.device.launcher import grid
from nnkit.backends.opencl import functions
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dtypes import INT64, c_name, promote
from nnkit.backends.opencl.elementwise import cast, contiguous, same_device
from nnkit.backends.opencl.launch import launcher_of
from nnkit.backends.opencl.statistics import check


def searchsorted(
    x1: Array,
    x2: Array,
    /,
    *,
    side: Literal["left", "right"] = "left",
    sorter: Array | None = None,
) -> Array:
    """Where each of x2 would stand in x1, which is sorted, or which `sorter` sorts.

    Raises:
        ValueError: for an x1 of more than one axis, or another side.
    """
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted: side must be 'left' or 'right', got {side!r}")
    if x1.ndim != 1:
        raise ValueError(f"searchsorted: x1 must have one axis, got {x1.ndim}")
    same_device("searchsorted", x1, x2)
    check("searchsorted", x1, "iuf")
    check("searchsorted", x2, "iuf")
    dtype = promote(x1.dtype, x2.dtype)
    if sorter is not None:
        x1 = functions.call("take", x1, sorter)
    x1 = x1 if x1.dtype == dtype else cast(x1, dtype)
    x2 = contiguous(x2) if x2.dtype == dtype else cast(x2, dtype)
    y = Array.empty(x2.device, x2.shape, INT64)
    if y.size:
        launcher = launcher_of(y.device)
        launcher.launch(
            "search", "search_sorted", *grid(launcher, y.size),
            x1, x1.strides[0], x1.size, x2, y, y.size, T=c_name(dtype), RIGHT=int(side == "right"),
        )  # fmt: skip
    return y
