"""The same training step on each backend: forward, loss, backward, optimizer step, all finished."""

from __future__ import annotations

from typing import Any

import pytest

import nnkit
from bench import models
from bench.tasks import TASKS
from nnkit.backend import Backend, label

NAMES = ["xor", "digits", "small", "tiny_conv", "tiny_vgg", "tiny_lstm", "tiny_transformer"]


@pytest.mark.parametrize("name", NAMES)
def test_training_step(name: str, backend: Backend, benchmark: Any) -> None:
    task = TASKS[name]
    arrays = task.arrays()
    x, target = nnkit.tensor(arrays["x"]), nnkit.tensor(arrays["y"])
    model, loss_function = models.network(task), models.loss(task)
    models.load(model, arrays)
    optimizer = models.optimizer(task, model)

    def step() -> nnkit.Tensor:
        optimizer.zero_grad()
        loss = loss_function(model(x), target)
        loss.backward()
        optimizer.step()
        backend.synchronize()
        return loss

    first = step().item()
    benchmark.group = f"training step {task}"
    benchmark.extra_info["device"] = label(backend)
    benchmark(step)
    for _ in range(20):
        loss = step()
    assert loss.item() < first, "what was timed did not learn"
