"""Penalties on large weights, and bounds for them: what `Trainer` takes besides the loss.

A regularizer has `penalty(model)`, a 0-d tensor to add to the loss; a constraint has
`apply(model)`, called after each step of the optimizer. Both look at weights, which are the
parameters of two axes or more that learn; biases and the like are left alone unless asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Final

from nnkit import ops
from nnkit.errors import closest
from nnkit.nn import Module, Parameter
from nnkit.ops.update_keep import max_norm
from nnkit.tensor import Tensor


class Regularizer(ABC):
    """A penalty on the size of weights.

    Args:
        biases: whether it is on parameters with fewer than two axes too.

    >>> import nnkit
    >>> from nnkit import nn, train
    >>> class Fourth(train.Regularizer):
    ...     def of(self, weight):
    ...         return (weight**4).sum()
    >>> Fourth().penalty(nn.Linear(2, 1, weight_init="ones")).item()
    2.0
    """

    def __init__(self, *, biases: bool = False) -> None:
        self.biases = biases

    @abstractmethod
    def of(self, weight: Tensor) -> Tensor:
        """The penalty on one parameter, a 0-d tensor."""

    def penalty(self, model: Module) -> Tensor:
        """The sum of the penalties on the model's weights, a 0-d tensor with a gradient.

        Raises:
            ValueError: for a model without weights that learn.
        """
        parts = [self.of(weight) for weight in _weights(model, biases=self.biases)]
        if not parts:
            raise ValueError(
                f"{type(self).__name__}: the model has no weights that learn. Fix: leave the "
                "regularizer out, or biases=True."
            )
        return parts[0] if len(parts) == 1 else ops.stack(*parts).sum()


class L1(Regularizer):
    """strength sum |w|: draws weights to 0 (Tibshirani 1996).

    >>> import nnkit
    >>> layer = nnkit.nn.Linear(2, 1, weight_init=-3.0)
    >>> L1(0.5).penalty(layer).item()
    3.0
    """

    def __init__(self, strength: float = 0.01, *, biases: bool = False) -> None:
        super().__init__(biases=biases)
        self.strength = _from_0("L1", "strength", strength)

    def of(self, weight: Tensor) -> Tensor:
        """strength sum |w|."""
        return weight.abs().sum() * self.strength


class L2(Regularizer):
    """strength sum w^2: draws weights together (Hoerl and Kennard 1970).

    With plain gradient descent it is a `weight_decay` of 2 strength.

    >>> import nnkit
    >>> layer = nnkit.nn.Linear(2, 1, weight_init=-3.0)
    >>> L2(0.5).penalty(layer).item()
    9.0
    """

    def __init__(self, strength: float = 0.01, *, biases: bool = False) -> None:
        super().__init__(biases=biases)
        self.strength = _from_0("L2", "strength", strength)

    def of(self, weight: Tensor) -> Tensor:
        """strength sum w^2."""
        return weight.square().sum() * self.strength


class ElasticNet(Regularizer):
    """l1 sum |w| + l2 sum w^2 (Zou and Hastie 2005).

    >>> import nnkit
    >>> layer = nnkit.nn.Linear(2, 1, weight_init=-3.0)
    >>> ElasticNet(l1=0.5, l2=0.25).penalty(layer).item()
    7.5
    """

    def __init__(self, l1: float = 0.01, l2: float = 0.01, *, biases: bool = False) -> None:
        super().__init__(biases=biases)
        self.l1, self.l2 = _from_0("ElasticNet", "l1", l1), _from_0("ElasticNet", "l2", l2)

    def of(self, weight: Tensor) -> Tensor:
        """l1 sum |w| + l2 sum w^2."""
        return weight.abs().sum() * self.l1 + weight.square().sum() * self.l2


class MaxNorm:
    """Keeps the weights that lead to a unit within a ball of radius `limit` (Srebro et al. 2005).

    Longer ones are shortened after each step, as Srivastava et al. (2014) do beside dropout.

    Args:
        limit: the largest norm of the weights of a unit, a row of the parameter.
        biases: whether parameters with fewer than two axes are held too, each as one row.

    >>> import nnkit
    >>> layer = nnkit.nn.Linear(2, 1, weight_init=-3.0)
    >>> MaxNorm(1.0).apply(layer)
    >>> round(layer.weight.norm().item(), 6)
    1.0
    """

    def __init__(self, limit: float = 3.0, *, biases: bool = False) -> None:
        if not limit > 0:
            raise ValueError(f"MaxNorm: limit must be above 0, got {limit}")
        self.limit, self.biases = limit, biases

    def apply(self, model: Module) -> None:
        """Shorten what is too long, in place, on the device."""
        for weight in _weights(model, biases=self.biases):
            max_norm(weight, limit=self.limit)


def _weights(model: Module, *, biases: bool) -> Iterator[Parameter]:
    return (p for p in model.parameters() if p.requires_grad and (biases or p.ndim > 1))


def _from_0(kind: str, name: str, value: float) -> float:
    if not value >= 0:
        raise ValueError(f"{kind}: {name} must be at least 0, got {value}")
    return value


REGULARIZERS: Final[dict[str, Callable[[], Regularizer]]] = {
    "elastic_net": ElasticNet,
    "l1": L1,
    "l2": L2,
}
CONSTRAINTS: Final[dict[str, Callable[[], MaxNorm]]] = {"max_norm": MaxNorm}


def regularizer(given: Any) -> Any:
    """The regularizer that is meant: by name with its default strength, or as it is.

    Raises:
        ValueError: for an unknown name, with the closest match.

    >>> regularizer("l2").strength
    0.01
    """
    return _by_name("regularizer", given, REGULARIZERS)


def constraint(given: Any) -> Any:
    """The constraint that is meant: by name with its default limit, or as it is.

    Raises:
        ValueError: for an unknown name, with the closest match.

    >>> constraint("max_norm").limit
    3.0
    """
    return _by_name("constraint", given, CONSTRAINTS)


def _by_name(kind: str, given: Any, known: dict[str, Any]) -> Any:
    if not isinstance(given, str):
        return given
    if given not in known:
        raise ValueError(f"unknown {kind} '{given}'. {closest(given, known)}")
    return known[given]()
