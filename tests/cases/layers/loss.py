"""Rows for `nnkit/nn/loss.py`."""

from __future__ import annotations

from nnkit import nn
from tests.cases.layers.table import Layers
from tests.cases.table import Input, real, whole

layers = Layers()
row = layers.row
CASES = layers.cases


def labels(*shape: int, classes: int = 7) -> Input:
    return whole(*shape, low=0, high=classes)


for how in ("mean", "sum", "none"):
    row(
        lambda how=how: nn.CrossEntropyLoss(reduction=how),
        real(4, 7),
        labels(4),
        peer=lambda torch, how=how: torch.nn.CrossEntropyLoss(reduction=how),
    )
    row(
        lambda how=how: nn.MSELoss(reduction=how),
        real(4, 7),
        real(4, 7),
        peer=lambda torch, how=how: torch.nn.MSELoss(reduction=how),
    )
