"""Building our kernels as CUDA and launching them, on one device and its current stream.

CuPy has NVRTC flush subnormal numbers to zero (`-ftz=true`), so results below 1.2e-38 in float32
may be 0 where other backends keep them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cupy
import numpy as np
from cupy.cuda.compiler import CompileException
from cupy_backends.cuda.api.driver import CUDADriverError
from cupy_backends.cuda.api.runtime import CUDARuntimeError
from cupy_backends.cuda.libs.nvrtc import NVRTCError

from nnkit import counters, kernels
from nnkit.errors import DeviceError, KernelUnavailable
from nnkit.typing import Array, DType, Shape

REFUSED = frozenset({1, 98, 200, 209, 218, 222, 500, 701})
"""Codes of a launch or a build that never ran: invalid value, invalid device function, invalid
image, no binary for this GPU, invalid or unsupported PTX, not found, out of launch resources. Any
other code may speak of an earlier launch that failed while it ran."""

ERRORS = (CUDADriverError, CUDARuntimeError)
Ready = tuple[Any, Callable[[Sequence[Any]], tuple[Any, ...]]]


class CupyLauncher:
    """Launches kernels of `nnkit.kernels` on one GPU; see `nnkit.backends.device.launcher`."""

    name = "cupy"
    cpu = False

    def __init__(self, index: int, device: str) -> None:
        self.index, self.device = index, device
        attributes = cupy.cuda.Device(index).attributes
        self.compute_units = int(attributes["MultiProcessorCount"])
        self.max_group = int(attributes["MaxThreadsPerBlock"])
        self._ready: dict[tuple[str, str, tuple[tuple[str, str | int], ...]], Ready] = {}

    def empty(self, shape: Shape, dtype: DType) -> Array:
        """A new array whose elements are not set."""
        return cupy.empty(shape, dtype)

    def launch(
        self,
        family: str,
        kernel: str,
        groups: tuple[int, ...],
        items: tuple[int, ...],
        *args: Any,
        **defines: str | int,
    ) -> None:
        """Enqueue `kernel` of `kernels/<family>.cl` on `groups` blocks of `items` threads.

        Raises:
            KernelUnavailable: it cannot be built, or its launch is refused before it ran.
            DeviceError: this or an earlier launch failed after it had started.
        """
        key = (family, kernel, tuple(defines.items()))
        try:
            ready = self._ready.get(key)
            if ready is None:
                ready = self._ready[key] = self._build(family, kernel, defines)
            function, pack = ready
            function(groups, items, pack(args))
        except (CompileException, NVRTCError) as error:
            raise KernelUnavailable(
                f"kernels/{family}.cl does not build on {self.device}: {first_error(str(error))}"
            ) from error
        except ERRORS as error:
            raise failure(error, f"kernels/{family}.cl, {kernel}", self.device) from error
        counters.launches["cupy", kernel] += 1

    def _build(self, family: str, name: str, defines: dict[str, str | int]) -> Ready:
        """A kernel for this device, and the function that lays out its arguments."""
        module = cupy.RawModule(code=kernels.cuda_source(family, defines))
        function = module.get_function(name)
        function.kernel  # noqa: B018 (compiles now, so that a build error is not met in a launch)
        return function, packer(kernels.signatures(family, defines)[name])


def packer(signature: kernels.Signature) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Lay arguments out for a launch: numbers in the kernel's own types, offsets 0.

    A CuPy array's pointer holds the offset of its view already; a Python number would travel as
    64 bits whatever the kernel expects.
    """
    start = np.int64(0)
    casts = [None if arg.pointer or arg.dtype is None else arg.dtype.type for arg in signature.args]
    plan = [(arg.offset, cast) for arg, cast in zip(signature.args, casts, strict=True)]

    def pack(args: Sequence[Any]) -> tuple[Any, ...]:
        if len(args) != len(signature.given):
            names = ", ".join(arg.name for arg in signature.given)
            raise TypeError(f"kernel {signature.name}({names}) got {len(args)} arguments")
        given = iter(args)
        laid = []
        for offset, cast in plan:
            value = start if offset else next(given)
            laid.append(value if cast is None or offset else cast(value))
        return tuple(laid)

    return pack


def failure(error: Any, what: str, device: str) -> KernelUnavailable | DeviceError:
    """The error of ours that a CUDA error becomes: refused before it ran, or failed after."""
    if error.status in REFUSED:
        return KernelUnavailable(f"{what}: {device} refused the launch: {error}")
    return DeviceError(
        f"{what} on {device} failed: {error}. It, or a launch before it, had started; results may "
        "be lost. Fix: start the process anew; if it comes again, choose another backend by "
        "NNKIT_BACKEND."
    )


def first_error(log: str) -> str:
    """The line of a build log that says what is wrong."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return next(
        (line for line in lines if "error" in line.lower()), lines[0] if lines else "no log"
    )
