"""What a metric is: statistics of each batch, kept on the device, and their meaning at the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from nnkit import ops
from nnkit.autograd import no_grad
from nnkit.tensor import Tensor, tensor

Statistics: TypeAlias = tuple[Tensor, ...]
Function: TypeAlias = Callable[[Any, Any], Tensor]
"""A metric whose epoch is the mean of its batches: (output, target) -> 0-d tensor."""


class Metric(ABC):
    """A metric that is no mean of batches, such as F1: it keeps sums, and divides at the end.

    A metric called with the outputs and targets of a whole data set gives its value.

    >>> import nnkit
    >>> from nnkit import train
    >>> class LargestError(train.Metric):
    ...     def of_batch(self, output, target):
    ...         return ((output - target).abs().max(),)
    ...     def merge(self, one, other):
    ...         return (nnkit.ops.maximum(one[0], other[0]),)
    ...     def result(self, largest):
    ...         return float(largest)
    >>> LargestError()(nnkit.tensor([1.0, 5.0]), nnkit.tensor([1.0, 2.0]))
    3.0
    """

    @abstractmethod
    def of_batch(self, output: Tensor, target: Tensor) -> Statistics:
        """Tensors whose shapes do not depend on the batch; nothing is read from the device."""

    def merge(self, one: Statistics, other: Statistics) -> Statistics:
        """The statistics of two batches together: here their sums."""
        with no_grad():
            return tuple(a + b for a, b in zip(one, other, strict=True))

    @abstractmethod
    def result(self, *statistics: np.ndarray[Any, Any]) -> Any:
        """The metric of statistics that were fetched."""

    def __call__(self, output: Any, target: Any) -> Any:
        """The metric of these outputs (N, ...) and targets (N, ...), tensors or NumPy arrays."""
        with no_grad():
            parts = self.of_batch(_tensor(output), _tensor(target))
        return self.result(*(part.numpy() for part in parts))


class Part(Metric):
    """A metric of one of a model's several outputs.

    Args:
        key: of the output and the target, a position or a name.
        metric: of these two.
    """

    def __init__(self, key: Any, metric: Metric) -> None:
        self._key, self._metric = key, metric
        self.merge = metric.merge  # type: ignore[method-assign]

    def of_batch(self, output: Any, target: Any) -> Statistics:
        """The statistics of this output."""
        return self._metric.of_batch(output[self._key], target[self._key])

    def result(self, *statistics: np.ndarray[Any, Any]) -> Any:
        """The metric's result."""
        return self._metric.result(*statistics)


def wide(t: Tensor) -> Tensor:
    """In float64 where the device has it, so that long sums keep their digits."""
    return ops.astype(t, dtype="float64" if t.backend.supports("float64") else "float32")


def count(number: int, like: Tensor) -> Tensor:
    """A number of examples, where the tensor is."""
    xp = like.backend.xp
    full = xp.full((), number, dtype=xp.float32, device=like.data.device)
    return wide(Tensor(full, like.backend))


def _tensor(values: Any) -> Tensor:
    return values if isinstance(values, Tensor) else tensor(values)
