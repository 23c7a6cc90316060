"""Activations that stay within bounds, each one op, and activations by name.

Those that grow with x, from ReLU on, stand in `nnkit/nn/rectifier.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from nnkit import ops
from nnkit.errors import closest
from nnkit.nn import rectifier
from nnkit.nn.linear import Identity
from nnkit.nn.module import Module
from nnkit.tensor import Tensor


class Step(Module):
    """1 where x > 0, else 0 (Heaviside). Its gradient is 0: nothing before it learns.

    >>> import nnkit
    >>> nnkit.nn.Step()(nnkit.tensor([-2.0, 0.0, 3.0])).tolist()
    [0.0, 0.0, 1.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        """1 where x > 0, else 0."""
        return ops.step(x)


class Sigmoid(Module):
    """1 / (1 + exp(-x)).

    >>> import nnkit
    >>> y = nnkit.nn.Sigmoid()(nnkit.tensor([-1000.0, 0.0, 1000.0]))
    >>> [round(value, 30) for value in y.tolist()]
    [0.0, 0.5, 1.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        """1 / (1 + exp(-x))."""
        return ops.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent.

    >>> import nnkit
    >>> nnkit.nn.Tanh()(nnkit.tensor([-1000.0, 0.0, 1000.0])).tolist()
    [-1.0, 0.0, 1.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        """tanh(x)."""
        return ops.tanh(x)


class Softsign(Module):
    """x / (1 + |x|) (Turian et al. 2009).

    >>> import nnkit
    >>> nnkit.nn.Softsign()(nnkit.tensor([-1.0, 0.0, 3.0])).tolist()
    [-0.5, 0.0, 0.75]
    """

    def forward(self, x: Tensor) -> Tensor:
        """x / (1 + |x|)."""
        return ops.softsign(x)


class Hardtanh(Module):
    """X held within [min_val, max_val].

    >>> import nnkit
    >>> nnkit.nn.Hardtanh()(nnkit.tensor([-3.0, 0.5, 3.0])).tolist()
    [-1.0, 0.5, 1.0]
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        if not min_val < max_val:
            raise ValueError(
                f"Hardtanh: min_val must be below max_val, got {min_val} and {max_val}"
            )
        self.min_val = min_val
        self.max_val = max_val

    def forward(self, x: Tensor) -> Tensor:
        """X held within the bounds."""
        return ops.hardtanh(x, min_val=self.min_val, max_val=self.max_val)

    def extra_repr(self) -> str:
        """The bounds."""
        return f"min_val={self.min_val}, max_val={self.max_val}"


class Hardsigmoid(Module):
    """x / 6 + 1/2 held within [0, 1] (Howard et al. 2019, arXiv:1905.02244).

    >>> import nnkit
    >>> nnkit.nn.Hardsigmoid()(nnkit.tensor([-4.0, 0.0, 4.0])).tolist()
    [0.0, 0.5, 1.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        """x / 6 + 1/2 held within [0, 1]."""
        return ops.hardsigmoid(x)


class Softmax(Module):
    """exp(x) / sum(exp(x)) over one axis. `CrossEntropyLoss` wants logits: leave it out there.

    Args:
        dim: the axis, by PyTorch's name.
        axis: the same, by the array API's name.

    >>> import nnkit
    >>> nnkit.nn.Softmax(dim=1)(nnkit.tensor([[1.0, 1.0, 1.0, 1.0]])).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """

    def __init__(self, dim: int = -1, *, axis: int | None = None) -> None:
        self.dim = dim if axis is None else axis

    def forward(self, x: Tensor) -> Tensor:
        """exp(x) / sum(exp(x))."""
        return ops.softmax(x, axis=self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """x - log(sum(exp(x))) over one axis: what `NLLLoss` wants.

    Args:
        dim: the axis, by PyTorch's name.
        axis: the same, by the array API's name.

    >>> import nnkit
    >>> y = nnkit.nn.LogSoftmax(dim=1)(nnkit.tensor([[1000.0, 0.0]]))
    >>> y.tolist()
    [[0.0, -1000.0]]
    """

    def __init__(self, dim: int = -1, *, axis: int | None = None) -> None:
        self.dim = dim if axis is None else axis

    def forward(self, x: Tensor) -> Tensor:
        """x - log(sum(exp(x)))."""
        return ops.log_softmax(x, axis=self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"


Activation: TypeAlias = str | Callable[[Tensor], Tensor] | None
"""A name, a module or a function of one tensor, or None for none."""

ACTIVATIONS: Final[dict[str, Callable[[], Module]]] = {
    "elu": rectifier.ELU,
    "gelu": rectifier.GELU,
    "hardsigmoid": Hardsigmoid,
    "hardtanh": Hardtanh,
    "identity": Identity,
    "leaky_relu": rectifier.LeakyReLU,
    "linear": Identity,
    "log_softmax": LogSoftmax,
    "mish": rectifier.Mish,
    "prelu": rectifier.PReLU,
    "relu": rectifier.ReLU,
    "selu": rectifier.SELU,
    "sigmoid": Sigmoid,
    "silu": rectifier.SiLU,
    "softmax": Softmax,
    "softplus": rectifier.Softplus,
    "softsign": Softsign,
    "step": Step,
    "swish": rectifier.SiLU,
    "tanh": Tanh,
}


def get_activation(given: Activation) -> Callable[[Tensor], Any]:
    """The activation that is meant: layers take one by name, with default options.

    Args:
        given: a name such as 'relu'; a module or function, which is given back; None for identity.

    Raises:
        ValueError: for an unknown name, with the closest match.
        TypeError: for what is neither a name nor can be called.

    >>> get_activation("relu"), get_activation("swish"), get_activation(None)
    (ReLU(), SiLU(), Identity())
    >>> get_activation("rulu")
    Traceback (most recent call last):
        ...
    ValueError: unknown activation 'rulu'. Did you mean 'relu'? Known: elu, ...
    """
    if given is None:
        return Identity()
    if isinstance(given, str):
        if given not in ACTIVATIONS:
            raise ValueError(f"unknown activation '{given}'. {closest(given, ACTIVATIONS)}")
        return ACTIVATIONS[given]()
    if isinstance(given, type) or not callable(given):
        raise TypeError(
            f"an activation must be a name, a module or a function of one tensor, got {given!r}. "
            "Fix: 'relu', or nn.ReLU()."
        )
    return given
