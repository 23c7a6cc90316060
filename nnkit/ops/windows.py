"""Where windows lie over the axes of space: what convolution and pooling share.

Along one axis of length S, element k of window o is x[o * stride + k * dilation - low]; outside of
x stands padding. Batches go last while windows are copied: the rows of a copy are then long.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from nnkit.ops.common import framed
from nnkit.typing import Array, Namespace, Shape

Lengths: TypeAlias = int | Sequence[int]
"""One number for all axes of space, or one for each."""
Padding: TypeAlias = int | Sequence[int | Sequence[int]]
"""One number for all sides, one for each axis, or a pair (before, behind) for each axis."""
Key: TypeAlias = tuple[Any, ...]


class Windows(NamedTuple):
    """Windows over axes of the lengths `size`, `positions` of them along each."""

    size: Shape
    kernel: Shape
    stride: Shape
    low: Shape
    high: Shape
    dilation: Shape
    positions: Shape

    @property
    def places(self) -> Iterator[Shape]:
        """Each place in the kernel, in row-major order."""
        return itertools.product(*map(range, self.kernel))

    @property
    def inside(self) -> bool:
        """Whether no window reaches into the padding."""
        ends = (
            (n - 1) * s + reach_of(k, d)
            for n, s, k, d in zip(
                self.positions, self.stride, self.kernel, self.dilation, strict=True
            )
        )
        return not any(self.low) and all(e <= n for e, n in zip(ends, self.size, strict=True))

    def shift(self, place: Shape) -> tuple[Key, Key]:
        """The windows whose element at `place` lies inside x, and where in x these elements are."""
        windows, elements = [], []
        for axis, k in enumerate(place):
            offset, stride = k * self.dilation[axis] - self.low[axis], self.stride[axis]
            first = max(0, -(offset // stride))
            last = min(self.positions[axis], (self.size[axis] - 1 - offset) // stride + 1)
            last = max(first, last)
            windows.append(slice(first, last))
            start, stop = (min(i * stride + offset, self.size[axis]) for i in (first, last))
            elements.append(slice(start, stop, stride))
        return tuple(windows), tuple(elements)


def per_axis(op: str, name: str, value: Lengths, n: int, least: int) -> Shape:
    """A number for each of n axes.

    Raises:
        ValueError: for another number of numbers, and numbers below `least`.
    """
    numbers = (value,) * n if isinstance(value, int) else tuple(value)
    if len(numbers) != n or any(v < least for v in numbers):
        raise ValueError(
            f"{op}: {name} must be a number of at least {least}, or {n} of them, one for each axis "
            f"of space, got {value}"
        )
    return numbers


def sides(op: str, padding: Padding, n: int) -> tuple[Shape, Shape]:
    """How much stands before and behind each of n axes.

    Raises:
        ValueError: for another form, and for negative numbers.
    """
    given = (padding,) * n if isinstance(padding, int) else tuple(padding)
    pairs = [(p, p) if isinstance(p, int) else tuple(p) for p in given]
    if len(pairs) != n or any(len(pair) != 2 or min(pair) < 0 for pair in pairs):
        raise ValueError(
            f"{op}: padding must be a number of at least 0, {n} of them, or {n} pairs (before, "
            f"behind), got {padding}"
        )
    return tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)


def windows_over(
    op: str,
    size: Shape,
    kernel: Lengths,
    stride: Lengths,
    padding: Padding,
    dilation: Lengths,
    ceil_mode: bool = False,
) -> Windows:
    """The windows that fit; with `ceil_mode` the last may stick out, if it begins before the end.

    Raises:
        ValueError: for numbers that make no sense, and kernels longer than an axis.
    """
    n = len(size)
    kernel = per_axis(op, "kernel_size", kernel, n, 1)
    stride = per_axis(op, "stride", stride, n, 1)
    dilation = per_axis(op, "dilation", dilation, n, 1)
    low, high = sides(op, padding, n)
    count = []
    for axis in range(n):
        reach = reach_of(kernel[axis], dilation[axis])
        free = low[axis] + size[axis] + high[axis] - reach
        if free < 0:
            raise ValueError(
                f"{op}: the kernel reaches over {reach} elements, but axis {axis + 2} of x has "
                f"{size[axis]} and padding ({low[axis]}, {high[axis]}). Fix: a larger x, more "
                "padding, or a smaller kernel_size or dilation."
            )
        more = -(-free // stride[axis]) if ceil_mode else free // stride[axis]
        if ceil_mode and more * stride[axis] >= size[axis] + low[axis]:
            more -= 1
        count.append(more + 1)
    return Windows(tuple(size), kernel, stride, low, high, dilation, tuple(count))


def in_two_axes(w: Windows) -> Windows:
    """The same windows over images: a sequence is an image of one row."""
    if len(w.size) == 2:
        return w
    row = Windows((1,), (1,), (1,), (0,), (0,), (1,), (1,))
    return Windows(*(first + along for first, along in zip(row, w, strict=True)))


def reach_of(kernel: int, dilation: int) -> int:
    """From the first element of a window to the one behind its last."""
    return dilation * (kernel - 1) + 1


def unfold(xp: Namespace, x: Array, w: Windows) -> Array:
    """The elements of all windows, 0 for padding.

    Shapes: x (N, C, *size), the result (C, *kernel, *positions, N), a view.
    """
    n = len(w.size)
    x = xp.permute_dims(x, (*range(1, n + 2), 0))
    if any(w.low) or any(w.high):
        x, _ = framed(xp, x, (0, *w.low, 0), (0, *w.high, 0), 0.0)
    for axis in range(n):
        x = xp.ext.sliding_windows(
            x, w.kernel[axis], w.stride[axis], w.dilation[axis], axis=axis + 1
        )
    x = x[(slice(None), *(slice(c) for c in w.positions), ...)]
    return xp.permute_dims(x, (0, *range(n + 2, 2 * n + 2), *range(1, n + 2)))


def fold(xp: Namespace, columns: Array, w: Windows) -> Array:
    """The adjoint of `unfold`, a sum: columns (C, *kernel, *positions, N) to (N, C, *size)."""
    n, every = len(w.size), slice(None)
    shape = (columns.shape[0], *w.size, columns.shape[-1])
    x = xp.zeros(shape, dtype=columns.dtype, device=columns.device)
    for place in w.places:
        windows, elements = w.shift(place)
        x[(every, *elements, every)] += columns[(every, *place, *windows, every)]
    return xp.permute_dims(x, (n + 1, *range(n + 1)))
