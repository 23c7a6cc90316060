"""Rows for `nnkit/nn/dropout.py`: in training against NumPy's Philox, in use beside PyTorch."""

from __future__ import annotations

from nnkit import nn
from tests.cases import random
from tests.cases.layers.table import Layers
from tests.cases.table import real

layers = Layers()
row = layers.row
CASES = layers.cases
KEY = 1 << 64 | 11
"""The device's stream after `manual_seed(11)`, which precedes each call of a row."""


def dropped(p, shared=()):
    return lambda state, x: random.dropout(x, 0, p, KEY, shared)


def linear_of_dropped_weight(state, x):
    weight = random.dropout(state["module.weight"], 0, 0.25, KEY)
    return x @ weight.T + state["module.bias"]


def linear_of_dropped_bias(state, x):
    bias = random.dropout(state["module.bias"], 0, 0.5, KEY)
    return x @ state["module.weight"].T + bias


row(lambda: nn.Dropout(), real(4, 7), oracle=dropped(0.5))
row(lambda: nn.Dropout(0.2), real(2, 3, 5).transposed, oracle=dropped(0.2))
row(lambda: nn.Dropout(0.0), real(4, 7), peer=lambda torch: torch.nn.Dropout(0.0))
row(lambda: nn.Dropout(1.0), real(4, 7), peer=lambda torch: torch.nn.Dropout(1.0))
row(lambda: nn.Dropout(0.2), real(4, 7), training=False, peer=lambda torch: torch.nn.Dropout(0.2))
row(lambda: nn.Dropout1d(), real(5, 3, 7), oracle=dropped(0.5, (2,)))
row(lambda: nn.Dropout1d(), real(3, 7), oracle=dropped(0.5, (1,)))
row(lambda: nn.Dropout2d(0.2), real(5, 3, 4, 2), oracle=dropped(0.2, (2, 3)))
row(lambda: nn.DropConnect(nn.Linear(7, 5), 0.25), real(4, 7), oracle=linear_of_dropped_weight)
row(
    lambda: nn.DropConnect(nn.Linear(7, 5), names=["bias"]),
    real(4, 7),
    oracle=linear_of_dropped_bias,
)
row(
    lambda: nn.DropConnect(nn.Linear(7, 5), 0.25),
    real(4, 7),
    training=False,
    oracle=lambda state, x: x @ state["module.weight"].T + state["module.bias"],
)
