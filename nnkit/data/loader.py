"""`DataLoader`: a dataset in batches, made ahead of their use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from nnkit import selection
from nnkit.backend import Backend
from nnkit.data.collate import take
from nnkit.data.dataset import ArrayDataset, Dataset, Host
from nnkit.data.nest import each
from nnkit.data.prefetch import prefetch as ahead
from nnkit.tensor import Tensor


class DataLoader:
    """Batches of a dataset as tensors, in a new order each time it is gone through.

    Args:
        dataset: see `Dataset`; or an array or a tuple of arrays.
        batch_size: examples a batch; the last one may be smaller.
        shuffle: take the examples in a random order.
        drop_last: leave out a last batch that is smaller.
        collate_fn: makes a batch of a list of examples; by default they are stacked.
        prefetch: how many batches a thread makes ahead; 0 makes each when it is asked for.
        seed: of the orders; the same on every backend.
        backend: where the tensors go; where None, the one in use.

    >>> import nnkit
    >>> data = nnkit.data.ArrayDataset([[1.0], [2.0], [3.0]], [0, 1, 0])
    >>> for x, y in nnkit.data.DataLoader(data, batch_size=2):
    ...     print(x.shape, y.tolist())
    (2, 1) [0, 1]
    (1, 1) [0]
    """

    def __init__(
        self,
        dataset: Dataset | Any,
        batch_size: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        *,
        collate_fn: Callable[[Sequence[Any]], Any] | None = None,
        prefetch: int = 2,
        seed: int = 0,
        backend: str | Backend | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"DataLoader: batch_size must be at least 1, got {batch_size}")
        if prefetch < 0:
            raise ValueError(f"DataLoader: prefetch must be at least 0, got {prefetch}")
        self.dataset = _dataset(dataset)
        self.batch_size, self.shuffle, self.drop_last = batch_size, shuffle, drop_last
        self.collate_fn, self.prefetch = collate_fn, prefetch
        self._backend = backend
        self._rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        count = len(self.dataset)
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        backend = self._backend
        target = selection.open_backend(backend) if isinstance(backend, str) else backend
        for batch in self.host_batches():
            yield each(partial(_tensor, target or selection.current()), batch)

    def host_batches(self) -> Iterator[Any]:
        """The same batches as NumPy arrays, before they are sent to a device."""
        made = self._made(self._order())
        return ahead(made, self.prefetch) if self.prefetch else made

    def _order(self) -> Host:
        count = len(self.dataset)
        return self._rng.permutation(count) if self.shuffle else np.arange(count)

    def _made(self, order: Host) -> Iterator[Any]:
        for number in range(len(self)):
            chosen = order[number * self.batch_size : (number + 1) * self.batch_size]
            if self.collate_fn is None:
                yield take(self.dataset, chosen)
            else:
                yield self.collate_fn([self.dataset[int(i)] for i in chosen])


def _tensor(backend: Backend, values: Any) -> Tensor:
    return Tensor(backend.asarray(np.asarray(values)), backend)


def _dataset(given: Any) -> Dataset:
    if isinstance(given, np.ndarray | Tensor):
        return ArrayDataset(given)
    if isinstance(given, tuple) and given and all(hasattr(a, "shape") for a in given):
        return ArrayDataset(*given)
    if not (hasattr(given, "__len__") and hasattr(given, "__getitem__")):
        raise TypeError(
            f"DataLoader: a dataset must have __len__ and __getitem__, got {type(given).__name__}. "
            "Fix: nnkit.data.ArrayDataset(x, y)."
        )
    found: Dataset = given
    return found
