"""Products built on `matmul` and sums: over several axes, and of vectors."""

from __future__ import annotations

from collections.abc import Sequence

from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.elementwise import binary
from nnkit.backends.opencl.layout import size_of
from nnkit.backends.opencl.manipulate import moveaxis, permute_dims, reshape
from nnkit.backends.opencl.matmul import matmul
from nnkit.backends.opencl.reduce import Plan, fold
from nnkit.backends.opencl.statistics import check
from nnkit.ops.common import normalize_axes


def tensordot(
    x1: Array, x2: Array, /, *, axes: int | tuple[Sequence[int], Sequence[int]] = 2
) -> Array:
    """Σ x1 x2 over pairs of axes: the last of x1 with the first of x2, or those named.

    Raises:
        ValueError: where a pair differs in length.
    """
    if isinstance(axes, int):
        if not 0 <= axes <= min(x1.ndim, x2.ndim):
            raise ValueError(
                f"tensordot: axes must be from 0 to {min(x1.ndim, x2.ndim)}, got {axes}"
            )
        first: Sequence[int] = range(x1.ndim - axes, x1.ndim)
        second: Sequence[int] = range(axes)
    else:
        first, second = axes[0], axes[1]
    ours = normalize_axes("tensordot", tuple(first), x1.ndim)
    theirs = normalize_axes("tensordot", tuple(second), x2.ndim)
    lengths = tuple(x1.shape[a] for a in ours)
    if lengths != tuple(x2.shape[a] for a in theirs):
        raise ValueError(
            f"tensordot: the axes {ours} of {x1.shape} and {theirs} of {x2.shape} must agree"
        )
    rows = [a for a in range(x1.ndim) if a not in ours]
    columns = [a for a in range(x2.ndim) if a not in theirs]
    inner, m = size_of(lengths), tuple(x1.shape[a] for a in rows)
    n = tuple(x2.shape[a] for a in columns)
    left = reshape(permute_dims(x1, (*rows, *ours)), (size_of(m), inner))
    right = reshape(permute_dims(x2, (*theirs, *columns)), (inner, size_of(n)))
    return reshape(matmul(left, right), (*m, *n))


def vecdot(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    """Σ x1 x2 over one axis that both have, counted from the end; the others broadcast."""
    check("vecdot", x1, "iuf")
    check("vecdot", x2, "iuf")
    if not -min(x1.ndim, x2.ndim) <= axis < 0:
        raise ValueError(f"vecdot: axis must be in [{-min(x1.ndim, x2.ndim)}, -1], got {axis}")
    if x1.shape[axis] != x2.shape[axis]:
        raise ValueError(f"vecdot: axis {axis} of {x1.shape} and {x2.shape} must agree")
    product = binary("multiply", moveaxis(x1, axis, -1), moveaxis(x2, axis, -1))
    return fold(Plan("sum", product.dtype), product, -1, False, product.dtype)
