"""A callback that moves a learning rate along its schedule."""

from __future__ import annotations

from typing import Any

from nnkit.errors import closest
from nnkit.train.callbacks import Callback, Run
from nnkit.train.monitor import Monitor


class Schedule(Callback):
    """Calls `schedule.step()` after each epoch, or after each step of the optimizer.

    Args:
        schedule: any object with `step()`, such as those of `nnkit.optim`.
        per: 'epoch' or 'step'.
        monitor: the value that is handed to `step(value)` after each epoch, for a schedule that
            waits for a plateau.

    >>> import nnkit
    >>> class Halve:
    ...     def __init__(self, optimizer):
    ...         self.group = optimizer.param_groups[0]
    ...     def step(self):
    ...         self.group["lr"] /= 2
    >>> trainer = nnkit.Trainer(nnkit.nn.Linear(1, 1), "mse", "adam")
    >>> halve = nnkit.train.Schedule(Halve(trainer.optimizer))
    >>> _ = trainer.fit([[1.0]], [[1.0]], epochs=3, callbacks=[halve])
    >>> trainer.optimizer.param_groups[0]["lr"]
    0.000125
    """

    def __init__(self, schedule: Any, per: str = "epoch", monitor: str | None = None) -> None:
        if per not in ("epoch", "step"):
            raise ValueError(f"Schedule: unknown per={per!r}. {closest(per, ('epoch', 'step'))}")
        if not hasattr(schedule, "step"):
            raise TypeError(f"Schedule: the schedule must have a method step(), got {schedule!r}")
        if monitor is not None and per == "step":
            raise ValueError("Schedule: monitor goes with per='epoch': a step fetches no value")
        self.schedule, self.per = schedule, per
        self.monitor = None if monitor is None else Monitor("Schedule", monitor)

    def on_batch_end(self, run: Run) -> None:
        """After a step of the optimizer."""
        if self.per == "step" and run.updated:
            self.schedule.step()

    def on_epoch_end(self, run: Run) -> None:
        """After an epoch."""
        if self.monitor is not None:
            self.schedule.step(self.monitor.value(run.values))
        elif self.per == "epoch":
            self.schedule.step()
