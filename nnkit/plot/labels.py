"""Classes as a user gives them: numbers, names or one-hot rows; and what a model says of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnkit.tensor import Tensor

Host = np.ndarray[Any, Any]


def as_labels(caller: str, name: str, values: Any) -> Host:
    """One label an example: (N,) or (N, 1) as they are, of scores (N, C) the largest's number.

    Raises:
        ValueError: for no example, or more than two axes.
    """
    array = values.numpy() if isinstance(values, Tensor) else np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim not in (1, 2) or array.size == 0:
        raise ValueError(
            f"{caller}: {name} must be labels of shape (N,), or one row of class scores for an "
            f"example (N, C), got shape {array.shape}"
        )
    return array if array.ndim == 1 else array.argmax(axis=1)


def class_names(caller: str, count: int, classes: Host, names: Sequence[str] | None) -> list[str]:
    """What to call each class.

    Raises:
        ValueError: for more or fewer names than classes.
    """
    if names is None:
        return [str(label) for label in classes]
    if len(names) != count:
        raise ValueError(f"{caller}: names must be {count}, one a class, got {len(names)}")
    return [str(name) for name in names]
