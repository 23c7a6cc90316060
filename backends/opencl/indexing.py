"""x[key] and x[key] = value where arrays are in the key, by the kernels of `kernels/index.cl`.

Integers of an index array are not checked, because that would wait for the device: one outside its
axis is taken as the nearest inside, and memory outside of x is never touched. Where an assignment
names an element twice, one of the values stays. Masks, whose result depends on how many elements
are set, wait for the device; `x[mask] = number` does not.
"""

from __future__ import annotations

from typing import Any

from nnkit.backends.opencl import elementwise, keys
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dtypes import BOOL
from nnkit.backends.opencl.layout import Strides, broadcast_shapes, broadcast_strides
from nnkit.backends.opencl.places import move, positions, set_positions, unravel
from nnkit.backends.opencl.words import from_words, words
from nnkit.ops.common import normalize_axes
from nnkit.typing import Shape


def get(x: Array, key: Any) -> Array:
    """A new array of the elements that the key picks."""
    source, picked = _pick(x, key)
    at = _distances(picked)
    shape, strides, steps = _result(picked, at)
    y = Array.empty(x.device, shape, source.dtype)
    view = source.view(shape, strides, picked.offset)
    move("gather", view, at.view(shape, steps), y)
    return from_words(y, x.dtype)


def put(x: Array, key: Any, value: Array) -> None:
    """x[key] = value; the value is broadcast, and converted to x's dtype.

    Raises:
        ValueError: for a value whose shape does not fit.
    """
    if value.size == 1 and isinstance(key, Array) and key.dtype == BOOL and key.ndim == x.ndim:
        _put_one(x, key, value)
        return
    target, picked = _pick(x, key)
    at = _distances(picked)
    shape, strides, steps = _result(picked, at)
    source = words(value if value.dtype == x.dtype else elementwise.cast(value, x.dtype))
    while source.ndim > len(shape) and source.shape[0] == 1:
        source = source.view(source.shape[1:], source.strides[1:])
    source = source.view(shape, broadcast_strides(source.shape, source.strides, shape))
    if source.block is x.block:
        source = elementwise.cast(source, source.dtype)
    move("scatter", target.view(shape, strides, picked.offset), at.view(shape, steps), source)


def _put_one(x: Array, mask: Array, value: Array) -> None:
    """x[mask] = number: no element needs to know how many stand before it."""
    keys.read(x, keys.full_key(mask, x.shape, x.device))  # raises for a mask of another shape
    if mask.shape != x.shape:
        return
    target = words(x)
    one = words(value if value.dtype == x.dtype else elementwise.cast(value, x.dtype))
    if target.ndim > x.ndim:  # both words of a number follow its mask
        one = one.view((2,), (1,))
        mask = mask.view((*mask.shape, 1), (*mask.strides, 0))
    else:
        one = one.view((), ())
    if one.block is x.block:
        one = elementwise.cast(one, one.dtype)
    elementwise.launch("where", [mask, one, target], target, target.dtype)


def take(x: Array, indices: Array, /, *, axis: int | None = None) -> Array:
    """The elements of x at `indices` along an axis, which only a vector may leave out."""
    if axis is None and x.ndim != 1:
        raise ValueError(f"take: an array of {x.ndim} axes needs `axis`")
    _integers("take", indices)
    (at,) = normalize_axes("take", 0 if axis is None else axis, x.ndim)
    return get(x, (*(slice(None),) * at, indices))


def take_along_axis(x: Array, indices: Array, /, *, axis: int = -1) -> Array:
    """y[i, j, k] = x[indices[i, j, k], j, k] for axis 0; the other axes are broadcast."""
    _integers("take_along_axis", indices)
    elementwise.same_device("take_along_axis", x, indices)
    if indices.ndim != x.ndim:
        raise ValueError(
            f"take_along_axis: x and indices must have as many axes, got {x.ndim} and "
            f"{indices.ndim}"
        )
    (along,) = normalize_axes("take_along_axis", axis, x.ndim)
    if indices.size and x.shape[along] == 0:
        raise IndexError(f"take_along_axis: axis {along} has no elements to pick")
    source = words(x)
    at = positions(indices, x.shape[along], source.strides[along])
    extra = source.shape[x.ndim :]
    at = at.view((*at.shape, *(1 for _ in extra)), (*at.strides, *(0 for _ in extra)))
    rest = (*source.shape[:along], 1, *source.shape[along + 1 :])
    shape = broadcast_shapes(rest, at.shape)
    y = Array.empty(x.device, shape, source.dtype)
    view = source.view(shape, broadcast_strides(rest, source.strides, shape))
    move("gather", view, at.view(shape, broadcast_strides(at.shape, at.strides, shape)), y)
    return from_words(y, x.dtype)


def nonzero(x: Array, /) -> tuple[Array, ...]:
    """For each axis, where the elements are that differ from zero, in row-major order."""
    if x.ndim == 0:
        raise ValueError("nonzero: the array must have an axis")
    flat = set_positions(x if x.dtype == BOOL else elementwise.cast(x, BOOL))
    axes = range(x.ndim)
    return tuple(unravel(flat, x.shape, tuple(int(a == b) for b in axes)) for a in axes)


def _integers(name: str, indices: Array) -> None:
    if indices.dtype.kind not in "iu":
        raise TypeError(f"{name}: the indices must be integers, got {indices.dtype}")


# -- where elements lie ----------------------------------------------------------------------------


def _pick(x: Array, key: Any) -> tuple[Array, keys.Picked]:
    """x as words, and the key read for them."""
    parts = keys.full_key(key, x.shape, x.device)
    source = words(x)
    return source, keys.read(source, parts)


def _distances(picked: keys.Picked) -> Array:
    """What the index arrays add to an element's place in memory, broadcast with each other."""
    found = [_distance(*item) for item in picked.arrays]
    total = found[0]
    try:
        broadcast_shapes(*(at.shape for at in found))
    except ValueError as error:
        raise IndexError(f"index arrays: {error}") from None
    for other in found[1:]:
        total = elementwise.binary("add", total, other)
    return total


def _distance(index: Array, lengths: Shape, strides: Strides) -> Array:
    if index.dtype != BOOL:
        return positions(index, lengths[0], strides[0])
    # A mask without axes picks all of x, once or not at all.
    mask = index.view((1,), (0,)) if index.ndim == 0 else index
    return unravel(set_positions(mask), lengths or (1,), strides or (0,))


def _result(picked: keys.Picked, at: Array) -> tuple[Shape, Strides, Strides]:
    """The shape of the result, with the strides in it of x and of the distances."""
    before, after = slice(None, picked.place), slice(picked.place, None)
    kept, strides = picked.shape, picked.strides
    shape = (*kept[before], *at.shape, *kept[after])
    none = (0,) * at.ndim
    steps = (*(0 for _ in kept[before]), *at.strides, *(0 for _ in kept[after]))
    return shape, (*strides[before], *none, *strides[after]), steps
