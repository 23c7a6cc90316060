"""Sums over each axis of a square of float32 against NumPy's, side by side.

`python -m bench.sums` prints, for each OpenCL device, how many times NumPy's speed it reached. The
two take turns, and each is judged by its fastest round, which other work spoils least.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from nnkit.backend import Backend
from nnkit.backends.opencl import survey
from nnkit.selection import open_backend

SIDE, ROUNDS = 4096, 40


def seconds(run: Callable[[], Any]) -> float:
    """How long one call takes."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def ratio(backend: Backend, data: np.ndarray[Any, Any], axis: int | None) -> tuple[float, float]:
    """The fastest round of the device in ms, and NumPy's divided by it."""
    x = backend.asarray(data)

    def on_device() -> None:
        backend.xp.sum(x, axis=axis)
        backend.synchronize()

    def on_host() -> None:
        np.sum(data, axis=axis)

    on_device(), on_host()
    pairs = [(seconds(on_device), seconds(on_host)) for _ in range(ROUNDS)]
    device, host = (min(times) for times in zip(*pairs, strict=True))
    return device * 1e3, host / device


def main() -> None:
    data = np.random.default_rng(0).normal(size=(SIDE, SIDE)).astype(np.float32)
    print(f"sum of {SIDE}x{SIDE} float32: ms, and how many times NumPy's speed")
    for device in survey():
        if device.problem:
            continue
        backend = open_backend(device.selector)
        for axis in (0, 1, None):
            spent, times = ratio(backend, data, axis)
            print(f"{device.selector} {device.name}, axis {axis}: {spent:.2f} ms, {times:.2f} x")


if __name__ == "__main__":
    main()
