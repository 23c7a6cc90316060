"""Affine layers, and those that only reshape."""

from __future__ import annotations

import math
from numbers import Integral

from nnkit import ops
from nnkit.nn import init
from nnkit.nn.module import Module
from nnkit.nn.parameter import started, started_or_left_out
from nnkit.tensor import Tensor
from nnkit.typing import DType


class Linear(Module):
    """y = x weight^T + bias.

    Shapes: x (..., in_features), weight (out_features, in_features), bias (out_features),
    y (..., out_features); x has the dtype of the weight.

    Args:
        in_features: length of the last axis of x.
        out_features: length of the last axis of y.
        bias: False leaves the bias out.
        dtype: of the parameters; the computation follows it.
        weight_init: how the weight starts: a name from `nn.init`, a function of the shape, a number
            or an array. Default, as in PyTorch: uniform within 1 / sqrt(in_features).
        bias_init: how the bias starts, in the same way and with the same default.

    >>> import nnkit
    >>> from nnkit import nn
    >>> layer = nn.Linear(3, 2, weight_init="ones", bias_init=0.5)
    >>> layer(nnkit.tensor([[1.0, 2.0, 3.0]])).tolist()
    [[6.5, 6.5]]
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: DType = "float32",
        weight_init: init.Start | None = None,
        bias_init: init.Start | None = None,
    ) -> None:
        for name, value in (("in_features", in_features), ("out_features", out_features)):
            if not isinstance(value, Integral):
                raise TypeError(f"Linear: {name} must be a whole number, got {value!r}")
            if value < 1:
                raise ValueError(f"Linear: {name} must be at least 1, got {value}")
        self.in_features = in_features
        self.out_features = out_features
        default = init.within(1.0 / math.sqrt(in_features))
        self.weight = started(weight_init, default, (out_features, in_features), dtype)
        self.bias = started_or_left_out("Linear", bias, bias_init, default, (out_features,), dtype)

    def forward(self, x: Tensor) -> Tensor:
        """x weight^T + bias."""
        return ops.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Flatten(Module):
    """Join the axes from `start_dim` to `end_dim`; by default all but the first, the batch.

    >>> import nnkit
    >>> from nnkit import nn
    >>> nn.Flatten()(nnkit.tensor([[[1.0, 2.0], [3.0, 4.0]]])).tolist()
    [[1.0, 2.0, 3.0, 4.0]]
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, x: Tensor) -> Tensor:
        """X in fewer axes."""
        return ops.flatten(x, start_dim=self.start_dim, end_dim=self.end_dim)

    def extra_repr(self) -> str:
        """The axes."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Identity(Module):
    """y = x: a place that something may take later.

    >>> import nnkit
    >>> from nnkit import nn
    >>> nn.Identity()(nnkit.tensor([1.0, 2.0])).tolist()
    [1.0, 2.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        """X itself."""
        return x
