"""Losses of classes: a target says which class is right, or how likely each of them is."""

from __future__ import annotations

import math

from nnkit.dispatch import Result, op
from nnkit.ops.common import log_softmax_of
from nnkit.ops.loss import check_reduction, loss_scale, reduce_losses
from nnkit.typing import Array, Namespace, Needs

__all__ = ["cross_entropy", "multi_margin_loss", "nll_loss"]

IGNORED = -100
"""The class number that is passed over unless another is named: PyTorch's."""


@op
def cross_entropy(
    xp: Namespace,
    logits: Array,
    target: Array,
    weight: Array | None = None,
    *,
    needs: Needs,
    ignore_index: int = IGNORED,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Result:
    """loss_n = -sum_c w_c q_nc log softmax(logits_n)_c, where q is the target's distribution.

    Shapes: logits (N, C), (C,) or (N, C, ...); target integers (N, ...), class numbers in [0, C),
    or floats of the shape of logits, one-hot or any probabilities; weight (C,), all 1 where None.
    q = (1 - label_smoothing) p + label_smoothing / C (Szegedy et al. 2016, arXiv:1512.00567), where
    p is one-hot or the target itself. A target of `ignore_index` counts for nothing; any other
    class number outside [0, C) gives NaN, so that it is seen.

    `reduction` 'mean' divides the sum by that of the weights of the targets' classes, or by N for
    probabilities. d/dlogits = softmax(logits) sum(w q) - w q; target and weight have no gradient.

    >>> import nnkit
    >>> round(nnkit.ops.cross_entropy(nnkit.tensor([[2.0, 0.0]]), nnkit.tensor([0])).item(), 4)
    0.1269
    """
    check_cross_entropy(xp, logits, target, reduction, weight, label_smoothing)
    axis = class_axis(logits)
    log_p = log_softmax_of(xp, logits, axis)
    soft = target.ndim == logits.ndim
    kept = None if soft else not_ignored(xp, target, ignore_index)
    p = target if soft else one_hot(xp, logits, target, axis)
    q = p * (1.0 - label_smoothing) + label_smoothing / logits.shape[axis] if label_smoothing else p
    q = _weighted(xp, q, weight, kept, axis)
    losses = -xp.sum(xp.where(q == 0, 0.0, q * log_p), axis=axis)  # 0 log 0 = 0
    y, share = _reduced(xp, losses, None if soft else p, weight, kept, axis, reduction)

    def vjp(g: Array) -> tuple[Array, None, None]:
        spread = g * share if reduction != "none" else xp.expand_dims(g, axis=axis)
        return spread * (xp.exp(log_p) * xp.sum(q, axis=axis, keepdims=True) - q), None, None

    return y, vjp if needs[0] else None


@op
def nll_loss(
    xp: Namespace,
    log_p: Array,
    target: Array,
    weight: Array | None = None,
    *,
    needs: Needs,
    ignore_index: int = IGNORED,
    reduction: str = "mean",
) -> Result:
    """loss_n = -w_t log_p_nt with t = target_n: cross-entropy of what is log-softmax already.

    Shapes: log_p (N, C), (C,) or (N, C, ...); target integers (N, ...) in [0, C), or `ignore_index`
    for those that count for nothing; weight (C,). 'mean' divides by the sum of w_t.

    >>> import nnkit
    >>> nnkit.ops.nll_loss(nnkit.tensor([[-0.5, -1.0]]), nnkit.tensor([1])).item()
    1.0
    """
    check_classes(xp, "nll_loss", log_p, target, reduction, weight)
    axis = class_axis(log_p)
    kept, p = not_ignored(xp, target, ignore_index), one_hot(xp, log_p, target, axis)
    q = _weighted(xp, p, weight, kept, axis)
    losses = -xp.sum(xp.where(q == 0, 0.0, q * log_p), axis=axis)
    y, share = _reduced(xp, losses, p, weight, kept, axis, reduction)

    def vjp(g: Array) -> tuple[Array, None, None]:
        spread = g * share if reduction != "none" else xp.expand_dims(g, axis=axis)
        return spread * -q, None, None

    return y, vjp if needs[0] else None


@op
def multi_margin_loss(
    xp: Namespace,
    scores: Array,
    target: Array,
    weight: Array | None = None,
    *,
    needs: Needs,
    p: int = 1,
    margin: float = 1.0,
    reduction: str = "mean",
) -> Result:
    """loss_n = w_t / C sum_{c != t} max(0, margin - s_t + s_c)^p, with s = scores_n, t = target_n.

    The hinge of several classes (Weston and Watkins 1999). Shapes: scores (N, C) or (C,), target
    integers (N,) or () in [0, C), weight (C,); p is 1 or 2; 'mean' divides by N.

    >>> import nnkit
    >>> nnkit.ops.multi_margin_loss(nnkit.tensor([[2.0, 1.5]]), nnkit.tensor([0])).item()
    0.25
    """
    check_classes(xp, "multi_margin_loss", scores, target, reduction, weight)
    if p not in (1, 2) or scores.ndim > 2:
        raise ValueError(
            f"multi_margin_loss: p must be 1 or 2 and scores (N, C) or (C,), got p={p} and "
            f"{tuple(scores.shape)}"
        )
    hot = one_hot(xp, scores, target, -1)
    own = xp.sum(hot * scores, axis=-1, keepdims=True)
    excess = xp.where(hot == 1, 0.0, xp.maximum(margin - own + scores, 0.0))
    share = _along(xp, weight, scores, -1) * hot if weight is not None else hot
    share = xp.sum(share, axis=-1, keepdims=True) * (1 / scores.shape[-1])
    losses = xp.sum(share * (excess if p == 1 else excess * excess), axis=-1)
    scale = loss_scale(losses.shape, reduction)

    def vjp(g: Array) -> tuple[Array, None, None]:
        slope = share * (2 * excess if p == 2 else xp.astype(excess > 0, scores.dtype))
        spread = xp.expand_dims(g * scale, axis=-1) if reduction == "none" else g * scale
        return spread * (slope - hot * xp.sum(slope, axis=-1, keepdims=True)), None, None

    return reduce_losses(xp, losses, reduction), vjp if needs[0] else None


def class_axis(logits: Array) -> int:
    """The axis of the classes: the second, or the only one."""
    return 1 if logits.ndim > 1 else 0


def one_hot(xp: Namespace, like: Array, target: Array, axis: int) -> Array:
    """1 at the class of each target, 0 elsewhere; NaN for a class number that is none."""
    column = xp.expand_dims(target, axis=axis)
    inside = (column >= 0) & (column < like.shape[axis])
    classes = xp.arange(like.shape[axis], dtype=target.dtype, device=like.device)
    hot = xp.astype(column == _along(xp, classes, like, axis), like.dtype)
    return xp.where(inside, hot, math.nan)


def not_ignored(xp: Namespace, target: Array, ignore_index: int) -> Array | None:
    """Which targets count; None where the dtype cannot hold the one that does not."""
    limits = xp.iinfo(target.dtype)
    return target != ignore_index if limits.min <= ignore_index <= limits.max else None


def _along(xp: Namespace, classes: Array, like: Array, axis: int) -> Array:
    """Numbers (C,), one for each class, so that they broadcast along the axis of `like`."""
    return xp.reshape(classes, (-1,) + (1,) * (like.ndim - 1 - axis % like.ndim))


def _weighted(
    xp: Namespace, q: Array, weight: Array | None, kept: Array | None, axis: int
) -> Array:
    """The share of each class in the loss; 0 for targets that are ignored."""
    if weight is not None:
        q = _along(xp, weight, q, axis) * q
    return q if kept is None else xp.where(xp.expand_dims(kept, axis=axis), q, 0.0)


def _reduced(
    xp: Namespace,
    losses: Array,
    p: Array | None,
    weight: Array | None,
    kept: Array | None,
    axis: int,
    reduction: str,
) -> tuple[Array, Array | float]:
    """The reduced losses and the share of each in it; p is None for targets of probabilities."""
    plain = p is None or (weight is None and kept is None)
    if reduction != "mean" or plain:
        return reduce_losses(xp, losses, reduction), loss_scale(losses.shape, reduction)
    total = xp.sum(xp.astype(kept, losses.dtype)) if weight is None else None
    if total is None:
        total = xp.sum(_weighted(xp, p, weight, kept, axis))
    nothing = total == 0  # all ignored: NaN is the mean of nothing, but nothing is to be learnt
    return xp.sum(losses) / total, 1 / xp.where(nothing, xp.ones_like(total), total)


def check_cross_entropy(
    xp: Namespace,
    logits: Array,
    target: Array,
    reduction: str,
    weight: Array | None = None,
    label_smoothing: float = 0.0,
) -> None:
    """Refuse logits and targets that do not fit each other."""
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"cross_entropy: label_smoothing must be in [0, 1], got {label_smoothing}")
    if xp.isdtype(target.dtype, "integral"):
        check_classes(xp, "cross_entropy", logits, target, reduction, weight)
        return
    check_reduction("cross_entropy", reduction)
    _check_scores("cross_entropy", logits, weight)
    if target.dtype != logits.dtype:
        raise TypeError(
            f"cross_entropy: targets must be integers (class numbers) or {logits.dtype} "
            f"(probabilities), got {target.dtype}"
        )
    if tuple(target.shape) != tuple(logits.shape):
        raise ValueError(
            "cross_entropy: targets as probabilities must have the shape of the logits "
            f"{tuple(logits.shape)}, got {tuple(target.shape)}. Fix: class numbers are integers."
        )


