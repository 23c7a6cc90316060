"""What the array's operators and brackets do; the modules that do it are imported at first use.

They are written in terms of arrays, so `array.py` cannot import them before it has defined one.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from nnkit.errors import KernelUnavailable

if TYPE_CHECKING:
    from nnkit.backends.opencl.array import Array
    from nnkit.backends.opencl.queue import Queue


@cache
def module(name: str) -> Any:
    """A module of this package."""
    from importlib import import_module

    return import_module(f"nnkit.backends.opencl.{name}")


def is_operand(value: Any) -> bool:
    """Whether an operator takes it: an array or a Python number (NumPy's arrays are elsewhere)."""
    return isinstance(value, module("array").Array | bool | int | float | complex)


def call(name: str, *operands: Any) -> Any:
    """A function of the namespace."""
    return getattr(module("xp"), name)(*operands)


def call_into(target: Array, name: str, other: Any) -> Array:
    """target op= other: the shape and dtype of the target stay."""
    result = call(name, target, other)
    if result.shape != target.shape or result.dtype != target.dtype:
        wrong = ValueError if result.dtype == target.dtype else TypeError
        raise wrong(
            f"in-place {name}: the result would be {result.dtype}{list(result.shape)}, the "
            f"array is {target.dtype}{list(target.shape)}"
        )
    module("elementwise").copy_into(target, result)
    return target


def contiguous(x: Array) -> Array:
    """x, or a copy of it, in row-major order without gaps."""
    packed: Array = module("elementwise").contiguous(x)
    return packed


def is_basic(key: Any) -> bool:
    """Whether an index is made of integers, slices, `...` and None, so that it picks a view."""
    parts = key if isinstance(key, tuple) else (key,)
    return all(
        part is None
        or part is ...
        or isinstance(part, slice)
        or (isinstance(part, int | np.integer) and not isinstance(part, bool))
        for part in parts
    )


def as_value(target: Array, value: Any) -> Array:
    """What is assigned to `target`, as an array of its device.

    Raises:
        TypeError: where the dtype does not hold it: assignments convert as operators do.
        ValueError: for an array of another device.
    """
    elementwise, dtypes = module("elementwise"), module("dtypes")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, module("array").Array):
        elementwise.same_device("assignment", target, value)
        meeting = dtypes.promote(target.dtype, value.dtype)
    elif isinstance(value, bool | int | float | complex):
        meeting = dtypes.scalar_dtype(value, target.dtype)
        if meeting == target.dtype:
            value = elementwise.constant(target.device, value, meeting)
    else:
        raise TypeError(
            f"assignment takes an array of this device or a number, got {type(value).__name__}. "
            "Fix: xp.asarray(value)."
        )
    if meeting != target.dtype:
        raise TypeError(
            f"assignment: {getattr(value, 'dtype', value)!r} does not fit an array of "
            f"{target.dtype}. Fix: convert it with astype."
        )
    checked: Array = value
    return checked


def assign(target: Array, value: Array) -> None:
    """target[...] = value; the value is broadcast and converted."""
    elementwise = module("elementwise")
    if target.shape == () and value.size != 1:
        raise ValueError(f"an array of shape {value.shape} does not fit one element")
    if target.block is value.block:
        if _same_view(target, value):
            return  # x[key] += value ends with this
        value = elementwise.cast(value, value.dtype)  # views of one block may overlap
    elementwise.copy_into(target, value)


def _same_view(x: Array, y: Array) -> bool:
    """Whether two arrays of one block are the same elements."""
    return (x.offset, x.shape, x.strides, x.dtype) == (y.offset, y.shape, y.strides, y.dtype)


def take_by_key(x: Array, key: Any) -> Array:
    """x[key] for keys with arrays."""
    try:
        taken: Array = module("indexing").get(x, key)
    except KernelUnavailable as error:
        taken = module("host").index_on_host(x, key, str(error))
    return taken


def put_by_key(x: Array, key: Any, value: Array) -> None:
    """x[key] = value for keys with arrays."""
    try:
        module("indexing").put(x, key, value)
    except KernelUnavailable as error:
        module("host").assign_on_host(x, key, value, str(error))


def moved(x: Array, device: Queue) -> Array:
    """A copy on another device."""
    module("create").check_dtype(device, x.dtype)
    return type(x).from_numpy(device, x.numpy())
