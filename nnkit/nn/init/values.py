"""How parameters start. The host draws, by `nnkit.random.generator()`: the same on every backend.

An initialiser is a function of the shape that gives a NumPy array; layers take one by name
(`weight_init="xavier_uniform"`) or as a function (`lambda shape: nn.init.normal(shape, std=0.02)`).
A weight has the shape (fan_out, fan_in, ...), as in PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np

from nnkit.errors import closest
from nnkit.random import generator
from nnkit.typing import Shape

Host: TypeAlias = np.ndarray[Any, Any]
Initializer: TypeAlias = Callable[..., Host]
Start: TypeAlias = str | float | Host | Initializer
"""A name, a function of the shape, one number for all elements, or the values themselves."""

FANS = ("fan_in", "fan_out")
GAINS: Final[dict[str, float]] = {
    "linear": 1.0,
    "relu": math.sqrt(2.0),
    "selu": 0.75,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
}

INITIALIZERS: Final[dict[str, Initializer]] = {}


def initializer(function: Initializer) -> Initializer:
    """Register a function of the shape under its own name.

    >>> import numpy
    >>> from nnkit import nn
    >>> @nn.init.initializer
    ... def halves(shape):
    ...     return numpy.full(shape, 0.5)
    >>> nn.Linear(2, 1, weight_init="halves").weight.tolist()
    [[0.5, 0.5]]
    """
    INITIALIZERS[function.__name__] = function
    return function


def start(how: Start, shape: Shape) -> Host:
    """The first values of a parameter.

    Raises:
        ValueError: for an unknown name, with the closest match, or values of another shape.

    >>> start("ones", (2,))
    array([1., 1.])
    """
    if isinstance(how, str):
        if how not in INITIALIZERS:
            raise ValueError(f"unknown initializer '{how}'. {closest(how, INITIALIZERS)}")
        how = INITIALIZERS[how]
    values = np.asarray(how(shape) if callable(how) else how)
    if values.shape not in ((), shape):
        raise ValueError(f"the first values must have the shape {shape}, got {values.shape}")
    return np.ascontiguousarray(np.broadcast_to(values, shape))


@initializer
def zeros(shape: Shape) -> Host:
    """0 everywhere.

    >>> from nnkit.nn import init
    >>> init.zeros((2,)).tolist()
    [0.0, 0.0]
    """
    return np.zeros(shape)


@initializer
def ones(shape: Shape) -> Host:
    """1 everywhere.

    >>> from nnkit.nn import init
    >>> init.ones((2,)).tolist()
    [1.0, 1.0]
    """
    return np.ones(shape)


def constant(shape: Shape, value: float) -> Host:
    """One number everywhere; by name, the number itself does it: `bias_init=0.5`.

    >>> from nnkit.nn import init
    >>> init.constant((2,), 0.5).tolist()
    [0.5, 0.5]
    """
    return np.full(shape, value)


@initializer
def uniform(shape: Shape, low: float = 0.0, high: float = 1.0) -> Host:
    """Evenly within [low, high).

    >>> from nnkit.nn import init
    >>> init.uniform((4, 7)).shape
    (4, 7)
    """
    return generator().uniform(low, high, shape)


def within(bound: float) -> Initializer:
    """The initialiser that draws evenly within [-bound, bound): how PyTorch starts most layers.

    >>> from nnkit.nn import init
    >>> bool(abs(init.within(0.1)((4, 7))).max() <= 0.1)
    True
    """
    return lambda shape: uniform(shape, -bound, bound)


@initializer
def normal(shape: Shape, mean: float = 0.0, std: float = 1.0) -> Host:
    """The normal distribution.

    >>> from nnkit.nn import init
    >>> init.normal((4, 7)).shape
    (4, 7)
    """
    return generator().normal(mean, std, shape)


@initializer
def truncated_normal(
    shape: Shape, mean: float = 0.0, std: float = 1.0, low: float = -2.0, high: float = 2.0
) -> Host:
    """The normal distribution without what lies outside mean + std [low, high].

    The bounds are in units of std. What falls outside is drawn again.

    Raises:
        ValueError: for bounds that hold less than a hundredth of the distribution.

    >>> bool(abs(truncated_normal((1000,), std=0.5)).max() <= 1.0)
    True
    """
    share = 0.5 * (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2)))
    if share < 0.01:
        raise ValueError(
            f"truncated_normal: the bounds {low} and {high}, in units of std, must hold a "
            f"hundredth of the distribution, got {share:.2g}. Fix: wider bounds, or 'uniform'."
        )
    values = generator().normal(size=shape)
    while (outside := (values < low) | (values > high)).any():
        values[outside] = generator().normal(size=int(outside.sum()))
    return mean + std * values


def fans(shape: Shape) -> tuple[int, int]:
    """How many numbers go into an output element of a weight, and how many it goes out to.

    >>> from nnkit.nn import init
    >>> init.fans((5, 7)), init.fans((8, 3, 5, 5))
    ((7, 5), (75, 200))
    """
    if len(shape) < 2:
        raise ValueError(
            f"this initializer needs a weight with two axes or more, got shape {shape}. "
            "Fix: 'zeros', 'uniform', a number … for a bias."
        )
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


@initializer
def xavier_uniform(shape: Shape, gain: float = 1.0) -> Host:
    """Uniform within gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010).

    >>> from nnkit.nn import init
    >>> init.xavier_uniform((4, 7)).shape
    (4, 7)
    """
    return _spread_uniform(shape, gain * math.sqrt(2.0 / sum(fans(shape))))


@initializer
def xavier_normal(shape: Shape, gain: float = 1.0) -> Host:
    """Normal with std = gain sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010).

    >>> from nnkit.nn import init
    >>> init.xavier_normal((4, 7)).shape
    (4, 7)
    """
    return normal(shape, std=gain * math.sqrt(2.0 / sum(fans(shape))))


@initializer
def kaiming_uniform(shape: Shape, gain: float = math.sqrt(2.0), mode: str = "fan_in") -> Host:
    """Uniform within gain sqrt(3 / fan), for ReLU (He et al. 2015, arXiv:1502.01852).

    >>> from nnkit.nn import init
    >>> init.kaiming_uniform((4, 7)).shape
    (4, 7)
    """
    return _spread_uniform(shape, gain / math.sqrt(_fan(shape, mode)))


@initializer
def kaiming_normal(shape: Shape, gain: float = math.sqrt(2.0), mode: str = "fan_in") -> Host:
    """Normal with std = gain / sqrt(fan), for ReLU (He et al. 2015, arXiv:1502.01852).

    >>> from nnkit.nn import init
    >>> init.kaiming_normal((4, 7)).shape
    (4, 7)
    """
    return normal(shape, std=gain / math.sqrt(_fan(shape, mode)))


def _fan(shape: Shape, mode: str) -> int:
    if mode not in FANS:
        raise ValueError(f"unknown mode {mode!r}. {closest(mode, FANS)}")
    return fans(shape)[FANS.index(mode)]


@initializer
def lecun_uniform(shape: Shape) -> Host:
    """Uniform within sqrt(3 / fan_in) (LeCun et al. 1998, "Efficient BackProp").

    >>> from nnkit.nn import init
    >>> init.lecun_uniform((4, 7)).shape
    (4, 7)
    """
    return kaiming_uniform(shape, gain=1.0)


@initializer
def lecun_normal(shape: Shape) -> Host:
    """Normal with std = 1 / sqrt(fan_in) (LeCun et al. 1998, "Efficient BackProp").

    >>> from nnkit.nn import init
    >>> init.lecun_normal((4, 7)).shape
    (4, 7)
    """
    return kaiming_normal(shape, gain=1.0)


def _spread_uniform(shape: Shape, std: float) -> Host:
    """Uniform around 0 with a given standard deviation."""
    bound = math.sqrt(3.0) * std
    return uniform(shape, -bound, bound)


@initializer
def orthogonal(shape: Shape, gain: float = 1.0) -> Host:
    """Rows, or columns where these are fewer, at right angles and of length gain.

    Evenly among all such matrices (Saxe et al. 2014, arXiv:1312.6120); more than two axes count as
    (shape[0], the rest).

    >>> from nnkit.nn import init
    >>> init.orthogonal((4, 7)).shape
    (4, 7)
    """
    fans(shape)  # a bias has none
    rows, columns = shape[0], math.prod(shape[1:])
    drawn = generator().normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q *= np.where(np.diag(r) < 0, -1.0, 1.0)  # or some matrices would never come
    return gain * (q if rows >= columns else q.T).reshape(shape)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The gain of `xavier` and `kaiming` weights before a nonlinearity, as PyTorch has it.

    Args:
        nonlinearity: 'linear', 'sigmoid', 'tanh', 'relu', 'leaky_relu' or 'selu'.
        param: the slope of a leaky ReLU, 0.01 where None.

    Raises:
        ValueError: for an unknown name, with the closest match.

    >>> round(calculate_gain("relu"), 4), round(calculate_gain("leaky_relu", 1.0), 4)
    (1.4142, 1.0)
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        return math.sqrt(2.0 / (1.0 + slope * slope))
    if nonlinearity not in GAINS:
        hint = closest(nonlinearity, [*GAINS, "leaky_relu"])
        raise ValueError(f"calculate_gain: unknown nonlinearity '{nonlinearity}'. {hint}")
    return GAINS[nonlinearity]
