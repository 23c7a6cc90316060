"""Kernel programs of one device: built once in a process, and kept on disk for the next one.

On disk lies what the driver's compiler made, under a key of everything that it depends on: source,
options, device and driver. What the driver no longer takes is built anew and replaced.
"""

from __future__ import annotations

import platform
import threading
import warnings
from contextlib import suppress
from functools import cache
from typing import Any

import pyopencl as cl

from nnkit import cache as disk
from nnkit import kernels
from nnkit.errors import KernelUnavailable

OPTIONS = ["-cl-std=CL1.2", "-cl-mad-enable"]
KIND = "program"
NO_CACHE: Any = False
"""pyopencl keeps programs too, unless it is told not to."""

Defines = tuple[tuple[str, str | int], ...]


class Programs:
    """The programs of one device, by kernel file and defines."""

    def __init__(self, context: Any, device: Any, name: str) -> None:
        self._context, self._device, self._name = context, device, name
        self._ready: dict[tuple[str, Defines], Any] = {}
        self._failed: dict[tuple[str, Defines], str] = {}
        self._lock = threading.Lock()
        self.built = 0
        """How many came from the compiler; the others came from the disk."""

    def get(self, family: str, defines: Defines) -> Any:
        """`kernels/<family>.cl`, built with the macros of `defines`.

        Raises:
            KernelUnavailable: it does not build; remembered, so that it is tried once.
        """
        key = (family, defines)
        with self._lock:
            if key in self._failed:
                raise KernelUnavailable(self._failed[key])
            if key not in self._ready:
                try:
                    self._ready[key] = self._made(kernels.source(family, dict(defines)))
                except cl.Error as error:
                    log = _first_error(str(error))
                    text = f"kernels/{family}.cl does not build on {self._name}: {log}"
                    self._failed[key] = text
                    raise KernelUnavailable(text) from error
            return self._ready[key]

    def _made(self, source: str) -> Any:
        key = [source, OPTIONS, identity(self._device)]
        with warnings.catch_warnings():
            # Some drivers write to the log on success, which pyopencl would warn about each time.
            warnings.simplefilter("ignore")
            binary = disk.load_bytes(KIND, key)
            if binary is not None:
                with suppress(cl.Error):  # an update that kept its version number may refuse it
                    made = cl.Program(self._context, [self._device], [binary])
                    return made.build(OPTIONS, cache_dir=NO_CACHE)
            made = cl.Program(self._context, source).build(OPTIONS, cache_dir=NO_CACHE)
            self.built += 1
            with suppress(cl.Error):  # not every driver gives it away
                (binary,) = made.get_info(cl.program_info.BINARIES)
                if binary:
                    disk.save_bytes(KIND, key, binary)
        return made


def identity(device: Any) -> list[str]:
    """What a compiled program depends on beside its source and options."""
    facts = [device.platform.name, device.platform.version, device.name, device.driver_version]
    return [*facts, device.version, _processor() if device.type & cl.device_type.CPU else ""]


@cache
def _processor() -> str:
    """What the host's processor can do: drivers for CPUs compile for exactly that.

    Their device names do not tell ("AMD EPYC"), and a home folder may be shared by two machines.
    """
    with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith(("flags", "Features")):
                return line.partition(":")[2].strip()
    return f"{platform.machine()} {platform.processor()}"


def _first_error(log: str) -> str:
    """The line of a build log that says what is wrong."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return next(
        (line for line in lines if "error" in line.lower()), lines[0] if lines else "no log"
    )
