"""Activations that let positive x pass and hold back the rest: ReLU and its kin, each one op."""

from __future__ import annotations

from nnkit import ops
from nnkit.nn import init
from nnkit.nn.module import Module
from nnkit.nn.parameter import Parameter
from nnkit.ops.activation import check_gelu
from nnkit.tensor import Tensor, tensor
from nnkit.typing import DType


class ReLU(Module):
    """max(x, 0) (Nair and Hinton 2010).

    >>> import nnkit
    >>> nnkit.nn.ReLU()(nnkit.tensor([-2.0, 0.0, 3.0])).tolist()
    [0.0, 0.0, 3.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        """max(x, 0)."""
        return ops.relu(x)


class LeakyReLU(Module):
    """X where x > 0, else negative_slope x (Maas et al. 2013).

    >>> import nnkit
    >>> nnkit.nn.LeakyReLU(0.5)(nnkit.tensor([-2.0, 0.0, 3.0])).tolist()
    [-1.0, 0.0, 3.0]
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Tensor) -> Tensor:
        """X where x > 0, else negative_slope x."""
        return ops.leaky_relu(x, negative_slope=self.negative_slope)

    def extra_repr(self) -> str:
        """The slope."""
        return f"negative_slope={self.negative_slope}"


class PReLU(Module):
    """X where x > 0, else weight x, which is learnt too (He et al. 2015, arXiv:1502.01852).

    Shapes: x (N, num_parameters, ...), or any with num_parameters=1; weight (num_parameters,).

    Args:
        num_parameters: 1, or the number of channels for a slope each.
        init: the first slope: a number, or anything that `nn.init.start` takes.
        dtype: of the weight.

    >>> import nnkit
    >>> layer = nnkit.nn.PReLU()
    >>> layer(nnkit.tensor([-2.0, 0.0, 3.0])).tolist()
    [-0.5, 0.0, 3.0]
    >>> layer.weight.shape
    (1,)
    """

    def __init__(
        self, num_parameters: int = 1, init: init.Start = 0.25, *, dtype: DType = "float32"
    ) -> None:
        if num_parameters < 1:
            raise ValueError(f"PReLU: num_parameters must be at least 1, got {num_parameters}")
        self.num_parameters = num_parameters
        self.weight = Parameter(tensor(_start(init, (num_parameters,)), dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        """X where x > 0, else weight x."""
        return ops.prelu(x, self.weight)

    def extra_repr(self) -> str:
        """The number of slopes."""
        return f"num_parameters={self.num_parameters}"


_start = init.start  # PyTorch's argument `init` hides the module


class ELU(Module):
    """X where x > 0, else alpha (exp(x) - 1) (Clevert et al. 2016, arXiv:1511.07289).

    >>> import nnkit
    >>> nnkit.nn.ELU(2.0)(nnkit.tensor([-1000.0, 0.0, 3.0])).tolist()
    [-2.0, 0.0, 3.0]
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        """X where x > 0, else alpha (exp(x) - 1)."""
        return ops.elu(x, alpha=self.alpha)

    def extra_repr(self) -> str:
        """The depth."""
        return f"alpha={self.alpha}"


class SELU(Module):
    """1.0507 x where x > 0, else 1.7581 (exp(x) - 1) (Klambauer et al. 2017, arXiv:1706.02515).

    With weights that start by `lecun_normal` it keeps mean 0 and variance 1 through the layers.

    >>> import nnkit
    >>> [round(y, 3) for y in nnkit.nn.SELU()(nnkit.tensor([-1000.0, 0.0, 2.0])).tolist()]
    [-1.758, 0.0, 2.101]
    """

    def forward(self, x: Tensor) -> Tensor:
        """scale elu(x, alpha)."""
        return ops.selu(x)


class GELU(Module):
    """x P(x), P the normal distribution function (Hendrycks and Gimpel 2016, arXiv:1606.08415).

    Args:
        approximate: 'none' for P by the error function, 'tanh' for the paper's approximation.

    >>> import nnkit
    >>> nnkit.nn.GELU()(nnkit.tensor([-1000.0, 0.0, 1000.0])).abs().tolist()
    [0.0, 0.0, 1000.0]
    """

    def __init__(self, approximate: str = "none") -> None:
        check_gelu("GELU", approximate)
        self.approximate = approximate

    def forward(self, x: Tensor) -> Tensor:
        """x P(x)."""
        return ops.gelu(x, approximate=self.approximate)

    def extra_repr(self) -> str:
        """The form."""
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """x sigmoid(x), also called swish (Elfwing et al. 2017, arXiv:1702.03118).

    >>> import nnkit
    >>> y = nnkit.nn.SiLU()(nnkit.tensor([-1000.0, 0.0, 1000.0])).abs()
    >>> [round(value, 30) for value in y.tolist()]
    [0.0, 0.0, 1000.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        """x sigmoid(x)."""
        return ops.silu(x)


class Softplus(Module):
    """log(1 + exp(beta x)) / beta, but x where beta x > threshold (Dugas et al. 2001).

    >>> import nnkit
    >>> nnkit.nn.Softplus()(nnkit.tensor([-1000.0, 1000.0])).tolist()
    [0.0, 1000.0]
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        if not beta > 0:
            raise ValueError(f"Softplus: beta must be above 0, got {beta}")
        self.beta = beta
        self.threshold = threshold

    def forward(self, x: Tensor) -> Tensor:
        """log(1 + exp(beta x)) / beta."""
        return ops.softplus(x, beta=self.beta, threshold=self.threshold)

    def extra_repr(self) -> str:
        """The steepness, and where it goes over into x."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Mish(Module):
    """x tanh(log(1 + exp(x))) (Misra 2019, arXiv:1908.08681).

    >>> import nnkit
    >>> nnkit.nn.Mish()(nnkit.tensor([-1000.0, 0.0, 1000.0])).abs().tolist()
    [0.0, 0.0, 1000.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        """x tanh(log(1 + exp(x)))."""
        return ops.mish(x)
