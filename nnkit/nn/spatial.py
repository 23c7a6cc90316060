"""What layers over one or two axes of space share: the shape of x, with or without a batch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from nnkit.nn.module import Module
from nnkit.tensor import Tensor


class Spatial(Module):
    """A layer that takes x (N, channels, *space), or one example without the batch axis."""

    axes: ClassVar[int]
    """How many axes of space there are."""

    def batched(self, x: Tensor, channels: int | None = None) -> Tensor:
        """x with a batch axis.

        Raises:
            ValueError: for another number of axes or channels.
        """
        if x.ndim == self.axes + 1:
            x = x[None]
        if x.ndim != self.axes + 2 or channels not in (None, x.shape[1]):
            name = "C" if channels is None else channels
            space = "length" if self.axes == 1 else "height, width"
            raise ValueError(
                f"{type(self).__name__}: x must have the shape (N, {name}, {space}) or ({name}, "
                f"{space}), got {x.shape}.{self._fix(x, channels)}"
            )
        return x

    def _fix(self, x: Tensor, channels: int | None) -> str:
        if x.ndim == self.axes + 2 and x.shape[-1] == channels:
            order = (0, self.axes + 1, *range(1, self.axes + 1))
            return f" Fix: channels come second: x.permute{order}."
        if x.ndim == self.axes + 2:
            return f" Fix: make the layer for {x.shape[1]} channels."
        return ""

    def forward(self, x: Tensor) -> Tensor:
        """The layer's result, with a batch axis where x has one."""
        y = self.compute(self.batched(x, self.channels()))
        return y if x.ndim == self.axes + 2 else y[0]

    def channels(self) -> int | None:
        """How many channels x must have; None where any number will do."""
        return None

    @abstractmethod
    def compute(self, x: Tensor) -> Tensor:
        """The result for x with a batch axis."""


def spread(layer: str, name: str, value: Any, n: int, least: int = 1) -> tuple[int, ...]:
    """A number for each of n axes.

    Raises:
        ValueError: for anything but a number, or n numbers, of at least `least`.
    """
    numbers = tuple(value) if isinstance(value, Sequence) else (value,) * n
    if len(numbers) != n or any(not isinstance(v, int) or v < least for v in numbers):
        each = f" or {n} of them," if n > 1 else ""
        raise ValueError(
            f"{layer}: {name} must be a whole number of at least {least},{each} got {value!r}"
        )
    return numbers
