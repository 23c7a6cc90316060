"""Losses by the difference of prediction and target, and what all losses share.

Those of classes stand in `loss_classes.py`, those of probabilities and signs in `loss_binary.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from nnkit.dispatch import Result, op
from nnkit.errors import closest
from nnkit.typing import Array, Namespace, Needs, Shape

__all__ = ["half_squared_error", "huber_loss", "l1_loss", "mse_loss", "smooth_l1_loss"]

REDUCTIONS = ("mean", "sum", "none")


@op
def mse_loss(
    xp: Namespace, prediction: Array, target: Array, *, needs: Needs, reduction: str = "mean"
) -> Result:
    """loss = (prediction - target)^2, its mean over all elements, its sum, or as it is ('none').

    Both of one shape and float dtype. d/dprediction = 2 (prediction - target), d/dtarget its
    negative.

    >>> import nnkit
    >>> nnkit.ops.mse_loss(nnkit.tensor([1.0, 4.0]), nnkit.tensor([1.0, 2.0])).item()
    2.0
    """
    check_mse_loss(prediction, target, reduction)
    difference = prediction - target
    losses = difference * difference
    return _by_difference(xp, losses, lambda: difference, needs, reduction, factor=2.0)


@op
def half_squared_error(
    xp: Namespace, prediction: Array, target: Array, *, needs: Needs, reduction: str = "sum"
) -> Result:
    """loss = (prediction - target)^2 / 2, by default its sum over all elements.

    Both of one shape and float dtype. d/dprediction = prediction - target, d/dtarget its negative.

    >>> import nnkit
    >>> nnkit.ops.half_squared_error(nnkit.tensor([1.0, 4.0]), nnkit.tensor([1.0, 2.0])).item()
    2.0
    """
    check_alike("half_squared_error", prediction, target, reduction)
    difference = prediction - target
    losses = 0.5 * (difference * difference)
    return _by_difference(xp, losses, lambda: difference, needs, reduction)


@op
def l1_loss(
    xp: Namespace, prediction: Array, target: Array, *, needs: Needs, reduction: str = "mean"
) -> Result:
    """loss = |prediction - target|; both of one shape and float dtype.

    d/dprediction = sign(prediction - target), 0 where they are equal, d/dtarget its negative.

    >>> import nnkit
    >>> nnkit.ops.l1_loss(nnkit.tensor([1.0, 4.0]), nnkit.tensor([1.0, 2.0])).item()
    1.0
    """
    check_alike("l1_loss", prediction, target, reduction)
    difference = prediction - target
    losses = xp.abs(difference)
    return _by_difference(xp, losses, lambda: xp.sign(difference), needs, reduction)


@op
def huber_loss(
    xp: Namespace,
    prediction: Array,
    target: Array,
    *,
    needs: Needs,
    reduction: str = "mean",
    delta: float = 1.0,
) -> Result:
    """loss = e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2); e = prediction - target.

    Both of one shape and float dtype (Huber 1964). d/dprediction = e held within [-delta, delta].

    >>> import nnkit
    >>> nnkit.ops.huber_loss(nnkit.tensor([1.0, 4.0]), nnkit.tensor([1.0, 2.0])).item()
    0.75
    """
    check_alike("huber_loss", prediction, target, reduction)
    check_positive("huber_loss", "delta", delta)
    difference = prediction - target
    held = xp.clip(difference, -delta, delta)
    losses = held * (difference - 0.5 * held)
    return _by_difference(xp, losses, lambda: held, needs, reduction)


@op
def smooth_l1_loss(
    xp: Namespace,
    prediction: Array,
    target: Array,
    *,
    needs: Needs,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Result:
    """loss = e^2 / (2 beta) where |e| <= beta, else |e| - beta / 2; e = prediction - target.

    Both of one shape and float dtype (Girshick 2015, arXiv:1504.08083); it is the Huber loss
    divided by beta. d/dprediction = e / beta held within [-1, 1].

    >>> import nnkit
    >>> nnkit.ops.smooth_l1_loss(nnkit.tensor([1.0, 4.0]), nnkit.tensor([1.0, 2.0])).item()
    0.75
    """
    check_alike("smooth_l1_loss", prediction, target, reduction)
    check_positive("smooth_l1_loss", "beta", beta)
    difference = prediction - target
    held = xp.clip(difference, -beta, beta)
    losses = held * (difference - 0.5 * held) * (1 / beta)
    return _by_difference(xp, losses, lambda: held * (1 / beta), needs, reduction)


def _by_difference(
    xp: Namespace,
    losses: Array,
    slope: Callable[[], Array],
    needs: Needs,
    reduction: str,
    factor: float = 1.0,
) -> Result:
    """The reduced losses; `factor` times `slope` is their derivative by the prediction."""
    scale = factor * loss_scale(losses.shape, reduction)

    def vjp(g: Array) -> tuple[Array | None, Array | None]:
        d = slope() * (g * scale)
        return (d if needs[0] else None), (-d if needs[1] else None)

    return reduce_losses(xp, losses, reduction), vjp if any(needs) else None


def check_mse_loss(prediction: Array, target: Array, reduction: str) -> None:
    """Refuse a prediction and a target that do not fit each other."""
    check_alike("mse_loss", prediction, target, reduction)


def check_alike(op: str, prediction: Array, target: Array, reduction: str) -> None:
    """Refuse a prediction and a target that do not agree in shape and dtype."""
    check_reduction(op, reduction)
    if tuple(prediction.shape) != tuple(target.shape) or prediction.dtype != target.dtype:
        raise ValueError(
            f"{op}: prediction and target must agree in shape and dtype, got "
            f"{prediction.dtype}{tuple(prediction.shape)} and {target.dtype}{tuple(target.shape)}"
        )


def check_reduction(op: str, reduction: str, known: tuple[str, ...] = REDUCTIONS) -> None:
    """Refuse a reduction that is not known."""
    if reduction not in known:
        raise ValueError(f"{op}: unknown reduction {reduction!r}. {closest(reduction, known)}")


def check_positive(op: str, name: str, value: float) -> None:
    """Refuse a number that is not above 0."""
    if not value > 0:
        raise ValueError(f"{op}: {name} must be above 0, got {value}")


def loss_scale(shape: Shape, reduction: str) -> float:
    """The derivative of the reduced loss by each of the losses of this shape."""
    return 1.0 / max(math.prod(shape), 1) if reduction == "mean" else 1.0


def reduce_losses(xp: Namespace, losses: Array, reduction: str) -> Any:
    """Their mean or sum, or the losses as they are."""
    if reduction == "mean":
        return xp.mean(losses)
    return xp.sum(losses) if reduction == "sum" else losses
