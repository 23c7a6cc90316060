"""Convolutions over sequences and images, and their transposes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from nnkit import ops
from nnkit.errors import closest
from nnkit.nn import init
from nnkit.nn.parameter import started, started_or_left_out
from nnkit.nn.spatial import Spatial, spread
from nnkit.tensor import Tensor
from nnkit.typing import DType, Shape

Lengths: TypeAlias = int | Sequence[int]
PADDINGS = ("same", "valid")


class _Convolution(Spatial):
    """What all convolutions hold: sizes, options, weight and bias."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Lengths,
        stride: Lengths,
        dilation: Lengths,
        groups: int,
        padding_mode: str,
    ) -> None:
        name = type(self).__name__
        for what, count in (("in_channels", in_channels), ("out_channels", out_channels)):
            if count < 1 or groups < 1 or count % groups:
                raise ValueError(
                    f"{name}: {what} must be a multiple of groups, both at least 1, got {count} "
                    f"and {groups}"
                )
        if padding_mode != "zeros":
            raise ValueError(
                f"{name}: padding_mode can only be 'zeros', got {padding_mode!r}. Fix: pad x "
                "yourself before the layer, with padding=0 here."
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = spread(name, "kernel_size", kernel_size, self.axes)
        self.stride = spread(name, "stride", stride, self.axes)
        self.dilation = spread(name, "dilation", dilation, self.axes)
        self.groups = groups

    def _start(
        self,
        channels: Shape,
        bias: bool,
        dtype: DType,
        weight_init: init.Start | None,
        bias_init: init.Start | None,
    ) -> None:
        """Make the parameters; `channels` are the first two axes of the weight."""
        shape = (*channels, *self.kernel_size)
        default = init.within(1.0 / math.sqrt(init.fans(shape)[0]))
        self.weight = started(weight_init, default, shape, dtype)
        self.bias = started_or_left_out(
            type(self).__name__, bias, bias_init, default, (self.out_channels,), dtype
        )

    def channels(self) -> int:
        """As many as the layer was made for."""
        return self.in_channels

    def _describe(self, padding: object, output_padding: Shape = ()) -> str:
        """The sizes, and what is not as usual, in PyTorch's order."""
        ones, zeros = (1,) * self.axes, (0,) * self.axes
        parts = [
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}",
            f"stride={self.stride}",
            f"padding={padding}" if padding != zeros else "",
            f"dilation={self.dilation}" if self.dilation != ones else "",
            f"output_padding={output_padding}" if any(output_padding) else "",
            f"groups={self.groups}" if self.groups != 1 else "",
            "bias=False" if self.bias is None else "",
        ]
        return ", ".join(part for part in parts if part)


