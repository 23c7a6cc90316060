"""Rows for `nnkit/ops/update.py` and its neighbours `update_adaptive.py` and `update_keep.py`.

The oracle gives the buffers that the update writes, in order.
"""

from __future__ import annotations

import numpy as np

from tests.cases.table import Family, Input, exact, positive, real

family = Family()
row = family.row
CASES = family.cases
LR = exact(0.125)


def sgd(param, grad, velocity, lr, step, momentum, dampening, weight_decay, nesterov):
    g = grad + weight_decay * param
    if velocity is None:
        return (param - lr * g,)
    velocity = g if step == 1 else momentum * velocity + (1 - dampening) * g
    g = g + momentum * velocity if nesterov else velocity
    return param - lr * g, velocity


def decayed(param, grad, lr, weight_decay, decoupled):
    if decoupled:
        return param - lr * weight_decay * param, grad
    return param, grad + weight_decay * param


def adam(param, grad, mean, square, largest, lr, step, beta1, beta2, eps, weight_decay, decoupled):
    param, g = decayed(param, grad, lr, weight_decay, decoupled)
    mean = beta1 * mean + (1 - beta1) * g
    square = beta2 * square + (1 - beta2) * g**2
    held = square if largest is None else np.maximum(largest, square)
    corrected = mean / (1 - beta1**step), held / (1 - beta2**step)
    param = param - lr * corrected[0] / (np.sqrt(corrected[1]) + eps)
    return (param, mean, square) if largest is None else (param, mean, square, held)


def nadam_share(step, beta1, momentum_decay):
    return beta1 * (1 - 0.5 * 0.96 ** (step * momentum_decay))


def nadam(
    param, grad, mean, square, product, lr, step,
    beta1, beta2, eps, weight_decay, momentum_decay, decoupled,
):  # fmt: skip
    param, g = decayed(param, grad, lr, weight_decay, decoupled)
    mean = beta1 * mean + (1 - beta1) * g
    square = beta2 * square + (1 - beta2) * g**2
    now, then = (nadam_share(t, beta1, momentum_decay) for t in (step, step + 1))
    d = (1 - now) / (1 - product) * g + then / (1 - product * then) * mean
    return param - lr * d / (np.sqrt(square / (1 - beta2**step)) + eps), mean, square


def nadam_product(product, step, beta1, momentum_decay):
    return (product * nadam_share(step, beta1, momentum_decay),)


def lion(param, grad, mean, lr, beta1, beta2, weight_decay):
    direction = np.sign(beta1 * mean + (1 - beta1) * grad) + weight_decay * param
    return param - lr * direction, beta2 * mean + (1 - beta2) * grad


def adagrad(param, grad, total, lr, step, lr_decay, weight_decay, eps):
    g = grad + weight_decay * param
    total = total + g**2
    return param - lr / (1 + (step - 1) * lr_decay) * g / (np.sqrt(total) + eps), total


def adadelta(param, grad, square, moved, lr, rho, eps, weight_decay):
    g = grad + weight_decay * param
    square = rho * square + (1 - rho) * g**2
    d = np.sqrt(moved + eps) / np.sqrt(square + eps) * g
    return param - lr * d, square, rho * moved + (1 - rho) * d**2


def rmsprop(param, grad, square, mean, velocity, lr, alpha, eps, weight_decay, momentum):
    g = grad + weight_decay * param
    square = alpha * square + (1 - alpha) * g**2
    centre = 0 if mean is None else alpha * mean + (1 - alpha) * g
    d = g / (np.sqrt(square - centre**2) + eps)
    moved = d if velocity is None else momentum * velocity + d
    kept = [] if mean is None else [centre]
    return param - lr * moved, square, *kept, *([] if velocity is None else [moved])


def ema(average, value, step, decay, warmup):
    d = min(decay, (1 + step) / (10 + step)) if warmup else decay
    return (d * average + (1 - d) * value,)


def scaled(out, grad, share):
    return (grad * share,)


def metropolis(param, before, rise, limit):
    return (param if rise <= limit else before,)


def advance(counter, by=1):
    return (counter + by,)


def step(number: int) -> Input:
    return exact(float(number))


def zeros(*shape: int) -> Input:
    return real(*shape, low=0.0, high=0.0)


