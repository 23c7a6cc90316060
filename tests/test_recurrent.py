"""Recurrent layers beyond the table: a published training, states, lengths and their mistakes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import counters, nn, ops
from nnkit.backend import Backend
from nnkit.errors import NnkitWarning

PUBLISHED = {
    0: 3.45638663, 1000: 3.63389116, 2000: 3.91366595, 3000: 3.72191702, 4000: 3.5852713,
    5000: 2.53352328, 6000: 0.57691441, 7000: 1.42589952, 8000: 0.47477457, 9000: 0.21595037,
}  # fmt: skip
"""The sum of absolute errors over the eight output bits, by iteration."""


class Adder(nn.Module):
    """Two bits a step into a sum's bit, least significant first, without biases."""

    def __init__(self, weights: list[np.ndarray]) -> None:
        self.recurrent = nn.RNN(2, 16, nonlinearity="sigmoid", bias=False, dtype="float64")
        self.output = nn.Linear(16, 1, bias=False, dtype="float64")
        names = ("recurrent.weight_ih_l0", "output.weight", "recurrent.weight_hh_l0")
        self.load_state_dict({n: w.T for n, w in zip(names, weights, strict=True)})

    def forward(self, bits: nnkit.Tensor) -> nnkit.Tensor:
        states, _ = self.recurrent(bits)
        return ops.sigmoid(self.output(states))


def bits(number: int) -> np.ndarray:
    """Eight bits, least significant first."""
    return (number >> np.arange(8)) & 1


def test_binary_addition_goes_as_published() -> None:
    np.random.seed(0)
    model = Adder([2 * np.random.random(shape) - 1 for shape in ((2, 16), (16, 1), (16, 16))])
    optimizer = nnkit.optim.SGD(model.parameters(), lr=0.1)
    for iteration in range(max(PUBLISHED) + 1):
        a, b = np.random.randint(128), np.random.randint(128)
        x = nnkit.tensor(np.stack([bits(a), bits(b)], axis=1)[:, None].astype(np.float64))
        y = nnkit.tensor(bits(a + b)[:, None, None].astype(np.float64))
        difference = model(x) - y
        if iteration in PUBLISHED:
            assert difference.abs().sum().item() == pytest.approx(PUBLISHED[iteration], abs=6e-9)
        optimizer.zero_grad()
        ((difference * difference).sum() * 0.5).backward()
        optimizer.step()


class GatedAdder(nn.Module):
    """The same task with gates, as logits."""

    def __init__(self, layer: Any) -> None:
        self.recurrent = layer(2, 16)
        self.output = nn.Linear(16, 1)

    def forward(self, bits: nnkit.Tensor) -> nnkit.Tensor:
        states, _ = self.recurrent(bits)
        output: nnkit.Tensor = self.output(states)
        return output


def batch(a: np.ndarray, b: np.ndarray) -> tuple[nnkit.Tensor, np.ndarray]:
    """The bits of many pairs of addends (8, N, 2), and those of their sums (8, N, 1)."""
    in_bits = [np.stack([bits(n) for n in numbers], axis=1) for numbers in (a, b, a + b)]
    x = nnkit.tensor(np.stack(in_bits[:2], axis=2).astype(np.float32))
    return x, in_bits[2][..., None]


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_gates_learn_every_sum_of_two_numbers(name: str, rng: Any) -> None:
    with nnkit.use("numpy"):
        model = GatedAdder(getattr(nn, name))
        optimizer = nnkit.optim.Adam(model.parameters(), lr=0.02)
        criterion = nn.BCEWithLogitsLoss()
        for _ in range(600):
            x, y = batch(*rng.integers(0, 128, (2, 64)))
            optimizer.zero_grad()
            criterion(model(x), nnkit.tensor(y.astype(np.float32))).backward()
            optimizer.step()
        x, y = batch(*np.indices((128, 128)).reshape(2, -1))
        assert np.array_equal(model(x).numpy() > 0, y)


LAYERS = {"RNN": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}
every_layer = pytest.mark.parametrize("name", LAYERS)


@every_layer
def test_two_halves_with_the_state_between_are_the_whole(name: str, rng: Any) -> None:
    layer = LAYERS[name](3, 5, num_layers=2, dtype="float64")
    x = nnkit.tensor(rng.normal(size=(6, 2, 3)))
    whole, _ = layer(x)
    first, state = layer(x[:2])
    second, _ = layer(x[2:], state)
    np.testing.assert_allclose(ops.concat(first, second).numpy(), whole.numpy(), rtol=1e-13)


