"""What `fit` tells: losses and metrics, epoch by epoch and step by step."""

from __future__ import annotations

from typing import Any


class History(dict[str, list[Any]]):
    """Values by name ('loss', 'accuracy', 'val_loss' and so on), one an epoch.

    Attributes:
        batch_losses: the loss of every training step, all epochs in one list.
        interrupted: whether Ctrl-C ended the training.
        partial: values over the part of the last epoch that was done when it was interrupted.
        stopped: why a callback ended the training, or nothing.

    >>> history = History()
    >>> history.add({"loss": 0.5})
    >>> history.epochs, history["loss"]
    (1, [0.5])
    """

    def __init__(self) -> None:
        super().__init__()
        self.batch_losses: list[float] = []
        self.interrupted = False
        self.partial: dict[str, Any] = {}
        self.stopped = ""

    @property
    def epochs(self) -> int:
        """How many epochs were finished."""
        return len(self.get("loss", ()))

    def add(self, values: dict[str, Any]) -> None:
        """Add a finished epoch."""
        for name, value in values.items():
            self.setdefault(name, []).append(value)
