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


def assign(target: Array, value: Any) -> None:
    """target[...] = value; numbers and arrays are converted to the target's dtype."""
    elementwise = module("elementwise")
    value = _as_value(target, value)
    if target.shape == () and value.size != 1:
        raise ValueError(f"an array of shape {value.shape} does not fit one element")
    if target.block is value.block:
        value = elementwise.cast(value, value.dtype)  # views of one block may overlap
    elementwise.copy_into(target, value)


def _as_value(target: Array, value: Any) -> Array:
    """What is assigned, as an array of the target's device."""
    elementwise = module("elementwise")
    if not isinstance(value, module("array").Array):
        if not isinstance(value, bool | int | float | complex | np.generic):
            raise TypeError(
                f"assignment takes an array of this device or a number, got "
                f"{type(value).__name__}. Fix: xp.asarray(value)."
            )
        value = elementwise.constant(target.device, value, target.dtype)
    elementwise.same_device("assignment", target, value)
    checked: Array = value
    return checked


def take_by_key(x: Array, key: Any) -> Array:
    """x[key] for keys with arrays."""
    try:
        taken: Array = module("indexing").get(x, key)
    except KernelUnavailable as error:
        taken = module("host").index_on_host(x, key, str(error))
    return taken


def put_by_key(x: Array, key: Any, value: Any) -> None:
    """x[key] = value for keys with arrays."""
    value = _as_value(x, value)
    try:
        module("indexing").put(x, key, value)
    except KernelUnavailable as error:
        module("host").assign_on_host(x, key, value, str(error))


def moved(x: Array, device: Queue) -> Array:
    """A copy on another device."""
    module("create").check_dtype(device, x.dtype)
    return type(x).from_numpy(device, x.numpy())
