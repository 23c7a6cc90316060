"""Pooling over sequences and images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from nnkit import ops
from nnkit.nn.spatial import Spatial, spread
from nnkit.tensor import Tensor

Lengths: TypeAlias = int | Sequence[int]


class _MaxPool(Spatial):
    """MaxPool1d and MaxPool2d."""

    def __init__(
        self,
        kernel_size: Lengths,
        stride: Lengths | None = None,
        padding: Lengths = 0,
        dilation: Lengths = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        name = type(self).__name__
        if return_indices:
            raise ValueError(f"{name}: return_indices can only be False, got {return_indices}")
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.ceil_mode = ceil_mode
        for what, least in (("kernel_size", 1), ("stride", 1), ("padding", 0), ("dilation", 1)):
            spread(name, what, getattr(self, what), self.axes, least)

    def compute(self, x: Tensor) -> Tensor:
        """The largest element of each window."""
        return ops.max_pool(
            x,
            kernel_size=self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            ceil_mode=self.ceil_mode,
        )

    def extra_repr(self) -> str:
        """The sizes and options."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """y[n, c, i] = max over k of x[n, c, stride i + dilation k - padding].

    Shapes: x (N, C, length) or (C, length), y (N, C, positions) with positions = floor((length +
    2 padding - dilation (kernel_size - 1) - 1) / stride) + 1; floats. NaN in a window makes it
    NaN; of several largest elements the first gets the gradient.

    Args:
        kernel_size: elements in a window.
        stride: from one window to the next; kernel_size where None.
        padding: places of -inf before and behind x, at most half of kernel_size.
        dilation: from one element of a window to the next.
        return_indices: False, the only value.
        ceil_mode: whether a last window may stick out behind x.

    >>> import nnkit
    >>> from nnkit import nn
    >>> nn.MaxPool1d(2)(nnkit.tensor([[[1.0, 3.0, 2.0, 0.0, 5.0]]])).tolist()
    [[[3.0, 2.0]]]
    """

    axes = 1


class MaxPool2d(_MaxPool):
    """y[n, c, p] = max over k of x[n, c, stride p + dilation k - padding], for pairs p and k.

    One number for an argument stands for both axes.

    Shapes: x (N, C, height, width) or (C, height, width), y (N, C, rows, columns) with rows =
    floor((height + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1, columns likewise;
    floats. NaN in a window makes it NaN; of several largest elements the first gets the gradient.

    Args:
        kernel_size: elements in a window, one number or (rows, columns).
        stride: from one window to the next; kernel_size where None.
        padding: places of -inf on each side of x, at most half of kernel_size.
        dilation: from one element of a window to the next.
        return_indices: False, the only value.
        ceil_mode: whether last windows may stick out behind x.

    >>> import nnkit
    >>> from nnkit import nn
    >>> x = nnkit.tensor([[[1.0, 3.0, 2.0], [0.0, 5.0, 4.0], [7.0, 6.0, 8.0]]])
    >>> nn.MaxPool2d(2, stride=1)(x).tolist()
    [[[5.0, 5.0], [7.0, 8.0]]]
    """

    axes = 2


class _AvgPool(Spatial):
    """AvgPool1d and AvgPool2d."""

    def __init__(
        self,
        kernel_size: Lengths,
        stride: Lengths | None = None,
        padding: Lengths = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        name = type(self).__name__
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override: int | None = None
        for what, least in (("kernel_size", 1), ("stride", 1), ("padding", 0)):
            spread(name, what, getattr(self, what), self.axes, least)

    def compute(self, x: Tensor) -> Tensor:
        """The mean of each window."""
        return ops.avg_pool(
            x,
            kernel_size=self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            ceil_mode=self.ceil_mode,
            count_include_pad=self.count_include_pad,
            divisor_override=self.divisor_override,
        )

    def extra_repr(self) -> str:
        """The sizes."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPool):
    """y[n, c, i] = mean over k of x[n, c, stride i + k - padding].

    Shapes: x (N, C, length) or (C, length), y (N, C, positions) with positions = floor((length +
    2 padding - kernel_size) / stride) + 1; floats.

    Args:
        kernel_size: elements in a window.
        stride: from one window to the next; kernel_size where None.
        padding: zeros before and behind x, at most half of kernel_size.
        ceil_mode: whether a last window may stick out behind x.
        count_include_pad: whether the zeros count in the mean.

    >>> import nnkit
    >>> from nnkit import nn
    >>> nn.AvgPool1d(2)(nnkit.tensor([[[1.0, 3.0, 2.0, 0.0, 5.0]]])).tolist()
    [[[2.0, 1.0]]]
    """

    axes = 1

    def __init__(
        self,
        kernel_size: Lengths,
        stride: Lengths | None = None,
        padding: Lengths = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        for what, least in (("kernel_size", 1), ("stride", 1), ("padding", 0)):
            setattr(self, what, spread("AvgPool1d", what, getattr(self, what), 1, least))


class AvgPool2d(_AvgPool):
    """y[n, c, p] = mean over k of x[n, c, stride p + k - padding], for pairs p and k.

    One number for an argument stands for both axes.

    Shapes: x (N, C, height, width) or (C, height, width), y (N, C, rows, columns) with rows =
    floor((height + 2 padding - kernel_size) / stride) + 1, columns likewise; floats.

    Args:
        kernel_size: elements in a window, one number or (rows, columns).
        stride: from one window to the next; kernel_size where None.
        padding: zeros on each side of x, at most half of kernel_size.
        ceil_mode: whether last windows may stick out behind x.
        count_include_pad: whether the zeros count in the mean.
        divisor_override: what the sum is divided by instead of the number of elements.

    >>> import nnkit
    >>> from nnkit import nn
    >>> nn.AvgPool2d(2)(nnkit.tensor([[[1.0, 3.0], [0.0, 4.0]]])).tolist()
    [[[2.0]]]
    """

    axes = 2

    def __init__(
        self,
        kernel_size: Lengths,
        stride: Lengths | None = None,
        padding: Lengths = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        if divisor_override == 0:
            raise ValueError("AvgPool2d: divisor_override must not be 0")
        self.divisor_override = divisor_override


class _AdaptiveAvgPool(Spatial):
    """AdaptiveAvgPool1d and AdaptiveAvgPool2d."""

    def __init__(self, output_size: int | Sequence[int | None]) -> None:
        given = (output_size,) if isinstance(output_size, int) else output_size
        known = [1 if n is None else n for n in given]
        spread(
            type(self).__name__,
            "output_size",
            known[0] if isinstance(output_size, int) else known,
            self.axes,
        )
        self.output_size = output_size

    def compute(self, x: Tensor) -> Tensor:
        """The mean of each part."""
        return ops.adaptive_avg_pool(x, output_size=self.output_size)

    def extra_repr(self) -> str:
        """The size of the result."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Means over `output_size` parts of nearly one length, for x of any length.

    Part i of n goes from floor(i length / n) up to ceil((i + 1) length / n).

    Shapes: x (N, C, length) or (C, length), y (N, C, output_size); floats.

    Args:
        output_size: the length of y; 1 averages over the whole length.

    >>> import nnkit
    >>> from nnkit import nn
    >>> nn.AdaptiveAvgPool1d(2)(nnkit.tensor([[[1.0, 3.0, 2.0]]])).tolist()
    [[[2.0, 2.5]]]
    """

    axes = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Means over `output_size` parts of nearly one size, for x of any height and width.

    Part i of n goes from floor(i height / n) up to ceil((i + 1) height / n), and likewise in width.

    Shapes: x (N, C, height, width) or (C, height, width), y (N, C, *output_size); floats.

    Args:
        output_size: (rows, columns) of y, or one number for both; None keeps an axis as it is. 1
            averages over the whole image.

    >>> import nnkit
    >>> from nnkit import nn
    >>> nn.AdaptiveAvgPool2d(1)(nnkit.tensor([[[1.0, 3.0], [0.0, 4.0]]])).tolist()
    [[[2.0]]]
    """

    axes = 2
