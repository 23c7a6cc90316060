"""Rows for `nnkit/ops/norm.py`: the oracle normalises one set of numbers after the other."""

from __future__ import annotations

import numpy as np

from tests.cases.table import Family, positive, real

family = Family()
row = family.row
CASES = family.cases


def scaled(z, weight, bias, shape):
    y = z if weight is None else z * weight.reshape(shape)
    return y if bias is None else y + bias.reshape(shape)


def per_channel(x):
    return (1, -1) + (1,) * (x.ndim - 2)


def batch_norm(x, weight=None, bias=None, eps=1e-5):
    z, mean, var = np.zeros(x.shape), np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for c in range(x.shape[1]):
        mean[c], var[c] = x[:, c].mean(), x[:, c].var()
        z[:, c] = (x[:, c] - mean[c]) / np.sqrt(var[c] + eps)
    return scaled(z, weight, bias, per_channel(x)), mean, var


def batch_norm_eval(x, mean, var, weight=None, bias=None, eps=1e-5):
    z = np.zeros(x.shape)
    for c in range(x.shape[1]):
        z[:, c] = (x[:, c] - mean[c]) / np.sqrt(var[c] + eps)
    return scaled(z, weight, bias, per_channel(x))


def layer_norm(x, weight=None, bias=None, normalized_shape=(), eps=1e-5):
    first = x.ndim - len(normalized_shape)
    z = np.zeros(x.shape)
    for at in np.ndindex(*x.shape[:first]):
        z[at] = (x[at] - x[at].mean()) / np.sqrt(x[at].var() + eps)
    return scaled(z, weight, bias, normalized_shape)


def group_norm(x, weight=None, bias=None, num_groups=1, eps=1e-5):
    z = np.zeros(x.shape)
    for n in range(len(x)):
        for group in np.split(np.arange(x.shape[1]), num_groups):
            seen = x[n, group]
            z[n, group] = (seen - seen.mean()) / np.sqrt(seen.var() + eps)
    return scaled(z, weight, bias, per_channel(x))


def rms_norm(x, weight=None, normalized_shape=(), eps=None):
    eps = np.finfo(x.dtype).eps if eps is None else eps
    first = x.ndim - len(normalized_shape)
    z = np.zeros(x.shape)
    for at in np.ndindex(*x.shape[:first]):
        z[at] = x[at] / np.sqrt((x[at] ** 2).mean() + eps)
    return scaled(z, weight, None, normalized_shape)


row("batch_norm", batch_norm, real(5, 3), real(3), real(3))
row("batch_norm", batch_norm, real(3, 2, 4), real(2), None, eps=0.1)
row("batch_norm", batch_norm, real(2, 3, 4, 3).transposed, None, None)
row("batch_norm", batch_norm, real(2, 3, 1, 5).strided, real(3), real(3))
row("batch_norm", batch_norm, real(4, 0, 3), real(0), real(0))
row(
    "batch_norm",
    batch_norm,
    real(64, 32, 16, 16),
    real(32),
    real(32),
    time_=True,
    gradient_=4.0,
    reason_="the weight's gradient sums 16384 products that nearly cancel: 45 eps measured",
)

row("batch_norm_eval", batch_norm_eval, real(5, 3), real(3), positive(3), real(3), real(3))
row("batch_norm_eval", batch_norm_eval, real(3, 2, 4), real(2), positive(2), None, real(2), eps=0.1)
row(
    "batch_norm_eval",
    batch_norm_eval,
    real(2, 3, 4, 1).transposed,
    real(3),
    positive(3),
    None,
    None,
)
row("batch_norm_eval", batch_norm_eval, real(0, 3, 4), real(3), positive(3), real(3), None)

row("layer_norm", layer_norm, real(4, 7), real(7), real(7), normalized_shape=(7,))
row("layer_norm", layer_norm, real(2, 3, 5), real(3, 5), None, normalized_shape=(3, 5), eps=0.1)
row("layer_norm", layer_norm, real(7).backwards, None, None, normalized_shape=(7,))
row("layer_norm", layer_norm, real(2, 3, 5).transposed, real(5), real(5), normalized_shape=(5,))
row("layer_norm", layer_norm, real(4, 1), real(1), real(1), normalized_shape=(1,))
row("layer_norm", layer_norm, real(0, 7), real(7), real(7), normalized_shape=(7,))
row("layer_norm", layer_norm, real(512, 256), real(256), real(256), normalized_shape=(256,),
    time_=True)  # fmt: skip

row("group_norm", group_norm, real(3, 8), real(8), real(8), num_groups=2)
row("group_norm", group_norm, real(2, 4, 3), real(4), None, num_groups=1, eps=0.1)
row("group_norm", group_norm, real(2, 3, 2, 4).transposed, None, real(3), num_groups=3)
row("group_norm", group_norm, real(1, 6, 5).strided, real(6), real(6), num_groups=2)
row("group_norm", group_norm, real(0, 4, 3), real(4), real(4), num_groups=2)

row("rms_norm", rms_norm, real(4, 7), real(7), normalized_shape=(7,))
row("rms_norm", rms_norm, real(2, 3, 5), real(3, 5), normalized_shape=(3, 5), eps=0.1)
row("rms_norm", rms_norm, real(2, 1, 5).transposed, None, normalized_shape=(5,))
row("rms_norm", rms_norm, real(0, 7), real(7), normalized_shape=(7,))
