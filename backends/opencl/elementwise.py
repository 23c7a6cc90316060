"""Elementwise functions: one table, one launch each, over views as they are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dtypes import BOOL, DType, promote, scalar_dtype
from nnkit.backends.opencl.layout import broadcast_shapes
from nnkit.backends.opencl.map import launch
from nnkit.backends.opencl.queue import Queue
from nnkit.backends.opencl.rules import BINARY, UNARY, plan
from nnkit.backends.opencl.words import copy_complex
from nnkit.errors import KernelUnavailable
from nnkit.recording import paused

__all__ = [
    "BINARY", "TERNARY", "UNARY", "binary", "cast", "clip", "constant", "contiguous", "copy_into",
    "launch", "meet", "same_device", "unary", "where",
]  # fmt: skip


def unary(name: str, x: Array) -> Array:
    """The function `name` of each element.

    Raises:
        KernelUnavailable: for a dtype that the device does not compute in.
    """
    function, computes, gives = plan(name, x.dtype)
    y = Array.empty(x.device, x.shape, gives)
    launch(function, [x], y, computes)
    return y


def binary(name: str, a: Any, b: Any) -> Array:
    """The function `name` of pairs of elements, broadcast; one may be a Python number."""
    a, b, dtype = meet(name, a, b)
    function, computes, gives = plan(name, dtype)
    shape = a.shape if a.shape == b.shape else broadcast_shapes(a.shape, b.shape)
    y = Array.empty(a.device, shape, gives)
    launch(function, [a, b], y, computes)
    return y


def clip(x: Array, /, min: Any = None, max: Any = None) -> Array:
    """x, but no less than `min` and no more than `max`, which are broadcast; NaN stays NaN."""
    if x.dtype.kind not in "iuf":
        raise KernelUnavailable(f"clip has no kernel for {x.dtype}")
    low, high = (None if bound is None else _bound(x, bound) for bound in (min, max))
    if low is None and high is None:
        return cast(x, x.dtype)
    if low is None or high is None:
        return binary("minimum", x, high) if low is None else binary("maximum", x, low)
    y = Array.empty(x.device, broadcast_shapes(x.shape, low.shape, high.shape), x.dtype)
    launch("clip", [x, low, high], y, x.dtype)
    return y


def _bound(x: Array, bound: Any) -> Array:
    if not isinstance(bound, Array):
        return constant(x.device, bound, scalar_dtype(bound, x.dtype))
    same_device("clip", x, bound)
    promote(x.dtype, bound.dtype)  # refuses another kind
    return bound if bound.dtype == x.dtype else cast(bound, x.dtype)


def where(condition: Array, a: Any, b: Any) -> Array:
    """a where the condition holds, b elsewhere, broadcast; a or b may be a Python number."""
    if condition.dtype != BOOL:
        raise TypeError(f"where: the condition must be bool, got {condition.dtype}")
    if not isinstance(a, Array) and not isinstance(b, Array):
        raise TypeError("where: one of the two values must be an array")
    a, b, dtype = meet("where", a, b)
    same_device("where", condition, a)
    y = Array.empty(a.device, broadcast_shapes(condition.shape, a.shape, b.shape), dtype)
    launch("where", [condition, a, b], y, dtype)
    return y


def cast(x: Array, dtype: DType) -> Array:
    """A new contiguous array with the values of x in `dtype`."""
    y = Array.empty(x.device, x.shape, dtype)
    copy_into(y, x)
    return y


def copy_into(target: Array, x: Array) -> None:
    """target[...] = x: x is broadcast and converted; both may be any views."""
    if "c" in (target.dtype.kind, x.dtype.kind):
        copy_complex(target, x)
    elif target.dtype == BOOL and x.dtype != BOOL:
        launch("truth", [x], target, x.dtype)
    else:
        launch("positive", [x], target, target.dtype)


def contiguous(x: Array) -> Array:
    """x itself if its elements stand in row-major order, else a copy in which they do."""
    return x if x.is_contiguous else cast(x, x.dtype)


def meet(name: str, a: Any, b: Any) -> tuple[Array, Array, DType]:
    """Both operands as arrays of one device, and the dtype in which they meet."""
    if not isinstance(a, Array):
        return constant(b.device, a, scalar_dtype(a, b.dtype)), b, b.dtype
    if not isinstance(b, Array):
        return a, constant(a.device, b, scalar_dtype(b, a.dtype)), a.dtype
    same_device(name, a, b)
    return a, b, a.dtype if a.dtype == b.dtype else promote(a.dtype, b.dtype)


def same_device(name: str, a: Array, b: Array) -> None:
    """Refuse arrays of two devices."""
    if a.device is not b.device:
        raise ValueError(
            f"{name}: arrays live on two devices, {a.device.name} and {b.device.name}. "
            "Fix: move one with to_device."
        )


def constant(device: Queue, value: Any, dtype: DType) -> Array:
    """A Python number as a 0-d array; those in use are kept, so that a step uploads none twice."""
    key = (dtype, value, np.signbit(value) if isinstance(value, float) else False)
    known: OrderedDict[Any, Array] = device.constants
    found = known.get(key)
    if found is None:
        with paused():  # it outlives a step that is being recorded
            found = known[key] = Array.from_numpy(device, np.array(value, dtype))
        while len(known) > 512:
            known.popitem(last=False)
    return found


TERNARY: dict[str, Callable[..., Array]] = {"where": where, "clip": clip}
