"""The memory of a recorded step: what dies within the step is used again within it.

A step always does the same in the same order, so memory may be handed on at the moment at which the
recorded step let go of it. Arrays hold a lease of their memory; what a record keeps are twins of
them, which see the same bytes without holding the lease.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnkit.typing import Shape

Host = np.ndarray[Any, Any]
ALIGN = 64
LEAST = 1 << 18
"""Bytes from which a range is worth being cut from another."""
CRUMB = 8
"""A range is not cut for less than this fraction of it: it would not come back for long."""


class Lease:
    """A range of the arena that one array, and the views of it, hold."""

    __slots__ = ("__array_interface__", "__weakref__", "arena", "key", "slab", "start", "stop")

    def __init__(self, arena: Arena, slab: Host, start: int, nbytes: int, key: int) -> None:
        self.arena, self.slab, self.start, self.stop, self.key = arena, slab, start, nbytes, key
        self.stop = start + nbytes
        self.__array_interface__ = {
            "shape": (nbytes,),
            "typestr": "|u1",
            "data": (slab.ctypes.data + start, False),
            "version": 3,
        }

    def __del__(self) -> None:
        self.arena.take_back(self)


class Arena:
    """Free ranges by size, in slabs that stay as long as a record uses them.

    Attributes:
        nbytes: of all slabs together.
        owners: the key of the newest lease at each address.
    """

    SLAB = 1 << 16

    def __init__(self) -> None:
        self.slabs: list[Host] = []
        self.nbytes = 0
        self.owners: dict[int, int] = {}
        self._free: dict[int, list[tuple[Host, int]]] = {}
        self._open: tuple[Host, int] | None = None
        self._count = 0

    def lease(self, nbytes: int) -> tuple[Host, int]:
        """Bytes that nobody else has, as an array that holds their lease, and the lease's key."""
        size = -(-max(nbytes, 1) // ALIGN) * ALIGN
        free = self._free.get(size)
        slab, start = free.pop() if free else self._cut(size) or self._fresh(size)
        self._count += 1
        made = Lease(self, slab, start, size, self._count)
        memory = np.asarray(made)
        self.owners[memory.ctypes.data] = self._count
        return memory, self._count

    def _cut(self, size: int) -> tuple[Host, int] | None:
        """The beginning of the smallest larger range, if it is large and the rest of use."""
        larger = [s for s, ranges in self._free.items() if ranges and size < s <= CRUMB * size]
        if size < LEAST or not larger:
            return None
        slab, start = self._free[min(larger)].pop()
        rest = min(larger) - size
        self._free.setdefault(rest, []).append((slab, start + size))
        return slab, start

    def _fresh(self, size: int) -> tuple[Host, int]:
        if self._open is not None and self._open[1] + size <= self._open[0].nbytes:
            slab, start = self._open
        else:
            slab, start = self._slab(max(size, self.SLAB)), 0
        self._open = (slab, start + size)
        return slab, start

    def _slab(self, nbytes: int) -> Host:
        whole = np.empty(nbytes + ALIGN, np.uint8)
        start = -whole.ctypes.data % ALIGN
        slab = whole[start : start + nbytes]
        self.slabs.append(slab)
        self.nbytes += nbytes
        return slab

    def take_back(self, lease: Lease) -> None:
        """Hand a range on to whoever asks for the same size next."""
        size = lease.stop - lease.start
        self._free.setdefault(size, []).append((lease.slab, lease.start))

    def slab_of(self, address: int) -> Host | None:
        """The slab that an address lies in."""
        for slab in self.slabs:
            if 0 <= address - slab.ctypes.data < slab.nbytes:
                return slab
        return None


def laid_out(memory: Host, like: Host) -> Host:
    """An array in `memory` of the shape and dtype of `like`, and in the order of its axes."""
    order = sorted(range(like.ndim), key=lambda axis: -abs(like.strides[axis]))
    lengths = tuple(like.shape[axis] for axis in order)
    count = math.prod(lengths) * like.dtype.itemsize
    dense = memory[:count].view(like.dtype).reshape(lengths)
    inverse = sorted(range(like.ndim), key=order.__getitem__)
    return dense.transpose(inverse)


def extent(shape: Shape, dtype: np.dtype[Any]) -> int:
    """The bytes of a dense array."""
    return math.prod(shape) * dtype.itemsize
