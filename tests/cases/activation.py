"""Rows for `nnkit/ops/activation.py`."""

from __future__ import annotations

import math

import numpy as np

from tests.cases.table import Family, exact, real, whole

family = Family()
row = family.row
CASES = family.cases
nan, inf = np.nan, np.inf
erf = np.vectorize(math.erf, otypes=[np.float64])
ENDS = [nan, inf, -inf, 1000.0, -1000.0, 1e30, -1e30, 100.0, -100.0, 1e-30, -1e-30, 0.0]


def at_ends(formula):
    """The formula, with what it gives at -inf taken just before its products become inf * 0."""
    return lambda x, **options: formula(np.where(x == -inf, -1e30, x), **options)


def step(x):
    return np.where(np.isnan(x), nan, np.heaviside(x, 0.0))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softsign(x):
    return np.where(np.isinf(x), np.sign(x), x / (1 + np.abs(x)))


def hardtanh(x, min_val=-1.0, max_val=1.0):
    return np.clip(x, min_val, max_val)


def hardsigmoid(x):
    return np.clip((x + 3) / 6, 0, 1)


def relu(x):
    return np.maximum(x, 0)


def leaky_relu(x, negative_slope=0.01):
    return np.where(x > 0, x, negative_slope * x)


def prelu(x, weight):
    slope = weight.reshape(-1, *[1] * (x.ndim - 2)) if x.ndim else weight[0]
    return np.where(x > 0, x, slope * x)


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(x))


def selu(x):
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def gelu(x, approximate="none"):
    if approximate == "tanh":
        return x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2
    return x * (1 + erf(x / np.sqrt(2))) / 2


def silu(x):
    return x * sigmoid(x)


def softplus(x, beta=1.0, threshold=20.0):
    return np.where(beta * x > threshold, x, np.log1p(np.exp(beta * x)) / beta)


def mish(x):
    return x * np.tanh(np.logaddexp(x, 0))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def log_softmax(x, axis=-1):
    top = x - x.max(axis=axis, keepdims=True)
    return top - np.log(np.exp(top).sum(axis=axis, keepdims=True))


EACH = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "softsign": softsign,
    "hardtanh": hardtanh,
    "hardsigmoid": hardsigmoid,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "selu": selu,
    "gelu": gelu,
    "silu": silu,
    "softplus": softplus,
    "mish": mish,
}
for name, oracle in EACH.items():
    row(name, oracle, real(4, 7))
    row(name, oracle, real())
    row(name, oracle, real(1, 1))
    row(name, oracle, real(0, 7))
    row(name, oracle, real(3, 4, 7).transposed)
    row(name, oracle, real(4, 7).strided)
    row(name, oracle, real(4, 7).backwards)
    row(name, oracle, real(4, 7, low=-30.0, high=30.0))
    whole_line = at_ends(oracle) if name in ("gelu", "silu", "mish") else oracle
    row(name, whole_line, exact(ENDS), grad_=False)
    row(name, oracle, real(700, 1100), time_=True)

row("step", step, real(4, 7), grad_=False)
row("step", step, real(4, 7).transposed, grad_=False)
row("step", step, real(), grad_=False)
row("step", step, real(0, 7), grad_=False)
row("step", step, exact(ENDS), grad_=False)

row("relu", relu, whole(4, 7))
row("hardtanh", hardtanh, real(4, 7), min_val=-0.5, max_val=1.5)
row("leaky_relu", leaky_relu, real(4, 7), negative_slope=0.3)
row("elu", elu, real(4, 7), alpha=0.7)
row("gelu", gelu, real(4, 7), approximate="tanh")
row("gelu", gelu, real(4, 7, low=-12.0, high=12.0), approximate="tanh")
row("gelu", at_ends(gelu), exact(ENDS), approximate="tanh", grad_=False)
row("softplus", softplus, real(4, 7), beta=2.5, threshold=1.5)
row("softplus", softplus, exact(ENDS), beta=0.5, threshold=1e4, grad_=False)

row("prelu", prelu, real(4, 7), real(1))
row("prelu", prelu, real(4, 7).transposed, real(7))
row("prelu", prelu, real(4, 3, 2, 5), real(3).backwards)
row("prelu", prelu, real(4, 3, 2, 5), real(1))
row("prelu", prelu, real(7).strided, real(1))
row("prelu", prelu, real(), real(1))
row("prelu", prelu, real(0, 7), real(7))
row("prelu", prelu, exact([[nan, inf], [-inf, 0.0], [1e30, -1e30]]), real(2), grad_=False)

for name, oracle in {"softmax": softmax, "log_softmax": log_softmax}.items():
    row(name, oracle, real(4, 7))
    row(name, oracle, real(7))
    row(name, oracle, real(4, 1))
    row(name, oracle, real(0, 7))
    row(name, oracle, real(3, 4, 7), axis=1)
    row(name, oracle, real(4, 7), axis=0)
    row(name, oracle, real(4, 7).transposed)
    row(name, oracle, real(4, 7).strided, axis=0)
    row(name, oracle, exact([[1e4, 0.0, -1e4], [1.0, 1.0, 1.0]]))
    row(name, oracle, real(512, 1000), time_=True)
