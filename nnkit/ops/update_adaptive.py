"""Updates with a step size for each element, without a running mean of the gradient."""

from __future__ import annotations

from nnkit.dispatch import update
from nnkit.ops.update import penalised
from nnkit.typing import Array, Namespace


@update(writes=("param", "total"), elementwise=True)
def adagrad(
    xp: Namespace,
    param: Array,
    grad: Array,
    total: Array,
    lr: Array,
    step: Array,
    *,
    lr_decay: float,
    weight_decay: float,
    eps: float,
) -> None:
    """Adagrad (Duchi, Hazan and Singer 2011).

    g = grad + weight_decay param; t = t + g^2;
    param = param - lr / (1 + (step - 1) lr_decay) g / (sqrt(t) + eps).
    """
    g = penalised(grad, param, weight_decay)
    total += g * g
    rate = lr / (1.0 + (step - 1.0) * lr_decay) if lr_decay else lr
    param -= rate * g / (xp.sqrt(total) + eps)


@update(writes=("param", "square", "moved"), elementwise=True)
def adadelta(
    xp: Namespace,
    param: Array,
    grad: Array,
    square: Array,
    moved: Array,
    lr: Array,
    *,
    rho: float,
    eps: float,
    weight_decay: float,
) -> None:
    """Adadelta (Zeiler 2012, arXiv:1212.5701).

    g = grad + weight_decay param; s = rho s + (1 - rho) g^2; d = sqrt(m + eps) / sqrt(s + eps) g;
    m = rho m + (1 - rho) d^2; param = param - lr d.
    """
    g = penalised(grad, param, weight_decay)
    square *= rho
    square += (1.0 - rho) * (g * g)
    d = xp.sqrt(moved + eps) / xp.sqrt(square + eps) * g
    moved *= rho
    moved += (1.0 - rho) * (d * d)
    param -= lr * d


@update(writes=("param", "square", "mean", "velocity"), elementwise=True)
def rmsprop(
    xp: Namespace,
    param: Array,
    grad: Array,
    square: Array,
    mean: Array | None,
    velocity: Array | None,
    lr: Array,
    *,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
) -> None:
    """RMSprop (Hinton 2012, lecture 6e; centered: Graves 2013, arXiv:1308.0850).

    g = grad + weight_decay param; s = alpha s + (1 - alpha) g^2; m = alpha m + (1 - alpha) g;
    d = g / (sqrt(s - m^2) + eps); v = momentum v + d; param = param - lr v. `mean` m is None, and
    taken for 0, unless centered; `velocity` v is None, and d goes for it, without momentum.
    """
    g = penalised(grad, param, weight_decay)
    square *= alpha
    square += (1.0 - alpha) * (g * g)
    variance = square
    if mean is not None:
        mean *= alpha
        mean += (1.0 - alpha) * g
        variance = square - mean * mean
    d = g / (xp.sqrt(variance) + eps)
    if velocity is not None:
        velocity *= momentum
        velocity += d
        d = velocity
    param -= lr * d
