"""`nnkit.profile`: which ops it sees, what it says about them, and the trace."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import nnkit
from nnkit import nn, optim
from nnkit.backend import Backend


def test_rows_and_trace(backend: Backend, tmp_path: Path) -> None:
    model = nn.Linear(5, 3)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    x = nnkit.tensor(np.ones((4, 5), np.float32))

    @nnkit.compile
    def step(x: nnkit.Tensor) -> nnkit.Tensor:
        optimizer.zero_grad()
        loss = model(x).sum()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(4):
        step(x)
    with nnkit.profile() as p:
        step(x)
    names = [event.name for event in p.events]
    assert {"linear", "linear'", "sum", "sum'", "sgd"} <= set(names)
    (linear,) = (event for event in p.events if event.name == "linear")
    assert linear.multiply_adds == 4 * 5 * 3
    (gradient,) = (event for event in p.events if event.name == "linear'")
    assert gradient.multiply_adds == 4 * 5 * 3  # of the weight; x needs none
    assert linear.nbytes == 4 * (4 * 5 + 3 * 5 + 3 + 4 * 3)
    text = p.table()
    assert text == str(p)
    assert text.splitlines()[0].split()[-3:] == ["GB/s", "of", "peak"]
    assert len(text.splitlines()) == 1 + len(set(names))
    file = tmp_path / "trace.json"
    p.save_trace(file)
    events = json.loads(file.read_text())["traceEvents"]
    assert [event["name"] for event in events] == names
    assert all(event["dur"] > 0 for event in events)
    model(x)
    assert len(p.events) == len(names)  # nothing is seen outside


def test_gradients_and_updates_of_several_layers_count(backend: Backend) -> None:
    """Two matrices' gradients take twice the products of the layer; one launch may update all."""
    model = nn.Sequential(nn.Linear(5, 3), nn.Linear(3, 2))
    optimizer = optim.Adam(model.parameters())
    with nnkit.profile() as p:
        model(nnkit.tensor(np.ones((4, 5), np.float32))).sum().backward()
        optimizer.step()
    counts = [event.multiply_adds for event in p.events if event.name == "linear'"]
    assert counts == [2 * 4 * 3 * 2, 4 * 5 * 3]
    updates = [event for event in p.events if event.name == "adam"]
    assert len(updates) == (1 if backend.name == "opencl" else 4)
    numbers = sum(p.numel() for p in model.parameters())
    assert sum(event.nbytes for event in updates) >= 4 * 4 * numbers  # four arrays of float32
    assert all(event.seconds > 0 for event in updates)
