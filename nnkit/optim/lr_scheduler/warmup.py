"""Schedules for the first steps, and of any function."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nnkit.optim.checks import check_number
from nnkit.optim.lr_scheduler.base import LRScheduler, whole
from nnkit.optim.optimizer import Optimizer


class LambdaLR(LRScheduler):
    """lr = base f(step), for any function f.

    Args:
        optimizer: whose learning rate it is.
        lr_lambda: f, or one f for each group of parameters.
        last_epoch: the step after which to go on.

    >>> import nnkit
    >>> from nnkit import optim
    >>> optimizer = optim.SGD([nnkit.tensor([1.0], requires_grad=True)], lr=0.5)
    >>> scheduler = LambdaLR(optimizer, lambda step: 1.0 - step / 4)
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.375]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        count = len(optimizer.param_groups)
        self.lr_lambdas = tuple([lr_lambda] * count if callable(lr_lambda) else lr_lambda)
        if len(self.lr_lambdas) != count:
            raise ValueError(
                f"LambdaLR: lr_lambda must be one function or {count}, got {len(self.lr_lambdas)}"
            )
        super().__init__(optimizer, last_epoch)

    def at(self, step: int, base: float, group: int) -> float:
        """Base times f(step)."""
        return base * self.lr_lambdas[group](step)


class ConstantLR(LRScheduler):
    """lr = factor base for `total_iters` steps, then base. With factor 1, a constant rate.

    Args:
        optimizer: whose learning rate it is.
        factor: in [0, 1].
        total_iters: steps with the factor.
        last_epoch: the step after which to go on.

    >>> import nnkit
    >>> from nnkit import optim
    >>> optimizer = optim.SGD([nnkit.tensor([1.0], requires_grad=True)], lr=0.5)
    >>> scheduler = ConstantLR(optimizer, factor=0.5, total_iters=1)
    >>> before = scheduler.get_last_lr()
    >>> scheduler.step()
    >>> before, scheduler.get_last_lr()
    ([0.25], [0.5])
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        check_number(self._name, "factor", factor, up_to=1.0)
        self.factor, self.total_iters = factor, whole(self._name, "total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def at(self, step: int, base: float, group: int) -> float:
        """The factor times base, or base."""
        return base * self.factor if step < self.total_iters else base


class LinearLR(LRScheduler):
    """Warm-up: lr grows evenly from start_factor base to end_factor base.

    lr = base (start_factor + (end_factor - start_factor) min(step / total_iters, 1)).

    Args:
        optimizer: whose learning rate it is.
        start_factor: in (0, 1].
        end_factor: in [0, 1].
        total_iters: steps until the end.
        last_epoch: the step after which to go on.

    >>> import nnkit
    >>> from nnkit import optim
    >>> optimizer = optim.SGD([nnkit.tensor([1.0], requires_grad=True)], lr=0.5)
    >>> scheduler = LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.375]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(f"LinearLR: start_factor must be in (0, 1], got {start_factor}")
        check_number(self._name, "end_factor", end_factor, up_to=1.0)
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = whole(self._name, "total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def at(self, step: int, base: float, group: int) -> float:
        """Base times a factor between the two."""
        share = min(step / self.total_iters, 1.0)
        return base * (self.start_factor + (self.end_factor - self.start_factor) * share)
