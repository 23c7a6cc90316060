"""The values of an epoch, left on the device until somebody looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnkit import ops
from nnkit.autograd import no_grad
from nnkit.data.nest import each
from nnkit.tensor import Tensor
from nnkit.train.data import Batch
from nnkit.train.metric import Metric, Statistics, wide

if TYPE_CHECKING:
    from nnkit.train.loop import Trainer


class Record:
    """The loss and metrics of each step: `add` reads nothing, `fetch` reads everything at once.

    Args:
        names: of the numbers that each step gives, of which the epoch has the mean.
        metrics: those that an epoch has by its statistics.
    """

    JOIN = 256
    """Steps whose values are joined into one array, so that a long epoch holds few of them."""

    def __init__(self, names: Sequence[str], metrics: Mapping[str, Metric] | None = None) -> None:
        self.names = list(names)
        self.metrics = dict(metrics or {})
        self.rows: list[list[float]] = []
        """Fetched numbers, one row a step."""
        self._weights: list[float] = []
        self._waiting: list[Tensor] = []
        self._joined: list[Tensor] = []
        self._statistics: dict[str, Statistics] = {}

    @property
    def steps(self) -> int:
        """How many steps were added."""
        return len(self._weights)

    def add(
        self,
        values: list[Tensor],
        weight: float,
        statistics: Mapping[str, Statistics] | None = None,
    ) -> None:
        """Keep a step's values; `weight` is its share in the means, the size of its batch."""
        self._waiting += values
        self._weights.append(weight)
        for name, new in (statistics or {}).items():
            old = self._statistics.get(name)
            self._statistics[name] = new if old is None else self.metrics[name].merge(old, new)
        if len(self._waiting) >= self.JOIN * len(self.names):
            self._join()

    def _join(self) -> None:
        with no_grad():
            self._joined.append(ops.stack(*self._waiting))
        self._waiting = []

    def column(self, index: int) -> list[float]:
        """One of the numbers, step by step, as far as it was fetched."""
        return [row[index] for row in self.rows]

    def fetch(self) -> dict[str, Any]:
        """Means and metrics so far, by name: one read from the device."""
        if self._waiting:
            self._join()
        new, statistics = self._read()
        width = len(self.names)
        self.rows += [new[i : i + width] for i in range(0, len(new), width)]
        total = sum(self._weights[: len(self.rows)])
        means = {
            name: sum(w * row[i] for w, row in zip(self._weights, self.rows, strict=False)) / total
            for i, name in enumerate(self.names)
            if total
        }
        return means | {n: self.metrics[n].result(*parts) for n, parts in statistics.items()}

    def _read(self) -> tuple[list[float], dict[str, list[np.ndarray[Any, Any]]]]:
        """The numbers that nobody has seen, and all statistics, in one array from the device."""
        kept = [part for parts in self._statistics.values() for part in parts]
        pieces = [*self._joined, *(part.reshape(-1) for part in kept)]
        if not pieces:
            return [], {}
        with no_grad():
            one = pieces[0] if len(pieces) == 1 else ops.concat(*map(wide, pieces))
            values = one.numpy()
        cuts = np.cumsum([piece.shape[0] for piece in pieces])[:-1]
        parts = iter(np.split(values, cuts))
        new = [number for _ in self._joined for number in next(parts).tolist()]
        self._joined = []
        return new, {
            name: [next(parts).reshape(t.shape) for t in statistics]
            for name, statistics in self._statistics.items()
        }


def record_of(metrics: Mapping[str, Any]) -> Record:
    """An empty record of the loss and these metrics."""
    kept = {name: m for name, m in metrics.items() if isinstance(m, Metric)}
    return Record(["loss", *(name for name in metrics if name not in kept)], kept)


def note(record: Record, trainer: Trainer, batch: Batch, output: Any, loss: Tensor) -> None:
    """Keep the loss and metrics of a batch, all on the device."""
    with no_grad():
        loss = trainer.objective.mean(loss.detach(), batch.size)
        output = each(Tensor.detach, output)
        numbers, statistics = [loss], {}
        for name, function in trainer.metrics.items():
            if isinstance(function, Metric):
                statistics[name] = function.of_batch(output, batch.y)
            else:
                numbers.append(function(output, batch.y))
        same = [v if v.dtype == loss.dtype else v.astype(loss.dtype) for v in numbers]
        record.add(same, batch.size, statistics)
