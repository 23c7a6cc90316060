"""Rows for `nnkit/nn/embedding.py`."""

from __future__ import annotations

from nnkit import nn
from tests.cases.layers.table import Layers
from tests.cases.table import exact

layers = Layers()
row = layers.row
CASES = layers.cases

NUMBERS = exact([[4, 2, 0, 5], [2, 4, 2, 0], [1, 0, 2, 2]], "int64")

row(lambda: nn.Embedding(7, 3), NUMBERS, peer=lambda torch: torch.nn.Embedding(7, 3))
# The gradient of the row for padding is 0 by definition; differences, which are taken of some
# elements alone, would not agree there: they do not happen to look at row 0.
row(
    lambda: nn.Embedding(7, 3, padding_idx=-7),
    NUMBERS.transposed,
    peer=lambda torch: torch.nn.Embedding(7, 3, padding_idx=-7),
)
