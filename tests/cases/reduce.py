"""Rows for `nnkit/ops/reduce.py`."""

from __future__ import annotations

import numpy as np

from tests.cases.table import Family, Input, exact, whole
from tests.cases.table import real as centred

family = Family()
row = family.row
CASES = family.cases
nan, inf = np.nan, np.inf

FOLDS = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min}


def real(*shape: int) -> Input:
    """Mostly positive: a sum near zero would be measured against nothing by the policy."""
    return centred(*shape, low=-1.0, high=3.0)


LAYOUTS = [real(4, 7).transposed, real(4, 7).strided, real(4, 7).backwards]


def argmax(x, axis=None, keepdims=False):
    return np.argmax(x, axis=axis, keepdims=keepdims)


def cumsum(x, axis, reverse=False):
    return np.flip(np.cumsum(np.flip(x, axis), axis), axis) if reverse else np.cumsum(x, axis)


def norm(x, p=2.0, axis=None, keepdims=False):
    size = np.abs(x)
    if p == inf:
        return np.max(size, axis=axis, keepdims=keepdims)
    return np.sum(size**p, axis=axis, keepdims=keepdims) ** (1 / p)


def var(x, axis=None, keepdims=False, correction=1):
    return np.var(x, axis=axis, keepdims=keepdims, ddof=correction)


def std(x, axis=None, keepdims=False, correction=1):
    return np.std(x, axis=axis, keepdims=keepdims, ddof=correction)


for name, oracle in FOLDS.items():
    row(name, oracle, real(4, 7))
    row(name, oracle, real(4, 7), axis=0)
    row(name, oracle, real(4, 7), axis=-1)
    row(name, oracle, real(4, 7), axis=1, keepdims=True)
    row(name, oracle, real(4, 7), keepdims=True)
    row(name, oracle, real(3, 4, 7), axis=1)
    row(name, oracle, real(3, 4, 7), axis=(0, 2))
    row(name, oracle, real(3, 4, 7), axis=(-1, 0), keepdims=True)
    row(name, oracle, real(2, 3, 4, 5), axis=(1, 2))
    row(name, oracle, real())
    row(name, oracle, real(1, 7), axis=0)
    row(name, oracle, real(4, 1), axis=1)
    row(name, oracle, real(3, 0, 7), axis=0)
    for x in LAYOUTS:
        row(name, oracle, x, axis=0)
        row(name, oracle, x, axis=1)
        row(name, oracle, x)
    row(name, oracle, real(3, 4, 7).transposed, axis=(0, 2))
    row(name, oracle, exact([[nan, 1.0, 2.0], [3.0, inf, 4.0]]), axis=1, grad_=False)
    tall = {"forward_": 2.0, "reason_": "12 eps: NumPy adds the 700 rows one after the other"}
    row(name, oracle, real(700, 1100), axis=0, time_=True, **tall)
    row(name, oracle, real(700, 1100), axis=1, time_=True)
    row(name, oracle, real(700, 1100), time_=True)

row("sum", np.sum, whole(4, 7), axis=0)
row("sum", np.sum, whole(4, 7, dtype="int32"), axis=1)
row("sum", np.sum, real(4, 0), axis=1)
row("sum", np.sum, real(0))
row("max", np.max, whole(4, 7), axis=0)
row("min", np.min, whole(4, 7, dtype="int32"), axis=1)

row("argmax", argmax, real(4, 7), grad_=False)
row("argmax", argmax, real(4, 7), axis=0, grad_=False)
row("argmax", argmax, real(4, 7), axis=-1, keepdims=True, grad_=False)
row("argmax", argmax, real(3, 4, 7).transposed, axis=1, grad_=False)
row("argmax", argmax, whole(4, 7, low=0, high=3), axis=1, grad_=False)
row("argmax", argmax, exact([[1.0, 3.0, 3.0], [2.0, 2.0, 0.0]]), axis=1, grad_=False)
row("argmax", argmax, real(0, 7), axis=1, grad_=False)
row("argmax", argmax, real(4, 1), axis=1, grad_=False)
row("argmax", argmax, real(), grad_=False)

for name, oracle in {"var": var, "std": std}.items():
    row(name, oracle, real(4, 7))
    row(name, oracle, real(4, 7), axis=0, correction=0)
    row(name, oracle, real(4, 7).transposed, axis=1, keepdims=True)
    row(name, oracle, real(3, 4, 5), axis=(0, 2), correction=0.5)
    row(name, oracle, exact([1000.0, 1000.5, 1001.0]))
    row(name, oracle, real(0, 7), axis=1)
    row(name, oracle, real(), correction=0, grad_=False)

for p in (1, 2, 2.5, inf):
    row("norm", norm, real(4, 7), p=p)
    row("norm", norm, real(3, 4, 5).transposed, p=p, axis=(0, 2))
    row("norm", norm, real(4, 7).strided, p=p, axis=1, keepdims=True)
    row("norm", norm, exact([[nan, 1.0, 2.0], [-inf, 3.0, 4.0]]), p=p, axis=1, grad_=False)
    row("norm", norm, real(0, 7), p=p, axis=1)
row("norm", norm, real())
row("norm", norm, real(700, 1100), time_=True)

for x in (real(4, 7), real(4, 7).transposed, real(4, 7).strided, real(4, 1), real(0, 7)):
    row("cumsum", cumsum, x, axis=1)
row("cumsum", cumsum, real(3, 4, 5), axis=-2)
row("cumsum", cumsum, real(3, 4, 5), axis=-2, reverse=True)
row("cumsum", cumsum, real(4, 7).strided, axis=1, reverse=True)
row("cumsum", cumsum, real(0, 7), axis=0, reverse=True)
row("cumsum", cumsum, real(7), axis=0)
row("cumsum", cumsum, whole(4, 7), axis=0)
row("cumsum", cumsum, exact([[nan, 1.0, 2.0], [3.0, inf, 4.0]]), axis=1, grad_=False)
