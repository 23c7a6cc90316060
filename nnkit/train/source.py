"""Where the batches of an epoch come from: arrays, or a loader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from nnkit.data import ArrayDataset, DataLoader
from nnkit.tensor import Tensor
from nnkit.train.data import Batch, Data
from nnkit.train.prepare import ClassWeight, Preparer


class Source(Protocol):
    """Batches on the device, epoch by epoch."""

    def steps(self, size: int) -> int | None:
        """How many batches of `size` an epoch has; None where nobody knows."""

    def batches(self, size: int) -> Iterator[Batch]:
        """The batches of the next epoch."""


class Arrays:
    """Arrays on the host, cut into batches, in a new order in every epoch where `rng` is given."""

    def __init__(
        self, data: Data, prepare: Preparer, rng: np.random.Generator | None = None
    ) -> None:
        self.data, self._prepare, self._rng = data, prepare, rng

    def steps(self, size: int) -> int:
        """How many batches of `size` there are."""
        return -(-len(self.data) // size)

    def batches(self, size: int) -> Iterator[Batch]:
        """Batches of `size`; the last one may be smaller."""
        order = None if self._rng is None else self._rng.permutation(len(self.data))
        return self.data.batches(self._prepare.backend, size, order)

    def split(self, share: float) -> tuple[Arrays, Arrays]:
        """All but the last `share` of the examples, and the last `share` in their order."""
        first, last = self.data.split(share)
        return Arrays(first, self._prepare, self._rng), Arrays(last, self._prepare)


class Stream:
    """A loader, which makes the batches itself; each is checked when its turn comes."""

    def __init__(
        self,
        caller: str,
        loader: Any,
        prepare: Preparer,
        class_weight: ClassWeight | None = None,
    ) -> None:
        self._caller, self._loader, self._prepare = caller, loader, prepare
        self._class_weight = class_weight

    def steps(self, size: int) -> int | None:
        """What the loader says, if it says it."""
        return len(self._loader) if hasattr(self._loader, "__len__") else None

    def batches(self, size: int) -> Iterator[Batch]:
        """The loader's batches.

        Raises:
            ValueError: when it gives none.
        """
        count = 0
        for count, entry in enumerate(self._entries(), 1):
            if not isinstance(entry, tuple | list) or len(entry) not in (2, 3):
                several = isinstance(entry, tuple | list)
                got = f"{len(entry)} parts" if several else f"a {type(entry).__name__}"
                raise TypeError(
                    f"{self._caller}: a loader must give (x, y) or (x, y, weight) batch by batch, "
                    f"got {got}"
                )
            yield self._batch(count, *entry)
        if not count:
            raise ValueError(
                f"{self._caller}: the loader gave no batch. Fix: a loader that can be gone through "
                "once an epoch (a generator can be gone through once), and that drop_last leaves "
                "a batch."
            )

    def _entries(self) -> Iterable[Any]:
        """The batches of nnkit's own loader as NumPy arrays: they need no way back to the host."""
        own = isinstance(self._loader, DataLoader)
        entries: Iterable[Any] = self._loader.host_batches() if own else self._loader
        return entries

    def _batch(self, count: int, x: Any, y: Any, weight: Any = None) -> Batch:
        made = self._prepare.data(
            f"{self._caller}: batch {count}", x, y, weight, self._class_weight
        )
        return made.uploaded(self._prepare.backend)


def source(
    caller: str,
    prepare: Preparer,
    x: Any,
    y: Any,
    size: int,
    sample_weight: Any = None,
    class_weight: ClassWeight | None = None,
    seed: int = 0,
    shuffle: bool = False,
) -> Source:
    """The user's arrays, dataset or loader as batches."""
    x, y = arrays_of(x, y)
    examples = isinstance(x, list) and bool(x) and isinstance(x[0], tuple)
    if y is None and (examples or not isinstance(x, list | tuple | dict | np.ndarray | Tensor)):
        if sample_weight is not None:
            raise ValueError(f"{caller}: a dataset gives the weights itself: (x, y, weight)")
        loader = x
        if not isinstance(x, DataLoader) and hasattr(x, "__getitem__"):
            loader = DataLoader(x, batch_size=size, shuffle=shuffle, seed=seed)
        return Stream(caller, loader, prepare, class_weight)
    data = prepare.data(caller, x, y, sample_weight, class_weight)
    return Arrays(data, prepare, np.random.default_rng(seed) if shuffle else None)


def arrays_of(x: Any, y: Any) -> tuple[Any, Any]:
    """Inputs and targets of what holds both as arrays: an `ArrayDataset`, or scikit-learn's."""
    if y is None and isinstance(x, ArrayDataset) and len(x.arrays) == 2:
        return x.arrays
    if y is None and hasattr(x, "data") and hasattr(x, "target"):
        return x.data, x.target
    return x, y


def held_back(
    train: Source, prepare: Preparer, validation: Any, share: float, size: int
) -> tuple[Source, Source | None]:
    """What to learn from, and what to measure on after each epoch."""
    if share and validation is not None:
        raise ValueError("fit: give validation_data or validation_split, not both")
    if share:
        if not isinstance(train, Arrays):
            raise ValueError("fit: a loader cannot be split. Fix: nnkit.data.random_split before.")
        return train.split(share)
    if validation is None:
        return train, None
    parts = validation if isinstance(validation, tuple | list) else (validation,)
    x, y, weight = (*parts, None, None)[:3]
    return train, source("fit: validation", prepare, x, y, size, weight)
