"""The digits as they were first published: plain gradient descent in float64, 100,000 steps.

No biases, no scaling: 200 batches of 100 images drawn with replacement, each repeated for 500
steps. The gradient that reaches the logits is 2 (softmax - onehot), that of twice the summed
cross-entropy; the loss shown is sum((softmax - onehot)^2).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np

import nnkit
from nnkit import nn, ops, optim
from nnkit.examples import common

STEPS = 500
"""Steps on each batch."""

Host = np.ndarray[Any, Any]


def train(images: Host, labels: Host, model: nn.Module, draws: list[Host]) -> Iterator[float]:
    """The loss in the last step on each batch, before that step's update."""
    twice_summed = nn.CrossEntropyLoss(reduction="sum")
    optimizer = optim.SGD(model.parameters(), lr=1e-6)
    for chosen in draws:
        x, y = nnkit.tensor(images[chosen]), nnkit.tensor(labels[chosen])
        onehot = nnkit.tensor(np.eye(10)[labels[chosen]])
        for step in range(STEPS):
            logits = model(x)
            if step == STEPS - 1:
                with nnkit.no_grad():
                    shown = ops.mse_loss(logits.softmax(), onehot, reduction="sum")
            optimizer.zero_grad()
            (2 * twice_summed(logits, y)).backward()
            optimizer.step()
        yield shown.item()


def published(batches: int = 200, seed: int = 0) -> tuple[nn.Module, list[Host]]:
    """The network and the batches, drawn from NumPy's legacy generator in the published order."""
    rng = np.random.RandomState(seed)
    draws = [rng.randint(1617, size=100) for _ in range(200)][:batches]
    first, second = rng.randn(64, 50) / 50, rng.randn(50, 10) / 50
    model = nn.Sequential(
        nn.Linear(64, 50, bias=False, dtype="float64", weight_init=first.T),
        nn.ReLU(),
        nn.Linear(50, 10, bias=False, dtype="float64", weight_init=second.T),
    )
    return model, draws


def load() -> tuple[Host, Host]:
    """Scikit-learn's digits as they are: values 0-16, and labels."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise nnkit.errors.missing_extra(
            "scikit-learn", "the demo 'digits-published'", "examples"
        ) from None
    images, labels = load_digits(return_X_y=True)
    return images, labels


def accuracy(model: nn.Module, images: Host, labels: Host) -> float:
    """The share of images that the network reads right."""
    with nnkit.no_grad():
        predicted = model(nnkit.tensor(images)).numpy().argmax(axis=1)
    return float((predicted == labels).mean())


def run(args: argparse.Namespace) -> None:
    """Train on the first 1617 images, test on the last 180."""
    images, labels = load()
    model, draws = published(args.batches, args.seed)
    print(common.device_and_why())
    for number, loss in enumerate(train(images[:1617], labels[:1617], model, draws), start=1):
        if number <= 3 or number % 10 == 0:
            print(f"batch {number:3d}: loss {loss:.7g}", flush=True)
    print(f"test accuracy: {accuracy(model, images[1617:], labels[1617:]):.4f}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `nnkit demo digits-published`."""
    common.add_backend(parser)
    parser.add_argument(
        "--batches", type=common.count, default=200, metavar="N", help="of 500 steps each (200)"
    )
    parser.add_argument("--seed", type=common.seed, default=0, metavar="N", help="of all draws (0)")
