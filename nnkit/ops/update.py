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
    g = penalised(grad, param, weight_decay)
    if velocity is not None:
        share = xp.where(step > 1, 1.0 - dampening, xp.ones_like(step)) if dampening else 1.0
        velocity *= momentum
        velocity += share * g
        g = g + momentum * velocity if nesterov else velocity
    param -= lr * g


@update(writes=("param", "mean", "square", "largest"), elementwise=True)
def adam(
    xp: Namespace,
    param: Array,
    grad: Array,
    mean: Array,
    square: Array,
    largest: Array | None,
    lr: Array,
    step: Array,
    *,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
) -> None:
    """Adam (Kingma and Ba 2015, arXiv:1412.6980).

    g = grad + weight_decay param; m = beta1 m + (1 - beta1) g; s = beta2 s + (1 - beta2) g^2;
    param = param - lr (m / c1) / (sqrt(s / c2) + eps), with c = 1 - beta^step.
    Decoupled (Loshchilov and Hutter 2019, arXiv:1711.05101): g = grad, and first
    param = param - lr weight_decay param. With `largest` l (AMSGrad, Reddi et al. 2018,
    arXiv:1904.09237): l = max(l, s) stands for s.
    """
    g = shrunk(param, grad, lr, weight_decay) if decoupled else penalised(grad, param, weight_decay)
    follow(mean, square, g, beta1, beta2)
    if largest is not None:
        largest[...] = xp.maximum(largest, square)
        square = largest
    # -expm1(t log b) keeps the digits of 1 - b^t that float32 would lose for b near 1.
    c1 = -xp.expm1(step * log_of(beta1))
    c2 = -xp.expm1(step * log_of(beta2))
    param -= lr / c1 * mean / (xp.sqrt(square / c2) + eps)


@update(writes=("param", "mean", "square"), elementwise=True)
def nadam(
    xp: Namespace,
    param: Array,
    grad: Array,
    mean: Array,
    square: Array,
    product: Array,
    lr: Array,
    step: Array,
    *,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    momentum_decay: float,
    decoupled: bool,
) -> None:
    """Adam with Nesterov's momentum (Dozat 2016, in the form that PyTorch uses).

    g, m, s and c2 as in `adam`; u(t) = beta1 (1 - 0.96^(t momentum_decay) / 2); `product` P is that
    of u(1) to u(step); param = param - lr ((1 - u(step)) / (1 - P) g
    + u(step + 1) / (1 - P u(step + 1)) m) / (sqrt(s / c2) + eps).
    """
    g = shrunk(param, grad, lr, weight_decay) if decoupled else penalised(grad, param, weight_decay)
    follow(mean, square, g, beta1, beta2)
    now = nadam_momentum(xp, step, beta1, momentum_decay)
    then = nadam_momentum(xp, step + 1.0, beta1, momentum_decay)
    c2 = -xp.expm1(step * log_of(beta2))
    d = (1.0 - now) / (1.0 - product) * g + then / (1.0 - product * then) * mean
    param -= lr * d / (xp.sqrt(square / c2) + eps)


@update(writes=("product",))
def nadam_product(
    xp: Namespace, product: Array, step: Array, *, beta1: float, momentum_decay: float
) -> None:
    """product = product u(step), with the u of `nadam`."""
    product *= nadam_momentum(xp, step, beta1, momentum_decay)


@update(writes=("param", "mean"), elementwise=True)
def lion(
    xp: Namespace,
    param: Array,
    grad: Array,
    mean: Array,
    lr: Array,
    *,
    beta1: float,
    beta2: float,
    weight_decay: float,
) -> None:
    """Lion (Chen et al. 2023, arXiv:2302.06675).

    param = param - lr (sign(beta1 m + (1 - beta1) grad) + weight_decay param);
    m = beta2 m + (1 - beta2) grad.
    """
    g = shrunk(param, grad, lr, weight_decay)
    param -= lr * xp.sign(beta1 * mean + (1.0 - beta1) * g)
    mean *= beta2
    mean += (1.0 - beta2) * g


@update(writes=("counter",))
def advance(xp: Namespace, counter: Array, *, by: int = 1) -> None:
    """counter = counter + by, on the device."""
    counter += by


def penalised(grad: Array, param: Array, weight_decay: float) -> Array:
    """grad + weight_decay param: the gradient with that of an L2 penalty."""
    return grad + weight_decay * param if weight_decay else grad


def shrunk(param: Array, grad: Array, lr: Array, weight_decay: float) -> Array:
    """param = param - lr weight_decay param, apart from the gradient, which stays as it is."""
    if weight_decay:
        param *= 1.0 - lr * weight_decay
    return grad


def follow(mean: Array, square: Array, g: Array, beta1: float, beta2: float) -> None:
    """m = beta1 m + (1 - beta1) g; s = beta2 s + (1 - beta2) g^2."""
    mean *= beta1
    mean += (1.0 - beta1) * g
    square *= beta2
    square += (1.0 - beta2) * (g * g)


def nadam_momentum(xp: Namespace, step: Array, beta1: float, momentum_decay: float) -> Array:
    """u(step) = beta1 (1 - 0.96^(step momentum_decay) / 2)."""
    return beta1 * (1.0 - 0.5 * xp.exp(step * log_of_nadam(momentum_decay)))


def log_of_nadam(momentum_decay: float) -> float:
    """momentum_decay log(0.96): how fast the exponential in u falls."""
    return momentum_decay * math.log(0.96)


def log_of(beta: float) -> float:
    """The natural logarithm of a decay rate, which may be 0."""
    return math.log(beta) if beta > 0 else -math.inf


@update(writes=("mean", "var", "count"))
def running_statistics(
    xp: Namespace,
    mean: Array,
    var: Array,
    count: Array,
    batch_mean: Array,
    batch_var: Array,
    *,
    momentum: float | None,
    n: int,
) -> None:
    """What batch normalisation keeps for later: mean = mean + share (batch_mean - mean), var alike.

    count = count + 1 (0-d integers); share = momentum, or 1 / count where None: the mean of all
    batches. `batch_var` is biased, over n values; what is kept is unbiased, by n / (n - 1).
    """
    count += 1
    share = 1.0 / xp.astype(count, mean.dtype) if momentum is None else momentum
    mean += share * (batch_mean - mean)
    var += share * (batch_var * (n / (n - 1)) - var)