PLAIN = {"momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False}
HEAVY = PLAIN | {"momentum": 0.9}
for options in (PLAIN, PLAIN | {"weight_decay": 0.1}):
    row("sgd", sgd, real(4, 7), real(4, 7), None, LR, step(1), **options)
for options in (HEAVY, HEAVY | {"weight_decay": 0.1}, HEAVY | {"nesterov": True}):
    row("sgd", sgd, real(4, 7), real(4, 7), real(4, 7), LR, step(2), **options)
for number, velocity in ((1, zeros(4, 7)), (2, real(4, 7))):
    damped = HEAVY | {"dampening": 0.5}
    row("sgd", sgd, real(4, 7), real(4, 7), velocity, LR, step(number), **damped)
row("sgd", sgd, real(5), real(5), zeros(5), LR, step(1), **HEAVY | {"nesterov": True})
row("sgd", sgd, real(0, 7), real(0, 7), real(0, 7), LR, step(2), **HEAVY)
row("sgd", sgd, real(), real(), real(), LR, step(2), **HEAVY)
row("sgd", sgd, real(4, 7), real(4, 7).transposed, real(4, 7), LR, step(2), **HEAVY)
row("sgd", sgd, *[real(700, 1100)] * 3, LR, step(2), **HEAVY, time_=True)

NO_DECAY = {"weight_decay": 0.0, "decoupled": False}
BETAS = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, **NO_DECAY}
DECAY, DECOUPLED = {"weight_decay": 0.1}, {"weight_decay": 0.1, "decoupled": True}
param, grad, mean, square = real(4, 7), real(4, 7), real(4, 7), positive(4, 7)
for number in (1, 2, 1000):
    row("adam", adam, param, grad, mean, square, None, LR, step(number), **BETAS)
first = (param, grad, zeros(4, 7), zeros(4, 7), None, LR, step(1))
for options in ({}, DECAY, DECOUPLED, {"beta1": 0.0, "eps": 1e-3}):
    row("adam", adam, *first, **BETAS | options)
row("adam", adam, real(5), real(5), real(5), positive(5), None, LR, step(3), **BETAS | DECOUPLED)
row("adam", adam, param, grad, mean, square, positive(4, 7), LR, step(3), **BETAS | DECAY)
row("adam", adam, *[real(0, 7)] * 4, None, LR, step(3), **BETAS)
row("adam", adam, real(), real(), real(), positive(), None, LR, step(3), **BETAS)
large = [real(700, 1100)] * 3
row("adam", adam, *large, positive(700, 1100), None, LR, step(2), **BETAS, time_=True)

PRODUCT = exact(0.3125)
NESTEROV = BETAS | {"momentum_decay": 0.004}
for number in (1, 1000):
    row("nadam", nadam, param, grad, mean, square, PRODUCT, LR, step(number), **NESTEROV)
for options in (DECAY, DECOUPLED | {"momentum_decay": 0.5}):
    row("nadam", nadam, param, grad, mean, square, PRODUCT, LR, step(2), **NESTEROV | options)
row("nadam", nadam, real(), real(), real(), positive(), PRODUCT, LR, step(3), **NESTEROV)
row("nadam", nadam, *[real(0, 7)] * 4, PRODUCT, LR, step(3), **NESTEROV)
row("nadam", nadam, *large, positive(700, 1100), PRODUCT, LR, step(2), **NESTEROV, time_=True)
for shape in ((), (4, 7), (0, 7)):
    share = {"beta1": 0.9, "momentum_decay": 0.004}
    row("nadam_product", nadam_product, positive(*shape), step(3), **share)

