"""Fused losses: one launch for the losses (then their mean or sum), one for the gradient.

The kernels stand in kernels/loss.cl.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from nnkit.backends.device.common import INTEGERS, real_of, row_grid, size
from nnkit.backends.device.launcher import Launcher, grid
from nnkit.ops.loss import check_mse_loss, loss_scale, reduce_losses
from nnkit.ops.loss_classes import check_cross_entropy

if TYPE_CHECKING:
    from nnkit.typing import Array, Namespace, Needs, Shape

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
    weight: Array | None = None,
    *,
    needs: Needs,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Any:
    check_cross_entropy(xp, logits, target, reduction, weight, label_smoothing)
    if weight is not None or label_smoothing or logits.ndim > 2:
        return NotImplemented
    soft = target.ndim == logits.ndim
    label = ANY_LABEL if soft else INTEGERS.get(str(target.dtype))
    real = real_of(logits)
    if real is None or label is None or not (n := size(logits)):
        return NotImplemented
    rows, cols = n // logits.shape[-1], logits.shape[-1]
    work, extra = row_grid(launcher, rows, cols)
    defines: dict[str, Any] = {"real": real, "label": label, **extra}

    def launch(kernel: str, *args: Any) -> None:
        launcher.launch(FAMILY, kernel, *work, *args, rows, cols, **defines)

    saved = launcher.empty((rows, 2), logits.dtype)
    x, t = xp.ext.contiguous(logits), xp.ext.contiguous(target)
    each = reduction == "none"
    if soft:
        losses = launcher.empty(logits.shape[:-1], logits.dtype)
        launch("cross_entropy_soft_forward", x, t, losses, saved)
        y = reduce_losses(xp, losses, reduction)
        given: tuple[Any, ...] = (x, t)
        scale: tuple[Any, ...] = (loss_scale(losses.shape, reduction),)
    else:
        # Beside the losses stands 1 for each that counts: one sum gives their number too.
        both = launcher.empty((2, rows), logits.dtype)
        given = (x, t, ignore_index)
        launch("cross_entropy_forward", *given, both[0, :], both[1, :], saved)
        mean = reduction == "mean"
        sums = xp.sum(both, axis=1) if mean else both[1, :]
        y = _of_losses(xp, both, sums, logits.shape[:-1], reduction)
        scale = (sums[1:] if mean else sums, mean)

    def vjp(g: Array) -> tuple[Array, None, None]:
        d = launcher.empty(x.shape, x.dtype)
        kernel = f"cross_entropy{'_soft' if soft else ''}_backward"
        launch(kernel, *given, saved, g, each, *scale, d)
        return d, None, None

    return y, vjp if needs[0] else None


def _of_losses(xp: Namespace, both: Array, sums: Array, shape: Shape, reduction: str) -> Array:
    """The reduced losses, which lie beside their counts; `sums` is of both where it is a mean."""
    if reduction == "mean":
        return sums[0] / sums[1]
    return reduce_losses(xp, xp.reshape(both[0, :], shape), reduction)


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
