"""Metrics of classes: all follow from how often each class was taken for each."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from nnkit import ops
from nnkit.errors import closest
from nnkit.tensor import Tensor
from nnkit.train.metric import Metric, Statistics, wide

Host = np.ndarray[Any, Any]

AVERAGES = ("auto", "binary", "macro", "micro", "weighted", "none")


def classes(output: Tensor, target: Tensor, threshold: float) -> tuple[Tensor, Tensor, int]:
    """The class numbers that were predicted and those that are true, and how many classes are.

    Shapes: output (N, C, ...), the class is the largest along axis 1; target class numbers
    (N, ...), or one-hot like the output. With one output, (N, 1) or (N,), the class is whether it
    lies above `threshold`.
    """
    if output.ndim < 2 or output.shape[1] == 1:
        said = ops.astype(ops.greater(output, threshold), dtype="int64")
        true = ops.astype(ops.greater(target, 0.5), dtype="int64")
        return said.reshape(-1), true.reshape(-1), 2
    true = target if target.ndim < output.ndim else target.argmax(axis=1)
    return output.argmax(axis=1).reshape(-1), true.reshape(-1), output.shape[1]


class ConfusionMatrix(Metric):
    """counts[i, j] = how many examples of class i were taken for class j.

    Args:
        threshold: with one output, the class is whether it lies above; 0 for logits.

    Negative class numbers, which losses ignore, are left out.

    >>> import nnkit
    >>> matrix = nnkit.train.ConfusionMatrix()
    >>> matrix(nnkit.tensor([[2.0, 1.0], [0.0, 3.0], [4.0, 1.0]]), nnkit.tensor([0, 1, 1])).tolist()
    [[1, 0], [1, 1]]
    """

    def __init__(self, *, threshold: float = 0.5) -> None:
        self.threshold = threshold

    def of_batch(self, output: Tensor, target: Tensor) -> Statistics:
        """The counts (C, C) of a batch, as a product of one-hot matrices."""
        said, true, number = classes(output, target, self.threshold)
        xp = output.backend.xp
        numbers = Tensor(
            xp.arange(number, dtype=xp.int64, device=output.data.device), output.backend
        )

        def hot(of: Tensor) -> Tensor:
            rows = ops.astype(of, dtype="int64").reshape(-1, 1)
            return ops.astype(ops.equal(rows, numbers), dtype="float32")

        return (wide(hot(true).T @ hot(said)),)

    def result(self, *statistics: Host) -> Any:
        """The counts, as a NumPy array of integers."""
        return statistics[0].astype(np.int64)


class _Score(ConfusionMatrix):
    """A number for each class, and a mean over the classes.

    Args:
        average: 'binary' scores class 1 of two; 'macro' is the mean over the classes that occur,
            'weighted' the same weighted by how often each is true, 'micro' counts all classes
            together, 'none' gives an array, one score a class. 'auto' is 'binary' for two classes
            and 'macro' for more.
        threshold: with one output, the class is whether it lies above; 0 for logits.

    A score without any case, 0 / 0, is 0, as in scikit-learn.
    """

    def __init__(self, average: str = "auto", *, threshold: float = 0.5) -> None:
        super().__init__(threshold=threshold)
        if average not in AVERAGES:
            raise ValueError(
                f"{type(self).__name__}: unknown average {average!r}. {closest(average, AVERAGES)}"
            )
        self.average = average

    @abstractmethod
    def score(self, hits: Host, said: Host, true: Host) -> Host:
        """The score of classes that were hit, said and true this often."""

    def result(self, *statistics: Host) -> Any:
        """The mean that `average` names, or an array."""
        counts = statistics[0]
        hits, said, true = np.diagonal(counts), counts.sum(axis=0), counts.sum(axis=1)
        average = self.average
        if average == "auto":
            average = "binary" if len(counts) == 2 else "macro"
        if average == "micro":
            return float(self.score(*(np.sum(v, keepdims=True) for v in (hits, said, true)))[0])
        scores = self.score(hits, said, true)
        if average == "none":
            return scores
        return self._mean(average, scores, said, true)

    def _mean(self, average: str, scores: Host, said: Host, true: Host) -> float:
        if average == "binary":
            if len(scores) != 2:
                raise ValueError(
                    f"{type(self).__name__}: average='binary' fits two classes, got {len(scores)}. "
                    "Fix: average='macro'."
                )
            return float(scores[1])
        weights = true if average == "weighted" else (said + true > 0).astype(float)
        return float(_ratio(np.sum(scores * weights, keepdims=True), weights.sum())[0])


class Precision(_Score):
    """hits / said: how much of what was called a class belongs to it.

    >>> from nnkit.train import Precision
    >>> Precision()([[0.9], [0.8], [0.2]], [[1.0], [0.0], [1.0]])
    0.5
    """

    def score(self, hits: Host, said: Host, true: Host) -> Host:
        """hits / said."""
        return _ratio(hits, said)


class Recall(_Score):
    """hits / true: how much of a class was found.

    >>> from nnkit.train import Recall
    >>> Recall()([[0.9], [0.8], [0.2], [0.1]], [[1.0], [0.0], [1.0], [0.0]])
    0.5
    """

    def score(self, hits: Host, said: Host, true: Host) -> Host:
        """hits / true."""
        return _ratio(hits, true)


class F1(_Score):
    """2 hits / (said + true): the harmonic mean of precision and recall.

    >>> from nnkit.train import F1
    >>> F1("micro")([[2.0, 1.0, 0.0], [0.0, 1.0, 2.0]], [0, 1])
    0.5
    """

    def score(self, hits: Host, said: Host, true: Host) -> Host:
        """2 hits / (said + true)."""
        return _ratio(2 * hits, said + true)


def _ratio(part: Host, whole: Any) -> Host:
    whole = np.broadcast_to(whole, part.shape)
    ratio: Host = np.divide(part, whole, out=np.zeros(part.shape), where=whole != 0)
    return ratio
