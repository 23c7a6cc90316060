"""A callback that writes each epoch's values into a CSV file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Literal, TextIO

from nnkit.train.callbacks import Callback, Run


class CSVLogger(Callback):
    """Writes a row for each epoch as soon as it is finished; what was written stays.

    Args:
        path: of the file.
        append: add to a file that is there, whose columns must be the same; else it is overwritten.

    The columns are 'epoch' and the names of the values; arrays (a confusion matrix) are left out.

    >>> import nnkit, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "log.csv"
    >>> trainer = nnkit.Trainer(nnkit.nn.Linear(1, 1), "mse", "adam")
    >>> log = nnkit.train.CSVLogger(path)
    >>> _ = trainer.fit([[1.0]], [[1.0]], epochs=2, callbacks=log)
    >>> [line.partition(",")[0] for line in path.read_text().split()]
    ['epoch', '1', '2']
    """

    def __init__(self, path: str | Path, *, append: bool = False) -> None:
        self.path = Path(path)
        self.append = append
        self._file: TextIO | None = None
        self._names: list[str] = []
        self._before = 0

    def on_train_begin(self, run: Run) -> None:
        """Open the file."""
        if not self.path.parent.is_dir():
            raise ValueError(f"CSVLogger: the folder '{self.path.parent}' does not exist")
        self._names, self._before = self._there() if self.append else ([], 0)
        how: Literal["a", "w"] = "a" if self._names else "w"
        self._file = self.path.open(how, newline="", encoding="utf-8")

    def _there(self) -> tuple[list[str], int]:
        """The columns of the file that is there, and its last epoch."""
        if not self.path.exists():
            return [], 0
        with self.path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file) if row]
        if not rows:
            return [], 0
        if rows[0][0] != "epoch":
            raise ValueError(
                f"CSVLogger: '{self.path}' is no log: its first column is {rows[0][0]!r}"
            )
        return rows[0], int(rows[-1][0]) if len(rows) > 1 else 0

    def on_epoch_end(self, run: Run) -> None:
        """Write the row, and hand it to the system."""
        assert self._file is not None
        row: dict[str, Any] = {"epoch": self._before + run.epoch} | {
            name: repr(value) for name, value in run.values.items() if isinstance(value, float)
        }
        writer = csv.writer(self._file)
        if not self._names:
            self._names = list(row)
            writer.writerow(self._names)
        if set(row) != set(self._names):
            raise ValueError(
                f"CSVLogger: '{self.path}' has the columns {self._names}, this training gives "
                f"{list(row)}. Fix: another file."
            )
        writer.writerow([row[name] for name in self._names])
        self._file.flush()

    def on_train_end(self, run: Run) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
