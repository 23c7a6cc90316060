"""Losses of yes or no, by probability, logit or side, and of distributions."""

from __future__ import annotations

from nnkit.dispatch import Result, op
from nnkit.ops.common import sigmoid_of, softplus_of
from nnkit.ops.loss import REDUCTIONS, check_alike, check_reduction, loss_scale, reduce_losses
from nnkit.typing import Array, Namespace, Needs

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "hinge_loss",
    "kl_div",
    "negative_sampling",
]

LOWEST_LOG = -100.0
"""What log 0 counts as, so that a loss is finite: PyTorch's."""
LEAST = 1e-12
"""What p (1 - p) counts as at least in a gradient: PyTorch's."""


@op
def binary_cross_entropy(
    xp: Namespace,
    p: Array,
    target: Array,
    weight: Array | None = None,
    *,
    needs: Needs,
    reduction: str = "mean",
) -> Result:
    """loss = -w (t log p + (1 - t) log(1 - p)), t = target; logarithms count as -100 at least.

    Shapes: p, in [0, 1], and target, in [0, 1], alike in shape and dtype; weight broadcasts to
    them. d/dp = w (p - t) / (p (1 - p)); target and weight have no gradient.

    >>> import nnkit
    >>> round(nnkit.ops.binary_cross_entropy(nnkit.tensor([0.5]), nnkit.tensor([1.0])).item(), 4)
    0.6931
    """
    check_alike("binary_cross_entropy", p, target, reduction)
    yes = xp.maximum(xp.log(p), LOWEST_LOG)
    no = xp.maximum(xp.log1p(-p), LOWEST_LOG)
    losses = _times(-(target * yes + (1.0 - target) * no), weight)
    scale = loss_scale(losses.shape, reduction)

    def vjp(g: Array) -> tuple[Array, None, None]:
        slope = (p - target) / xp.maximum(p * (1.0 - p), LEAST)
        return _times(slope, weight) * (g * scale), None, None

    return reduce_losses(xp, losses, reduction), vjp if needs[0] else None


@op
def binary_cross_entropy_with_logits(
    xp: Namespace,
    logits: Array,
    target: Array,
    weight: Array | None = None,
    pos_weight: Array | None = None,
    *,
    needs: Needs,
    reduction: str = "mean",
) -> Result:
    """loss = w (-v t log s - (1 - t) log(1 - s)), s = sigmoid(logits), t = target; no overflow.

    It is (1 - t) z + (1 + (v - 1) t) log(1 + exp(-z)) for logits z. Shapes: logits and target, in
    [0, 1], alike in shape and dtype; weight w and pos_weight v broadcast to them, 1 where None.
    d/dz = w ((1 - t) - (1 + (v - 1) t) (1 - s)); the others have no gradient.

    >>> import nnkit
    >>> loss = nnkit.ops.binary_cross_entropy_with_logits(nnkit.tensor([0.0]), nnkit.tensor([1.0]))
    >>> round(loss.item(), 4)
    0.6931
    """
    check_alike("binary_cross_entropy_with_logits", logits, target, reduction)
    no, yes = 1.0 - target, 1.0
    if pos_weight is not None:
        yes = 1.0 + (pos_weight - 1.0) * target
    losses = _times(no * logits + yes * softplus_of(xp, -logits), weight)
    scale = loss_scale(losses.shape, reduction)

    def vjp(g: Array) -> tuple[Array, None, None, None]:
        slope = no - yes * sigmoid_of(xp, -logits)
        return _times(slope, weight) * (g * scale), None, None, None

    return reduce_losses(xp, losses, reduction), vjp if needs[0] else None


def _times(losses: Array, weight: Array | None) -> Array:
    return losses if weight is None else losses * weight


