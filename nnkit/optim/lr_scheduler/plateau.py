"""The schedule that waits until a measure no longer gets better."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nnkit.errors import closest
from nnkit.optim.checks import check_number
from nnkit.optim.lr_scheduler.base import LRScheduler
from nnkit.optim.optimizer import Optimizer
from nnkit.tensor import Tensor


class ReduceLROnPlateau(LRScheduler):
    """lr falls by `factor` where the measure has not got better for more than `patience` steps.

    Better (mode 'min') is below best (1 - threshold), or below best - threshold where
    threshold_mode is 'abs'; with mode 'max', above best (1 + threshold), or best + threshold.

    Args:
        optimizer: whose learning rate it is.
        mode: 'min' for a loss, 'max' for an accuracy.
        factor: below 1.
        patience: steps without getting better that are allowed.
        threshold: what counts as better.
        threshold_mode: 'rel' or 'abs'.
        cooldown: steps after a fall that don't count.
        min_lr: the smallest learning rate, or one for each group of parameters.
        eps: falls of less than this are left out.

    Raises:
        ValueError: for a factor from 1, an unknown mode, or a step without a measure.

    >>> import nnkit
    >>> from nnkit import optim
    >>> optimizer = optim.SGD([nnkit.tensor([1.0], requires_grad=True)], lr=0.5)
    >>> scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.5):
    ...     scheduler.step(loss)
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        check_number("ReduceLROnPlateau", "factor", factor, below=1.0)
        for name, given, known in (
            ("mode", mode, ("min", "max")),
            ("threshold_mode", threshold_mode, ("rel", "abs")),
        ):
            if given not in known:
                hint = closest(given, known)
                raise ValueError(f"ReduceLROnPlateau: unknown {name} '{given}'. {hint}")
        count = len(optimizer.param_groups)
        self.min_lrs = [min_lr] * count if isinstance(min_lr, int | float) else list(min_lr)
        if len(self.min_lrs) != count:
            raise ValueError(
                f"ReduceLROnPlateau: min_lr must be a number or {count}, got {len(self.min_lrs)}"
            )
        self.mode, self.threshold_mode = mode, threshold_mode
        self.factor, self.patience, self.cooldown = factor, patience, cooldown
        self.threshold, self.eps = threshold, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.falls = 0
        super().__init__(optimizer)

    def at(self, step: int, base: float, group: int) -> float:
        """Base after as many falls as there were."""
        for _ in range(self.falls):
            fallen = max(base * self.factor, self.min_lrs[group])
            base = fallen if base - fallen > self.eps else base
        return base

    def observe(self, step: int, metrics: float | Tensor | None) -> None:
        """Count whether the measure got better; a tensor is read from the device."""
        if metrics is None:
            raise ValueError(
                "ReduceLROnPlateau: step() needs the measure to look at. Fix: step(val_loss)."
            )
        measure = float(metrics)
        if self._is_better(measure):
            self.best, self.num_bad_epochs = measure, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
        if self.num_bad_epochs > self.patience:
            self.falls += 1
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def _is_better(self, measure: float) -> bool:
        sign = 1.0 if self.mode == "max" else -1.0
        if self.threshold_mode == "rel":
            return sign * measure > sign * self.best * (1.0 + sign * self.threshold)
        return sign * measure > sign * self.best + self.threshold
