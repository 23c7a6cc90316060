"""Fused optimiser steps: one launch for several parameters (kernels/update.cl)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from nnkit.backends.device.together import Column, Together, launch
from nnkit.ops.update import log_of, log_of_nadam

if TYPE_CHECKING:
    from nnkit.backends.device.launcher import Launcher
    from nnkit.typing import Namespace


def overrides(launcher: Launcher) -> dict[str, Callable[..., Any]]:
    """The updates that have kernels, by name."""
    kinds: dict[str, Callable[..., Any]] = {
        "sgd": _sgd,
        "adam": _adam,
        "nadam": _nadam,
        "lion": _lion,
        "scaled": _scaled,
    }
    return {name: Together(partial(function, launcher)) for name, function in kinds.items()}


def _sgd(
    launcher: Launcher,
    xp: Namespace,
    param: Column,
    grad: Column,
    velocity: Column,
    lr: Column,
    step: Column,
    *,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
) -> Any:
    numbers = (weight_decay, momentum, nesterov, 1.0 - dampening, velocity[0] is not None)
    return launch(launcher, xp, "SGD", (param, grad, velocity), lr, step, numbers)


def _adam(
    launcher: Launcher,
    xp: Namespace,
    param: Column,
    grad: Column,
    mean: Column,
    square: Column,
    largest: Column,
    lr: Column,
    step: Column,
    *,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
) -> Any:
    numbers = (*_moments(beta1, beta2, eps, weight_decay, decoupled), largest[0] is not None)
    return launch(launcher, xp, "ADAM", (param, grad, mean, square, largest), lr, step, numbers)


def _nadam(
    launcher: Launcher,
    xp: Namespace,
    param: Column,
    grad: Column,
    mean: Column,
    square: Column,
    product: Column,
    lr: Column,
    step: Column,
    *,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    momentum_decay: float,
    decoupled: bool,
) -> Any:
    decay = log_of_nadam(momentum_decay)
    numbers = (*_moments(beta1, beta2, eps, weight_decay, decoupled), decay)
    columns = (param, grad, mean, square)
    return launch(launcher, xp, "NADAM", columns, lr, step, numbers, product)


def _moments(
    beta1: float, beta2: float, eps: float, weight_decay: float, decoupled: bool
) -> tuple[float, ...]:
    """What the kernels of Adam and NAdam begin with."""
    # 1 - beta and its logarithm are taken here, in double, as the composed definition does.
    first = (beta1, 1.0 - beta1, log_of(beta1))
    second = (beta2, 1.0 - beta2, log_of(beta2))
    decays = (0.0, weight_decay) if decoupled else (weight_decay, 0.0)
    return (*first, *second, eps, *decays)


def _lion(
    launcher: Launcher,
    xp: Namespace,
    param: Column,
    grad: Column,
    mean: Column,
    lr: Column,
    *,
    beta1: float,
    beta2: float,
    weight_decay: float,
) -> Any:
    numbers = (beta1, 1.0 - beta1, beta2, 1.0 - beta2, weight_decay)
    return launch(launcher, xp, "LION", (param, grad, mean), lr, lr, numbers)


def _scaled(launcher: Launcher, xp: Namespace, out: Column, grad: Column, share: Column) -> Any:
    return launch(launcher, xp, "SCALE", (out, grad), share, share, ())
