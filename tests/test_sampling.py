"""Adaptive weighted sampling: the estimate stays unbiased, and its variance falls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn, optim
from nnkit.backend import Backend

N = 200


@pytest.fixture
def skewed(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A regression in which every twentieth example is far off: x (N, 3), y (N, 1)."""
    x = rng.normal(size=(N, 3))
    y = x @ np.array([[1.0], [-2.0], [0.5]]) + 0.1 * rng.normal(size=(N, 1))
    y[::20] += 10.0
    return x.astype(np.float32), y.astype(np.float32)


def gradients(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Of each example's squared error by the weights w: (N, 3)."""
    return 2.0 * (x @ w - y) * x


def variance(q: np.ndarray, g: np.ndarray) -> float:
    """The trace of the covariance of w_i g_i, i drawn by q."""
    mean = g.mean(axis=0)
    return float(((g / N) ** 2 / q[:, None]).sum() - mean @ mean)


def learnt(g: np.ndarray, features: Any = None, draws: int = 300) -> optim.AdaptiveSampler:
    sampler = optim.AdaptiveSampler(N, features, lr=1.0)
    norms = np.linalg.norm(g, axis=1)
    for _ in range(draws):
        index, _ = sampler.draw(16)
        sampler.update(norms[index])
    return sampler


def test_the_variance_falls_far_below_that_of_uniform_sampling(skewed: Any) -> None:
    g = gradients(*skewed, np.array([[1.0], [-2.0], [0.5]]))
    uniform = variance(np.full(N, 1 / N), g)
    best = (0.9 * np.linalg.norm(g, axis=1) / np.linalg.norm(g, axis=1).sum()) + 0.1 / N
    found = variance(learnt(g).probabilities(), g)
    assert found < uniform / 10, f"{found} after {uniform}; the best is {variance(best, g)}"


def test_what_examples_have_in_common_is_learnt_sooner(skewed: Any) -> None:
    g = gradients(*skewed, np.array([[1.0], [-2.0], [0.5]]))
    kind = np.zeros((N, 2))
    kind[:, 0], kind[::20, 0], kind[::20, 1] = 1.0, 0.0, 1.0
    few = [variance(learnt(g, f, draws=25).probabilities(), g) for f in (None, kind)]
    assert few[1] < few[0]
    assert few[1] < variance(np.full(N, 1 / N), g) / 10


def test_the_estimate_stays_unbiased(skewed: Any) -> None:
    g = gradients(*skewed, np.zeros((3, 1)))
    sampler = learnt(gradients(*skewed, np.array([[1.0], [-2.0], [0.5]])), draws=100)
    assert sampler.probabilities().sum() == pytest.approx(1.0, abs=1e-12)
    assert sampler.probabilities().min() >= 0.1 / N
    index, weight = sampler.draw(40_000)
    drawn = weight[:, None] * g[index]
    error = np.abs(drawn.mean(axis=0) - g.mean(axis=0))
    assert np.all(error <= 4 * drawn.std(axis=0) / np.sqrt(len(index)))
    assert np.abs(g[index].mean(axis=0) - g.mean(axis=0)).max() > 10 * error.max()


def test_equal_gradients_leave_the_draws_uniform() -> None:
    sampler = optim.AdaptiveSampler(10, lr=5.0)
    for _ in range(50):
        sampler.draw(4)
        sampler.update(np.full(4, 3.0))
    np.testing.assert_allclose(sampler.probabilities(), np.full(10, 0.1), rtol=0.2)


def test_awsgd_descends_with_the_sampler(skewed: Any, backend: Backend) -> None:
    """The weighted loss follows that of all examples, and what is far off is drawn more often."""
    x, y = skewed
    model, squares = nn.Linear(3, 1, bias=False), nn.MSELoss(reduction="none")
    sampler = optim.AdaptiveSampler(N, lr=1.0)
    optimizer = optim.AWSGD(model.parameters(), sampler, lr=0.02)

    def error() -> float:
        return float(squares(model(nnkit.tensor(x)), nnkit.tensor(y)).mean().item())

    before = error()
    for _ in range(60):
        index, weight = optimizer.sample(16)
        assert (weight.backend, weight.shape) == (backend, (16,))
        output, target = model(nnkit.tensor(x[index])), nnkit.tensor(y[index])
        optimizer.zero_grad()
        (squares(output, target).flatten() * weight).mean().backward()
        optimizer.step(norms=optim.output_gradient_norms(squares, output, target))
    least = np.linalg.lstsq(x, y, rcond=None)[1][0] / N
    assert error() - least < 0.3 * (before - least)
    q = sampler.probabilities()
    assert q[::20].mean() > 2 * np.delete(q, np.s_[::20]).mean()


def test_saved_and_loaded_it_draws_the_same(skewed: Any) -> None:
    g = gradients(*skewed, np.zeros((3, 1)))
    p = nnkit.tensor([1.0], requires_grad=True)
    first = optim.AWSGD([p], learnt(g, draws=20))
    second = optim.AWSGD([p], optim.AdaptiveSampler(N, lr=1.0))
    second.load_state_dict(first.state_dict())
    for _ in range(3):
        draws = [optimizer.sampler.draw(8)[0] for optimizer in (first, second)]
        np.testing.assert_array_equal(*draws)
        for optimizer in (first, second):
            optimizer.step(norms=np.linalg.norm(g[draws[0]], axis=1))
    np.testing.assert_array_equal(first.sampler.tau, second.sampler.tau)


def update_with(norms: Any) -> None:
    sampler = optim.AdaptiveSampler(5)
    sampler.draw(2)
    sampler.update(norms)


@pytest.mark.parametrize(
    ("do", "error", "text"),
    [
        (lambda: optim.AdaptiveSampler(0), ValueError, "n must be at least 1, got 0"),
        (lambda: optim.AdaptiveSampler(3, uniform=0.0), ValueError, r"uniform must be in \(0, 1\]"),
        (lambda: optim.AdaptiveSampler(3, [[1.0]]), ValueError, r"the shape \(3, k\), got \(1, 1"),
        (lambda: optim.AdaptiveSampler(3).update([1.0]), RuntimeError, r"Fix: draw\(size\) first"),
        (lambda: update_with([1.0]), ValueError, "norms must be 2 finite numbers"),
        (lambda: update_with([1.0, np.nan]), ValueError, "norms must be 2 finite numbers"),
    ],
)
def test_what_makes_no_sense_is_refused(do: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        do()
