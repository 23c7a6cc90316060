"""Which OpenCL drivers there are, and how the loader gets to see them (Linux).

A driver is a library that an `.icd` file names, in /etc/OpenCL/vendors, in `pyopencl/.libs`, or in
the folder that OCL_ICD_VENDORS names. The wheel `intel-opencl-rt` brings a driver for the
processor, but its `.icd` file holds a placeholder that no loader finds; so while platforms are
asked for the first time, OCL_ICD_VENDORS points to a temporary folder that names it beside the
system's drivers. The loader reads the folder once, so it may go right afterwards. Elsewhere than on
Linux the loader asks the system, and nothing is done here.
"""

from __future__ import annotations

import ctypes
import os
import sys
import sysconfig
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path

WHEEL = "intel-opencl-rt"
WHEEL_LIBRARY = "libintelocl.so"
WHEEL_HELPERS = ("intel-cmplr-lib-rt", "tbb", "tcmlib", "umf")
"""Wheels with libraries that the driver needs; they may lie in another site-packages folder."""
PINNING = {
    "DPCPP_CPU_CU_AFFINITY": "close",
    "DPCPP_CPU_PLACES": "cores",  # the default, but Intel's driver warns where it is not said
    "POCL_AFFINITY": "1",
}
"""By which Intel's driver and PoCL give each of their threads a core of its own."""


@dataclass(frozen=True)
class Driver:
    """A driver library and the file that names it."""

    icd: str
    library: str
    bundled: bool = False
    """In pyopencl's own folder, which its loader reads whatever OCL_ICD_VENDORS says."""
    hidden_by_default: bool = False
    """The loader would not find it by itself."""


def users_choice() -> str:
    """What the user's own OCL_ICD_VENDORS says, or ''."""
    return os.environ.get("OCL_ICD_VENDORS", "")


def installed() -> list[Driver]:
    """Every driver that can be had, without loading any."""
    if sys.platform != "linux":
        return []
    chosen = users_choice()
    if chosen and not Path(chosen).is_dir():  # the loader then takes it as a library's name
        return [Driver("OCL_ICD_VENDORS", chosen), *_bundled()]
    seen = _read_folder(Path(chosen or os.environ.get("OPENCL_VENDOR_PATH") or system_folder()))
    found = [*seen, *_bundled()]
    if chosen:
        return found
    known = {os.path.realpath(driver.library) for driver in found}
    extra = {os.path.realpath(d.library): d for d in [*_environment_drivers(), *_wheel_driver()]}
    return found + [driver for path, driver in extra.items() if path not in known]


def system_folder() -> str:
    """Where the system's `.icd` files are."""
    return "/etc/OpenCL/vendors"


def _read_folder(folder: Path, **marks: bool) -> list[Driver]:
    found = []
    with suppress(OSError):
        for icd in sorted(folder.glob("*.icd")):
            with suppress(OSError):
                library = icd.read_text(errors="replace").partition("\n")[0].strip()
                found.append(Driver(str(icd), library, **marks))
    return found


def _bundled() -> list[Driver]:
    spec = find_spec("pyopencl")
    places = spec.submodule_search_locations or [] if spec else []
    drivers = [d for place in places for d in _read_folder(Path(place, ".libs"), bundled=True)]
    return [_beside(driver) for driver in drivers]


def _beside(driver: Driver) -> Driver:
    path = Path(driver.icd).parent / driver.library
    return Driver(driver.icd, str(path), bundled=True) if path.exists() else driver


def _environment_drivers() -> list[Driver]:
    """Drivers of a Conda environment; a wheel's placeholder path leads nowhere and is left out."""
    found = _read_folder(Path(sys.prefix, "etc/OpenCL/vendors"), hidden_by_default=True)
    return [d for d in found if os.path.isabs(d.library) and os.path.exists(d.library)]


def _wheel_driver() -> list[Driver]:
    paths = _wheel_files(WHEEL)
    return [Driver(WHEEL, p, hidden_by_default=True) for p in paths if p.endswith(WHEEL_LIBRARY)]


def _wheel_files(name: str) -> list[str]:
    try:
        paths = [os.path.abspath(str(path.locate())) for path in files(name) or []]
    except PackageNotFoundError:
        return []
    return [path for path in paths if ".so" in os.path.basename(path) and os.path.exists(path)]


def helper_folders(driver: Driver) -> list[str]:
    """Where to look for libraries that a driver needs and does not find by itself."""
    if driver.icd != WHEEL:
        return []
    return sorted({os.path.dirname(path) for name in WHEEL_HELPERS for path in _wheel_files(name)})


@contextmanager
def vendors(drivers: Iterable[Driver], without: Collection[str] = ()) -> Iterator[dict[str, str]]:
    """Variables under which the loader sees `drivers`, except the libraries in `without`.

    The folder behind them lasts as long as the context. Nothing is changed where the loader finds
    the same by itself.
    """
    ours = [d for d in drivers if not d.bundled]
    if not any(d.hidden_by_default or d.library in without for d in ours):
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="nnkit-icd-") as folder:
        shown = [driver for driver in ours if driver.library not in without]
        for number, driver in enumerate(shown):
            Path(folder, f"{number:02}.icd").write_text(driver.library + "\n")
        yield {"OCL_ICD_VENDORS": folder}


@contextmanager
def visible(drivers: Iterable[Driver], without: Collection[str] = ()) -> Iterator[None]:
    """Let this process's loader see the drivers for as long as the context lasts."""
    before = os.environ.get("OCL_ICD_VENDORS")
    with vendors(drivers, without) as variables:
        os.environ.update(variables)
        try:
            yield
        finally:
            if before is not None:
                os.environ["OCL_ICD_VENDORS"] = before
            elif variables:
                del os.environ["OCL_ICD_VENDORS"]


def pin_threads() -> None:
    """Ask drivers for processors to keep each thread on one core, unless the user chose.

    Their threads sleep between launches, and a woken one often lands on the core of the thread that
    woke it: a product of 2 ms then ran on one core of two. A process that may not use all cores is
    left alone, because the drivers count from the first core.
    """
    allowed = getattr(os, "sched_getaffinity", None)
    if allowed is not None and len(allowed(0)) == os.cpu_count() != 1:
        for name, value in PINNING.items():
            os.environ.setdefault(name, value)


def preload(libraries: Iterable[str]) -> None:
    """Load what a driver needs before the loader asks for the driver."""
    for path in libraries:
        ctypes.CDLL(path)


def fingerprint(drivers: Iterable[Driver]) -> list[list[str | int]]:
    """What tells one state of the drivers from another, without loading them."""
    rows: list[list[str | int]] = []
    for driver in drivers:
        row: list[str | int] = [driver.icd, driver.library]
        with suppress(OSError):
            state = os.stat(_resolved(driver.library))
            row += [state.st_mtime_ns, state.st_size]
        rows.append(row)
    return rows


def _resolved(library: str) -> str:
    """The path that the system's loader would take for a library named without one."""
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    places = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    places += [f"/usr/lib/{multiarch}", "/usr/lib64", "/usr/lib", "/usr/local/lib"]
    if os.path.dirname(library):
        return library
    candidates = (os.path.join(place, library) for place in places if place)
    return next((path for path in candidates if os.path.exists(path)), library)


def hardware() -> list[str]:
    """Device files of graphics cards: a card that comes or goes changes them."""
    patterns = ("dri/render*", "nvidia[0-9]*", "kfd", "dxg", "mali*")
    return sorted(str(path) for pattern in patterns for path in Path("/dev").glob(pattern))
