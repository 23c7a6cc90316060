"""The neural stack beside the published figure, and what its controller can learn."""

from __future__ import annotations

import numpy as np
import pytest

import nnkit
from nnkit import nn, optim
from nnkit.backend import Backend
from tests.compare import assert_close

PUSH, POP = [0.8, 0.5, 0.9], [0.0, 0.1, 0.9]


def test_the_papers_figure(backend: Backend) -> None:
    """Grefenstette et al. 2015, figure 1: r_1 = 0.8 v1, r_2 = 0.5 v1 + 0.5 v2, …"""
    stack, state = nn.NeuralStack(), None
    reads, strengths = [], []
    for t in range(3):
        one = nnkit.tensor(np.eye(3)[t : t + 1])
        d, u = (nnkit.tensor(np.array([x[t]])) for x in (PUSH, POP))
        r, state = stack(d, u, one, state)
        reads.append(r.numpy()[0])
        strengths.append(state.strengths.numpy()[0])
    expected = [[0.8, 0.0, 0.0], [0.5, 0.5, 0.0], [0.1, 0.0, 0.9]]
    np.testing.assert_allclose(np.array(reads), expected, rtol=0, atol=1e-15)
    for found, wanted in zip(strengths, ([0.8], [0.7, 0.5], [0.3, 0.0, 0.9]), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-15)


@pytest.mark.parametrize("make", [nn.NeuralStack, nn.NeuralQueue])
def test_a_long_memory_keeps_its_digits(make: type, backend: Backend) -> None:
    """Sums of strengths grow; what lies at the end that is read must not be lost in them."""
    rng = np.random.default_rng(0)
    signals = rng.random((100, 2)), 0.2 * rng.random((100, 2)), rng.normal(size=(100, 2, 3))
    rounded = [x.astype(np.float32) for x in signals]
    found = make().sequence(*(nnkit.tensor(x) for x in rounded))[0].numpy()
    with nnkit.use("numpy"):
        exact = make().sequence(*(nnkit.tensor(x.astype(np.float64)) for x in rounded))[0].numpy()
    assert_close(found, exact, 16, make.__name__)


@pytest.mark.parametrize("memory", ["stack", "queue", "deque"])
def test_a_controller_goes_on_where_it_stopped(memory: str, backend: Backend) -> None:
    controller = nn.MemoryController(3, 6, 4, memory_size=5, memory=memory, cell="lstm")
    x = nnkit.tensor(np.random.default_rng(0).random((5, 2, 3), np.float32))
    whole, trace = controller(x)
    first, before = controller(x[:2])
    second, _ = controller(x[2:], before.state)
    np.testing.assert_allclose(second.numpy(), whole.numpy()[2:], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(first.numpy(), whole.numpy()[:2], rtol=1e-5, atol=1e-6)
    assert trace.push.shape == (5, 2, 2 if memory == "deque" else 1)
    assert trace.push.numpy().mean() > 0.6 > 0.4 > trace.pop.numpy().mean()


def test_a_controller_learns_to_give_back_the_last_symbol_first() -> None:
    """Three symbols in, then out in reverse: the loss falls well below that of guessing."""
    with nnkit.use("numpy"):
        model = nn.MemoryController(6, 16, 5, memory_size=8)
        optimizer = optim.Adam(model.parameters(), lr=0.02)
        criterion, rng = nn.CrossEntropyLoss(), np.random.default_rng(1)
        losses = []
        for _ in range(150):
            symbols = rng.integers(0, 5, (3, 16))
            x = np.zeros((6, 16, 6), np.float32)
            x[np.arange(3)[:, None], np.arange(16), symbols] = 1
            x[3:, :, 5] = 1
            outputs, _ = model(nnkit.tensor(x))
            target = nnkit.tensor(symbols[::-1].reshape(-1).copy())
            loss = criterion(outputs[3:].reshape(-1, 5), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert np.mean(losses[-10:]) < 0.75 * np.log(5)


def test_mistakes_are_told() -> None:
    x = nnkit.tensor([[1.0, 2.0]])
    with pytest.raises(ValueError, match=r"NeuralStack: push and pop must be \(N,\)"):
        nn.NeuralStack()(x, x, x)
    with pytest.raises(ValueError, match=r"NeuralDeque: push and pop must be \(N, 2\)"):
        nn.NeuralDeque()(x, x, x)
    with pytest.raises(ValueError, match=r"unknown memory 'stak'\. Did you mean 'stack'"):
        nn.MemoryController(3, 4, 5, memory_size=2, memory="stak")
    with pytest.raises(ValueError, match=r"x must be \(T, N, 3\), got \(1, 2\)"):
        nn.MemoryController(3, 4, 5, memory_size=2)(x)
