"""Every name of the array API standard, bound to a device function or to the host.

`xp.py` makes a module of the table below; here the builtins still mean what they say.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import array_api_compat.numpy
import numpy as np

from nnkit.backends.opencl import create, elementwise, manipulate, reduce
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dtypes import ALL, BOOL, INT64, DType, promote
from nnkit.backends.opencl.host import host_only, on_device_or_host
from nnkit.backends.opencl.matmul import matmul
from nnkit.backends.opencl.queue import Queue
from nnkit.errors import KernelUnavailable
from nnkit.typing import Axis

host: Any = array_api_compat.numpy

# -- reductions ------------------------------------------------------------------------------------


def _numbers(name: str, x: Array, kinds: str) -> None:
    if x.dtype.kind not in kinds:
        raise KernelUnavailable(f"{name} has no kernel for {x.dtype}")


def _widened(x: Array, dtype: DType | None) -> DType:
    """Sums of integers are 64 bits wide, unsigned ones unsigned."""
    if dtype is not None:
        return np.dtype(dtype)
    return ALL["uint64"] if x.dtype.kind == "u" else INT64 if x.dtype.kind in "ib" else x.dtype


def _accumulate(name: str) -> Callable[..., Array]:
    def fold(
        x: Array, /, *, axis: Axis = None, dtype: DType | None = None, keepdims: bool = False
    ) -> Array:
        _numbers(name, x, "iuf")
        wide = _widened(x, dtype)
        return reduce.fold(name, x, axis, keepdims, work=wide, gives=wide)

    return fold


def _extreme(name: str) -> Callable[..., Array]:
    def fold(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
        _numbers(name, x, "iuf")
        return reduce.fold(name, x, axis, keepdims, work=x.dtype, gives=x.dtype)

    return fold


def _truth(name: str) -> Callable[..., Array]:
    def fold(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
        bools = x if x.dtype == BOOL else elementwise.cast(x, BOOL)
        return reduce.fold(name, bools, axis, keepdims, work=BOOL, gives=BOOL)

    return fold


def _mean(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    _numbers("mean", x, "f")
    return reduce.fold("sum", x, axis, keepdims, work=x.dtype, gives=x.dtype, mean=True)


def _find(name: str) -> Callable[..., Array]:
    def find(x: Array, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
        _numbers(name, x, "iuf")
        return reduce.find(name, x, axis, keepdims)

    return find


# -- dtypes ----------------------------------------------------------------------------------------


def astype(x: Array, dtype: DType, /, *, copy: bool = True, device: Queue | None = None) -> Array:
    """The values in another dtype."""
    wanted = create.check_dtype(x.device, dtype)
    return x if wanted == x.dtype and not copy else elementwise.cast(x, wanted)


def result_type(*items: Any) -> DType:
    """The dtype in which arrays and dtypes meet; Python numbers take it."""
    dtypes = [getattr(i, "dtype", i) for i in items if not isinstance(i, bool | int | float)]
    return functools.reduce(promote, dtypes)


def isdtype(dtype: DType, kind: Any) -> bool:
    """Whether `dtype` is of a kind, as in the standard."""
    return bool(host.isdtype(np.dtype(dtype), kind))


def can_cast(x: Any, to: DType, /) -> bool:
    """Whether values of x fit `to` by the promotion tables."""
    try:
        return promote(getattr(x, "dtype", x), to) == to
    except TypeError:
        return False


# -- the table -------------------------------------------------------------------------------------

CREATION = {
    **{n: getattr(create, n) for n in ("asarray", "empty", "full", "zeros", "ones", "arange")},
    **{n: create.host_made(n) for n in ("linspace", "eye")},
}
_DEVICE: dict[str, Callable[..., Any]] = {
    **{n: functools.partial(elementwise.unary, n) for n in elementwise.UNARY},
    **{n: functools.partial(elementwise.binary, n) for n in elementwise.BINARY},
    **{n: _accumulate(n) for n in ("sum", "prod")},
    **{n: _extreme(n) for n in ("max", "min")},
    **{n: _truth(n) for n in ("any", "all")},
    **{n: _find(n) for n in ("argmax", "argmin")},
    "mean": _mean,
    "where": elementwise.where,
    "matmul": matmul,
    "astype": astype,
    "concat": manipulate.concat,
    "stack": manipulate.stack,
    "reshape": manipulate.reshape,
}
_VIEWS = (
    "permute_dims", "matrix_transpose", "moveaxis", "expand_dims", "squeeze", "flip",
    "broadcast_to", "broadcast_arrays", "unstack",
)  # fmt: skip
_HOST_ONLY = (
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_left_shift",
    "bitwise_right_shift", "clip", "conj", "copysign", "cosh", "count_nonzero", "cumulative_prod",
    "cumulative_sum", "diff", "floor_divide", "hypot", "imag", "logaddexp", "meshgrid", "nextafter",
    "nonzero", "real", "reciprocal", "remainder", "repeat", "roll", "searchsorted", "signbit",
    "sinh", "sort", "argsort", "std", "take", "take_along_axis", "tensordot", "tile", "tril",
    "triu", "unique_all", "unique_counts", "unique_inverse", "unique_values", "var", "vecdot",
)  # fmt: skip


def names() -> dict[str, Any]:
    """The namespace as a table; creation functions want their device by keyword."""
    table: dict[str, Any] = {**ALL, "finfo": host.finfo, "iinfo": host.iinfo}
    table.update(isdtype=isdtype, result_type=result_type, can_cast=can_cast)
    table.update(e=np.e, inf=np.inf, nan=np.nan, pi=np.pi, newaxis=None)
    table.update({n: getattr(manipulate, n) for n in _VIEWS})
    table.update({n: host_only(n) for n in _HOST_ONLY})
    table.update({n: on_device_or_host(n, f) for n, f in _DEVICE.items()})
    table.update(CREATION)
    for like in ("empty", "full", "zeros", "ones"):
        table[f"{like}_like"] = _like(CREATION[like])
    return table


def _like(make: Callable[..., Array]) -> Callable[..., Array]:
    def like(
        x: Array, /, *value: Any, dtype: DType | None = None, device: Queue | None = None
    ) -> Array:
        return make(x.shape, *value, dtype=dtype or x.dtype, device=device or x.device)

    return like
