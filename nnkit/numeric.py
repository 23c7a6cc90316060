"""The numeric side of `gradcheck`: central differences, one element at a time, on the host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nnkit.errors import GraphError

if TYPE_CHECKING:
    from nnkit.tensor import Tensor


def numeric_gradient(
    f: Callable[[np.ndarray], float], x: np.ndarray, step: float = 1e-4
) -> np.ndarray:
    """Central differences of a scalar function of an array: (f(x + h e_i) - f(x - h e_i)) / 2h.

    >>> numeric_gradient(lambda x: float(x[0] ** 2 + x[1] ** 2), np.array([3.0, 4.0])).round(9)
    array([6., 8.])
    """
    gradient = np.zeros(x.shape, dtype=np.float64)
    for index in np.ndindex(*x.shape):
        nudged = np.array(x, dtype=np.float64)
        nudged[index] = x[index] + step
        above = f(nudged)
        nudged[index] = x[index] - step
        gradient[index] = (above - f(nudged)) / (2 * step)
    return gradient


def compare_with_differences(
    function: Callable[..., Tensor], inputs: Sequence[Tensor], *, step: float, tolerance: float
) -> None:
    """Raise GraphError where a gradient of `function` differs from its central differences."""
    from nnkit.tensor import tensor

    for position, x in enumerate(inputs):
        if x.requires_grad and "float64" not in str(x.dtype):
            raise TypeError(
                f"gradcheck: input {position} must be float64 (differences need the digits), got "
                f"{x.dtype}. Fix: nnkit.tensor(data, dtype='float64', requires_grad=True)."
            )
    fresh = [x.detach().requires_grad_(x.requires_grad) for x in inputs]
    y = function(*fresh)
    weights = np.random.default_rng(0).uniform(0.5, 1.5, y.shape)
    y.backward(tensor(weights, dtype=y.dtype, backend=y.backend))
    for position, x in enumerate(fresh):
        if not x.requires_grad:
            continue

        def weighted(value: np.ndarray, position: int = position) -> float:
            nudged = [t.detach() for t in fresh]
            nudged[position] = tensor(value, dtype="float64", backend=fresh[position].backend)
            return float((function(*nudged).numpy() * weights).sum())

        numeric = numeric_gradient(weighted, x.numpy(), step)
        analytic = np.zeros_like(numeric) if x.grad is None else x.grad.numpy()
        _compare(position, analytic, numeric, tolerance)


def _compare(position: int, analytic: np.ndarray, numeric: np.ndarray, tolerance: float) -> None:
    if analytic.shape != numeric.shape:
        raise GraphError(
            f"gradcheck: the gradient of input {position} has shape {analytic.shape}, the input "
            f"{numeric.shape}"
        )
    if numeric.size == 0:
        return
    error = np.abs(analytic - numeric) / max(1.0, float(np.abs(numeric).max()))
    worst = np.unravel_index(int(np.argmax(error)), error.shape)
    if not error[worst] <= tolerance:
        raise GraphError(
            f"gradcheck: input {position}, element {tuple(map(int, worst))}: the op says "
            f"{analytic[worst]:.10g}, differences say {numeric[worst]:.10g} "
            f"(error {error[worst]:.2g}, allowed {tolerance:.2g})"
        )
