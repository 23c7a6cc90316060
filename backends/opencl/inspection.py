"""What `__array_namespace_info__()` tells, and which device is the default."""

from __future__ import annotations

from typing import Any

from nnkit.backend import open_backends
from nnkit.backends.opencl.dtypes import ALL, FLOAT32, INT64, DType
from nnkit.backends.opencl.queue import Queue

_KINDS = {
    "bool": "b", "signed integer": "i", "unsigned integer": "u", "integral": "iu",
    "real floating": "f", "complex floating": "c", "numeric": "iufc",
}  # fmt: skip


def default_device() -> Queue:
    """The device in use if it is one of OpenCL, else the one that `nnkit.use("opencl")` takes.

    Raises:
        BackendUnavailable: when there is none.
    """
    from nnkit import selection  # not above: nnkit chooses a backend, and imports this one for it

    backend: Any = selection.current()
    if not isinstance(getattr(backend, "queue", None), Queue):
        backend = selection.open_backend("opencl")
    queue: Queue = backend.queue
    return queue


def computes_in(device: Queue, dtype: DType) -> bool:
    """Whether arrays of the dtype can be made on the device."""
    return device.float64 or dtype.name not in ("float64", "complex128")


class Info:
    """The namespace's facts, by the names of the standard.

    Args:
        device: the namespace's own device, or None for the default one.
    """

    def __init__(self, device: Queue | None = None) -> None:
        self._device = device

    def capabilities(self) -> dict[str, Any]:
        """What the standard leaves open: masks work, shapes may depend on data, 64 axes."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> Queue:
        """Where arrays are made when no device is named."""
        return self._device or default_device()

    def devices(self) -> list[Queue]:
        """The default device, and the others that this process has opened."""
        first = self.default_device()
        opened = [getattr(backend, "queue", None) for backend in open_backends()]
        return [first, *(q for q in opened if isinstance(q, Queue) and q is not first)]

    def default_dtypes(self, *, device: Queue | None = None) -> dict[str, DType]:
        """The dtypes of arrays made from Python numbers; the same on every device."""
        return {
            "real floating": FLOAT32,
            "complex floating": ALL["complex64"],
            "integral": INT64,
            "indexing": INT64,
        }

    def dtypes(
        self, *, device: Queue | None = None, kind: str | tuple[str, ...] | None = None
    ) -> dict[str, DType]:
        """The dtypes by name that the device has, of one kind or several if `kind` says so."""
        at = device or self.default_device()
        kinds = (kind,) if isinstance(kind, str) else _KINDS if kind is None else kind
        letters = "".join(_KINDS[k] for k in kinds)
        return {n: d for n, d in ALL.items() if d.kind in letters and computes_in(at, d)}
