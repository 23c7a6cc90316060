"""Reductions: the axes are ordered and joined here, folded in `kernels/reduce.cl`."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnkit.backends.device.launcher import grid
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dtypes import BOOL, INT64, DType, c_name
from nnkit.backends.opencl.launch import launcher_of
from nnkit.backends.opencl.layout import Strides, collapse, size_of
from nnkit.backends.opencl.map import MAX_AXES
from nnkit.errors import KernelUnavailable
from nnkit.ops.common import keep_axes, normalize_axes
from nnkit.typing import Axis, Shape

ROW_PART = 4096
COLUMN_PART = 1024
"""Elements that one work-item folds: no chain of additions is longer."""
COLUMN_BLOCK = 256

FIRST = {"sum": "0", "prod": "1", "any": "0", "all": "1"}


def fold(
    name: str,
    x: Array,
    axis: Axis,
    keepdims: bool,
    *,
    work: DType,
    gives: DType,
    mean: bool = False,
) -> Array:
    """Fold `axis` of x with 'sum', 'prod', 'max', 'min', 'any' or 'all'.

    Args:
        name: the fold.
        x: an array of any strides.
        axis: one axis, several, or None for all.
        keepdims: whether the folded axes stay, with length 1.
        work: the dtype of the accumulator.
        gives: the dtype of the result.
        mean: divide the sum by the number of elements.
    """
    axes = normalize_axes(name, axis, x.ndim)
    kept = keep_axes(x.shape, axes)
    shape = kept if keepdims else tuple(n for i, n in enumerate(x.shape) if i not in axes)
    count = size_of(tuple(x.shape[a] for a in axes))
    if count == 0 and name in ("max", "min"):
        raise ValueError(f"{name}: the axes {axes} of the shape {x.shape} have no elements")
    y = Array.empty(x.device, shape, gives)
    if y.size:
        _fold(name, x, axes, y, work, count if mean else 1)
    return y


def _fold(name: str, x: Array, axes: Sequence[int], y: Array, work: DType, divisor: int) -> None:
    groups = _group(x, axes)
    kept, reduced = size_of(groups.kept_shape), size_of(groups.red_shape)
    columns = _side_by_side(x, groups, work) and kept >= 16
    parts = max(1, -(-reduced // (COLUMN_PART if columns else ROW_PART)))
    target = y if parts == 1 else Array.empty(x.device, (kept, parts), work)
    defines: dict[str, str | int] = {
        "FOLD": f"fold_{name}",
        "FOLD_V": f"lanes_{name}",
        "TX": c_name(x.dtype),
        "ACC": c_name(work),
        "TO": c_name(target.dtype),
        "FIRST": _first(name, work),
        "NKEPT": len(groups.kept_shape),
        "NRED": len(groups.red_shape),
        "S_R": "1" if groups.red[-1:] in ((), (1,)) else "LAST_R",
        "VECTOR": int(columns or _in_rows(x, groups, work)),
    }
    launcher = launcher_of(x.device)
    blocks = -(-kept // COLUMN_BLOCK) if columns else kept
    work_groups, items = grid(launcher, blocks * parts * (16 if launcher.cpu else 1))
    launcher.launch(
        "reduce", "fold_columns" if columns else "fold_rows", work_groups, items,
        x, target, kept, reduced, parts, divisor if parts == 1 else 1, groups.pack(), **defines,
    )  # fmt: skip
    if parts > 1:
        _fold(name, target, (1,), y, work, divisor)


def find(name: str, x: Array, axis: int | None, keepdims: bool) -> Array:
    """The position (int64) of the first largest ('argmax') or smallest ('argmin') element."""
    axes = normalize_axes(name, axis, x.ndim)
    kept = keep_axes(x.shape, axes)
    shape = kept if keepdims else tuple(n for i, n in enumerate(x.shape) if i not in axes)
    if any(x.shape[a] == 0 for a in axes):
        raise ValueError(f"{name}: the axes {axes} of the shape {x.shape} have no elements")
    y = Array.empty(x.device, shape, INT64)
    if y.size == 0:
        return y
    groups = _group(x, axes)
    count, reduced = size_of(groups.kept_shape), size_of(groups.red_shape)
    ctype = c_name(x.dtype)
    defines: dict[str, str | int] = {
        "FOUND": f"found_{name}", "TX": ctype, "ACC": ctype, "TO": "i64", "FIRST": "0",
        "NKEPT": len(groups.kept_shape), "NRED": len(groups.red_shape), "S_R": "LAST_R",
    }  # fmt: skip
    launcher = launcher_of(x.device)
    work_groups, items = grid(launcher, count)
    launcher.launch(
        "reduce", "find", work_groups, items, x, y, count, reduced, groups.pack(), **defines
    )
    return y


class _Groups:
    """The axes of x in two groups, each joined as far as its strides allow."""

    def __init__(self, kept: tuple[Shape, Strides], reduced: tuple[Shape, Strides]) -> None:
        self.kept_shape, self.kept = kept
        self.red_shape, self.red = reduced

    def pack(self) -> bytes:
        """The struct Folding of kernels/reduce.cl."""
        rows = (self.kept_shape, self.kept, self.red_shape, self.red)
        values = [v for row in rows for v in (*row, *(0,) * (MAX_AXES - len(row)))]
        return struct.pack(f"<{4 * MAX_AXES}q", *values)


def _group(x: Array, axes: Sequence[int]) -> _Groups:
    def joined(chosen: Sequence[int]) -> tuple[Shape, Strides]:
        shape, (strides,) = collapse(
            tuple(x.shape[a] for a in chosen), [tuple(x.strides[a] for a in chosen)]
        )
        if len(shape) > MAX_AXES:
            raise KernelUnavailable(f"reductions of views with more than {MAX_AXES} axes")
        return (shape, strides) if shape else ((1,), (1,))

    return _Groups(joined([a for a in range(x.ndim) if a not in axes]), joined(axes))


def _in_rows(x: Array, groups: _Groups, work: DType) -> bool:
    """Whether runs of reduced elements are whole vectors in memory."""
    return x.device.cpu and x.dtype == work and work.kind == "f" and groups.red[-1] == 1


def _side_by_side(x: Array, groups: _Groups, work: DType) -> bool:
    """Whether neighbouring results read neighbouring elements, on a device with vectors."""
    same = x.device.cpu and x.dtype == work and work.kind == "f"
    return same and groups.kept[-1] == 1 and groups.red[-1] != 1


def _first(name: str, work: DType) -> str:
    if name in FIRST:
        return FIRST[name]
    if work.kind == "f":
        return "-INFINITY" if name == "max" else "INFINITY"
    info: Any = np.iinfo(work) if work != BOOL else np.iinfo(np.uint8)
    value = info.min if name == "max" else info.max
    # The most negative number has no literal of its own in C.
    return f"({value + 1} - 1)" if value < 0 else f"{value}{'u' if work.kind == 'u' else ''}"
