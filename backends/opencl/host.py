"""The one mechanism by which a function of the namespace runs on the host.

What has no kernel (yet, or for this dtype), and what a driver refuses to build or launch, goes to
NumPy and comes back, transparently. Each such call is counted in `nnkit.report()` and warned about
once per function, dtype, device and reason.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import array_api_compat.numpy as host
import numpy as np

from nnkit import counters
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.queue import Queue
from nnkit.errors import KernelUnavailable


def on_device_or_host(
    name: str,
    device_function: Callable[..., Any],
    host_function: Callable[..., Any] | None = None,
) -> Callable[..., Any]:
    """`device_function`, or on the host `host_function` where its kernel is unavailable.

    Without a `host_function` it is the one of that name in NumPy's namespace.
    """
    standing_in = host_function or _in_numpy(name)

    @functools.wraps(device_function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            return device_function(*args, **options)
        except KernelUnavailable as error:
            # A build that failed is remembered by the launcher, so later calls get here at once.
            return on_host(name, standing_in, str(error), args, options)

    return call


def host_only(name: str) -> Callable[..., Any]:
    """A function that has no kernel."""
    function = _in_numpy(name)

    def call(*args: Any, **options: Any) -> Any:
        return on_host(name, function, f"{name} has no kernel", args, options)

    call.__doc__ = f"As `numpy.{name}`; computed on the host, counted as a fallback."
    return call


def _in_numpy(name: str) -> Callable[..., Any]:
    """The function of NumPy's standard namespace: 'sort', 'linalg.qr'."""
    function: Any = host
    for part in name.split("."):
        function = getattr(function, part)
    found: Callable[..., Any] = function
    return found


def on_host(
    name: str,
    function: Callable[..., Any],
    reason: str,
    args: tuple[Any, ...],
    options: dict[str, Any],
) -> Any:
    """Run a function of NumPy's arrays on copies of the arguments and bring the results back."""
    array = _first_array((*args, *options.values()))
    if array is None:
        raise TypeError(f"{name}: an argument must be an array")
    device = array.device
    counters.fell_back(name, array.dtype.name, f"opencl ({device.name})", reason)
    options = {key: _to_host(value) for key, value in options.items() if key != "device"}
    with np.errstate(all="ignore"):  # NaN and infinity are results, as they are on the device
        result = function(*_to_host(args), **options)
    return _to_device(device, result)


def _first_array(args: Any) -> Array | None:
    for arg in args:
        if isinstance(arg, Array):
            return arg
        if isinstance(arg, list | tuple) and (found := _first_array(arg)) is not None:
            return found
    return None


def _to_host(value: Any) -> Any:
    if isinstance(value, Array):
        return value.numpy()
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(_to_host(v) for v in value)
    return value


def _to_device(device: Queue, value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return Array.from_numpy(device, np.asarray(value))
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_to_device(device, v) for v in value))
    if isinstance(value, list | tuple):
        return type(value)(_to_device(device, v) for v in value)
    return value


def index_on_host(x: Array, key: Any, reason: str) -> Array:
    """x[key] for a key with integer or boolean arrays."""
    counters.fell_back("getitem", x.dtype.name, f"opencl ({x.device.name})", reason)
    return Array.from_numpy(x.device, np.asarray(x.numpy()[_to_host(key)]))


def assign_on_host(x: Array, key: Any, value: Array, reason: str) -> None:
    """x[key] = value for a key with integer or boolean arrays."""
    counters.fell_back("setitem", x.dtype.name, f"opencl ({x.device.name})", reason)
    values = x.numpy()
    values[_to_host(key)] = value.numpy()
    x[...] = Array.from_numpy(x.device, values)
