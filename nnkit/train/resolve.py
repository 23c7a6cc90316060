"""Losses and optimizers by name, and what `Trainer` asks of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from nnkit import nn, optim
from nnkit.errors import closest
from nnkit.tensor import Tensor

LossFunction = Callable[[Tensor, Tensor], Tensor]

LOSSES: Final[dict[str, Callable[[], nn.Loss]]] = {
    "cross_entropy": nn.CrossEntropyLoss,
    "mse": nn.MSELoss,
}
OPTIMIZERS: Final[dict[str, Callable[[Any], optim.Optimizer]]] = {
    "adadelta": optim.Adadelta,
    "adagrad": optim.Adagrad,
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "lion": optim.Lion,
    "nadam": optim.NAdam,
    "rmsprop": optim.RMSprop,
    "sgd": optim.SGD,
}


def loss(given: str | LossFunction) -> LossFunction:
    """The loss that is meant; it must give one number for a batch."""
    found: LossFunction = _by_name("loss", given, LOSSES)() if isinstance(given, str) else given
    if isinstance(found, nn.Loss) and found.reduction == "none":
        raise ValueError("Trainer: the loss must be one number. Fix: reduction='mean' or 'sum'.")
    return found


def optimizer(given: str | optim.Optimizer, model: nn.Module) -> optim.Optimizer:
    """The optimizer that is meant; it must hold parameters of this model."""
    if isinstance(given, str):
        made: optim.Optimizer = _by_name("optimizer", given, OPTIMIZERS)(model.parameters())
        return made
    mine = {id(p) for p in model.parameters()}
    if not any(id(p) in mine for p in given.params()):
        raise ValueError(
            "Trainer: the optimizer holds none of the model's parameters. Fix: make it from "
            "model.parameters() of this very model."
        )
    return given


def _by_name(kind: str, name: str, known: dict[str, Any]) -> Any:
    if name not in known:
        raise ValueError(f"Trainer: unknown {kind} '{name}'. {closest(name, known)}")
    return known[name]
