"""Fused steps of the adaptive optimisers, several parameters a launch (kernels/update.cl)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from nnkit.backends.device.together import Column, Together, launch

if TYPE_CHECKING:
    from nnkit.backends.device.launcher import Launcher
    from nnkit.typing import Namespace


def overrides(launcher: Launcher) -> dict[str, Callable[..., Any]]:
    """The updates that have kernels, by name."""
    kinds: dict[str, Callable[..., Any]] = {
        "adagrad": _adagrad,
        "adadelta": _adadelta,
        "rmsprop": _rmsprop,
    }
    return {name: Together(partial(function, launcher)) for name, function in kinds.items()}


def _adagrad(
    launcher: Launcher,
    xp: Namespace,
    param: Column,
    grad: Column,
    total: Column,
    lr: Column,
    step: Column,
    *,
    lr_decay: float,
    weight_decay: float,
    eps: float,
) -> Any:
    numbers = (weight_decay, eps, lr_decay)
    return launch(launcher, xp, "ADAGRAD", (param, grad, total), lr, step, numbers)


def _adadelta(
    launcher: Launcher,
    xp: Namespace,
    param: Column,
    grad: Column,
    square: Column,
    moved: Column,
    lr: Column,
    *,
    rho: float,
    eps: float,
    weight_decay: float,
) -> Any:
    numbers = (weight_decay, eps, rho, 1.0 - rho)
    return launch(launcher, xp, "ADADELTA", (param, grad, square, moved), lr, lr, numbers)


def _rmsprop(
    launcher: Launcher,
    xp: Namespace,
    param: Column,
    grad: Column,
    square: Column,
    mean: Column,
    velocity: Column,
    lr: Column,
    *,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
) -> Any:
    kept = (mean[0] is not None, velocity[0] is not None)
    numbers = (weight_decay, eps, alpha, 1.0 - alpha, momentum, *kept)
    return launch(launcher, xp, "RMSPROP", (param, grad, square, mean, velocity), lr, lr, numbers)
