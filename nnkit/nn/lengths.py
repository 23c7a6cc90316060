"""How many steps of each example count: the argument `lengths` of layers over sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from nnkit.tensor import Tensor, tensor

Lengths: TypeAlias = Tensor | Sequence[int] | np.ndarray[Any, Any] | None


def on_device(layer: str, lengths: Lengths, x: Tensor) -> Tensor | None:
    """The lengths (N) as integers where x (T, N, ...) is; what the host holds is checked.

    Raises:
        ValueError: for host values that are no integers in [0, T], one for each example.
    """
    if lengths is None or isinstance(lengths, Tensor):
        return lengths
    steps, examples = x.shape[:2]
    values = np.asarray(lengths)
    if values.shape != (examples,) or values.dtype.kind not in "iu":
        raise ValueError(
            f"{layer}: lengths must be {examples} integers, one for each example, got "
            f"{values.dtype} of shape {values.shape}"
        )
    if values.size and not 0 <= values.min() <= values.max() <= steps:
        wrong = values.max() if values.min() >= 0 else values.min()
        raise ValueError(
            f"{layer}: lengths must lie in [0, {steps}], the steps of x, got {int(wrong)}"
        )
    return tensor(values, dtype="int64", backend=x.backend)
