"""Which backends the tests and the benchmarks run on, and what happens when one is not there."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from nnkit.backend import Backend
from nnkit.errors import BackendUnavailable
from nnkit.selection import open_backend
from tests.strict_backend import StrictBackend

strict = StrictBackend()


class BackendAbsent(Exception):
    """A backend that a test wants is not there."""

    def __init__(self, text: str, *, is_a_failure: bool) -> None:
        super().__init__(text)
        self.is_a_failure = is_a_failure


def names(chosen: str = "", *, all_devices: bool = False) -> list[str]:
    """`chosen` as a list; by default NumPy, strict, OpenCL, and CuPy where there is a GPU."""
    if chosen:
        return chosen.split(",")
    devices = opencl_devices() if all_devices else ["opencl"]
    return ["numpy", "strict", *devices, *(["cupy"] if has_cuda_gpu() else [])]


def opencl_devices() -> list[str]:
    """What to write into NNKIT_BACKEND for each OpenCL device whose probe passed."""
    from nnkit.backends.opencl import survey

    return [report.selector for report in survey() if not report.problem] or ["opencl"]


def opened(name: str) -> Backend:
    """The backend `name`, open; raises `BackendAbsent`, a failure where it must be there."""
    found = _open(name)
    if isinstance(found, BackendUnavailable):
        must = name.startswith("opencl") and opencl_expected()
        raise BackendAbsent(f"{'must work here, but ' if must else ''}{found}", is_a_failure=must)
    return found


@cache
def _open(name: str) -> Backend | BackendUnavailable:
    try:
        return strict if name == "strict" else open_backend(name)
    except BackendUnavailable as error:
        return error


def opencl_expected() -> bool:
    """Whether this machine has our CPU driver, or claims to be a test machine that has it."""
    if not (sys.platform == "linux" and platform.machine() == "x86_64"):
        return False
    try:
        return bool(version("intel-opencl-rt"))
    except PackageNotFoundError:
        return os.environ.get("CI", "").lower() in ("1", "true")


@cache
def has_cuda_gpu() -> bool:
    """Whether CuPy is installed and the driver sees a GPU; asked without importing CuPy."""
    if find_spec("cupy") is None:
        return False
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int()
    started = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
    return started and count.value > 0
