"""Schedules made of schedules: one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from nnkit.optim.lr_scheduler.base import LRScheduler
from nnkit.optim.optimizer import Optimizer
from nnkit.tensor import Tensor


class SequentialLR(LRScheduler):
    """One schedule after the other: at each milestone the next one begins, at its step 0.

    Args:
        optimizer: whose learning rate it is.
        schedulers: made over the same optimizer.
        milestones: the steps at which the second, third … begin.
        last_epoch: the step after which to go on.

    Raises:
        ValueError: unless there is one milestone less than schedules, each behind the one before,
            and all belong to the optimizer.

    >>> import nnkit
    >>> from nnkit import optim
    >>> optimizer = optim.SGD([nnkit.tensor([1.0], requires_grad=True)], lr=0.5)
    >>> warm_up = optim.lr_scheduler.LinearLR(optimizer, 0.5, total_iters=1)
    >>> decay = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    >>> scheduler = SequentialLR(optimizer, [warm_up, decay], milestones=[1])
    >>> rates = []
    >>> for _ in range(3):
    ...     rates += scheduler.get_last_lr()
    ...     scheduler.step()
    >>> rates
    [0.25, 0.5, 0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        self.schedulers = _taken("SequentialLR", optimizer, schedulers)
        self.milestones = list(milestones)
        if len(milestones) != len(schedulers) - 1 or sorted(set(milestones)) != self.milestones:
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedulers need {len(schedulers) - 1} milestones "
                f"that grow, got {self.milestones}"
            )
        super().__init__(optimizer, last_epoch)

    def children(self) -> list[LRScheduler]:
        """The schedules in their order."""
        return list(self.schedulers)

    def _active(self, step: int) -> tuple[LRScheduler, int]:
        """The schedule of a step, and the step counted from its milestone."""
        number = bisect_right(self.milestones, step)
        return self.schedulers[number], step - ([0, *self.milestones][number])

    def at(self, step: int, base: float, group: int) -> float:
        """What the schedule of that step says."""
        schedule, own = self._active(step)
        return schedule.at(own, base, group)

    def momentum_at(self, step: int, group: int) -> float | None:
        """What the schedule of that step says."""
        schedule, own = self._active(step)
        return schedule.momentum_at(own, group)

    def observe(self, step: int, metrics: float | Tensor | None) -> None:
        """Hand the measure to the schedule of that step."""
        schedule, own = self._active(step)
        schedule.observe(own, metrics)


class ChainedScheduler(LRScheduler):
    """All schedules at once: each is given the learning rate that the one before it gave.

    Args:
        schedulers: made over one optimizer.
        optimizer: that optimizer; may be left out.

    Raises:
        ValueError: without schedules, or where one belongs to another optimizer.

    >>> import nnkit
    >>> from nnkit import optim
    >>> optimizer = optim.SGD([nnkit.tensor([1.0], requires_grad=True)], lr=0.5)
    >>> warm_up = optim.lr_scheduler.LinearLR(optimizer, 0.5, total_iters=1)
    >>> decay = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    >>> scheduler = ChainedScheduler([warm_up, decay])
    >>> rates = []
    >>> for _ in range(3):
    ...     rates += scheduler.get_last_lr()
    ...     scheduler.step()
    >>> rates
    [0.25, 0.25, 0.125]
    """

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        if not schedulers:
            raise ValueError("ChainedScheduler: got no schedulers")
        optimizer = optimizer or schedulers[0].optimizer
        self.schedulers = _taken("ChainedScheduler", optimizer, schedulers)
        super().__init__(optimizer)

    def children(self) -> list[LRScheduler]:
        """The schedules in their order."""
        return list(self.schedulers)

    def at(self, step: int, base: float, group: int) -> float:
        """What the last of the chain says."""
        for schedule in self.schedulers:
            base = schedule.at(step, base, group)
        return base

    def momentum_at(self, step: int, group: int) -> float | None:
        """What the last one that changes it says."""
        said = [schedule.momentum_at(step, group) for schedule in self.schedulers]
        return next((momentum for momentum in reversed(said) if momentum is not None), None)

    def observe(self, step: int, metrics: float | Tensor | None) -> None:
        """Hand the measure to all."""
        for schedule in self.schedulers:
            schedule.observe(step, metrics)


def _taken(
    name: str, optimizer: Optimizer, schedulers: Sequence[LRScheduler]
) -> tuple[LRScheduler, ...]:
    """The schedules, which no longer write into the optimizer by themselves."""
    for position, schedule in enumerate(schedulers):
        if schedule.optimizer is not optimizer:
            raise ValueError(f"{name}: scheduler {position} belongs to another optimizer")
    optimizer.schedules[:] = [s for s in optimizer.schedules if s not in schedulers]
    return tuple(schedulers)
