"""CuPy behind the port: arrays are `cupy.ndarray`, one CUDA device a backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import array_api_compat.cupy as compat
import cupy
import numpy as np
from cupy._core import _routines_linalg as linalg

from nnkit import counters
from nnkit.backend import Namespace
from nnkit.backends import device as fused
from nnkit.backends.cupy.ext import Extension
from nnkit.backends.cupy.launch import ERRORS, CupyLauncher, failure
from nnkit.backends.cupy.presence import device_name, version_text
from nnkit.typing import Array, DType

Host = np.ndarray[Any, Any]


class CupyBackend:
    """Keeps the promises of `nnkit.backend.Backend` on one CUDA device.

    CUDA has a current device in each thread, and CuPy's operators work on that one. Every op begins
    with a call of this object (`override` before forward, `ext.contiguous` before backward), which
    makes its device the current one.
    """

    name = "cupy"
    kind = "gpu"
    refuses = True

    def __init__(self, index: int) -> None:
        self.index = index
        self.device = device_name(index)
        launcher = CupyLauncher(index, self.device)
        self.xp = Namespace(compat, Extension(self._enter, launcher))
        self._overrides = fused.overrides(launcher)

    def __repr__(self) -> str:
        return f"<nnkit backend cupy:{self.index} {self.device}>"

    def _enter(self) -> None:
        runtime = cupy.cuda.runtime
        if runtime.getDevice() != self.index:
            runtime.setDevice(self.index)

    def override(self, name: str) -> Callable[..., Any] | None:
        """The fused versions that OpenCL and CuPy share; products are cuBLAS's already."""
        self._enter()
        return self._overrides.get(name)

    def owns(self, array: object) -> bool:
        """Whether it is an array of this device."""
        return isinstance(array, cupy.ndarray) and array.device.id == self.index

    def asarray(self, data: Host) -> Array:
        """Copy a NumPy array to the device."""
        self._enter()
        counters.moved(counters.to_device, self.name, data.nbytes)
        return cupy.asarray(data)

    def to_numpy(self, array: Array) -> Host:
        """Copy an array to the host; waits for the device."""
        self._enter()
        counters.moved(counters.to_host, self.name, array.nbytes)
        return np.asarray(self._waiting("download", array.get))

    def supports(self, dtype: DType) -> bool:
        """Whether CuPy has the dtype: booleans, integers, floats and complex numbers."""
        return np.dtype(dtype).char in "?bBhHiIlLqQefdFD"

    def synchronize(self) -> None:
        """Wait until everything enqueued so far has run."""
        self._enter()
        self._waiting("synchronize", cupy.cuda.Device(self.index).synchronize)

    def _waiting(self, what: str, wait: Callable[[], Any]) -> Any:
        try:
            return wait()
        except ERRORS as error:
            raise failure(error, what, self.device) from error

    def facts(self) -> dict[str, str]:
        """Driver, versions, limits and memory in use."""
        self._enter()
        runtime, device = cupy.cuda.runtime, cupy.cuda.Device(self.index)
        free, total = device.mem_info
        pool, capability = cupy.get_default_memory_pool(), device.compute_capability
        tf32 = linalg.get_compute_type(np.float32) == linalg.COMPUTE_TYPE_TF32
        return {
            "CuPy": cupy.__version__,
            "CUDA driver": version_text(runtime.driverGetVersion()),
            "CUDA runtime": version_text(runtime.runtimeGetVersion()),
            "compute capability": f"{capability[:-1]}.{capability[-1]}",  # '120' is 12.0
            "multiprocessors": str(device.attributes["MultiProcessorCount"]),
            "float32 products": "TF32, as CUPY_TF32 asks" if tf32 else "full precision",
            "memory": f"{total:,} bytes ({free:,} free)",
            "memory in use": f"{pool.used_bytes():,} bytes ({pool.total_bytes():,} kept for reuse)",
        }
