"""Device memory: blocks, and a pool that hands freed blocks out again.

A device has one in-order queue, so a block may be reused while earlier launches still read it: what
writes into it next stands behind them in the queue.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any

import pyopencl as cl

from nnkit.errors import DeviceError

SMALLEST = 256


def size_class(nbytes: int) -> int:
    """The size that is allocated: a power of two in eighths, so that at most 12.5 % is lost.

    >>> size_class(1000), size_class(1025)
    (1024, 1152)
    """
    if nbytes <= SMALLEST:
        return SMALLEST
    step = 1 << max((nbytes - 1).bit_length() - 4, 0)
    return -(-nbytes // step) * step


class Block:
    """A piece of device memory; it goes back to the pool when the last array lets go of it."""

    __slots__ = ("_pool", "buffer", "size")

    def __init__(self, buffer: Any, size: int, pool: Pool) -> None:
        self.buffer, self.size, self._pool = buffer, size, pool

    def __del__(self) -> None:
        self._pool.take_back(self.buffer, self.size)


class Pool:
    """Free blocks of one device, by size."""

    def __init__(self, context: Any, device: Any) -> None:
        self._context = context
        self._device = device
        self._free: defaultdict[int, list[Any]] = defaultdict(list)
        # Re-entrant: a collection inside `allocate` may free a block in the same thread.
        self._lock = threading.RLock()
        self.bytes_in_use = 0
        self.bytes_held = 0

    def allocate(self, nbytes: int) -> Block:
        """A block of at least `nbytes`.

        When the device has no memory left, the pool is emptied and the request tried once more.

        Raises:
            DeviceError: names the size asked for, what is in use and the device's limit.
        """
        size = size_class(nbytes)
        with self._lock:
            free = self._free[size]
            if free:
                buffer = free.pop()
                self.bytes_held -= size
            else:
                buffer = self._new(size)
            self.bytes_in_use += size
        return Block(buffer, size, self)

    def _new(self, size: int) -> Any:
        try:
            return self._create(size)
        except cl.Error:
            self.release_free()
        try:
            return self._create(size)
        except cl.Error as error:
            largest = self._device.max_mem_alloc_size
            raise DeviceError(
                f"{self._device.name}: no memory for {size:,} bytes ({error}); "
                f"{self.bytes_in_use:,} bytes are in use, the device has "
                f"{self._device.global_mem_size:,} and gives at most {largest:,} at once. "
                "Fix: smaller batches, or free tensors you hold."
            ) from error

    def _create(self, size: int) -> Any:
        if size > self._device.max_mem_alloc_size:
            raise cl.MemoryError("larger than the device's largest allocation")
        return cl.Buffer(self._context, cl.mem_flags.READ_WRITE, size)

    def take_back(self, buffer: Any, size: int) -> None:
        """Keep a block that nobody uses any more."""
        with self._lock:
            self.bytes_in_use -= size
            self.bytes_held += size
            self._free[size].append(buffer)

    def release_free(self) -> None:
        """Give all free blocks back to the driver."""
        with self._lock:
            self._free.clear()
            self.bytes_held = 0
