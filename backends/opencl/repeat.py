"""Repeating elements in their places."""

from __future__ import annotations

from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.elementwise import cast
from nnkit.backends.opencl.indexing import take
from nnkit.backends.opencl.manipulate import broadcast_to, repeated, reshape
from nnkit.backends.opencl.scan import cumulative
from nnkit.backends.opencl.search import searchsorted
from nnkit.backends.opencl.sequences import arange
from nnkit.ops.common import normalize_axes


def repeat(x: Array, repeats: int | Array, /, *, axis: int | None = None) -> Array:
    """Each element repeated in its place; `repeats` is one number, or one for each element.

    An array of counts is added up on the device; its sum is read, because it is the new length.
    """
    if axis is None:
        return repeat(reshape(x, (-1,)), repeats, axis=0)
    (at,) = normalize_axes("repeat", axis, x.ndim)
    if not isinstance(repeats, Array):
        y = repeated(x, at, at + 1, int(repeats))
        return cast(y, x.dtype) if y.block is x.block else y
    if repeats.dtype.kind not in "iu":
        raise TypeError(f"repeat: counts must be integers, got {repeats.dtype}")
    counts = broadcast_to(repeats, (x.shape[at],))
    ends = cumulative("cumulative_sum")(counts)
    total = int(ends[-1]) if ends.size else 0
    places = arange(total, device=x.device, dtype=ends.dtype)
    return take(x, searchsorted(ends, places, side="right"), axis=at)
