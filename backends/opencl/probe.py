"""Runs in a process of its own (see `nnkit.probe`): load drivers, list devices, try one device.

It imports nothing of nnkit, so that it can be run by its path, and is started with everything that
the main process would do with a driver for the first time. `entries` is shared with the main
process, because both must number the devices alike.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

RANK = {"gpu": 0, "accelerator": 1, "cpu": 2}
TOLERANCE = 1e-5


def answer(task: str, *arguments: Any) -> Any:
    """Do one task: 'load' drivers, 'list' devices, or 'try' a device."""
    tasks: dict[str, Callable[..., Any]] = {
        "load": load,
        "list": list_devices,
        "try": try_device,
    }
    return tasks[task](*arguments)


def load(libraries: Sequence[str], helpers: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """Load each driver library as the OpenCL loader would, and say what went wrong.

    What a library needs and does not find is looked for in its `helpers` folders and loaded first.
    """
    return [_load(name, folders) for name, folders in zip(libraries, helpers, strict=True)]


def _load(library: str, folders: Sequence[str]) -> dict[str, Any]:
    preloaded: list[str] = []
    for _ in range(16):
        try:
            ctypes.CDLL(library)
        except OSError as error:
            missing = re.match(r"([^\s:/]+): cannot open shared object file", str(error))
            found = [os.path.join(f, missing[1]) for f in folders] if missing else []
            found = [path for path in found if os.path.exists(path) and path not in preloaded]
            if not found or not _loads(found[0]):
                return {"problem": str(error), "preload": []}
            preloaded.append(found[0])
        else:
            break
    return {"problem": "", "preload": preloaded}


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def list_devices() -> dict[str, Any]:
    """Every platform's name, and every device in nnkit's order."""
    import pyopencl as cl

    return {
        "platforms": [platform.name.strip() for platform in platforms(cl)],
        "devices": [facts for _, facts in entries(cl)],
    }


def platforms(cl: Any) -> list[Any]:
    """The platforms; a loader that finds none raises, which is an answer too."""
    try:
        found: list[Any] = cl.get_platforms()
    except cl.LogicError:
        return []
    return found


def entries(cl: Any) -> list[tuple[Any, dict[str, Any]]]:
    """Every device with its facts: GPUs first (with their own memory before others), CPUs last.

    Loaders list platforms in the order in which a folder happens to be read; this order is stable.
    """
    found = [
        (device, _facts(cl, platform, device))
        for platform in platforms(cl)
        for device in _devices(cl, platform)
    ]
    found = [(device, facts) for device, facts in found if facts["kind"] in RANK]
    found.sort(key=lambda pair: _order(pair[1]))
    for position, (_, facts) in enumerate(found):  # tell equal cards apart
        facts["twin"] = sum(_order(f) == _order(facts) for _, f in found[:position])
    return found


def _order(facts: dict[str, Any]) -> tuple[Any, ...]:
    names = facts["platform"], facts["name"], facts["driver"]
    return RANK[facts["kind"]], facts["kind"] == "gpu" and facts["shared_memory"], *names


def _devices(cl: Any, platform: Any) -> list[Any]:
    try:
        found: list[Any] = platform.get_devices()
    except cl.Error:  # a platform without devices
        return []
    return found


def _facts(cl: Any, platform: Any, device: Any) -> dict[str, Any]:
    types = cl.device_type
    kinds = [("gpu", types.GPU), ("accelerator", types.ACCELERATOR), ("cpu", types.CPU)]
    try:
        shared = bool(device.host_unified_memory)
    except cl.Error:  # newer drivers may have dropped the question
        shared = False
    return {
        "platform": platform.name.strip(),
        "name": device.name.strip(),
        "vendor": device.vendor.strip(),
        "kind": next((kind for kind, flag in kinds if device.type & flag), "custom"),
        "driver": device.driver_version.strip(),
        "version": device.version.strip(),
        "shared_memory": shared,
    }


def try_device(index: int, kernels: str) -> str:
    """Build and run real kernels on a device: '' when the numbers are right, else what is wrong."""
    os.environ["PYOPENCL_NO_CACHE"] = "1"  # it has to be built now, not read from a file
    os.environ["POCL_KERNEL_CACHE"] = "0"
    import pyopencl as cl

    device = entries(cl)[index][0]
    context = cl.Context([device])
    parts = [Path(kernels, name).read_text() for name in ("dialect.h", "probe.cl")]
    try:
        program = cl.Program(context, "#define real float\n" + "".join(parts)).build()
    except cl.Error as error:
        return f"it cannot build a kernel: {_first_complaint(str(error))}"
    try:
        return _wrong_numbers(cl, device, context, program)
    except cl.Error as error:
        return f"it cannot run a kernel: {_first_complaint(str(error))}"


def _first_complaint(text: str) -> str:
    """The line of a build log that says most."""
    log = text.partition("Build on <")[2].partition("\n")[2] or text
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["no message"])[0][:160]


def _wrong_numbers(cl: Any, device: Any, context: Any, program: Any) -> str:
    import numpy as np

    queue = cl.CommandQueue(context)
    x = np.linspace(-4, 4, 1000, dtype=np.float32)
    size = min(64, 1 << (int(device.max_work_group_size).bit_length() - 1))
    y, sums = np.empty_like(x), np.empty(4, dtype=np.float32)
    flags = cl.mem_flags
    on_device = cl.Buffer(context, flags.READ_ONLY | flags.COPY_HOST_PTR, hostbuf=x)
    mapped = cl.Buffer(context, flags.READ_WRITE, y.nbytes)
    summed = cl.Buffer(context, flags.READ_WRITE, sums.nbytes)
    shape, n = ((4 * size,), (size,)), np.int64(x.size)
    program.probe_map(queue, *shape, on_device, mapped, np.float32(0.5), n)
    program.probe_sum(queue, *shape, mapped, summed, n)
    cl.enqueue_copy(queue, y, mapped)
    cl.enqueue_copy(queue, sums, summed)
    right = 0.5 * x + 1 / (1 + np.exp(-x.astype(np.float64)))
    if not np.abs(y - right).max() <= TOLERANCE:
        return f"it computes wrong numbers: exp is off by {np.abs(y - right).max():.2g}"
    total, true = float(sums.sum(dtype=np.float64)), float(right.sum())
    if not abs(total - true) <= TOLERANCE * abs(true):
        return f"it computes wrong numbers: a sum is {total:.6g} instead of {true:.6g}"
    return ""
