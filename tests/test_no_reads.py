"""A training step reads nothing back from the device: not the loss, not a count, not a flag."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import nnkit
from nnkit import counters, nn, optim
from nnkit.backend import Backend

OPTIMIZERS: dict[str, Callable[[list[nnkit.Tensor]], optim.Optimizer]] = {
    "SGD": lambda p: optim.SGD(p, lr=0.1),
    "SGD with momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-3),
    "Nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "Adam": lambda p: optim.Adam(p, lr=0.01, weight_decay=1e-3),
    "AMSGrad": lambda p: optim.Adam(p, lr=0.01, amsgrad=True, maximize=False),
    "AdamW": lambda p: optim.AdamW(p, lr=0.01),
    "NAdam": lambda p: optim.NAdam(p, lr=0.01, decoupled_weight_decay=True),
    "Lion": lambda p: optim.Lion(p, lr=0.01, weight_decay=1e-3),
    "Adagrad": lambda p: optim.Adagrad(p, lr_decay=0.1),
    "Adadelta": lambda p: optim.Adadelta(p, lr=10.0),
    "RMSprop": lambda p: optim.RMSprop(p, momentum=0.5, centered=True, eps=1e-3),
}
LOSSES = {"cross entropy": nn.CrossEntropyLoss, "squares": nn.MSELoss}


def reads(backend: Backend) -> int:
    return counters.to_host[backend.name].times


def uploads(backend: Backend) -> int:
    return counters.to_device[backend.name].times


@pytest.mark.parametrize("loss_name", LOSSES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_training_step_makes_no_read(
    name: str, loss_name: str, backend: Backend, rng: np.random.Generator
) -> None:
    model = nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))
    optimizer = OPTIMIZERS[name](list(model.parameters()))
    loss_function = LOSSES[loss_name]()
    x = nnkit.tensor(rng.normal(size=(6, 7)).astype(np.float32))
    targets = {
        "cross entropy": rng.integers(0, 3, 6),
        "squares": rng.normal(size=(6, 3)).astype(np.float32),
    }
    target = nnkit.tensor(targets[loss_name])
    losses = []
    before = reads(backend)
    for _ in range(5):
        optimizer.zero_grad()
        loss = loss_function(model(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss)
    assert reads(backend) == before, f"{reads(backend) - before} reads in five steps"
    values = [loss.item() for loss in losses]
    assert reads(backend) == before + 5, "the counter that this test rests on does not count"
    assert values[-1] < values[0], "and it did learn"


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_after_the_first_send_nothing_either(
    name: str, backend: Backend, rng: np.random.Generator
) -> None:
    """Learning rate and step count live on the device."""
    model = nn.Linear(7, 3)
    optimizer = OPTIMIZERS[name](list(model.parameters()))
    x = nnkit.tensor(rng.normal(size=(6, 7)).astype(np.float32))
    counted = []
    for _ in range(4):
        before = uploads(backend)
        optimizer.zero_grad()
        (model(x) * model(x)).mean().backward()
        optimizer.step()
        counted.append(uploads(backend) - before)
    assert counted[1:] == [0, 0, 0]
