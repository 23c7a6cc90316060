"""First values: distributions, right angles, and PyTorch's forms that fill a tensor."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn
from nnkit.backend import Backend

init = nn.init
N = 40_000


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    return pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")


def test_a_truncated_normal_has_its_moments() -> None:
    x = init.truncated_normal((N,), mean=3.0, std=0.5, low=-1.0, high=2.0)
    assert x.min() >= 2.5
    assert x.max() <= 4.0
    # phi(-1) - phi(2) by the share of [-1, 2], and the variance that follows from it
    share, edges = 0.8185946, (0.2419707, 0.0539910)
    mean = (edges[0] - edges[1]) / share
    variance = 1 + (-edges[0] - 2 * edges[1]) / share - mean**2
    assert x.mean() == pytest.approx(3 + 0.5 * mean, abs=0.01)
    assert x.std() == pytest.approx(0.5 * variance**0.5, rel=0.02)


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (6, 2, 5), (3, 8, 2, 2)])
def test_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    flat = init.orthogonal(shape, gain=2.0).reshape(shape[0], -1)
    product = flat @ flat.T if flat.shape[0] <= flat.shape[1] else flat.T @ flat
    np.testing.assert_allclose(product, 4.0 * np.eye(len(product)), atol=1e-12)


def test_orthogonal_matrices_point_everywhere() -> None:
    nnkit.manual_seed(1)
    corners = np.array([init.orthogonal((3, 2))[0, 0] for _ in range(400)])
    assert abs(corners.mean()) < 0.1
    assert corners.std() == pytest.approx(3**-0.5, rel=0.1)


def test_the_same_seed_gives_the_same_values() -> None:
    for name in init.INITIALIZERS:
        drawn = []
        for _ in range(2):
            nnkit.manual_seed(4)
            drawn.append(init.start(name, (7, 4)))
        np.testing.assert_array_equal(*drawn)


FILLS: dict[str, tuple[dict[str, Any], float, float]] = {
    "zeros_": ({}, 0.0, 0.0),
    "ones_": ({}, 1.0, 0.0),
    "constant_": ({"val": 0.25}, 0.25, 0.0),
    "uniform_": ({"a": -1.0, "b": 3.0}, 1.0, 4 / 12**0.5),
    "normal_": ({"mean": 1.0, "std": 0.5}, 1.0, 0.5),
    "trunc_normal_": ({"std": 2.0, "a": -4.0, "b": 4.0}, 0.0, 2 * 0.8796),
    "xavier_uniform_": ({"gain": 2.0}, 0.0, 2 * (2 / 500) ** 0.5),
    "xavier_normal_": ({}, 0.0, (2 / 500) ** 0.5),
    "kaiming_uniform_": ({"a": 5**0.5}, 0.0, (1 / 3 / 300) ** 0.5),
    "kaiming_normal_": ({"mode": "fan_out", "nonlinearity": "relu"}, 0.0, (2 / 200) ** 0.5),
    "orthogonal_": ({}, 0.0, (1 / 300) ** 0.5),
}


@pytest.mark.parametrize("name", FILLS)
def test_tensors_are_filled_where_they_are(name: str, backend: Backend) -> None:
    options, mean, std = FILLS[name]
    weight = nn.Linear(300, 200).weight
    version = weight.version
    assert getattr(init, name)(weight, **options) is weight
    assert weight.version == version + 1
    values = weight.numpy()
    assert values.dtype == np.float32
    assert values.mean() == pytest.approx(mean, abs=0.02)
    assert values.std() == pytest.approx(std, rel=0.02, abs=1e-6)


@pytest.mark.parametrize("name", FILLS)
def test_pytorch_spreads_as_wide(name: str, torch: ModuleType) -> None:
    options, mean, std = FILLS[name]
    torch.manual_seed(0)
    values = getattr(torch.nn.init, name)(torch.empty(200, 300), **options)
    assert float(values.mean()) == pytest.approx(mean, abs=0.02)
    assert float(values.std()) == pytest.approx(std, rel=0.02, abs=1e-6)


@pytest.mark.parametrize("name", ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"])
def test_gains_are_pytorchs(name: str, torch: ModuleType) -> None:
    assert init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))
    if name == "leaky_relu":
        theirs = torch.nn.init.calculate_gain(name, 0.3)
        assert init.calculate_gain(name, 0.3) == pytest.approx(theirs)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: init.truncated_normal((2,), low=4.0, high=5.0), "must hold a "),
        (lambda: init.truncated_normal((2,), low=1.0, high=-1.0), "must hold a "),
        (lambda: init.orthogonal((3,)), "needs a weight with two axes or more"),
        (lambda: init.kaiming_uniform((3, 2), mode="fan_inn"), "Did you mean 'fan_in'"),
        (lambda: init.calculate_gain("rellu"), "unknown nonlinearity 'rellu'. Did you mean 'relu'"),
        (lambda: init.fill(nnkit.tensor([1.0]), "zeroes"), "Did you mean 'zeros'"),
    ],
)
def test_first_values_that_make_no_sense(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()
