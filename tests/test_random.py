"""The device's random numbers, and what is left out by them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import counters, nn, optim, random
from nnkit.backend import Backend

ONES = np.ones((64, 1000), np.float32)


def drop(p: float = 0.5, x: Any = ONES) -> np.ndarray:
    return nn.Dropout(p)(nnkit.tensor(x)).numpy()


def test_a_seed_gives_the_same_draws_on_every_backend(backend: Backend) -> None:
    def draws() -> list[np.ndarray]:
        nnkit.manual_seed(5)
        return [drop(0.3), drop(0.3), drop(0.6, ONES[0])]

    here = draws()
    with nnkit.use("numpy"):
        for mine, host in zip(here, draws(), strict=True):
            np.testing.assert_array_equal(mine, host)


def test_each_call_and_each_seed_draw_anew(backend: Backend) -> None:
    nnkit.manual_seed(5)
    first, second = drop(), drop()
    nnkit.manual_seed(6)
    third = drop()
    for a, b in ((first, second), (first, third), (second, third)):
        assert abs(float(np.mean((a > 0) == (b > 0))) - 0.5) < 0.01


def test_the_hosts_draws_and_the_devices_are_streams_apart(backend: Backend) -> None:
    x = nnkit.tensor(ONES[0])
    host = nnkit.manual_seed(5).random(1000, np.float32)
    counter, key = random.draw(backend, x.shape, bits=32)
    device = nnkit.ops.rand_like(x, counter, key=key).numpy()
    assert abs(float(np.corrcoef(host, device)[0, 1])) < 0.15


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_share_is_kept_and_so_is_the_mean(p: float, backend: Backend) -> None:
    y = drop(p)
    kept, deviation = float(np.mean(y != 0)), (p * (1 - p) / y.size) ** 0.5
    assert abs(kept - (1 - p)) < 4 * deviation
    np.testing.assert_allclose(y[y != 0], 1 / (1 - p), rtol=1e-6)
    assert abs(float(y.mean()) - 1) < 4 * deviation / (1 - p)


def test_channels_are_dropped_whole(backend: Backend) -> None:
    y = nn.Dropout2d(0.5)(nnkit.tensor(np.ones((40, 25, 3, 2), np.float32))).numpy()
    channels = y.reshape(40, 25, 6)
    assert np.all(channels == channels[..., :1])
    assert abs(float((channels[..., 0] > 0).mean()) - 0.5) < 0.07


def test_draws_read_and_send_nothing_after_the_first(backend: Backend) -> None:
    model = nn.Sequential(nn.DropConnect(nn.Linear(7, 5)), nn.Dropout(), nn.Linear(5, 3))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    x = nnkit.tensor(np.ones((4, 7), np.float32))
    moved = []
    for _ in range(3):
        sent, read = counters.to_device[backend.name].times, counters.to_host[backend.name].times
        optimizer.zero_grad()
        model(x).sum().backward()
        optimizer.step()
        assert counters.to_host[backend.name].times == read
        moved.append(counters.to_device[backend.name].times - sent)
    assert moved[1:] == [0, 0]


def test_backward_drops_what_forward_dropped_also_after_other_draws(backend: Backend) -> None:
    x = nnkit.tensor(ONES[:3], requires_grad=True)
    y = nn.Dropout(0.3)(x)
    drop()
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), y.numpy())


def test_a_dropped_weight_stays_the_layers_parameter() -> None:
    layer = nn.DropConnect(nn.Linear(4, 3), 0.5)
    assert isinstance(layer.module, nn.Linear)
    weight = layer.module.weight
    layer(nnkit.tensor(np.ones((2, 4), np.float32))).sum().backward()
    assert weight.grad is not None
    with pytest.raises(ValueError, match="in_features"):
        layer(nnkit.tensor(np.ones((2, 5), np.float32)))
    assert layer.module.weight is weight
    assert [n for n, _ in layer.named_parameters()] == ["module.weight", "module.bias"]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: nn.Dropout(1.5), r"Dropout: p, the share to drop, must be in \[0, 1\], got 1.5"),
        (lambda: nn.Dropout(float("nan")), "must be in"),
        (lambda: nn.DropConnect(nn.ReLU()), "ReLU has no parameter 'weight'. Its own are: none"),
        (lambda: nn.DropConnect(nn.Linear(4, 3), -1), "DropConnect: p"),
        (lambda: nn.Dropout2d()(nnkit.tensor([1.0, 2.0])), "Dropout2d: x must have 3 or 4 axes"),
        (lambda: nnkit.manual_seed(-1), "manual_seed: seed must be a whole number"),
        (lambda: nnkit.manual_seed(1 << 128), "manual_seed: seed must be a whole number"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()
