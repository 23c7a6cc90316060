"""Simulated annealing: out of a local minimum, without reading the device."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import optim
from nnkit.backend import Backend
from tests.running import no_reads


def wavy(p: nnkit.Tensor) -> nnkit.Tensor:
    """p^4 - 4 p^2 + p: minima near -1.47 (the lower one) and near 1.35."""
    return (p**4 - 4.0 * p * p + p).sum()


@pytest.mark.parametrize(("temperature", "found"), [(0.0, 1.35), (4.0, -1.47)])
def test_heat_leads_out_of_a_local_minimum(temperature: float, found: float) -> None:
    p = nnkit.tensor([1.0], requires_grad=True)
    annealing = optim.SimulatedAnnealing([p], temperature, cooling=0.98, scale=0.3)
    for _ in range(400):
        loss = annealing.step(lambda: wavy(p))
    assert p.item() == pytest.approx(found, abs=0.05)
    assert loss.item() == pytest.approx(wavy(p).item(), rel=1e-6)


def test_a_rise_is_taken_as_often_as_metropolis_says() -> None:
    p = nnkit.tensor(np.zeros(()), requires_grad=True)
    annealing = optim.SimulatedAnnealing([p], temperature=2.0, cooling=1.0, scale=1.0)
    taken, rise = 0, 1.5
    for _ in range(600):
        p.data[...] = np.zeros(())
        annealing.loss = nnkit.tensor(np.zeros(()))
        annealing.step(lambda: p.detach() * 0.0 + rise)
        taken += p.item() != 0.0
    expected = math.exp(-rise / 2.0)
    assert taken / 600 == pytest.approx(expected, abs=4 * math.sqrt(expected / 600))


def test_a_step_reads_nothing_back(backend: Backend) -> None:
    p, q = (nnkit.tensor(np.ones(s, "float32"), requires_grad=True) for s in ((4, 7), ()))
    annealing = optim.SimulatedAnnealing([p, q], temperature=lambda step: 1.0 / (step + 1))
    with no_reads(backend, "a step of annealing"):
        for _ in range(3):
            annealing.step(lambda: (p * p).sum() + q * q)
    assert annealing.steps == 3
    assert p.grad is None


def test_a_candidate_without_a_loss_is_dropped() -> None:
    p = nnkit.tensor([1.0], requires_grad=True)
    losses = iter([1.0, math.nan])
    annealing = optim.SimulatedAnnealing([p], temperature=100.0)
    assert annealing.step(lambda: nnkit.tensor(next(losses))).item() == 1.0
    assert p.item() == 1.0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"temperature": -1.0}, "temperature must be at least 0, got -1"),
        ({"cooling": 1.5}, r"cooling must be in \[0, 1\], got 1\.5"),
        ({"scale": -1.0}, "scale must be at least 0, got -1"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        optim.SimulatedAnnealing([nnkit.tensor([1.0], requires_grad=True)], **options)
