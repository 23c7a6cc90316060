"""The standard's functions of dtypes: casts, what promotes to what, limits of numbers."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import array_api_compat.numpy
import numpy as np

from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.create import check_dtype
from nnkit.backends.opencl.dtypes import ALL, DType, beside_scalar, promote
from nnkit.backends.opencl.elementwise import cast
from nnkit.backends.opencl.queue import Queue

host: Any = array_api_compat.numpy


def astype(x: Array, dtype: DType, /, *, copy: bool = True, device: Queue | None = None) -> Array:
    """The values in another dtype, on `device` if it is named.

    Raises:
        TypeError: for complex numbers that would become real.
    """
    at = device or x.device
    wanted = check_dtype(at, dtype)
    if wanted == x.dtype and (not copy or at is not x.device):
        return x.to_device(at)
    return cast(x, wanted).to_device(at)


def result_type(*items: Any) -> DType:
    """The dtype in which arrays, dtypes and Python numbers meet.

    Raises:
        TypeError: for kinds that do not mix.
        ValueError: for numbers alone.
    """
    numbers = [item for item in items if type(item) in (bool, int, float, complex)]
    dtypes = [_dtype_of(item) for item in items if type(item) not in (bool, int, float, complex)]
    if not dtypes:
        raise ValueError("result_type: one argument must be an array or a dtype")
    dtype: DType = functools.reduce(beside_scalar, numbers, functools.reduce(promote, dtypes))
    return dtype


def can_cast(from_: Any, to: DType, /) -> bool:
    """Whether values of an array or dtype fit `to` by the promotion tables."""
    try:
        return promote(_dtype_of(from_), np.dtype(to)) == to
    except TypeError:
        return False


def isdtype(dtype: DType, kind: Any) -> bool:
    """Whether a dtype is of a kind ('integral', …), of one of several, or the dtype `kind`."""
    return bool(host.isdtype(np.dtype(dtype), kind))


def _dtype_of(item: Any) -> DType:
    """The dtype of an array, or the dtype itself.

    Raises:
        TypeError: for one outside the standard.
    """
    dtype: DType = np.dtype(getattr(item, "dtype", item))
    if dtype.name not in ALL:
        raise TypeError(f"dtype {dtype} is not one of the array API standard: {', '.join(ALL)}")
    return dtype


@dataclass(frozen=True)
class FloatLimits:
    """The limits of a floating dtype, of its parts if it is complex; Python numbers."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: DType


@dataclass(frozen=True)
class IntegerLimits:
    """The limits of an integer dtype."""

    bits: int
    max: int
    min: int
    dtype: DType


def finfo(type: Any, /) -> FloatLimits:
    """The limits of a floating or complex dtype, or of an array's."""
    info: Any = np.finfo(_dtype_of(type))
    return FloatLimits(
        bits=info.bits,
        eps=float(info.eps),
        max=float(info.max),
        min=float(info.min),
        smallest_normal=float(info.smallest_normal),
        dtype=np.dtype(info.dtype),
    )


def iinfo(type: Any, /) -> IntegerLimits:
    """The limits of an integer dtype, or of an array's."""
    dtype = _dtype_of(type)
    info = np.iinfo(dtype)
    return IntegerLimits(info.bits, int(info.max), int(info.min), dtype)
