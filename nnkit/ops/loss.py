"""Losses: how far predictions are from their targets."""

from __future__ import annotations

import math
from typing import Any

from nnkit.dispatch import Result, op
from nnkit.errors import closest
from nnkit.typing import Array, Namespace, Needs, Shape

__all__ = ["cross_entropy", "mse_loss"]

REDUCTIONS = ("mean", "sum", "none")


@op
def cross_entropy(
    xp: Namespace, logits: Array, target: Array, *, needs: Needs, reduction: str = "mean"
) -> Result:
    """loss_n = -sum_c p_nc log softmax(logits_n)_c, where p is the target's distribution.

    Shapes: logits (N, C) or (C,); target integers (N,) or (), class numbers in [0, C), or floats of
    the shape of logits, one-hot or any probabilities. `reduction` is 'mean' over N, 'sum' or
    'none'. d/dlogits = softmax(logits) sum(p) - p. A class number outside [0, C) gives NaN, so that
    it is seen. The target has no gradient.
    """
    check_cross_entropy(xp, logits, target, reduction)
    shifted = logits - xp.max(logits, axis=-1, keepdims=True)
    log_p = shifted - xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))
    p = _distribution(xp, logits, target)
    rows = -xp.sum(xp.where(p == 0, 0.0, p * log_p), axis=-1)  # 0 log 0 = 0
    scale = loss_scale(rows.shape, reduction)

    def vjp(g: Array) -> tuple[Array, None]:
        spread = xp.expand_dims(g * scale, axis=-1)
        return spread * (xp.exp(log_p) * xp.sum(p, axis=-1, keepdims=True) - p), None

    return reduce_losses(xp, rows, reduction), vjp if needs[0] else None


def _distribution(xp: Namespace, logits: Array, target: Array) -> Array:
    if target.ndim == logits.ndim:
        return target
    classes = xp.arange(logits.shape[-1], dtype=target.dtype, device=logits.device)
    column = xp.expand_dims(target, axis=-1)
    inside = (column >= 0) & (column < logits.shape[-1])
    hot = xp.astype(column == classes, logits.dtype)
    return xp.where(inside, hot, math.nan)


def check_cross_entropy(xp: Namespace, logits: Array, target: Array, reduction: str) -> None:
    """Refuse logits and targets that do not fit each other."""
    check_reduction("cross_entropy", reduction)
    shape, classes = tuple(target.shape), tuple(logits.shape)
    if logits.ndim not in (1, 2):
        raise ValueError(f"cross_entropy: logits must be (N, C) or (C,), got {classes}")
    if xp.isdtype(target.dtype, "integral"):
        if shape != classes[:-1]:
            raise ValueError(
                f"cross_entropy: integer targets for logits {classes} must have the shape "
                f"{classes[:-1]}, got {shape}"
            )
    elif target.dtype != logits.dtype:
        raise TypeError(
            f"cross_entropy: targets must be integers (class numbers) or {logits.dtype} "
            f"(probabilities), got {target.dtype}"
        )
    elif shape != classes:
        raise ValueError(
            f"cross_entropy: targets as probabilities must have the shape of the logits {classes}, "
            f"got {shape}"
        )


@op
def mse_loss(
    xp: Namespace, prediction: Array, target: Array, *, needs: Needs, reduction: str = "mean"
) -> Result:
    """loss = (prediction - target)^2, its mean over all elements, its sum, or as it is ('none').

    Both of one shape and float dtype. d/dprediction = 2 (prediction - target), d/dtarget its
    negative.
    """
    check_mse_loss(prediction, target, reduction)
    difference = prediction - target
    scale = loss_scale(difference.shape, reduction)

    def vjp(g: Array) -> tuple[Array | None, Array | None]:
        d = difference * (g * (2.0 * scale))
        return (d if needs[0] else None), (-d if needs[1] else None)

    return reduce_losses(xp, difference * difference, reduction), vjp if any(needs) else None


def check_mse_loss(prediction: Array, target: Array, reduction: str) -> None:
    """Refuse a prediction and a target that do not fit each other."""
    check_reduction("mse_loss", reduction)
    if tuple(prediction.shape) != tuple(target.shape) or prediction.dtype != target.dtype:
        raise ValueError(
            f"mse_loss: prediction and target must agree in shape and dtype, got "
            f"{prediction.dtype}{tuple(prediction.shape)} and {target.dtype}{tuple(target.shape)}"
        )


def check_reduction(op: str, reduction: str) -> None:
    """Refuse a reduction that is not known."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"{op}: unknown reduction {reduction!r}. {closest(reduction, REDUCTIONS)}")


def loss_scale(shape: Shape, reduction: str) -> float:
    """The derivative of the reduced loss by each of the losses of this shape."""
    return 1.0 / max(math.prod(shape), 1) if reduction == "mean" else 1.0


def reduce_losses(xp: Namespace, losses: Array, reduction: str) -> Any:
    """Their mean or sum, or the losses as they are."""
    if reduction == "mean":
        return xp.mean(losses)
    return xp.sum(losses) if reduction == "sum" else losses
