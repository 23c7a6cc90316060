"""Callbacks that end a training: when it gets no better, and when it has gone wrong."""

from __future__ import annotations

import math
import sys

from nnkit.train.callbacks import Callback, Run
from nnkit.train.monitor import Monitor
from nnkit.train.snapshot import Snapshot


class EarlyStopping(Callback):
    """Stops when a value has not become better for some epochs.

    Args:
        monitor: the value, such as 'val_loss', 'loss' or 'val_accuracy'.
        patience: how many epochs without a better value are let pass.
        min_delta: how much better it must be to count.
        mode: 'min', 'max', or 'auto' by the name.
        restore_best_weights: give the model back the weights of the best epoch at the end, also
            when the training ended for another reason.

    Attributes:
        best: the best value.
        best_epoch: its epoch, counted from 1.

    >>> import nnkit
    >>> x, y = [[0.0], [1.0], [2.0]], [[1.0], [1.0], [1.0]]
    >>> trainer = nnkit.Trainer(nnkit.nn.Linear(1, 1), "mse", "adam")
    >>> stop = nnkit.train.EarlyStopping("loss", patience=2, min_delta=1000.0)
    >>> trainer.fit(x, y, epochs=50, callbacks=[stop]).stopped
    'loss has not become better than ... (epoch 1) for 2 epochs'
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 0,
        min_delta: float = 0.0,
        mode: str = "auto",
        *,
        restore_best_weights: bool = False,
    ) -> None:
        if patience < 0:
            raise ValueError(f"EarlyStopping: patience must be at least 0, got {patience}")
        self.monitor = Monitor("EarlyStopping", monitor, mode, min_delta)
        self.patience = patience
        self.restore_best_weights = restore_best_weights
        self.best_epoch = 0
        self._kept: Snapshot | None = None

    @property
    def best(self) -> float:
        """The best value; NaN before the first epoch."""
        return self.monitor.best

    def on_train_begin(self, run: Run) -> None:
        """Forget an earlier training."""
        self.monitor.reset()
        self.best_epoch, self._kept = 0, None

    def on_epoch_end(self, run: Run) -> None:
        """Look at the value."""
        if self.monitor.better(run.values):
            self.best_epoch = run.epoch
            self._kept = Snapshot(run.model) if self.restore_best_weights else None
        elif (waited := run.epoch - self.best_epoch) >= max(self.patience, 1):
            run.stop(
                f"{self.monitor.name} has not become better than {self.best:.4g} "
                f"(epoch {self.best_epoch}) for {waited} epochs"
            )

    def on_train_end(self, run: Run) -> None:
        """Give the best weights back."""
        if self._kept is not None:
            self._kept.restore()
            self._kept = None


class StopOnNaN(Callback):
    """Stops when the loss of a step is NaN or infinite, and names the first such step.

    It looks only when values are fetched anyway: when the bar is drawn anew, and after each epoch.

    >>> import nnkit
    >>> trainer = nnkit.Trainer(nnkit.nn.Linear(1, 1), "mse", "sgd")
    >>> trainer.fit([[1.0]], [[1.0]], callbacks=[nnkit.train.StopOnNaN()]).stopped
    ''
    """

    def __init__(self) -> None:
        self._seen = 0

    def on_epoch_begin(self, run: Run) -> None:
        """A new record begins."""
        self._seen = 0

    def on_fetch(self, run: Run) -> None:
        """Look at the losses that are new."""
        for step, row in enumerate(run.record.rows[self._seen :], self._seen + 1):
            if not math.isfinite(row[0]):
                run.stop(f"the loss is {row[0]} in step {step} of epoch {run.epoch}")
                print(
                    f"Stopped: {run.history.stopped}. A smaller learning rate, clip_norm, or "
                    "inputs of about unit size may help.",
                    file=sys.stderr,
                )
                break
        self._seen = len(run.record.rows)
