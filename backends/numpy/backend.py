"""NumPy behind the port: arrays are `numpy.ndarray`, transfers cost nothing."""

from __future__ import annotations

import platform
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import array_api_compat.numpy as compat
import numpy as np

from nnkit import counters
from nnkit.backend import Namespace
from nnkit.backends.numpy import ext
from nnkit.backends.numpy.blocked import blocked
from nnkit.backends.numpy.conv import conv
from nnkit.backends.numpy.loss import cross_entropy
from nnkit.backends.numpy.matmul import linear
from nnkit.backends.numpy.record import Recorded, Recorder, current
from nnkit.backends.numpy.recording_namespace import RecordingNamespace
from nnkit.backends.numpy.threads import thread_count
from nnkit.dispatch import OPS, UPDATES
from nnkit.recording import spoil
from nnkit.typing import DType

Host = np.ndarray[Any, Any]
WRITTEN: dict[str, Callable[..., Any]] = {
    "conv": conv,
    "cross_entropy": cross_entropy,
    "linear": linear,
}
"""Ops that are written for NumPy, by name."""


class NumpyBackend:
    """Keeps the promises of `nnkit.backend.Backend` on the host."""

    name = "numpy"
    kind = "cpu"
    refuses = False

    def __init__(self) -> None:
        self.device = processor_name()
        self._xp = Namespace(compat, ext)
        self._recording_xp = RecordingNamespace(self._xp)
        self._blocked: dict[str, Callable[..., Any] | None] = {}

    @property
    def xp(self) -> Any:
        """The namespace; while the thread records a step, one that notes each call."""
        return self._xp if current() is None else self._recording_xp

    def recorder(self) -> Recorder:
        """What `nnkit.compile` records a step with."""
        return Recorder()

    def override(self, name: str) -> Callable[..., Any] | None:
        """Every elementwise op and update, done in blocks, and what is written for NumPy."""
        if current() is not None:
            return partial(_recorded, name, self._recording_xp)
        try:
            return WRITTEN.get(name) or self._blocked[name]
        except KeyError:
            function = OPS.get(name) or UPDATES.get(name)
            found = blocked(function) if function is not None and function.elementwise else None
            return self._blocked.setdefault(name, found)

    def owns(self, array: object) -> bool:
        """Whether it is a NumPy array or scalar."""
        return isinstance(array, np.ndarray | np.generic)

    def asarray(self, data: Host) -> Host:
        """The array itself: the host's memory is the device's."""
        counters.moved(counters.to_device, self.name, data.nbytes)
        recorder = current()
        if recorder is not None:
            recorder.uploaded(data)
        return np.asarray(data)

    def to_numpy(self, array: Host) -> Host:
        """The array itself."""
        counters.moved(counters.to_host, self.name, array.nbytes)
        spoil("it reads an array on the host")
        return np.asarray(array)

    def supports(self, dtype: DType) -> bool:
        """NumPy computes in every dtype of the standard."""
        return True

    def synchronize(self) -> None:
        """NumPy is never behind."""

    def facts(self) -> dict[str, str]:
        """Versions and threads."""
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return {
            "NumPy": np.__version__,
            "BLAS": f"{blas.get('name')} {blas.get('version')}",
            "threads": str(thread_count()),
        }


def _recorded(name: str, noting: Any, xp: Any, *arrays: Any, **options: Any) -> Any:
    """The op on arrays that note what is done with them."""
    seen = [a.view(Recorded) if isinstance(a, np.ndarray) else a for a in arrays]
    if name in WRITTEN:
        result = WRITTEN[name](noting, *seen, **options)
        if result is not NotImplemented:
            return result
    function = OPS.get(name) or UPDATES[name]
    return function.composed(noting, *seen, **options)


@cache
def processor_name() -> str:
    """The processor's name as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()
