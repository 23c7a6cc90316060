"""Memory in the hands of NumPy and of a device at once, where the device computes in the host's."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnkit.backends.opencl.memory import MAP_READ_WRITE, Block, Host, map_bytes


def host_view(array: Any) -> Host | None:
    """A NumPy array that shares the memory of an OpenCL array, or None where that cannot be.

    Waits for the device. The memory stays mapped, and is not reused, until the view is gone.
    Launches that write to it meanwhile are seen by whoever waits for them; what NumPy writes is
    seen by launches that come after.
    """
    if array.block.host is None:
        return None
    array.device.synchronize()
    return np.asarray(_Shared(array))


class _Shared:
    """The owner of a view's memory: keeps the block, mapped, while NumPy has the view."""

    def __init__(self, array: Any) -> None:
        self._block, self._device = array.block, array.device
        self._mapped = map_bytes(
            self._device.queue, self._block.buffer, self._block.host.nbytes, MAP_READ_WRITE
        )
        item = array.dtype.itemsize
        self.__array_interface__ = {
            "version": 3,
            "shape": array.shape,
            "strides": tuple(stride * item for stride in array.strides),
            "typestr": array.dtype.str,
            "data": (self._block.host.ctypes.data + array.offset * item, False),
        }


def wrap(queue: Any, data: Host) -> Block | None:
    """A block of the device that is the memory of `data` itself, or None where that cannot be.

    Whoever reads `data` after launches that write to it must wait for the device first.
    """
    block: Block | None = queue.pool.wrap(data)
    return block
