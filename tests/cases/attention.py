"""Rows for `nnkit/ops/attention.py`."""

from __future__ import annotations

import math

import numpy as np

from tests.cases.table import Family, exact, real

family = Family()
row = family.row
CASES = family.cases


def attention_weights(q, k, mask=None, is_causal=False, scale=None):
    s = q @ np.swapaxes(k, -1, -2) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    if mask is not None:
        s = np.where(mask, s, -np.inf) if mask.dtype == bool else s + mask
    if is_causal:
        s = np.where(np.tri(*s.shape[-2:], dtype=bool), s, -np.inf)
    e = np.where(s == -np.inf, 0, np.exp(s))
    total = e.sum(axis=-1, keepdims=True)
    return e / np.where(total == 0, 1, total)


def attention(q, k, v, mask=None, is_causal=False, scale=None):
    return attention_weights(q, k, mask, is_causal, scale) @ v


SEEN = exact([[1, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], "bool")
"""The second query may see no key."""

row("attention", attention, real(2, 3, 4), real(2, 5, 4), real(2, 5, 7), None)
row("attention", attention, real(3, 4), real(5, 4), real(5, 2), None, scale=0.3)
row("attention", attention, real(3, 4), real(5, 4), real(5, 2), real(3, 5))
row("attention", attention, real(2, 3, 4), real(2, 5, 4), real(2, 5, 2), SEEN)
row("attention", attention, real(2, 3, 4), real(2, 5, 4), real(2, 5, 2), real(2, 1, 5),
    is_causal=True)  # fmt: skip
row("attention", attention, real(5, 4), real(3, 4), real(3, 2), None, is_causal=True)
row("attention", attention, real(2, 3, 3, 4), real(5, 4), real(3, 5, 2), SEEN)
row("attention", attention, real(4, 3).transposed, real(5, 3).strided, real(5, 2).backwards, None)
row("attention", attention, real(1, 1), real(1, 1), real(1, 1), None)
row("attention", attention, real(0, 3, 4), real(0, 5, 4), real(0, 5, 2), None)
row("attention", attention, real(0, 4), real(5, 4), real(5, 2), None)
row("attention", attention, real(4, 2, 33, 8), real(4, 2, 65, 8), real(4, 2, 65, 16), None,
    time_=True)  # fmt: skip

row("attention_weights", attention_weights, real(2, 3, 4), real(2, 5, 4), None)
row("attention_weights", attention_weights, real(3, 4), real(5, 4), real(3, 5), is_causal=True)
row("attention_weights", attention_weights, real(2, 3, 4), real(5, 4).backwards, SEEN, scale=0.3)
row("attention_weights", attention_weights, real(1, 1), real(1, 1), None)
row("attention_weights", attention_weights, real(0, 3, 4), real(0, 5, 4), None)
