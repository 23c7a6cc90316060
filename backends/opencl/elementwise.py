"""Elementwise functions: one table, one launch each, over views as they are."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np

from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dtypes import BOOL, DType, promote, scalar_dtype
from nnkit.backends.opencl.layout import broadcast_shapes
from nnkit.backends.opencl.map import launch
from nnkit.backends.opencl.queue import Queue
from nnkit.backends.opencl.words import copy_complex
from nnkit.errors import KernelUnavailable


class Rule(NamedTuple):
    """Which dtypes a function takes, and what it gives."""

    takes: str  # letters of NumPy's dtype kinds
    gives_bool: bool = False


NUMERIC = Rule("iuf")
FLOATING = Rule("f")
UNARY = {
    **dict.fromkeys(("positive", "negative", "abs", "sign", "square"), NUMERIC),
    **dict.fromkeys(
        ("sqrt", "exp", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "tanh"),
        FLOATING,
    ),
    **dict.fromkeys(("floor", "ceil", "trunc", "round"), FLOATING),
    **dict.fromkeys(("isnan", "isfinite", "isinf"), Rule("f", True)),
    "logical_not": Rule("b", True),
    "bitwise_invert": Rule("iu"),
}
BINARY = {
    **dict.fromkeys(("add", "subtract", "multiply", "maximum", "minimum"), NUMERIC),
    **dict.fromkeys(("divide", "pow"), FLOATING),
    **dict.fromkeys(("less", "less_equal", "greater", "greater_equal"), Rule("iuf", True)),
    **dict.fromkeys(("equal", "not_equal"), Rule("biuf", True)),
    **dict.fromkeys(("logical_and", "logical_or", "logical_xor"), Rule("b", True)),
    **dict.fromkeys(("bitwise_and", "bitwise_or", "bitwise_xor"), Rule("biu")),
}


def unary(name: str, x: Array) -> Array:
    """The function `name` of each element.

    Raises:
        KernelUnavailable: for a dtype that the device does not compute in.
    """
    rule = UNARY[name]
    _check(name, rule, x.dtype)
    y = Array.empty(x.device, x.shape, BOOL if rule.gives_bool else x.dtype)
    launch(name, [x], y, x.dtype)
    return y


def binary(name: str, a: Any, b: Any) -> Array:
    """The function `name` of pairs of elements, broadcast; one may be a Python number."""
    rule = BINARY[name]
    a, b, dtype = meet(name, a, b)
    _check(name, rule, dtype)
    shape = a.shape if a.shape == b.shape else broadcast_shapes(a.shape, b.shape)
    y = Array.empty(a.device, shape, BOOL if rule.gives_bool else dtype)
    launch(name, [a, b], y, dtype)
    return y


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
        found = known[key] = Array.from_numpy(device, np.array(value, dtype))
        while len(known) > 512:
            known.popitem(last=False)
    return found


def _check(name: str, rule: Rule, dtype: DType) -> None:
    if dtype.kind not in rule.takes:
        raise KernelUnavailable(f"{name} has no kernel for {dtype}")
