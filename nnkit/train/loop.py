"""`Trainer`: fit, evaluate and predict with data that stays on the host."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nnkit import selection
from nnkit.autograd import no_grad
from nnkit.backend import Backend
from nnkit.dtypes import dtype_name
from nnkit.nn import Loss, Module
from nnkit.optim import Optimizer
from nnkit.tensor import Tensor
from nnkit.train import data as host
from nnkit.train import metrics as metric
from nnkit.train import resolve
from nnkit.train.data import Data
from nnkit.train.history import History, Record
from nnkit.train.progress import Progress
from nnkit.train.resolve import LossFunction
from nnkit.typing import Shape


class Trainer:
    """Trains a model, and says how well it does.

    Args:
        model: the network; it trains on the backend where its parameters are.
        loss: a loss module, any function of (output, target) that gives a 0-d tensor, or
            'cross_entropy' or 'mse'.
        optimizer: over the model's parameters; or 'adam' or 'sgd', with default options.
        metrics: names ('accuracy') or functions of (output, target) that give a 0-d tensor.

    >>> import nnkit
    >>> from nnkit import nn
    >>> _ = nnkit.manual_seed(0)
    >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [[1.0], [3.0], [5.0], [7.0]]
    >>> trainer = nnkit.Trainer(nn.Linear(1, 1), "mse", "adam")
    >>> history = trainer.fit(x, y, epochs=2, batch_size=2)
    >>> history.epochs, history["loss"][1] < history["loss"][0]
    (2, True)
    """

    def __init__(
        self,
        model: Module,
        loss: str | LossFunction,
        optimizer: str | Optimizer,
        metrics: str | metric.Metric | Iterable[str | metric.Metric] = (),
    ) -> None:
        self.model = model
        self.loss = resolve.loss(loss)
        self.optimizer = resolve.optimizer(optimizer, model)
        self.metrics = metric.resolve(metrics)

    # -- where the model is --------------------------------------------------------------------

    @property
    def backend(self) -> Backend:
        """Where the model's parameters are."""
        first = next(self.model.parameters(), None)
        return selection.current() if first is None else first.backend

    @property
    def dtype(self) -> str:
        """What the model computes in."""
        first = next(self.model.parameters(), None)
        return "float32" if first is None else dtype_name(first.dtype)

    # -- training ------------------------------------------------------------------------------

    def fit(
        self,
        x: Any,
        y: Any,
        epochs: int = 1,
        batch_size: int = 32,
        validation_data: tuple[Any, Any] | None = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        seed: int = 0,
        verbose: bool = True,
    ) -> History:
        """Train on (x, y); what the model has learnt before stays. Ctrl-C ends it cleanly.

        A step reads nothing back from the device: losses and metrics are fetched when the progress
        bar is drawn anew, and at the end of an epoch.

        Args:
            x: inputs (N, ...), NumPy or nested lists, on the host.
            y: targets (N, ...).
            epochs: how many times to go through the data.
            batch_size: examples a step; the last batch of an epoch may be smaller.
            validation_data: (x, y) to measure on after every epoch.
            validation_split: or the share at the end of the data, before shuffling, to keep for it.
            shuffle: go through the data in a new order in every epoch.
            seed: of these orders; the same on every backend.
            verbose: show a progress bar on a terminal.

        Returns:
            Means by name and epoch: 'loss', the metrics' names, and the same with 'val_' before.
        """
        train, held = self._train_and_held(x, y, validation_data, validation_split)
        size = host.check_batch_size("fit", batch_size)
        if epochs < 0:
            raise ValueError(f"fit: epochs must be at least 0, got {epochs}")
        rng = np.random.default_rng(seed)
        steps = -(-len(train) // size)
        epoch, record, history = 0, self._record(), History()
        with Progress(epochs, steps, show=verbose) as bar:
            try:
                for epoch in range(1, epochs + 1):
                    record = self._record()
                    bar.epoch(epoch)
                    order = rng.permutation(len(train)) if shuffle else None
                    self._epoch(train.batches(self.backend, size, order), record, bar)
                    self._finish(history, record, bar, held, size)
            except KeyboardInterrupt:
                history.interrupted = True
                if history.epochs < epoch:
                    history.partial = record.fetch()
                    history.batch_losses += record.column(0)
        if history.interrupted:
            _say_how_far(f"epoch {epoch} of {epochs}, after {record.steps} of its {steps} steps")
        return history

    def _train_and_held(
        self, x: Any, y: Any, validation: tuple[Any, Any] | None, share: float
    ) -> tuple[Data, Data | None]:
        """What to learn from, and what to measure on after each epoch."""
        train = self._prepare("fit", x, y)
        if not share:
            held = None if validation is None else self._prepare("fit: validation", *validation)
            return train, held
        if validation is not None:
            raise ValueError("fit: give validation_data or validation_split, not both")
        return train.split(share)

    def _epoch(
        self, batches: Iterator[tuple[Tensor, Tensor | None]], record: Record, bar: Progress
    ) -> None:
        with _mode(self.model, training=True):
            for x, y in batches:
                record.add(self._step(x, y), len(x))
                if bar.step():
                    bar.show(record.fetch())

    def _step(self, x: Tensor, y: Any) -> list[Tensor]:
        output = self.model(x)
        loss = self.loss(output, y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return self._values(output.detach(), loss.detach(), y)

    def _values(self, output: Tensor, loss: Tensor, y: Tensor) -> list[Tensor]:
        """The batch's loss as a mean, and its metrics, all on the device and of one dtype."""
        with no_grad():
            if getattr(self.loss, "reduction", "mean") == "sum":
                loss = loss / len(y)
            values = [loss, *(function(output, y) for function in self.metrics.values())]
            return [v if v.dtype == loss.dtype else v.astype(loss.dtype) for v in values]

    def _finish(
        self, history: History, record: Record, bar: Progress, held: Data | None, size: int
    ) -> None:
        means = record.fetch()
        if held is not None:
            means |= {f"val_{name}": value for name, value in self._measure(held, size).items()}
        history.batch_losses += record.column(0)
        history.add(means)
        bar.show(means)

    # -- using ---------------------------------------------------------------------------------

    def evaluate(self, x: Any, y: Any, batch_size: int = 32) -> dict[str, float]:
        """Mean loss and metrics over (x, y), by name; nothing is learnt."""
        size = host.check_batch_size("evaluate", batch_size)
        return self._measure(self._prepare("evaluate", x, y), size)

    def _measure(self, data: Data, size: int) -> dict[str, float]:
        record = self._record()
        with _mode(self.model, training=False), no_grad():
            for x, y in data.batches(self.backend, size):
                assert y is not None
                output = self.model(x)
                record.add(self._values(output, self.loss(output, y), y), len(x))
        return record.fetch()

    def predict(self, x: Any, batch_size: int = 32) -> np.ndarray[Any, Any]:
        """The model's outputs (N, ...) for x (N, ...), as a NumPy array."""
        data = Data(host.inputs("predict", x, self.dtype))
        size = host.check_batch_size("predict", batch_size)
        with _mode(self.model, training=False), no_grad():
            parts = [self.model(batch).numpy() for batch, _ in data.batches(self.backend, size)]
        return np.concatenate(parts)

    # -- data ----------------------------------------------------------------------------------

    def _record(self) -> Record:
        return Record(["loss", *self.metrics])

    def _prepare(self, caller: str, x: Any, y: Any) -> Data:
        """The user's data, checked and in the dtypes that the model and the loss want."""
        inputs = host.inputs(caller, x, self.dtype)
        targets = host.numbers(caller, "y", y)
        host.same_length(caller, inputs, targets)
        if isinstance(self.loss, Loss):
            return Data(inputs, self.loss.prepare_target(targets, self._output(inputs), self.dtype))
        floating = targets.dtype.kind == "f"
        return Data(inputs, targets.astype(self.dtype) if floating else targets)

    def _output(self, x: host.Host) -> Shape:
        """The shape of the model's output for one example."""
        with _mode(self.model, training=False), no_grad():
            output: Tensor = self.model(host.upload(x[:1], self.backend))
        return output.shape[1:]


@contextmanager
def _mode(model: Module, *, training: bool) -> Iterator[None]:
    """Set train or eval mode, and afterwards each module's mode from before."""
    before = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, mode in before:
            module.training = mode


def _say_how_far(where: str) -> None:
    text = f"Stopped by Ctrl-C in {where}: the model keeps what it has learnt."
    print(text, file=sys.stderr)
