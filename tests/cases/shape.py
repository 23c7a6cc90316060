"""Rows for `nnkit/ops/shape.py`."""

from __future__ import annotations

import numpy as np

from tests.cases.table import Family, real, truth, whole

family = Family()
row = family.row
CASES = family.cases


def flatten(x, start_dim=0, end_dim=-1):
    first, last = (d % max(x.ndim, 1) for d in (start_dim, end_dim))
    return x.reshape((*x.shape[:first], -1, *x.shape[last + 1 :]))


def pad(x, pad, value=0.0):
    pairs = [(0, 0)] * (x.ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    return np.pad(x, pairs, constant_values=value)


def concat(*arrays, axis=0):
    return np.concatenate(arrays, axis=axis)


def split(x, sizes, axis=0):
    return tuple(np.split(x, np.cumsum(sizes)[:-1], axis))


def stack(*arrays, axis=0):
    return np.stack(arrays, axis=axis)


def astype(x, dtype):
    return x.astype(dtype)


row("reshape", np.reshape, real(4, 7), shape=(7, 4))
row("reshape", np.reshape, real(4, 7), shape=(2, -1))
row("reshape", np.reshape, real(4, 7).transposed, shape=(28,))
row("reshape", np.reshape, real(4, 7).strided, shape=(2, 2, 7))
row("reshape", np.reshape, real(4, 7).backwards, shape=(14, 2))
row("reshape", np.reshape, real(1, 1), shape=())
row("reshape", np.reshape, real(), shape=(1, 1, 1))
row("reshape", np.reshape, real(0, 7), shape=(7, 0, 2))
row("reshape", np.reshape, whole(4, 7), shape=(-1,))

row("flatten", flatten, real(2, 3, 5))
row("flatten", flatten, real(2, 3, 5), start_dim=1)
row("flatten", flatten, real(2, 3, 5), start_dim=0, end_dim=1)
row("flatten", flatten, real(2, 3, 5).transposed, start_dim=1)
row("flatten", flatten, real())
row("flatten", flatten, real(4, 1), start_dim=-1)
row("flatten", lambda x: x.reshape(0), real(0, 7))

row("permute", np.transpose, real(4, 7), axes=(1, 0))
row("permute", np.transpose, real(2, 3, 5), axes=(2, 0, 1))
row("permute", np.transpose, real(2, 3, 5).transposed, axes=(1, 0, 2))
row("permute", np.transpose, real(2, 3, 5), axes=(-1, 0, 1))
row("permute", np.transpose, real(3, 0, 7), axes=(1, 2, 0))
row("permute", np.transpose, real(), axes=())

row("broadcast_to", np.broadcast_to, real(7), shape=(4, 7))
row("broadcast_to", np.broadcast_to, real(4, 1), shape=(3, 4, 7))
row("broadcast_to", np.broadcast_to, real(), shape=(4, 7))
row("broadcast_to", np.broadcast_to, real(4, 7), shape=(4, 7))
row("broadcast_to", np.broadcast_to, real(7).backwards, shape=(4, 7))
row("broadcast_to", np.broadcast_to, real(1, 7), shape=(0, 7))
row("broadcast_to", np.broadcast_to, real(0, 7), shape=(3, 0, 7))

row("pad", pad, real(4, 7), pad=(1, 2))
row("pad", pad, real(2, 3, 4).transposed, pad=(0, 1, 2, 0), value=1.5)
row("pad", pad, real(1, 4).strided, pad=())
row("pad", pad, real(0, 3), pad=(1, 0, 2, 1))
row("pad", pad, whole(4, 7), pad=(1, 1), value=3)

row("concat", concat, real(4, 7), real(2, 7))
row("concat", concat, real(4, 7), real(4, 2), real(4, 1), axis=1)
row("concat", concat, real(4, 7).transposed, real(4, 7).strided, axis=-1)
row("concat", concat, real(0, 7), real(2, 7))
row("concat", concat, real(3, 4, 7), axis=1)
row("concat", concat, whole(4, 7), whole(2, 7))

row("split", split, real(4, 7), sizes=(1, 3))
row("split", split, real(4, 7), sizes=(2, 0, 5), axis=-1)
row("split", split, real(4, 7).transposed, sizes=(3, 4), axis=1)
row("split", split, real(0, 7), sizes=(0, 0))
row("split", split, real(1, 7), sizes=(1,))
row("split", split, whole(4, 7), sizes=(2, 2))

row("stack", stack, real(4, 7), real(4, 7))
row("stack", stack, real(4, 7), real(4, 7).transposed, real(4, 7).backwards, axis=1)
row("stack", stack, real(7), real(7), axis=-1)
row("stack", stack, real(), real())
row("stack", stack, real(0, 7), real(0, 7), axis=2)

row("astype", astype, real(4, 7), dtype="float32", result_="float32")
row("astype", astype, real(4, 7), dtype="float64", result_="float64")
row("astype", astype, real(4, 7).transposed, dtype="float64", result_="float64")
row("astype", astype, real(4, 7), dtype="int32", grad_=False)
row("astype", astype, whole(4, 7), dtype="float32", result_="float32")
row("astype", astype, truth(4, 7), dtype="int64")
row("astype", astype, real(0, 7), dtype="float32", result_="float32")
row("astype", astype, real(), dtype="float32", result_="float32")
