"""Operations that fold axes away, or add up along one."""

from __future__ import annotations

import math
from typing import Any

from nnkit.dispatch import Result, op
from nnkit.ops.common import keep_axes, normalize_axes
from nnkit.typing import Array, Axis, Namespace, Needs, Shape

__all__ = ["argmax", "cumsum", "max", "mean", "min", "norm", "std", "sum", "var"]


@op
def sum(
    xp: Namespace, x: Array, *, needs: Needs, axis: Axis = None, keepdims: bool = False
) -> Result:
    """The sum over `axis` (all axes where None); floats keep their dtype, integers widen.

    >>> import nnkit
    >>> nnkit.ops.sum(nnkit.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0).tolist()
    [4.0, 6.0]
    """
    axes = normalize_axes("sum", axis, x.ndim)
    kept = keep_axes(x.shape, axes)
    y = xp.sum(x, axis=axes, keepdims=keepdims)

    def vjp(g: Array) -> tuple[Array]:
        return (xp.broadcast_to(xp.reshape(g, kept), x.shape),)

    return y, vjp if needs[0] else None


@op
def mean(
    xp: Namespace, x: Array, *, needs: Needs, axis: Axis = None, keepdims: bool = False
) -> Result:
    """The mean over `axis` (all axes where None); floats only. d/dx = 1 / n.

    >>> import nnkit
    >>> nnkit.ops.mean(nnkit.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=1).tolist()
    [1.5, 3.5]
    """
    axes = normalize_axes("mean", axis, x.ndim)
    kept = keep_axes(x.shape, axes)
    count = math.prod(x.shape[a] for a in axes)
    y = xp.mean(x, axis=axes, keepdims=keepdims)

    def vjp(g: Array) -> tuple[Array]:
        return (xp.broadcast_to(xp.reshape(g, kept) * (1.0 / (count or 1)), x.shape),)

    return y, vjp if needs[0] else None


@op
def max(
    xp: Namespace, x: Array, *, needs: Needs, axis: Axis = None, keepdims: bool = False
) -> Result:
    """The largest element over `axis`, NaN if there is one; equal largest share the gradient.

    >>> import nnkit
    >>> nnkit.ops.max(nnkit.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0).tolist()
    [3.0, 4.0]
    """
    return _extreme(xp, xp.max, "max", x, needs, axis, keepdims)


@op
def min(
    xp: Namespace, x: Array, *, needs: Needs, axis: Axis = None, keepdims: bool = False
) -> Result:
    """The smallest element over `axis`, NaN if there is one; equal smallest share the gradient.

    >>> import nnkit
    >>> nnkit.ops.min(nnkit.tensor([[1.0, 2.0], [3.0, 4.0]])).item()
    1.0
    """
    return _extreme(xp, xp.min, "min", x, needs, axis, keepdims)


def _extreme(
    xp: Namespace, fold: Any, name: str, x: Array, needs: Needs, axis: Axis, keepdims: bool
) -> Result:
    axes = normalize_axes(name, axis, x.ndim)
    kept = keep_axes(x.shape, axes)
    y = fold(x, axis=axes, keepdims=True)

    def vjp(g: Array) -> tuple[Array]:
        hits = xp.astype(x == y, g.dtype)
        return (xp.reshape(g, kept) * hits / xp.sum(hits, axis=axes, keepdims=True),)

    result = y if keepdims else xp.squeeze(y, axis=axes)
    return result, vjp if needs[0] else None


@op
def argmax(
    xp: Namespace, x: Array, *, needs: Needs, axis: int | None = None, keepdims: bool = False
) -> Result:
    """The position (int64) of the first largest element over `axis`; has no gradient.

    >>> import nnkit
    >>> nnkit.ops.argmax(nnkit.tensor([1.0, 3.0, 2.0])).item()
    1
    """
    return xp.argmax(x, axis=axis, keepdims=keepdims), None


@op
def cumsum(xp: Namespace, x: Array, *, needs: Needs, axis: int, reverse: bool = False) -> Result:
    """y_i = x_0 + ... + x_i along `axis`, or x_i + ... + x_n with `reverse`.

    d/dx sums g from the other end.

    >>> import nnkit
    >>> nnkit.ops.cumsum(nnkit.tensor([1.0, 2.0, 3.0]), axis=0).tolist()
    [1.0, 3.0, 6.0]
    """
    (axis,) = normalize_axes("cumsum", axis, x.ndim)

    def total(a: Array, backwards: bool) -> Array:
        if not backwards:
            return xp.cumulative_sum(a, axis=axis)
        return xp.flip(xp.cumulative_sum(xp.flip(a, axis=axis), axis=axis), axis=axis)

    return total(x, reverse), (lambda g: (total(g, not reverse),)) if needs[0] else None


