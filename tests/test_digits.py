"""The digits: the recipe reaches its accuracy on every backend, the published loop its figures."""

from __future__ import annotations

import argparse
import os
import re
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit.backend import Backend
from nnkit.train import History

pytest.importorskip("sklearn", reason="scikit-learn is not installed: there are no digits")

from nnkit.examples import digits, digits_published


def demo(*options: str) -> History:
    """`nnkit demo digits` with these options, on the backend in use."""
    parser = argparse.ArgumentParser()
    digits.add_arguments(parser)
    return digits.run(parser.parse_args(options))


def accuracy(capsys: pytest.CaptureFixture[str]) -> float:
    """The value in the line that the demo prints."""
    (line,) = re.findall(r"^test accuracy: (\d\.\d{4})$", capsys.readouterr().out, re.MULTILINE)
    return float(line)


def no_table(backend: Backend) -> None:
    if backend.name == "strict":
        pytest.skip("many steps are slow on the checking namespace, and show nothing more")


@pytest.mark.parametrize("seed", [0, 3, 5])
def test_the_recipe_reads_digits_of_other_writers(
    backend: Backend, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    no_table(backend)
    demo("--seed", str(seed))
    assert accuracy(capsys) >= 0.95


@pytest.mark.parametrize("seed", [1, 3])
def test_the_recipe_reads_a_random_fifth(
    backend: Backend, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    no_table(backend)
    demo("--seed", str(seed), "--split", "random")
    assert accuracy(capsys) >= 0.97


def test_the_first_epochs_losses_agree_between_backends(backend: Backend) -> None:
    here = demo("--epochs", "1").batch_losses
    with nnkit.use("numpy"):
        there = demo("--epochs", "1").batch_losses
    assert len(here) == len(there) == 51
    np.testing.assert_allclose(here, there, rtol=1e-4)


def test_hidden_layers_and_confusion_table(capsys: pytest.CaptureFixture[str]) -> None:
    demo("--epochs", "1", "--hidden", "20,30", "--batch-size", "100")
    shown = capsys.readouterr().out
    assert "network: 64-20-30-10" in shown
    head, *rows = shown.partition("confusion table")[2].splitlines()[1:]
    assert head.split() == [str(digit) for digit in range(10)]
    counts = np.array([[int(n.replace(".", "0")) for n in row.split()[1:]] for row in rows])
    assert counts.shape == (10, 10)
    assert counts.sum() == 180
    assert [row.split()[0] for row in rows] == head.split()
    assert {len(row) for row in (head, *rows)} == {44}
    found = float(re.findall(r"test accuracy: (\S+)", shown)[0])
    assert np.trace(counts) / 180 == pytest.approx(found, abs=1e-4)


def test_the_ordered_split_keeps_the_last_180_images() -> None:
    images, labels = digits_published.load()
    x_train, x_test, y_train, y_test = digits.load("ordered", seed=0)
    np.testing.assert_array_equal(np.concatenate([x_train, x_test]), images / 16)
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), labels)
    assert len(x_test) == 180
    x_train, x_test, _, y_test = digits.load("random", seed=1)
    assert len(x_test) == 360
    assert (np.bincount(y_test) >= 34).all()  # stratified: a fifth of each digit


def published(batches: int) -> tuple[list[float], Any, Any, Any]:
    images, labels = digits_published.load()
    model, draws = digits_published.published(batches)
    losses = list(digits_published.train(images[:1617], labels[:1617], model, draws))
    return losses, model, images[1617:], labels[1617:]


def test_the_published_loop_gives_its_first_figures(backend: Backend) -> None:
    no_table(backend)
    if not backend.supports("float64"):
        pytest.skip(f"{backend.device} has no float64")
    losses, *_ = published(3)
    assert [f"{loss:.5f}" for loss in losses] == ["87.01840", "84.19277", "77.81852"]


@pytest.mark.skipif(not os.environ.get("CI"), reason="100,000 steps take half a minute: set CI=1")
def test_the_published_loop_gives_its_last_figures() -> None:
    with nnkit.use("numpy"):
        losses, model, images, labels = published(200)
        assert f"{losses[-1]:.6f}" == "0.906454"
        assert f"{digits_published.accuracy(model, images, labels):.2f}" == "0.95"
