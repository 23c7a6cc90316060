"""Schedules that only fall."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from nnkit.optim.checks import check_number
from nnkit.optim.lr_scheduler.base import LRScheduler, whole
from nnkit.optim.optimizer import Optimizer


class StepLR(LRScheduler):
    """lr = base gamma^(step // step_size).

    Args:
        optimizer: whose learning rate it is.
        step_size: steps between two falls, from 1.
        gamma: the factor of a fall, from 0.
        last_epoch: the step after which to go on.

    >>> import nnkit
    >>> from nnkit import optim
    >>> optimizer = optim.SGD([nnkit.tensor([1.0], requires_grad=True)], lr=0.5)
    >>> scheduler = StepLR(optimizer, step_size=1, gamma=0.5)
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        check_number(self._name, "gamma", gamma)
        self.step_size, self.gamma = whole(self._name, "step_size", step_size), gamma
        super().__init__(optimizer, last_epoch)

    def at(self, step: int, base: float, group: int) -> float:
        """Base, fallen once every step_size steps."""
        return float(base * self.gamma ** (step // self.step_size))


class MultiStepLR(LRScheduler):
    """lr = base gamma^(how many milestones are reached).

    Args:
        optimizer: whose learning rate it is.
        milestones: the steps at which it falls.
        gamma: the factor of a fall, from 0.
        last_epoch: the step after which to go on.

    >>> import nnkit
    >>> from nnkit import optim
    >>> optimizer = optim.SGD([nnkit.tensor([1.0], requires_grad=True)], lr=0.5)
    >>> scheduler = MultiStepLR(optimizer, milestones=[1, 3], gamma=0.5)
    >>> for _ in range(3):
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [0.125]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        check_number(self._name, "gamma", gamma)
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def at(self, step: int, base: float, group: int) -> float:
        """Base, fallen once at every milestone."""
        return float(base * self.gamma ** bisect_right(self.milestones, step))


class ExponentialLR(LRScheduler):
    """lr = base gamma^step.

    Args:
        optimizer: whose learning rate it is.
        gamma: the factor of a step, from 0.
        last_epoch: the step after which to go on.

    >>> import nnkit
    >>> from nnkit import optim
    >>> optimizer = optim.SGD([nnkit.tensor([1.0], requires_grad=True)], lr=0.5)
    >>> scheduler = ExponentialLR(optimizer, gamma=0.5)
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        check_number(self._name, "gamma", gamma)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def at(self, step: int, base: float, group: int) -> float:
        """Base, fallen with every step."""
        return float(base * self.gamma**step)


class InverseTimeLR(LRScheduler):
    """lr = base / (1 + gamma step / step_size), after Robbins and Monro 1951.

    Args:
        optimizer: whose learning rate it is.
        gamma: how fast it falls, from 0.
        step_size: after so many steps, 1 + gamma divides; from 1.
        last_epoch: the step after which to go on.

    >>> import nnkit
    >>> from nnkit import optim
    >>> optimizer = optim.SGD([nnkit.tensor([1.0], requires_grad=True)], lr=0.5)
    >>> scheduler = InverseTimeLR(optimizer, gamma=1.0)
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def __init__(
        self, optimizer: Optimizer, gamma: float, step_size: int = 1, last_epoch: int = -1
    ) -> None:
        check_number(self._name, "gamma", gamma)
        self.gamma, self.step_size = gamma, whole(self._name, "step_size", step_size)
        super().__init__(optimizer, last_epoch)

    def at(self, step: int, base: float, group: int) -> float:
        """Base divided by a number that grows evenly."""
        return base / (1.0 + self.gamma * step / self.step_size)


class PolynomialLR(LRScheduler):
    """lr = base (1 - min(step / total_iters, 1))^power.

    Args:
        optimizer: whose learning rate it is.
        total_iters: steps until 0, from 1.
        power: 1 for a straight line, from 0.
        last_epoch: the step after which to go on.

    >>> import nnkit
    >>> from nnkit import optim
    >>> optimizer = optim.SGD([nnkit.tensor([1.0], requires_grad=True)], lr=0.5)
    >>> scheduler = PolynomialLR(optimizer, total_iters=4)
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.375]
    """

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        check_number(self._name, "power", power)
        self.total_iters, self.power = whole(self._name, "total_iters", total_iters), power
        super().__init__(optimizer, last_epoch)

    def at(self, step: int, base: float, group: int) -> float:
        """Base times a power of the share of the steps that is left."""
        return float(base * (1.0 - min(step / self.total_iters, 1.0)) ** self.power)
