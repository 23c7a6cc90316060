"""Making arrays: from host data, by value, and like others."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from nnkit import counters
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dtypes import ALL, FLOAT32, INT64, DType
from nnkit.backends.opencl.elementwise import cast, constant, copy_into
from nnkit.backends.opencl.queue import Queue
from nnkit.errors import KernelUnavailable
from nnkit.typing import Shape


def check_dtype(device: Queue, dtype: DType) -> DType:
    """The dtype, if the device computes in it.

    Raises:
        TypeError: for float64 on a device without it, and for dtypes outside the standard.
    """
    dtype = np.dtype(dtype)
    if dtype.name not in ALL:
        raise TypeError(f"dtype {dtype} is not one of the array API standard: {', '.join(ALL)}")
    if dtype.name in ("float64", "complex128") and not device.float64:
        raise TypeError(
            f"{device.name} does not compute in float64. Fix: use float32, or another backend."
        )
    return dtype


def asarray(
    obj: Any, /, *, device: Queue, dtype: DType | None = None, copy: bool | None = None
) -> Array:
    """An array from numbers, nested lists, a NumPy array or another array."""
    if isinstance(obj, Array):
        wanted = obj.dtype if dtype is None else check_dtype(obj.device, dtype)
        if device is not obj.device:
            raise ValueError(f"asarray: the array is on {obj.device.name}; move it by to_device")
        if wanted == obj.dtype and not copy:
            return obj
        if copy is False:
            raise ValueError(f"asarray: {obj.dtype} becomes {wanted} only with a copy")
        return cast(obj, wanted)
    if copy is False:
        return _shared(obj, device, dtype)
    if dtype is None and not hasattr(obj, "dtype"):
        dtype = _default(np.asarray(obj).dtype)
    data = np.asarray(obj, dtype=dtype)
    check_dtype(device, data.dtype)
    return Array.from_numpy(device, data)


def _shared(obj: Any, device: Queue, dtype: DType | None) -> Array:
    """An array in the memory of a NumPy array, which a CPU device can use as it lies."""
    plain = isinstance(obj, np.ndarray) and dtype in (None, obj.dtype)
    shared = Array.sharing(device, obj) if plain and check_dtype(device, obj.dtype) else None
    if shared is None:
        raise ValueError("asarray: this host data reaches the device only with a copy")
    return shared


def _default(dtype: DType) -> DType:
    """float32 for Python floats, complex64 for complex; integers and bools as they are."""
    return {"f": FLOAT32, "c": ALL["complex64"], "i": INT64}.get(dtype.kind, dtype)


def empty(shape: int | Shape, *, device: Queue, dtype: DType | None = None) -> Array:
    """An array whose elements are not set."""
    return Array.empty(device, _shape(shape), check_dtype(device, dtype or FLOAT32))


def full(shape: int | Shape, value: Any, *, device: Queue, dtype: DType | None = None) -> Array:
    """An array of one value."""
    if dtype is None:
        dtype = value.dtype if isinstance(value, Array) else _default(np.asarray(value).dtype)
    y = empty(shape, device=device, dtype=dtype)
    if isinstance(value, Array):
        copy_into(y, value)
    else:
        copy_into(y, constant(device, np.asarray(value, y.dtype).item(), y.dtype))
    return y


def zeros(shape: int | Shape, *, device: Queue, dtype: DType | None = None) -> Array:
    """An array of zeros."""
    return full(shape, 0, device=device, dtype=dtype or FLOAT32)


def ones(shape: int | Shape, *, device: Queue, dtype: DType | None = None) -> Array:
    """An array of ones."""
    return full(shape, 1, device=device, dtype=dtype or FLOAT32)


def on_device_or_made_on_host(make: Callable[..., Array]) -> Callable[..., Array]:
    """`make`, or NumPy's function of that name where its kernel is unavailable."""
    name = make.__name__

    @functools.wraps(make)
    def create(*args: Any, device: Queue, dtype: DType | None = None, **options: Any) -> Array:
        try:
            return make(*args, device=device, dtype=dtype, **options)
        except KernelUnavailable as error:
            counters.fell_back(name, str(dtype), f"opencl ({device.name})", str(error))
            values = [a.numpy() if isinstance(a, Array) else a for a in args]
            made = np.asarray(getattr(np, name)(*values, **options))
            wanted = _default(made.dtype) if dtype is None else np.dtype(dtype)
            return asarray(made.astype(wanted, copy=False), device=device)

    return create


def _shape(shape: int | Shape) -> Shape:
    lengths = (shape,) if isinstance(shape, int) else tuple(int(n) for n in shape)
    if any(n < 0 for n in lengths):
        raise ValueError(f"a shape has no negative lengths, got {lengths}")
    return lengths
