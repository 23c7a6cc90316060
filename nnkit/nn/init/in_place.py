"""PyTorch's initialisers: each fills a tensor where it is, and gives it back.

They draw from the host's generator, as those of `values.py` do, which they call.
"""

from __future__ import annotations

from typing import TypeVar

from nnkit.dtypes import dtype_name
from nnkit.nn.init import values
from nnkit.nn.init.values import Start
from nnkit.tensor import Tensor

T = TypeVar("T", bound=Tensor)


def fill(tensor: T, how: Start) -> T:
    """Write the first values that `how` means into a tensor; see `nn.init.start`.

    >>> import nnkit
    >>> fill(nnkit.tensor([[0.0, 0.0]]), "ones").tolist()
    [[1.0, 1.0]]
    """
    made = values.start(how, tensor.shape).astype(dtype_name(tensor.dtype))
    tensor.data[...] = tensor.backend.asarray(made)
    tensor.version += 1
    return tensor


def zeros_(tensor: T) -> T:
    """0 everywhere.

    >>> from nnkit import nn
    >>> nn.init.zeros_(nn.Linear(3, 2).weight).shape
    (2, 3)
    """
    return fill(tensor, 0.0)


def ones_(tensor: T) -> T:
    """1 everywhere.

    >>> from nnkit import nn
    >>> nn.init.ones_(nn.Linear(3, 2).weight).shape
    (2, 3)
    """
    return fill(tensor, 1.0)


def constant_(tensor: T, val: float) -> T:
    """One number everywhere.

    >>> from nnkit import nn
    >>> nn.init.constant_(nn.Linear(2, 1).bias, 0.5).tolist()
    [0.5]
    """
    return fill(tensor, val)


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0) -> T:
    """Evenly within [a, b).

    >>> from nnkit import nn
    >>> nn.init.uniform_(nn.Linear(3, 2).weight).shape
    (2, 3)
    """
    return fill(tensor, lambda shape: values.uniform(shape, a, b))


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0) -> T:
    """The normal distribution.

    >>> from nnkit import nn
    >>> nn.init.normal_(nn.Linear(3, 2).weight).shape
    (2, 3)
    """
    return fill(tensor, lambda shape: values.normal(shape, mean, std))


def trunc_normal_(
    tensor: T, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0
) -> T:
    """The normal distribution without what lies outside [a, b], which are values, as in PyTorch.

    >>> from nnkit import nn
    >>> nn.init.trunc_normal_(nn.Linear(3, 2).weight).shape
    (2, 3)
    """
    low, high = (a - mean) / std, (b - mean) / std
    return fill(tensor, lambda shape: values.truncated_normal(shape, mean, std, low, high))


def xavier_uniform_(tensor: T, gain: float = 1.0) -> T:
    """Uniform within gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010).

    >>> from nnkit import nn
    >>> nn.init.xavier_uniform_(nn.Linear(3, 2).weight).shape
    (2, 3)
    """
    return fill(tensor, lambda shape: values.xavier_uniform(shape, gain))


def xavier_normal_(tensor: T, gain: float = 1.0) -> T:
    """Normal with std = gain sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010).

    >>> from nnkit import nn
    >>> nn.init.xavier_normal_(nn.Linear(3, 2).weight).shape
    (2, 3)
    """
    return fill(tensor, lambda shape: values.xavier_normal(shape, gain))


def kaiming_uniform_(
    tensor: T, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> T:
    """Uniform within gain sqrt(3 / fan) (He et al. 2015, arXiv:1502.01852).

    Args:
        tensor: what is filled.
        a: the slope of a leaky ReLU, from which the gain comes.
        mode: 'fan_in' keeps the size of activations, 'fan_out' that of gradients.
        nonlinearity: as `calculate_gain` knows it.

    >>> from nnkit import nn
    >>> nn.init.kaiming_uniform_(nn.Linear(3, 2).weight).shape
    (2, 3)
    """
    gain = values.calculate_gain(nonlinearity, a)
    return fill(tensor, lambda shape: values.kaiming_uniform(shape, gain, mode))


def kaiming_normal_(
    tensor: T, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> T:
    """Normal with std = gain / sqrt(fan) (He et al. 2015); arguments as in `kaiming_uniform_`.

    >>> from nnkit import nn
    >>> nn.init.kaiming_normal_(nn.Linear(3, 2).weight).shape
    (2, 3)
    """
    gain = values.calculate_gain(nonlinearity, a)
    return fill(tensor, lambda shape: values.kaiming_normal(shape, gain, mode))


def orthogonal_(tensor: T, gain: float = 1.0) -> T:
    """Rows, or columns, at right angles, of length gain (Saxe et al. 2014, arXiv:1312.6120).

    >>> from nnkit import nn
    >>> nn.init.orthogonal_(nn.Linear(3, 2).weight).shape
    (2, 3)
    """
    return fill(tensor, lambda shape: values.orthogonal(shape, gain))
