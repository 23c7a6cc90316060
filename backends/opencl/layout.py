"""Shapes and strides, counted in elements, without any device: how views and broadcasts are read.

A layout is (shape, strides, offset); element (i, j, …) of an array lies at
offset + i strides[0] + j strides[1] + … in its buffer. A stride may be 0 (broadcast) or negative.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from nnkit.typing import Shape

Strides = tuple[int, ...]


@lru_cache(maxsize=4096)
def row_major(shape: Shape) -> Strides:
    """The strides of elements that stand one after the other, last axis fastest.

    >>> row_major((2, 3, 4))
    (12, 4, 1)
    """
    strides = []
    step = 1
    for length in reversed(shape):
        strides.append(step)
        step *= length
    return tuple(reversed(strides))


@lru_cache(maxsize=4096)
def is_contiguous(shape: Shape, strides: Strides) -> bool:
    """Whether the elements stand in row-major order without gaps (axes of length 1 don't count)."""
    step = 1
    for length, stride in zip(reversed(shape), reversed(strides), strict=True):
        if length == 0:
            return True
        if length != 1 and stride != step:
            return False
        step *= length
    return True


def broadcast_shapes(*shapes: Shape) -> Shape:
    """The common shape of arrays that meet in one operation.

    >>> broadcast_shapes((4, 1), (7,))
    (4, 7)
    """
    result: list[int] = [1] * max(map(len, shapes), default=0)
    for shape in shapes:
        for i, length in enumerate(shape, start=len(result) - len(shape)):
            if result[i] == 1:
                result[i] = length
            elif length not in (1, result[i]):
                raise ValueError(f"shapes {' and '.join(map(str, shapes))} cannot be broadcast")
    return tuple(result)


def broadcast_strides(shape: Shape, strides: Strides, target: Shape) -> Strides:
    """The strides with which `shape` is read as `target`: 0 along every repeated axis."""
    if shape == target:
        return strides
    added = len(target) - len(shape)
    if added < 0:
        raise ValueError(f"the shape {shape} cannot be broadcast to {target}")
    result = [0] * added
    for length, stride, wanted in zip(shape, strides, target[added:], strict=True):
        if length not in (1, wanted):
            raise ValueError(f"the shape {shape} cannot be broadcast to {target}")
        result.append(stride if length == wanted else 0)
    return tuple(result)


def collapse(shape: Shape, operands: Sequence[Strides]) -> tuple[Shape, list[Strides]]:
    """Fewer axes for the same elements in the same order: axes of length 1 go, neighbours join.

    >>> collapse((2, 3, 4), [(12, 4, 1), (0, 0, 1)])
    ((6, 4), [(4, 1), (0, 1)])
    """
    lengths: list[int] = []
    kept: list[list[int]] = [[] for _ in operands]
    for axis, length in enumerate(shape):
        if length == 1:
            continue
        steps = [strides[axis] for strides in operands]
        if lengths and all(k[-1] == step * length for k, step in zip(kept, steps, strict=True)):
            lengths[-1] *= length
            for k, step in zip(kept, steps, strict=True):
                k[-1] = step
        else:
            lengths.append(length)
            for k, step in zip(kept, steps, strict=True):
                k.append(step)
    return tuple(lengths), [tuple(k) for k in kept]


def reshape_strides(shape: Shape, strides: Strides, target: Shape) -> Strides | None:
    """The strides that read the same elements as `target` without a copy, or None."""
    if is_contiguous(shape, strides):
        return row_major(target)
    if 0 in shape:
        return row_major(target)
    lengths, (steps,) = collapse(shape, [strides])
    result: list[int] = []
    group = len(lengths) - 1
    left = lengths[group] if lengths else 1
    step = steps[group] if lengths else 1
    for wanted in reversed(target):  # fill the groups of joined axes from the last one
        if wanted == 1:
            result.append(1)
            continue
        if left == 1 and group > 0:
            group -= 1
            left, step = lengths[group], steps[group]
        if left % wanted:
            return None
        result.append(step)
        step *= wanted
        left //= wanted
    return tuple(reversed(result))


def index_view(shape: Shape, strides: Strides, offset: int, key: Any) -> tuple[Shape, Strides, int]:
    """The view that integers, slices, `...` and None pick.

    Raises:
        IndexError: for an integer outside its axis, or more indices than axes.
    """
    parts = key if isinstance(key, tuple) else (key,)
    named = sum(1 for p in parts if p is not None and p is not ...)
    if named > len(shape):
        raise IndexError(f"{named} indices for an array of {len(shape)} axes")
    if sum(1 for p in parts if p is ...) > 1:
        raise IndexError("an index may hold one '...' only")
    if not any(p is ... for p in parts):
        parts = (*parts, ...)
    new_shape: list[int] = []
    new_strides: list[int] = []
    axis = 0
    for part in parts:
        if part is None:
            new_shape.append(1)
            new_strides.append(0)
        elif part is ...:
            skipped = len(shape) - named
            new_shape += shape[axis : axis + skipped]
            new_strides += strides[axis : axis + skipped]
            axis += skipped
        elif isinstance(part, slice):
            start, stop, step = part.indices(shape[axis])
            length = len(range(start, stop, step))
            offset += start * strides[axis] if length else 0
            new_shape.append(length)
            new_strides.append(strides[axis] * step)
            axis += 1
        else:
            offset += _position(part, shape[axis], axis) * strides[axis]
            axis += 1
    return tuple(new_shape), tuple(new_strides), offset


def _position(index: Any, length: int, axis: int) -> int:
    i = operator.index(index)
    if not -length <= i < length:
        raise IndexError(f"index {i} is out of range for axis {axis} of length {length}")
    return i % length


def size_of(shape: Shape) -> int:
    """The number of elements."""
    return math.prod(shape)
