"""A callback that moves a learning rate along its schedule."""

from __future__ import annotations

from typing import Any

from nnkit.errors import closest
from nnkit.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from nnkit.train import resolve
from nnkit.train.callbacks import Callback, Run
from nnkit.train.monitor import Monitor

PER = ("epoch", "step")


class Schedule(Callback):
    """Calls `schedule.step()` after each epoch, or after each step of the optimizer.

    Args:
        schedule: one of `optim.lr_scheduler` over the trainer's optimizer, or the name of one
            ('cosine_annealing'), which is made with `options`; or any object with `step()`.
        per: 'epoch' or 'step'.
        monitor: the value that is handed to `step(value)` after each epoch, for a schedule that
            waits for a plateau; where None, such a one gets 'val_loss', or 'loss' without it.

    >>> import nnkit
    >>> trainer = nnkit.Trainer(nnkit.nn.Linear(1, 1), "mse", "sgd")
    >>> decay = nnkit.train.Schedule("exponential", gamma=0.5)
    >>> _ = trainer.fit([[1.0]], [[1.0]], epochs=3, callbacks=[decay])
    >>> trainer.optimizer.param_groups[0]["lr"]
    0.000125
    """

    def __init__(
        self,
        schedule: str | LRScheduler | Any,
        per: str = "epoch",
        monitor: str | None = None,
        **options: Any,
    ) -> None:
        if per not in PER:
            raise ValueError(f"Schedule: unknown per={per!r}. {closest(str(per), PER)}")
        if not isinstance(schedule, str) and not hasattr(schedule, "step"):
            raise TypeError(f"Schedule: the schedule must have a method step(), got {schedule!r}")
        if monitor is not None and per == "step":
            raise ValueError("Schedule: monitor goes with per='epoch': a step fetches no value")
        self.schedule: Any = schedule
        self.per, self.options = per, options
        self.monitor = None if monitor is None else Monitor("Schedule", monitor)

    def on_train_begin(self, run: Run) -> None:
        """Make the schedule over the trainer's optimizer, where a name was given."""
        if isinstance(self.schedule, str | LRScheduler):
            optimizer = run.trainer.optimizer
            self.schedule = resolve.schedule(self.schedule, optimizer, **self.options)
            self.options = {}

    def on_batch_end(self, run: Run) -> None:
        """After a step of the optimizer."""
        if self.per == "step" and run.updated:
            self.schedule.step()

    def on_epoch_end(self, run: Run) -> None:
        """After an epoch."""
        if isinstance(self.schedule, ReduceLROnPlateau) and self.monitor is None:
            self.monitor = Monitor("Schedule", "val_loss" if "val_loss" in run.values else "loss")
        if self.monitor is not None:
            self.schedule.step(self.monitor.value(run.values))
        elif self.per == "epoch":
            self.schedule.step()