SIGNS = {"beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0}
for shape in ((4, 7), (0, 7), ()):
    row("lion", lion, *[real(*shape)] * 3, LR, **SIGNS)
row("lion", lion, exact([1, 2, 3]), exact([0, 1, 12]), exact([0, 2, -1]), LR, **SIGNS | DECAY)
row("lion", lion, real(4, 7), real(4, 7).transposed, zeros(4, 7), LR, **SIGNS | DECAY)
row("lion", lion, *large, LR, **SIGNS, time_=True)

GROWING = {"lr_decay": 0.0, "weight_decay": 0.0, "eps": 1e-10}
for options in (GROWING, GROWING | DECAY | {"lr_decay": 0.25}):
    row("adagrad", adagrad, real(4, 7), real(4, 7), positive(4, 7), LR, step(3), **options)
for shape in ((), (0, 7), (5,)):
    row("adagrad", adagrad, real(*shape), real(*shape), zeros(*shape), LR, step(1), **GROWING)
row("adagrad", adagrad, *large[:2], positive(700, 1100), LR, step(3), **GROWING, time_=True)

RHO = {"rho": 0.9, "eps": 1e-6, "weight_decay": 0.0}
for options in (RHO, RHO | DECAY):
    row("adadelta", adadelta, real(4, 7), real(4, 7), *[positive(4, 7)] * 2, LR, **options)
for shape in ((), (0, 7), (5,)):
    row("adadelta", adadelta, *[real(*shape)] * 2, *[zeros(*shape)] * 2, LR, **RHO)
row("adadelta", adadelta, *large[:2], *[positive(700, 1100)] * 2, LR, **RHO, time_=True)

ALPHA = {"alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0, "momentum": 0.0}
small, wide = real(4, 7, low=-0.4, high=0.4), positive(4, 7)
row("rmsprop", rmsprop, param, grad, wide, None, None, LR, **ALPHA)
row("rmsprop", rmsprop, param, grad, zeros(4, 7), None, None, LR, **ALPHA | DECAY)
row("rmsprop", rmsprop, param, grad, wide, None, mean, LR, **ALPHA | {"momentum": 0.9})
row("rmsprop", rmsprop, param, grad, wide, small, None, LR, **ALPHA)
row("rmsprop", rmsprop, param, grad, wide, small, mean, LR, **ALPHA | DECAY | {"momentum": 0.9})
for shape in ((), (0, 7), (5,)):
    row("rmsprop", rmsprop, *[real(*shape)] * 2, positive(*shape), None, None, LR, **ALPHA)
row("rmsprop", rmsprop, *large[:2], positive(700, 1100), None, None, LR, **ALPHA, time_=True)

for warm in (False, True):
    row("ema", ema, real(4, 7), real(4, 7), step(3), decay=0.99, warmup=warm)
for shape in ((), (0, 7), (5,)):
    row("ema", ema, real(*shape), real(*shape), step(10_000), decay=0.99, warmup=True)
row("ema", ema, *large[:2], step(3), decay=0.999, warmup=True, time_=True)

for rise in (-1.0, 0.5, 0.75, float("nan")):
    row("metropolis", metropolis, real(4, 7), real(4, 7), exact(rise), exact(0.5))
for shape in ((), (0, 7)):
    row("metropolis", metropolis, real(*shape), real(*shape), exact(2.0), exact(0.5))
row("metropolis", metropolis, *large[:2], exact(0.25), exact(0.5), time_=True)

for shape in ((4, 7), (), (0, 7)):
    row("scaled", scaled, real(*shape), real(*shape), exact(0.25))
row("scaled", scaled, real(4, 7), real(4, 7).transposed, exact(0.25))
row("scaled", scaled, *large[:2], exact(0.25), time_=True)

row("advance", advance, exact(41.0))
row("advance", advance, exact(41.0), by=7)


def running_statistics(mean, var, count, batch_mean, batch_var, momentum, n):
    share = 1 / (count + 1) if momentum is None else momentum
    unbiased = batch_var * n / (n - 1)
    return (
        (1 - share) * mean + share * batch_mean,
        (1 - share) * var + share * unbiased,
        count + 1,
    )


for momentum in (0.1, None):
    for seen in (0, 3):
        batch = (real(5), positive(5), exact(seen, dtype="int64"), real(5), positive(5))
        row("running_statistics", running_statistics, *batch, momentum=momentum, n=2 + seen)
nothing = (real(0), positive(0), exact(1, dtype="int64"), real(0), positive(0))
row("running_statistics", running_statistics, *nothing, momentum=0.1, n=4)


def max_norm(param, limit):
    count = param.shape[0] if param.ndim > 1 else 1
    rows = param.reshape(count, param.size // max(count, 1))
    size = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    held = rows * np.where(size > limit, limit / np.where(size > limit, size, 1), 1)
    return (held.reshape(param.shape),)


for x in (real(4, 7), real(4, 3, 2), real(5), real(), real(0, 7), real(4, 7).strided):
    row("max_norm", max_norm, x, limit=1.5)
row("max_norm", max_norm, exact([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]]), limit=1.0)
