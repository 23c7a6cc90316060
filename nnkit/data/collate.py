"""From examples to a batch: arrays with one more axis in front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnkit.data.dataset import Dataset, Host
from nnkit.tensor import Tensor


def take(dataset: Dataset, positions: Host) -> Any:
    """The examples at these positions as a batch; by the dataset's own `take` where it has one."""
    if hasattr(dataset, "take"):
        return dataset.take(positions)
    return collate([dataset[int(i)] for i in positions])


def collate(examples: Sequence[Any]) -> Any:
    """Examples of one form, stacked along a new first axis.

    Tuples and dicts are stacked part by part; Python floats become float32, as in `nnkit.tensor`.

    Raises:
        ValueError: when the examples differ in shape.

    >>> x, y = collate([([1.0, 2.0], 0), ([3.0, 4.0], 1)])
    >>> x.shape, x.dtype, y.tolist()
    ((2, 2), dtype('float32'), [0, 1])
    """
    first = examples[0]
    if isinstance(first, dict):
        return {name: collate([example[name] for example in examples]) for name in first}
    if isinstance(first, tuple):
        return tuple(collate(parts) for parts in zip(*examples, strict=True))
    arrays = [e.numpy() if isinstance(e, Tensor) else np.asarray(e) for e in examples]
    if len({a.shape for a in arrays}) > 1:
        shapes = sorted({a.shape for a in arrays})
        raise ValueError(
            f"collate: the examples of a batch must have one shape, got {shapes[0]} and "
            f"{shapes[-1]}. Fix: make them equally long in the dataset, or a collate_fn that does."
        )
    batch = np.stack(arrays)
    chosen = isinstance(first, Tensor | np.ndarray | np.generic)
    return batch if chosen or batch.dtype != np.float64 else batch.astype(np.float32)
