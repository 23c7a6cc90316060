"""Arrays of a pattern, which a kernel writes (`kernels/create.cl`): ramps, bands, grids."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from nnkit.backends.device.launcher import grid
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.create import check_dtype
from nnkit.backends.opencl.dtypes import ALL, BOOL, FLOAT32, INT64, DType, c_name, on_device
from nnkit.backends.opencl.elementwise import cast, constant, where
from nnkit.backends.opencl.launch import launcher_of
from nnkit.backends.opencl.manipulate import broadcast_to
from nnkit.backends.opencl.queue import Queue
from nnkit.errors import KernelUnavailable


def arange(
    start: Any,
    /,
    stop: Any = None,
    step: Any = 1,
    *,
    device: Queue,
    dtype: DType | None = None,
) -> Array:
    """start, start + step, … up to `stop`, which is excluded.

    Raises:
        ValueError: for a step of 0.
    """
    first, last = (0, start) if stop is None else (start, stop)
    if step == 0:
        raise ValueError("arange: step must not be 0")
    if dtype is None:
        whole = all(isinstance(v, int | np.integer) for v in (first, last, step))
        dtype = INT64 if whole else FLOAT32
    y = Array.empty(device, (max(0, math.ceil((last - first) / step)),), check_dtype(device, dtype))
    _ramp(y, first, step, 0, closed=False)
    return y


def linspace(
    start: Any,
    stop: Any,
    /,
    num: int,
    *,
    device: Queue,
    dtype: DType | None = None,
    endpoint: bool = True,
) -> Array:
    """`num` evenly spaced numbers from `start` to `stop`, which is the last one or is left out."""
    if num < 0:
        raise ValueError(f"linspace: num must not be negative, got {num}")
    if isinstance(start, complex) or isinstance(stop, complex) or _is(dtype, "c"):
        raise KernelUnavailable("linspace has no kernel for complex numbers")
    y = Array.empty(device, (num,), check_dtype(device, FLOAT32 if dtype is None else dtype))
    if y.dtype.kind != "f":
        raise KernelUnavailable(f"linspace has no kernel for {y.dtype}")
    gaps = num - 1 if endpoint else num
    increment = (float(stop) - float(start)) / gaps if gaps else 0.0
    _ramp(y, start, increment, stop, closed=endpoint and num > 1)
    return y


def _is(dtype: DType | None, kind: str) -> bool:
    return dtype is not None and np.dtype(dtype).kind == kind


def _ramp(y: Array, start: Any, increment: Any, last: Any, *, closed: bool) -> None:
    if not on_device(y.dtype):
        raise KernelUnavailable(f"no kernel makes ramps of {y.dtype}")
    if not y.size:
        return
    if y.dtype.kind == "f" or not all(isinstance(v, int | np.integer) for v in (start, increment)):
        compute, numbers = _floating(y.device), [float(start), float(increment), float(last)]
    else:
        compute, numbers = INT64, [_wrapped(v) for v in (start, increment, last)]
    launcher = launcher_of(y.device)
    launcher.launch(
        "create", "ramp", *grid(launcher, y.size), y, y.size, *numbers, int(closed),
        T=c_name(y.dtype), CT=c_name(compute),
    )  # fmt: skip


def _floating(device: Queue) -> DType:
    return ALL["float64"] if device.float64 else FLOAT32


def _wrapped(value: int) -> int:
    """The signed number of the same 64 bits."""
    return (int(value) + (1 << 63)) % (1 << 64) - (1 << 63)


def eye(
    n_rows: int,
    n_cols: int | None = None,
    /,
    *,
    device: Queue,
    k: int = 0,
    dtype: DType | None = None,
) -> Array:
    """Ones on the k-th diagonal, zeros elsewhere."""
    columns = n_rows if n_cols is None else n_cols
    wanted = check_dtype(device, FLOAT32 if dtype is None else dtype)
    if not on_device(wanted):
        raise KernelUnavailable(f"eye has no kernel for {wanted}")
    return _band(device, n_rows, columns, k, k, wanted)


def _band(device: Queue, rows: int, cols: int, low: int, high: int, dtype: DType) -> Array:
    y = Array.empty(device, (rows, cols), dtype)
    low, high = (max(-_FAR, min(edge, _FAR)) for edge in (low, high))
    if y.size:
        launcher = launcher_of(device)
        launcher.launch(
            "create", "band", *grid(launcher, y.size), y, y.size, cols, low, high,
            T=c_name(dtype), CT="i64",
        )  # fmt: skip
    return y


def tril(x: Array, /, *, k: int = 0) -> Array:
    """x where it stands on or below the k-th diagonal, zeros above."""
    return _part("tril", x, -_FAR, k)


def triu(x: Array, /, *, k: int = 0) -> Array:
    """x where it stands on or above the k-th diagonal, zeros below."""
    return _part("triu", x, k, _FAR)


_FAR = 1 << 62
"""A diagonal beyond every matrix."""


def _part(name: str, x: Array, low: int, high: int) -> Array:
    if x.ndim < 2:
        raise ValueError(f"{name}: x must have at least two axes, got {x.ndim}")
    if not on_device(x.dtype):
        raise KernelUnavailable(f"{name} has no kernel for {x.dtype}")
    rows, cols = x.shape[-2:]
    mask = _band(x.device, rows, cols, low, high, BOOL)
    return where(mask, x, constant(x.device, x.dtype.type(0).item(), x.dtype))


def meshgrid(*arrays: Array, indexing: Literal["xy", "ij"] = "xy") -> list[Array]:
    """The coordinates of a grid: array i repeated along the axes of all others.

    With 'xy' the first two axes are exchanged, as in pictures.

    Raises:
        ValueError: for another `indexing`, several dtypes, or arrays of more than one axis.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij', got {indexing!r}")
    if any(x.ndim > 1 for x in arrays):
        raise ValueError("meshgrid: each array must have one axis")
    if len({x.dtype for x in arrays}) > 1:
        raise ValueError("meshgrid: all arrays must have one dtype. Fix: convert with astype.")
    places = list(range(len(arrays)))
    if indexing == "xy" and len(arrays) > 1:
        places[:2] = [1, 0]
    shape = [1] * len(arrays)
    for place, x in zip(places, arrays, strict=True):
        shape[place] = x.size
    return [
        cast(broadcast_to(_along(x, place, len(arrays)), tuple(shape)), x.dtype)
        for place, x in zip(places, arrays, strict=True)
    ]


def _along(x: Array, axis: int, ndim: int) -> Array:
    """x as an array of `ndim` axes that are all of length 1 but for one."""
    shape, strides = [1] * ndim, [0] * ndim
    shape[axis], strides[axis] = x.size, x.strides[0] if x.ndim else 0
    return x.view(tuple(shape), tuple(strides))
