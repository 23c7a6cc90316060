"""One device: its context, its in-order queue, its memory, and what its driver's errors mean."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict, deque
from contextlib import suppress
from typing import Any

import numpy as np
import pyopencl as cl

from nnkit import counters
from nnkit.backends.opencl.memory import Block, Pool
from nnkit.errors import DeviceError
from nnkit.recording import active, paused, spoil

Host = np.ndarray[Any, Any]

MOST_EVENTS = 2048
"""Launches that may be under way unseen; more make one wait for the older half."""


class Queue:
    """An opened device. Arrays hold it as `array.device`; equal only to itself."""

    def __init__(self, device: Any, name: str) -> None:
        self.cl_device = device
        self.name = name
        self.context = cl.Context([device])
        self.queue = cl.CommandQueue(self.context)
        self.lock = threading.RLock()
        """Held from setting a kernel's arguments until it is enqueued, and around transfers."""
        # Blocks may be the host's memory: it must not go away under a running kernel.
        weakref.finalize(self, _finish, self.queue)
        self.pool = Pool(self.queue, device)
        self._launched: deque[tuple[Any, str]] = deque()
        """Events of launches whose end has not been looked at, with the kernel's name."""
        self.launcher: Any = None  # made at first use by launch.launcher_of
        self.constants: OrderedDict[Any, Any] = OrderedDict()
        """Python numbers that ops use, as 0-d arrays."""
        self._uploads: deque[Any] = deque()
        kinds = cl.device_type
        self.cpu = bool(device.type & kinds.CPU)
        self.kind = "cpu" if self.cpu else "gpu" if device.type & kinds.GPU else "accelerator"
        self.compute_units = int(device.max_compute_units)
        self.max_group = int(device.max_work_group_size)
        self.local_memory = int(device.local_mem_size)
        self.vector_bytes = 4 * int(device.native_vector_width_float)
        self.float64 = bool(device.double_fp_config)
        self.forms: dict[str, dict[str, int]] = {}
        """Of kernels that are tuned: see forms.py."""

    def __repr__(self) -> str:
        return f"<OpenCL device {self.name}>"

    def upload(self, data: Host) -> Block:
        """Copy a C-contiguous host array into a new block, behind the launches before it."""
        if not data.nbytes:
            return self.pool.allocate(0)
        session = active.session
        if session is not None and getattr(session.recorder, "queue", None) is self:
            with paused():
                brought: Block = self.upload(data)
            session.recorder.uploaded(brought, data)
            return brought
        counters.moved(counters.to_device, "opencl", data.nbytes)
        block = self.pool.filled(data)
        if block is not None:
            return block
        block = self.pool.allocate(data.nbytes)
        private = data.copy()  # the caller may change its array before the copy has run
        with self.lock, failing_as(self, "upload"):
            event = cl.enqueue_copy(self.queue, block.buffer, private, is_blocking=False)
            self.pool.last = event
        self._keep_until_done(event)
        return block

    def _keep_until_done(self, event: Any) -> None:
        """Hold the host's copy, which the event owns, until the device has read it."""
        done = cl.command_execution_status.COMPLETE
        self._uploads.append(event)
        while len(self._uploads) > 1 and self._uploads[0].command_execution_status == done:
            self._uploads.popleft()

    def download(self, block: Block, offset: int, out: Host) -> None:
        """Wait for the device and copy bytes from a block into a C-contiguous host array."""
        spoil("it reads an array on the host")
        if out.nbytes:
            counters.moved(counters.to_host, "opencl", out.nbytes)
            with failing_as(self, "download"):
                cl.enqueue_copy(self.queue, out, block.buffer, src_offset=offset)
        self._uploads.clear()
        self._look_at(len(self._launched))

    def synchronize(self) -> None:
        """Wait until everything enqueued so far has run."""
        with failing_as(self, "synchronize"):
            self.queue.finish()
        self._uploads.clear()
        self._look_at(len(self._launched))

    def launched(self, event: Any, kernel: str) -> None:
        """Remember a launch, so that its failure is seen at the next wait.

        Drivers let a blocking read or `clFinish` succeed after a launch before it has failed; only
        the launch's own event tells.
        """
        self.pool.last = event
        launched = self._launched
        launched.append((event, kernel))
        if len(launched) >= MOST_EVENTS:
            self._look_at(MOST_EVENTS // 2)

    def _look_at(self, count: int) -> None:
        """Wait for the oldest launches and raise if one of them failed."""
        with self.lock:
            oldest = [self._launched.popleft() for _ in range(min(count, len(self._launched)))]
        if not oldest:
            return
        try:
            cl.wait_for_events([event for event, _ in oldest])
        except cl.Error as error:
            name = next((kernel for event, kernel in oldest if _failed(event)), "unknown")
            raise DeviceError(
                f"kernel {name} failed on {self.name} after it had started: {describe(error)}. "
                "Results may be lost. Fix: start the process anew; if it comes again, choose "
                "another backend by NNKIT_BACKEND."
            ) from error


def _finish(queue: Any) -> None:
    with suppress(cl.Error):
        queue.finish()


def _failed(event: Any) -> bool:
    try:
        event.wait()
    except cl.Error:
        return True
    return False


class failing_as:  # noqa: N801 (reads as a phrase: with failing_as(queue, "download"))
    """Turn a driver's error, met while waiting or copying, into a DeviceError with names."""

    def __init__(self, queue: Queue, what: str) -> None:
        self._queue, self._what = queue, what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, cl.Error):
            raise DeviceError(
                f"{self._what} on {self._queue.name} failed: {describe(error)}. Results may be "
                "lost. Fix: start the process anew; if it comes again, choose another backend by "
                "NNKIT_BACKEND."
            ) from error


def describe(error: Any) -> str:
    """The driver's code, by name and number: 'OUT_OF_RESOURCES (-5)'."""
    code = getattr(error, "code", None)
    if code is None:
        return str(error).strip().splitlines()[0]
    codes: Any = cl.status_code
    return f"{codes.to_string(code, '%d')} ({code})"
