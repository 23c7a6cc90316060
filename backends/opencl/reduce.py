"""Reductions and searches: axes are ordered and joined here, for kernels/reduce.cl and find.cl."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nnkit.backends.device.launcher import grid
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dtypes import BOOL, INT64, DType, c_name, on_device
from nnkit.backends.opencl.launch import launcher_of
from nnkit.backends.opencl.layout import Strides, collapse, size_of
from nnkit.backends.opencl.map import MAX_AXES
from nnkit.errors import KernelUnavailable
from nnkit.ops.common import keep_axes, normalize_axes
from nnkit.typing import Axis, Shape

ROW_PART = 4096
COLUMN_PART = 1024
"""Elements that one work-item folds in a row; longer axes are cut, for parallel work."""
COLUMN_BLOCK = 256

FIRST = {"sum": "0", "prod": "1", "any": "0", "all": "1"}


class Plan(NamedTuple):
    """What happens to the elements on their way: see the head of kernels/reduce.cl."""

    name: str
    """'sum', 'prod', 'max', 'min', 'any' or 'all'."""
    work: DType
    """The dtype of the accumulator."""
    pre: str = "none"
    """'none', 'square' or 'truth': what is done to each element first."""
    divisor: float | None = None
    """What the result is divided by: the number of elements, for a mean."""


def fold(plan: Plan, x: Array, axis: Axis, keepdims: bool, gives: DType) -> Array:
    """Fold `axis` of x: one axis, several, or None for all; `gives` is the dtype of the result.

    Raises:
        ValueError: for the largest or smallest of no elements.
        KernelUnavailable: for complex numbers, and views of too many axes.
    """
    if not on_device(x.dtype) or not on_device(gives):
        raise KernelUnavailable(f"{plan.name} has no kernel for {x.dtype}")
    axes = reduced_axes(plan.name, axis, x.ndim)
    y = Array.empty(x.device, left(x.shape, axes, keepdims), gives)
    if plan.name in ("max", "min"):
        _refuse_empty(plan.name, x, axes)
    if y.size:
        _fold(plan, x, axes, y)
    return y


def reduced_axes(name: str, axis: Axis, ndim: int) -> tuple[int, ...]:
    """The axes from 0, each once."""
    axes = normalize_axes(name, axis, ndim)
    if len(set(axes)) != len(axes):
        raise ValueError(f"{name}: an axis is named twice in {axis}")
    return axes


def left(shape: Shape, axes: Sequence[int], keepdims: bool) -> Shape:
    """The shape without the axes, or with them at length 1."""
    if keepdims:
        return keep_axes(shape, axes)
    return tuple(n for i, n in enumerate(shape) if i not in axes)


def _refuse_empty(name: str, x: Array, axes: Sequence[int]) -> None:
    if any(x.shape[a] == 0 for a in axes):
        raise ValueError(f"{name}: the axes {tuple(axes)} of the shape {x.shape} have no elements")


def _fold(plan: Plan, x: Array, axes: Sequence[int], y: Array) -> None:
    groups = _group(x, axes)
    kept, reduced = size_of(groups.kept_shape), size_of(groups.red_shape)
    columns = _side_by_side(x, groups, plan.work) and kept >= 16
    parts = max(1, -(-reduced // (COLUMN_PART if columns else ROW_PART)))
    target = y if parts == 1 else Array.empty(x.device, (kept, parts), plan.work)
    divisor = plan.divisor if parts == 1 else None
    vector = columns or _in_rows(x, groups, plan.work)
    launcher = launcher_of(x.device)
    blocks = -(-kept // COLUMN_BLOCK) if columns else kept
    work_groups, items = grid(launcher, blocks * parts * (16 if launcher.cpu else 1))
    launcher.launch(
        "reduce", "fold_columns" if columns else "fold_rows", work_groups, items,
        x, target, kept, reduced, parts, 1 if divisor is None else divisor, groups.pack(),
        **_defines(plan, x, target, groups, divisor is not None, vector),
    )  # fmt: skip
    if parts > 1:
        _fold(plan._replace(pre="none"), target, (1,), y)


def _defines(
    plan: Plan, x: Array, y: Array, groups: _Groups, divide: bool, vector: bool
) -> dict[str, str | int]:
    wraps = plan.name in ("sum", "prod") and plan.work.kind == "i"
    return {
        "FOLD": f"fold_{plan.name}",
        "FOLD_V": f"lanes_{plan.name}",
        "PRE": f"pre_{plan.pre}",
        "TX": c_name(x.dtype),
        # Signed numbers that overflow are undefined in C; unsigned ones wrap to the same bits.
        "ACC": ("u" if wraps else "") + c_name(plan.work).removeprefix("i" if wraps else ""),
        "TO": c_name(y.dtype),
        "FIRST": _first(plan.name, plan.work),
        "NKEPT": len(groups.kept_shape),
        "NRED": len(groups.red_shape),
        "S_R": "1" if groups.red[-1] == 1 else "LAST_R",
        "EXACT": int(plan.name == "sum" and plan.work.kind == "f"),
        "DIVIDE": int(divide),
        "VECTOR": int(vector),
    }


def find(name: str, x: Array, axis: int | None, keepdims: bool) -> Array:
    """The position (int64) of the first largest ('argmax') or smallest ('argmin') element."""
    if not on_device(x.dtype):
        raise KernelUnavailable(f"{name} has no kernel for {x.dtype}")
    axes = reduced_axes(name, axis, x.ndim)
    _refuse_empty(name, x, axes)
    y = Array.empty(x.device, left(x.shape, axes, keepdims), INT64)
    if y.size:
        _find(name, x, axes, y)
    return y


def _find(name: str, x: Array, axes: Sequence[int], y: Array) -> None:
    groups = _group(x, axes)
    kept, reduced = size_of(groups.kept_shape), size_of(groups.red_shape)
    parts = -(-reduced // ROW_PART)
    defines: dict[str, str | int] = {
        "FOUND": f"found_{name}", "TX": c_name(x.dtype), "TO": "i64",
        "NKEPT": len(groups.kept_shape), "NRED": len(groups.red_shape),
    }  # fmt: skip
    launcher = launcher_of(x.device)
    places = y if parts == 1 else Array.empty(x.device, (kept, parts), INT64)
    at = groups.pack()
    work_groups, items = grid(launcher, kept * parts * (16 if launcher.cpu else 1))
    launcher.launch(
        "find", "find", work_groups, items, x, places, kept, reduced, parts, at, **defines
    )
    if parts > 1:
        work_groups, items = grid(launcher, kept)
        launcher.launch(
            "find", "choose", work_groups, items, x, places, y, kept, parts, at, **defines
        )


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
