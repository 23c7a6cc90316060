"""Whether CuPy can work here, and if not, why: asked step by step, the cheap questions first."""

from __future__ import annotations

import ctypes
import sys
from importlib.util import find_spec
from typing import Any

from nnkit.errors import BackendUnavailable

INSTALL = "pip install 'nnkit[cuda12]', or 'nnkit[cuda13]' for a driver from 580 on"
DRIVER = "install or update NVIDIA's driver, or choose another backend by NNKIT_BACKEND"
LIBRARIES = ("libnvrtc", "libcublas", "nvrtc64", "cublas64")
"""CUDA's libraries that CuPy loads when it first needs them; its wheels do not hold them."""
NO_DEVICE = 100
"""CUDA_ERROR_NO_DEVICE."""


def require_cuda() -> None:
    """Return if CuPy is installed, imports, and sees a device through its driver.

    Raises:
        BackendUnavailable: with the first reason why not, and the remedy.
    """
    if find_spec("cupy") is None:
        raise BackendUnavailable("cupy", "CuPy is not installed", INSTALL)
    _require_driver()  # before CuPy is imported, which would take a third of a second for nothing
    cupy = _import()
    if not cupy.is_available():
        raise BackendUnavailable("cupy", *_mismatch(*_versions(cupy)))


def _require_driver() -> None:
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        raise BackendUnavailable(
            "cupy", f"there is no NVIDIA driver ({library} does not load)", DRIVER
        ) from None
    if code := driver.cuInit(0):
        reason = "the NVIDIA driver sees no GPU"
        if code != NO_DEVICE:
            reason = f"the NVIDIA driver does not start (CUDA error {code})"
        raise BackendUnavailable("cupy", reason, DRIVER)


def _import() -> Any:
    try:
        import cupy
    except Exception as error:  # a broken installation may raise anything
        text = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BackendUnavailable("cupy", f"CuPy does not import: {text}", INSTALL) from error
    return cupy


def _versions(cupy: Any) -> tuple[int, int]:
    """The driver's CUDA version and the one CuPy was built for, as numbers: 12040 is 12.4."""
    runtime = cupy.cuda.runtime
    return runtime.driverGetVersion(), runtime.runtimeGetVersion()


def _mismatch(driver: int, built_for: int) -> tuple[str, str]:
    """Reason and remedy where driver and CuPy are there but do not work together."""
    if driver // 1000 < built_for // 1000:
        supported = "no CUDA" if not driver else f"CUDA {version_text(driver)}"
        reason = f"the driver supports {supported}, this CuPy needs {version_text(built_for)}"
        return reason, "update NVIDIA's driver, or install the cupy-cuda package made for it"
    return "CuPy sees no usable CUDA device", DRIVER


def version_text(number: int) -> str:
    """'12.4' for 12040, as CUDA writes its versions."""
    return f"{number // 1000}.{number % 1000 // 10}"


def remedy(problem: str) -> str:
    """What to do about a device that is there and did not pass its probe."""
    if any(library in problem for library in LIBRARIES):
        major = _versions(_import())[1] // 1000
        return f"install CUDA's libraries: pip install 'cupy-cuda{major}x[ctk]'"
    return "update NVIDIA's driver, or choose another backend by NNKIT_BACKEND"


def device_count() -> int:
    """How many CUDA devices there are; asked after `require_cuda`."""
    return int(_import().cuda.runtime.getDeviceCount())


def device_name(index: int) -> str:
    """The name that the driver gives a device."""
    name: bytes = _import().cuda.runtime.getDeviceProperties(index)["name"]
    return name.decode()


def driver_text() -> str:
    """What the driver supports and what CuPy is, in one phrase."""
    cupy = _import()
    return f"CUDA driver {version_text(_versions(cupy)[0])}, CuPy {cupy.__version__}"
