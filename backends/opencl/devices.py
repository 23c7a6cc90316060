"""The devices that OpenCL offers here, and which of them work.

Everything is tried first in a process of its own (`probe.py`), remembered on disk, and only then
touched in this one. Drivers that end the process are hidden from the loader from then on.
"""

from __future__ import annotations

import os
import platform
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nnkit import cache, kernels, probe
from nnkit.backends.opencl import drivers
from nnkit.backends.opencl import probe as script
from nnkit.errors import BackendUnavailable
from nnkit.version import __version__

SCRIPT = Path(script.__file__)
ANOTHER_DRIVER = "install your GPU vendor's OpenCL driver"
if sys.platform == "linux" and platform.machine() == "x86_64":  # else the extra brings no driver
    ANOTHER_DRIVER += ", or pip install 'nnkit[opencl-cpu]'"
AGAIN = "try again with: nnkit info --probe"
INVISIBLE = (
    "this process cannot see it, because pyopencl had listed its platforms before nnkit was asked"
)

CHOOSING = (
    "OCL_ICD_VENDORS",
    "OPENCL_VENDOR_PATH",
    "CUDA_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL",
    "ONEAPI_DEVICE_SELECTOR",
    "POCL_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "ZE_AFFINITY_MASK",
)
"""Environment variables by which loaders and drivers choose what they show."""

Facts = dict[str, Any]


@dataclass
class Listing:
    """What the probes said, as it is kept on disk."""

    platforms: list[str] = field(default_factory=list)
    devices: list[Facts] = field(default_factory=list)
    verdicts: dict[str, str] = field(default_factory=dict)
    """By index: '' for a device that works, else what is wrong with it."""
    bad_drivers: dict[str, str] = field(default_factory=dict)
    """By library: why it does not load."""
    fatal_drivers: list[str] = field(default_factory=list)
    """Libraries that end the process when they are loaded: never shown to the loader."""
    preload: list[str] = field(default_factory=list)
    problem: str = ""
    """Why there is no listing at all."""


class Devices:
    """The inventory of this process; `the_devices()` gives the one there is."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.drivers = drivers.installed()
        self.key = _key(self.drivers)
        self.from_disk = False
        self._native: list[tuple[Any, Facts]] | None = None
        kept = cache.load("opencl", self.key)
        try:
            self.listing, self.from_disk = Listing(**kept), True
        except TypeError:  # nothing kept, or by another version
            self.listing = self._list()

    def __len__(self) -> int:
        return len(self.listing.devices)

    def __getitem__(self, index: int) -> Facts:
        return self.listing.devices[index]

    def __iter__(self) -> Iterator[Facts]:
        return iter(self.listing.devices)

    def _list(self) -> Listing:
        """Ask a process; if it dies, find the drivers that killed it and ask again without them."""
        listing = Listing()
        self._check_drivers(listing, self.drivers)
        with drivers.vendors(self.drivers, listing.fatal_drivers) as variables:
            outcome = probe.run(SCRIPT, "list", variables=variables)
        if outcome.problem:
            listing.problem = outcome.problem
        else:
            listing.platforms = outcome.answer["platforms"]
            listing.devices = outcome.answer["devices"]
        self._keep(listing)
        return listing

    def _check_drivers(self, listing: Listing, some: list[drivers.Driver]) -> None:
        if not some:
            return
        names = [driver.library for driver in some]
        outcome = probe.run(SCRIPT, "load", names, [drivers.helper_folders(d) for d in some])
        if not outcome.problem:
            for name, result in zip(names, outcome.answer, strict=True):
                listing.preload += result["preload"]
                if result["problem"]:
                    listing.bad_drivers[name] = result["problem"]
        elif len(some) == 1:
            listing.bad_drivers[names[0]] = outcome.problem
            listing.fatal_drivers.append(names[0])
        else:
            for driver in some:
                self._check_drivers(listing, [driver])

    def verdict(self, index: int) -> str:
        """'' if the device works, else what is wrong; asked of a process once, then remembered."""
        with self.lock:
            known = self.listing.verdicts.get(str(index))
            if known is None:
                known = self._try(index)
                self.listing.verdicts[str(index)] = known
                self._keep(self.listing)
            return known

    def _try(self, index: int) -> str:
        with drivers.vendors(self.drivers, self.listing.fatal_drivers) as variables:
            outcome = probe.run(SCRIPT, "try", index, str(kernels.FOLDER), variables=variables)
        return outcome.problem or str(outcome.answer)

    def _keep(self, listing: Listing) -> None:
        cache.save("opencl", self.key, asdict(listing))

    def confirm(self) -> None:
        """List the devices in this process too; what the disk remembers may be out of date."""
        with self.lock:
            if self._native is None and not self.listing.problem:
                self._native = self._list_here()
                if self.from_disk and [facts for _, facts in self._native] != self.listing.devices:
                    self.listing = self._list()
                self.from_disk = False

    def _list_here(self) -> list[tuple[Any, Facts]]:
        import pyopencl as cl

        drivers.preload(self.listing.preload)
        drivers.pin_threads()
        with drivers.visible(self.drivers, self.listing.fatal_drivers):
            return script.entries(cl)

    def problem(self, index: int) -> str:
        """Why the device cannot be used from here, or ''."""
        return self.verdict(index) or ("" if self.native(index) is not None else INVISIBLE)

    def native(self, index: int) -> Any:
        """The `pyopencl.Device` behind an index, or None where this process does not see it."""
        with self.lock:
            self.confirm()
            found = (device for device, facts in self._native or [] if facts == self[index])
            return next(found, None)


def _key(found: list[drivers.Driver]) -> list[Any]:
    """What the verdicts depend on; found out without loading a driver."""
    try:
        pyopencl = version("pyopencl")
    except PackageNotFoundError:
        pyopencl = "unknown"
    machine = [sys.version, platform.machine(), platform.node(), *drivers.hardware()]
    chosen = [os.environ.get(name, "") for name in CHOOSING]
    return [__version__, pyopencl, machine, chosen, drivers.fingerprint(found)]


_lock = threading.RLock()
_devices: tuple[int, Devices] | None = None


def the_devices() -> Devices:
    """The inventory, made at first use and again after `cache.forget`.

    Raises:
        BackendUnavailable: when pyopencl is not installed or cannot be imported.
    """
    global _devices
    with _lock:
        if find_spec("pyopencl") is None:
            raise BackendUnavailable(
                "opencl", "pyopencl is not installed", "pip install 'nnkit[opencl]'"
            )
        if _devices is None or _devices[0] != cache.generation:
            _devices = cache.generation, Devices()
        return _devices[1]


def inventory_so_far() -> Devices | None:
    """The inventory if it was made already."""
    return _devices[1] if _devices else None
