"""Pooling: the largest or the mean element of each window."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from nnkit.dispatch import Result, op
from nnkit.ops.windows import Lengths, Windows, per_axis, windows_over
from nnkit.typing import Array, Namespace, Needs, Shape

__all__ = ["adaptive_avg_pool", "avg_pool", "max_pool"]


@op
def max_pool(
    xp: Namespace,
    x: Array,
    *,
    needs: Needs,
    kernel_size: Lengths,
    stride: Lengths | None = None,
    padding: Lengths = 0,
    dilation: Lengths = 1,
    ceil_mode: bool = False,
) -> Result:
    """The largest element of each window, NaN if there is one; the first largest gets the gradient.

    Shapes: x (N, C, *space), y (N, C, *positions); floats. `stride` is kernel_size where None.
    Padding counts as -inf and is at most half of kernel_size. With `ceil_mode` the last window
    may stick out behind x.

    >>> import nnkit
    >>> nnkit.ops.max_pool(nnkit.tensor([[[1.0, 4.0, 2.0, 3.0]]]), kernel_size=2).tolist()
    [[[4.0, 3.0]]]
    """
    w = pool_windows("max_pool", x, kernel_size, stride, padding, dilation, ceil_mode)
    y = _combine(xp, xp.maximum, x, w, -math.inf)

    def vjp(g: Array) -> tuple[Array]:
        to_x = xp.zeros(x.shape, dtype=g.dtype, device=x.device)
        free = xp.ones(y.shape, dtype=xp.bool, device=x.device)  # windows still without their first
        for place in w.places:
            windows, elements = w.shift(place)
            windows, elements = (..., *windows), (..., *elements)
            below = x[elements] < y[windows]
            hit = xp.logical_and(free[windows], xp.logical_not(below))
            to_x[elements] += xp.where(hit, g[windows], 0.0)
            free[windows] = xp.logical_and(free[windows], below)
        return (to_x,)

    return y, vjp if needs[0] else None


@op
def avg_pool(
    xp: Namespace,
    x: Array,
    *,
    needs: Needs,
    kernel_size: Lengths,
    stride: Lengths | None = None,
    padding: Lengths = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Result:
    """The mean of each window.

    Shapes: x (N, C, *space), y (N, C, *positions); floats. `stride` is kernel_size where None.
    Padding counts as 0 and is at most half of kernel_size; with `count_include_pad` false it
    does not count. `divisor_override` takes the place of the number of elements.

    >>> import nnkit
    >>> nnkit.ops.avg_pool(nnkit.tensor([[[1.0, 4.0, 2.0, 3.0]]]), kernel_size=2).tolist()
    [[[2.5, 2.5]]]
    """
    check_divisor(divisor_override)
    w = pool_windows("avg_pool", x, kernel_size, stride, padding, 1, ceil_mode)
    shares = _shares(xp, x, w, count_include_pad, divisor_override)

    def vjp(g: Array) -> tuple[Array]:
        g = g * shares
        to_x = xp.zeros(x.shape, dtype=g.dtype, device=x.device)
        for place in w.places:
            windows, elements = w.shift(place)
            to_x[(..., *elements)] += g[(..., *windows)]
        return (to_x,)

    return _combine(xp, xp.add, x, w, 0.0) * shares, vjp if needs[0] else None


@op
def adaptive_avg_pool(
    xp: Namespace, x: Array, *, needs: Needs, output_size: int | Sequence[int | None]
) -> Result:
    """Means over windows that cut each axis of space into `output_size` parts of nearly one length.

    Part i of n goes from floor(i S / n) up to ceil((i + 1) S / n) along an axis of length S.
    Shapes: x (N, C, *space), y (N, C, *output_size), where None keeps an axis as it is; floats.

    >>> import nnkit
    >>> nnkit.ops.adaptive_avg_pool(nnkit.tensor([[[1.0, 4.0, 2.0, 3.0]]]), output_size=1).tolist()
    [[[2.5]]]
    """
    sizes = _output_size(x, output_size)
    befores, y = [], x
    for axis, n in enumerate(sizes, 2):
        befores.append(y.shape)
        y = _means(xp, y, axis, n) if n != y.shape[axis] else y

    def vjp(g: Array) -> tuple[Array]:
        for axis, n in reversed(list(enumerate(sizes, 2))):
            before = befores[axis - 2]
            g = _spread_means(xp, g, axis, n, before) if n != before[axis] else g
        return (g,)

    return y, vjp if needs[0] else None


def check_divisor(divisor_override: int | None) -> None:
    """The mean over a number of elements.

    Raises:
        ValueError: for 0.
    """
    if divisor_override == 0:
        raise ValueError("avg_pool: divisor_override must not be 0")


def pool_windows(
    op: str,
    x: Array,
    kernel_size: Lengths,
    stride: Lengths | None,
    padding: Lengths,
    dilation: Lengths,
    ceil_mode: bool,
) -> Windows:
    """Where the windows lie.

    Raises:
        ValueError: for an x without axes of space, and numbers that make no sense.
    """
    if x.ndim < 3:
        raise ValueError(f"{op}: x must have the axes (N, C, *space), got shape {tuple(x.shape)}")
    stride = kernel_size if stride is None else stride
    w = windows_over(op, x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    if any(2 * p > k for p, k in zip(w.low + w.high, w.kernel * 2, strict=True)):
        raise ValueError(
            f"{op}: padding must be at most half of kernel_size {w.kernel}, got {padding}"
        )
    return w


def _combine(
    xp: Namespace,
    combine: Callable[[Array, Array], Array],
    x: Array,
    w: Windows,
    start: float,
) -> Array:
    """The elements of each window combined, one place in the kernel after the other."""
    if w.inside:
        parts = (x[(..., *w.shift(place)[1])] for place in w.places)
        return functools.reduce(combine, parts)
    y = xp.full((*x.shape[:2], *w.positions), start, dtype=x.dtype, device=x.device)
    for place in w.places:
        windows, elements = w.shift(place)
        y[(..., *windows)] = combine(y[(..., *windows)], x[(..., *elements)])
    return y


def _shares(
    xp: Namespace, x: Array, w: Windows, count_include_pad: bool, divisor_override: int | None
) -> Any:
    """What each element counts in its window: a number, or an array over the positions."""
    if divisor_override is not None:
        return 1.0 / divisor_override
    if w.inside:
        return 1.0 / math.prod(w.kernel)
    shares: Any = 1.0
    for axis, size in enumerate(w.size):
        first, end = (-w.low[axis], size + w.high[axis]) if count_include_pad else (0, size)
        n = w.positions[axis]
        start = xp.arange(n, dtype=x.dtype, device=x.device) * w.stride[axis] - w.low[axis]
        length = xp.minimum(start + w.kernel[axis], end) - xp.maximum(start, first)
        shares = shares / xp.reshape(length, (n, *(1,) * (len(w.size) - axis - 1)))
    return shares


def _output_size(x: Array, wanted: int | Sequence[int | None]) -> Shape:
    space = x.shape[2:]
    if x.ndim < 3 or 0 in space:
        raise ValueError(
            "adaptive_avg_pool: x must have the axes (N, C, *space), none of space empty, got "
            f"shape {tuple(x.shape)}"
        )
    if not isinstance(wanted, int):
        wanted = [old if new is None else new for old, new in zip(space, wanted, strict=False)] + [
            0 for _ in wanted[len(space) :]
        ]
    return per_axis("adaptive_avg_pool", "output_size", wanted, len(space), 1)


def _parts(size: int, n: int) -> list[slice]:
    return [slice(i * size // n, -(-(i + 1) * size // n)) for i in range(n)]


def _means(xp: Namespace, x: Array, axis: int, n: int) -> Array:
    before = (slice(None),) * axis
    parts = (x[(*before, part, ...)] for part in _parts(x.shape[axis], n))
    return xp.concat([xp.mean(part, axis=axis, keepdims=True) for part in parts], axis=axis)


def _spread_means(xp: Namespace, g: Array, axis: int, n: int, shape: Shape) -> Array:
    """The gradient of `_means`: each element of g goes in equal shares to those of its part."""
    x, before = xp.zeros(shape, dtype=g.dtype, device=g.device), (slice(None),) * axis
    for i, part in enumerate(_parts(shape[axis], n)):
        x[(*before, part, ...)] += g[(*before, slice(i, i + 1), ...)] * (
            1.0 / (part.stop - part.start)
        )
    return x
