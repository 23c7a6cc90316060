"""What every schedule shares: counting, writing into the optimizer, saving and loading."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import deepcopy
from typing import Any

from nnkit.optim.optimizer import Optimizer
from nnkit.tensor import Tensor


class LRScheduler(ABC):
    """A function from the number of the step to the learning rate; a subclass writes `at`.

    Args:
        optimizer: whose groups get the learning rate.
        last_epoch: the step after which to go on; -1 starts anew, from the optimizer's lr.

    Attributes:
        last_epoch: the number of the step that the optimizer's learning rate is for, from 0.
        base_lrs: for each group the learning rate that the first schedule is given.

    >>> import nnkit
    >>> from nnkit import optim
    >>> class Halved(optim.lr_scheduler.LRScheduler):
    ...     def at(self, step, base, group):
    ...         return base / 2**step
    >>> optimizer = optim.SGD([nnkit.tensor([1.0], requires_grad=True)], lr=0.5)
    >>> scheduler = Halved(optimizer)
    >>> scheduler.step()
    >>> scheduler.get_last_lr(), optimizer.param_groups[0]["lr"]
    ([0.25], 0.25)
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"{self._name}: optimizer must be an Optimizer, got {type(optimizer).__name__}"
            )
        for number, group in enumerate(optimizer.param_groups):
            if last_epoch != -1 and "initial_lr" not in group:
                raise KeyError(
                    f"{self._name}: last_epoch={last_epoch} goes on with a schedule, but group "
                    f"{number} has no 'initial_lr'. Fix: load the optimizer's state_dict first."
                )
            group.setdefault("initial_lr", group["lr"])
        self.optimizer = optimizer
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch + 1
        self._last_lr: list[float] = []
        optimizer.schedules.append(self)
        self._write()

    @property
    def _name(self) -> str:
        return type(self).__name__

    # -- what subclasses say -------------------------------------------------------------------

    @abstractmethod
    def at(self, step: int, base: float, group: int) -> float:
        """The learning rate of a step in a group of parameters that would have `base` without."""

    def momentum_at(self, step: int, group: int) -> float | None:
        """The momentum of a step, for schedules that change it too."""
        return None

    def observe(self, step: int, metrics: float | Tensor | None) -> None:  # noqa: B027 (may stay)
        """Look at a measure, for schedules that depend on one."""

    def children(self) -> list[LRScheduler]:
        """The schedules that this one is made of."""
        return []

    # -- the step ------------------------------------------------------------------------------

    def step(self, metrics: float | Tensor | None = None) -> None:
        """Go on by one step, after `optimizer.step()`.

        Args:
            metrics: a measure for `ReduceLROnPlateau`; other schedules pass over it.
        """
        self.observe(self.last_epoch + 1, metrics)
        self.last_epoch += 1
        self._write()

    def _write(self) -> None:
        """Set the groups' learning rates to what all schedules together say, where that changed."""
        groups = self.optimizer.param_groups
        for i, (group, base) in enumerate(zip(groups, self.base_lrs, strict=False)):
            lr, momentum = base, None
            for schedule in self.optimizer.schedules:
                lr = schedule.at(schedule.last_epoch, lr, i)
                momentum = schedule.momentum_at(schedule.last_epoch, i) or momentum
            if self._last_lr[i : i + 1] != [lr]:
                group["lr"] = lr
            if momentum is not None and "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
            elif momentum is not None:
                group["momentum"] = momentum
        self._last_lr = [group["lr"] for group in groups]

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group, as the last step of this schedule left it."""
        return list(self._last_lr)

    # -- saving --------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Every number of the schedule; neither the optimizer nor functions that were given."""
        numbers = {k: v for k, v in vars(self).items() if isinstance(v, int | float | str | list)}
        state = deepcopy(numbers)
        return {**state, "children": [child.state_dict() for child in self.children()]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave, and set the optimizer's learning rate by it."""
        for name, value in state_dict.items():
            if name != "children":
                setattr(self, name, deepcopy(value))
        for child, saved in zip(self.children(), state_dict["children"], strict=True):
            child.load_state_dict(saved)
        self._last_lr = []
        self._write()

    def __repr__(self) -> str:
        return f"{self._name}(step={self.last_epoch}, lr={self._last_lr})"


def whole(schedule: str, name: str, value: int) -> int:
    """A number of steps, from 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{schedule}: {name} must be a whole number from 1, got {value!r}")
    return value
