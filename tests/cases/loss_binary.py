"""Rows for `nnkit/ops/loss_binary.py`."""

from __future__ import annotations

import numpy as np

from tests.cases.activation import sigmoid
from tests.cases.loss import FOLDS
from tests.cases.table import Family, Input, exact, real

family = Family()
row = family.row
CASES = family.cases
nan, inf = np.nan, np.inf


def weighed(losses, weight, reduction):
    return np.asarray(FOLDS[reduction](losses * (1.0 if weight is None else weight)))


def bce(p, target, weight=None, reduction="mean"):
    yes, no = np.maximum(np.log(p), -100), np.maximum(np.log1p(-p), -100)
    return weighed(-target * yes - (1 - target) * no, weight, reduction)


def bce_with_logits(logits, target, weight=None, pos_weight=None, reduction="mean"):
    v = 1.0 if pos_weight is None else pos_weight
    yes, no = np.logaddexp(0, -logits), np.logaddexp(0, logits)
    return weighed(v * target * yes + (1 - target) * no, weight, reduction)


def kl_div(log_q, target, reduction="mean", log_target=False):
    p = np.exp(target) if log_target else target
    losses = np.where(p > 0, p * (np.log(np.where(p > 0, p, 1)) - log_q), 0.0)
    if reduction == "batchmean":
        return np.asarray(losses.sum() / log_q.shape[0])
    return np.asarray(FOLDS[reduction](losses))


def hinge(scores, target, margin=1.0, reduction="mean"):
    return np.asarray(FOLDS[reduction](np.maximum(0, margin - target * scores)))


def negative_sampling(scores, target=None, reduction="mean"):
    seen = np.arange(scores.shape[-1]) == 0 if target is None else target == 1
    losses = -np.log(sigmoid(np.where(seen, scores, -scores))).sum(axis=-1)
    return np.asarray(FOLDS[reduction](losses))


def share(*shape: int) -> Input:
    """Probabilities that keep away from 0 and 1."""
    return real(*shape, low=0.05, high=0.95)


def wanted(*shape: int) -> Input:
    """Targets, or weights, without a gradient."""
    return real(*shape, low=0.0, high=1.0, grad=False)


def sides(values) -> Input:
    shape = np.shape(values)
    return Input(shape, values=tuple(np.ravel(values).tolist()), grad=False)


SIDES = sides([[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0]])
HOT = sides([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
KINDS = {
    "binary_cross_entropy": (bce, share),
    "binary_cross_entropy_with_logits": (bce_with_logits, real),
    "kl_div": (kl_div, real),
}
for name, (oracle, draw) in KINDS.items():
    for how in FOLDS:
        row(name, oracle, draw(4, 7), wanted(4, 7), reduction=how)
    row(name, oracle, draw(4, 7).transposed, wanted(4, 7).strided)
    row(name, oracle, draw(), wanted())
    row(name, oracle, draw(0, 7), wanted(0, 7), reduction="sum")
    row(name, oracle, draw(2, 3), HOT)

row("binary_cross_entropy", bce, share(4, 7), wanted(4, 7), wanted(4, 1))
row("binary_cross_entropy", bce, exact([0.0, 1.0, nan, 1.0]), sides([0.0, 1.0, 1.0, 0.0]),
    reduction="none", grad_=False)  # fmt: skip
logits, target = real(4, 7), wanted(4, 7)
row("binary_cross_entropy_with_logits", bce_with_logits, logits, target, wanted(4, 1), wanted(7))
row("binary_cross_entropy_with_logits", bce_with_logits, logits, target, None, wanted(7))
row("binary_cross_entropy_with_logits", bce_with_logits, exact([1e4, -1e4, 1e4, nan]),
    sides([1.0, 1.0, 0.0, 1.0]), reduction="none", grad_=False)  # fmt: skip
row("binary_cross_entropy_with_logits", bce_with_logits, real(512, 1000), wanted(512, 1000),
    time_=True)  # fmt: skip
row("kl_div", kl_div, real(4, 7), wanted(4, 7), reduction="batchmean")
row("kl_div", kl_div, real(4, 7), wanted(4, 7), reduction="batchmean", log_target=True)
row("kl_div", kl_div, real(4, 7), wanted(4, 7), log_target=True)

for how in FOLDS:
    row("hinge_loss", hinge, real(2, 3), SIDES, reduction=how)
    row("negative_sampling", negative_sampling, real(2, 3), HOT, reduction=how)
    row("negative_sampling", negative_sampling, real(4, 7), reduction=how)
row("hinge_loss", hinge, real(2, 3).transposed, SIDES, margin=0.3)
row("hinge_loss", hinge, real(), sides(1.0))
row("hinge_loss", hinge, real(0, 7), wanted(0, 7), reduction="sum")
row("negative_sampling", negative_sampling, real(2, 4, 3).transposed)
row("negative_sampling", negative_sampling, real(4, 1))
row("negative_sampling", negative_sampling, real(0, 7), reduction="sum")
