"""OpenCL behind the port: our own arrays, our own kernels, one device a backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyopencl as cl

from nnkit.backend import Namespace
from nnkit.backends import device as fused
from nnkit.backends.opencl import ext, xp
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.create import check_dtype
from nnkit.backends.opencl.launch import launcher_of
from nnkit.backends.opencl.queue import Queue
from nnkit.backends.opencl.record import Recorder
from nnkit.typing import DType

Host = np.ndarray[Any, Any]


class OpenCLBackend:
    """Keeps the promises of `nnkit.backend.Backend` on one OpenCL device."""

    name = "opencl"
    refuses = True

    def __init__(self, device: Any, name: str, index: int) -> None:
        self.queue = Queue(device, name)
        self.device = name
        self.kind = self.queue.kind
        self.index = index
        self.xp = Namespace(xp.namespace(self.queue), ext)
        self._overrides = fused.overrides(launcher_of(self.queue))

    def __repr__(self) -> str:
        return f"<nnkit backend opencl:{self.index} {self.device}>"

    def recorder(self) -> Recorder:
        """What `nnkit.compile` records a step with."""
        return Recorder(self.queue)

    def override(self, name: str) -> Callable[..., Any] | None:
        """The fused versions that OpenCL and CuPy share."""
        return self._overrides.get(name)

    def owns(self, array: object) -> bool:
        """Whether it is an array of this device."""
        return isinstance(array, Array) and array.device is self.queue

    def asarray(self, data: Host) -> Array:
        """Copy a NumPy array to the device."""
        check_dtype(self.queue, data.dtype)
        return Array.from_numpy(self.queue, data)

    def to_numpy(self, array: Array) -> Host:
        """Copy an array to the host; waits for the device."""
        return array.numpy()

    def supports(self, dtype: DType) -> bool:
        """Whether the device computes in this dtype."""
        name = np.dtype(dtype).name
        return self.queue.float64 if name in ("float64", "complex128") else name != "float16"

    def synchronize(self) -> None:
        """Wait until everything enqueued so far has run."""
        self.queue.synchronize()

    def tune(self, say: Callable[[str], object]) -> None:
        """Find and keep the fastest forms of kernels, and tell each one's rate."""
        from nnkit.backends.opencl.tune import tune  # not above: no other command needs it

        tune(self, say)

    def facts(self) -> dict[str, str]:
        """Driver, versions, limits and memory in use."""
        device, pool = self.queue.cl_device, self.queue.pool
        return {
            "pyopencl": cl.VERSION_TEXT,
            "platform": f"{device.platform.name} {device.platform.version}",
            "driver": device.driver_version,
            "compute units": str(self.queue.compute_units),
            "largest work-group": str(self.queue.max_group),
            "local memory": f"{self.queue.local_memory // 1024} KiB",
            "float64": "yes" if self.queue.float64 else "no",
            "memory in use": f"{pool.bytes_in_use:,} bytes ({pool.bytes_held:,} kept for reuse, "
            f"{pool.peak:,} at the peak, {pool.limit:,} at most)",
            "memory shared with NumPy": "yes" if pool.shares else "no",
        }
