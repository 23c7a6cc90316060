"""Updates: functions that write into the buffers they name, and have no gradient.

Numbers that change between steps (learning rate, step count) are 0-d arrays on the device, of the
parameter's dtype; numbers that never change are Python options.
"""

from __future__ import annotations

import math

from nnkit.dispatch import update
from nnkit.typing import Array, Namespace


@update(writes=("param", "velocity"), elementwise=True)
def sgd(
    xp: Namespace,
    param: Array,
    grad: Array,
    velocity: Array | None,
    lr: Array,
    step: Array,
    *,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
) -> None:
    """Gradient descent with momentum (Sutskever et al. 2013, in the form that PyTorch uses).

    g = grad + weight_decay param; v = momentum v + (1 - dampening) g, but v = g in step 1;
    g = g + momentum v (Nesterov) or g = v; param = param - lr g. `velocity` is None without
    momentum.
    """
    g = grad + weight_decay * param if weight_decay else grad
    if velocity is not None:
        share = xp.where(step > 1, 1.0 - dampening, xp.ones_like(step)) if dampening else 1.0
        velocity *= momentum
        velocity += share * g
        g = g + momentum * velocity if nesterov else velocity
    param -= lr * g


@update(writes=("param", "mean", "square"), elementwise=True)
def adam(
    xp: Namespace,
    param: Array,
    grad: Array,
    mean: Array,
    square: Array,
    lr: Array,
    step: Array,
    *,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> None:
    """Adam (Kingma and Ba 2015, arXiv:1412.6980).

    g = grad + weight_decay param; m = beta1 m + (1 - beta1) g; s = beta2 s + (1 - beta2) g^2;
    param = param - lr (m / c1) / (sqrt(s / c2) + eps), with c = 1 - beta^step.
    """
    g = grad + weight_decay * param if weight_decay else grad
    mean *= beta1
    mean += (1.0 - beta1) * g
    square *= beta2
    square += (1.0 - beta2) * (g * g)
    # -expm1(t log b) keeps the digits of 1 - b^t that float32 would lose for b near 1.
    c1 = -xp.expm1(step * log_of(beta1))
    c2 = -xp.expm1(step * log_of(beta2))
    param -= lr / c1 * mean / (xp.sqrt(square / c2) + eps)


def log_of(beta: float) -> float:
    """The natural logarithm of a decay rate, which may be 0."""
    return math.log(beta) if beta > 0 else -math.inf


@update(writes=("counter",))
def advance(xp: Namespace, counter: Array, *, by: int = 1) -> None:
    """counter = counter + by, on the device."""
    counter += by
