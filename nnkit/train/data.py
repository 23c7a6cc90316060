"""The user's data on the host: checked once, cut into batches, uploaded batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnkit.backend import Backend
from nnkit.tensor import Tensor

Host = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Data:
    """Inputs and, where there are any, targets of the same number of examples."""

    x: Host
    y: Host | None = None

    def __len__(self) -> int:
        return len(self.x)

    def batches(
        self, backend: Backend, size: int, order: Host | None = None
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Batches on the device, in the given order; the last one may be smaller."""
        order = np.arange(len(self)) if order is None else order
        for start in range(0, len(self), size):
            chosen = order[start : start + size]
            y = None if self.y is None else upload(self.y[chosen], backend)
            yield upload(self.x[chosen], backend), y

    def split(self, share: float) -> tuple[Data, Data]:
        """All but the last `share` of the examples, and the last `share`."""
        if not 0.0 < share < 1.0:
            raise ValueError(f"fit: validation_split must lie in (0, 1), got {share}")
        count = max(1, round(len(self) * share))
        if count == len(self):
            raise ValueError(
                f"fit: validation_split={share} of {len(self)} examples leaves none to learn from"
            )
        cut = len(self) - count
        assert self.y is not None
        return Data(self.x[:cut], self.y[:cut]), Data(self.x[cut:], self.y[cut:])


def upload(values: Host, backend: Backend) -> Tensor:
    """One batch to the device."""
    return Tensor(backend.asarray(values), backend)


def inputs(caller: str, x: Any, dtype: str) -> Host:
    """Numbers of the network's dtype, at least one example, no NaN."""
    return numbers(caller, "x", x).astype(dtype)


def numbers(caller: str, name: str, values: Any) -> Host:
    """A NumPy array of numbers with a first axis of at least one example and no NaN.

    Raises:
        TypeError, ValueError: name the argument, the rule and the value.
    """
    array = values.numpy() if isinstance(values, Tensor) else np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{caller}: {name} must hold numbers, got dtype {array.dtype}. Fix: turn names and "
            "texts into numbers first, and make all rows equally long."
        )
    if array.ndim == 0 or len(array) == 0:
        raise ValueError(
            f"{caller}: {name} must hold at least one example, got shape {array.shape}"
        )
    if array.dtype.kind == "f" and (wrong := ~np.isfinite(array)).any():
        row = int(np.argwhere(wrong)[0][0])
        raise ValueError(
            f"{caller}: {name} must be finite, but {int(wrong.sum())} of its values are NaN or "
            f"infinite, the first in example {row}. Fix: drop these examples, or fill in the gaps."
        )
    return array


def same_length(caller: str, x: Host, y: Host) -> None:
    """As many targets as inputs."""
    if len(x) != len(y):
        raise ValueError(f"{caller}: x and y must hold as many examples, got {len(x)} and {len(y)}")


def check_batch_size(caller: str, batch_size: int) -> int:
    """A whole number from 1."""
    if batch_size < 1:
        raise ValueError(f"{caller}: batch_size must be at least 1, got {batch_size}")
    return batch_size
