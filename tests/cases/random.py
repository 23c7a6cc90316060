"""Rows for `nnkit/ops/random.py`: the oracle cuts the numbers from NumPy's own Philox."""

from __future__ import annotations

import math

import numpy as np

from tests.cases.table import Family, Input, exact, real

family = Family()
row = family.row
CASES = family.cases
KEY = 3 << 64 | 12345


def stream(shape, counter, key, dtype):
    words = np.random.Philox(key=key, counter=int(counter)).random_raw(math.prod(shape) + 4)
    return words.astype("<u8").view(dtype)[: math.prod(shape)].reshape(shape)


def rand_like(x, counter, key):
    return (stream(x.shape, counter, key, "<u4") >> 8) * 2.0**-24


def bernoulli(p, counter, key):
    return np.where(rand_like(p, counter, key) < p, 1.0, 0.0)


def dropout(x, counter, p, key, shared=()):
    shape = tuple(1 if i in shared else n for i, n in enumerate(x.shape))
    keep = stream(shape, counter, key, "<u2") >= round(p * 65536)
    return np.where(keep, x / (1 - p), 0) if p < 1 else np.zeros_like(x)


def at(count: int) -> Input:
    return exact(count, dtype="uint64")


def share(*shape: int) -> Input:
    return real(*shape, low=0.0, high=1.0)


for name, oracle in {"rand_like": rand_like, "bernoulli": bernoulli}.items():
    row(name, oracle, share(4, 7), at(0), key=KEY, grad_=False)
    row(name, oracle, share(4, 7), at(12), key=5, grad_=False)
    row(name, oracle, share(2, 3, 5).transposed, at(1), key=KEY, grad_=False)
    row(name, oracle, share(), at(3), key=KEY, grad_=False)
    row(name, oracle, share(0, 7), at(3), key=KEY, grad_=False)

for p in (0.0, 0.25, 1.0):
    row("dropout", dropout, real(4, 7), at(0), p=p, key=KEY)
row("dropout", dropout, real(4, 7), at(12), p=0.5, key=5)
row("dropout", dropout, real(2, 3, 5).transposed, at(1), p=0.2, key=KEY)
row("dropout", dropout, real(4, 7).strided, at(1), p=0.2, key=KEY)
row("dropout", dropout, real(4, 3, 2, 5), at(2), p=0.5, key=KEY, shared=(2, 3))
row("dropout", dropout, real(), at(0), p=0.5, key=KEY)
row("dropout", dropout, real(0, 7), at(0), p=0.5, key=KEY)
row("dropout", dropout, real(512, 1000), at(0), p=0.5, key=KEY, time_=True)
