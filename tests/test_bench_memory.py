"""Replays of a compiled step do not grow memory."""

from __future__ import annotations

import sys

import pytest

import nnkit
from bench import models
from bench.memory import MIB, growth, reset_peak, resident
from bench.tasks import TASKS
from nnkit.backend import Backend

linux = pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")


@linux
def test_replays_do_not_grow_memory(backend: Backend) -> None:
    """A step that kept one array of 64x50 float32 would keep 25 MB after 2,000 replays."""
    task = TASKS["digits"]
    arrays, model, criterion = task.arrays(), models.network(task), models.loss(task)
    models.load(model, arrays)
    optimizer = models.optimizer(task, model)
    x, y = nnkit.tensor(arrays["x"]), nnkit.tensor(arrays["y"])

    @nnkit.compile
    def step(x: nnkit.Tensor, y: nnkit.Tensor) -> None:
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()

    def run(steps: int) -> None:
        for _ in range(steps):
            step(x, y)
        backend.synchronize()

    assert growth(run, 2000, warm=100) < 4 * MIB
    if backend.name != "strict":
        assert not step.reason, "what was measured are not replays"


@linux
def test_the_peak_is_seen_and_set_back() -> None:
    import numpy as np

    reset_peak()
    before = resident("VmHWM")
    held = np.ones(4 * MIB)
    assert resident("VmHWM") - before > 30 * MIB
    del held
    reset_peak()
    assert resident("VmHWM") - before < 16 * MIB
