"""Rows for `nnkit/nn/memory.py` and `nnkit/nn/controller.py`; the oracles are the paper's sums."""

from __future__ import annotations

import numpy as np

from nnkit import nn
from tests.cases.layers.table import Layers
from tests.cases.table import Input, real

layers = Layers()
row = layers.row
CASES = layers.cases


def pop(s, u, order):
    """Take u from the strengths, one after the other in this order."""
    s = s.copy()
    left = u
    for i in order:
        taken = min(s[i], left)
        s[i] -= taken
        left -= taken
    return s


def look(s, values, order):
    """The first unit of strength in this order."""
    r, left = np.zeros(values.shape[1]), 1.0
    for i in order:
        share = min(s[i], left)
        r += share * values[i]
        left -= share
    return r


def one_end(d, u, v, newest_first):
    reads = np.zeros(v.shape)
    for n in range(v.shape[1]):
        s = np.zeros(0)
        for t in range(len(v)):
            order = range(t)[::-1] if newest_first else range(t)
            s = np.append(pop(s, u[t, n], order), d[t, n])
            order = range(t + 1)[::-1] if newest_first else range(t + 1)
            reads[t, n] = look(s, v[: t + 1, n], order)
    return reads


def deque(d, u, v):
    reads = np.zeros(v.shape)
    for n in range(v.shape[1]):
        s, values = np.zeros(0), np.zeros((0, v.shape[3]))
        for t in range(len(v)):
            s = pop(s, u[t, n, 0], range(len(s))[::-1])
            s = pop(s, u[t, n, 1], range(len(s)))
            s = np.concatenate([d[t, n, 1:], s, d[t, n, :1]])
            values = np.concatenate([v[t, n, 1:], values, v[t, n, :1]])
            reads[t, n, 0] = look(s, values, range(len(s))[::-1])
            reads[t, n, 1] = look(s, values, range(len(s)))
    return reads


def share(*shape: int) -> Input:
    return real(*shape, low=0.1, high=0.9)


def reads(layer, *signals):
    return layer.sequence(*signals)[0]


row(
    lambda: nn.NeuralStack(),
    share(5, 2),
    share(5, 2),
    real(5, 2, 3),
    oracle=lambda _, d, u, v: one_end(d, u, v, True),
    call=reads,
)
row(
    lambda: nn.NeuralQueue(),
    share(5, 2),
    share(5, 2),
    real(5, 2, 3),
    oracle=lambda _, d, u, v: one_end(d, u, v, False),
    call=reads,
)
row(
    lambda: nn.NeuralDeque(),
    share(4, 2, 2),
    share(4, 2, 2),
    real(4, 2, 2, 3),
    oracle=lambda _, d, u, v: deque(d, u, v),
    call=reads,
)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def controlled(state, x, memory):
    """The controller with a plain cell, step by step."""
    steps, n, _ = x.shape
    m = len(state["value.weight"])
    outputs, r, h = [], np.zeros((n, m)), np.zeros((n, len(state["hidden.bias"])))
    signals = []
    for t in range(steps):
        z = np.concatenate([x[t], r], axis=1)
        h = np.tanh(
            z @ state["cell.weight_ih"].T
            + state["cell.bias_ih"]
            + h @ state["cell.weight_hh"].T
            + state["cell.bias_hh"]
        )
        o = np.tanh(h @ state["hidden.weight"].T + state["hidden.bias"])
        d, u, v, y = (
            o @ state[f"{k}.weight"].T + state[f"{k}.bias"]
            for k in ("push", "pop", "value", "output")
        )
        signals.append((sigmoid(d), sigmoid(u), np.tanh(v)))
        r = memory(*(np.stack(part) for part in zip(*signals, strict=True)))[-1].reshape(n, m)
        outputs.append(y)
    return np.stack(outputs)


def of_two(d, u, v):
    return deque(d, u, v.reshape(*v.shape[:2], 2, -1))


for name, memory in (
    ("stack", lambda d, u, v: one_end(d[..., 0], u[..., 0], v, True)),
    ("queue", lambda d, u, v: one_end(d[..., 0], u[..., 0], v, False)),
    ("deque", of_two),
):
    row(
        lambda name=name: nn.MemoryController(3, 5, 4, memory_size=2, memory=name),
        real(4, 2, 3),
        oracle=lambda state, x, memory=memory: controlled(state, x, memory),
        call=lambda layer, x: layer(x)[0],
        note=name,
    )