@op
def var(
    xp: Namespace,
    x: Array,
    *,
    needs: Needs,
    axis: Axis = None,
    keepdims: bool = False,
    correction: float = 1,
) -> Result:
    """y = sum((x - mean)^2) / (n - correction) over `axis` (all axes where None); floats only.

    NaN where n <= correction. d/dx = 2 (x - mean) / (n - correction).

    >>> import nnkit
    >>> nnkit.ops.var(nnkit.tensor([1.0, 3.0])).item()
    2.0
    """
    centred, scale, kept = _centred(xp, "var", x, axis, correction)
    axes = normalize_axes("var", axis, x.ndim)
    y = scale * xp.sum(centred * centred, axis=axes, keepdims=keepdims)
    return y, (lambda g: (xp.reshape(g, kept) * (2 * scale) * centred,)) if needs[0] else None


@op
def std(
    xp: Namespace,
    x: Array,
    *,
    needs: Needs,
    axis: Axis = None,
    keepdims: bool = False,
    correction: float = 1,
) -> Result:
    """The square root of `var`. d/dx = (x - mean) / ((n - correction) y), 0 where y = 0.

    >>> import nnkit
    >>> nnkit.ops.std(nnkit.tensor([1.0, 3.0]), correction=0).item()
    1.0
    """
    centred, scale, kept = _centred(xp, "std", x, axis, correction)
    axes = normalize_axes("std", axis, x.ndim)
    y = xp.sqrt(scale * xp.sum(centred * centred, axis=axes, keepdims=True))

    def vjp(g: Array) -> tuple[Array]:
        divisor = xp.where(y == 0, xp.ones_like(y), y)
        return (xp.reshape(g, kept) * scale / divisor * centred,)

    return y if keepdims else xp.squeeze(y, axis=axes), vjp if needs[0] else None


def _centred(
    xp: Namespace, name: str, x: Array, axis: Axis, correction: float
) -> tuple[Array, float, Shape]:
    """X less its mean, 1 / (n - correction), and the shape with the axes kept."""
    axes = normalize_axes(name, axis, x.ndim)
    degrees = math.prod(x.shape[a] for a in axes) - correction
    centred = x - xp.mean(x, axis=axes, keepdims=True)
    return centred, 1 / degrees if degrees > 0 else math.nan, keep_axes(x.shape, axes)


@op
def norm(
    xp: Namespace,
    x: Array,
    *,
    needs: Needs,
    p: float = 2.0,
    axis: Axis = None,
    keepdims: bool = False,
) -> Result:
    """y = sum(|x|^p)^(1/p) over `axis` (all axes where None), or max |x| for p = inf; floats only.

    d/dx = sign(x) (|x| / y)^(p-1), 0 where y = 0; for p = inf equal largest share the gradient.

    >>> import nnkit
    >>> nnkit.ops.norm(nnkit.tensor([3.0, 4.0])).item()
    5.0
    """
    if not p >= 1:
        raise ValueError(f"norm: p must be at least 1, got {p}")
    axes = normalize_axes("norm", axis, x.ndim)
    kept = keep_axes(x.shape, axes)
    size = xp.abs(x)
    if p == math.inf:
        y = xp.max(size, axis=axes, keepdims=True)
    else:
        y = xp.sum(size if p == 1 else size**p, axis=axes, keepdims=True)
        y = y if p == 1 else xp.sqrt(y) if p == 2 else y ** (1 / p)

    def vjp(g: Array) -> tuple[Array]:
        if p == math.inf:
            hits = xp.astype(size == y, g.dtype)
            share = hits / xp.sum(hits, axis=axes, keepdims=True)
        else:
            share = (size / xp.where(y == 0, xp.ones_like(y), y)) ** (p - 1)
        return (xp.reshape(g, kept) * share * xp.sign(x),)

    return y if keepdims else xp.squeeze(y, axis=axes), vjp if needs[0] else None
