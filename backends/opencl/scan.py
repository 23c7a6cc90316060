"""Running sums and products along an axis (`kernels/scan.cl`), and differences."""

from __future__ import annotations

import struct

from nnkit.backends.device.launcher import grid
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dtypes import BOOL, DType, c_name, on_device
from nnkit.backends.opencl.elementwise import binary
from nnkit.backends.opencl.launch import launcher_of
from nnkit.backends.opencl.layout import collapse, size_of
from nnkit.backends.opencl.manipulate import concat
from nnkit.backends.opencl.map import MAX_AXES
from nnkit.backends.opencl.statistics import Reduction, check, converted, widened
from nnkit.errors import KernelUnavailable
from nnkit.ops.common import normalize_axes

PART = 1024
"""Elements of a part; lines are cut only where there are fewer than MANY of them."""
MANY = 256


def cumulative(name: str) -> Reduction:
    """`cumulative_sum` or `cumulative_prod`."""
    fold = name.removeprefix("cumulative_")

    def call(
        x: Array,
        /,
        *,
        axis: int | None = None,
        dtype: DType | None = None,
        include_initial: bool = False,
    ) -> Array:
        check(name, x, "iuf")
        if axis is None and x.ndim != 1:
            raise ValueError(f"{name}: axis must be given for an array of {x.ndim} axes")
        (at,) = normalize_axes(name, 0 if axis is None else axis, x.ndim)
        wide = widened(x.dtype, dtype)
        return _scan(fold, converted(x, wide), at, wide, int(include_initial))

    return call


def _scan(fold: str, x: Array, axis: int, dtype: DType, initial: int) -> Array:
    if not on_device(x.dtype):
        raise KernelUnavailable(f"no kernel scans {x.dtype}")
    length = x.shape[axis]
    y = Array.empty(x.device, (*x.shape[:axis], length + initial, *x.shape[axis + 1 :]), dtype)
    if not y.size:
        return y
    others = [a for a in range(x.ndim) if a != axis]
    shape, (steps,) = collapse(
        tuple(x.shape[a] for a in others), [tuple(x.strides[a] for a in others)]
    )
    if len(shape) > MAX_AXES:
        raise KernelUnavailable(f"scans of views with more than {MAX_AXES} axes")
    shape, steps = shape or (1,), steps or (0,)
    padding = (0,) * (MAX_AXES - len(shape))
    at = struct.pack(f"<{2 * MAX_AXES}q", *shape, *padding, *steps, *padding)
    defines = _defines(fold, x, dtype, len(shape), initial)
    _launch(x, y, axis, size_of(shape), at, defines)
    return y


def _launch(
    x: Array, y: Array, axis: int, lines: int, at: bytes, defines: dict[str, str | int]
) -> None:
    launcher = launcher_of(x.device)
    length, step = x.shape[axis], x.strides[axis]
    parts = max(1, -(-length // PART)) if lines < MANY else 1
    starts = y  # a pointer that is not read
    groups, items = grid(launcher, lines * parts * (16 if launcher.cpu else 1))
    if parts > 1:
        starts = Array.empty(x.device, (lines, parts), y.dtype)
        launcher.launch(
            "scan", "scan_totals", groups, items,
            x, starts, lines, length, step, parts, at, **defines,
        )  # fmt: skip
        few, each = grid(launcher, lines)
        launcher.launch("scan", "scan_starts", few, each, starts, lines, parts, **defines)
    inner = size_of(y.shape[axis + 1 :])
    launcher.launch(
        "scan", "scan_parts", groups, items,
        x, starts, y, lines, length, step, parts, inner, at, **defines,
    )  # fmt: skip


def _defines(fold: str, x: Array, dtype: DType, axes: int, initial: int) -> dict[str, str | int]:
    c_type = c_name(dtype)
    return {
        "SCAN": f"scan_{fold}",
        "EXACT": int(fold == "sum" and dtype.kind == "f"),
        "TX": c_name(x.dtype),
        # Signed numbers that overflow are undefined in C; unsigned ones wrap to the same bits.
        "ACC": f"u{c_type[1:]}" if dtype.kind == "i" else c_type,
        "TO": c_type,
        "FIRST": int(fold == "prod"),
        "NLINES": axes,
        "INITIAL": initial,
    }


def diff(
    x: Array,
    /,
    *,
    axis: int = -1,
    n: int = 1,
    prepend: Array | None = None,
    append: Array | None = None,
) -> Array:
    """x[1:] - x[:-1] along an axis, n times; `prepend` and `append` are joined to x first."""
    if n < 0:
        raise ValueError(f"diff: n must not be negative, got {n}")
    (at,) = normalize_axes("diff", axis, x.ndim)
    if n == 0:
        return x
    parts = [part for part in (prepend, x, append) if part is not None]
    y = concat(parts, axis=at) if len(parts) > 1 else x
    before = (slice(None),) * at
    name = "not_equal" if y.dtype == BOOL else "subtract"
    for _ in range(n):
        y = binary(name, y[(*before, slice(1, None))], y[(*before, slice(None, -1))])
    return y
