"""Every gradient of every op: against differences in float64, and float32 against float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import ops
from nnkit.backend import Backend, numpy_backend
from nnkit.dispatch import OPS, Op
from tests.cases import GRADIENT_CASES, Case, cases_of
from tests.compare import DIFFERENCES, GRADIENT, assert_close, assert_within
from tests.running import differences, gradients, host_gradients

SMALL = [case for case in GRADIENT_CASES if not case.time]
"""Differences take two evaluations an element; the large rows are compared with float64 instead."""


def assert_gradients_match_differences(case: Case, backend: Backend) -> None:
    """The check of every gradient; the mutation test below shows that it can fail."""
    found, expected = gradients(case, backend, "float64"), differences(case)
    for position, (d, reference) in enumerate(zip(found, expected, strict=True)):
        if reference is not None:
            what = f"{case}: the gradient of input {position}"
            assert_within(d, reference, DIFFERENCES, what)


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_gradient_against_differences(case: Case, backend: Backend) -> None:
    if case.name == "astype" and case.options["dtype"] != "float64":
        pytest.skip("a result in float32 has not the digits that differences need")
    if not case.runs_on(backend, "float64"):
        pytest.skip(f"{backend.device} has no float64")
    assert_gradients_match_differences(case, backend)


@pytest.mark.parametrize("case", GRADIENT_CASES, ids=str)
def test_float32_gradient_against_float64(case: Case, backend: Backend) -> None:
    if not case.runs_on(backend, "float32"):
        pytest.skip(f"{backend.device} does not compute in every dtype of this case")
    found, expected = gradients(case, backend, "float32"), host_gradients(case)
    for position, (d, reference) in enumerate(zip(found, expected, strict=True)):
        if reference is not None:
            what = f"{case}: the gradient of input {position}"
            assert_close(d, reference, GRADIENT * case.gradient, what)


def differentiable_inputs() -> list[tuple[str, int]]:
    """Every op with a gradient, and every input that has one in some row."""
    found = {
        (case.name, position) for case in SMALL for position, need in enumerate(case.needs) if need
    }
    return sorted(found)


def with_wrong_sign(op: Op, position: int) -> Callable[..., Any]:
    """The op's composed definition with one of its gradients negated."""
    composed = op.composed

    def mutant(xp: Any, *arrays: Any, **options: Any) -> Any:
        y, vjp = composed(xp, *arrays, **options)

        def wrong(g: Any) -> tuple[Any, ...]:
            right = vjp(g)
            return tuple(-d if i == position else d for i, d in enumerate(right))

        return y, vjp if vjp is None else wrong

    return mutant


@pytest.mark.parametrize(("name", "position"), differentiable_inputs())
def test_a_wrong_sign_is_found(name: str, position: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row where this gradient is not zero finds it, so each of them is a check."""
    host = numpy_backend()
    monkeypatch.setattr(OPS[name], "composed", with_wrong_sign(OPS[name], position))
    monkeypatch.setattr(host, "override", lambda _: None)
    found = 0
    for case in cases_of(name, SMALL):
        if case.needs[position : position + 1] != (True,) or case.result == "float32":
            continue
        if np.any(differences(case)[position]):
            with pytest.raises(AssertionError, match=f"the gradient of input {position}"):
                assert_gradients_match_differences(case, host)
            found += 1
    assert found, f"no row of {name} has a gradient of input {position} that is not zero"


WITHOUT_GRADIENT = {
    "argmax", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
    "bernoulli", "rand_like", "sign", "step",
}  # fmt: skip


def test_every_op_with_a_gradient_is_checked() -> None:
    """An op whose rows all said `grad_=False` would go unchecked; these have none by nature."""
    assert set(OPS) - {case.name for case in SMALL} == WITHOUT_GRADIENT


KINKS = {
    "relu": (lambda x: x.relu(), [-1.0, 0.0, 2.0], [0.0, 0.0, 1.0]),
    "abs": (lambda x: x.abs(), [-1.0, 0.0, 2.0], [-1.0, 0.0, 1.0]),
    "max": (lambda x: x.max(), [3.0, 1.0, 3.0], [0.5, 0.0, 0.5]),
    "min": (lambda x: x.min(axis=0), [3.0, 1.0, 1.0], [0.0, 0.5, 0.5]),
    "maximum": (lambda x: nnkit.ops.maximum(x, 1.0), [0.0, 1.0, 2.0], [0.0, 0.5, 1.0]),
    "minimum": (lambda x: nnkit.ops.minimum(x, 1.0), [0.0, 1.0, 2.0], [1.0, 0.5, 0.0]),
    "pow": (lambda x: 2.0**x, [0.0, 1.0, 2.0], [np.log(2), 2 * np.log(2), 4 * np.log(2)]),
    "pow of 0": (lambda x: 0.0**x, [1.0, 2.0, 3.0], [0.0, 0.0, 0.0]),
    "pow at 0": (lambda x: x**2, [0.0, 1.0, -2.0], [0.0, 2.0, -4.0]),
    "sigmoid": (lambda x: x.sigmoid(), [-1000.0, 0.0, 1000.0], [0.0, 0.25, 0.0]),
    "sign": (lambda x: x.sign(), [-1.0, 0.0, 2.0], [0.0, 0.0, 0.0]),
    "clip": (lambda x: x.clip(-1.0, 2.0), [-1.0, 2.0, 2.5], [1.0, 1.0, 0.0]),
    "std": (lambda x: x.std(), [3.0, 3.0, 3.0], [0.0, 0.0, 0.0]),
    "norm": (lambda x: x.norm(), [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
    "largest": (lambda x: x.norm(np.inf), [-3.0, 1.0, 3.0], [-0.5, 0.0, 0.5]),
    "step": (ops.step, [-1.0, 0.0, 2.0], [0.0, 0.0, 0.0]),
    "softsign": (ops.softsign, [-np.inf, 0.0, np.inf], [0.0, 1.0, 0.0]),
    "hardtanh": (ops.hardtanh, [-1.0, 0.0, 1.0], [0.0, 1.0, 0.0]),
    "leaky": (ops.leaky_relu, [-1e30, 0.0, 1e30], [0.01, 0.01, 1.0]),
    "elu": (ops.elu, [-np.inf, 0.0, np.inf], [0.0, 1.0, 1.0]),
    "gelu": (ops.gelu, [-np.inf, 0.0, np.inf], [0.0, 0.5, 1.0]),
    "gelu by tanh": (lambda x: ops.gelu(x, "tanh"), [-np.inf, 0.0, np.inf], [0.0, 0.5, 1.0]),
    "silu": (ops.silu, [-np.inf, 0.0, np.inf], [0.0, 0.5, 1.0]),
    "softplus": (ops.softplus, [-np.inf, 0.0, np.inf], [0.0, 0.5, 1.0]),
    "mish": (ops.mish, [-np.inf, 0.0, np.inf], [0.0, 0.6, 1.0]),
    "softmax": (lambda x: x.softmax()[0], [1e4, 0.0, -1e4], [0.0, 0.0, 0.0]),
}
"""Where formulas bend or saturate, differences say nothing: the convention stands here."""


@pytest.mark.parametrize("name", KINKS)
def test_gradient_at_a_kink(name: str, backend: Backend) -> None:
    function, values, expected = KINKS[name]
    x = nnkit.tensor(values, requires_grad=True)
    function(x).sum().backward()
    assert x.grad is not None
    assert_close(x.grad.numpy(), np.array(expected), what=name)
