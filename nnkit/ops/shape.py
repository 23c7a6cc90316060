"""Operations that move elements without changing them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

from nnkit.dispatch import Result, op, op_of_several
from nnkit.ops.common import framed, normalize_axes, resolve_shape, sum_to
from nnkit.typing import Array, DType, Namespace, Needs

__all__ = [
    "astype",
    "broadcast_to",
    "concat",
    "flatten",
    "pad",
    "permute",
    "reshape",
    "split",
    "stack",
]


@op
def reshape(xp: Namespace, x: Array, *, needs: Needs, shape: Sequence[int]) -> Result:
    """The same elements in row-major order in another shape; one length may be -1.

    >>> import nnkit
    >>> nnkit.ops.reshape(nnkit.tensor([1.0, 2.0, 3.0, 4.0]), shape=(2, -1)).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    target = resolve_shape("reshape", shape, math.prod(x.shape))
    before = x.shape
    return xp.reshape(x, target), (lambda g: (xp.reshape(g, before),)) if needs[0] else None


@op
def flatten(
    xp: Namespace, x: Array, *, needs: Needs, start_dim: int = 0, end_dim: int = -1
) -> Result:
    """Axes `start_dim` to `end_dim` (both included) joined into one.

    >>> import nnkit
    >>> nnkit.ops.flatten(nnkit.tensor([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    before = x.shape
    if x.ndim == 0:
        target: tuple[int, ...] = (1,)
    else:
        first, last = normalize_axes("flatten", (start_dim, end_dim), x.ndim)
        if first > last:
            raise ValueError(f"flatten: start_dim {start_dim} lies behind end_dim {end_dim}")
        target = (*before[:first], math.prod(before[first : last + 1]), *before[last + 1 :])
    return xp.reshape(x, target), (lambda g: (xp.reshape(g, before),)) if needs[0] else None


@op
def permute(xp: Namespace, x: Array, *, needs: Needs, axes: Sequence[int]) -> Result:
    """The axes in another order: y.shape[i] = x.shape[axes[i]].

    >>> import nnkit
    >>> nnkit.ops.permute(nnkit.tensor([[1.0, 2.0], [3.0, 4.0]]), axes=(1, 0)).tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    """
    order = normalize_axes("permute", axes, x.ndim)
    if sorted(order) != list(range(x.ndim)):
        raise ValueError(f"permute: axes must name each of {x.ndim} axes once, got {tuple(axes)}")
    inverse = tuple(sorted(range(x.ndim), key=order.__getitem__))
    y = xp.permute_dims(x, order)
    return y, (lambda g: (xp.permute_dims(g, inverse),)) if needs[0] else None


@op
def broadcast_to(xp: Namespace, x: Array, *, needs: Needs, shape: Sequence[int]) -> Result:
    """x repeated along new axes and axes of length 1.

    >>> import nnkit
    >>> nnkit.ops.broadcast_to(nnkit.tensor([1.0, 2.0]), shape=(2, 2)).tolist()
    [[1.0, 2.0], [1.0, 2.0]]
    """
    y = xp.broadcast_to(x, tuple(shape))
    return y, (lambda g: (sum_to(xp, g, x),)) if needs[0] else None


@op
def pad(xp: Namespace, x: Array, *, needs: Needs, pad: Sequence[int], value: float = 0.0) -> Result:
    """x in a frame of `value`.

    `pad` says how wide it is before and behind the last axis, then the last but one, and so on:
    (left, right, top, bottom) for images. Axes that it does not name stay as they are.

    >>> import nnkit
    >>> nnkit.ops.pad(nnkit.tensor([1.0, 2.0]), pad=(1, 2)).tolist()
    [0.0, 1.0, 2.0, 0.0, 0.0]
    """
    if len(pad) % 2 or len(pad) > 2 * x.ndim or any(p < 0 for p in pad):
        raise ValueError(
            f"pad: pad must hold two numbers of at least 0 for each of {x.ndim} axes or fewer, "
            f"from the last one on, got {tuple(pad)}"
        )
    rest = (0,) * (x.ndim - len(pad) // 2)
    y, inside = framed(xp, x, (*rest, *pad[-2::-2]), (*rest, *pad[::-2]), value)
    return y, (lambda g: (g[inside],)) if needs[0] else None


@op
def concat(xp: Namespace, *arrays: Array, needs: Needs, axis: int = 0) -> Result:
    """The arrays one after the other along an axis that they have.

    >>> import nnkit
    >>> nnkit.ops.concat(nnkit.tensor([1.0]), nnkit.tensor([2.0, 3.0])).tolist()
    [1.0, 2.0, 3.0]
    """
    (axis,) = normalize_axes("concat", axis, arrays[0].ndim)
    lengths = [a.shape[axis] for a in arrays]

    def vjp(g: Array) -> tuple[Array | None, ...]:
        before = (slice(None),) * axis
        parts: list[Array | None] = []
        start = 0
        for length, need in zip(lengths, needs, strict=True):
            parts.append(g[(*before, slice(start, start + length), ...)] if need else None)
            start += length
        return tuple(parts)

    return xp.concat(arrays, axis=axis), vjp if any(needs) else None


@op_of_several
def split(xp: Namespace, x: Array, *, needs: Needs, sizes: Sequence[int], axis: int = 0) -> Result:
    """The parts of x, of these lengths, along an axis: what concat would join again.

    >>> import nnkit
    >>> [part.tolist() for part in nnkit.ops.split(nnkit.tensor([1.0, 2.0, 3.0]), sizes=(1, 2))]
    [[1.0], [2.0, 3.0]]
    """
    (axis,) = normalize_axes("split", axis, x.ndim)
    if sum(sizes) != x.shape[axis] or any(n < 0 for n in sizes):
        raise ValueError(
            f"split: sizes must add up to the length {x.shape[axis]} of axis {axis}, got "
            f"{tuple(sizes)}"
        )
    before, ends = (slice(None),) * axis, list(accumulate(sizes))
    parts = tuple(
        x[(*before, slice(end - n, end), ...)] for n, end in zip(sizes, ends, strict=True)
    )
    return parts, (lambda g: (xp.concat(g, axis=axis),)) if needs[0] else None


@op
def stack(xp: Namespace, *arrays: Array, needs: Needs, axis: int = 0) -> Result:
    """The arrays, all of one shape, side by side along a new axis.

    >>> import nnkit
    >>> nnkit.ops.stack(nnkit.tensor([1.0, 2.0]), nnkit.tensor([3.0, 4.0])).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    (axis,) = normalize_axes("stack", axis, arrays[0].ndim + 1)

    def vjp(g: Array) -> tuple[Array | None, ...]:
        before = (slice(None),) * axis
        return tuple(g[(*before, i, ...)] if need else None for i, need in enumerate(needs))

    return xp.stack(arrays, axis=axis), vjp if any(needs) else None


@op
def astype(xp: Namespace, x: Array, *, needs: Needs, dtype: DType) -> Result:
    """The same values in another dtype; the gradient goes back in the first one.

    >>> import nnkit
    >>> nnkit.ops.astype(nnkit.tensor([1.5, 2.5]), dtype="int32").tolist()
    [1, 2]
    """
    target = getattr(xp, dtype) if isinstance(dtype, str) else dtype
    before = x.dtype
    wants = needs[0] and xp.isdtype(target, "real floating")
    y = xp.astype(x, target, copy=False)
    return y, (lambda g: (xp.astype(g, before, copy=False),)) if wants else None


for _view in (reshape, flatten, permute, broadcast_to, split):
    _view.is_view = True