@op
def kl_div(
    xp: Namespace,
    log_q: Array,
    target: Array,
    *,
    needs: Needs,
    reduction: str = "mean",
    log_target: bool = False,
) -> Result:
    """loss = p (log p - log_q), the divergence of q from p = target (Kullback and Leibler 1951).

    Both of one shape and dtype; with `log_target` the target is log p. `reduction` is 'mean' over
    all elements, 'batchmean' (the sum by the length of the first axis: the divergence itself),
    'sum' or 'none'. d/dlog_q = -p; the target has no gradient.

    >>> import nnkit
    >>> log_q, target = nnkit.tensor([[0.5, 0.5]]).log(), nnkit.tensor([[1.0, 0.0]])
    >>> round(nnkit.ops.kl_div(log_q, target, reduction="sum").item(), 4)
    0.6931
    """
    check_reduction("kl_div", reduction, (*REDUCTIONS, "batchmean"))
    check_alike("kl_div", log_q, target, "sum")
    p = xp.exp(target) if log_target else target
    log_p = target if log_target else xp.log(xp.where(p > 0, p, xp.ones_like(p)))  # 0 log 0 = 0
    losses = p * (log_p - log_q)
    batch = reduction == "batchmean"
    scale = 1.0 / max(log_q.shape[0], 1) if batch else loss_scale(losses.shape, reduction)
    y = xp.sum(losses) * scale if batch else reduce_losses(xp, losses, reduction)
    return y, (lambda g: (-p * (g * scale), None)) if needs[0] else None


@op
def hinge_loss(
    xp: Namespace,
    scores: Array,
    target: Array,
    *,
    needs: Needs,
    margin: float = 1.0,
    reduction: str = "mean",
) -> Result:
    """loss = max(0, margin - t s), t = target of -1 or 1, s = scores (Cortes and Vapnik 1995).

    Both of one shape and float dtype. d/ds = -t where margin > t s, else 0; no other gradient.

    >>> import nnkit
    >>> nnkit.ops.hinge_loss(nnkit.tensor([0.5, -2.0]), nnkit.tensor([1.0, -1.0])).item()
    0.25
    """
    check_alike("hinge_loss", scores, target, reduction)
    missing = margin - target * scores
    losses = xp.maximum(missing, 0.0)
    scale = loss_scale(losses.shape, reduction)

    def vjp(g: Array) -> tuple[Array, None]:
        return xp.where(missing > 0, -target * (g * scale), 0.0), None

    return reduce_losses(xp, losses, reduction), vjp if needs[0] else None


@op
def negative_sampling(
    xp: Namespace,
    scores: Array,
    target: Array | None = None,
    *,
    needs: Needs,
    reduction: str = "mean",
) -> Result:
    """loss = -sum_k log sigmoid(t_k s_k), t = 1 for what was seen, -1 for noise.

    Shapes: scores (..., K), inner products of a word with what was seen beside it and with noise
    words; target of the same shape and dtype, 1 where seen and 0 for noise, or None: then the first
    of the K was seen. The loss has the shape (...), 'mean' is over it (Mikolov et al. 2013,
    arXiv:1310.4546). d/ds = -t sigmoid(-t s); the target has no gradient.

    >>> import nnkit
    >>> round(nnkit.ops.negative_sampling(nnkit.tensor([[0.0, 0.0, 0.0]])).item(), 4)
    2.0794
    """
    check_alike("negative_sampling", scores, scores if target is None else target, reduction)
    if not scores.ndim:
        raise ValueError("negative_sampling: scores must be (..., K), got a number without axes")
    if target is None:
        place = xp.arange(scores.shape[-1], device=scores.device)
        target = xp.astype(place == 0, scores.dtype)
    sign = 2.0 * target - 1.0
    losses = xp.sum(softplus_of(xp, -sign * scores), axis=-1)
    scale = loss_scale(losses.shape, reduction)

    def vjp(g: Array) -> tuple[Array, None]:
        spread = xp.expand_dims(g * scale, axis=-1) if reduction == "none" else g * scale
        return -sign * sigmoid_of(xp, -sign * scores) * spread, None

    return reduce_losses(xp, losses, reduction), vjp if needs[0] else None
