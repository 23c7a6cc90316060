"""Losses and optimizers by name, and what `Trainer` asks of them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from nnkit import nn, optim
from nnkit.errors import closest
from nnkit.optim import lr_scheduler
from nnkit.train.objective import LossFunction, Objective, Several

WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

ALIASES = {
    "binary_crossentropy": "bce",
    "mae": "l1",
    "mean_absolute_error": "l1",
    "mean_squared_error": "mse",
}
"""What users of Keras call losses that take the same here; its other cross-entropies do not."""


def losses() -> dict[str, type[nn.Loss]]:
    """The losses of `nn` by name: CrossEntropyLoss is 'cross_entropy', L1Loss also 'mae'.

    >>> losses()["cross_entropy"], losses()["mae"]
    (<class 'nnkit.nn.loss_classes.CrossEntropyLoss'>, <class 'nnkit.nn.loss.L1Loss'>)
    """
    named = {
        WORDS.sub("_", name.removesuffix("Loss")).lower(): kind
        for name, kind in _classes(nn, nn.Loss)
    }
    return named | {alias: named[name] for alias, name in ALIASES.items()}


def optimizers() -> dict[str, type[optim.Optimizer]]:
    """The optimizers of `optim` by name, in lower case."""
    return {name.lower(): kind for name, kind in _classes(optim, optim.Optimizer)}


def schedules() -> dict[str, type[lr_scheduler.LRScheduler]]:
    """The schedules of `optim.lr_scheduler` by name: CosineAnnealingLR is 'cosine_annealing'.

    >>> schedules()["one_cycle"]
    <class 'nnkit.optim.lr_scheduler.one_cycle.OneCycleLR'>
    """
    public = ((name, vars(lr_scheduler)[name]) for name in lr_scheduler.__all__)
    return {
        WORDS.sub("_", name.removesuffix("LR")).lower(): kind
        for name, kind in public
        if not inspect.isabstract(kind)
    }


def _classes(module: Any, base: type) -> list[tuple[str, Any]]:
    """The classes of a module that can be made without options (parameters aside)."""
    return [
        (name, kind)
        for name, kind in vars(module).items()
        if inspect.isclass(kind) and issubclass(kind, base) and not inspect.isabstract(kind)
        if all(
            p.default is not p.empty or p.name == "params" or p.kind in (p.VAR_KEYWORD,)
            for p in inspect.signature(kind).parameters.values()
        )
    ]


def objective(given: Any, loss_weights: Any = None) -> Objective | Several:
    """The loss that is meant, or one for each output.

    Args:
        given: a name, a loss module or a function; or a tuple, list or dict of these.
        loss_weights: numbers in the same form, where there are several.
    """
    if isinstance(given, Mapping):
        return Several({key: loss(part) for key, part in given.items()}, loss_weights)
    if isinstance(given, tuple | list):
        return Several([loss(part) for part in given], loss_weights)
    if loss_weights is not None:
        raise ValueError("Trainer: loss_weights need several losses, one for each output")
    return Objective(loss(given))


def loss(given: str | LossFunction) -> LossFunction:
    """The loss that is meant; it must give one number for a batch."""
    found: LossFunction = _by_name("loss", given, losses())() if isinstance(given, str) else given
    if isinstance(found, type) or not callable(found):
        raise TypeError(
            f"Trainer: a loss must be a name, a module or a function, got {found!r}"
            + (f". Fix: {found.__name__}()." if isinstance(found, type) else "")
        )
    if isinstance(found, nn.Loss) and found.reduction == "none":
        raise ValueError("Trainer: the loss must be one number. Fix: reduction='mean' or 'sum'.")
    return found


def optimizer(given: str | optim.Optimizer, model: nn.Module) -> optim.Optimizer:
    """The optimizer that is meant; it must hold parameters of this model."""
    if isinstance(given, str):
        make: Callable[[Any], optim.Optimizer] = _by_name("optimizer", given, optimizers())
        return make(model.parameters())
    if not isinstance(given, optim.Optimizer):
        raise TypeError(
            f"Trainer: the optimizer must be a name or an Optimizer, got {given!r}. "
            "Fix: optim.Adam(model.parameters())."
        )
    mine = {id(p) for p in model.parameters()}
    if not any(id(p) in mine for p in given.params()):
        raise ValueError(
            "Trainer: the optimizer holds none of the model's parameters. Fix: make it from "
            "model.parameters() of this very model."
        )
    return given


def schedule(
    given: str | lr_scheduler.LRScheduler, optimizer: optim.Optimizer, **options: Any
) -> lr_scheduler.LRScheduler:
    """The schedule that is meant, by name with its options; it must belong to the optimizer."""
    if isinstance(given, str):
        made: lr_scheduler.LRScheduler = _by_name("schedule", given, schedules())(
            optimizer, **options
        )
        return made
    if given.optimizer is not optimizer:
        raise ValueError(
            "Trainer: the schedule belongs to another optimizer. Fix: make it over the trainer's."
        )
    return given


def _by_name(kind: str, name: str, known: dict[str, Any]) -> Any:
    if name not in known:
        raise ValueError(f"Trainer: unknown {kind} '{name}'. {closest(name, known)}")
    return known[name]
