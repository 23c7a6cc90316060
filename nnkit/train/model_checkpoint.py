"""A callback that saves the model as it gets better."""

from __future__ import annotations

import os
from typing import Any

from nnkit.saving import ENDING, save
from nnkit.train.callbacks import Callback, Run
from nnkit.train.checkpoint import save_checkpoint
from nnkit.train.monitor import Monitor


class ModelCheckpoint(Callback):
    """Saves the weights after each epoch in which a value was the best so far, or after each epoch.

    The file is written under another name and renamed: what is there is always whole.

    Args:
        path: of a safetensors file; '{epoch}' and the names of values are filled in, as in
            'model-{epoch:03d}-{val_loss:.3f}.safetensors'.
        monitor: the value that must become better; None saves after every epoch.
        mode: 'min', 'max', or 'auto' by the name.
        min_delta: how much better it must be to count.
        with_optimizer: save a checkpoint that training can go on from (`nnkit.train.
            load_checkpoint`), rather than weights alone (`nnkit.load`).

    Attributes:
        best: the best value.
        saved: the newest file; None before the first.

    >>> import nnkit, tempfile
    >>> path = tempfile.mkdtemp() + "/{epoch}.safetensors"
    >>> trainer = nnkit.Trainer(nnkit.nn.Linear(1, 1), "mse", "adam")
    >>> keep = nnkit.train.ModelCheckpoint(path, monitor="loss")
    >>> _ = trainer.fit([[1.0]], [[1.0]], epochs=3, callbacks=keep)
    >>> sorted(nnkit.load(keep.saved)), keep.saved[-13:]
    (['bias', 'weight'], '3.safetensors')
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        monitor: str | None = "val_loss",
        mode: str = "auto",
        min_delta: float = 0.0,
        *,
        with_optimizer: bool = False,
    ) -> None:
        self.path = os.fspath(path)
        self.monitor = (
            None if monitor is None else Monitor("ModelCheckpoint", monitor, mode, min_delta)
        )
        self.with_optimizer = with_optimizer
        self.saved: str | None = None

    @property
    def best(self) -> float | None:
        """The best value; None where none is looked at."""
        return None if self.monitor is None else self.monitor.best

    def on_train_begin(self, run: Run) -> None:
        """Look whether the file can be written, rather than after the first epoch."""
        folder = os.path.dirname(self.path) or "."
        if not self.path.endswith(ENDING):
            raise ValueError(f"ModelCheckpoint: path must end in {ENDING}, got '{self.path}'")
        if "{" not in folder and not os.path.isdir(folder):
            raise ValueError(f"ModelCheckpoint: the folder '{folder}' does not exist")

    def on_epoch_end(self, run: Run) -> None:
        """Save, where there is a reason."""
        if self.monitor is not None and not self.monitor.better(run.values):
            return
        file = self._file(run.values | {"epoch": run.epoch})
        if self.with_optimizer:
            save_checkpoint(file, run.model, run.trainer.optimizer, epoch=run.epoch)
        else:
            save(run.model, file)
        self.saved = file

    def _file(self, values: dict[str, Any]) -> str:
        try:
            return self.path.format(**values)
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(
                f"ModelCheckpoint: path '{self.path}' cannot be filled in with {list(values)}: "
                f"{error}"
            ) from None
