"""The table of layers and losses, by the families of `nnkit/nn`, with PyTorch's beside them.

A row makes a layer, names its inputs, and says what to compare it with: the layer of the same name
in PyTorch, or an oracle in float64 NumPy. `tests/test_layers.py` runs it on every backend in every
float dtype, forward and backward. A layer without a row fails the suite.
"""

from tests.cases.layers import (
    activation,
    attention,
    container,
    conv,
    dropout,
    embedding,
    linear,
    loss,
    memory,
    norm,
    pool,
    recurrent,
)
from tests.cases.layers.table import LayerCase

FAMILIES = (
    container,
    linear,
    dropout,
    loss,
    conv,
    pool,
    recurrent,
    norm,
    activation,
    embedding,
    attention,
    memory,
)
LAYER_CASES: list[LayerCase] = [case for family in FAMILIES for case in family.CASES]

__all__ = [
    "LAYER_CASES",
    "LayerCase",
]
