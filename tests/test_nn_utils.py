"""Clipping beside PyTorch's, on the device; parameters as a vector; gradients that add up."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn, optim
from nnkit.backend import Backend
from nnkit.nn import utils
from tests.compare import assert_within
from tests.running import no_reads

SHAPES: tuple[tuple[int, ...], ...] = ((4, 7), (3,), (), (0, 2))


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    return pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")


@pytest.fixture
def values(rng: np.random.Generator) -> list[np.ndarray]:
    return [np.asarray(rng.normal(size=shape)).astype(np.float32) for shape in SHAPES]


def with_gradients(values: list[np.ndarray]) -> list[nnkit.Tensor]:
    """Parameters whose gradients are `values`, and one without."""
    params = [nnkit.tensor(np.zeros_like(v), requires_grad=True) for v in values]
    for p, v in zip(params, values, strict=True):
        p.grad = nnkit.tensor(v)
    return [*params, nnkit.tensor([1.0], requires_grad=True)]


@pytest.mark.parametrize("max_norm", [0.0, 1.5, 100.0])
@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.0, math.inf])
def test_the_norm_is_clipped_as_pytorch_does(
    norm_type: float, max_norm: float, values: list[np.ndarray], torch: ModuleType, backend: Backend
) -> None:
    ours = with_gradients(values)
    theirs = [torch.zeros(v.shape, requires_grad=True) for v in values[:3]]  # its inf wants no 0
    for p, v in zip(theirs, values, strict=False):
        p.grad = torch.tensor(v)
    with no_reads(backend, "clip_grad_norm_"):
        total = utils.clip_grad_norm_(iter(ours), max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    assert total.shape == ()
    assert total.item() == pytest.approx(expected.item(), rel=1e-6)
    for mine, other in zip(ours, theirs, strict=False):
        assert mine.grad is not None
        assert_within(mine.grad.numpy(), other.grad.numpy(), 2e-6)
    assert ours[-1].grad is None


def test_values_are_clipped(values: list[np.ndarray], backend: Backend) -> None:
    params = with_gradients(values)
    with no_reads(backend, "clip_grad_value_"):
        utils.clip_grad_value_(params, 0.5)
    for p, v in zip(params, values, strict=False):
        assert p.grad is not None
        np.testing.assert_array_equal(p.grad.numpy(), np.clip(v, -0.5, 0.5))


def test_a_gradient_that_two_parameters_share_is_clipped_once_for_each(backend: Backend) -> None:
    a, b = (nnkit.tensor([3.0], requires_grad=True) for _ in range(2))
    (a + b).sum().backward(nnkit.tensor(4.0))
    assert utils.clip_grad_norm_([a, b], 1.0).item() == pytest.approx(math.sqrt(32))
    for p in (a, b):
        assert p.grad is not None
        assert p.grad.item() == pytest.approx(math.sqrt(0.5), rel=1e-6)


def test_gradients_of_two_dtypes_have_one_norm() -> None:
    params = [nnkit.tensor([2.0], d, requires_grad=True) for d in ("float32", "float64")]
    for p in params:
        p.grad = p.detach() * 1.5
    assert utils.clip_grad_norm_(params, 1.0).item() == pytest.approx(math.sqrt(18))
    assert [str(p.grad.dtype) for p in params if p.grad is not None] == ["float32", "float64"]


def test_without_gradients_the_norm_is_zero() -> None:
    assert utils.clip_grad_norm_([nnkit.tensor([1.0], requires_grad=True)], 1.0).item() == 0.0


@pytest.mark.parametrize(
    ("clip", "error", "text"),
    [
        (lambda p: utils.clip_grad_norm_(p, -1.0), ValueError, "max_norm must be at least 0"),
        (lambda p: utils.clip_grad_norm_(p, 1.0, 0.0), ValueError, "norm_type must be above 0"),
        (lambda p: utils.clip_grad_value_(p, -1.0), ValueError, "clip_value must be at least 0"),
        (
            lambda p: utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True),
            RuntimeError,
            "the norm of the gradients is nan. Fix",
        ),
        (lambda p: utils.parameters_to_vector([]), ValueError, "got no parameters"),
        (
            lambda p: utils.vector_to_parameters(nnkit.tensor([1.0, 2.0]), [p]),
            ValueError,
            r"vec must have the shape \(1,\), got \(2,\)",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(clip: Any, error: type[Exception], text: str) -> None:
    p = nnkit.tensor([1.0], requires_grad=True)
    p.grad = nnkit.tensor([math.nan])
    with pytest.raises(error, match=text):
        clip(p)


def test_a_vector_and_back(values: list[np.ndarray], backend: Backend) -> None:
    params = [nnkit.tensor(v, requires_grad=True) for v in values]
    with no_reads(backend, "a vector and back"):
        vector = utils.parameters_to_vector(iter(params))
        utils.vector_to_parameters(2.0 * vector.detach(), iter(params))
    np.testing.assert_array_equal(vector.numpy(), np.concatenate([v.ravel() for v in values]))
    for p, v in zip(params, values, strict=True):
        np.testing.assert_array_equal(p.numpy(), 2.0 * v)
    weights = np.arange(vector.shape[0], dtype=np.float32)
    (utils.parameters_to_vector(params) * nnkit.tensor(weights)).sum().backward()
    assert params[1].grad is not None
    np.testing.assert_array_equal(params[1].grad.numpy(), weights[28:31])


def test_two_half_batches_equal_one(backend: Backend, rng: np.random.Generator) -> None:
    """Gradients add up until `zero_grad`."""
    x, y = (rng.normal(size=(6, n)).astype(np.float32) for n in (4, 3))
    loss, models = nn.MSELoss(), [nn.Linear(4, 3) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    optimizers = [optim.Adam(model.parameters(), lr=0.1) for model in models]
    for _ in range(3):
        for parts, model, optimizer in zip((1, 2), models, optimizers, strict=True):
            optimizer.zero_grad()
            for some, wanted in zip(np.split(x, parts), np.split(y, parts), strict=True):
                (loss(model(nnkit.tensor(some)), nnkit.tensor(wanted)) / parts).backward()
            optimizer.step()
    for name, whole in models[0].state_dict().items():
        assert_within(models[1].state_dict()[name], whole, 2e-5, name)
