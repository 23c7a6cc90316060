"""Metrics: functions of a batch's output and target, computed on the device."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from nnkit import ops
from nnkit.errors import closest
from nnkit.tensor import Tensor

Metric: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Takes output (N, ...) and target (N, ...), gives the batch's mean as a 0-d tensor."""

METRICS: Final[dict[str, Metric]] = {}


def metric(function: Metric) -> Metric:
    """Register a metric under its own name."""
    METRICS[function.__name__] = function
    return function


@metric
def accuracy(output: Tensor, target: Tensor) -> Tensor:
    """The share of examples whose largest output is the target's class.

    Shapes: output (N, C); target class numbers (N,), or one-hot (N, C). With one output (N, 1) the
    class is whether it lies above 0.5.
    """
    if output.shape[-1] == 1:
        hits = ops.equal(ops.greater(output, 0.5), ops.greater(target, 0.5))
    else:
        classes = target if target.ndim < output.ndim else target.argmax(axis=-1)
        hits = ops.equal(output.argmax(axis=-1), classes)
    return ops.mean(ops.astype(hits, dtype=output.dtype))


@metric
def mean_absolute_error(output: Tensor, target: Tensor) -> Tensor:
    """mean(abs(output - target)), both of one shape."""
    return (output - target).abs().mean()


def resolve(metrics: str | Metric | Iterable[str | Metric]) -> dict[str, Metric]:
    """Metrics by name.

    Raises:
        ValueError: for an unknown name, with the closest match.
    """
    several = [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
    found: dict[str, Metric] = {}
    for entry in several:
        if isinstance(entry, str):
            if entry not in METRICS:
                raise ValueError(f"unknown metric '{entry}'. {closest(entry, METRICS)}")
            found[entry] = METRICS[entry]
        else:
            found[getattr(entry, "__name__", type(entry).__name__)] = entry
    return found
