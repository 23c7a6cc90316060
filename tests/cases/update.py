"""Rows for `nnkit/ops/update.py`: the oracle gives the buffers that the update writes, in order."""

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


def adam(param, grad, mean, square, lr, step, beta1, beta2, eps, weight_decay):
    g = grad + weight_decay * param
    mean = beta1 * mean + (1 - beta1) * g
    square = beta2 * square + (1 - beta2) * g**2
    corrected = mean / (1 - beta1**step), square / (1 - beta2**step)
    return param - lr * corrected[0] / (np.sqrt(corrected[1]) + eps), mean, square


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

BETAS = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0}
for number in (1, 2, 1000):
    row("adam", adam, real(4, 7), real(4, 7), real(4, 7), positive(4, 7), LR, step(number), **BETAS)
first = (real(4, 7), real(4, 7), zeros(4, 7), zeros(4, 7), LR, step(1))
row("adam", adam, *first, **BETAS)
row("adam", adam, *first, **BETAS | {"weight_decay": 0.1})
row("adam", adam, *first, **BETAS | {"beta1": 0.0, "eps": 1e-3})
row("adam", adam, real(5), real(5), real(5), positive(5), LR, step(3), **BETAS)
row("adam", adam, *[real(0, 7)] * 4, LR, step(3), **BETAS)
row("adam", adam, real(), real(), real(), positive(), LR, step(3), **BETAS)
large = [real(700, 1100)] * 3
row("adam", adam, *large, positive(700, 1100), LR, step(2), **BETAS, time_=True)

row("advance", advance, exact(41.0))
row("advance", advance, exact(41.0), by=7)