def check_classes(
    xp: Namespace, op: str, scores: Array, target: Array, reduction: str, weight: Array | None
) -> None:
    """Refuse scores and class numbers that do not fit each other."""
    check_reduction(op, reduction)
    _check_scores(op, scores, weight)
    if not xp.isdtype(target.dtype, "integral"):
        raise TypeError(f"{op}: targets must be class numbers, integers, got {target.dtype}")
    shape, axis = tuple(scores.shape), class_axis(scores)
    wanted = shape[:axis] + shape[axis + 1 :]
    if tuple(target.shape) != wanted:
        raise ValueError(
            f"{op}: integer targets for scores {shape} must have the shape {wanted}, got "
            f"{tuple(target.shape)}"
        )


def _check_scores(op: str, scores: Array, weight: Array | None) -> None:
    shape = tuple(scores.shape)
    if not shape:
        raise ValueError(f"{op}: the scores of classes must be (N, C, ...) or (C,), got {shape}")
    classes = shape[class_axis(scores)]
    if weight is not None and (tuple(weight.shape) != (classes,) or weight.dtype != scores.dtype):
        raise ValueError(
            f"{op}: weight must be {scores.dtype}({classes},), one number for each class, got "
            f"{weight.dtype}{tuple(weight.shape)}"
        )
