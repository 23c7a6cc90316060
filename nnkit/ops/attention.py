"""Attention: means of values, weighted by how well their keys fit a query."""

from __future__ import annotations

import math

from nnkit.dispatch import Result, op
from nnkit.ops.common import sum_to
from nnkit.typing import Array, Namespace, Needs

__all__ = ["attention", "attention_weights"]


@op
def attention(
    xp: Namespace,
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    *,
    needs: Needs,
    is_causal: bool = False,
    scale: float | None = None,
) -> Result:
    """y = softmax(scale q k^T + mask) v (Vaswani et al. 2017, arXiv:1706.03762).

    Shapes: q (..., L, E), k (..., S, E), v (..., S, D), y (..., L, D), the other axes broadcast;
    floats of one dtype. `mask`, which broadcasts to (..., L, S), is added, or is bool and True
    where a query may see a key; with `is_causal` query i sees the keys up to i alone. `scale` is
    1 / sqrt(E) where None. A query that may see no key gives 0, as in PyTorch. Every input has a
    gradient but a mask of bools.

    >>> import nnkit
    >>> q, k = nnkit.tensor([[1.0]]), nnkit.tensor([[1.0], [1.0]])
    >>> nnkit.ops.attention(q, k, nnkit.tensor([[2.0], [4.0]])).tolist()
    [[3.0]]
    """
    _check(xp, "attention", q, k, mask)
    if v.dtype != q.dtype or v.ndim < 2 or v.shape[-2] != k.shape[-2]:
        raise ValueError(
            f"attention: v must have the dtype of q and a row for each of the {k.shape[-2]} keys, "
            f"got {v.dtype}{tuple(v.shape)}"
        )
    scaled = q * _scale(q, scale)
    p = _weights(xp, scaled, k, mask, is_causal)

    def vjp(g: Array) -> tuple[Array | None, ...]:
        to_v = sum_to(xp, xp.matmul(xp.matrix_transpose(p), g), v) if needs[2] else None
        if not (needs[0] or needs[1] or needs[3]):
            return None, None, to_v, None
        to_p = xp.matmul(g, xp.matrix_transpose(v))
        wants = (needs[0], needs[1], needs[3])
        dq, dk, to_mask = _to_scores(xp, p, to_p, scaled, k, mask, wants, _scale(q, scale))
        return dq, dk, to_v, to_mask

    return xp.matmul(p, v), vjp if any(needs) else None


attention.multiply_adds = lambda y, q, k, v, *_, **__: (
    math.prod(y.shape[:-1]) * k.shape[-2] * (q.shape[-1] + v.shape[-1])
)


@op
def attention_weights(
    xp: Namespace,
    q: Array,
    k: Array,
    mask: Array | None = None,
    *,
    needs: Needs,
    is_causal: bool = False,
    scale: float | None = None,
) -> Result:
    """p = softmax(scale q k^T + mask): the weights of `attention`, whose arguments these are.

    Shapes: q (..., L, E), k (..., S, E), p (..., L, S). Rows add up to 1, or to 0 for a query that
    may see no key.

    >>> import nnkit
    >>> nnkit.ops.attention_weights(nnkit.tensor([[1.0]]), nnkit.tensor([[1.0], [1.0]])).tolist()
    [[0.5, 0.5]]
    """
    _check(xp, "attention_weights", q, k, mask)
    scaled = q * _scale(q, scale)
    p = _weights(xp, scaled, k, mask, is_causal)

    def vjp(g: Array) -> tuple[Array | None, ...]:
        return _to_scores(xp, p, g, scaled, k, mask, needs, _scale(q, scale))

    return p, vjp if any(needs) else None


attention_weights.multiply_adds = lambda y, q, *_, **__: math.prod(y.shape) * q.shape[-1]


def _scale(q: Array, scale: float | None) -> float:
    return 1.0 / math.sqrt(max(q.shape[-1], 1)) if scale is None else scale


def _weights(xp: Namespace, scaled: Array, k: Array, mask: Array | None, is_causal: bool) -> Array:
    """The softmax of the scores; rows that are masked as a whole are 0."""
    s = xp.matmul(scaled, xp.matrix_transpose(k))
    if mask is not None:
        is_bool = xp.isdtype(mask.dtype, "bool")
        s = xp.where(mask, s, -math.inf) if is_bool else s + mask
    if is_causal:
        i = xp.expand_dims(xp.arange(s.shape[-2], device=s.device), axis=1)
        j = xp.arange(s.shape[-1], device=s.device)
        s = xp.where(j <= i, s, -math.inf)
    largest = xp.max(s, axis=-1, keepdims=True)
    e = xp.exp(s - xp.where(largest == -math.inf, 0.0, largest))
    total = xp.sum(e, axis=-1, keepdims=True)
    return e / xp.where(total == 0, 1.0, total)


def _to_scores(
    xp: Namespace,
    p: Array,
    to_p: Array,
    scaled: Array,
    k: Array,
    mask: Array | None,
    needs: Needs,
    scale: float,
) -> tuple[Array | None, Array | None, Array | None]:
    """The gradients of q, k and the mask, from that of the weights p."""
    to_s = p * (to_p - xp.sum(to_p * p, axis=-1, keepdims=True))
    return (
        sum_to(xp, xp.matmul(to_s, k) * scale, scaled) if needs[0] else None,
        sum_to(xp, xp.matmul(xp.matrix_transpose(to_s), scaled), k) if needs[1] else None,
        sum_to(xp, to_s, mask) if needs[2] else None,
    )


def _check(xp: Namespace, op: str, q: Array, k: Array, mask: Array | None) -> None:
    if min(q.ndim, k.ndim) < 2 or q.shape[-1] != k.shape[-1] or k.shape[-2] == 0:
        raise ValueError(
            f"{op}: q must be (..., L, E) and k (..., S, E) with S >= 1, got {tuple(q.shape)} and "
            f"{tuple(k.shape)}"
        )
    if q.dtype != k.dtype:
        raise TypeError(f"{op}: q and k must have one dtype, got {q.dtype} and {k.dtype}")
    if mask is not None and not (mask.dtype == q.dtype or xp.isdtype(mask.dtype, "bool")):
        raise TypeError(
            f"{op}: mask must be bool (True: seen) or {q.dtype} (added), got {mask.dtype}"
        )
