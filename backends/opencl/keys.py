"""What stands between the brackets of x[key], when arrays are among it: read as NumPy reads it.

Integers, slices, `...` and None pick a view, as in `layout.index_view`; an integer beside an array
counts as an array without axes. The arrays are broadcast with each other; their axes stand in the
result where they stood in the key, or first if something stands between them.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.layout import Strides
from nnkit.backends.opencl.queue import Queue
from nnkit.typing import Shape


@dataclass
class Picked:
    """An index that arrays are part of.

    Attributes:
        shape, strides, offset: the view that the other parts leave.
        arrays: each index array (integers or a mask) with the lengths and strides of its axes.
        place: where the arrays' axes stand among the view's.
    """

    offset: int
    shape: list[int] = field(default_factory=list)
    strides: list[int] = field(default_factory=list)
    arrays: list[tuple[Array, Shape, Strides]] = field(default_factory=list)
    place: int = 0


def full_key(key: Any, shape: Shape, device: Queue) -> list[Any]:
    """The key as a list that names every axis; host arrays come to the device.

    Raises:
        IndexError: for what is no index, and for more indices than axes.
    """
    parts = [_part(p, device) for p in (key if isinstance(key, tuple) else (key,))]
    named = sum(_axes(part) for part in parts)
    if named > len(shape):
        raise IndexError(f"{named} indices for an array of {len(shape)} axes")
    if sum(1 for part in parts if part is ...) > 1:
        raise IndexError("an index may hold one '...' only")
    if not any(part is ... for part in parts):
        parts.append(...)
    at = next(i for i, part in enumerate(parts) if part is ...)
    # The '...' itself stays: it separates arrays even where it stands for no axis.
    return [*parts[: at + 1], *[slice(None)] * (len(shape) - named), *parts[at + 1 :]]


def _part(part: Any, device: Queue) -> Any:
    if part is None or part is ... or isinstance(part, slice | Array):
        if isinstance(part, Array) and part.dtype.kind not in "biu":
            raise IndexError(f"an index array holds integers or truth values, got {part.dtype}")
        if isinstance(part, Array) and part.device is not device:
            raise ValueError(f"an index array on device {part.device.name}, not {device.name}")
        return part
    if isinstance(part, bool | np.bool | list | np.ndarray):
        data = np.asarray(part)
        if data.size == 0 and isinstance(part, list):
            data = data.astype(np.int64)
        if data.dtype.kind not in "biu":
            raise IndexError(f"an index array holds integers or truth values, got {data.dtype}")
        return Array.from_numpy(device, data)
    try:
        return operator.index(part)
    except TypeError:
        raise IndexError(f"{type(part).__name__} is no index") from None


def _axes(part: Any) -> int:
    """How many axes of x a part of the key names."""
    if part is None or part is ...:
        return 0
    return int(part.ndim) if isinstance(part, Array) and part.dtype.kind == "b" else 1


def read(x: Array, parts: list[Any]) -> Picked:
    """The parts of a full key as a view of x and the arrays that index the other axes.

    Raises:
        IndexError: for an integer outside its axis, a mask of another shape than the axes it is
            for, and integers for an axis of length 0.
    """
    picked = Picked(x.offset)
    axis, runs, inside = 0, 0, False
    for part in parts:
        advanced = isinstance(part, int | Array)
        if advanced and not inside:
            runs += 1
            picked.place = len(picked.shape) if runs == 1 else 0
        inside = advanced
        taken = _axes(part)
        lengths, strides = x.shape[axis : axis + taken], x.strides[axis : axis + taken]
        if isinstance(part, Array):
            _check_array(part, lengths, axis)
            picked.arrays.append((part, lengths, strides))
        elif isinstance(part, int):
            if not -lengths[0] <= part < lengths[0]:
                raise IndexError(f"index {part} is out of range for axis {axis} of {lengths[0]}")
            picked.offset += part % lengths[0] * strides[0]
        elif part is None:
            picked.shape.append(1)
            picked.strides.append(0)
        elif part is not ...:
            start, stop, step = part.indices(lengths[0])
            length = len(range(start, stop, step))
            picked.offset += start * strides[0] if length else 0
            picked.shape.append(length)
            picked.strides.append(strides[0] * step)
        axis += taken
    picked.shape += x.shape[axis:]
    picked.strides += x.strides[axis:]
    return picked


def _check_array(part: Array, lengths: Shape, axis: int) -> None:
    if part.dtype.kind == "b":
        if any(m not in (0, n) for m, n in zip(part.shape, lengths, strict=True)):
            raise IndexError(
                f"a mask of shape {part.shape} is for axes of these lengths, not {lengths}"
            )
    elif part.size and lengths[0] == 0:
        raise IndexError(f"axis {axis} has no elements to pick")
