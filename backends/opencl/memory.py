"""Device memory: blocks, and a pool that hands freed blocks out again.

A device has one in-order queue, so a block may be reused while earlier launches still read it: what
writes into it next stands behind them in the queue.

A processor computes in the host's own memory, so there a block is page-aligned host memory that the
driver uses in place. NumPy may then fill a block that no launch uses, and share one.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyopencl as cl

from nnkit.backends.opencl.carve import Carver, Cut
from nnkit.backends.opencl.sizes import memory_limit, size_class
from nnkit.errors import DeviceError
from nnkit.recording import active

Host = np.ndarray[Any, Any]

PAGE = 4096
MAP_READ: Any = cl.map_flags.READ
MAP_READ_WRITE: Any = MAP_READ | cl.map_flags.WRITE


class Owner(Protocol):
    """Who gets a block back that nobody uses any more."""

    def take_back(self, block: Block) -> None:
        """The last array let go of it."""


class Block:
    """A piece of device memory; it goes back to the pool when the last array lets go of it.

    Attributes:
        buffer: the driver's object.
        size: its bytes.
        host: the same bytes for NumPy, where the device computes in the host's memory.
        cut: what it is a part of, if it is.
    """

    __slots__ = ("_pool", "borrowed", "buffer", "cut", "host", "size")

    def __init__(
        self,
        buffer: Any,
        size: int,
        host: Host | None,
        pool: Owner,
        *,
        borrowed: bool = False,
        cut: Cut | None = None,
    ) -> None:
        self.buffer, self.size, self.host, self._pool = buffer, size, host, pool
        self.borrowed, self.cut = borrowed, cut

    def __del__(self) -> None:
        if _Free is not None:  # as it is when the interpreter ends
            self._pool.take_back(self)


class _Free(NamedTuple):
    buffer: Any
    host: Host | None
    last: Any  # the newest command of the queue when it was freed


class Pool:
    """Free blocks of one device, by size.

    Attributes:
        last: the event of the queue's newest command.
        bytes_in_use: in the hands of arrays.
        bytes_held: kept for reuse.
        peak: the most that was in use at one time.
    """

    def __init__(self, commands: Any, device: Any, limit: int | None = None) -> None:
        self._commands, self._device = commands, device
        self.limit = limit or memory_limit() or int(device.global_mem_size)
        self.largest = int(device.max_mem_alloc_size)
        self._free: defaultdict[int, list[_Free]] = defaultdict(list)
        self._carver = Carver(self._free, lambda whole: whole._replace(last=self.last))
        # Re-entrant: a collection inside `allocate` may free a block in the same thread.
        self._lock = threading.RLock()
        self._leaving: deque[_Free] = deque()
        self.last: Any = None
        self.bytes_in_use = self.bytes_held = self.peak = 0
        self.shares = bool(device.type & cl.device_type.CPU) and _in_place(commands)

    def allocate(self, nbytes: int) -> Block:
        """A block of at least `nbytes`.

        When the device has no memory left, the pool is emptied and the request tried once more.

        Raises:
            DeviceError: names the size asked for, what is in use and the device's limit.
        """
        session = active.session
        if session is not None and getattr(session.recorder, "pool", None) is self:
            leased: Block = session.recorder.arena.allocate(nbytes)
            return leased
        size, cut = size_class(nbytes), None
        with self._lock:
            self._carver.settle()
            free = self._free[size]
            if free:
                buffer, host, _ = free.pop()
                self.bytes_held -= size
            elif cut := self._carver.cut(size):
                buffer, host = cut.buffer, cut.host
                self.bytes_held -= size
            else:
                buffer, host = self._new(size)
            self._count(size)
        return Block(buffer, size, host, self, cut=cut)

    def filled(self, data: Host) -> Block | None:
        """A block that NumPy has filled with the bytes of `data`, which is C-contiguous.

        None where the device must copy them: in memory of its own, or into a block that launches
        under way still use.
        """
        if not self.shares:
            return None
        size = size_class(data.nbytes)
        with self._lock:
            host = self._idle(size)
            if host is None:
                if self._free[size]:
                    return None
                host = self._new(size)[1]
            self._count(size)
        assert host is not None
        host[: data.nbytes] = data.reshape(-1).view(np.uint8)
        # A new object for the same bytes: what memory holds when it is made, the device will see.
        return Block(self._object(host), size, host, self)

    def wrap(self, data: Host) -> Block | None:
        """A block that is the memory of `data`, or None where that cannot be.

        The array is kept until the last launch that may use it has run.
        """
        fits = data.flags.c_contiguous and data.flags.aligned and data.flags.writeable
        if not (self.shares and fits and 0 < data.nbytes <= self.largest):
            return None
        host = data.reshape(-1).view(np.uint8)
        return Block(self._object(host), data.nbytes, host, self, borrowed=True)

    def _count(self, size: int) -> None:
        self.bytes_in_use += size
        self.peak = max(self.peak, self.bytes_in_use)

    def _idle(self, size: int) -> Host | None:
        """The memory of the block freed first, if no command uses it any more; later ones may."""
        free = self._free[size]
        if not free or not _done(free[0].last):
            return None
        self.bytes_held -= size
        return free.pop(0).host

    def _new(self, size: int) -> tuple[Any, Host | None]:
        with suppress(cl.Error, MemoryError):
            return self._create(size)
        self.release_free()
        try:
            return self._create(size)
        except (cl.Error, MemoryError) as error:
            raise DeviceError(
                f"{self._device.name}: no memory for {size:,} bytes ({error}); {self.state()}. "
                "Fix: smaller batches, or free tensors you hold."
            ) from error

    def state(self) -> str:
        """What is in use and what may be, for error messages."""
        return (
            f"{self.bytes_in_use:,} bytes are in use of {self.limit:,}, and the device gives at "
            f"most {self.largest:,} at once"
        )

    def _create(self, size: int) -> tuple[Any, Host | None]:
        if size > self.largest:
            raise cl.MemoryError("larger than the device's largest allocation")
        if self.bytes_in_use + self.bytes_held + size > self.limit:
            raise cl.MemoryError("above the limit")
        if not self.shares:
            context = self._commands.context
            return cl.Buffer(context, cl.mem_flags.READ_WRITE, size), None
        pages = np.empty(size + PAGE, np.uint8)
        start = -pages.ctypes.data % PAGE
        host = pages[start : start + size]
        return self._object(host), host

    def _object(self, host: Host) -> Any:
        flags = cl.mem_flags.READ_WRITE | cl.mem_flags.USE_HOST_PTR
        return cl.Buffer(self._commands.context, flags, hostbuf=host)

    def take_back(self, block: Block) -> None:
        """Keep a block that nobody uses any more; a borrowed one is let go when all is done."""
        free = _Free(block.buffer, block.host, self.last)
        with self._lock:
            if block.borrowed:
                while self._leaving and _done(self._leaving[0].last):
                    self._leaving.popleft()
                self._leaving.append(free)
            else:
                self.bytes_in_use -= block.size
                self.bytes_held += block.size
                if block.cut is None:
                    self._free[block.size].append(free)
                else:
                    self._carver.give_back(block.cut)

    def release_free(self) -> None:
        """Give all free blocks back to the system."""
        with self._lock:
            if self.shares and self.bytes_held:
                with suppress(cl.Error):  # launches that failed are told of at the next wait
                    self._commands.finish()  # their memory is ours: the driver does not keep it
            self._carver.settle()
            self._free.clear()
            self.bytes_held = self._carver.idle


def out_of_memory(error: Any) -> bool:
    """Whether a driver's error says that memory ran out."""
    codes: Any = cl.status_code
    return getattr(error, "code", None) in (
        codes.MEM_OBJECT_ALLOCATION_FAILURE,
        codes.OUT_OF_HOST_MEMORY,
    )


def _done(event: Any) -> bool:
    """Whether a command has ended, well or not."""
    if event is None:
        return True
    return bool(event.command_execution_status <= cl.command_execution_status.COMPLETE)


def map_bytes(commands: Any, buffer: Any, size: int, flags: Any) -> Any:
    """Bytes of a buffer for the host, after what is enqueued; given back when they are dropped."""
    byte: Any = np.dtype(np.uint8)
    return cl.enqueue_map_buffer(commands, buffer, flags, 0, (size,), byte)[0]


def _in_place(commands: Any) -> bool:
    """Whether the driver computes in host memory that it is given, rather than in a copy."""
    flags = cl.mem_flags.READ_WRITE | cl.mem_flags.USE_HOST_PTR
    host = np.zeros(PAGE, np.uint8)
    mapped = map_bytes(commands, cl.Buffer(commands.context, flags, hostbuf=host), PAGE, MAP_READ)
    found = mapped.ctypes.data == host.ctypes.data
    mapped.base.release(commands)
    commands.finish()
    return bool(found)
