"""SciPy's minimisers: the published example of sleep and study, and helpful errors."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn, optim
from nnkit.backend import Backend
from nnkit.nn import utils


@pytest.fixture(autouse=True)
def scipy() -> ModuleType:
    return pytest.importorskip("scipy.optimize", reason="SciPy is not installed")


class Sleep:
    """Hours of sleep and study and the score of a test; 2 -> 3 -> 1 sigmoid network, no biases."""

    def __init__(self, seed: int, dtype: str = "float64") -> None:
        x, y = np.array([[3.0, 5], [5, 1], [10, 2]]), np.array([[75.0], [82], [95]])
        self.x = nnkit.tensor((x / x.max(axis=0)).astype(dtype))
        self.y = nnkit.tensor((y / 100).astype(dtype))
        rng = np.random.RandomState(seed)
        layers = [
            nn.Linear(*sizes, bias=False, dtype=dtype, weight_init=rng.randn(*sizes).T)
            for sizes in ((2, 3), (3, 1))
        ]
        self.model = nn.Sequential(layers[0], nn.Sigmoid(), layers[1], nn.Sigmoid())

    def loss(self) -> Any:
        difference = self.model(self.x) - self.y
        return 0.5 * (difference * difference).sum()

    def closure(self) -> Any:
        self.model.zero_grad()
        loss = self.loss()
        loss.backward()
        return loss


@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_of_sleep_and_study_is_the_numeric_one(seed: int) -> None:
    problem = Sleep(seed)
    params = list(problem.model.parameters())
    problem.closure()
    analytic = utils.parameters_to_vector([p.grad for p in params]).numpy()

    def loss_at(vector: np.ndarray) -> float:
        utils.vector_to_parameters(nnkit.tensor(vector), params)
        return float(problem.loss().item())

    numeric = nnkit.numeric_gradient(loss_at, utils.parameters_to_vector(params).numpy())
    assert analytic.shape == (9,)
    relative = np.linalg.norm(numeric - analytic) / np.linalg.norm(numeric + analytic)
    assert relative < 1e-8


def test_bfgs_learns_sleep_and_study_from_most_starts() -> None:
    reached = 0
    for seed in range(12):
        problem = Sleep(seed)
        optimizer = optim.SciPyOptimizer(problem.model.parameters(), "BFGS", max_iter=200)
        loss = optimizer.step(problem.closure).item()
        assert loss == pytest.approx(problem.loss().item(), rel=1e-12, abs=1e-15)
        assert optimizer.result.nit <= 200
        reached += loss < 1e-6
    assert reached >= 9, f"{reached} of 12"


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "CG"])
def test_on_a_device_in_float32(method: str, backend: Backend) -> None:
    problem = Sleep(1, "float32")
    before = problem.loss().item()
    optimizer = optim.SciPyOptimizer(problem.model.parameters(), method, max_iter=10)
    assert optimizer.step(problem.closure).item() < before / 5
    assert {p.backend for p in optimizer.params} == {backend}


def test_what_is_frozen_stays() -> None:
    problem = Sleep(0)
    weight = problem.model[0].weight
    weight.requires_grad = False
    before = weight.numpy().copy()
    optimizer = optim.SciPyOptimizer(problem.model.parameters(), max_iter=3)
    optimizer.step(problem.closure)
    assert len(optimizer.params) == 1
    np.testing.assert_array_equal(weight.numpy(), before)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda p: optim.SciPyOptimizer([p], "bfsg"), ValueError, "'bfsg'. Did you mean 'bfgs'"),
        (lambda p: optim.SciPyOptimizer([p.detach()]), ValueError, "got no parameters that requ"),
        (lambda p: optim.SciPyOptimizer([1.0]), TypeError, "parameter 0 is a float, no tensor"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make(nnkit.tensor([1.0], requires_grad=True))
