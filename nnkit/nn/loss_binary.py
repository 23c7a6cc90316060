"""Losses of yes or no, by probability, logit or side, and of distributions, as modules."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnkit import ops
from nnkit.nn.loss import Host, Loss, numbers_like
from nnkit.ops.loss import REDUCTIONS
from nnkit.tensor import Tensor
from nnkit.typing import Shape


class BCELoss(Loss):
    """-w (t log p + (1 - t) log(1 - p)) for probabilities p and targets t in [0, 1].

    Logarithms count as -100 at least, as in PyTorch. `BCEWithLogitsLoss` is safer, and has Sigmoid
    in itself. Both of one shape and dtype.

    Args:
        weight: numbers w that broadcast to the predictions; 1 where None.
        reduction: 'mean' is over all elements.

    >>> import nnkit
    >>> loss = nnkit.nn.BCELoss()(nnkit.tensor([0.5, 0.5]), nnkit.tensor([1.0, 0.0]))
    >>> round(loss.item(), 4)
    0.6931
    """

    weight: Tensor | None

    def __init__(self, weight: Any = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.keep_weight("weight", weight)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch of probabilities."""
        return ops.binary_cross_entropy(prediction, target, self.weight, reduction=self.reduction)

    def prepare_target(self, y: Host, output: Shape, dtype: str) -> Host:
        """Numbers in [0, 1] of the network's dtype, one for each output."""
        return within("binary_cross_entropy", y, output, dtype)


class BCEWithLogitsLoss(Loss):
    """-w (v t log s + (1 - t) log(1 - s)), s = sigmoid(logits), for targets t in [0, 1].

    Both of one shape and dtype; no logit overflows.

    Args:
        weight: numbers w that broadcast to the predictions; 1 where None.
        reduction: 'mean' is over all elements.
        pos_weight: numbers v, such as one for each of several labels, that weigh what is true:
            more than 1 for labels that are rarely true; 1 where None.

    >>> import nnkit
    >>> loss = nnkit.nn.BCEWithLogitsLoss()(nnkit.tensor([0.0, 1000.0]), nnkit.tensor([1.0, 1.0]))
    >>> round(loss.item(), 4)
    0.3466
    """

    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(
        self, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None
    ) -> None:
        super().__init__(reduction=reduction)
        self.keep_weight("weight", weight)
        self.keep_weight("pos_weight", pos_weight)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch of logits."""
        return ops.binary_cross_entropy_with_logits(
            prediction, target, self.weight, self.pos_weight, reduction=self.reduction
        )

    def prepare_target(self, y: Host, output: Shape, dtype: str) -> Host:
        """Numbers in [0, 1] of the network's dtype, one for each output."""
        return within("binary_cross_entropy_with_logits", y, output, dtype)


class KLDivLoss(Loss):
    """p (log p - log_q): how far q, given by its logarithm, is from the target distribution p.

    Both of one shape and dtype (Kullback and Leibler 1951); the prediction is what `LogSoftmax`
    gives.

    Args:
        reduction: 'batchmean' divides the sum by the length of the first axis, which is the
            divergence itself; 'mean' is over all elements; 'sum'; 'none'.
        log_target: whether the target is log p.

    >>> import nnkit
    >>> p = nnkit.tensor([[0.5, 0.5]])
    >>> round(nnkit.nn.KLDivLoss(reduction="batchmean")((p * 0.5).log(), p).item(), 4)
    0.6931
    """

    def __init__(self, *, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction=reduction)
        self.log_target = log_target

    def reductions(self) -> tuple[str, ...]:
        """'batchmean' too."""
        return (*REDUCTIONS, "batchmean")

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch of logarithms of probabilities."""
        options = {"reduction": self.reduction, "log_target": self.log_target}
        return ops.kl_div(prediction, target, **options)

    def prepare_target(self, y: Host, output: Shape, dtype: str) -> Host:
        """Numbers of the network's dtype, one for each output; from 0, unless logarithms."""
        made = numbers_like("kl_div", y, output, dtype)
        if not self.log_target and (low := float(made.min(initial=0.0))) < 0:
            raise ValueError(
                f"kl_div: y must be probabilities, from 0, got {low}. Fix: log_target=True, if "
                "they are logarithms."
            )
        return made


class HingeLoss(Loss):
    """max(0, margin - t s) for scores s and targets t of -1 or 1 (Cortes and Vapnik 1995).

    The loss of a support-vector machine; both of one shape and dtype.

    Args:
        margin: how far on the right side is far enough.
        reduction: 'mean' is over all elements.

    >>> import nnkit
    >>> loss = nnkit.nn.HingeLoss(reduction="none")
    >>> loss(nnkit.tensor([0.5, 2.0, 2.0]), nnkit.tensor([1.0, 1.0, -1.0])).tolist()
    [0.5, 0.0, 3.0]
    """

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.margin = margin

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch of scores."""
        return ops.hinge_loss(prediction, target, margin=self.margin, reduction=self.reduction)

    def prepare_target(self, y: Host, output: Shape, dtype: str) -> Host:
        """-1 and 1 in the network's dtype, one for each output."""
        made = numbers_like("hinge_loss", y, output, dtype)
        if (wrong := np.abs(made) != 1).any():
            fix = " Fix: 2 * y - 1." if np.isin(made, (0, 1)).all() else ""
            raise ValueError(f"hinge_loss: y must be -1 or 1, got {float(made[wrong][0])}.{fix}")
        return made


class NegativeSamplingLoss(Loss):
    """-sum_k log sigmoid(t_k s_k), t = 1 for what was seen and -1 for noise, from scores s.

    Of a word and what was seen beside it the inner product shall be large, of the word and noise
    words small (Mikolov et al. 2013, arXiv:1310.4546). Shapes: scores (..., K), such as (N, 1 + 5)
    for five noise words; target (..., K), 1 where seen and 0 for noise, or left out: then the first
    of the K was seen. The mean is over all but the last axis.

    >>> import nnkit
    >>> loss = nnkit.nn.NegativeSamplingLoss()(nnkit.tensor([[1000.0, -1000.0, 0.0]]))
    >>> round(loss.item(), 4)
    0.6931
    """

    def forward(self, prediction: Tensor, target: Tensor | None = None) -> Tensor:
        """The loss of a batch of scores."""
        return ops.negative_sampling(prediction, target, reduction=self.reduction)

    def prepare_target(self, y: Host, output: Shape, dtype: str) -> Host:
        """1 for what was seen and 0 for noise, in the network's dtype."""
        return within("negative_sampling", y, output, dtype)


def within(loss: str, y: Host, output: Shape, dtype: str) -> Host:
    """Numbers in [0, 1] of the network's dtype, one for each output."""
    made = numbers_like(loss, y, output, dtype)
    if (wrong := (made < 0) | (made > 1)).any():
        fix = " Fix: (y + 1) / 2." if np.isin(made, (-1, 1)).all() else ""
        raise ValueError(f"{loss}: y must lie in [0, 1], got {float(made[wrong][0])}.{fix}")
    return made
