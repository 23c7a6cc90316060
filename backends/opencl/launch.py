"""Launching kernels: programs once per device, kernel objects once per thread.

A launch on the warm path is: find the thread's kernel object, set its arguments, enqueue. Setting
and enqueueing hold the queue's lock. Nothing waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyopencl as cl

from nnkit import counters, kernels
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.memory import out_of_memory
from nnkit.backends.opencl.programs import Defines, Programs
from nnkit.backends.opencl.queue import Queue, describe
from nnkit.errors import DeviceError, KernelUnavailable
from nnkit.recording import active

SetArgs = Callable[[Sequence[Any]], None]


class Ready:
    """A kernel object of one thread, with the function that sets its arguments."""

    __slots__ = ("counted", "defines", "kernel", "name", "set_args", "signature", "where")

    def __init__(
        self, kernel: Any, signature: kernels.Signature, family: str, defines: Defines
    ) -> None:
        self.kernel, self.name, self.signature = kernel, signature.name, signature
        self.defines = (family, defines)
        self.set_args = _setter(kernel, signature)
        self.counted = ("opencl", signature.name)
        self.where = f"kernels/{family}.cl, {signature.name}"

    def clone(self) -> Ready:
        """Another kernel object of the same function, for arguments that stay set."""
        program = self.kernel.get_info(cl.kernel_info.PROGRAM)
        return Ready(cl.Kernel(program, self.name), self.signature, *self.defines)


class _Kernels(threading.local):
    """Each thread has its own kernel objects: two that set arguments on one would mix them."""

    def __init__(self) -> None:
        self.ready: dict[Any, Ready] = {}


class OpenCLLauncher:
    """Launches kernels of `nnkit.kernels` on one device; see `nnkit.backends.device.launcher`."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.name = "opencl"
        self.cpu = queue.cpu
        self.compute_units = queue.compute_units
        self.max_group = queue.max_group
        self.programs = Programs(queue.context, queue.cl_device, queue.name)
        self.per_thread = _Kernels()
        # A launch is two microseconds, of which each look-up takes some.
        self._lock, self._commands, self._launched = queue.lock, queue.queue, queue.launched

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
            DeviceError: the driver has no memory left to run it.
        """
        key = (family, kernel, tuple(defines.items()))
        ready = self.per_thread.ready.get(key)
        if ready is None:
            ready = self.per_thread.ready[key] = self.ready(family, kernel, defines)
        self.run(ready, groups, items, args)

    def run(
        self, ready: Ready, groups: tuple[int, ...], items: tuple[int, ...], args: Sequence[Any]
    ) -> None:
        """Enqueue a kernel that is ready in this thread; the rest is as in `launch`."""
        with self._lock:
            try:
                ready.set_args(args)
                event = cl.enqueue_nd_range_kernel(
                    self._commands, ready.kernel, groups, items, g_times_l=True
                )
            except cl.Error as error:
                event = self._once_more(ready, groups, items, args, error)
            self._launched(event, ready.name)
        counters.launches[ready.counted] += 1
        session = active.session
        if session is not None and getattr(session.recorder, "queue", None) is self.queue:
            session.recorder.launched(ready, groups, items, args)

    def _once_more(
        self,
        ready: Ready,
        groups: tuple[int, ...],
        items: tuple[int, ...],
        args: Sequence[Any],
        error: Any,
    ) -> Any:
        """Try again with an empty pool where memory ran out, as some drivers find only now."""
        queue = self.queue
        if not out_of_memory(error):
            raise self._refused(ready, groups, items, error) from error
        queue.pool.release_free()
        try:
            ready.set_args(args)
            return cl.enqueue_nd_range_kernel(
                self._commands, ready.kernel, groups, items, g_times_l=True
            )
        except cl.Error as again:
            if not out_of_memory(again):
                raise self._refused(ready, groups, items, again) from again
            raise DeviceError(
                f"{ready.where}: {queue.name} has no memory to run it ({describe(again)}); "
                f"{queue.pool.state()}. Fix: smaller batches, or free tensors you hold."
            ) from again

    def _refused(
        self, ready: Ready, groups: tuple[int, ...], items: tuple[int, ...], error: Any
    ) -> KernelUnavailable:
        return KernelUnavailable(
            f"{ready.where}: {self.queue.name} refused the launch of {groups} groups of "
            f"{items} work-items: {describe(error)}"
        )

    def ready(self, family: str, name: str, defines: dict[str, str | int]) -> Ready:
        """A kernel object for the calling thread alone."""
        complete: Defines = (*defines.items(), ("CPU", int(self.cpu)))
        program = self.programs.get(family, complete)
        signature = kernels.signatures(family, defines)[name]
        try:
            return Ready(cl.Kernel(program, name), signature, family, complete)
        except cl.Error as error:
            raise KernelUnavailable(
                f"kernels/{family}.cl, {name}: {self.queue.name} has no such kernel: "
                f"{describe(error)}"
            ) from error


def launcher_of(queue: Queue) -> OpenCLLauncher:
    """The one launcher of a device."""
    if queue.launcher is None:
        with queue.lock:
            queue.launcher = queue.launcher or OpenCLLauncher(queue)
    launcher: OpenCLLauncher = queue.launcher
    return launcher


def _setter(kernel: Any, signature: kernels.Signature) -> SetArgs:
    """Sets a kernel's arguments: an array becomes its buffer and, if asked for, its offset.

    The function is generated, because this runs at every launch. Whole numbers and structs rarely
    change between launches of one kernel: they are set again only when they do.
    """
    # A struct is of a void dtype: without one pyopencl tries each way to pass it (6 µs).
    kinds = [None if arg.pointer else arg.dtype or np.dtype(np.void) for arg in signature.args]
    kernel.set_scalar_arg_dtypes(kinds)
    parts: list[str] = []
    given = -1
    for arg in signature.args:
        if arg.offset:
            parts.append(f"args[{given}].offset")
        else:
            given += 1
            parts.append(f"args[{given}]" + (".block.buffer" if arg.pointer else ""))
    names = {"set_args": kernel.set_args, "set_arg": kernel.set_arg}
    exec(_setter_text(signature, parts), names)  # noqa: S102 (our kernels' text)
    setter: SetArgs = names.pop("setter")  # or it would hold itself, and the kernel
    return setter


def _setter_text(signature: kernels.Signature, parts: list[str]) -> str:
    """The text of `setter(args)`; `parts` are the values of the kernel's arguments."""
    everything = f"set_args({', '.join(parts)})"
    values = [k for k, arg in enumerate(signature.args) if not arg.pointer]
    if any((dtype := signature.args[k].dtype) and dtype.kind == "f" for k in values):
        # 0.0 equals -0.0 and is not the same: for numbers with a point, equality tells too little.
        return f"def setter(args):\n    {everything}"
    arrays = "; ".join(
        f"set_arg({k}, {parts[k]})" for k, arg in enumerate(signature.args) if arg.pointer
    )
    return f"""
last = None
def setter(args):
    global last
    values = ({"".join(parts[k] + ", " for k in values)})
    if values == last:
        {arrays or "pass"}
    else:
        {everything}
        last = values
"""
