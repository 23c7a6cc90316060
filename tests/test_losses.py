"""Losses: published values, what padding does, names, and targets that make no sense."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn
from nnkit.backend import Backend
from nnkit.train.resolve import losses

PREDICTION = [0.1, 0.05, 0.6, 0.0, 0.05, 0.1, 0.0, 0.1, 0.0, 0.0]


def test_published_half_squared_error(backend: Backend) -> None:
    target = nnkit.tensor(np.eye(10, dtype=np.float32)[2])
    loss = nn.HalfSquaredErrorLoss()(nnkit.tensor(PREDICTION), target)
    assert loss.item() == pytest.approx(0.0975, rel=1e-6)


def test_padding_changes_neither_the_mean_nor_what_is_learnt(backend: Backend) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(6, 3)).astype(np.float32), np.array([0, 2, 1, 1, 0, 2])
    short = nnkit.tensor(x[:4], requires_grad=True)
    long = nnkit.tensor(x, requires_grad=True)
    loss = nn.CrossEntropyLoss()
    a = loss(short, nnkit.tensor(y[:4]))
    b = loss(long, nnkit.tensor(np.where(np.arange(6) < 4, y, -100)))
    for value in (a, b):
        value.backward()
    assert b.item() == pytest.approx(a.item(), rel=1e-6)
    assert short.grad is not None
    assert long.grad is not None
    np.testing.assert_allclose(long.grad.numpy()[:4], short.grad.numpy(), rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(long.grad.numpy()[4:], 0.0)


def test_nothing_is_learnt_from_padding_alone(backend: Backend) -> None:
    x = nnkit.tensor(np.ones((2, 3), np.float32), requires_grad=True)
    with np.errstate(invalid="ignore"):
        loss = nn.CrossEntropyLoss()(x, nnkit.tensor([-100, -100]))
    loss.backward()
    assert np.isnan(loss.item())
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), 0.0)


def test_logits_and_probabilities_lose_the_same(backend: Backend) -> None:
    rng = np.random.default_rng(4)
    z, t = (nnkit.tensor(rng.random((4, 3)).astype(np.float32)) for _ in range(2))
    logits, shares = nn.BCEWithLogitsLoss()(z, t), nn.BCELoss()(z.sigmoid(), t)
    assert shares.item() == pytest.approx(logits.item(), rel=1e-5)
    y = nnkit.tensor([0, 2, 1, 1])
    assert nn.NLLLoss()(z.log_softmax(), y).item() == pytest.approx(
        nn.CrossEntropyLoss()(z, y).item(), rel=1e-5
    )


def test_class_weights_are_saved_and_move_with_the_loss(backend: Backend) -> None:
    loss = nn.CrossEntropyLoss([1.0, 3.0])
    assert loss.state_dict()["weight"].tolist() == [1.0, 3.0]
    assert repr(loss) == "CrossEntropyLoss(weight=[1.0, 3.0])"
    z = nnkit.tensor(np.zeros((2, 2)))
    assert loss.double()(z, nnkit.tensor([0, 1])).item() == pytest.approx(np.log(2))


@pytest.mark.parametrize("name", sorted(losses()))
def test_a_loss_by_name_trains(name: str) -> None:
    x = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    classes = ("cross_entropy", "nll", "multi_margin")
    y: Any = (x[:, 0] > 0).astype(np.int64)
    if name not in classes:
        y = np.stack([y, 1 - y], axis=1)
        y = 2 * y - 1 if name == "hinge" else y
    last = {"bce": nn.Sigmoid(), "binary_crossentropy": nn.Sigmoid()}
    last |= {"nll": nn.LogSoftmax(), "kl_div": nn.LogSoftmax()}
    model = nn.Sequential(nn.Linear(4, 2), last.get(name, nn.Identity()))
    history = nnkit.Trainer(model, name, "adam").fit(x, y, epochs=5, verbose=False)
    assert history["loss"][-1] < history["loss"][0]


def prepared(loss: nn.Loss, y: Any, output: tuple[int, ...] = (3,)) -> Any:
    return loss.prepare_target(np.asarray(y), output, "float32")


def test_targets_get_the_dtype_that_the_loss_wants() -> None:
    entropy = nn.CrossEntropyLoss()
    assert prepared(entropy, np.uint8([0, 2])).dtype == np.int64
    assert prepared(entropy, [[0, 1, 0], [1, 0, 0]]).dtype == np.float32
    assert prepared(entropy, [0, -100]).tolist() == [0, -100]
    assert prepared(entropy, [[0, 1], [2, 2]], (3, 2)).shape == (2, 2)
    assert prepared(nn.BCELoss(), [[True, False, True]]).dtype == np.float32
    assert prepared(nn.HingeLoss(), [[1, -1, 1]]).tolist() == [[1.0, -1.0, 1.0]]


MISTAKES = {
    "class too large": (nn.CrossEntropyLoss, [0, 3], r"must lie in \[0, 3\).*got 3.*widen"),
    "class below 0": (nn.NLLLoss, [0, -1], r"nll_loss: class numbers.*got -1"),
    "padding of a margin": (nn.MultiMarginLoss, [0, -100], r"got -100"),
    "a column": (nn.CrossEntropyLoss, [[0], [1]], r"\(N,\) or one-hot.*\(N, 3\).*y.reshape\(-1\)"),
    "one-hot for nll": (nn.NLLLoss, [[0, 1, 0]], r"\(N,\), got \(1, 3\). Fix: y.argmax\(axis=1\)"),
    "another width": (nn.CrossEntropyLoss, [[0, 1]], "as many outputs as classes"),
    "0 and 1 for hinge": (nn.HingeLoss, [[0, 1, 1]], r"must be -1 or 1, got 0.0. Fix: 2 \* y - 1"),
    "-1 and 1 for yes": (nn.BCEWithLogitsLoss, [[-1, 1, 1]], r"got -1.0. Fix: \(y \+ 1\) / 2"),
    "2 for yes": (nn.BCELoss, [[2, 1, 0]], r"must lie in \[0, 1\], got 2.0"),
    "logarithms": (nn.KLDivLoss, [[-1.0, -2.0, -3.0]], "Fix: log_target=True"),
    "another shape": (nn.L1Loss, [1.0, 2.0], r"l1_loss: y must have the shape \(N, 3\)"),
    "noise of another shape": (nn.NegativeSamplingLoss, [0, 1], "negative_sampling: y must have"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_targets_that_make_no_sense_are_refused(name: str) -> None:
    kind, y, text = MISTAKES[name]
    with pytest.raises(ValueError, match=text):
        prepared(kind(), y)  # type: ignore[abstract]


def test_pixels_need_class_numbers_of_their_shape() -> None:
    with pytest.raises(ValueError, match=r"of shape \(N, 5\) or one-hot rows of shape \(N, 3, 5\)"):
        prepared(nn.CrossEntropyLoss(), [0, 1], (3, 5))


OPTIONS = {
    "smoothing": (lambda: nn.CrossEntropyLoss(label_smoothing=2), "label_smoothing must be in"),
    "p": (lambda: nn.MultiMarginLoss(p=3), "MultiMarginLoss: p must be 1 or 2, got 3"),
    "delta": (lambda: nn.HuberLoss(delta=0), "HuberLoss: delta must be above 0, got 0"),
    "beta": (lambda: nn.SmoothL1Loss(beta=-1), "SmoothL1Loss: beta must be above 0, got -1"),
    "batchmean": (lambda: nn.MSELoss(reduction="batchmean"), "unknown reduction 'batchmean'"),
    "reduction": (lambda: nn.KLDivLoss(reduction="batchmen"), "Did you mean 'batchmean'"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_that_make_no_sense_are_refused(name: str) -> None:
    make, text = OPTIONS[name]
    with pytest.raises(ValueError, match=text):
        make()


def test_weights_of_another_length_are_refused(backend: Backend) -> None:
    z = nnkit.tensor(np.zeros((2, 3), np.float32))
    with pytest.raises(ValueError, match=r"weight must be .*\(3,\), one number for each class"):
        nn.CrossEntropyLoss([1.0, 2.0])(z, nnkit.tensor([0, 1]))
    with pytest.raises(TypeError, match="nll_loss: targets must be class numbers, integers"):
        nn.NLLLoss()(z, z)
