"""Sharing arrays with other libraries by DLPack, through host memory.

No library takes OpenCL's buffers, so what leaves is a capsule of host memory: a copy, or the
array's own memory where the device works in the host's (`Block.host`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.create import asarray, check_dtype
from nnkit.backends.opencl.queue import Queue
from nnkit.backends.opencl.sharing import host_view

CPU, OPENCL = 1, 4
"""Kinds of devices in DLPack's numbering."""
Device = tuple[int, int]


def device_of(x: Array) -> Device:
    """DLPack's name for where x is: the CPU itself for OpenCL's CPU devices."""
    return (CPU if x.device.cpu else OPENCL, 0)


def export(
    x: Array,
    stream: Any = None,
    max_version: tuple[int, int] | None = None,
    dl_device: Device | None = None,
    copy: bool | None = None,
) -> Any:
    """A capsule of x in host memory.

    Raises:
        BufferError: for another device than the CPU, and where `copy=False` cannot be kept.
        ValueError: for a stream, which the CPU has not.
    """
    if stream is not None:
        raise ValueError(f"__dlpack__: the CPU has no streams, got stream={stream!r}")
    if tuple(dl_device or device_of(x)) != (CPU, 0):
        raise BufferError(
            f"{x.device.name} can only give host memory. Fix: x.__dlpack__(dl_device=({CPU}, 0))."
        )
    shared = None if copy else host_view(x)
    if shared is None and copy is False:
        raise BufferError(f"the memory of {x.device.name} is not the host's: copy=False cannot be")
    return (x.numpy() if shared is None else shared).__dlpack__(max_version=max_version)


def from_dlpack(x: Any, /, *, device: Queue, copy: bool | None = None) -> Array:
    """An array from any object with `__dlpack__`.

    One of ours is shared on its own device, and host memory by a CPU device that can use it as it
    lies; whoever changes such memory must wait for the device first. All else is copied.

    Raises:
        BufferError: where `copy=False` cannot be kept.
    """
    if isinstance(x, Array):
        return _from_ours(x, device, copy)
    kind, _ = x.__dlpack_device__()
    data = np.from_dlpack(x) if kind == CPU else np.from_dlpack(x, device="cpu", copy=copy)
    check_dtype(device, data.dtype)
    shared = None if copy else Array.sharing(device, data)
    if shared is None and copy is False:
        raise BufferError(f"from_dlpack: {device.name} cannot use this memory as it lies")
    return Array.from_numpy(device, data) if shared is None else shared


def _from_ours(x: Array, device: Queue, copy: bool | None) -> Array:
    if device is x.device:
        return asarray(x, device=device, copy=copy)
    if copy is False:
        raise BufferError(f"from_dlpack: {x.device.name} and {device.name} share no memory")
    return x.to_device(device)
