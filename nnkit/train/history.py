"""What `fit` tells: losses and metrics, epoch by epoch and step by step."""

from __future__ import annotations

from nnkit import ops
from nnkit.autograd import no_grad
from nnkit.tensor import Tensor


class History(dict[str, list[float]]):
    """Means by name ('loss', 'accuracy', 'val_loss' and so on), one an epoch.

    Attributes:
        batch_losses: the loss of every training step, all epochs in one list.
        interrupted: whether Ctrl-C ended the training.
        partial: means over the part of the last epoch that was done when it was interrupted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.batch_losses: list[float] = []
        self.interrupted = False
        self.partial: dict[str, float] = {}

    @property
    def epochs(self) -> int:
        """How many epochs were finished."""
        return len(self.get("loss", ()))

    def add(self, means: dict[str, float]) -> None:
        """Add a finished epoch."""
        for name, value in means.items():
            self.setdefault(name, []).append(value)


class Record:
    """The values of each step, left on the device until somebody looks.

    `add` takes 0-d tensors and reads nothing; `fetch` stacks what is new and reads it at once.
    """

    JOIN = 256
    """Steps whose values are joined into one array, so that a long epoch holds few of them."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.rows: list[list[float]] = []
        """Fetched values, one row a step."""
        self._weights: list[float] = []
        self._waiting: list[Tensor] = []
        self._joined: list[Tensor] = []

    @property
    def steps(self) -> int:
        """How many steps were added."""
        return len(self._weights)

    def add(self, values: list[Tensor], weight: float) -> None:
        """Keep a step's values; `weight` is its share in the means, the size of its batch."""
        self._waiting += values
        self._weights.append(weight)
        if len(self._waiting) >= self.JOIN * len(self.names):
            self._join()

    def _join(self) -> None:
        with no_grad():
            self._joined.append(ops.stack(*self._waiting))
        self._waiting = []

    def column(self, index: int) -> list[float]:
        """One of the values, step by step, as far as it was fetched."""
        return [row[index] for row in self.rows]

    def fetch(self) -> dict[str, float]:
        """The weighted means so far: one read from the device."""
        if self._waiting:
            self._join()
        if self._joined:
            with no_grad():
                values = (
                    self._joined[0] if len(self._joined) == 1 else ops.concat(*self._joined)
                ).tolist()
            self._joined = []
            width = len(self.names)
            self.rows += [values[i : i + width] for i in range(0, len(values), width)]
        total = sum(self._weights[: len(self.rows)])
        return {
            name: sum(w * row[i] for w, row in zip(self._weights, self.rows, strict=False)) / total
            for i, name in enumerate(self.names)
            if total
        }
