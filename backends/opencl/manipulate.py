"""Moving elements without changing them: views where strides can say it, else one copy."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dtypes import promote
from nnkit.backends.opencl.elementwise import cast, contiguous, copy_into, same_device
from nnkit.backends.opencl.layout import (
    broadcast_shapes,
    broadcast_strides,
    reshape_strides,
    row_major,
)
from nnkit.ops.common import normalize_axes, resolve_shape
from nnkit.typing import Shape


def reshape(x: Array, /, shape: Shape, *, copy: bool | None = None) -> Array:
    """The same elements in row-major order in another shape; a view where strides allow it."""
    target = resolve_shape("reshape", shape, x.size)
    strides = None if copy else reshape_strides(x.shape, x.strides, target)
    if strides is not None:
        return x.view(target, strides)
    if copy is False:
        raise ValueError(f"reshape: the view {x.shape} becomes {target} only with a copy")
    packed = cast(x, x.dtype) if copy else contiguous(x)
    return packed.view(target, row_major(target))


def permute_dims(x: Array, /, axes: Sequence[int]) -> Array:
    """The axes in another order."""
    order = normalize_axes("permute_dims", tuple(axes), x.ndim)
    if sorted(order) != list(range(x.ndim)):
        raise ValueError(f"permute_dims: axes must name each of {x.ndim} axes once, got {axes}")
    return x.view(tuple(x.shape[a] for a in order), tuple(x.strides[a] for a in order))


def matrix_transpose(x: Array, /) -> Array:
    """The last two axes exchanged."""
    return x.mT


def moveaxis(x: Array, source: Any, destination: Any, /) -> Array:
    """Some axes moved to other places, the rest in their order."""
    sources = normalize_axes("moveaxis", source, x.ndim)
    targets = normalize_axes("moveaxis", destination, x.ndim)
    if not len(set(sources)) == len(sources) == len(set(targets)) == len(targets):
        raise ValueError(
            f"moveaxis: source {source} and destination {destination} must name as "
            "many axes, each once"
        )
    order = [a for a in range(x.ndim) if a not in sources]
    for target, axis in sorted(zip(targets, sources, strict=True)):
        order.insert(target, axis)
    return permute_dims(x, order)


def expand_dims(x: Array, /, axis: int = 0) -> Array:
    """A new axis of length 1."""
    if not -x.ndim - 1 <= axis <= x.ndim:
        raise IndexError(f"expand_dims: axis must be in [{-x.ndim - 1}, {x.ndim}], got {axis}")
    at = axis % (x.ndim + 1)
    return x.view((*x.shape[:at], 1, *x.shape[at:]), (*x.strides[:at], 0, *x.strides[at:]))


def squeeze(x: Array, /, axis: int | Sequence[int]) -> Array:
    """Without the axes named, which must have length 1."""
    axes = normalize_axes("squeeze", axis, x.ndim)
    for a in axes:
        if x.shape[a] != 1:
            raise ValueError(f"squeeze: axis {a} must have length 1, got {x.shape[a]}")
    keep = [i for i in range(x.ndim) if i not in axes]
    return x.view(tuple(x.shape[i] for i in keep), tuple(x.strides[i] for i in keep))


def flip(x: Array, /, *, axis: int | Sequence[int] | None = None) -> Array:
    """The elements in reverse order along the axes named, or all."""
    axes = normalize_axes("flip", axis, x.ndim)
    return x[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(x.ndim))]


def broadcast_to(x: Array, /, shape: Shape) -> Array:
    """x repeated along new axes and axes of length 1, without a copy."""
    target = tuple(shape)
    return x.view(target, broadcast_strides(x.shape, x.strides, target))


def broadcast_arrays(*arrays: Array) -> list[Array]:
    """All arrays in their common shape."""
    shape = broadcast_shapes(*(x.shape for x in arrays))
    return [broadcast_to(x, shape) for x in arrays]


def concat(arrays: Sequence[Array], /, *, axis: int | None = 0) -> Array:
    """The arrays one after the other along an axis that they have; None flattens them first."""
    if not arrays:
        raise ValueError("concat: at least one array is needed")
    parts = [reshape(x, (-1,)) for x in arrays] if axis is None else list(arrays)
    first = parts[0]
    (at,) = normalize_axes("concat", axis or 0, first.ndim)
    for part in parts[1:]:
        same_device("concat", first, part)
        if (*part.shape[:at], *part.shape[at + 1 :]) != (*first.shape[:at], *first.shape[at + 1 :]):
            raise ValueError(
                f"concat: shapes must agree but for axis {at}, got {first.shape} and {part.shape}"
            )
    length = sum(part.shape[at] for part in parts)
    dtype = functools.reduce(promote, (part.dtype for part in parts))
    y = Array.empty(first.device, (*first.shape[:at], length, *first.shape[at + 1 :]), dtype)
    start = 0
    for part in parts:
        stop = start + part.shape[at]
        copy_into(y[along(at, slice(start, stop))], part)
        start = stop
    return y


def along(axis: int, key: Any) -> tuple[Any, ...]:
    """The index that applies `key` to one axis."""
    return (*(slice(None),) * axis, key)


def stack(arrays: Sequence[Array], /, *, axis: int = 0) -> Array:
    """The arrays, all of one shape, side by side along a new axis."""
    if any(x.shape != arrays[0].shape for x in arrays):
        raise ValueError(f"stack: shapes must agree, got {[x.shape for x in arrays]}")
    return concat([expand_dims(x, axis=axis) for x in arrays], axis=axis)


def unstack(x: Array, /, *, axis: int = 0) -> tuple[Array, ...]:
    """The parts of x along an axis, without it."""
    (at,) = normalize_axes("unstack", axis, x.ndim)
    return tuple(x[along(at, i)] for i in range(x.shape[at]))


def roll(
    x: Array, /, shift: int | Sequence[int], *, axis: int | Sequence[int] | None = None
) -> Array:
    """The elements moved on by `shift` places, round the end; None rolls them as one row."""
    if axis is None:
        if not isinstance(shift, int):
            raise ValueError("roll: several shifts need as many axes")
        return reshape(_rolled(reshape(x, (-1,)), shift, 0), x.shape)
    axes = normalize_axes("roll", axis, x.ndim)
    shifts = (shift,) * len(axes) if isinstance(shift, int) else tuple(shift)
    if len(shifts) != len(axes):
        raise ValueError(f"roll: {len(shifts)} shifts for {len(axes)} axes")
    y = cast(x, x.dtype) if not axes else x
    for places, at in zip(shifts, axes, strict=True):
        y = _rolled(y, places, at)
    return y


def _rolled(x: Array, shift: int, axis: int) -> Array:
    length = x.shape[axis]
    cut = -shift % length if length else 0
    return concat([x[along(axis, slice(cut, None))], x[along(axis, slice(None, cut))]], axis=axis)


def tile(x: Array, repetitions: Sequence[int], /) -> Array:
    """x put side by side with itself along each axis."""
    counts = (1,) * (x.ndim - len(repetitions)) + tuple(repetitions)
    y = x.view((1,) * (len(counts) - x.ndim) + x.shape, (0,) * (len(counts) - x.ndim) + x.strides)
    for axis, count in enumerate(counts):
        if count != 1:
            y = repeated(y, axis, axis, count)
    return cast(y, x.dtype) if y.block is x.block else y


def repeated(x: Array, axis: int, at: int, count: int) -> Array:
    """x repeated along a new axis in front of `at`, which is then joined to `axis`."""
    if count < 0:
        raise ValueError(f"an axis is repeated 0 times or more, got {count}")
    many = broadcast_to(expand_dims(x, axis=at), (*x.shape[:at], count, *x.shape[at:]))
    return reshape(many, (*x.shape[:axis], count * x.shape[axis], *x.shape[axis + 1 :]))
