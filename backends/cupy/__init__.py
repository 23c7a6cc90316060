"""CUDA GPUs by CuPy: its arrays, cuBLAS for products, and our kernels read as CUDA.

Importing this imports no CuPy; that waits until a device is asked for.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from nnkit.backend import DeviceReport
from nnkit.backends.cupy.presence import (
    device_count,
    device_name,
    driver_text,
    remedy,
    require_cuda,
)
from nnkit.errors import BackendUnavailable

if TYPE_CHECKING:
    from nnkit.backends.cupy.backend import CupyBackend

_opened: dict[int, CupyBackend] = {}
_verdicts: dict[int, str] = {}
_lock = threading.RLock()


def open(device: str | None = None, *, auto: bool = False) -> CupyBackend:
    """The backend of one CUDA device; the same object for the same device each time.

    Args:
        device: its number, as in `cupy:1`; the first where None.
        auto: makes no difference, because every CUDA device is a GPU.

    Raises:
        BackendUnavailable: with the reason and the remedy.
    """
    with _lock:
        require_cuda()
        index = _index(device, device_count())
        if problem := _problem(index):
            raise BackendUnavailable("cupy", f"{device_name(index)}: {problem}", remedy(problem))
        return _opened[index]


def survey() -> list[DeviceReport]:
    """Every CUDA device with the verdict of its probe.

    Raises:
        BackendUnavailable: when there is none, with the reason and the remedy.
    """
    with _lock:
        require_cuda()
        return [_report(index, _problem(index)) for index in range(device_count())]


def known() -> list[DeviceReport]:
    """The CUDA devices that this process has tried so far; nothing is loaded or tried."""
    return [_report(index, problem) for index, problem in sorted(_verdicts.items())]


def _report(index: int, problem: str) -> DeviceReport:
    fix = remedy(problem) if problem else ""
    return DeviceReport(f"cupy:{index}", device_name(index), "gpu", driver_text(), problem, fix)


def _problem(index: int) -> str:
    """What the probe of a device says, '' if it passed; the backend is then in `_opened`."""
    if index not in _verdicts:
        from nnkit.backends.cupy.probe import attempt

        made, _verdicts[index] = attempt(index)
        if made is not None:
            _opened[index] = made
    return _verdicts[index]


def _index(device: str | None, count: int) -> int:
    if device is None:
        return 0
    if not device.isdecimal() or int(device) >= count:
        choices = ", ".join(f"cupy:{i}" for i in range(count))
        raise BackendUnavailable("cupy", f"it has no device '{device}'", f"choose of {choices}")
    return int(device)
