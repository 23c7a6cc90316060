"""Free blocks cut into smaller ones, so that what arrays of one size leave serves another size.

A step's arrays shrink from layer to layer: without this, its largest blocks lie idle most of the
time. Only what is large is cut, and not into crumbs: a small array that lives long would keep a
block from becoming whole again.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Host = np.ndarray[Any, Any]
LEAST = 1 << 18
"""Bytes of the smallest part: a multiple of a page, as all larger size classes are."""
CRUMB = 8
"""A block is not cut for less than this fraction of it."""


class Cut(NamedTuple):
    """A part of a block, and its memory for the device and, if that is so, for NumPy."""

    carved: Carved
    start: int
    size: int
    buffer: Any
    host: Host | None


class Carved:
    """A block that is cut: its free ranges, in order.

    Attributes:
        root: what its buffer is a part of, or its buffer: a part of a part cannot be made.
        base: where it begins there.
    """

    def __init__(self, whole: Any, size: int) -> None:
        self.whole, self.size = whole, size
        own: Cut | None = getattr(whole, "cut", None)
        self.root: Any = whole.buffer if own is None else own.carved.root
        self.base: int = 0 if own is None else own.carved.base + own.start
        self.free = [(0, size)]

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it is in use."""
        return self.free == [(0, self.size)]

    def cut(self, place: int, size: int) -> Cut:
        """The first `size` bytes of a free range."""
        start, stop = self.free.pop(place)
        if start + size < stop:
            self.free.insert(place, (start + size, stop))
        host = self.whole.host
        part = None if host is None else host[start : start + size]
        buffer = self.root.get_sub_region(self.base + start, size)
        return Cut(self, start, size, buffer, part)

    def give_back(self, cut: Cut) -> None:
        """Free a part, and join it with its neighbours."""
        insort(self.free, (cut.start, cut.start + cut.size))
        joined: list[tuple[int, int]] = []
        for start, stop in self.free:
            if joined and joined[-1][1] == start:
                start = joined.pop()[0]
            joined.append((start, stop))
        self.free = joined


class Carver:
    """Cuts blocks for one owner.

    Args:
        free: the owner's free blocks by size; they have a buffer and a host.
        renewed: what the owner gets back for a block that is whole again.
    """

    def __init__(self, free: dict[int, list[Any]], renewed: Callable[[Any], Any]) -> None:
        self._free, self._renewed = free, renewed
        self._carved: list[Carved] = []
        # Parts are given back at any moment, also by a collection in the midst of `cut`.
        self._returned: deque[Cut] = deque()

    def cut(self, size: int) -> Cut | None:
        """The smallest range that is large enough, of a block that is cut or of a free one."""
        if size < LEAST:
            return None
        ranges = [
            (stop - start, n, place)
            for n, carved in enumerate(self._carved)
            for place, (start, stop) in enumerate(carved.free)
            if stop - start >= size
        ]
        if ranges:
            _, n, place = min(ranges)
            return self._carved[n].cut(place, size)
        larger = [s for s in list(self._free) if self._free[s] and size < s <= CRUMB * size]
        if not larger:
            return None
        self._carved.append(Carved(self._free[min(larger)].pop(), min(larger)))
        return self._carved[-1].cut(0, size)

    def give_back(self, cut: Cut) -> None:
        """Nobody uses the part any more."""
        self._returned.append(cut)

    def settle(self) -> None:
        """Join what was given back; the owner gets blocks that are whole again."""
        while self._returned:
            cut = self._returned.popleft()
            carved = cut.carved
            carved.give_back(cut)
            if carved.is_whole:
                self._carved.remove(carved)
                self._free[carved.size].append(self._renewed(carved.whole))

    @property
    def idle(self) -> int:
        """Free bytes in blocks that are cut."""
        return sum(stop - start for carved in self._carved for start, stop in carved.free)
