"""Datasets: anything with a length that gives examples by their positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from nnkit.tensor import Tensor

Host = np.ndarray[Any, Any]


class Dataset(Protocol):
    """What a loader asks of a data set: write these two methods, and inherit from it or not.

    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, index):
    ...         return [float(index)], float(index) ** 2
    >>> Squares()[3]
    ([3.0], 9.0)
    """

    def __len__(self) -> int:
        """How many examples there are."""

    def __getitem__(self, index: int) -> Any:
        """One example: a number, an array, or a tuple or dict of them, such as (x, y)."""


class ArrayDataset:
    """Arrays whose first axes count the same examples: example i is (x[i], y[i], ...).

    Args:
        arrays: NumPy arrays, tensors (which are read once) or nested lists.

    Raises:
        ValueError: when they hold different numbers of examples, or none is given.

    >>> data = ArrayDataset([[1.0], [2.0], [3.0]], [0, 1, 0])
    >>> len(data), data[1]
    (3, (array([2.]), np.int64(1)))
    """

    def __init__(self, *arrays: Any) -> None:
        self.arrays = tuple(a.numpy() if isinstance(a, Tensor) else np.asarray(a) for a in arrays)
        if not self.arrays or any(a.ndim == 0 for a in self.arrays):
            raise ValueError("ArrayDataset: give at least one array, each with an axis of examples")
        if len({len(a) for a in self.arrays}) > 1:
            raise ValueError(
                "ArrayDataset: the arrays must hold as many examples, got "
                + " and ".join(str(len(a)) for a in self.arrays)
            )

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: Any) -> Any:
        return tuple(a[index] for a in self.arrays)

    def take(self, positions: Host) -> tuple[Host, ...]:
        """Several examples at once, as arrays; loaders use it where it is there."""
        return tuple(a[positions] for a in self.arrays)

    def __repr__(self) -> str:
        return f"ArrayDataset({', '.join(f'{a.dtype}{a.shape}' for a in self.arrays)})"


TensorDataset = ArrayDataset
"""PyTorch's name for it."""


class Subset:
    """The examples of a dataset at these positions.

    >>> Subset(ArrayDataset([10, 20, 30]), [2, 0])[0]
    (np.int64(30),)
    """

    def __init__(self, dataset: Dataset, indices: Sequence[int] | Host) -> None:
        self.dataset = dataset
        self.indices = np.asarray(indices, dtype=np.int64)
        count = len(dataset)
        if self.indices.size and not (
            -count <= int(self.indices.min()) and int(self.indices.max()) < count
        ):
            raise IndexError(
                f"Subset: positions must lie in [0, {count}), got {int(self.indices.min())} to "
                f"{int(self.indices.max())}"
            )

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]

    def take(self, positions: Host) -> Any:
        """Several examples at once, as arrays."""
        from nnkit.data.collate import take

        return take(self.dataset, self.indices[positions])

    def __repr__(self) -> str:
        return f"Subset({len(self)} of {self.dataset!r})"
