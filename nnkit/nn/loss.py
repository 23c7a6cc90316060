"""Losses as modules, and what each asks of the targets it is given."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from nnkit import ops
from nnkit.nn.module import Module
from nnkit.ops.loss import check_reduction
from nnkit.tensor import Tensor
from nnkit.typing import Shape

Host = np.ndarray[Any, Any]


class Loss(Module):
    """How far predictions are from their targets.

    Args:
        reduction: 'mean', 'sum', or 'none' for the losses as they are.
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        check_reduction(type(self).__name__, reduction)
        self.reduction = reduction

    @abstractmethod
    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch."""

    @abstractmethod
    def prepare_target(self, y: Host, output: Shape, dtype: str) -> Host:
        """Check targets on the host, once, and give them the dtype that the loss wants.

        Args:
            y: targets (N, ...).
            output: the shape of the network's output for one example.
            dtype: of the network.

        Raises:
            ValueError, TypeError: name the rule, the value and the fix.
        """

    def extra_repr(self) -> str:
        """The reduction, where it is not the usual one."""
        return "" if self.reduction == "mean" else f"reduction='{self.reduction}'"


class CrossEntropyLoss(Loss):
    """-sum_c p_c log softmax(logits)_c, from logits; softmax is part of it.

    Shapes: logits (N, C) or (C,); target integers (N,) or (), in [0, C), or floats of the logits'
    shape and dtype: one-hot, or any probabilities. The mean is over N.

    >>> import nnkit
    >>> from nnkit import nn
    >>> loss = nn.CrossEntropyLoss()(nnkit.tensor([[2.0, 0.0]]), nnkit.tensor([0]))
    >>> round(loss.item(), 4)
    0.1269
    """

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch of logits."""
        return ops.cross_entropy(prediction, target, reduction=self.reduction)

    def prepare_target(self, y: Host, output: Shape, dtype: str) -> Host:
        """Class numbers become int64, one-hot rows the network's dtype."""
        if len(output) != 1:
            raise ValueError(
                f"cross_entropy: the network must give one row of logits for an example, got the "
                f"shape {output}. Fix: nn.Flatten() before the last layer."
            )
        (classes,) = output
        if y.ndim == 2 and y.shape[1] == classes:
            return y.astype(dtype)
        if y.ndim != 1:
            raise ValueError(
                f"cross_entropy: y must be class numbers of shape (N,) or one-hot rows of shape "
                f"(N, {classes}), got {y.shape}"
            )
        return _class_numbers(y, classes)


def _class_numbers(y: Host, classes: int) -> Host:
    if y.dtype.kind not in "iu":
        raise TypeError(
            f"cross_entropy: class numbers must be integers, got {y.dtype}. Fix: y.astype('int64')."
        )
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= classes:
        raise ValueError(
            f"cross_entropy: class numbers must lie in [0, {classes}), for the network has "
            f"{classes} outputs, got {low if low < 0 else high}. "
            "Fix: number the classes from 0, or widen the last layer."
        )
    return y.astype(np.int64)


class MSELoss(Loss):
    """(prediction - target)^2, both of one shape and dtype; the mean is over all elements."""

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch."""
        return ops.mse_loss(prediction, target, reduction=self.reduction)

    def prepare_target(self, y: Host, output: Shape, dtype: str) -> Host:
        """Numbers of the network's dtype, one for each output."""
        if y.shape[1:] != output:
            wanted = "(N" + "".join(f", {n}" for n in output) + ("," if not output else "") + ")"
            raise ValueError(
                f"mse_loss: y must have the shape {wanted}, like the network's output, got "
                f"{y.shape}. Fix: y.reshape({', '.join(map(str, (-1, *output)))})."
            )
        return y.astype(dtype)
