"""The statistical functions, and the other reductions, of the standard: dtypes and rules."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nnkit.backends.opencl import elementwise, reduce
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dtypes import ALL, BOOL, INT64, DType
from nnkit.backends.opencl.layout import size_of
from nnkit.backends.opencl.reduce import Plan
from nnkit.errors import KernelUnavailable
from nnkit.typing import Axis

Reduction = Callable[..., Array]


def check(name: str, x: Array, kinds: str) -> None:
    """Refuse dtypes that the standard does not give to a function; complex ones go to the host.

    Args:
        name: the function.
        x: its array.
        kinds: letters of NumPy's dtype kinds that have kernels.
    """
    if x.dtype.kind == "c":
        raise KernelUnavailable(f"{name} has no kernel for {x.dtype}")
    if x.dtype.kind not in kinds:
        wanted = "floating" if kinds == "f" else "numeric"
        raise TypeError(f"{name} takes {wanted} arrays, got {x.dtype}. Fix: convert with astype.")


def widened(dtype: DType, wanted: DType | None) -> DType:
    """`wanted`, else 64 bits for integers (uint64 for unsigned ones), else the array's own."""
    if wanted is not None:
        return np.dtype(wanted)
    return ALL["uint64"] if dtype.kind == "u" else INT64 if dtype.kind == "i" else dtype


def converted(x: Array, dtype: DType) -> Array:
    """x, or its copy in `dtype` where a kernel would not convert its elements by itself."""
    if dtype.kind == "c":
        raise KernelUnavailable(f"no kernel accumulates in {dtype}")
    return elementwise.cast(x, dtype) if x.dtype.kind == "f" and dtype.kind in "iu" else x


def _accumulate(name: str) -> Reduction:
    def call(
        x: Array, /, *, axis: Axis = None, dtype: DType | None = None, keepdims: bool = False
    ) -> Array:
        check(name, x, "iuf")
        wide = widened(x.dtype, dtype)
        return reduce.fold(Plan(name, wide), converted(x, wide), axis, keepdims, wide)

    return call


def _extreme(name: str) -> Reduction:
    def call(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
        check(name, x, "iuf")
        return reduce.fold(Plan(name, x.dtype), x, axis, keepdims, x.dtype)

    return call


def _truth(name: str) -> Reduction:
    def call(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
        return reduce.fold(Plan(name, BOOL, "truth"), x, axis, keepdims, BOOL)

    return call


def _find(name: str) -> Reduction:
    def call(x: Array, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
        check(name, x, "iuf")
        return reduce.find(name, x, axis, keepdims)

    return call


def count_nonzero(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """How many elements are not zero, as int64."""
    return reduce.fold(Plan("sum", INT64, "truth"), x, axis, keepdims, INT64)


def mean(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """The sum over `axis` divided by the number of elements."""
    check("mean", x, "f")
    plan = Plan("sum", x.dtype, divisor=_count("mean", x, axis))
    return reduce.fold(plan, x, axis, keepdims, x.dtype)


def var(
    x: Array, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False
) -> Array:
    """Σ (x - mean)² / (N - correction); infinite or NaN where N <= correction, as in NumPy."""
    check("var", x, "f")
    apart = elementwise.binary("subtract", x, mean(x, axis=axis, keepdims=True))
    plan = Plan("sum", x.dtype, "square", max(_count("var", x, axis) - correction, 0.0))
    return reduce.fold(plan, apart, axis, keepdims, x.dtype)


def std(
    x: Array, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False
) -> Array:
    """The square root of `var`."""
    check("std", x, "f")
    return elementwise.unary("sqrt", var(x, axis=axis, correction=correction, keepdims=keepdims))


def _count(name: str, x: Array, axis: Axis) -> float:
    return float(size_of(tuple(x.shape[a] for a in reduce.reduced_axes(name, axis, x.ndim))))


REDUCTIONS: dict[str, Reduction] = {
    **{n: _accumulate(n) for n in ("sum", "prod")},
    **{n: _extreme(n) for n in ("max", "min")},
    **{n: _truth(n) for n in ("any", "all")},
    **{n: _find(n) for n in ("argmax", "argmin")},
    "count_nonzero": count_nonzero,
    "mean": mean,
    "var": var,
    "std": std,
}
"""Every reduction of the standard, by name."""
