"""Rows for `nnkit/ops/loss.py`."""

from __future__ import annotations

import numpy as np

from tests.cases.activation import log_softmax
from tests.cases.table import Family, Input, exact, real, whole

family = Family()
row = family.row
CASES = family.cases
nan, inf = np.nan, np.inf
FOLDS = {"mean": lambda x: x.sum() / max(x.size, 1), "sum": np.sum, "none": np.asarray}


def cross_entropy(logits, target, reduction="mean"):
    classes = logits.shape[-1]
    if target.ndim < logits.ndim:
        hot = np.where(target[..., None] == np.arange(classes), 1.0, 0.0)
        target = np.where((target[..., None] >= 0) & (target[..., None] < classes), hot, np.nan)
    rows = -np.sum(np.where(target == 0, 0.0, target * log_softmax(logits)), axis=-1)
    return np.asarray(FOLDS[reduction](rows))


def mse(prediction, target, reduction="mean"):
    return np.asarray(FOLDS[reduction]((prediction - target) ** 2))


def labels(*shape: int, classes: int = 7) -> Input:
    return whole(*shape, low=0, high=classes)


def shares(*shape: int) -> Input:
    """Targets as weights of the classes; they need not sum to one, and have no gradient."""
    return Input(shape, 0.0, 1.0, grad=False)


for how in FOLDS:
    row("cross_entropy", cross_entropy, real(4, 7), labels(4), reduction=how)
    row("cross_entropy", cross_entropy, real(4, 7), shares(4, 7), reduction=how)
    row("cross_entropy", cross_entropy, real(7), labels(), reduction=how)
    row("mse_loss", mse, real(4, 7), real(4, 7), reduction=how)
    row("mse_loss", mse, real(3), real(3), reduction=how)

row("cross_entropy", cross_entropy, real(4, 7), labels(4))
row("cross_entropy", cross_entropy, real(4, 7), whole(4, low=0, high=7, dtype="int32"))
row("cross_entropy", cross_entropy, real(7), shares(7))
row("cross_entropy", cross_entropy, real(4, 7).transposed, labels(4).backwards)
row("cross_entropy", cross_entropy, real(4, 7).strided, shares(4, 7).transposed)
row("cross_entropy", cross_entropy, real(4, 1), labels(4, classes=1), grad_=False)
row("cross_entropy", cross_entropy, real(0, 7), labels(0), reduction="none")
row("cross_entropy", cross_entropy, real(0, 7), labels(0), reduction="sum")
row(
    "cross_entropy",
    cross_entropy,
    exact([[1e4, 0.0, -1e4], [-1e4, 3.0, 1e4]]),
    exact([0, 1], dtype="int64"),
)
one_hot = Input((2, 3), values=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0), grad=False)
row("cross_entropy", cross_entropy, exact([[1e4, 0.0, -1e4], [3.0, 2.0, 1.0]]), one_hot)
for wrong in (7, -1):
    row(
        "cross_entropy",
        cross_entropy,
        real(3, 7),
        exact([0, wrong, 6], dtype="int64"),
        reduction="none",
        grad_=False,
    )
row("cross_entropy", cross_entropy, real(100, 10), labels(100, classes=10), time_=True)
row("cross_entropy", cross_entropy, real(512, 1000), labels(512, classes=1000), time_=True)

row("mse_loss", mse, real(4, 7), real(4, 7))
row("mse_loss", mse, real(4, 7), real(4, 7, grad=False))
row("mse_loss", mse, real(4, 7).transposed, real(4, 7).strided)
row("mse_loss", mse, real(0, 7), real(0, 7), reduction="sum")
row("mse_loss", mse, real(1, 1), real(1, 1))
row("mse_loss", mse, real(), real())
row("mse_loss", mse, real(512, 1000), real(512, 1000), time_=True)
