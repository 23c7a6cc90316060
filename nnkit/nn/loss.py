"""What losses share, and those by the difference of prediction and target.

Losses of classes stand in `loss_classes.py`, those of yes or no and of distributions in
`loss_binary.py`.
"""

from __future__ import annotations

import inspect
from abc import abstractmethod
from typing import Any

import numpy as np

from nnkit import ops
from nnkit.nn.module import Module
from nnkit.ops.loss import REDUCTIONS, check_positive, check_reduction
from nnkit.tensor import Tensor, tensor
from nnkit.typing import Shape

Host = np.ndarray[Any, Any]


class Loss(Module):
    """How far predictions are from their targets.

    Args:
        reduction: 'mean', 'sum', or 'none' for the losses as they are.

    >>> import nnkit
    >>> from nnkit import nn
    >>> isinstance(nn.MSELoss(), nn.Loss), nn.MSELoss(reduction="sum").reduction
    (True, 'sum')
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        check_reduction(type(self).__name__, reduction, self.reductions())
        self.reduction = reduction

    def reductions(self) -> tuple[str, ...]:
        """The reductions that it knows."""
        return REDUCTIONS

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

    def keep_weight(self, name: str, weight: Any) -> None:
        """Keep numbers by which losses are weighed as a buffer, as PyTorch does; None for none."""
        if weight is not None and not isinstance(weight, Tensor):
            weight = tensor(np.asarray(weight), dtype="float32")
        self.register_buffer(name, weight)

    def extra_repr(self) -> str:
        """The options that are not the usual ones."""
        shown = []
        for name, parameter in inspect.signature(type(self)).parameters.items():
            value = getattr(self, name)
            if isinstance(value, Tensor):
                shown.append(f"{name}={value.tolist()}")
            elif value != parameter.default:
                shown.append(f"{name}={value!r}")
        return ", ".join(shown)


def numbers_like(loss: str, y: Host, output: Shape, dtype: str) -> Host:
    """Numbers of the network's dtype, one for each output."""
    if y.shape[1:] != output:
        wanted = "(N" + "".join(f", {n}" for n in output) + ("," if not output else "") + ")"
        raise ValueError(
            f"{loss}: y must have the shape {wanted}, like the network's output, got "
            f"{y.shape}. Fix: y.reshape({', '.join(map(str, (-1, *output)))})."
        )
    return y.astype(dtype)


class MSELoss(Loss):
    """(prediction - target)^2, both of one shape and dtype; the mean is over all elements.

    >>> import nnkit
    >>> nnkit.nn.MSELoss()(nnkit.tensor([1.0, 5.0]), nnkit.tensor([1.0, 1.0])).item()
    8.0
    """

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch."""
        return ops.mse_loss(prediction, target, reduction=self.reduction)

    def prepare_target(self, y: Host, output: Shape, dtype: str) -> Host:
        """Numbers of the network's dtype, one for each output."""
        return numbers_like("mse_loss", y, output, dtype)


class HalfSquaredErrorLoss(Loss):
    """(prediction - target)^2 / 2, by default its sum over all elements of the batch.

    Its gradient is the difference itself: the loss of hand-written gradient descent. Both of one
    shape and dtype.

    >>> import nnkit
    >>> nnkit.nn.HalfSquaredErrorLoss()(nnkit.tensor([1.0, 5.0]), nnkit.tensor([1.0, 1.0])).item()
    8.0
    """

    def __init__(self, *, reduction: str = "sum") -> None:
        super().__init__(reduction=reduction)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch."""
        return ops.half_squared_error(prediction, target, reduction=self.reduction)

    def prepare_target(self, y: Host, output: Shape, dtype: str) -> Host:
        """Numbers of the network's dtype, one for each output."""
        return numbers_like("half_squared_error", y, output, dtype)


class L1Loss(Loss):
    """|prediction - target|, both of one shape and dtype; the mean is over all elements.

    >>> import nnkit
    >>> nnkit.nn.L1Loss()(nnkit.tensor([1.0, 5.0]), nnkit.tensor([1.0, 1.0])).item()
    2.0
    """

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch."""
        return ops.l1_loss(prediction, target, reduction=self.reduction)

    def prepare_target(self, y: Host, output: Shape, dtype: str) -> Host:
        """Numbers of the network's dtype, one for each output."""
        return numbers_like("l1_loss", y, output, dtype)


class HuberLoss(Loss):
    """e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2); e = prediction - target.

    Both of one shape and dtype; far outliers pull no harder than those at delta (Huber 1964).

    >>> import nnkit
    >>> nnkit.nn.HuberLoss()(nnkit.tensor([1.0, 5.0]), nnkit.tensor([1.0, 1.0])).item()
    1.75
    """

    def __init__(self, *, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        check_positive("HuberLoss", "delta", delta)
        self.delta = delta

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch."""
        return ops.huber_loss(prediction, target, reduction=self.reduction, delta=self.delta)

    def prepare_target(self, y: Host, output: Shape, dtype: str) -> Host:
        """Numbers of the network's dtype, one for each output."""
        return numbers_like("huber_loss", y, output, dtype)


class SmoothL1Loss(Loss):
    """e^2 / (2 beta) where |e| <= beta, else |e| - beta / 2; e = prediction - target.

    Both of one shape and dtype: the Huber loss by beta (Girshick 2015, arXiv:1504.08083).

    >>> import nnkit
    >>> nnkit.nn.SmoothL1Loss()(nnkit.tensor([1.0, 5.0]), nnkit.tensor([1.0, 1.0])).item()
    1.75
    """

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        check_positive("SmoothL1Loss", "beta", beta)
        self.beta = beta

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch."""
        return ops.smooth_l1_loss(prediction, target, reduction=self.reduction, beta=self.beta)

    def prepare_target(self, y: Host, output: Shape, dtype: str) -> Host:
        """Numbers of the network's dtype, one for each output."""
        return numbers_like("smooth_l1_loss", y, output, dtype)
