"""Convolutions, as products of matrices with the elements of all windows (im2col).

In the symbols of this file: N examples, G groups, P positions of the kernel in all, a kernel of K
elements; a channel group of x has C/G channels, one of y O/G.
"""

from __future__ import annotations

import math
from typing import Any

from nnkit.dispatch import Result, op
from nnkit.ops.windows import (
    Lengths,
    Padding,
    Windows,
    fold,
    per_axis,
    reach_of,
    sides,
    unfold,
    windows_over,
)
from nnkit.typing import Array, Namespace, Needs, Shape

__all__ = ["conv", "conv_transpose"]


@op
def conv(
    xp: Namespace,
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    needs: Needs,
    stride: Lengths = 1,
    padding: Padding = 0,
    dilation: Lengths = 1,
    groups: int = 1,
) -> Result:
    """y[n, o] = sum_c sum_k x[n, c, stride * position + dilation * k - padding] weight[o, c, k].

    Shapes: x (N, C, *space), weight (O, C / groups, *kernel), bias (O) or None, y (N, O,
    *positions); one axis of space or more; floats, all of one dtype. Output channels o of one
    group see the input channels of that group alone. `padding` is a number, one for each axis, or
    a pair (before, behind) for each axis.

    Chellapilla, Puri and Simard 2006, "High performance convolutional neural networks for document
    processing".

    >>> import nnkit
    >>> nnkit.ops.conv(nnkit.tensor([[[1.0, 2.0, 3.0]]]), nnkit.tensor([[[1.0, 1.0]]])).tolist()
    [[[3.0, 5.0]]]
    """
    w = conv_windows(x, weight, bias, stride, padding, dilation, groups)
    taps = _taps(xp, weight, groups)
    columns = _columns(xp, x, w, groups)
    y = _with_bias(
        xp, _channels_second(xp, xp.matmul(taps, columns), x.shape[0], w.positions), bias
    )

    def vjp(g: Array) -> tuple[Array | None, ...]:
        rows = _rows(xp, g, groups)
        to_x = xp.matmul(xp.matrix_transpose(taps), rows) if needs[0] else None
        to_weight = xp.matmul(rows, xp.matrix_transpose(columns)) if needs[1] else None
        return (
            None if to_x is None else fold(xp, _as_windows(xp, to_x, x.shape[0], w), w),
            None if to_weight is None else xp.reshape(to_weight, weight.shape),
            _to_bias(xp, g) if needs[2] else None,
        )

    return y, vjp if any(needs) else None


# Places in the padding count too: they are multiplied like the others.
conv.multiply_adds = lambda y, x, weight, *_, **__: math.prod((*y.shape, *weight.shape[1:]))


@op
def conv_transpose(
    xp: Namespace,
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    needs: Needs,
    stride: Lengths = 1,
    padding: Padding = 0,
    output_padding: Lengths = 0,
    dilation: Lengths = 1,
    groups: int = 1,
) -> Result:
    """The gradient of `conv` by its x, as an operation of its own: x is spread out by the stride.

    y[n, o, stride * position + dilation * k - padding] += sum_c x[n, c, position] weight[c, o, k].

    Shapes: x (N, C, *positions), weight (C, O / groups, *kernel), bias (O) or None, y (N, O,
    *space) with space = (positions - 1) stride - 2 padding + dilation (kernel - 1) + 1 +
    output_padding; floats, all of one dtype. `output_padding` chooses among the lengths that `conv`
    would take to the same number of positions.

    Zeiler et al. 2010, "Deconvolutional networks".

    >>> import nnkit
    >>> y = nnkit.ops.conv_transpose(nnkit.tensor([[[1.0, 2.0]]]), nnkit.tensor([[[1.0, 1.0]]]))
    >>> y.tolist()
    [[[1.0, 3.0, 2.0]]]
    """
    _check("conv_transpose", x, weight, bias, groups)
    if x.shape[1] != weight.shape[0] or weight.shape[0] % groups:
        raise ValueError(
            f"conv_transpose: weight of shape {tuple(weight.shape)} takes {weight.shape[0]} "
            f"channels, a multiple of groups = {groups}, got x of shape {tuple(x.shape)}, whose "
            f"axis 1 has {x.shape[1]} channels"
        )
    w = _spread_windows(x.shape[2:], weight.shape[2:], stride, padding, output_padding, dilation)
    taps, rows = _taps(xp, weight, groups), _rows(xp, x, groups)
    columns = xp.matmul(xp.matrix_transpose(taps), rows)
    y = _with_bias(xp, fold(xp, _as_windows(xp, columns, x.shape[0], w), w), bias)

    def vjp(g: Array) -> tuple[Array | None, ...]:
        to_columns = _columns(xp, g, w, groups) if needs[0] or needs[1] else None
        to_x = xp.matmul(taps, to_columns) if needs[0] else None
        to_weight = xp.matmul(rows, xp.matrix_transpose(to_columns)) if needs[1] else None
        return (
            None if to_x is None else _channels_second(xp, to_x, x.shape[0], w.positions),
            None if to_weight is None else xp.reshape(to_weight, weight.shape),
            _to_bias(xp, g) if needs[2] else None,
        )

    return y, vjp if any(needs) else None


conv_transpose.multiply_adds = lambda y, x, weight, *_, **__: math.prod(
    (*x.shape, *weight.shape[1:])
)


