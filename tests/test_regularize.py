"""Penalties and bounds of weights: values, gradients, and what a trainer does with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn, optim
from nnkit.backend import Backend
from nnkit.train import L1, L2, ElasticNet, MaxNorm, Regularizer
from tests.running import no_reads

WEIGHTS = [np.array([[1.0, -2.0], [0.5, 3.0], [-1.0, 0.25]]), np.array([[2.0, -1.0, 0.5]])]
RULES: dict[str, tuple[Regularizer, Any, Any]] = {
    "l1": (L1(0.1), lambda w: 0.1 * np.abs(w).sum(), lambda w: 0.1 * np.sign(w)),
    "l2": (L2(0.1), lambda w: 0.1 * (w * w).sum(), lambda w: 0.2 * w),
    "elastic": (
        ElasticNet(0.3, 0.1),
        lambda w: 0.3 * np.abs(w).sum() + 0.1 * (w * w).sum(),
        lambda w: 0.3 * np.sign(w) + 0.2 * w,
    ),
}


def network() -> nn.Sequential:
    first = nn.Linear(2, 3, weight_init=WEIGHTS[0], bias_init=5.0)
    return nn.Sequential(first, nn.ReLU(), nn.Linear(3, 1, weight_init=WEIGHTS[1]))


@pytest.mark.parametrize("name", RULES)
def test_penalty_and_its_gradient(name: str, backend: Backend) -> None:
    rule, value, slope = RULES[name]
    model = network()
    with no_reads(backend, name):
        penalty = rule.penalty(model)
        penalty.backward()
    assert penalty.shape == ()
    assert penalty.item() == pytest.approx(sum(value(w) for w in WEIGHTS), rel=1e-6)
    parameters = dict(model.named_parameters())
    for key, w in zip(("0.weight", "2.weight"), WEIGHTS, strict=True):
        gradient = parameters[key].grad
        assert gradient is not None
        np.testing.assert_allclose(gradient.numpy(), slope(w), rtol=1e-6)
    assert parameters["0.bias"].grad is None


def test_biases_are_held_on_request_and_frozen_weights_never() -> None:
    model = network()
    model[2].requires_grad_(False)
    assert L1(1.0).penalty(model).item() == pytest.approx(np.abs(WEIGHTS[0]).sum())
    with_biases = np.abs(WEIGHTS[0]).sum() + 15.0
    assert L1(1.0, biases=True).penalty(model).item() == pytest.approx(with_biases)
    model.requires_grad_(False)
    with pytest.raises(ValueError, match="L1: the model has no weights that learn"):
        L1().penalty(model)


def test_long_rows_are_shortened_and_short_ones_left(backend: Backend) -> None:
    model = network()
    with no_reads(backend, "max_norm"):
        MaxNorm(1.5).apply(model)
    found = model.state_dict()
    size = np.sqrt((WEIGHTS[0] ** 2).sum(axis=1, keepdims=True))
    expected = np.where(size > 1.5, WEIGHTS[0] * 1.5 / size, WEIGHTS[0])
    np.testing.assert_allclose(found["0.weight"], expected, rtol=1e-6)
    np.testing.assert_array_equal(found["0.bias"], 5.0)


def test_a_penalty_is_weight_decay(backend: Backend) -> None:
    x, y = np.array([[1.0, 2.0]], np.float32), np.array([[3.0]], np.float32)
    states = []
    for decay, regularizer in ((0.2, None), (0.0, L2(0.1, biases=True))):
        nnkit.manual_seed(0)
        model = network()
        optimizer = optim.SGD(model.parameters(), lr=0.1, weight_decay=decay)
        trainer = nnkit.Trainer(model, "mse", optimizer, regularizer=regularizer)
        trainer.fit(x, y, epochs=3, verbose=False)
        states.append(model.state_dict())
    for key, value in states[0].items():
        np.testing.assert_allclose(states[1][key], value, rtol=1e-4, atol=1e-6)


def test_a_trainer_holds_weights_by_name() -> None:
    x, y = np.array([[100.0, 200.0]], np.float32), np.array([[3000.0]], np.float32)
    model = nn.Sequential(nn.Linear(2, 1))
    trainer = nnkit.Trainer(
        model, "mae", optim.SGD(model.parameters(), lr=1.0), regularizer="l1", constraint="max_norm"
    )
    trainer.fit(x, y, epochs=3, verbose=False)
    assert np.linalg.norm(model.state_dict()["0.weight"]) == pytest.approx(3.0, rel=1e-5)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda m: L1(-1), "L1: strength must be at least 0, got -1"),
        (lambda m: ElasticNet(l2=float("nan")), "ElasticNet: l2 must be at least 0"),
        (lambda m: MaxNorm(0), "MaxNorm: limit must be above 0, got 0"),
        (
            lambda m: nnkit.Trainer(m, "mse", "sgd", regularizer="l3"),
            "unknown regularizer 'l3'. Did you mean 'l",
        ),
        (
            lambda m: nnkit.Trainer(m, "mse", "sgd", constraint="maxnorm"),
            "unknown constraint 'maxnorm'. Did you mean 'max_norm'",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make(network())
