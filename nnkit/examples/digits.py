"""Handwritten digits: a small network learns to read 8x8 images, on whatever is in the machine."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import nnkit
from nnkit import nn, optim
from nnkit.errors import missing_extra
from nnkit.examples import common
from nnkit.train import History

CLASSES = 10
SMOOTHING = 0.2
"""Share of the target spread over all classes, so that no training image is learnt by heart
(label smoothing, Szegedy et al. 2016, arXiv:1512.00567). It is worth two points on new writers, and
keeps the loss above 0.867, the entropy of such a target."""

Host = np.ndarray[Any, Any]


def run(args: argparse.Namespace) -> History:
    """Train, test, and say how it went."""
    if args.plot:
        from nnkit import plot  # first of all: what is missing is better said before training
    x_train, x_test, y_train, y_test = load(args.split, args.seed)

    nnkit.manual_seed(args.seed)  # for the first weights
    model = network(args.hidden)
    print(common.device_and_why())
    print(f"{len(x_train)} images to learn from, {len(x_test)} to test; network: {sizes(model)}")

    trainer = nnkit.Trainer(
        model, "cross_entropy", optim.Adam(model.parameters(), lr=args.lr), metrics=["accuracy"]
    )
    history = trainer.fit(
        x_train,
        smooth(y_train),
        epochs=args.epochs,
        batch_size=args.batch_size,
        validation_data=(x_test, smooth(y_test)),  # for the curves only: nothing is chosen by it
        seed=args.seed,  # for the order of the images
    )

    predicted = trainer.predict(x_test).argmax(axis=1)
    print(f"test accuracy: {(predicted == y_test).mean():.4f}")
    print(confusion_table(y_test, predicted))
    if args.plot:
        plot.save(plot.learning_curves(history, labels=("training", "test")), args.plot)
        print(f"learning curves: {args.plot}")
    return history


def network(hidden: list[int]) -> nn.Sequential:
    """64 pixels, hidden layers with ReLU, 10 logits."""
    widths = [64, *hidden]
    layers: list[nn.Module] = []
    for fan_in, fan_out in zip(widths, hidden, strict=False):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], CLASSES))


def load(split: str, seed: int) -> list[Host]:
    """Images of scikit-learn's digits scaled to 0-1, and labels, as train and test parts.

    The ordered split tests on the last 180 images, which other people wrote than the first 1617.
    """
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError:
        raise missing_extra("scikit-learn", "the demo 'digits'", "examples") from None
    images, labels = load_digits(return_X_y=True)
    how = (
        {"test_size": 180, "shuffle": False}
        if split == "ordered"
        else {"test_size": 0.2, "stratify": labels, "random_state": seed}
    )
    parts: list[Host] = train_test_split(images / 16, labels, **how)
    return parts


def smooth(labels: Host) -> Host:
    """Class numbers as one-hot rows that are not quite sure of themselves."""
    return np.eye(CLASSES)[labels] * (1 - SMOOTHING) + SMOOTHING / CLASSES


def sizes(model: nn.Sequential) -> str:
    """'64-128-10'."""
    layers = [layer for layer in model if isinstance(layer, nn.Linear)]
    return "-".join(str(n) for n in (layers[0].in_features, *(a.out_features for a in layers)))


def confusion_table(truth: Host, predicted: Host) -> str:
    """How often each digit (row) was read as each digit (column); a dot stands for never."""
    counts = np.zeros((CLASSES, CLASSES), dtype=int)
    np.add.at(counts, (truth, predicted), 1)
    lines = [
        "confusion table (rows: the digit, columns: what was read)",
        "    " + "".join(f"{digit:4d}" for digit in range(CLASSES)),
    ]
    for digit, row in enumerate(counts):
        lines.append(f"{digit:4d}" + "".join(f"{n if n else '.':>4}" for n in row))
    return "\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `nnkit demo digits`."""
    common.add_backend(parser)
    parser.add_argument(
        "--epochs", type=common.count, default=40, metavar="N", help="times through the images (40)"
    )
    parser.add_argument(
        "--batch-size", type=common.count, default=32, metavar="N", help="images a step (32)"
    )
    parser.add_argument(
        "--lr", type=float, default=0.005, metavar="RATE", help="learning rate of Adam (0.005)"
    )
    parser.add_argument(
        "--hidden", type=common.counts, default=[128], metavar="N,N", help="hidden widths (128)"
    )
    parser.add_argument(
        "--seed", type=common.seed, default=0, metavar="N", help="of weights and order (0)"
    )
    parser.add_argument(
        "--split",
        choices=("ordered", "random"),
        default="ordered",
        help="test on the last 180 images, by other writers, or on a random fifth (ordered)",
    )
    parser.add_argument(
        "--plot", metavar="FILE", help="save loss and accuracy curves, as .png, .svg …"
    )
