"""`nnkit info`: every backend and device that this machine has, tried out, and how to choose it."""

from __future__ import annotations

import platform
import sys
import warnings

from nnkit import cache, selection
from nnkit.backend import DeviceReport, adapter, adapter_names, label
from nnkit.errors import BackendUnavailable, FallbackWarning, NnkitError
from nnkit.report import WIDTH, fold
from nnkit.version import __version__

COLUMN = 18


def info_text(*, probe: bool = False) -> str:
    """What `nnkit info` prints.

    Args:
        probe: forget what was remembered and try every device anew.
    """
    if probe:
        cache.forget("opencl")
        cache.forget("cupy")
    machine = f"{platform.system()} {platform.machine()}"
    text = [f"nnkit {__version__}, Python {platform.python_version()}, {machine}", ""]
    told: list[str] = []
    for name in sorted(adapter_names(), key=lambda name: (name != "numpy", name)):
        text += _backend(name, told)
    return "\n".join([*text, *_in_use(told)])


def _backend(name: str, told: list[str]) -> list[str]:
    try:
        devices = adapter(name).survey()
    except BackendUnavailable as error:
        told.append(error.reason)
        return _entry(name, "-", error.reason, [_fix(error.remedy)])
    if not devices:
        return _entry(name, "-", "no device", [])
    return [line for device in devices for line in _device(device)]


def _device(device: DeviceReport) -> list[str]:
    if not device.selector:  # a driver without devices
        return _entry("", "FAIL", device.problem, [_fix(device.remedy)])
    title = f"{device.name} ({device.kind})"
    if device.problem:
        details = [device.driver, device.problem, _fix(device.remedy)]
        return _entry(device.selector, "FAIL", title, details)
    set_it = "set" if sys.platform == "win32" else "export"
    line = f"{set_it} NNKIT_BACKEND={device.selector}"
    return _entry(device.selector, "PASS", title, [device.driver, line])


def _entry(selector: str, verdict: str, title: str, details: list[str]) -> list[str]:
    lines = [part for line in (title, *details) if line for part in fold(line, WIDTH - COLUMN)]
    heads = [f"{selector:<{COLUMN - 6}}{verdict:<6}", *[" " * COLUMN] * (len(lines) - 1)]
    return [head + line for head, line in zip(heads, lines, strict=True)] + [""]


def _fix(remedy: str) -> str:
    return f"Fix: {remedy}" if remedy else ""


def _in_use(told: list[str]) -> list[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FallbackWarning)  # all its reasons stand above
            backend = selection.current()
    except (ValueError, NnkitError) as error:
        return fold(f"In use: nothing. {error}", WIDTH)
    selected = selection.in_use()
    if selected is None:
        return []
    lines = fold(f"In use: {label(backend)}, because {selected.why}", WIDTH)
    for skipped in selected.skipped:
        if skipped.reason not in told:
            lines += fold(
                f"  not {skipped.backend}: {skipped.reason}. {_fix(skipped.remedy)}", WIDTH
            )
    return lines
