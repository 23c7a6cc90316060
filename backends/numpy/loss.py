"""Losses written for NumPy, which takes its time over short rows and for many small calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnkit.backends.numpy.record import noted
from nnkit.ops.loss_classes import check_cross_entropy

if TYPE_CHECKING:
    from nnkit.typing import Array, Namespace, Needs

Host = np.ndarray[Any, Any]
FLOATS = ("float32", "float64")
UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def cross_entropy(
    xp: Namespace,
    logits: Array,
    target: Array,
    weight: Array | None = None,
    *,
    needs: Needs,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """`nnkit.ops.cross_entropy` of logits (N, C) and class numbers (N,), without weights.

    loss_n = s_n (log sum_c exp z_cn - z_tn), d/dz_cn = s_n (softmax(z)_cn - [c = t]), with z the
    logits less the largest of their row, and s_n the share of n in the loss. All lies with the
    classes first: NumPy reduces the first axis several times faster than a short last one.
    """
    check_cross_entropy(xp, logits, target, reduction, weight, label_smoothing)
    plain = weight is None and not label_smoothing and logits.ndim == 2 and target.ndim == 1
    if not plain or not logits.size or str(logits.dtype) not in FLOATS:
        return NotImplemented
    classes = logits.shape[1]
    x = turned(logits)
    z = x - xp.max(x, axis=0, keepdims=True)
    powers = xp.exp(z)
    total = xp.sum(powers, axis=0)
    share = shares(target, classes, ignore_index, reduction == "mean", logits.dtype)
    numbers = xp.arange(classes, dtype=target.dtype, device=target.device)
    hot = xp.reshape(numbers, (classes, 1)) == target
    losses = xp.log(total) - xp.sum(xp.where(hot, z, 0.0), axis=0)
    losses = xp.where(share[1, :] == 0, 0.0, share[1, :] * losses)

    def vjp(g: Array) -> tuple[Array, None, None]:
        return turned((powers / total - hot) * (g * share[0, :])), None, None

    return losses if reduction == "none" else xp.sum(losses), vjp if needs[0] else None


@noted
def turned(x: Host, out: Host | None = None) -> Host:
    """The transposed of x, in row-major memory of its own."""
    y = np.empty(x.shape[::-1], x.dtype) if out is None else out
    y[...] = x.T
    return y


@noted
def shares(
    target: Host,
    classes: int,
    ignore_index: int,
    mean: bool,
    dtype: Any,
    out: Host | None = None,
) -> Host:
    """The share s_n of each target in the gradient, and in the loss: two rows.

    0 for one that is ignored, NaN for a class number that is none. Where all are ignored, their
    mean is NaN, but nothing is to be learnt from it.
    """
    y = np.empty((2, target.size), dtype) if out is None else out
    inside = target.view(UNSIGNED[target.dtype.itemsize]) < classes  # negative ones are large there
    if not 0 <= ignore_index < classes and 0 not in inside.tobytes():
        y.fill(1.0 / target.size if mean else 1.0)
        return y
    kept = target != ignore_index
    count = int(kept.sum()) if mean else 1
    y[0] = np.where(inside | ~kept, kept / max(count, 1), np.nan)
    y[1] = y[0] if count else np.nan
    return y
