"""Callbacks: what else happens while a model is trained."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nnkit.nn import Module
from nnkit.train.history import History
from nnkit.train.record import Record

if TYPE_CHECKING:
    from nnkit.train.loop import Trainer


class Callback:
    """Something to do at certain moments of a training; each method does nothing here.

    A method is handed the `Run`: where the training is, and how to stop it.

    >>> import nnkit
    >>> class Half(nnkit.train.Callback):
    ...     def on_epoch_end(self, run):
    ...         if run.values["loss"] < 0.5:
    ...             run.stop("the loss is small enough")
    """

    def on_train_begin(self, run: Run) -> None:
        """Before the first epoch."""

    def on_train_end(self, run: Run) -> None:
        """After the last epoch, also when the training was stopped or interrupted."""

    def on_epoch_begin(self, run: Run) -> None:
        """Before the first step of an epoch."""

    def on_epoch_end(self, run: Run) -> None:
        """After an epoch and its validation: `run.values` holds its losses and metrics."""

    def on_batch_end(self, run: Run) -> None:
        """After a step; its values are still on the device, `run.fetch()` reads them."""

    def on_fetch(self, run: Run) -> None:
        """When values of steps were read from the device, in `run.record.rows`, step by step."""


@dataclass
class Run:
    """One call of `Trainer.fit`, as its callbacks see it.

    >>> import nnkit
    >>> from nnkit import nn
    >>> class Say(nnkit.train.Callback):
    ...     def on_epoch_end(self, run):
    ...         print(run.epoch, "of", run.epochs, sorted(run.values))
    >>> trainer = nnkit.Trainer(nn.Linear(1, 1), "mse", "sgd")
    >>> _ = trainer.fit([[0.0], [1.0]], [[1.0], [3.0]], epochs=2, callbacks=[Say()])
    1 of 2 ['loss']
    2 of 2 ['loss']
    """

    trainer: Trainer
    epochs: int
    """How many epochs were asked for."""
    steps: int | None
    """How many steps an epoch has; None where the loader does not say."""
    callbacks: list[Callback]
    history: History = field(default_factory=History)
    epoch: int = 0
    """The epoch, counted from 1."""
    step: int = 0
    """How many steps of this epoch are done."""
    updated: bool = False
    """Whether the last step changed the weights; with `accumulate` not every one does."""
    record: Record = field(default_factory=lambda: Record([]))
    values: dict[str, Any] = field(default_factory=dict)
    """Losses and metrics by name, as newly as they were fetched."""
    stopping: bool = False

    @property
    def model(self) -> Module:
        """The model that is trained."""
        return self.trainer.model

    def stop(self, reason: str) -> None:
        """End the training after this step; the reason goes into `history.stopped`."""
        self.stopping = True
        self.history.stopped = self.history.stopped or reason

    def fetch(self) -> dict[str, Any]:
        """Read this epoch's values so far from the device, all at once."""
        self.values = self.record.fetch()
        self.tell("on_fetch")
        return self.values

    def tell(self, moment: str) -> None:
        """Call every callback's method of this name."""
        for callback in self.callbacks:
            getattr(callback, moment)(self)


def check(callbacks: Any) -> list[Callback]:
    """One callback, or several, as a list."""
    several: list[Any] = [callbacks] if isinstance(callbacks, Callback | type) else list(callbacks)
    for entry in several:
        if not isinstance(entry, Callback):
            made = isinstance(entry, type) and issubclass(entry, Callback)
            fix = f" Fix: {entry.__name__}(...)." if made else ""
            raise TypeError(f"fit: callbacks must hold objects of Callback, got {entry!r}.{fix}")
    return several
