"""Fused optimiser steps: one launch a parameter (kernels/update.cl)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from nnkit.backends.device.common import real_of, size
from nnkit.backends.device.launcher import Launcher, grid
from nnkit.ops.update import log_of

if TYPE_CHECKING:
    from nnkit.typing import Array, Namespace

FAMILY = "update"


def overrides(launcher: Launcher) -> dict[str, Callable[..., Any]]:
    """The updates that have kernels, by name."""
    return {"sgd": partial(_sgd, launcher), "adam": partial(_adam, launcher)}


def _sgd(
    launcher: Launcher,
    xp: Namespace,
    param: Array,
    grad: Array,
    velocity: Array | None,
    lr: Array,
    step: Array,
    *,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
) -> Any:
    written = [param] if velocity is None else [param, velocity]
    real = _serves(xp, written, grad, lr, step)
    if real is None:
        return NotImplemented
    n, grad = size(param), xp.ext.contiguous(grad)
    work = grid(launcher, n)
    if velocity is None:
        launcher.launch(FAMILY, "sgd", *work, param, grad, lr, weight_decay, n, real=real)
        return None
    numbers = (momentum, 1.0 - dampening, weight_decay, nesterov)
    arrays = (param, grad, velocity, lr, step)
    launcher.launch(FAMILY, "sgd_momentum", *work, *arrays, *numbers, n, real=real)
    return None


def _adam(
    launcher: Launcher,
    xp: Namespace,
    param: Array,
    grad: Array,
    mean: Array,
    square: Array,
    largest: Array | None,
    lr: Array,
    step: Array,
    *,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
) -> Any:
    real = _serves(xp, [param, mean, square], grad, lr, step)
    if real is None or largest is not None:
        return NotImplemented
    n, grad = size(param), xp.ext.contiguous(grad)
    # 1 - beta and its logarithm are taken here, in double, as the composed definition does.
    first = (beta1, 1.0 - beta1, log_of(beta1))
    second = (beta2, 1.0 - beta2, log_of(beta2))
    arrays = (param, grad, mean, square, lr, step)
    decays = (0.0, weight_decay) if decoupled else (weight_decay, 0.0)
    numbers = (*first, *second, eps, *decays)
    launcher.launch(FAMILY, "adam", *grid(launcher, n), *arrays, *numbers, n, real=real)
    return None


def _serves(
    xp: Namespace, written: Sequence[Array], grad: Array, lr: Array, step: Array
) -> str | None:
    """The dtype's name in the kernel, or None for what the kernels do not serve."""
    shape = tuple(written[0].shape)
    if tuple(lr.shape) or tuple(step.shape) or not size(written[0]):
        return None
    if any(tuple(a.shape) != shape for a in (*written, grad)):
        return None
    if any(xp.ext.contiguous(a) is not a for a in written):
        return None  # a copy would be written to
    return real_of(*written, grad, lr, step)
