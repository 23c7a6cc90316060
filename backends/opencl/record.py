"""Recording a step on an OpenCL device: its launches in order, with their arguments set.

The step's memory comes from a pool of its own. What dies within the step is used again within it,
as always in an in-order queue, and nobody else gets it as long as the record lives; so a replay is
the same launches on the same memory.
"""

from __future__ import annotations

import weakref
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyopencl as cl

from nnkit import counters
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.carve import Carver, Cut
from nnkit.backends.opencl.functions import contiguous
from nnkit.backends.opencl.launch import Ready
from nnkit.backends.opencl.memory import Block
from nnkit.backends.opencl.queue import Queue, failing_as
from nnkit.backends.opencl.sizes import size_class
from nnkit.recording import Outline, fingerprint, paused

Host = np.ndarray[Any, Any]


class Leased(Block):
    """A block of a recorded step: it goes back to the step's own pool."""

    __slots__ = ("_arena", "key", "whole")

    def __init__(self, whole: Block, cut: Cut | None, arena: Arena, key: int) -> None:
        part = cut or whole
        super().__init__(part.buffer, part.size, part.host, whole._pool, cut=cut)
        self._arena, self.key = weakref.ref(arena), key
        """Counts the allocations of the step: the same one has the same key in each recording."""
        self.whole = whole
        """The pool's block: when the record is gone, it goes back there."""

    def __del__(self) -> None:
        arena = self._arena()
        if arena is not None:
            arena.take_back(self)


class Arena:
    """The memory of one recorded step."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._free: defaultdict[int, list[Block]] = defaultdict(list)
        self._carver = Carver(self._free, lambda whole: whole)
        self._cuts: list[Any] = []  # what launches were told to work on is there at each replay
        self._count = 0
        self.nbytes = 0
        """What it holds of the device."""

    def allocate(self, nbytes: int) -> Leased:
        """A block that the step freed before, or a new one."""
        self._carver.settle()
        size = size_class(nbytes)
        free, cut = self._free[size], None
        if free:
            whole = free.pop()
        elif cut := self._carver.cut(size):
            whole = cut.carved.whole
            self._cuts.append(cut.buffer)
        else:
            with paused():
                whole = self._queue.pool.allocate(nbytes)
            self.nbytes += whole.size
        self._count += 1
        return Leased(whole, cut, self, self._count)

    def take_back(self, block: Leased) -> None:
        """The step let go of a block."""
        if block.cut is None:
            self._free[block.size].append(block.whole)
        else:
            self._carver.give_back(block.cut)


class Launch(NamedTuple):
    """A kernel whose arguments are set, and how it is launched."""

    kernel: Any
    groups: tuple[int, ...]
    items: tuple[int, ...]
    name: str


class Recorder:
    """Notes what one thread launches on a device."""

    def __init__(self, queue: Queue) -> None:
        self.queue, self.pool = queue, queue.pool
        self.arena = Arena(queue)
        self.launches: list[Launch] = []
        self.counted: Counter[tuple[str, str]] = Counter()
        self.signature: list[Any] = []
        self.external: dict[int, Block] = {}
        """Blocks from outside of the step, kept so that no address comes twice."""
        self.uploads: dict[int, bytes] = {}

    def take(self, x: Array) -> Array:
        """Memory for an input of the step, which a replay fills anew."""
        slot = Array.empty(self.queue, x.shape, x.dtype)
        copy_into(slot, x)
        return slot

    def launched(
        self, ready: Ready, groups: tuple[int, ...], items: tuple[int, ...], args: Sequence[Any]
    ) -> None:
        """Note a launch that was made."""
        own = ready.clone()
        own.set_args(args)
        self.launches.append(Launch(own.kernel, groups, items, ready.name))
        self.counted[ready.counted] += 1
        described = tuple(map(self._described, args))
        self.signature.append((ready.name, ready.defines, groups, items, described))

    def _described(self, x: Any) -> Any:
        if not isinstance(x, Array):
            return x if isinstance(x, bytes) else repr(x)
        if isinstance(x.block, Leased):
            return "own", x.block.key, x.offset
        place = x.block.buffer.int_ptr
        self.external[place] = x.block
        return "given", self.uploads.get(place, place), x.offset

    def uploaded(self, block: Block, data: Host) -> None:
        """The step brought data of its own: they must be the same in each step."""
        self.uploads[block.buffer.int_ptr] = fingerprint(data)

    def finish(self, inputs: list[Array], outputs: list[Array], kept: list[Array]) -> Recording:
        """The record, ready to be replayed; what it left in the pool goes back to the system."""
        self.pool.release_free()
        return Recording(self, inputs, outputs, kept)


class Recording:
    """A finished record: call `replay` with the step's inputs, get its outputs as copies."""

    def __init__(
        self, recorder: Recorder, inputs: list[Array], outputs: list[Array], kept: list[Array]
    ) -> None:
        self._recorder, self._queue = recorder, recorder.queue
        self._inputs, self._outputs = inputs, outputs
        self._kept = kept
        external = recorder.external
        self.outline = Outline(("launch", "launches"), recorder.signature, told, external)

    @property
    def nbytes(self) -> int:
        """The memory that it works in, without what the step found there."""
        return self._recorder.arena.nbytes

    def replay(self, inputs: Sequence[Array], times: int = 1) -> list[Array]:
        """Do the step again with new inputs, so many times."""
        for slot, x in zip(self._inputs, inputs, strict=True):
            copy_into(slot, x)
        for _ in range(times):
            self._run()
        return self.copies()

    def _run(self) -> None:
        queue = self._queue
        enqueue, commands, launched = cl.enqueue_nd_range_kernel, queue.queue, queue.launched
        with queue.lock, failing_as(queue, "the replay of a step"):
            for kernel, groups, items, name in self._recorder.launches:
                launched(enqueue(commands, kernel, groups, items, g_times_l=True), name)
        counters.launches.update(
            {key: counters.launches[key] + n for key, n in self._recorder.counted.items()}
        )

    def copies(self) -> list[Array]:
        """What the step handed out, as it is now."""
        found = []
        for x in self._outputs:
            y = Array.empty(self._queue, x.shape, x.dtype)
            copy_into(y, x)
            found.append(y)
        return found

    def kept(self, array: Array) -> Array:
        """An array of the step that stays visible, in the record's memory."""
        return array


def told(signature: tuple[Any, ...]) -> str:
    """A launch in a few words."""
    name, _, groups, _, args = signature
    arrays = [
        f"{a[0]} {a[1] if isinstance(a[1], int) else 'data'}" for a in args if isinstance(a, tuple)
    ]
    return f"{name} on {groups} ({', '.join(arrays)})"


def copy_into(target: Array, x: Array) -> None:
    """Copy the elements of x to `target`, which is contiguous."""
    packed = contiguous(x)
    size = target.size * target.dtype.itemsize
    if not size:
        return
    queue = target.device
    with queue.lock, failing_as(queue, "a copy"):
        event = cl.enqueue_copy(
            queue.queue,
            target.block.buffer,
            packed.block.buffer,
            byte_count=size,
            src_offset=packed.offset * x.dtype.itemsize,
            dst_offset=target.offset * x.dtype.itemsize,
        )
        queue.launched(event, "copy")
