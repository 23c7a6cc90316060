"""Rows for `nnkit/ops/loss_classes.py`."""

from __future__ import annotations

import numpy as np

from tests.cases.activation import log_softmax
from tests.cases.loss import FOLDS
from tests.cases.table import Family, Input, exact, real, whole

family = Family()
row = family.row
CASES = family.cases
nan = np.nan


def hot_of(logits, target):
    """One-hot rows with the classes last, and NaN rows for numbers that are no class."""
    classes = logits.shape[1 if logits.ndim > 1 else 0]
    hot = np.where(target[..., None] == np.arange(classes), 1.0, 0.0)
    return np.where((target[..., None] >= 0) & (target[..., None] < classes), hot, nan)


def last(x):
    """The classes as the last axis."""
    return np.moveaxis(x, 1, -1) if x.ndim > 1 else x


def cross_entropy(
    logits, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    soft, z = target.ndim == logits.ndim, last(logits)
    w = np.ones(z.shape[-1]) if weight is None else weight
    p = last(target) if soft else hot_of(logits, target)
    kept = np.ones(z.shape[:-1], bool) if soft else target != ignore_index
    q = w * (p * (1 - label_smoothing) + label_smoothing / z.shape[-1])
    losses = -np.sum(np.where(q == 0, 0.0, q * log_softmax(z)), axis=-1)
    losses = np.where(kept, losses, 0.0)
    if reduction == "mean" and not soft:
        return np.asarray(losses.sum() / (w * p).sum(axis=-1)[kept].sum())
    return np.asarray(FOLDS[reduction](losses))


def nll(log_p, target, weight=None, ignore_index=-100, reduction="mean"):
    w = np.ones(last(log_p).shape[-1]) if weight is None else weight
    p, kept = hot_of(log_p, target), target != ignore_index
    losses = -np.where(kept, np.sum(w * p * last(log_p), axis=-1), 0.0)
    if reduction == "mean":
        return np.asarray(losses.sum() / (w * p).sum(axis=-1)[kept].sum())
    return np.asarray(FOLDS[reduction](losses))


def multi_margin(scores, target, weight=None, p=1, margin=1.0, reduction="mean"):
    hot = hot_of(scores, target)
    own = np.sum(hot * scores, axis=-1, keepdims=True)
    terms = np.where(hot == 1, 0.0, np.maximum(0, margin - own + scores) ** p)
    w = 1.0 if weight is None else np.sum(hot * weight, axis=-1)
    return np.asarray(FOLDS[reduction](w * terms.sum(axis=-1) / scores.shape[-1]))


def labels(*shape: int, classes: int = 7) -> Input:
    return whole(*shape, low=0, high=classes)


def shares(*shape: int) -> Input:
    """Targets, or weights, from 0 to 1; they need not sum to one, and have no gradient."""
    return Input(shape, 0.0, 1.0, grad=False)


def some(*numbers: int) -> Input:
    return exact(numbers, dtype="int64")


for name, oracle in {"cross_entropy": cross_entropy, "nll_loss": nll}.items():
    for how in FOLDS:
        row(name, oracle, real(4, 7), labels(4), reduction=how)
        row(name, oracle, real(7), labels(), reduction=how)
        row(name, oracle, real(5, 3), some(0, -100, 2, 1, -100), shares(3), reduction=how)
    row(name, oracle, real(4, 7), labels(4))
    row(name, oracle, real(4, 7), labels(4), shares(7))
    row(name, oracle, real(4, 7), whole(4, low=0, high=7, dtype="int32"))
    row(name, oracle, real(4, 7).transposed, labels(4).backwards)
    row(name, oracle, real(4, 1), labels(4, classes=1), grad_=name == "nll_loss")
    row(name, oracle, real(0, 7), labels(0), reduction="none")
    row(name, oracle, real(0, 7), labels(0), reduction="sum")
    row(name, oracle, real(4, 7, 3), labels(4, 3))
    row(name, oracle, real(2, 3, 5, 4), labels(2, 5, 4, classes=3), shares(3), reduction="sum")
    row(name, oracle, real(4, 3), some(0, 2, 2, 1), ignore_index=2)
    row(name, oracle, real(4, 3), exact([0, 2, 2, 1], dtype="uint8"), ignore_index=2)
    row(name, oracle, real(4, 3), exact([0, 2, 2, 1], dtype="uint8"))
    for wrong in (7, -1):
        row(name, oracle, real(3, 7), some(0, wrong, 6), reduction="none", grad_=False)

for how in FOLDS:
    row("cross_entropy", cross_entropy, real(4, 7), shares(4, 7), reduction=how)
    row("cross_entropy", cross_entropy, real(4, 7), shares(4, 7), shares(7), reduction=how)
    smooth = {"label_smoothing": 0.2, "reduction": how}
    row("cross_entropy", cross_entropy, real(4, 7), shares(4, 7), shares(7), **smooth)
    row("cross_entropy", cross_entropy, real(4, 3), some(0, -100, 2, 1), shares(3), **smooth)
row("cross_entropy", cross_entropy, real(4, 7), labels(4), label_smoothing=0.1)
row("cross_entropy", cross_entropy, real(4, 7), labels(4), label_smoothing=1.0)
row("cross_entropy", cross_entropy, real(7), shares(7))
row("cross_entropy", cross_entropy, real(4, 7, 3), shares(4, 7, 3), shares(7))
row("cross_entropy", cross_entropy, real(4, 7).strided, shares(4, 7).transposed)
far = exact([[1e4, 0.0, -1e4], [-1e4, 3.0, 1e4]])
row("cross_entropy", cross_entropy, far, some(0, 1))
one_hot = Input((2, 3), values=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0), grad=False)
row("cross_entropy", cross_entropy, exact([[1e4, 0.0, -1e4], [3.0, 2.0, 1.0]]), one_hot)
row("cross_entropy", cross_entropy, real(100, 10), labels(100, classes=10), time_=True)
row("cross_entropy", cross_entropy, real(512, 1000), labels(512, classes=1000), time_=True)

for how in FOLDS:
    row("multi_margin_loss", multi_margin, real(4, 7), labels(4), reduction=how)
    row("multi_margin_loss", multi_margin, real(4, 7), labels(4), shares(7), p=2, reduction=how)
row("multi_margin_loss", multi_margin, real(4, 7).transposed, labels(4), margin=0.3)
row("multi_margin_loss", multi_margin, real(7), labels())
row("multi_margin_loss", multi_margin, real(0, 7), labels(0), reduction="sum")
row("multi_margin_loss", multi_margin, real(3, 7), some(0, 7, 6), reduction="none", grad_=False)