@every_layer
def test_steps_after_the_length_have_no_say(name: str, backend: Backend, rng: Any) -> None:
    layer = LAYERS[name](3, 5, bidirectional=True)
    short = rng.normal(size=(4, 2, 3)).astype(np.float32)
    padded = np.concatenate([short, np.full((2, 2, 3), 1e3, np.float32)])
    x = nnkit.tensor(padded, requires_grad=True)
    output, _ = layer(x, lengths=[4, 4])
    wanted, _ = layer(nnkit.tensor(short))
    np.testing.assert_allclose(output.numpy()[:4], wanted.numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(output.numpy()[4:], 0)
    output.sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy()[4:], 0)
    assert np.abs(x.grad.numpy()[:4]).min() > 0


@every_layer
def test_a_step_of_training_reads_nothing(name: str, backend: Backend, rng: Any) -> None:
    layer = LAYERS[name](3, 5, num_layers=2, dropout=0.2)
    x = nnkit.tensor(rng.normal(size=(4, 2, 3)).astype(np.float32))
    lengths = nnkit.tensor(np.array([4, 3]))
    optimizer = nnkit.optim.Adam(layer.parameters())
    before = counters.to_host[backend.name].times
    for _ in range(2):
        optimizer.zero_grad()
        output, _ = layer(x, lengths=lengths)
        (output * output).mean().backward()
        optimizer.step()
    assert counters.to_host[backend.name].times == before


def test_dropout_stands_between_the_layers_in_training() -> None:
    layer = nn.GRU(3, 5, num_layers=2, dropout=0.5)
    x = nnkit.tensor(np.ones((4, 2, 3), np.float32))
    assert layer(x)[0].tolist() != layer(x)[0].tolist()
    layer.eval()
    assert layer(x)[0].tolist() == layer(x)[0].tolist()
    with pytest.warns(NnkitWarning, match="GRU: dropout stands between layers"):
        nn.GRU(3, 5, dropout=0.5)


X = np.zeros((4, 2, 3), np.float32)
MISTAKES: dict[str, tuple[Any, type[Exception], str]] = {
    "input width": (lambda: nn.GRU(5, 4)(nnkit.tensor(X)), ValueError, "GRU: x must be .* = 5"),
    "axes": (lambda: nn.RNN(3, 4)(nnkit.tensor(X[0, 0])), ValueError, "RNN: x must be .* 1 axes"),
    "state": (
        lambda: nn.RNN(3, 4)(nnkit.tensor(X), nnkit.tensor(np.zeros((2, 4), np.float32))),
        ValueError,
        r"RNN: an initial state must be .* \(1, 2, 4\), got \(2, 4\)",
    ),
    "one state of two": (
        lambda: nn.LSTM(3, 4)(nnkit.tensor(X), nnkit.tensor(X)),
        TypeError,
        "LSTM: hx must be the pair",
    ),
    "lengths": (
        lambda: nn.GRU(3, 4)(nnkit.tensor(X), lengths=[5, 1]),
        ValueError,
        r"GRU: lengths must lie in \[0, 4\], the steps of x, got 5",
    ),
    "lengths as floats": (
        lambda: nn.GRU(3, 4)(nnkit.tensor(X), lengths=nnkit.tensor([1.0, 2.0])),
        ValueError,
        "gru: lengths must be integers",
    ),
    "a length too few": (
        lambda: nn.GRU(3, 4)(nnkit.tensor(X), lengths=[2]),
        ValueError,
        "GRU: lengths must be 2 integers",
    ),
    "dtype": (
        lambda: nn.LSTM(3, 4)(nnkit.tensor(X.astype(np.float64))),
        TypeError,
        r"lstm: w_ih must have x's dtype float64, got float32\. Fix",
    ),
    "nonlinearity": (
        lambda: nn.RNN(3, 4, nonlinearity="sigmod"),
        ValueError,
        "RNN: unknown nonlinearity 'sigmod'. Did you mean 'sigmoid'",
    ),
    "proj_size": (lambda: nn.LSTM(3, 4, proj_size=2), ValueError, "LSTM: proj_size must be 0"),
    "size": (lambda: nn.LSTM(3, 0), ValueError, "LSTM: hidden_size must be at least 1, got 0"),
    "cell": (
        lambda: nn.LSTMCell(5, 4)(nnkit.tensor(X[0])),
        ValueError,
        re.escape("LSTMCell: x must be (N, 5) or (5,), got (2, 3)"),
    ),
    "no step": (lambda: nn.GRU(3, 4)(nnkit.tensor(X[:0])), ValueError, "gru: x must be .* T >= 1"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_get_sentences(name: str) -> None:
    wrong, kind, text = MISTAKES[name]
    with nnkit.use("numpy"), pytest.raises(kind, match=text):
        wrong()
