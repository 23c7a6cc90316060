"""Losses of classes as modules: cross-entropy and its kin, and the margin between classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnkit import ops
from nnkit.nn.loss import Host, Loss
from nnkit.ops.loss_classes import IGNORED
from nnkit.tensor import Tensor
from nnkit.typing import Shape


class CrossEntropyLoss(Loss):
    """-sum_c w_c q_c log softmax(logits)_c, from logits; softmax is part of it.

    Shapes: logits (N, C), (C,) or (N, C, ...); target integers (N, ...), in [0, C), or floats of
    the logits' shape and dtype: one-hot, or any probabilities.

    Args:
        weight: a number w for each class; all 1 where None.
        ignore_index: the class number of targets that count for nothing.
        reduction: 'mean' divides the sum by that of the weights of the targets' classes (so by the
            number of targets where there are none), or by N for probabilities; 'sum'; 'none'.
        label_smoothing: q is this much of the even distribution, the rest of the target (Szegedy et
            al. 2016, arXiv:1512.00567).

    >>> import nnkit
    >>> from nnkit import nn
    >>> loss = nn.CrossEntropyLoss()(nnkit.tensor([[2.0, 0.0]]), nnkit.tensor([0]))
    >>> round(loss.item(), 4)
    0.1269
    """

    weight: Tensor | None

    def __init__(
        self,
        weight: Any = None,
        *,
        ignore_index: int = IGNORED,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction=reduction)
        if not 0.0 <= label_smoothing <= 1.0:
            raise ValueError(
                f"CrossEntropyLoss: label_smoothing must be in [0, 1], got {label_smoothing}"
            )
        self.keep_weight("weight", weight)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch of logits."""
        return ops.cross_entropy(
            prediction,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )

    def prepare_target(self, y: Host, output: Shape, dtype: str) -> Host:
        """Class numbers become int64, one-hot rows the network's dtype."""
        if output and y.shape[1:] == output:
            return y.astype(dtype)
        return class_numbers("cross_entropy", y, output, self.ignore_index, probabilities=True)


class NLLLoss(Loss):
    """-w_t log_p_t for the target class t: cross-entropy of what `LogSoftmax` gave.

    Shapes: log_p (N, C), (C,) or (N, C, ...); target integers (N, ...) in [0, C).

    Args:
        weight: a number w for each class; all 1 where None.
        ignore_index: the class number of targets that count for nothing.
        reduction: 'mean' divides the sum by that of the weights of the targets' classes.

    >>> import nnkit
    >>> from nnkit import nn
    >>> log_p = nnkit.tensor([[-0.5, -1.0], [-2.0, -0.25]])
    >>> nn.NLLLoss(reduction="none")(log_p, nnkit.tensor([0, 1])).tolist()
    [0.5, 0.25]
    """

    weight: Tensor | None

    def __init__(
        self, weight: Any = None, *, ignore_index: int = IGNORED, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self.keep_weight("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch of logarithms of probabilities."""
        options = {"ignore_index": self.ignore_index, "reduction": self.reduction}
        return ops.nll_loss(prediction, target, self.weight, **options)

    def prepare_target(self, y: Host, output: Shape, dtype: str) -> Host:
        """Class numbers become int64."""
        return class_numbers("nll_loss", y, output, self.ignore_index)


class MultiMarginLoss(Loss):
    """w_t / C sum_{c != t} max(0, margin - s_t + s_c)^p, for scores s and target class t.

    The hinge of several classes (Weston and Watkins 1999): the target's score shall be the largest
    by the margin. Shapes: scores (N, C) or (C,), target integers (N,) or () in [0, C).

    Args:
        p: 1, or 2 for squares.
        margin: how far ahead is far enough.
        weight: a number w for each class; all 1 where None.
        reduction: 'mean' is over N.

    >>> import nnkit
    >>> scores = nnkit.tensor([[0.5, 1.0, -2.0, 0.5]])
    >>> nnkit.nn.MultiMarginLoss()(scores, nnkit.tensor([1])).item()
    0.25
    """

    weight: Tensor | None

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Any = None, *, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: p must be 1 or 2, got {p}")
        self.p, self.margin = p, margin
        self.keep_weight("weight", weight)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch of scores."""
        options = {"p": self.p, "margin": self.margin, "reduction": self.reduction}
        return ops.multi_margin_loss(prediction, target, self.weight, **options)

    def prepare_target(self, y: Host, output: Shape, dtype: str) -> Host:
        """Class numbers become int64."""
        return class_numbers("multi_margin_loss", y, output, None)


def class_numbers(
    loss: str, y: Host, output: Shape, ignored: int | None, *, probabilities: bool = False
) -> Host:
    """Class numbers as int64, checked; `probabilities` says that these would do too."""
    if not output:
        raise ValueError(
            f"{loss}: the network must give a score for each class, one row for an example, got "
            "one number. Fix: widen the last layer, or leave out what flattens the batch."
        )
    classes, *rest = output
    if y.shape[1:] != tuple(rest):
        numbers, rows = (str(("N", *shape)).replace("'", "") for shape in (rest, output))
        others = f" or one-hot rows of shape {rows}" if probabilities else ""
        raise ValueError(
            f"{loss}: y must be class numbers of shape {numbers}{others}, got {y.shape}. "
            f"Fix: {'nn.Flatten() before the last layer.' if rest else _fix(y, probabilities)}"
        )
    if y.dtype.kind not in "iu":
        raise TypeError(
            f"{loss}: class numbers must be integers, got {y.dtype}. Fix: y.astype('int64')."
        )
    counted = y if ignored is None else y[y != ignored]
    low, high = (int(counted.min()), int(counted.max())) if counted.size else (0, 0)
    if low < 0 or high >= classes:
        raise ValueError(
            f"{loss}: class numbers must lie in [0, {classes}), for the network has {classes} "
            f"outputs, got {low if low < 0 else high}. "
            "Fix: number the classes from 0, or widen the last layer."
        )
    return y.astype(np.int64)


def _fix(y: Host, probabilities: bool) -> str:
    if y.ndim == 2 and y.shape[1] == 1:
        return "y.reshape(-1)."
    return "as many outputs as classes." if probabilities else "y.argmax(axis=1) of one-hot rows."
