"""Normalisations over a batch, over an example, or over groups of channels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from nnkit import ops
from nnkit.nn import init
from nnkit.nn.module import Module
from nnkit.nn.parameter import Buffer, Parameter, started
from nnkit.ops import update
from nnkit.tensor import Tensor, tensor
from nnkit.typing import DType, Shape


class _Affine(Module):
    """A normalisation with a weight and a bias, or without."""

    weight: Parameter | None
    bias: Parameter | None

    def _start(
        self,
        shape: Shape,
        affine: bool,
        bias: bool,
        dtype: DType,
        weight_init: init.Start | None,
        bias_init: init.Start | None,
    ) -> None:
        """Make the parameters: ones and zeros, where the user chose nothing else."""
        given = {"weight_init": (weight_init, affine), "bias_init": (bias_init, affine and bias)}
        for name, (how, wanted) in given.items():
            if how is not None and not wanted:
                raise ValueError(f"{type(self).__name__}: {name} was given for what is left out")
        self.weight = started(weight_init, "ones", shape, dtype) if affine else None
        self.bias = started(bias_init, "zeros", shape, dtype) if affine and bias else None


class _BatchNorm(_Affine):
    """BatchNorm1d and BatchNorm2d."""

    axes: ClassVar[tuple[int, ...]]
    """How many axes x may have."""
    shapes: ClassVar[str]
    """These shapes in words; the number of channels comes in at {0}."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        dtype: DType = "float32",
        weight_init: init.Start | None = None,
        bias_init: init.Start | None = None,
    ) -> None:
        if num_features < 1:
            raise ValueError(
                f"{type(self).__name__}: num_features must be at least 1, got {num_features}"
            )
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self._start((num_features,), affine, bias, dtype, weight_init, bias_init)
        self.running_mean = self.running_var = self.num_batches_tracked = None
        if track_running_stats:
            self.running_mean = Buffer(tensor(np.zeros(num_features), dtype=dtype))
            self.running_var = Buffer(tensor(np.ones(num_features), dtype=dtype))
            self.num_batches_tracked = Buffer(tensor(np.zeros((), np.int64)))

    def forward(self, x: Tensor) -> Tensor:
        """By the batch's statistics in training, by the running ones in `eval()`."""
        if x.ndim not in self.axes or x.shape[1] != self.num_features:
            raise ValueError(
                f"{type(self).__name__}: x must have the shape "
                f"{self.shapes.format(self.num_features)}, got {x.shape}"
            )
        mean, var = self.running_mean, self.running_var
        if mean is not None and not self.training:
            return ops.batch_norm_eval(x, mean, var, self.weight, self.bias, eps=self.eps)
        y, batch_mean, batch_var = ops.batch_norm(x, self.weight, self.bias, eps=self.eps)
        if mean is not None:
            n = math.prod(x.shape) // self.num_features
            update.running_statistics(
                mean,
                var,
                self.num_batches_tracked,
                batch_mean,
                batch_var,
                momentum=self.momentum,
                n=n,
            )
        result: Tensor = y
        return result

    def reset_running_stats(self) -> None:
        """Forget what was seen: mean 0, variance 1, no batches."""
        first = {"running_mean": 0.0, "running_var": 1.0, "num_batches_tracked": 0}
        for name, value in first.items():
            buffer = getattr(self, name)
            if buffer is not None:
                buffer.data[...] = value
                buffer.version += 1

    def extra_repr(self) -> str:
        """The number of channels and the options."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """y = (x - mean) / sqrt(var + eps) weight + bias, for each channel over the batch.

    In training mean and var (biased) are those of the batch, over length too, and running ones
    follow them: running = running + momentum (batch - running), with the unbiased var. In `eval()`
    the running ones are used.

    Shapes: x (N, num_features) or (N, num_features, length), y as x; weight, bias, running_mean and
    running_var (num_features), num_batches_tracked (). x has the dtype of the weight.

    Args:
        num_features: the channels of x.
        eps: added to the variance.
        momentum: how far the running statistics move with each batch; None for the mean over all
            batches.
        affine: False leaves weight and bias out.
        track_running_stats: False keeps none, and uses those of the batch in `eval()` too.
        bias: False leaves the bias out.
        dtype: of parameters and statistics; the computation follows it.
        weight_init: how the weight starts: a name from `nn.init`, a function of the shape, a number
            or an array. Default: ones.
        bias_init: how the bias starts, in the same way. Default: zeros.

    Raises:
        ValueError: for another shape, and in training for one value a channel.

    Ioffe and Szegedy 2015, "Batch normalization", arXiv:1502.03167.

    >>> import nnkit
    >>> from nnkit import nn
    >>> layer = nn.BatchNorm1d(1)
    >>> [[round(v, 3) for v in row] for row in layer(nnkit.tensor([[1.0], [3.0]])).tolist()]
    [[-1.0], [1.0]]
    >>> [round(v, 3) for v in layer.running_mean.tolist()], layer.num_batches_tracked.item()
    ([0.2], 1)
    """

    axes = (2, 3)
    shapes = "(N, {0}) or (N, {0}, length)"


class BatchNorm2d(_BatchNorm):
    """y = (x - mean) / sqrt(var + eps) weight + bias, for each channel over the batch.

    In training mean and var (biased) are those of the batch, over height and width too, and
    running ones follow them: running = running + momentum (batch - running), with the unbiased
    var. In `eval()` the running ones are used.

    Shapes: x (N, num_features, height, width), y as x; weight, bias, running_mean and running_var
    (num_features), num_batches_tracked (). x has the dtype of the weight.

    Args:
        num_features: the channels of x.
        eps: added to the variance.
        momentum: how far the running statistics move with each batch; None for the mean over all
            batches.
        affine: False leaves weight and bias out.
        track_running_stats: False keeps none, and uses those of the batch in `eval()` too.
        bias: False leaves the bias out.
        dtype: of parameters and statistics; the computation follows it.
        weight_init: how the weight starts: a name from `nn.init`, a function of the shape, a number
            or an array. Default: ones.
        bias_init: how the bias starts, in the same way. Default: zeros.

    Raises:
        ValueError: for another shape, and in training for one value a channel.

    Ioffe and Szegedy 2015, "Batch normalization", arXiv:1502.03167.

    >>> import nnkit
    >>> from nnkit import nn
    >>> x = nnkit.tensor([[[[1.0, 3.0]]]])
    >>> layer = nn.BatchNorm2d(1)
    >>> [round(v, 3) for v in layer(x).reshape(-1).tolist()]
    [-1.0, 1.0]
    >>> layer.eval()(x).shape
    (1, 1, 1, 2)
    """

    axes = (4,)
    shapes = "(N, {0}, height, width)"


class LayerNorm(_Affine):
    """y = (x - mean) / sqrt(var + eps) weight + bias, over the last axes of each example.

    Shapes: x (..., *normalized_shape), weight and bias normalized_shape, y as x; the variance is
    biased. x has the dtype of the weight.

    Args:
        normalized_shape: the lengths of the last axes of x, or the length of the last one.
        eps: added to the variance.
        elementwise_affine: False leaves weight and bias out.
        bias: False leaves the bias out.
        dtype: of the parameters; the computation follows it.
        weight_init: how the weight starts: a name from `nn.init`, a function of the shape, a number
            or an array. Default: ones.
        bias_init: how the bias starts, in the same way. Default: zeros.

    Ba, Kiros and Hinton 2016, "Layer normalization", arXiv:1607.06450.

    >>> import nnkit
    >>> from nnkit import nn
    >>> y = nn.LayerNorm(2)(nnkit.tensor([[1.0, 3.0], [5.0, 1.0]]))
    >>> [[round(v, 3) for v in row] for row in y.tolist()]
    [[-1.0, 1.0], [1.0, -1.0]]
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: DType = "float32",
        weight_init: init.Start | None = None,
        bias_init: init.Start | None = None,
    ) -> None:
        self.normalized_shape = last_axes("LayerNorm", normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._start(self.normalized_shape, elementwise_affine, bias, dtype, weight_init, bias_init)

    def forward(self, x: Tensor) -> Tensor:
        """The normalised x."""
        shape = self.normalized_shape
        return ops.layer_norm(x, self.weight, self.bias, normalized_shape=shape, eps=self.eps)

    def extra_repr(self) -> str:
        """The shape and the options."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


class GroupNorm(_Affine):
    """y = (x - mean) / sqrt(var + eps) weight + bias, over groups of channels of each example.

    Shapes: x (N, num_channels, *space), weight and bias (num_channels), y as x; the variance is
    biased, over the channels of a group and all axes of space. x has the dtype of the weight.

    Args:
        num_groups: into how many groups the channels fall; it divides num_channels. 1 normalises
            over the whole example, num_channels each channel by itself (instance norm).
        num_channels: of x.
        eps: added to the variance.
        affine: False leaves weight and bias out.
        bias: False leaves the bias out.
        dtype: of the parameters; the computation follows it.
        weight_init: how the weight starts: a name from `nn.init`, a function of the shape, a number
            or an array. Default: ones.
        bias_init: how the bias starts, in the same way. Default: zeros.

    Wu and He 2018, "Group normalization", arXiv:1803.08494.

    >>> import nnkit
    >>> from nnkit import nn
    >>> y = nn.GroupNorm(2, 4)(nnkit.tensor([[1.0, 3.0, 8.0, 4.0]]))
    >>> [round(v, 3) for v in y.reshape(-1).tolist()]
    [-1.0, 1.0, 1.0, -1.0]
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        bias: bool = True,
        dtype: DType = "float32",
        weight_init: init.Start | None = None,
        bias_init: init.Start | None = None,
    ) -> None:
        if num_groups < 1 or num_channels < 1 or num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: num_channels must be a multiple of num_groups, both at least 1, got "
                f"{num_channels} and {num_groups}"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._start((num_channels,), affine, bias, dtype, weight_init, bias_init)

    def forward(self, x: Tensor) -> Tensor:
        """The normalised x."""
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise ValueError(
                f"GroupNorm: x must have the shape (N, {self.num_channels}, *space), got {x.shape}"
            )
        groups = self.num_groups
        return ops.group_norm(x, self.weight, self.bias, num_groups=groups, eps=self.eps)

    def extra_repr(self) -> str:
        """The numbers and the options."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(_Affine):
    """y = x / sqrt(mean(x^2) + eps) weight, over the last axes of each example.

    Shapes: x (..., *normalized_shape), weight normalized_shape, y as x. x has the dtype of the
    weight.

    Args:
        normalized_shape: the lengths of the last axes of x, or the length of the last one.
        eps: added to the mean square; None for the eps of x's dtype.
        elementwise_affine: False leaves the weight out.
        dtype: of the weight; the computation follows it.
        weight_init: how the weight starts: a name from `nn.init`, a function of the shape, a number
            or an array. Default: ones.

    Zhang and Sennrich 2019, "Root mean square layer normalization", arXiv:1910.07467.

    >>> import nnkit
    >>> from nnkit import nn
    >>> nn.RMSNorm(2)(nnkit.tensor([[3.0, -3.0]])).tolist()
    [[1.0, -1.0]]
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: DType = "float32",
        weight_init: init.Start | None = None,
    ) -> None:
        self.normalized_shape = last_axes("RMSNorm", normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._start(self.normalized_shape, elementwise_affine, False, dtype, weight_init, None)

    def forward(self, x: Tensor) -> Tensor:
        """The normalised x."""
        shape = self.normalized_shape
        return ops.rms_norm(x, self.weight, normalized_shape=shape, eps=self.eps)

    def extra_repr(self) -> str:
        """The shape and the options."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


def last_axes(layer: str, normalized_shape: int | Sequence[int]) -> Shape:
    """The lengths as a tuple.

    Raises:
        ValueError: for none, and for lengths below 1.
    """
    given = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not given or min(given) < 1:
        raise ValueError(
            f"{layer}: normalized_shape must hold lengths of at least 1, got {normalized_shape}"
        )
    return given
