"""Rows for `nnkit/ops/recurrent.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases.table import Family, exact, real

family = Family()
row = family.row
CASES = family.cases

Step = Callable[..., tuple[Any, ...]]
FUNCTIONS = {
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
}


def walk(step: Step, x: Any, states: tuple[Any, ...], lengths: Any, reverse: bool) -> Any:
    """One example after the other, one step after the other, over the steps that it has."""
    outputs = np.zeros((*x.shape[:2], states[0].shape[1]))
    last = [np.zeros(s.shape) for s in states]
    for n in range(x.shape[1]):
        held = tuple(s[n] for s in states)
        steps = range(len(x) if lengths is None else min(int(lengths[n]), len(x)))
        for t in steps[::-1] if reverse else steps:
            held = step(x[t, n], *held)
            outputs[t, n] = held[0]
        for place, state in zip(last, held, strict=True):
            place[n] = state
    return (outputs, *last)


def zero(h_0: Any, x: Any, w_hh: Any) -> Any:
    return np.zeros((x.shape[1], w_hh.shape[1])) if h_0 is None else h_0


def rnn(x, h_0, w_ih, w_hh, b_ih=None, b_hh=None, lengths=None, nonlinearity="tanh", reverse=False):
    b = (0 if b_ih is None else b_ih) + (0 if b_hh is None else b_hh)

    def step(x, h):
        return (FUNCTIONS[nonlinearity](w_ih @ x + w_hh @ h + b),)

    return walk(step, x, (zero(h_0, x, w_hh),), lengths, reverse)


def lstm(x, h_0, c_0, w_ih, w_hh, b_ih=None, b_hh=None, lengths=None, reverse=False):
    b = (0 if b_ih is None else b_ih) + (0 if b_hh is None else b_hh)

    def step(x, h, c):
        i, f, g, o = np.split(w_ih @ x + w_hh @ h + b, 4)
        s = FUNCTIONS["sigmoid"]
        c = s(f) * c + s(i) * np.tanh(g)
        return s(o) * np.tanh(c), c

    return walk(step, x, (zero(h_0, x, w_hh), zero(c_0, x, w_hh)), lengths, reverse)


def gru(x, h_0, w_ih, w_hh, b_ih=None, b_hh=None, lengths=None, reverse=False):
    s = FUNCTIONS["sigmoid"]

    def step(x, h):
        v = np.split(w_ih @ x + (0 if b_ih is None else b_ih), 3)
        u = np.split(w_hh @ h + (0 if b_hh is None else b_hh), 3)
        r, z = s(v[0] + u[0]), s(v[1] + u[1])
        n = np.tanh(v[2] + r * u[2])
        return ((1 - z) * n + z * h,)

    return walk(step, x, (zero(h_0, x, w_hh),), lengths, reverse)


ORACLES = {"rnn": (rnn, 1, 1), "lstm": (lstm, 4, 2), "gru": (gru, 3, 1)}
"""The oracle, its gates and its states."""


def small(*shape: int) -> Any:
    """Weights that leave the nonlinearities unsaturated."""
    return real(*shape, low=-1, high=1)


for name, (oracle, gates, count) in ORACLES.items():
    w_ih, w_hh = small(gates * 3, 5), small(gates * 3, 3)
    b_ih, b_hh = small(gates * 3), small(gates * 3)
    states, nothing = (real(2, 3),) * count, (None,) * count
    row(name, oracle, real(4, 2, 5), *states, w_ih, w_hh, b_ih, b_hh, None)
    row(name, oracle, real(2, 4, 5), *nothing, w_ih, w_hh, b_ih, None, None, reverse=True)
    row(name, oracle, real(4, 2, 5), *states, w_ih, w_hh, b_ih, b_hh, exact([3, 0], "int64"))
    row(name, oracle, real(2, 4, 5, grad=False), *(real(4, 3),) * count, w_ih, w_hh,
        b_ih, b_hh, exact([2, 1, 0, 1], "int32"), reverse=True)  # fmt: skip
    row(name, oracle, real(1, 1, 1), *(real(1, 1),) * count, small(gates, 1), small(gates, 1),
        None, None, None)  # fmt: skip
    row(name, oracle, real(3, 0, 2), *(real(0, 3),) * count, small(gates * 3, 2), w_hh, None, b_hh,
        None)  # fmt: skip
    row(name, oracle, real(2, 4, 1).transposed, *(real(4, 3).backwards,) * count,
        small(gates * 3, 1).transposed, w_hh.strided, b_ih.strided, b_hh.backwards,
        None)  # fmt: skip
    row(name, oracle, real(16, 32, 64), *nothing, real(gates * 96, 64, low=-0.1, high=0.1),
        real(gates * 96, 96, low=-0.1, high=0.1), None, None, None, time_=True)  # fmt: skip

for nonlinearity in ("relu", "sigmoid"):
    row("rnn", rnn, real(4, 2, 5), real(2, 3), small(3, 5), small(3, 3), small(3), small(3), None,
        nonlinearity=nonlinearity)  # fmt: skip
