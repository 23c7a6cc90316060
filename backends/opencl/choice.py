"""Choose among the devices that OpenCL offers, and say why one cannot be had."""

from __future__ import annotations

from nnkit.backends.opencl import drivers
from nnkit.backends.opencl.devices import AGAIN, ANOTHER_DRIVER, INVISIBLE, Devices
from nnkit.errors import BackendUnavailable


def choose(devices: Devices, wanted: str | None, *, auto: bool) -> int:
    """The index of the device to use.

    Args:
        devices: the inventory.
        wanted: None for the first that works, an index, or a part of a platform's, vendor's or
            device's name.
        auto: only a GPU or an accelerator will do.

    Raises:
        BackendUnavailable: with the reason and the remedy.
    """
    name = f"opencl:{wanted}" if wanted else "opencl"
    if not len(devices):
        raise nothing_there(devices, name)
    candidates = _matching(devices, wanted)
    if not candidates:
        raise BackendUnavailable(
            name, f"there is no device '{wanted}'", f"choose one of {_names(devices)}"
        )
    if auto:
        candidates = [i for i in candidates if devices[i]["kind"] != "cpu"]
        if not candidates:
            raise BackendUnavailable(
                name,
                f"it has only a CPU device here ({devices[0]['name']}), and on a CPU the default "
                "is NumPy",
                "to use it all the same, set NNKIT_BACKEND=opencl",
            )
    for index in candidates:
        if not devices.problem(index):
            return index
    raise _none_works(devices, name, candidates)


def _matching(devices: Devices, wanted: str | None) -> list[int]:
    if wanted is None:
        return list(range(len(devices)))
    if wanted.isdigit():
        return [int(wanted)] if int(wanted) < len(devices) else []
    names = [" ".join((d["platform"], d["vendor"], d["name"])).lower() for d in devices]
    return [index for index, text in enumerate(names) if wanted.lower() in text]


def _names(devices: Devices) -> str:
    return ", ".join(f"opencl:{i} ({d['name']}, {d['platform']})" for i, d in enumerate(devices))


def nothing_there(devices: Devices, name: str = "opencl") -> BackendUnavailable:
    """Why there is no device at all."""
    listing = devices.listing
    broken = "; ".join(driver_problem(*pair) for pair in listing.bad_drivers.items())
    if listing.problem:
        reason = broken or f"pyopencl cannot list its devices: {listing.problem}"
        return BackendUnavailable(name, reason, f"remove or update the driver; {AGAIN}")
    if listing.platforms:
        names = ", ".join(f"'{platform}'" for platform in listing.platforms)
        return BackendUnavailable(
            name, f"no device: the OpenCL platform {names} has none", ANOTHER_DRIVER
        )
    chosen = drivers.users_choice()
    if broken:
        reason = broken
    elif chosen:
        reason = f"pyopencl is installed, but OCL_ICD_VENDORS={chosen} has no OpenCL driver"
    else:
        reason = "pyopencl is installed, but no OpenCL driver is"
    return BackendUnavailable(
        name, reason, f"unset OCL_ICD_VENDORS, or {ANOTHER_DRIVER}" if chosen else ANOTHER_DRIVER
    )


def driver_problem(library: str, problem: str) -> str:
    """One phrase about a driver that does not load."""
    return f"the driver {library} does not load: {problem.removeprefix(library + ': ')}"


def _none_works(devices: Devices, name: str, indices: list[int]) -> BackendUnavailable:
    told = [
        f"opencl:{i} ({devices[i]['name']}, {devices[i]['platform']}) does not work: "
        f"{devices.problem(i)}"
        for i in indices
    ]
    return BackendUnavailable(name, "; ".join(told), remedy(devices, indices[0]))


def remedy(devices: Devices, index: int) -> str:
    """What to do about a device that cannot be used."""
    device = devices[index]
    if devices.problem(index) == INVISIBLE:
        return "call nnkit.use('opencl') before your own use of pyopencl"
    if device["platform"] == "Portable Computing Language" and device["driver"].startswith("3.0"):
        return (
            f"pip uninstall pocl-binary-distribution, and pip install 'nnkit[opencl-cpu]'; {AGAIN}"
        )
    return f"update the driver ({device['driver']}) or choose another device; {AGAIN}"
