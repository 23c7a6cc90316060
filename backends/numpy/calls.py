"""The calls that a replay makes for what was noted: the same bits with less around them.

A call of NumPy on a few numbers is mostly the way there. So functions that NumPy wraps are called
without the wrapping, the result's place is handed over by position, and numbers are arrays of the
dtype that they would become in the call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nnkit.backends.numpy import into
from nnkit.backends.numpy.record import Action

Host = np.ndarray[Any, Any]
Line = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
"""A function, its arguments by position, and those by name."""
REDUCTIONS: dict[Any, Any] = {
    np.sum: np.add.reduce,
    np.max: np.maximum.reduce,
    np.min: np.minimum.reduce,
    np.prod: np.multiply.reduce,
}
"""What these functions call in the end."""
OUT_BY_NAME = frozenset([np.maximum, np.minimum])
"""Two functions that warn where `out` is handed over by position."""


def is_elementwise(function: Any) -> bool:
    """Whether it may be done block by block."""
    if isinstance(function, np.ufunc):
        return function.signature is None
    return function in (into.where, into.cast)


def calls(action: Action) -> list[Line]:
    """What a replay calls for an action."""
    function, args, options, target = action.function, action.args, action.options, action.target
    if target is None:
        return [(function, args, options)]
    if isinstance(function, np.ufunc) and action.takes_out and not options:
        return _elementwise(function, args, target)
    if function in REDUCTIONS and set(options) <= {"axis", "keepdims", "dtype"}:
        axis, keepdims = options.get("axis"), options.get("keepdims", False)
        reduce = REDUCTIONS[function]
        return [(reduce, (*args, axis, options.get("dtype"), target, keepdims), {})]
    if function is into.dot:
        return [(args[0].dot, (args[1], target), {})]
    if function is into.where:
        condition, x, y = args
        return [_where(condition, x, y, target)]
    if not action.takes_out:
        return [(_copied, (target, function, args, options), {})]
    return [(function, args, {**options, "out": target})]


def _copied(target: Host, function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> None:
    target[...] = function(*args, **options)


def _where(condition: Host, x: Any, y: Any, target: Host) -> Line:
    if into.is_masked(condition, x, y, target):
        return np.multiply, (into.bits(x), condition, into.bits(target)), {}
    return _copied, (target, np.where, (condition, x, y), {}), {}


def _elementwise(function: np.ufunc, args: tuple[Any, ...], target: Host) -> list[Line]:
    if function.signature is None:
        args = _as_arrays(function, args)
        if target.ndim == 0:
            return _of_one_number(function, args, target)
    return [_placed(function, args, target)]


def _placed(function: np.ufunc, args: tuple[Any, ...], target: Host) -> Line:
    if function in OUT_BY_NAME:
        return function, args, {"out": target}
    return function, (*args, target), {}


def _of_one_number(function: np.ufunc, args: tuple[Any, ...], target: Host) -> list[Line]:
    """Where it writes to an argument, by way of another array: NumPy takes three times as long."""
    if not any(x is target for x in args):
        return [_placed(function, args, target)]
    other = np.empty_like(target)
    return [_placed(function, args, other), (target.__setitem__, (..., other), {})]


def _as_arrays(function: np.ufunc, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Numbers as arrays of no axes, of the dtype in which the function computes."""
    kinds = [_kind(x) for x in args]
    dtypes = function.resolve_dtypes((*kinds, *[None] * function.nout))
    return tuple(
        x if isinstance(x, np.ndarray) else np.asarray(x, dtype)
        for x, dtype in zip(args, dtypes, strict=False)
    )


def _kind(x: Any) -> Any:
    """A dtype, or int or float for a number that takes on what it meets."""
    if isinstance(x, bool):
        return np.dtype(np.bool_)
    return x.dtype if isinstance(x, np.ndarray | np.generic) else type(x)