class _Conv(_Convolution):
    """Conv1d and Conv2d."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Lengths,
        stride: Lengths = 1,
        padding: Lengths | str = 0,
        dilation: Lengths = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        dtype: DType = "float32",
        weight_init: init.Start | None = None,
        bias_init: init.Start | None = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, dilation, groups, padding_mode
        )
        self.padding = self._check_padding(padding)
        weight = (out_channels, in_channels // groups)
        self._start(weight, bias, dtype, weight_init, bias_init)

    def _check_padding(self, padding: Lengths | str) -> str | Shape:
        name = type(self).__name__
        if not isinstance(padding, str):
            return spread(name, "padding", padding, self.axes, 0)
        if padding not in PADDINGS:
            raise ValueError(f"{name}: unknown padding {padding!r}. {closest(padding, PADDINGS)}")
        if padding == "same" and self.stride != (1,) * self.axes:
            raise ValueError(
                f"{name}: padding='same' needs stride 1, got {self.stride}. Fix: give padding as "
                "numbers."
            )
        return padding

    def _sides(self) -> Sequence[int | tuple[int, int]]:
        """The padding before and behind x along each axis."""
        if self.padding == "valid":
            return (0,) * self.axes
        if isinstance(self.padding, tuple):
            return self.padding
        missing = [d * (k - 1) for k, d in zip(self.kernel_size, self.dilation, strict=True)]
        return [(m // 2, m - m // 2) for m in missing]

    def compute(self, x: Tensor) -> Tensor:
        """The convolution of x with the weight."""
        return ops.conv(
            x,
            self.weight,
            self.bias,
            stride=self.stride,
            padding=self._sides(),
            dilation=self.dilation,
            groups=self.groups,
        )

    def extra_repr(self) -> str:
        """The sizes and options."""
        return self._describe(self.padding)


class Conv1d(_Conv):
    """y[n, o, i] = bias[o] + sum_c sum_k x[n, c, stride i + dilation k - padding] weight[o, c, k].

    Shapes: x (N, in_channels, length) or (in_channels, length), weight (out_channels, in_channels /
    groups, kernel_size), bias (out_channels), y (N, out_channels, positions) with positions =
    floor((length + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1. x has the dtype of
    the weight.

    Args:
        in_channels: of x.
        out_channels: of y, one kernel each.
        kernel_size: elements that a kernel spans.
        stride: from one position of the kernel to the next.
        padding: zeros before and behind x; 'valid' for none, 'same' for as many as leave y as long
            as x (stride 1 only; where they are odd in number, one more stands behind).
        dilation: from one element of the kernel to the next.
        groups: into how many groups the channels fall, each convolved by itself; in_channels makes
            a depthwise convolution.
        bias: False leaves the bias out.
        padding_mode: 'zeros', the only one so far.
        dtype: of the parameters; the computation follows it.
        weight_init: how the weight starts: a name from `nn.init`, a function of the shape, a number
            or an array. Default, as in PyTorch: uniform within 1 / sqrt(fan_in), fan_in =
            in_channels / groups kernel_size.
        bias_init: how the bias starts, in the same way and with the same default.

    >>> import nnkit
    >>> from nnkit import nn
    >>> layer = nn.Conv1d(1, 1, 3, padding="same", weight_init="ones", bias_init=0)
    >>> layer(nnkit.tensor([[[1.0, 2.0, 3.0, 4.0]]])).tolist()
    [[[3.0, 6.0, 9.0, 7.0]]]
    """

    axes = 1


class Conv2d(_Conv):
    """y[n, o, p] = bias[o] + sum_c sum_k x[n, c, stride p + dilation k - padding] weight[o, c, k].

    p and k are pairs (row, column), so are stride, dilation and padding: one number stands for
    both axes.

    Shapes: x (N, in_channels, height, width) or (in_channels, height, width), weight (out_channels,
    in_channels / groups, *kernel_size), bias (out_channels), y (N, out_channels, rows, columns)
    with rows = floor((height + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1, columns
    likewise. x has the dtype of the weight.

    Args:
        in_channels: of x.
        out_channels: of y, one kernel each.
        kernel_size: elements that a kernel spans, one number or (rows, columns).
        stride: from one position of the kernel to the next.
        padding: zeros on each side of x; 'valid' for none, 'same' for as many as leave y as large
            as x (stride 1 only; where they are odd in number, one more stands behind).
        dilation: from one element of the kernel to the next.
        groups: into how many groups the channels fall, each convolved by itself; in_channels makes
            a depthwise convolution.
        bias: False leaves the bias out.
        padding_mode: 'zeros', the only one so far.
        dtype: of the parameters; the computation follows it.
        weight_init: how the weight starts: a name from `nn.init`, a function of the shape, a number
            or an array. Default, as in PyTorch: uniform within 1 / sqrt(fan_in), fan_in =
            in_channels / groups times the elements of the kernel.
        bias_init: how the bias starts, in the same way and with the same default.

    LeCun et al. 1989, "Backpropagation applied to handwritten zip code recognition".

    >>> import nnkit
    >>> from nnkit import nn
    >>> layer = nn.Conv2d(1, 32, kernel_size=5, padding="same")
    >>> layer(nnkit.tensor(28 * [28 * [0.5]]).reshape(1, 1, 28, 28)).shape
    (1, 32, 28, 28)
    >>> nn.Conv2d(3, 8, (3, 2), stride=2, padding=1)
    Conv2d(3, 8, kernel_size=(3, 2), stride=(2, 2), padding=(1, 1))
    """

    axes = 2
