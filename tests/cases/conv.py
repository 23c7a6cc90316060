"""Rows for `nnkit/ops/conv.py`: the oracle walks over positions, one after the other."""

from __future__ import annotations

import itertools

import numpy as np

from tests.cases.table import Family, real

family = Family()
row = family.row
CASES = family.cases


def per_axis(value, n):
    return (value,) * n if isinstance(value, int) else tuple(value)


def padded(x, padding, fill=0.0):
    pairs = [(p, p) if isinstance(p, int) else p for p in per_axis(padding, x.ndim - 2)]
    return np.pad(x, [(0, 0), (0, 0), *pairs], constant_values=fill)


def positions(lengths, reach, stride):
    """Every position of a window, and where its first element stands."""
    counts = [(n - r) // s + 1 for n, r, s in zip(lengths, reach, stride, strict=True)]
    for at in itertools.product(*map(range, counts)):
        yield at, [i * s for i, s in zip(at, stride, strict=True)]


def conv(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    n = x.ndim - 2
    stride, dilation = per_axis(stride, n), per_axis(dilation, n)
    x = padded(x, padding)
    reach = [d * (k - 1) + 1 for k, d in zip(weight.shape[2:], dilation, strict=True)]
    counts = [(m - r) // s + 1 for m, r, s in zip(x.shape[2:], reach, stride, strict=True)]
    y = np.zeros((len(x), len(weight), *counts))
    c, o = weight.shape[1], len(weight) // groups
    for at, start in positions(x.shape[2:], reach, stride):
        window = tuple(slice(s, s + r, d) for s, r, d in zip(start, reach, dilation, strict=True))
        for g in range(groups):
            seen = x[(slice(None), slice(g * c, (g + 1) * c), *window)]
            kernels = weight[g * o : (g + 1) * o]
            y[(slice(None), slice(g * o, (g + 1) * o), *at)] = np.tensordot(
                seen, kernels, (range(1, n + 2), range(1, n + 2))
            )
    return y if bias is None else y + bias.reshape(-1, *(1,) * n)


def conv_transpose(
    x, weight, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1
):
    n = x.ndim - 2
    stride, dilation, more = (per_axis(v, n) for v in (stride, dilation, output_padding))
    pairs = [(p, p) if isinstance(p, int) else p for p in per_axis(padding, n)]
    reach = [d * (k - 1) + 1 for k, d in zip(weight.shape[2:], dilation, strict=True)]
    space = zip(x.shape[2:], stride, reach, more, strict=True)
    full = [(m - 1) * s + r + e for m, s, r, e in space]
    c, o = len(weight) // groups, weight.shape[1]
    y = np.zeros((len(x), o * groups, *full))
    for at in np.ndindex(*x.shape[2:]):
        start = [i * s for i, s in zip(at, stride, strict=True)]
        window = tuple(slice(s, s + r, d) for s, r, d in zip(start, reach, dilation, strict=True))
        for g in range(groups):
            given = x[(slice(None), slice(g * c, (g + 1) * c), *at)]
            added = np.tensordot(given, weight[g * c : (g + 1) * c], 1)
            y[(slice(None), slice(g * o, (g + 1) * o), *window)] += added
    inside = (slice(low, m - high) for m, (low, high) in zip(full, pairs, strict=True))
    y = y[(slice(None), slice(None), *inside)]
    return y if bias is None else y + bias.reshape(-1, *(1,) * n)


row("conv", conv, real(2, 3, 7), real(4, 3, 3), real(4))
row("conv", conv, real(2, 3, 8), real(4, 3, 2), None, stride=3, padding=1, dilation=2)
row("conv", conv, real(2, 2, 5, 6), real(3, 2, 3, 2), real(3), stride=(2, 1), padding=(1, 0))
row("conv", conv, real(2, 2, 4, 5), real(3, 2, 2, 2), real(3), padding=((1, 0), (0, 2)), dilation=2)
row("conv", conv, real(3, 4, 4, 3), real(6, 2, 3, 2), real(6), padding=1, groups=2)
row("conv", conv, real(2, 3, 5).transposed, real(3, 1, 3).strided, real(3), groups=3)
row("conv", conv, real(2, 2, 3, 4).backwards, real(3, 2, 1, 1).transposed, real(3))
row("conv", conv, real(1, 1, 3), real(1, 1, 3), real(1))
row("conv", conv, real(0, 2, 3, 4), real(3, 2, 2, 3), real(3))
row("conv", conv, real(2, 0, 4), real(3, 0, 2), real(3), padding=1)
row("conv", conv, real(1, 2, 2, 3, 2), real(2, 2, 2, 2, 1), real(2))
row("conv", conv, real(16, 16, 14, 14), real(32, 16, 3, 3), real(32), padding=1, time_=True)

row("conv_transpose", conv_transpose, real(2, 3, 4), real(3, 2, 3), real(2))
row("conv_transpose", conv_transpose, real(2, 3, 4), real(3, 2, 3), None, stride=2, padding=1)
row(
    "conv_transpose",
    conv_transpose,
    real(2, 2, 3, 2),
    real(2, 3, 3, 2),
    real(3),
    stride=(2, 3),
    padding=(1, 0),
    output_padding=(1, 2),
)
for more in (0, 1):
    row(
        "conv_transpose",
        conv_transpose,
        real(2, 4, 3).transposed,
        real(4, 2, 3).strided,
        real(4),
        dilation=2,
        padding=2,
        output_padding=more,
        groups=2,
    )
row("conv_transpose", conv_transpose, real(1, 1, 2), real(1, 1, 2), real(1))
row("conv_transpose", conv_transpose, real(0, 2, 3, 4), real(2, 3, 2, 3), real(3))
row(
    "conv_transpose",
    conv_transpose,
    real(8, 16, 7, 7),
    real(16, 8, 4, 4),
    real(8),
    stride=2,
    padding=1,
    time_=True,
)
