"""What the estimators learn besides cross-entropy, and how several labels are scored."""

from __future__ import annotations

from nnkit import nn, ops
from nnkit.nn.loss import Host
from nnkit.tensor import Tensor
from nnkit.typing import Shape


class HalfSquares(nn.Loss):
    """sum over the outputs of (prediction - target)^2 / 2; the mean is over the examples.

    So scikit-learn's networks weigh squared errors against the penalty.

    Shapes: prediction and target (N, outputs).

    >>> import nnkit
    >>> HalfSquares()(nnkit.tensor([[1.0, 3.0]]), nnkit.tensor([[1.0, 1.0]])).item()
    2.0
    """

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch."""
        difference = prediction - target
        losses = 0.5 * (difference * difference).sum(axis=1)
        if self.reduction == "none":
            return losses
        return losses.sum() if self.reduction == "sum" else losses.mean()

    def prepare_target(self, y: Host, output: Shape, dtype: str) -> Host:
        """Numbers of the network's dtype."""
        return y.astype(dtype)


class LabelLoss(nn.Loss):
    """sum over the labels of max(z, 0) - z y + log(1 + exp(-abs(z))), from their logits z.

    It is the binary cross-entropy of each label; the mean is over the examples.

    Shapes: logits z and labels y of 0 and 1, both (N, labels).

    >>> import nnkit
    >>> loss = LabelLoss()(nnkit.tensor([[0.0, 0.0]]), nnkit.tensor([[1.0, 0.0]]))
    >>> round(loss.item(), 4)
    1.3863
    """

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch of logits."""
        losses = ops.relu(prediction) - prediction * target
        losses = (losses + ops.log(1.0 + ops.exp(-ops.abs(prediction)))).sum(axis=1)
        if self.reduction == "none":
            return losses
        return losses.sum() if self.reduction == "sum" else losses.mean()

    def prepare_target(self, y: Host, output: Shape, dtype: str) -> Host:
        """Labels in the network's dtype."""
        return y.astype(dtype)


def label_accuracy(output: Tensor, target: Tensor) -> Tensor:
    """The share of examples whose labels are all right."""
    right = ops.equal(ops.greater(output, 0.0), ops.greater(target, 0.5))
    share = ops.astype(right, dtype=output.dtype).min(axis=1)
    return share.mean()
