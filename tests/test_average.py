"""The moving average of weights: its values, its context, and its way through a file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import counters, nn, optim
from nnkit.backend import Backend
from tests.running import no_reads


def set_to(p: nnkit.Tensor, value: float) -> None:
    p.data[...] = p.backend.xp.full(p.shape, value, dtype=p.dtype)


@pytest.mark.parametrize("warmup", [False, True])
def test_the_average_follows_the_parameters(warmup: bool, backend: Backend) -> None:
    p, frozen = (nnkit.tensor(np.full(s, 1.0, "float32")) for s in ((4, 7), ()))
    p.requires_grad_()
    ema, expected = optim.EMA([p, frozen], decay=0.9, warmup=warmup), 1.0
    for step, value in enumerate((3.0, -2.0, 5.0), 1):
        set_to(p, value)
        with no_reads(backend, "an update of the average"):
            ema.update()
        d = min(0.9, (1 + step) / (10 + step)) if warmup else 0.9
        expected = d * expected + (1 - d) * value
    assert list(ema.averages) == ["0"], "what is frozen has no average"
    np.testing.assert_allclose(ema.averages["0"].numpy(), np.full((4, 7), expected), 1e-6)


def test_the_averages_stand_in_and_go_again(backend: Backend) -> None:
    model = nn.Linear(3, 2)
    ema = optim.EMA(model, decay=0.5)
    first = model.state_dict()
    for p in model.parameters():
        set_to(p, 4.0)
    ema.update()
    hold = pytest.raises(RuntimeError, match=r"the parameters hold the averages.*restore\(\)")
    with no_reads(backend, "standing in"), ema.apply(), hold:
        ema.update()
    ema.apply()
    ema.apply()  # twice is once
    np.testing.assert_allclose(model.weight.numpy(), (first["weight"] + 4.0) / 2, 1e-6)
    ema.restore()
    ema.restore()
    np.testing.assert_array_equal(model.weight.numpy(), np.full((2, 3), 4.0, "float32"))
    with pytest.raises(KeyError), ema.apply():
        raise KeyError
    np.testing.assert_array_equal(model.bias.numpy(), np.full(2, 4.0, "float32"))


def test_it_is_saved_under_the_models_names(backend: Backend) -> None:
    model = nn.Linear(3, 2)
    ema = optim.EMA(model, warmup=True)
    set_to(model.weight, 4.0)
    ema.update()
    again = optim.EMA(model, warmup=True)
    again.load_state_dict(ema.state_dict())
    for one in (ema, again):
        set_to(model.bias, 2.0)
        one.update()
    for name in ("weight", "bias"):
        np.testing.assert_array_equal(again.averages[name].numpy(), ema.averages[name].numpy())
    assert again.step.item() == 2.0
    with pytest.raises(ValueError, match=r"needs averages of \['0'\], got \['bias', 'weight'\]"):
        optim.EMA([model.weight]).load_state_dict(ema.state_dict())


def test_it_follows_a_model_that_is_moved(backend: Backend) -> None:
    with nnkit.use("numpy"):
        model = nn.Linear(3, 2)
    ema = optim.EMA(model, decay=0.5)
    model.to(backend)
    ema.update()
    assert {t.backend for t in (*ema.averages.values(), ema.step)} == {backend}


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda p: optim.EMA([]), "EMA: got no parameters that require a gradient"),
        (lambda p: optim.EMA([p], decay=1.5), r"EMA: decay must be in \[0, 1\], got 1\.5"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make(nnkit.tensor([1.0], requires_grad=True))


def test_an_update_sends_nothing(backend: Backend) -> None:
    ema = optim.EMA(nn.Linear(3, 2))
    ema.update()
    before = counters.to_device[backend.name].times
    ema.update()
    assert counters.to_device[backend.name].times == before
