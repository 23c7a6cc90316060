"""The same training step on each backend: forward, loss, backward, optimizer step, all finished."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn, optim
from nnkit.backend import Backend, label

MODELS: dict[str, tuple[tuple[int, ...], int, Callable[..., optim.Optimizer]]] = {
    "64-50-10, batch 100, SGD": ((64, 50, 10), 100, lambda p: optim.SGD(p, lr=0.1)),
    "784-128-10, batch 64, Adam": ((784, 128, 10), 64, lambda p: optim.Adam(p, lr=1e-3)),
}


def perceptron(widths: tuple[int, ...]) -> nn.Module:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("name", MODELS)
def test_training_step(name: str, backend: Backend, benchmark: Any) -> None:
    widths, batch, make = MODELS[name]
    nnkit.manual_seed(0)
    rng = np.random.default_rng(0)
    x = nnkit.tensor(rng.random((batch, widths[0]), np.float32))
    target = nnkit.tensor(rng.integers(0, widths[-1], batch))
    model, loss_function = perceptron(widths), nn.CrossEntropyLoss()
    optimizer = make(list(model.parameters()))

    def step() -> nnkit.Tensor:
        optimizer.zero_grad()
        loss = loss_function(model(x), target)
        loss.backward()
        optimizer.step()
        backend.synchronize()
        return loss

    first = step().item()
    benchmark.group = f"training step {name}"
    benchmark.extra_info["device"] = label(backend)
    benchmark(step)
    for _ in range(20):
        loss = step()
    assert loss.item() < first, "what was timed did not learn"
