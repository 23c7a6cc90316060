"""The learning rate as a number on the device, where updates read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnkit.optim.checks import check_number
from nnkit.optim.state import scalar
from nnkit.recording import paused
from nnkit.tensor import Tensor

if TYPE_CHECKING:
    from nnkit.optim.optimizer import Optimizer


class Rate:
    """The learning rate of one group, for parameters of one backend and dtype.

    Args:
        optimizer: in whose `param_groups` it is set.
        number: of the group.
        p: a parameter where it is wanted.

    Attributes:
        tensor: has no axes; always the same one, because recorded steps read it there.
    """

    def __init__(self, optimizer: Optimizer, number: int, p: Tensor) -> None:
        self._optimizer, self._number = optimizer, number
        self._value: float | None = None
        self.tensor = scalar(0.0, p)

    def refresh(self) -> None:
        """Upload the group's learning rate if it has changed."""
        value = self._optimizer.param_groups[self._number]["lr"]
        if value != self._value:
            check_number(type(self._optimizer).__name__, "lr", value)
            with paused():
                fresh = scalar(value, self.tensor)
                self.tensor.data[...] = fresh.data
            self._value = value
