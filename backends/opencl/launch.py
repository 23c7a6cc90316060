"""Building kernels and launching them: programs once per device, kernel objects once per thread.

A launch on the warm path is: find the thread's kernel object, set its arguments, enqueue. Setting
and enqueueing hold the queue's lock. Nothing waits.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyopencl as cl

from nnkit import counters, kernels
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.queue import Queue, describe
from nnkit.errors import KernelUnavailable

OPTIONS = ["-cl-std=CL1.2", "-cl-mad-enable"]

Defines = tuple[tuple[str, str | int], ...]
Pack = Callable[[Sequence[Any]], list[Any]]


class _Kernels(threading.local):
    """Each thread has its own kernel objects: two that set arguments on one would mix them."""

    def __init__(self) -> None:
        self.ready: dict[tuple[str, str, Defines], tuple[Any, Pack]] = {}


class OpenCLLauncher:
    """Launches kernels of `nnkit.kernels` on one device; see `nnkit.backends.device.launcher`."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.name = "opencl"
        self.cpu = queue.cpu
        self.compute_units = queue.compute_units
        self.max_group = queue.max_group
        self._programs: dict[tuple[str, Defines], Any] = {}
        self._failed: dict[tuple[str, Defines], str] = {}
        self._build_lock = threading.Lock()
        self._per_thread = _Kernels()

    def empty(self, shape: Sequence[int], dtype: Any) -> Array:
        """A new array whose elements are not set."""
        return Array.empty(self.queue, tuple(shape), np.dtype(dtype))

    def launch(
        self,
        family: str,
        kernel: str,
        groups: tuple[int, ...],
        items: tuple[int, ...],
        *args: Any,
        **defines: str | int,
    ) -> None:
        """Enqueue `kernel` of `kernels/<family>.cl` on `groups` work-groups of `items` work-items.

        Args:
            family: the file's name without its ending.
            kernel: the kernel's name.
            groups: work-groups in each dimension.
            items: work-items in a group, in each dimension.
            args: arrays, Python numbers and packed structs, in the kernel's order without offsets.
            defines: macros that the file is compiled with.

        Raises:
            KernelUnavailable: it cannot be built, or the driver refuses the launch.
        """
        key = (family, kernel, tuple(defines.items()))
        mine = self._per_thread.ready
        ready = mine.get(key)
        if ready is None:
            ready = mine[key] = self._kernel(family, kernel, defines)
        made, pack = ready
        queue = self.queue
        global_size = tuple(g * i for g, i in zip(groups, items, strict=True))
        with queue.lock:
            try:
                made.set_args(*pack(args))
                event = cl.enqueue_nd_range_kernel(queue.queue, made, global_size, items)
            except cl.Error as error:
                raise KernelUnavailable(
                    f"kernels/{family}.cl, {kernel}: {queue.name} refused the launch of "
                    f"{global_size} work-items in groups of {items}: {describe(error)}"
                ) from error
            queue.launched(event, kernel)
        counters.launches["opencl", kernel] += 1

    def _kernel(self, family: str, name: str, defines: dict[str, str | int]) -> tuple[Any, Pack]:
        """A kernel object of this thread, and the function that lays out its arguments."""
        program = self._program(family, tuple(defines.items()))
        signature = kernels.signatures(family, defines)[name]
        try:
            made = cl.Kernel(program, name)
        except cl.Error as error:
            raise KernelUnavailable(
                f"kernels/{family}.cl, {name}: {self.queue.name} has no such kernel: "
                f"{describe(error)}"
            ) from error
        made.set_scalar_arg_dtypes([None if arg.pointer else arg.dtype for arg in signature.args])
        return made, _packer(signature)

    def _program(self, family: str, defines: Defines) -> Any:
        key = (family, defines)
        with self._build_lock:
            if key in self._failed:
                raise KernelUnavailable(self._failed[key])
            if key not in self._programs:
                try:
                    self._programs[key] = self._build(family, defines)
                except cl.Error as error:
                    log = _first_error(str(error))
                    self._failed[key] = (
                        f"kernels/{family}.cl does not build on {self.queue.name}: {log}"
                    )
                    raise KernelUnavailable(self._failed[key]) from error
            return self._programs[key]

    def _build(self, family: str, defines: Defines) -> Any:
        source = kernels.source(family, {**dict(defines), "CPU": int(self.cpu)})
        with warnings.catch_warnings():
            # Some drivers write to the log on success, which pyopencl would warn about each time.
            warnings.simplefilter("ignore")
            return cl.Program(self.queue.context, source).build(OPTIONS)


def launcher_of(queue: Queue) -> OpenCLLauncher:
    """The one launcher of a device."""
    if queue.launcher is None:
        with queue.lock:
            queue.launcher = queue.launcher or OpenCLLauncher(queue)
    launcher: OpenCLLauncher = queue.launcher
    return launcher


def _packer(signature: kernels.Signature) -> Pack:
    """Lay arguments out for `set_args`: an array becomes its buffer and, if asked for, its offset.

    The function is a generated expression, because this runs at every launch.
    """
    parts: list[str] = []
    given = -1
    for arg in signature.args:
        if arg.offset:
            parts.append(f"args[{given}].offset")
        else:
            given += 1
            parts.append(f"args[{given}]" + (".block.buffer" if arg.pointer else ""))
    pack: Pack = eval(  # noqa: S307 (text of our own kernels)
        f"lambda args: [{', '.join(parts)}]"
    )
    return pack


def _first_error(log: str) -> str:
    """The line of a build log that says what is wrong."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return next(
        (line for line in lines if "error" in line.lower()), lines[0] if lines else "no log"
    )
