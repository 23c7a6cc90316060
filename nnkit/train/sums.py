"""Metrics of numbers and of probabilities that follow from sums over all examples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnkit import ops
from nnkit.autograd import no_grad
from nnkit.tensor import Tensor
from nnkit.train.metric import Metric, Statistics, count, wide

Host = np.ndarray[Any, Any]


class R2(Metric):
    """1 - sum (y - p)^2 / sum (y - mean y)^2, the mean of it over several outputs.

    The spread of y is merged batch by batch from count, mean and squares around the mean (Chan,
    Golub and LeVeque 1983), which keeps the digits that sums of y^2 lose. Where y is constant it is
    1 for a perfect prediction and else 0, as in scikit-learn.

    Shapes: output and target (N,) or (N, ...), the same number of elements.

    >>> from nnkit.train import R2
    >>> round(R2()([1.0, 2.0, 4.0], [1.0, 2.0, 3.0]), 6)
    0.5
    """

    def of_batch(self, output: Tensor, target: Tensor) -> Statistics:
        """N, the mean of y, its squares around the mean, and the squared errors."""
        y = wide(target.reshape(len(target), -1))
        p = wide(output.reshape(len(output), -1))
        mean = y.mean(axis=0)
        around, error = y - mean, y - p
        squares = (around * around).sum(axis=0)
        return count(len(target), y), mean, squares, (error * error).sum(axis=0)

    def merge(self, one: Statistics, other: Statistics) -> Statistics:
        """Two batches as one."""
        (n, mean, squares, errors), (m, mean_2, squares_2, errors_2) = one, other
        with no_grad():
            total, apart = n + m, mean_2 - mean
            return (
                total,
                mean + apart * (m / total),
                squares + squares_2 + apart * apart * (n * m / total),
                errors + errors_2,
            )

    def result(self, *statistics: Host) -> float:
        """The mean over the outputs."""
        _, _, squares, errors = (values.astype(float) for values in statistics)
        constant = squares == 0
        share = errors / np.where(constant, 1.0, squares)
        return float(np.mean(np.where(constant, np.where(errors == 0, 1.0, 0.0), 1.0 - share)))


class Perplexity(Metric):
    """exp of the mean cross-entropy: the number of equally likely choices that would be as hard.

    Shapes: output logits (N, C), target class numbers (N,) or one-hot rows (N, C). Negative class
    numbers count for nothing.

    >>> from nnkit.train import Perplexity
    >>> round(Perplexity()([[0.0, 0.0, 0.0, 0.0]], [2]), 4)
    4.0
    """

    def of_batch(self, output: Tensor, target: Tensor) -> Statistics:
        """The sum of the losses, and how many there are."""
        losses = wide(ops.cross_entropy(output, target, reduction="sum"))
        if target.ndim == output.ndim:
            return losses, count(len(output), output)
        return losses, wide(ops.greater_equal(target, 0)).sum()

    def result(self, *statistics: Host) -> float:
        """exp(losses / count)."""
        losses, number = (float(value) for value in statistics)
        return math.exp(min(losses / number, 700.0)) if number else math.nan
