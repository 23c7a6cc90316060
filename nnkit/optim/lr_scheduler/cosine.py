"""Schedules along a cosine."""

from __future__ import annotations

import math

from nnkit.optim.checks import check_number
from nnkit.optim.lr_scheduler.base import LRScheduler, whole
from nnkit.optim.optimizer import Optimizer
from nnkit.tensor import Tensor


class CosineAnnealingLR(LRScheduler):
    """lr = eta_min + (base - eta_min) (1 + cos(pi step / T_max)) / 2.

    Loshchilov and Hutter 2017, arXiv:1608.03983. After T_max steps it rises again.

    Args:
        optimizer: whose learning rate it is.
        T_max: steps from base to eta_min, from 1.
        eta_min: the smallest learning rate, from 0.
        last_epoch: the step after which to go on.

    >>> import nnkit
    >>> from nnkit import optim
    >>> optimizer = optim.SGD([nnkit.tensor([1.0], requires_grad=True)], lr=0.5)
    >>> scheduler = CosineAnnealingLR(optimizer, T_max=3)
    >>> for _ in range(3):
    ...     scheduler.step()
    ...     print(round(scheduler.get_last_lr()[0], 3))
    0.375
    0.125
    0.0
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,  # noqa: N803 (PyTorch's name)
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        check_number(self._name, "eta_min", eta_min)
        self.T_max, self.eta_min = whole(self._name, "T_max", T_max), eta_min
        super().__init__(optimizer, last_epoch)

    def at(self, step: int, base: float, group: int) -> float:
        """Between base and eta_min."""
        return half_wave(base, self.eta_min, step / self.T_max)


class CosineAnnealingWarmRestarts(LRScheduler):
    """lr = eta_min + (base - eta_min) (1 + cos(pi t / T)) / 2, t counted from the last restart.

    Loshchilov and Hutter 2017, arXiv:1608.03983. The first restart comes after T = T_0 steps, each
    further one after T_mult times as many as the one before.

    Args:
        optimizer: whose learning rate it is.
        T_0: steps before the first restart, from 1.
        T_mult: by how much the time between restarts grows, from 1.
        eta_min: the smallest learning rate, from 0.
        last_epoch: the step after which to go on.

    >>> import nnkit
    >>> from nnkit import optim
    >>> optimizer = optim.SGD([nnkit.tensor([1.0], requires_grad=True)], lr=0.5)
    >>> scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2)
    >>> for _ in range(3):
    ...     scheduler.step()
    ...     print(round(scheduler.get_last_lr()[0], 3))
    0.25
    0.5
    0.427
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,  # noqa: N803 (PyTorch's name)
        T_mult: int = 1,  # noqa: N803
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        check_number(self._name, "eta_min", eta_min)
        self.T_0, self.T_mult = whole(self._name, "T_0", T_0), whole(self._name, "T_mult", T_mult)
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def step(self, epoch: float | Tensor | None = None) -> None:
        """Go on by one step, or to `epoch`, which may be a fraction: `step(epoch + i / steps)`."""
        if epoch is None:
            return super().step()
        check_number(self._name, "epoch", epoch)
        self.last_epoch = epoch  # type: ignore[assignment] # a fraction, here alone
        return self._write()

    def at(self, step: float, base: float, group: int) -> float:
        """Between base and eta_min, by the time since the last restart."""
        length = self.T_0
        if self.T_mult == 1:
            step %= length
        while step >= length:
            step -= length
            length *= self.T_mult
        return half_wave(base, self.eta_min, step / length)


def half_wave(start: float, end: float, share: float) -> float:
    """From start (share 0) to end (share 1) along a cosine."""
    return end + (start - end) * (1.0 + math.cos(math.pi * share)) / 2.0
