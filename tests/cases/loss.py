"""Rows for `nnkit/ops/loss.py`: losses by the difference of prediction and target."""

from __future__ import annotations

import numpy as np

from tests.cases.table import Family, exact, real

family = Family()
row = family.row
CASES = family.cases
nan, inf = np.nan, np.inf
FOLDS = {"mean": lambda x: x.sum() / max(x.size, 1), "sum": np.sum, "none": np.asarray}


def folded(formula):
    """The losses of a formula, reduced."""

    def oracle(prediction, target, reduction="mean", **options):
        return np.asarray(FOLDS[reduction](formula(prediction - target, **options)))

    return oracle


def half(prediction, target, reduction="sum"):
    return 0.5 * mse(prediction, target, reduction)


@folded
def huber(e, delta=1.0):
    return np.where(np.abs(e) <= delta, 0.5 * e * e, delta * (np.abs(e) - 0.5 * delta))


def smooth_l1(prediction, target, reduction="mean", beta=1.0):
    return huber(prediction, target, reduction, delta=beta) / beta


mse, l1 = folded(np.square), folded(np.abs)
LOSSES = {
    "mse_loss": mse,
    "half_squared_error": half,
    "l1_loss": l1,
    "huber_loss": huber,
    "smooth_l1_loss": smooth_l1,
}
for name, oracle in LOSSES.items():
    for how in FOLDS:
        row(name, oracle, real(4, 7), real(4, 7), reduction=how)
    row(name, oracle, real(3), real(3), reduction="none")
    row(name, oracle, real(4, 7), real(4, 7))
    row(name, oracle, real(4, 7), real(4, 7, grad=False))
    row(name, oracle, real(4, 7).transposed, real(4, 7).strided)
    row(name, oracle, real(0, 7), real(0, 7), reduction="sum")
    row(name, oracle, real(1, 1), real(1, 1))
    row(name, oracle, real(), real())
    ends = exact([nan, inf, -inf, 1e15])
    row(name, oracle, ends, exact([0.0] * 4), reduction="none", grad_=False)
row("mse_loss", mse, real(512, 1000), real(512, 1000), time_=True)
row("huber_loss", huber, real(4, 7), real(4, 7), delta=0.3)
row("smooth_l1_loss", smooth_l1, real(4, 7), real(4, 7), beta=0.3)
