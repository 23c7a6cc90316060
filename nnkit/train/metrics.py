"""Metrics by name, and those that are a mean over the examples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from nnkit import ops
from nnkit.errors import closest
from nnkit.tensor import Tensor
from nnkit.train import counts, sums
from nnkit.train.metric import Function, Metric, Part

Given = str | Function | Metric

METRICS: Final[dict[str, Callable[[float], Function | Metric]]] = {
    "confusion_matrix": lambda threshold: counts.ConfusionMatrix(threshold=threshold),
    "f1": lambda threshold: counts.F1(threshold=threshold),
    "perplexity": lambda _: sums.Perplexity(),
    "precision": lambda threshold: counts.Precision(threshold=threshold),
    "r2": lambda _: sums.R2(),
    "recall": lambda threshold: counts.Recall(threshold=threshold),
}
"""How each is made, for one output whose class is whether it lies above a threshold."""


def metric(function: Function) -> Function:
    """Register a function of (output, target) that gives a 0-d tensor, under its own name.

    >>> import nnkit
    >>> @nnkit.train.metric
    ... def largest_error(output, target):
    ...     return (output - target).abs().max()
    >>> trainer = nnkit.Trainer(nnkit.nn.Linear(1, 1), "mse", "sgd", "largest_error")
    """
    METRICS[function.__name__] = lambda _: function
    return function


def accuracy(output: Tensor, target: Tensor, threshold: float = 0.5) -> Tensor:
    """The share of examples whose largest output is the target's class.

    Shapes: output (N, C, ...); target class numbers (N, ...), or one-hot like the output. With one
    output, (N, 1) or (N,), the class is whether it lies above `threshold`.

    >>> import nnkit
    >>> logits = nnkit.tensor([[2.0, 1.0], [0.0, 3.0]])
    >>> nnkit.train.accuracy(logits, nnkit.tensor([0, 0])).item()
    0.5
    """
    said, true, _ = counts.classes(output, target, threshold)
    return ops.mean(ops.astype(ops.equal(said, true), dtype=output.dtype))


METRICS["accuracy"] = lambda threshold: _named("accuracy", partial(accuracy, threshold=threshold))


def top_k_accuracy(k: int = 5) -> Function:
    """The share of examples whose class is among the k largest outputs.

    Shapes: output (N, C), target class numbers (N,) or one-hot rows (N, C).

    >>> import nnkit
    >>> logits = nnkit.tensor([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    >>> nnkit.train.top_k_accuracy(2)(logits, nnkit.tensor([1, 0])).item()
    0.5
    """
    if k < 1:
        raise ValueError(f"top_k_accuracy: k must be at least 1, got {k}")

    def top(output: Tensor, target: Tensor) -> Tensor:
        _, true, number = counts.classes(output, target, 0.5)
        xp = output.backend.xp
        numbers = Tensor(
            xp.arange(number, dtype=true.dtype, device=output.data.device), output.backend
        )
        hot = ops.astype(ops.equal(true.reshape(-1, 1), numbers), dtype=output.dtype)
        larger = ops.greater(output, (output * hot).sum(axis=1, keepdims=True))
        hits = ops.less(ops.astype(larger, dtype=output.dtype).sum(axis=1), float(k))
        return ops.mean(ops.astype(hits, dtype=output.dtype))

    return _named(f"top_{k}_accuracy", top)


METRICS["top_3_accuracy"] = lambda _: top_k_accuracy(3)
METRICS["top_5_accuracy"] = lambda _: top_k_accuracy(5)


@metric
def mean_squared_error(output: Tensor, target: Tensor) -> Tensor:
    """mean((output - target)^2), both of one shape."""
    return ((output - target) * (output - target)).mean()


@metric
def mean_absolute_error(output: Tensor, target: Tensor) -> Tensor:
    """mean(abs(output - target)), both of one shape."""
    return (output - target).abs().mean()


METRICS["mse"] = METRICS["mean_squared_error"]
METRICS["mae"] = METRICS["mean_absolute_error"]


def _named(name: str, function: Any) -> Function:
    function.__name__ = name
    made: Function = function
    return made


def resolve(
    metrics: Given | Iterable[Given] | Mapping[Any, Any], threshold: float = 0.5
) -> dict[str, Any]:
    """Metrics by name, those of classes with this threshold for a single output.

    A mapping holds the metrics of each of several outputs: {'digit': 'accuracy'} is named
    'digit_accuracy'.

    Raises:
        ValueError: for an unknown name, with the closest match.
        TypeError: for what is no metric.
    """
    if isinstance(metrics, Mapping):
        return {
            f"{key}_{name}": _part(key, made)
            for key, given in metrics.items()
            for name, made in resolve(given, threshold).items()
        }
    several = [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
    found: dict[str, Any] = {}
    for entry in several:
        if isinstance(entry, str):
            if entry not in METRICS:
                raise ValueError(f"unknown metric '{entry}'. {closest(entry, METRICS)}")
            found[entry] = METRICS[entry](threshold)
            continue
        made = entry() if isinstance(entry, type) and issubclass(entry, Metric) else entry
        if not callable(made):
            raise TypeError(f"a metric must be a name or a function, got {entry!r}")
        found[_free(getattr(made, "__name__", type(made).__name__), found)] = made
    return found


def _part(key: Any, made: Function | Metric) -> Function | Metric:
    if isinstance(made, Metric):
        return Part(key, made)
    return lambda output, target: made(output[key], target[key])


def _free(name: str, taken: Iterable[str]) -> str:
    """The name, with a number behind it where it is taken (F1 with two averages)."""
    number = sum(1 for other in taken if other.rpartition("_")[0] == name or other == name)
    return f"{name}_{number + 1}" if number else name
