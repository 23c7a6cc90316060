"""Rows for `nnkit/nn/activation.py` and `nnkit/nn/rectifier.py`."""

from __future__ import annotations

from nnkit import nn
from tests.cases import activation
from tests.cases.layers.table import Layers
from tests.cases.table import real

layers = Layers()
row = layers.row
CASES = layers.cases

OPTIONS = [
    ("ReLU", {}),
    ("Sigmoid", {}),
    ("Tanh", {}),
    ("Softsign", {}),
    ("Hardtanh", {}),
    ("Hardtanh", {"min_val": -0.5, "max_val": 1.5}),
    ("LeakyReLU", {}),
    ("LeakyReLU", {"negative_slope": 0.3}),
    ("ELU", {}),
    ("ELU", {"alpha": 0.7}),
    ("SELU", {}),
    ("GELU", {}),
    ("GELU", {"approximate": "tanh"}),
    ("SiLU", {}),
    ("Mish", {}),
    ("Softplus", {}),
    ("Softplus", {"beta": 2.5, "threshold": 1.5}),
    ("PReLU", {}),
    ("Softmax", {"dim": 1}),
    ("LogSoftmax", {"dim": 1}),
]
for name, options in OPTIONS:
    row(
        lambda name=name, options=options: getattr(nn, name)(**options),
        real(4, 7, low=-4.0, high=4.0),
        peer=lambda torch, name=name, options=options: getattr(torch.nn, name)(**options),
    )
row(lambda: nn.PReLU(7, 0.1), real(4, 7), peer=lambda torch: torch.nn.PReLU(7, 0.1))
row(lambda: nn.PReLU(3), real(4, 3, 2, 5), peer=lambda torch: torch.nn.PReLU(3))
row(lambda: nn.Softmax(dim=0), real(4, 7), peer=lambda torch: torch.nn.Softmax(dim=0))
row(lambda: nn.Step(), real(4, 7), oracle=lambda state, x: activation.step(x))
# PyTorch's gradient of it is 1/6 with the digits of float32, in float64 too.
row(
    lambda: nn.Hardsigmoid(),
    real(4, 7, low=-4.0, high=4.0),
    oracle=lambda state, x: activation.hardsigmoid(x),
)
