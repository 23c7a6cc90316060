"""The port: what nnkit asks of a backend, and which backends are open.

A backend is an adapter in `nnkit.backends.<name>` (or in another package, by the entry-point group
`nnkit.backends`). `nnkit` itself never imports one: it asks here, by name, and gets an object that
keeps the promises of `Backend`. How the name is chosen stands in `selection.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from nnkit.errors import BackendMismatch, closest
from nnkit.typing import Array, DType

ADAPTERS = ("cupy", "numpy", "opencl")


class Namespace:
    """An array API namespace with our extension `ext` beside `linalg` and `fft`.

    The names are copied once, so that looking one up costs no more than in the module itself.
    """

    def __init__(self, base: Any, ext: object) -> None:
        names = (name for name in dir(base) if not name.startswith("__"))
        vars(self).update({name: getattr(base, name) for name in names})
        self.base = base
        self.ext = ext

    def __getattr__(self, name: str) -> Any:  # reached only by a name that is not in the namespace
        raise AttributeError(
            f"the array namespace {self.base.__name__!r} has no {name!r}: ops may use only the "
            "array API standard and nnkit's `ext`"
        )


class Backend(Protocol):
    """What an adapter gives: a namespace, transfers, and fused overrides by op name.

    It may offer `recorder()` too, for `nnkit.compile`: see `nnkit/recording.py`; and `tune(say)`,
    which tries forms of its kernels, tells what it finds line by line, and keeps the fastest.
    """

    name: str
    """The adapter: 'numpy', 'cupy', 'opencl'."""
    device: str
    """The device as a person would call it."""
    kind: str
    """'cpu', 'gpu' or 'accelerator'."""
    refuses: bool
    """Whether its kernels may be refused; fused ops then keep their inputs for the CPU."""

    @property
    def xp(self) -> Any:
        """A namespace of the array API standard (2024.12) with the extension `xp.ext`."""

    def override(self, name: str) -> Callable[..., Any] | None:
        """The fused version of the op or update `name`, with the same contract, or None."""

    def owns(self, array: object) -> bool:
        """Whether `array` lives on this very device."""

    def asarray(self, data: np.ndarray[Any, Any]) -> Array:
        """Copy a NumPy array to the device (a host backend may share the memory)."""

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        """Copy an array to the host; waits until the device has computed it."""

    def supports(self, dtype: DType) -> bool:
        """Whether the device computes in this dtype (a name such as 'float64' will do)."""

    def synchronize(self) -> None:
        """Wait until the device has done everything asked of it so far."""

    def facts(self) -> dict[str, str]:
        """Driver, versions, limits and memory in use, for the report."""


@dataclass(frozen=True)
class DeviceReport:
    """One line of `nnkit info`: a device that a backend sees, and what its probe said."""

    selector: str  # what to write into NNKIT_BACKEND
    name: str
    kind: str
    driver: str
    problem: str = ""  # empty when the probe passed
    remedy: str = ""


NOT_TRIED = "not tried yet"
"""The problem of a device whose probe nobody has asked for so far."""


def adapter_names() -> list[str]:
    """The names that NNKIT_BACKEND may hold: ours and those of other packages."""
    return sorted({*ADAPTERS, *(entry.name for entry in _of_other_packages())})


def _of_other_packages() -> Any:
    from importlib.metadata import entry_points  # not above: it takes a tenth of our import

    return entry_points(group="nnkit.backends")


def adapter(name: str) -> ModuleType:
    """The adapter's module, imported now.

    It offers `open(device, auto=...) -> Backend`, `survey() -> list[DeviceReport]`, which tries
    every device, and may offer `known()`, which says what is known without trying.
    """
    if name in ADAPTERS:
        return import_module(f"nnkit.backends.{name}")
    for entry in (entry for entry in _of_other_packages() if entry.name == name):
        module: ModuleType = entry.load()
        return module
    raise ValueError(f"unknown backend '{name}'. {closest(name, adapter_names())}")


_open: list[Backend] = []
_lock = threading.RLock()


def register(backend: Backend) -> Backend:
    """Remember an opened backend, so that `backend_of` finds it by its arrays."""
    with _lock:
        if backend not in _open:
            _open.append(backend)
    return backend


def open_backends() -> Sequence[Backend]:
    """The backends that this process has opened so far."""
    return tuple(_open)


def numpy_backend() -> Backend:
    """The backend that is always there: the fallback of every other one."""
    backend: Backend = adapter("numpy").open(None, auto=False)
    return register(backend)


def backend_of(array: object) -> Backend:
    """The open backend that owns a raw array."""
    for backend in _open:
        if backend.owns(array):
            return backend
    host = numpy_backend()
    if host.owns(array):
        return host
    raise BackendMismatch(
        f"no open backend owns a {type(array).__name__}. Fix: make tensors with nnkit.tensor(data)."
    )


def label(backend: Backend) -> str:
    """Name and device in one phrase: 'opencl (AMD EPYC, cpu)'."""
    return f"{backend.name} ({backend.device}, {backend.kind})"
