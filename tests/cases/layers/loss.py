"""Rows for `nnkit/nn/loss.py`, `loss_classes.py` and `loss_binary.py`."""

from __future__ import annotations

import numpy as np

from nnkit import nn
from tests.cases import loss, loss_binary
from tests.cases.layers.table import Layers
from tests.cases.loss_binary import HOT, SIDES, share, wanted
from tests.cases.loss_classes import labels, shares, some
from tests.cases.table import real

layers = Layers()
row = layers.row
CASES = layers.cases
WEIGHT = [0.5, 2.0, 1.0]
LABELS = some(0, 2, -100, 1, 2)


def pair(name, *inputs, weight=None, pos_weight=None, **options):
    """A row of the loss of this name and options, beside PyTorch's."""
    weights = {"weight": weight, "pos_weight": pos_weight}
    weights = {k: v for k, v in weights.items() if v is not None}
    row(
        lambda: getattr(nn, name)(**weights, **options),
        *inputs,
        peer=lambda torch: getattr(torch.nn, name)(
            **{k: torch.tensor(v) for k, v in weights.items()}, **options
        ),
    )


for how in ("mean", "sum", "none"):
    for name in ("MSELoss", "L1Loss", "HuberLoss", "SmoothL1Loss"):
        pair(name, real(4, 7), real(4, 7), reduction=how)
    pair("CrossEntropyLoss", real(4, 7), labels(4), reduction=how)
    smooth = {"label_smoothing": 0.2, "reduction": how}
    pair("CrossEntropyLoss", real(5, 3), LABELS, weight=WEIGHT, **smooth)
    pair("CrossEntropyLoss", real(5, 3), shares(5, 3), weight=WEIGHT, **smooth)
    pair("NLLLoss", real(5, 3), LABELS, weight=WEIGHT, reduction=how)
    pair("MultiMarginLoss", real(4, 3), labels(4, classes=3), weight=WEIGHT, reduction=how)
    pair("BCELoss", share(4, 3), wanted(4, 3), reduction=how)
    pair("BCEWithLogitsLoss", real(4, 3), wanted(4, 3), pos_weight=WEIGHT, reduction=how)
    # Beside PyTorch 'mean' would warn that it is not the divergence.
    row(
        lambda how=how: nn.KLDivLoss(reduction=how),
        real(4, 3),
        wanted(4, 3),
        oracle=lambda state, q, p, how=how: loss_binary.kl_div(q, p, how),
    )
    row(
        lambda how=how: nn.HalfSquaredErrorLoss(reduction=how),
        real(4, 7),
        real(4, 7),
        oracle=lambda state, p, t, how=how: loss.half(p, t, how),
    )
    row(
        lambda how=how: nn.HingeLoss(reduction=how),
        real(2, 3),
        SIDES,
        oracle=lambda state, s, t, how=how: loss_binary.hinge(s, t, reduction=how),
    )
    row(
        lambda how=how: nn.NegativeSamplingLoss(reduction=how),
        real(2, 3),
        HOT,
        oracle=lambda state, s, t, how=how: loss_binary.negative_sampling(s, t, how),
    )

pair("HuberLoss", real(4, 7), real(4, 7), delta=0.3)
pair("SmoothL1Loss", real(4, 7), real(4, 7), beta=0.3)
pair("CrossEntropyLoss", real(7), labels())
pair("CrossEntropyLoss", real(4, 3, 2, 5), labels(4, 2, 5, classes=3), weight=WEIGHT)
pair("CrossEntropyLoss", real(4, 3, 5), shares(4, 3, 5), weight=WEIGHT, label_smoothing=0.1)
pair("CrossEntropyLoss", real(4, 3), labels(4, classes=3), ignore_index=1)
pair("NLLLoss", real(4, 3, 5), labels(4, 5, classes=3), ignore_index=1)
pair("MultiMarginLoss", real(4, 3), labels(4, classes=3), p=2, margin=0.5)
pair("BCELoss", share(4, 3), wanted(4, 3), weight=WEIGHT)
pair("BCEWithLogitsLoss", real(4, 3), wanted(4, 3), weight=WEIGHT)
pair("KLDivLoss", real(4, 3), wanted(4, 3), reduction="batchmean")
pair("KLDivLoss", real(4, 3), wanted(4, 3), reduction="batchmean", log_target=True)
row(
    lambda: nn.HingeLoss(0.3),
    real(2, 3),
    SIDES,
    oracle=lambda state, s, t: np.asarray(loss_binary.hinge(s, t, margin=0.3)),
)
row(
    lambda: nn.NegativeSamplingLoss(),
    real(4, 7),
    oracle=lambda state, s: loss_binary.negative_sampling(s),
)
