"""Fused losses: one launch for the losses (then their mean or sum), one for the gradient.

The kernels stand in kernels/loss.cl.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from nnkit.backends.device.common import INTEGERS, real_of, row_grid, size
from nnkit.backends.device.launcher import Launcher, grid
from nnkit.ops.loss import check_cross_entropy, check_mse_loss, loss_scale, reduce_losses

if TYPE_CHECKING:
    from nnkit.typing import Array, Namespace, Needs

FAMILY = "loss"
ANY_LABEL = "i32"
"""The type of class numbers for kernels that read none."""


def overrides(launcher: Launcher) -> dict[str, Callable[..., Any]]:
    """The losses that have kernels, by the name of their op."""
    return {
        "cross_entropy": partial(_cross_entropy, launcher),
        "mse_loss": partial(_mse_loss, launcher),
    }


def _cross_entropy(
    launcher: Launcher,
    xp: Namespace,
    logits: Array,
    target: Array,
    *,
    needs: Needs,
    reduction: str,
) -> Any:
    check_cross_entropy(xp, logits, target, reduction)
    soft = target.ndim == logits.ndim
    label = ANY_LABEL if soft else INTEGERS.get(str(target.dtype))
    real = real_of(logits)
    if real is None or label is None or not (n := size(logits)):
        return NotImplemented
    kernel = "cross_entropy_soft" if soft else "cross_entropy"
    rows, cols = n // logits.shape[-1], logits.shape[-1]
    work, extra = row_grid(launcher, rows, cols)
    defines: dict[str, Any] = {"real": real, "label": label, **extra}
    losses = launcher.empty(logits.shape[:-1], logits.dtype)
    saved = launcher.empty((rows, 2), logits.dtype)
    x, t = xp.ext.contiguous(logits), xp.ext.contiguous(target)
    launcher.launch(FAMILY, f"{kernel}_forward", *work, x, t, losses, saved, rows, cols, **defines)
    scale = loss_scale(losses.shape, reduction)

    def vjp(g: Array) -> tuple[Array, None]:
        d = launcher.empty(x.shape, x.dtype)
        about = (g, reduction == "none", scale)
        launcher.launch(
            FAMILY, f"{kernel}_backward", *work, x, t, saved, *about, d, rows, cols, **defines
        )
        return d, None

    return reduce_losses(xp, losses, reduction), vjp if needs[0] else None


def _mse_loss(
    launcher: Launcher,
    xp: Namespace,
    prediction: Array,
    target: Array,
    *,
    needs: Needs,
    reduction: str,
) -> Any:
    check_mse_loss(prediction, target, reduction)
    real = real_of(prediction, target)
    if real is None or not (n := size(prediction)):
        return NotImplemented
    work = grid(launcher, n)
    losses = launcher.empty(prediction.shape, prediction.dtype)
    p, t = xp.ext.contiguous(prediction), xp.ext.contiguous(target)
    defines: dict[str, Any] = {"real": real, "label": ANY_LABEL}
    launcher.launch(FAMILY, "squared_error_forward", *work, p, t, losses, n, **defines)
    scale = 2.0 * loss_scale(losses.shape, reduction)

    def gradient(a: Array, b: Array, g: Array) -> Array:
        d = launcher.empty(a.shape, a.dtype)
        about = (g, reduction == "none", scale)
        launcher.launch(FAMILY, "squared_error_backward", *work, a, b, *about, d, n, **defines)
        return d

    def vjp(g: Array) -> tuple[Array | None, Array | None]:
        return gradient(p, t, g) if needs[0] else None, gradient(t, p, g) if needs[1] else None

    return reduce_losses(xp, losses, reduction), vjp if any(needs) else None
