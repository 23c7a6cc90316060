"""OpenCL: any GPU, accelerator or processor with a driver, by our own kernels.

Importing this imports no pyopencl; that waits until a device is opened.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from nnkit.backend import NOT_TRIED, DeviceReport
from nnkit.backends.opencl.choice import choose, driver_problem, nothing_there, remedy
from nnkit.backends.opencl.devices import (
    AGAIN,
    ANOTHER_DRIVER,
    Devices,
    Facts,
    inventory_so_far,
    the_devices,
)
from nnkit.errors import BackendUnavailable

if TYPE_CHECKING:
    from nnkit.backends.opencl.backend import OpenCLBackend

_opened: dict[str, OpenCLBackend] = {}
_lock = threading.RLock()


def open(device: str | None = None, *, auto: bool = False) -> OpenCLBackend:
    """The backend of one device; the same object for the same device each time.

    Args:
        device: an index of `nnkit info`, a part of a name, or None for the first that works (GPUs
            before accelerators before CPUs).
        auto: accept only a GPU or an accelerator.

    Raises:
        BackendUnavailable: with the reason and the remedy.
    """
    with _lock:
        devices = the_devices()
        if not auto or sys.platform != "linux" or any(facts["kind"] != "cpu" for facts in devices):
            devices.confirm()  # else only a CPU, which auto won't take: don't load its driver
        index = choose(devices, device, auto=auto)
        key = repr(sorted(devices[index].items()))
        if key not in _opened:
            _opened[key] = _make(devices, index)
        return _opened[key]


def _make(devices: Devices, index: int) -> OpenCLBackend:
    import pyopencl as cl

    from nnkit.backends.opencl.backend import OpenCLBackend

    try:
        return OpenCLBackend(devices.native(index), devices[index]["name"], index)
    except cl.Error as error:  # such as a card that another process has for itself
        reason = f"{devices[index]['name']} passed its probe, but the driver now says: {error}"
        raise BackendUnavailable(f"opencl:{index}", reason, AGAIN) from error


def survey() -> list[DeviceReport]:
    """Every device with its verdict, then every driver that does not load.

    Raises:
        BackendUnavailable: when there is nothing to list, with the reason and the remedy.
    """
    with _lock:
        devices = the_devices()
        devices.confirm()
        reports = [_report(devices, index) for index in range(len(devices))]
        if not reports:
            raise nothing_there(devices)
        for library, problem in devices.listing.bad_drivers.items():
            text = driver_problem(library, problem)
            reports.append(DeviceReport("", library, "driver", "", text, ANOTHER_DRIVER))
        return reports


def known() -> list[DeviceReport]:
    """The devices that this process has listed so far; nothing is loaded, listed or tried."""
    devices = inventory_so_far()
    if devices is None:
        return []
    return [_known(devices, index, facts) for index, facts in enumerate(devices)]


def _known(devices: Devices, index: int, facts: Facts) -> DeviceReport:
    problem = devices.listing.verdicts.get(str(index), NOT_TRIED)
    driver = f"{facts['platform']} {facts['driver']}"
    return DeviceReport(f"opencl:{index}", facts["name"], facts["kind"], driver, problem)


def _report(devices: Devices, index: int) -> DeviceReport:
    facts, problem = devices[index], devices.problem(index)
    driver = f"{facts['platform']} {facts['driver']}"
    fix = remedy(devices, index) if problem else ""
    return DeviceReport(f"opencl:{index}", facts["name"], facts["kind"], driver, problem, fix)
