"""Operations that fold axes away, and the normalisations built on them."""

from __future__ import annotations

import math
from typing import Any

from nnkit.dispatch import Result, op
from nnkit.ops.common import keep_axes, normalize_axes
from nnkit.typing import Array, Axis, Namespace, Needs

__all__ = ["argmax", "log_softmax", "max", "mean", "min", "softmax", "sum"]


@op
def sum(
    xp: Namespace, x: Array, *, needs: Needs, axis: Axis = None, keepdims: bool = False
) -> Result:
    """The sum over `axis` (all axes where None); floats keep their dtype, integers widen."""
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
    """The mean over `axis` (all axes where None); floats only. d/dx = 1 / n."""
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
    """The largest element over `axis`, NaN if there is one; equal largest share the gradient."""
    return _extreme(xp, xp.max, "max", x, needs, axis, keepdims)


@op
def min(
    xp: Namespace, x: Array, *, needs: Needs, axis: Axis = None, keepdims: bool = False
) -> Result:
    """The smallest element over `axis`, NaN if there is one; equal smallest share the gradient."""
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
    """The position (int64) of the first largest element over `axis`; has no gradient."""
    return xp.argmax(x, axis=axis, keepdims=keepdims), None


@op
def softmax(xp: Namespace, x: Array, *, needs: Needs, axis: int = -1) -> Result:
    """y = exp(x) / sum(exp(x)) over `axis`, without overflow. d/dx = y (g - sum(g y))."""
    (axis,) = normalize_axes("softmax", axis, x.ndim)
    e = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    y = e / xp.sum(e, axis=axis, keepdims=True)
    return y, (lambda g: (y * (g - xp.sum(g * y, axis=axis, keepdims=True)),)) if needs[0] else None


@op
def log_softmax(xp: Namespace, x: Array, *, needs: Needs, axis: int = -1) -> Result:
    """y = x - log(sum(exp(x))) over `axis`, without overflow. d/dx = g - exp(y) sum(g)."""
    (axis,) = normalize_axes("log_softmax", axis, x.ndim)
    shifted = x - xp.max(x, axis=axis, keepdims=True)
    y = shifted - xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True))

    def vjp(g: Array) -> tuple[Array]:
        return (g - xp.exp(y) * xp.sum(g, axis=axis, keepdims=True),)

    return y, vjp if needs[0] else None
