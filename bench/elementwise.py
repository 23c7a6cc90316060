"""Elementwise functions of ten million float32 against NumPy's own calls, side by side.

`python -m bench.elementwise [name …]` prints, for each OpenCL device, how many times NumPy's speed
it reached. NumPy's calls are without `out=`, as users write them. The two take turns, and each is
judged by its fastest round, which other work spoils least.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.sums import seconds
from nnkit.backend import Backend
from nnkit.backends.opencl import survey
from nnkit.backends.opencl.rules import UNARY
from nnkit.selection import open_backend

SIZE, ROUNDS = 10_000_000, 15
NAMES = ("add", "exp", "tanh", "relu")


def call(xp: Any, name: str, x: Any, z: Any) -> Any:
    """One function of a namespace; relu is max(x, 0)."""
    if name == "relu":
        return xp.maximum(x, 0.0)
    return getattr(xp, name)(x) if name in UNARY else getattr(xp, name)(x, z)


def ratio(backend: Backend, name: str, x: Any, z: Any) -> tuple[float, float]:
    """The fastest round of the device in ms, and NumPy's divided by it."""
    a, b = backend.asarray(x), backend.asarray(z)

    def on_device() -> None:
        call(backend.xp, name, a, b)
        backend.synchronize()

    both: tuple[Callable[[], None], ...] = (on_device, lambda: call(np, name, x, z))
    on_device()
    pairs = [[seconds(run) for run in both] for _ in range(ROUNDS)]
    device, numpy = (min(times) for times in zip(*pairs, strict=True))
    return device * 1e3, numpy / device


def main() -> None:
    rng = np.random.default_rng(0)
    x, z = (rng.normal(size=SIZE).astype(np.float32) for _ in range(2))
    print(f"{SIZE:,} float32: ms, and how many times NumPy's speed")
    for device in survey():
        if device.problem:
            continue
        backend = open_backend(device.selector)
        for name in sys.argv[1:] or NAMES:
            spent, times = ratio(backend, name, x, z)
            print(f"{device.selector} {device.name}, {name}: {spent:.2f} ms, {times:.2f} x")


if __name__ == "__main__":
    main()
