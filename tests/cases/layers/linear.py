"""Rows for `nnkit/nn/linear.py`."""

from __future__ import annotations

from nnkit import nn
from tests.cases.layers.table import Layers
from tests.cases.table import real

layers = Layers()
row = layers.row
CASES = layers.cases

row(lambda: nn.Linear(7, 5), real(4, 7), peer=lambda torch: torch.nn.Linear(7, 5))
row(lambda: nn.Linear(7, 5), real(2, 3, 7), peer=lambda torch: torch.nn.Linear(7, 5))
row(
    lambda: nn.Linear(7, 5, bias=False),
    real(4, 7).transposed,
    peer=lambda torch: torch.nn.Linear(7, 5, bias=False),
)
row(lambda: nn.Flatten(), real(4, 3, 2), peer=lambda torch: torch.nn.Flatten())
row(lambda: nn.Flatten(0, 1), real(4, 3, 2), peer=lambda torch: torch.nn.Flatten(0, 1))
row(lambda: nn.Identity(), real(4, 7), peer=lambda torch: torch.nn.Identity())
