"""What the gradients of several families share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from nnkit.typing import Array, Axis, Namespace, Needs, Shape, Vjp


def is_array(x: Any) -> bool:
    """Whether x is an array rather than a Python number."""
    return hasattr(x, "shape")


def sum_to(xp: Namespace, g: Array, like: Array) -> Array:
    """The gradient of broadcasting `like`: sum g over the axes that were added or stretched."""
    shape = tuple(like.shape)
    if tuple(g.shape) != shape:
        added = g.ndim - len(shape)
        stretched = [added + i for i, n in enumerate(shape) if n == 1 and g.shape[added + i] != 1]
        axes = (*range(added), *stretched)
        g = xp.reshape(xp.sum(g, axis=axes, dtype=g.dtype), shape) if axes else g
    return g if g.dtype == like.dtype else xp.astype(g, like.dtype)


def broadcast_vjp(
    xp: Namespace,
    inputs: Sequence[Any],
    needs: Needs,
    *rules: Callable[[Array], Array | None],
) -> Vjp | None:
    """A vjp of one rule per input, each summed back to the shape that its input had."""
    if not any(needs):
        return None

    def vjp(g: Array) -> tuple[Array | None, ...]:
        return tuple(
            sum_to(xp, rule(g), x) if need else None
            for x, need, rule in zip(inputs, needs, rules, strict=True)
        )

    return vjp


def framed(
    xp: Namespace, x: Array, low: Sequence[int], high: Sequence[int], value: float
) -> tuple[Array, tuple[slice, ...]]:
    """x in a frame of one value, `low` wide before and `high` behind each axis; and where x is."""
    inside = tuple(slice(a, a + n) for a, n in zip(low, x.shape, strict=True))
    shape = tuple(a + n + b for a, n, b in zip(low, x.shape, high, strict=True))
    y = xp.full(shape, value, dtype=x.dtype, device=x.device)
    y[inside] = x
    return y, inside


def normalize_axes(op: str, axis: Axis, ndim: int) -> tuple[int, ...]:
    """The axes as a tuple of numbers from 0; None means all of them."""
    if axis is None:
        return tuple(range(ndim))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    for a in axes:
        if not -ndim <= a < ndim:
            raise ValueError(f"{op}: axis must be in [{-ndim}, {ndim}), got {a}")
    return tuple(a % ndim for a in axes)


def keep_axes(shape: Shape, axes: Sequence[int]) -> Shape:
    """The shape after a reduction that keeps the reduced axes with length 1."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def resolve_shape(op: str, shape: Sequence[int], size: int) -> Shape:
    """`shape` with its -1, if any, computed from the number of elements."""
    lengths = tuple(int(n) for n in shape)
    known = math.prod(n for n in lengths if n != -1)
    if lengths.count(-1) > 1 or any(n < -1 for n in lengths):
        raise ValueError(f"{op}: shape may hold one -1 and no other negative length, got {lengths}")
    if -1 in lengths:
        if known == 0 or size % known:
            raise ValueError(f"{op}: {size} elements do not fill the shape {lengths}")
        lengths = tuple(size // known if n == -1 else n for n in lengths)
    if math.prod(lengths) != size:
        raise ValueError(f"{op}: {size} elements do not fill the shape {lengths}")
    return lengths


def sigmoid_of(xp: Namespace, x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    most = math.floor(math.log(xp.finfo(x.dtype).max))  # of it the exponential is finite
    return 1 / (1 + xp.exp(xp.minimum(-x, float(most))))


def softplus_of(xp: Namespace, x: Array) -> Array:
    """log(1 + exp(x)), without overflow; its derivative is the sigmoid."""
    return xp.maximum(x, 0.0) + xp.log1p(xp.exp(-xp.abs(x)))


def log_softmax_of(xp: Namespace, x: Array, axis: int) -> Array:
    """x - log(sum(exp(x))) over an axis, without overflow."""
    shifted = x - xp.max(x, axis=axis, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True))
