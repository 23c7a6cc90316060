"""`xp.linalg` and `xp.fft`: the standard's extensions, computed on the host and counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from nnkit.backends.opencl import signatures
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.create import asarray
from nnkit.backends.opencl.dtypes import FLOAT32, DType
from nnkit.backends.opencl.host import host_only
from nnkit.backends.opencl.queue import Queue

Functions = dict[str, Callable[..., Any]]


def linalg(main: Mapping[str, Any]) -> SimpleNamespace:
    """The namespace `linalg`; what stands in the main namespace too is the same function."""
    names = signatures.of(signatures.LINALG)
    table: Functions = {n: main.get(n) or host_only(f"linalg.{n}") for n in names}
    signatures.give(table, signatures.LINALG)
    return SimpleNamespace(**table)


def fft(with_device: Callable[[Callable[..., Array]], Callable[..., Array]]) -> SimpleNamespace:
    """The namespace `fft`; `with_device` gives its creation functions a default device."""
    table: Functions = {n: host_only(f"fft.{n}") for n in signatures.of(signatures.FFT)}
    for name in ("fftfreq", "rfftfreq"):
        table[name] = with_device(_frequencies(name))
    signatures.give(table, signatures.FFT)
    return SimpleNamespace(**table)


def _frequencies(name: str) -> Callable[..., Array]:
    def make(n: int, /, *, device: Queue, d: float = 1.0, dtype: DType | None = None) -> Array:
        values = getattr(np.fft, name)(n, d=d)
        return asarray(values.astype(dtype or FLOAT32), device=device)

    make.__doc__ = f"As `numpy.fft.{name}`."
    return make
