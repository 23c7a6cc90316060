"""Products of matrices."""

from __future__ import annotations

import math

from nnkit.dispatch import Result, op
from nnkit.ops.common import sum_to
from nnkit.typing import Array, Namespace, Needs

__all__ = ["linear", "matmul"]


@op
def matmul(xp: Namespace, a: Array, b: Array, *, needs: Needs) -> Result:
    """a @ b over the last two axes, the others broadcast; a vector is a row (a) or a column (b).

    y = a b, d/da = g b^T, d/db = a^T g. Floats, both of one dtype.

    >>> import nnkit
    >>> nnkit.ops.matmul(nnkit.tensor([[1.0, 2.0]]), nnkit.tensor([[3.0], [4.0]])).tolist()
    [[11.0]]
    """
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError(f"matmul: both arrays need an axis, got shapes {a.shape} and {b.shape}")
    rows = xp.expand_dims(a, axis=0) if a.ndim == 1 else a
    columns = xp.expand_dims(b, axis=1) if b.ndim == 1 else b
    if rows.shape[-1] != columns.shape[-2]:
        raise ValueError(
            f"matmul: the last axis of a must be as long as the last but one of b, got shapes "
            f"{tuple(a.shape)} and {tuple(b.shape)}"
        )
    y = xp.matmul(rows, columns)
    shape = y.shape

    def vjp(g: Array) -> tuple[Array | None, Array | None]:
        g = xp.reshape(g, shape)
        to_a = sum_to(xp, xp.matmul(g, xp.matrix_transpose(columns)), rows) if needs[0] else None
        to_b = sum_to(xp, xp.matmul(xp.matrix_transpose(rows), g), columns) if needs[1] else None
        return (
            None if to_a is None else xp.reshape(to_a, a.shape),
            None if to_b is None else xp.reshape(to_b, b.shape),
        )

    if a.ndim == 1:
        y = xp.squeeze(y, axis=-2)
    if b.ndim == 1:
        y = xp.squeeze(y, axis=-1)
    return y, vjp if any(needs) else None


# Each element of y is a sum over the axis that both arrays have.
matmul.multiply_adds = lambda y, a, b: math.prod(y.shape) * a.shape[-1]


@op
def linear(
    xp: Namespace, x: Array, weight: Array, bias: Array | None = None, *, needs: Needs
) -> Result:
    """y = x weight^T + bias.

    Shapes: x (..., in), weight (out, in), bias (out), y (..., out); floats, all of one dtype.

    >>> import nnkit
    >>> x, weight = nnkit.tensor([[1.0, 2.0]]), nnkit.tensor([[3.0, 4.0]])
    >>> nnkit.ops.linear(x, weight, nnkit.tensor([0.5])).tolist()
    [[11.5]]
    """
    _check_linear(x, weight, bias)
    flat = xp.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1])) if x.ndim != 2 else x
    y = xp.ext.matmul_add(flat, xp.matrix_transpose(weight), bias)
    shape = (*x.shape[:-1], weight.shape[0])

    def vjp(g: Array) -> tuple[Array | None, ...]:
        g = xp.reshape(g, (flat.shape[0], weight.shape[0]))
        return (
            xp.reshape(xp.matmul(g, weight), x.shape) if needs[0] else None,
            xp.matmul(xp.matrix_transpose(g), flat) if needs[1] else None,
            xp.sum(g, axis=0) if needs[2] else None,
        )

    return xp.reshape(y, shape), vjp if any(needs) else None


linear.multiply_adds = lambda y, x, weight, bias=None: math.prod(y.shape) * weight.shape[1]


def _check_linear(x: Array, weight: Array, bias: Array | None) -> None:
    if x.ndim == 0 or x.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"linear: the last axis of x must be the layer's in_features = {weight.shape[1]}, got "
            f"x of shape {tuple(x.shape)}"
        )
    if x.dtype != weight.dtype:
        raise TypeError(
            f"linear: x must have the weight's dtype {weight.dtype}, got {x.dtype}. "
            "Fix: x.astype(...), or the layer's dtype argument."
        )
    if bias is not None and tuple(bias.shape) != (weight.shape[0],):
        raise ValueError(
            f"linear: bias must have the shape ({weight.shape[0]},), got {tuple(bias.shape)}"
        )
