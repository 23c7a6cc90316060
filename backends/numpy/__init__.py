"""The backend that is always there: NumPy, with large elementwise work spread over threads."""

from __future__ import annotations

from nnkit.backend import DeviceReport, register
from nnkit.backends.numpy.backend import NumpyBackend
from nnkit.errors import BackendUnavailable

_instance = NumpyBackend()


def open(device: str | None = None, *, auto: bool = False) -> NumpyBackend:
    """The NumPy backend; there is one, and it takes no device."""
    if device:
        raise BackendUnavailable("numpy", f"it has no device '{device}'", "write 'numpy' alone")
    register(_instance)
    return _instance


def survey() -> list[DeviceReport]:
    """The one device: the host."""
    facts = _instance.facts()
    driver = f"NumPy {facts['NumPy']}, {facts['threads']} threads"
    return [DeviceReport("numpy", _instance.device, "cpu", driver)]
