"""The user's data on the host: checked once, cut into batches, uploaded batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nnkit.backend import Backend
from nnkit.data.nest import each, leaves, named
from nnkit.tensor import Tensor

Host = np.ndarray[Any, Any]


class Batch(NamedTuple):
    """Some examples on the device."""

    x: Any
    y: Any
    weight: Tensor | None
    size: int


@dataclass(frozen=True)
class Data:
    """Inputs and, where there are any, targets and weights of the same number of examples."""

    x: Any
    y: Any = None
    weight: Host | None = None

    def __len__(self) -> int:
        return len(next(leaves(self.x)))

    def batches(self, backend: Backend, size: int, order: Host | None = None) -> Iterator[Batch]:
        """Batches on the device, in the given order; the last one may be smaller."""
        order = np.arange(len(self)) if order is None else order
        for start in range(0, len(self), size):
            yield self.take(order[start : start + size]).uploaded(backend)

    def uploaded(self, backend: Backend) -> Batch:
        """All of it as one batch."""

        def up(nest: Any) -> Any:
            return None if nest is None else each(lambda values: upload(values, backend), nest)

        return Batch(up(self.x), up(self.y), up(self.weight), len(self))

    def take(self, chosen: Any) -> Data:
        """The examples at these positions (an index array or a slice)."""

        def of(nest: Any) -> Any:
            return None if nest is None else each(lambda values: values[chosen], nest)

        return Data(of(self.x), of(self.y), of(self.weight))

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
        return self.take(slice(None, cut)), self.take(slice(cut, None))


def upload(values: Host, backend: Backend) -> Tensor:
    """One batch to the device."""
    return Tensor(backend.asarray(values), backend)


def numbers(caller: str, name: str, values: Any) -> Host:
    """A NumPy array of numbers with a first axis of at least one example and no NaN.

    Raises:
        TypeError, ValueError: name the argument, the rule and the value.
    """
    array = _array(caller, name, values)
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


def _array(caller: str, name: str, values: Any) -> Host:
    if isinstance(values, Tensor):
        return values.numpy()
    if hasattr(values, "toarray"):  # SciPy's sparse matrices
        raise TypeError(
            f"{caller}: {name} must be a dense array, got a sparse {type(values).__name__}. "
            f"Fix: {name}.toarray()."
        )
    try:
        return np.asarray(values)
    except ValueError:  # rows of unequal length
        raise TypeError(
            f"{caller}: {name} must hold numbers in rows of equal length. Fix: pad the shorter "
            "rows; or give several inputs as a tuple."
        ) from None


def same_length(caller: str, **nests: Any) -> None:
    """As many examples in each array."""
    entries = [e for name, nest in nests.items() if nest is not None for e in named(name, nest)]
    lengths = [len(array) for _, array in entries]
    if len(set(lengths)) > 1:
        names = [name for name, _ in entries]
        raise ValueError(
            f"{caller}: {', '.join(names[:-1])} and {names[-1]} must hold as many examples, got "
            f"{', '.join(map(str, lengths[:-1]))} and {lengths[-1]}"
        )


def check_batch_size(caller: str, batch_size: int) -> int:
    """A whole number from 1."""
    if batch_size < 1:
        raise ValueError(f"{caller}: batch_size must be at least 1, got {batch_size}")
    return batch_size
