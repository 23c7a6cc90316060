"""Rows for `nnkit/nn/container.py`."""

from __future__ import annotations

import numpy as np

from nnkit import nn
from tests.cases.layers.table import Layers
from tests.cases.table import real

layers = Layers()
row = layers.row
CASES = layers.cases

row(
    lambda: nn.Residual(nn.Sequential(nn.Linear(7, 7), nn.Tanh())),
    real(4, 7),
    oracle=lambda s, x: np.tanh(x @ s["module.0.weight"].T + s["module.0.bias"]) + x,
)
row(
    lambda: nn.Residual(nn.Linear(7, 5), nn.Linear(7, 5, bias=False)),
    real(4, 7),
    oracle=lambda s, x: x @ (s["module.weight"] + s["projection.weight"]).T + s["module.bias"],
    note="projected",
)
