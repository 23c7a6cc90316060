"""Rows for `nnkit/ops/pool.py`: the oracle walks over windows, one after the other."""

from __future__ import annotations

import math

import numpy as np

from tests.cases.conv import per_axis
from tests.cases.table import Family, exact, real

family = Family()
row = family.row
CASES = family.cases


def windows(x, kernel, stride, padding, dilation, ceil_mode):
    """Each position with the ranges, along each axis, that its window reaches over."""
    n = x.ndim - 2
    kernel, stride = per_axis(kernel, n), per_axis(kernel if stride is None else stride, n)
    padding, dilation = per_axis(padding, n), per_axis(dilation, n)
    starts = []
    for size, k, s, p, d in zip(x.shape[2:], kernel, stride, padding, dilation, strict=True):
        behind = size + p if ceil_mode else size + p - d * (k - 1)
        found = [i for i in range(-p, behind, s) if i < (size if ceil_mode else behind)]
        if ceil_mode:  # a window without which those before reach the end already is none
            need = math.ceil((size + 2 * p - d * (k - 1) - 1) / s) + 1
            found = found[:need]
        starts.append([range(i, i + d * k, d) for i in found])
    shape = tuple(map(len, starts))
    for at in np.ndindex(*shape):
        yield shape, at, [axis[i] for axis, i in zip(starts, at, strict=True)]


def inside(x, ranges):
    """The elements of x that a window has."""
    kept = [[i for i in r if 0 <= i < n] for r, n in zip(ranges, x.shape[2:], strict=True)]
    return x[np.ix_(range(x.shape[0]), range(x.shape[1]), *kept)].reshape(
        *x.shape[:2], math.prod(map(len, kept))
    )


def max_pool(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    y = None
    for shape, at, ranges in windows(x, kernel_size, stride, padding, dilation, ceil_mode):
        y = np.zeros((*x.shape[:2], *shape)) if y is None else y
        y[(..., *at)] = inside(x, ranges).max(axis=-1)
    return y


def avg_pool(
    x,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
):
    y = None
    sides = per_axis(padding, x.ndim - 2)
    for shape, at, ranges in windows(x, kernel_size, stride, padding, 1, ceil_mode):
        y = np.zeros((*x.shape[:2], *shape)) if y is None else y
        found = inside(x, ranges)
        count = found.shape[-1]
        if count_include_pad:
            spans = zip(ranges, x.shape[2:], sides, strict=True)
            count = math.prod(min(r.stop, n + p) - r.start for r, n, p in spans)
        y[(..., *at)] = found.sum(axis=-1) / (divisor_override or count)
    return y


def adaptive_avg_pool(x, output_size):
    n = x.ndim - 2
    sizes = (output_size,) * n if isinstance(output_size, int) else output_size
    sizes = [old if new is None else new for old, new in zip(x.shape[2:], sizes, strict=True)]
    y = np.zeros((*x.shape[:2], *sizes))
    for at in np.ndindex(*sizes):
        part = tuple(
            slice(math.floor(i * s / m), math.ceil((i + 1) * s / m))
            for i, m, s in zip(at, sizes, x.shape[2:], strict=True)
        )
        y[(..., *at)] = x[(..., *part)].mean(axis=tuple(range(2, x.ndim)))
    return y


row("max_pool", max_pool, real(2, 3, 7), kernel_size=2)
row("max_pool", max_pool, real(2, 3, 4, 6), kernel_size=(2, 3))
row("max_pool", max_pool, real(2, 2, 5, 6).transposed, kernel_size=3, stride=2, padding=1)
row("max_pool", max_pool, real(2, 2, 6, 5), kernel_size=2, stride=(3, 2), ceil_mode=True)
row(
    "max_pool", max_pool, real(1, 2, 7, 8), kernel_size=(2, 3), stride=1, padding=(1, 1), dilation=2
)
row("max_pool", max_pool, real(2, 3, 5).strided, kernel_size=2, stride=2, padding=1, ceil_mode=True)
row("max_pool", max_pool, real(2, 1, 4, 3), kernel_size=1)
row("max_pool", max_pool, real(0, 3, 4), kernel_size=2)
nan = [[[1.0, np.nan, 0.0, -np.inf, -np.inf, np.inf, 2.0]]]
row("max_pool", max_pool, exact(nan), kernel_size=2, grad_=False)
row("max_pool", max_pool, exact(nan), kernel_size=2, padding=1, grad_=False)
row("max_pool", max_pool, real(64, 16, 28, 28), kernel_size=2, time_=True)

row("avg_pool", avg_pool, real(2, 3, 7), kernel_size=2)
row("avg_pool", avg_pool, real(2, 3, 4, 6).transposed, kernel_size=(2, 3), stride=(1, 2))
for counted in (True, False):
    row(
        "avg_pool",
        avg_pool,
        real(2, 2, 5, 6),
        kernel_size=(3, 2),
        stride=2,
        padding=(1, 0),
        ceil_mode=True,
        count_include_pad=counted,
    )
    row("avg_pool", avg_pool, real(2, 3, 6), kernel_size=3, padding=1, count_include_pad=counted)
row("avg_pool", avg_pool, real(2, 3, 5).strided, kernel_size=2, padding=1, divisor_override=3)
row("avg_pool", avg_pool, real(1, 1, 4, 3), kernel_size=1)
row("avg_pool", avg_pool, real(0, 3, 4), kernel_size=2)

row("adaptive_avg_pool", adaptive_avg_pool, real(2, 3, 7), output_size=3)
row("adaptive_avg_pool", adaptive_avg_pool, real(2, 3, 4, 6), output_size=1)
row("adaptive_avg_pool", adaptive_avg_pool, real(2, 3, 5, 6).transposed, output_size=(2, None))
row("adaptive_avg_pool", adaptive_avg_pool, real(1, 2, 2, 3), output_size=(3, 5))
row("adaptive_avg_pool", adaptive_avg_pool, real(0, 2, 4, 3), output_size=(2, 3))
