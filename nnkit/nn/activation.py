"""Activations: each layer is one op."""

from __future__ import annotations

from nnkit import ops
from nnkit.nn.module import Module
from nnkit.tensor import Tensor


class ReLU(Module):
    """max(x, 0) (Nair and Hinton 2010)."""

    def forward(self, x: Tensor) -> Tensor:
        """max(x, 0)."""
        return ops.relu(x)


class Sigmoid(Module):
    """1 / (1 + exp(-x))."""

    def forward(self, x: Tensor) -> Tensor:
        """1 / (1 + exp(-x))."""
        return ops.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, x: Tensor) -> Tensor:
        """tanh(x)."""
        return ops.tanh(x)


class Softmax(Module):
    """exp(x) / sum(exp(x)) over one axis. `CrossEntropyLoss` wants logits: leave it out there.

    Args:
        dim: the axis, by PyTorch's name.
        axis: the same, by the array API's name.
    """

    def __init__(self, dim: int = -1, *, axis: int | None = None) -> None:
        self.dim = dim if axis is None else axis

    def forward(self, x: Tensor) -> Tensor:
        """exp(x) / sum(exp(x))."""
        return ops.softmax(x, axis=self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"
