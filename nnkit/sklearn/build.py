"""From an estimator's parameters to a network and an optimizer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from nnkit import nn, selection
from nnkit.backend import Backend
from nnkit.errors import closest
from nnkit.nn.activation import ACTIVATIONS
from nnkit.optim import Optimizer
from nnkit.train.resolve import optimizers

Host = np.ndarray[Any, Any]

SGD = {"momentum": 0.9, "nesterov": True}
"""As scikit-learn does it."""
LARGEST_BATCH = 200


def activations() -> dict[str, Any]:
    """The activations of `nn` by name, and scikit-learn's name for one.

    >>> activations()["logistic"]
    <class 'nnkit.nn.activation.Sigmoid'>
    """
    return ACTIVATIONS | {"logistic": nn.Sigmoid}


def check(estimator: Any) -> None:
    """Refuse parameters that make no sense."""
    name = type(estimator).__name__
    for what, known in (("activation", activations()), ("solver", optimizers())):
        given = getattr(estimator, what)
        if given not in known:
            raise ValueError(f"{name}: unknown {what} {given!r}. {closest(str(given), known)}")
    if any(width < 1 for width in hidden(estimator)):
        raise ValueError(f"{name}: hidden_layer_sizes must be from 1, got {hidden(estimator)}")
    for what, low in (
        ("max_iter", 1), ("n_iter_no_change", 1), ("alpha", 0), ("tol", 0),
    ):  # fmt: skip
        value = getattr(estimator, what)
        if not value >= low:
            raise ValueError(f"{name}: {what} must be at least {low}, got {value!r}")
    if not 0 < estimator.validation_fraction < 1:
        raise ValueError(
            f"{name}: validation_fraction must lie in (0, 1), got {estimator.validation_fraction}"
        )
    size = estimator.batch_size
    if size != "auto" and not (isinstance(size, int | np.integer) and size > 0):
        raise ValueError(f"{name}: batch_size must be 'auto' or at least 1, got {size!r}")


def hidden(estimator: Any) -> list[int]:
    """Widths of the hidden layers; a single number is one layer."""
    sizes = estimator.hidden_layer_sizes
    return [int(n) for n in (sizes if hasattr(sizes, "__iter__") else [sizes])]


def batch_size(estimator: Any, count: int) -> int:
    """Examples a step."""
    size = estimator.batch_size
    return min(count, LARGEST_BATCH if size == "auto" else int(size))


def module(estimator: Any, widths: list[int], dtype: str) -> nn.Sequential:
    """The network, where the estimator's backend is, in `dtype` if the device has it."""
    activation = activations()[estimator.activation]
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), activation()]
    made = nn.Sequential(*layers[:-1])
    where = backend(estimator)
    return made.to(where).astype(dtype if where.supports(dtype) else "float32")


def backend(estimator: Any) -> Backend:
    """The backend that the estimator names, or the one in use."""
    if estimator.backend is None:
        return selection.current()
    return selection.open_backend(estimator.backend)


def first_weights(
    widths: list[int], activation: str, rng: np.random.RandomState
) -> Mapping[str, Host]:
    """Uniform in +-sqrt(c / (fan_in + fan_out)) (Glorot and Bengio 2010), biases too.

    c = 6, but 2 for the logistic function.
    """
    state: dict[str, Host] = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
        bound = math.sqrt((2 if activation in ("logistic", "sigmoid") else 6) / (fan_in + fan_out))
        state[f"{2 * layer}.weight"] = rng.uniform(-bound, bound, (fan_in, fan_out)).T
        state[f"{2 * layer}.bias"] = rng.uniform(-bound, bound, fan_out)
    return state


def optimizer(estimator: Any, network: nn.Module) -> Optimizer:
    """The solver, with weights in one group and biases, which no penalty meets, in another."""
    kind: Any = optimizers()[estimator.solver]
    options = SGD if estimator.solver == "sgd" else {}
    named = list(network.named_parameters())
    groups = [{"params": [p for n, p in named if n.endswith(end)]} for end in ("weight", "bias")]
    made: Optimizer = kind(groups, lr=estimator.learning_rate_init, **options)
    return made


def penalize(estimator: Any, made: Optimizer, examples: float) -> None:
    """Set the weights' decay to that of alpha / 2 sum w^2 / examples."""
    for group, alpha in zip(made.param_groups, (estimator.alpha, 0.0), strict=True):
        group["weight_decay"] = alpha / examples


def dense(values: Any) -> Host:
    """A sparse matrix as an array."""
    found: Host = values.toarray() if hasattr(values, "toarray") else values
    return found
