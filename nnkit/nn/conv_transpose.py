"""Transposed convolutions: from few positions to many."""

from __future__ import annotations

from collections.abc import Sequence

from nnkit import ops
from nnkit.nn import init
from nnkit.nn.conv import Lengths, _Convolution
from nnkit.nn.spatial import spread
from nnkit.tensor import Tensor
from nnkit.typing import DType, Shape


class _ConvTranspose(_Convolution):
    """ConvTranspose1d and ConvTranspose2d."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Lengths,
        stride: Lengths = 1,
        padding: Lengths = 0,
        output_padding: Lengths = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Lengths = 1,
        padding_mode: str = "zeros",
        *,
        dtype: DType = "float32",
        weight_init: init.Start | None = None,
        bias_init: init.Start | None = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, dilation, groups, padding_mode
        )
        name = type(self).__name__
        self.padding = spread(name, "padding", padding, self.axes, 0)
        self.output_padding = spread(name, "output_padding", output_padding, self.axes, 0)
        weight = (in_channels, out_channels // groups)
        self._start(weight, bias, dtype, weight_init, bias_init)

    def forward(self, x: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """The result; `output_size`, the axes of space it shall have, chooses output_padding."""
        if output_size is None:
            return super().forward(x)
        chosen, self.output_padding = self.output_padding, self._reach(x, tuple(output_size))
        try:
            return super().forward(x)
        finally:
            self.output_padding = chosen

    def _reach(self, x: Tensor, wanted: Shape) -> Shape:
        """The output_padding that gives `wanted`."""
        axes = list(zip(x.shape[-self.axes :], self.kernel_size, self.stride, self.padding,
                        self.dilation, strict=True))  # fmt: skip
        least = tuple((n - 1) * s - 2 * p + d * (k - 1) + 1 for n, k, s, p, d in axes)
        most = tuple(low + max(s, d) - 1 for low, (_, _, s, _, d) in zip(least, axes, strict=True))
        space = wanted[-self.axes :]
        if len(space) != self.axes or any(
            not low <= w <= high for low, w, high in zip(least, space, most, strict=True)
        ):
            raise ValueError(
                f"{type(self).__name__}: output_size must be from {least} to {most} for x of shape "
                f"{x.shape}, got {wanted}"
            )
        return tuple(w - low for w, low in zip(space, least, strict=True))

    def compute(self, x: Tensor) -> Tensor:
        """The transposed convolution of x with the weight."""
        return ops.conv_transpose(
            x,
            self.weight,
            self.bias,
            stride=self.stride,
            padding=self.padding,
            output_padding=self.output_padding,
            dilation=self.dilation,
            groups=self.groups,
        )

    def extra_repr(self) -> str:
        """The sizes and options."""
        return self._describe(self.padding, self.output_padding)


class ConvTranspose1d(_ConvTranspose):
    """Each element of x adds a kernel to y: y[n, o, stride i + dilation k - padding] += x weight.

    It is the gradient of `Conv1d` by its x, and makes sequences longer.

    Shapes: x (N, in_channels, positions) or (in_channels, positions), weight (in_channels,
    out_channels / groups, kernel_size), bias (out_channels), y (N, out_channels, length) with
    length = (positions - 1) stride - 2 padding + dilation (kernel_size - 1) + 1 + output_padding.
    x has the dtype of the weight.

    Args:
        in_channels: of x.
        out_channels: of y.
        kernel_size: elements that a kernel spans.
        stride: how far apart neighbours of x come to stand.
        padding: how much is cut off on both sides of y.
        output_padding: how much longer y is at its end; below stride or dilation.
        groups: into how many groups the channels fall, each by itself.
        bias: False leaves the bias out.
        dilation: from one element of the kernel to the next.
        padding_mode: 'zeros', the only one.
        dtype: of the parameters; the computation follows it.
        weight_init: how the weight starts: a name from `nn.init`, a function of the shape, a number
            or an array. Default, as in PyTorch: uniform within 1 / sqrt(out_channels / groups
            kernel_size).
        bias_init: how the bias starts, in the same way and with the same default.

    >>> import nnkit
    >>> from nnkit import nn
    >>> layer = nn.ConvTranspose1d(1, 1, 2, stride=2, weight_init="ones", bias_init=0)
    >>> layer(nnkit.tensor([[[1.0, 2.0, 3.0]]])).tolist()
    [[[1.0, 1.0, 2.0, 2.0, 3.0, 3.0]]]
    """

    axes = 1


class ConvTranspose2d(_ConvTranspose):
    """Each element of x adds a kernel to y: y[n, o, stride p + dilation k - padding] += x weight.

    p and k are pairs (row, column), so are stride, dilation and padding: one number stands for
    both axes. It is the gradient of `Conv2d` by its x, and makes images larger.

    Shapes: x (N, in_channels, rows, columns) or (in_channels, rows, columns), weight (in_channels,
    out_channels / groups, *kernel_size), bias (out_channels), y (N, out_channels, height, width)
    with height = (rows - 1) stride - 2 padding + dilation (kernel_size - 1) + 1 + output_padding,
    width likewise. x has the dtype of the weight.

    Args:
        in_channels: of x.
        out_channels: of y.
        kernel_size: elements that a kernel spans, one number or (rows, columns).
        stride: how far apart neighbours of x come to stand.
        padding: how much is cut off on each side of y.
        output_padding: how much larger y is at its lower and right end; below stride or dilation.
        groups: into how many groups the channels fall, each by itself.
        bias: False leaves the bias out.
        dilation: from one element of the kernel to the next.
        padding_mode: 'zeros', the only one.
        dtype: of the parameters; the computation follows it.
        weight_init: how the weight starts: a name from `nn.init`, a function of the shape, a number
            or an array. Default, as in PyTorch: uniform within 1 / sqrt(out_channels / groups times
            the elements of the kernel).
        bias_init: how the bias starts, in the same way and with the same default.

    Zeiler et al. 2010, "Deconvolutional networks".

    >>> import nnkit
    >>> from nnkit import nn
    >>> layer = nn.ConvTranspose2d(4, 3, kernel_size=3, stride=2, padding=1, output_padding=1)
    >>> layer(nnkit.tensor(4 * [5 * [6 * [0.5]]]).reshape(1, 4, 5, 6)).shape
    (1, 3, 10, 12)
    """

    axes = 2