def conv_windows(
    x: Array,
    weight: Array,
    bias: Array | None,
    stride: Lengths,
    padding: Padding,
    dilation: Lengths,
    groups: int,
) -> Windows:
    """Where the windows of `conv` lie.

    Raises:
        ValueError: for shapes and numbers that do not fit together.
        TypeError: for arrays of different dtypes.
    """
    _check("conv", x, weight, bias, groups)
    if x.shape[1] != groups * weight.shape[1] or weight.shape[0] % groups:
        raise ValueError(
            f"conv: weight of shape {tuple(weight.shape)} takes groups * {weight.shape[1]} = "
            f"{groups * weight.shape[1]} channels and gives a multiple of groups = {groups}, got "
            f"x of shape {tuple(x.shape)}, whose axis 1 has {x.shape[1]} channels"
        )
    return windows_over("conv", x.shape[2:], weight.shape[2:], stride, padding, dilation)


def _spread_windows(
    count: Shape,
    kernel: Shape,
    stride: Lengths,
    padding: Padding,
    output_padding: Lengths,
    dilation: Lengths,
) -> Windows:
    """The windows of the convolution that `conv_transpose` is the adjoint of."""
    op, n = "conv_transpose", len(count)
    stride = per_axis(op, "stride", stride, n, 1)
    dilation = per_axis(op, "dilation", dilation, n, 1)
    more = per_axis(op, "output_padding", output_padding, n, 0)
    low, high = sides(op, padding, n)
    if any(m >= max(s, d) for m, s, d in zip(more, stride, dilation, strict=True)):
        raise ValueError(
            f"{op}: output_padding must be smaller than stride or dilation, got {output_padding} "
            f"with stride {stride} and dilation {dilation}"
        )
    size = tuple(
        (count[i] - 1) * stride[i] + reach_of(kernel[i], dilation[i]) + more[i] - low[i] - high[i]
        for i in range(n)
    )
    if any(s < 1 for s in size):
        raise ValueError(
            f"{op}: x of space {count} and padding {padding} leave y the space {size}. Fix: a "
            "larger x, or less padding."
        )
    return Windows(size, tuple(kernel), stride, low, high, dilation, tuple(count))


def _taps(xp: Namespace, weight: Array, groups: int) -> Array:
    """The weight as a matrix for each group: (G, first axis / G, the others in one)."""
    rows = weight.shape[0] // groups
    return xp.reshape(weight, (groups, rows, math.prod(weight.shape[1:])))


def _columns(xp: Namespace, x: Array, w: Windows, groups: int) -> Array:
    """What the kernel sees at each position: x (N, C, *size) to (G, C/G K, P N)."""
    height = x.shape[1] // groups * math.prod(w.kernel)
    return xp.reshape(unfold(xp, x, w), (groups, height, math.prod(w.positions) * x.shape[0]))


def _as_windows(xp: Namespace, columns: Array, batch: int, w: Windows) -> Array:
    """Columns (G, C/G K, P N) as (C, *kernel, *positions, N)."""
    channels = columns.shape[0] * columns.shape[1] // math.prod(w.kernel)
    return xp.reshape(columns, (channels, *w.kernel, *w.positions, batch))


def _rows(xp: Namespace, y: Array, groups: int) -> Array:
    """y (N, O, *positions) as a matrix for each group: (G, O/G, P N)."""
    batch, channels, *space = y.shape
    last = xp.permute_dims(y, (*range(1, y.ndim), 0))
    return xp.reshape(last, (groups, channels // groups, math.prod(space) * batch))


def _channels_second(xp: Namespace, rows: Array, batch: int, space: Shape) -> Array:
    """The way back: (G, O/G, P N) to (N, O, *positions)."""
    y = xp.reshape(rows, (rows.shape[0] * rows.shape[1], *space, batch))
    return xp.permute_dims(y, (y.ndim - 1, *range(y.ndim - 1)))


def _with_bias(xp: Namespace, y: Array, bias: Array | None) -> Array:
    """y, which nobody else holds, with the bias of each channel."""
    if bias is not None:
        y += xp.reshape(bias, (bias.shape[0], *(1,) * (y.ndim - 2)))
    return y


def _to_bias(xp: Namespace, g: Array) -> Array:
    return xp.sum(g, axis=(0, *range(2, g.ndim)))


def _check(op: str, x: Array, weight: Array, bias: Array | None, groups: int) -> None:
    if weight.ndim < 3 or x.ndim != weight.ndim:
        raise ValueError(
            f"{op}: x must have the axes (N, C, *space), as many as the weight, whose shape is "
            f"{tuple(weight.shape)}, got x of shape {tuple(x.shape)}"
        )
    if groups < 1:
        raise ValueError(f"{op}: groups must be at least 1, got {groups}")
    others: dict[str, Any] = {"weight": weight, "bias": bias}
    for name, other in others.items():
        if other is not None and other.dtype != x.dtype:
            raise TypeError(
                f"{op}: x must have the dtype of the {name}, {other.dtype}, got {x.dtype}. "
                "Fix: x.astype(...), or the layer's dtype argument."
            )
    channels = weight.shape[0] if op == "conv" else weight.shape[1] * groups
    if bias is not None and tuple(bias.shape) != (channels,):
        raise ValueError(f"{op}: bias must have the shape ({channels},), got {tuple(bias.shape)}")
