"""Every name of the array API standard, bound to a device function or to the host.

`xp.py` makes a module of the table below; here the builtins still mean what they say.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from nnkit.backends.opencl import (
    create,
    dtype_functions,
    elementwise,
    extensions,
    indexing,
    manipulate,
    products,
    scan,
    sequences,
    signatures,
    statistics,
    words,
)
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dlpack import from_dlpack
from nnkit.backends.opencl.dtypes import ALL, DType
from nnkit.backends.opencl.host import host_only, on_device_or_host
from nnkit.backends.opencl.inspection import Info, default_device
from nnkit.backends.opencl.matmul import matmul
from nnkit.backends.opencl.queue import Queue
from nnkit.backends.opencl.repeat import repeat
from nnkit.backends.opencl.search import searchsorted

# -- the table -------------------------------------------------------------------------------------

CREATION: dict[str, Callable[..., Array]] = {
    "asarray": create.asarray,
    "empty": create.empty,
    "from_dlpack": from_dlpack,
    **{
        make.__name__: create.on_device_or_made_on_host(make)
        for make in (
            create.full, create.zeros, create.ones,
            sequences.arange, sequences.linspace, sequences.eye,
        )
    },
}  # fmt: skip
_DEVICE: dict[str, Callable[..., Any]] = {
    **{n: functools.partial(elementwise.unary, n) for n in elementwise.UNARY},
    **{n: functools.partial(elementwise.binary, n) for n in elementwise.BINARY},
    **statistics.REDUCTIONS,
    **elementwise.TERNARY,
    "matmul": matmul,
    "astype": dtype_functions.astype,
    "real": words.real,
    "imag": words.imag,
    **{n: getattr(manipulate, n) for n in ("concat", "stack", "reshape", "roll", "tile")},
    **{n: getattr(sequences, n) for n in ("tril", "triu", "meshgrid")},
    **{n: scan.cumulative(n) for n in ("cumulative_sum", "cumulative_prod")},
    "repeat": repeat,
    "diff": scan.diff,
    "searchsorted": searchsorted,
    "tensordot": products.tensordot,
    "vecdot": products.vecdot,
    "take": indexing.take,
    "take_along_axis": indexing.take_along_axis,
    "nonzero": indexing.nonzero,
}
_OF_DTYPES = ("can_cast", "finfo", "iinfo", "isdtype", "result_type")
_VIEWS = (
    "permute_dims", "matrix_transpose", "moveaxis", "expand_dims", "squeeze", "flip",
    "broadcast_to", "broadcast_arrays", "unstack",
)  # fmt: skip
_HOST_ONLY = (
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_left_shift",
    "bitwise_right_shift", "clip", "conj", "copysign", "cosh",
    "floor_divide", "hypot", "logaddexp", "nextafter",
    "reciprocal", "remainder", "signbit",
    "sinh", "sort", "argsort",
    "unique_all", "unique_counts", "unique_inverse", "unique_values",
)  # fmt: skip


def names(device: Queue | None) -> dict[str, Any]:
    """The namespace as a table; `device` is where arrays are made, or None for the default one."""
    table: dict[str, Any] = {**ALL}
    table.update({n: getattr(dtype_functions, n) for n in _OF_DTYPES})
    table.update(e=np.e, inf=np.inf, nan=np.nan, pi=np.pi, newaxis=None)
    table.update({n: getattr(manipulate, n) for n in _VIEWS})
    table.update({n: host_only(n) for n in _HOST_ONLY})
    table.update({n: on_device_or_host(n, f) for n, f in _DEVICE.items()})
    table.update({n: _with_default(make, device) for n, make in CREATION.items()})
    for like in ("empty", "full", "zeros", "ones"):
        table[f"{like}_like"] = _like(CREATION[like])
    table["__array_namespace_info__"] = lambda: Info(device)
    signatures.give(table, signatures.MAIN)
    table["linalg"] = extensions.linalg(table)
    table["fft"] = extensions.fft(lambda make: _with_default(make, device))
    return table


def _with_default(make: Callable[..., Array], default: Queue | None) -> Callable[..., Array]:
    """`make` with a device that may be left out; an array given keeps its own."""

    @functools.wraps(make)
    def create_on(*args: Any, device: Queue | None = None, **options: Any) -> Array:
        if device is None and args and isinstance(args[0], Array):
            device = args[0].device
        return make(*args, device=device or default or default_device(), **options)

    return create_on


def _like(make: Callable[..., Array]) -> Callable[..., Array]:
    def like(
        x: Array, /, *value: Any, dtype: DType | None = None, device: Queue | None = None
    ) -> Array:
        return make(x.shape, *value, dtype=dtype or x.dtype, device=device or x.device)

    return like
