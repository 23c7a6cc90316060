"""`Trainer`: fit, evaluate and predict with data that stays on the host."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from nnkit import selection
from nnkit.autograd import no_grad
from nnkit.backend import Backend
from nnkit.data.nest import call, each, join
from nnkit.dtypes import dtype_name
from nnkit.nn import Module
from nnkit.nn.mode import mode
from nnkit.optim import Optimizer
from nnkit.tensor import Tensor
from nnkit.train import data as host
from nnkit.train import metrics as metric
from nnkit.train import resolve
from nnkit.train.callbacks import Callback, Run, check
from nnkit.train.data import Data
from nnkit.train.history import History
from nnkit.train.objective import LossFunction
from nnkit.train.prepare import ClassWeight, Preparer
from nnkit.train.progress import Progress
from nnkit.train.record import note, record_of
from nnkit.train.source import Source, held_back, source
from nnkit.train.step import Step


class Trainer:
    """Trains a model, and says how well it does.

    Args:
        model: the network; it trains on the backend where its parameters are.
        loss: a loss module, any function of (output, target) that gives a 0-d tensor, or a name
            such as 'cross_entropy' or 'mse'. For a model of several outputs a tuple or dict of
            these, whose sum is learnt.
        optimizer: over the model's parameters; or a name such as 'adam', with default options.
        metrics: names ('accuracy'), functions of (output, target) that give a 0-d tensor, or
            metrics; of several outputs a dict, {output: metrics}.
        loss_weights: of several losses, in the same form.
        accumulate: how many batches' gradients make one step of the optimizer.
        clip_norm: the largest norm of all gradients together.
        clip_value: the largest absolute value of a gradient.
        regularizer: adds `regularizer.penalty(model)` to what is learnt, not to the loss told; or
            'l1', 'l2', 'elastic_net'.
        constraint: `constraint.apply(model)` after each step of the optimizer; or 'max_norm'.
        compile: record the step and replay it (`nnkit.compile`), to the same numbers; what cannot
            be recorded runs as it is, and `nnkit.report()` says why.

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
        loss: str | LossFunction | Iterable[Any] | Mapping[Any, Any],
        optimizer: str | Optimizer,
        metrics: metric.Given | Iterable[metric.Given] | Mapping[Any, Any] = (),
        *,
        loss_weights: Any = None,
        accumulate: int = 1,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        regularizer: Any = None,
        constraint: Any = None,
        compile: bool = True,
    ) -> None:
        self.model = model
        self.objective = resolve.objective(loss, loss_weights)
        self.optimizer = resolve.optimizer(optimizer, model)
        self.metrics = metric.resolve(metrics, self.objective.threshold)
        self._step = Step(accumulate, clip_norm, clip_value, regularizer, constraint, compile)

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

    @property
    def _prepare(self) -> Preparer:
        return Preparer(self.model, self.objective, self.backend, self.dtype)

    # -- training ------------------------------------------------------------------------------

    def fit(
        self,
        x: Any,
        y: Any = None,
        epochs: int = 1,
        batch_size: int = 32,
        validation_data: Any = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        seed: int = 0,
        verbose: bool = True,
        *,
        callbacks: Callback | Iterable[Callback] = (),
        class_weight: ClassWeight | None = None,
        sample_weight: Any = None,
    ) -> History:
        """Train on (x, y); what the model has learnt before stays. Ctrl-C ends it cleanly.

        A step reads nothing back from the device: losses and metrics are fetched when the progress
        bar is drawn anew, and at the end of an epoch.

        Args:
            x: inputs (N, ...), NumPy or nested lists, on the host; a tuple or dict of them for
                several inputs; or a dataset or loader (`nnkit.data`) that holds the targets too.
            y: targets (N, ...).
            epochs: how many times to go through the data.
            batch_size: examples a step; the last batch of an epoch may be smaller.
            validation_data: (x, y), (x, y, sample_weight), a dataset or a loader to measure on
                after every epoch.
            validation_split: or the share at the end of the data, before shuffling, to keep for it.
            shuffle: go through the data in a new order in every epoch.
            seed: of these orders; the same on every backend.
            verbose: show a progress bar on a terminal.
            callbacks: what else to do, see `nnkit.train.Callback`.
            class_weight: a number for each class, as a dict or in order, or 'balanced'.
            sample_weight: a number (N,) for each example; it multiplies the example's loss.

        Returns:
            Values by name and epoch: 'loss', the metrics' names, and the same with 'val_' before.
        """
        size = host.check_batch_size("fit", batch_size)
        if epochs < 0:
            raise ValueError(f"fit: epochs must be at least 0, got {epochs}")
        several = check(callbacks)
        prepare = self._prepare
        weights = {"sample_weight": sample_weight, "class_weight": class_weight}
        train = source("fit", prepare, x, y, size, **weights, seed=seed, shuffle=shuffle)
        train, held = held_back(train, prepare, validation_data, validation_split, size)
        run = Run(self, epochs, train.steps(size), [*several, Progress(show=verbose)])
        try:
            run.tell("on_train_begin")
            while run.epoch < epochs and not run.stopping:
                self._epoch(run, train, held, size)
        except KeyboardInterrupt:
            run.history.interrupted = True
            if run.history.epochs < run.epoch:
                self._partial(run)
        finally:
            run.tell("on_train_end")
        if run.history.interrupted:
            _say_how_far(run)
        return run.history

    def _epoch(self, run: Run, train: Source, held: Source | None, size: int) -> None:
        run.epoch, run.step, run.record = run.epoch + 1, 0, record_of(self.metrics)
        run.tell("on_epoch_begin")
        with mode(self.model, training=True):
            for batch in train.batches(size):
                output, loss = self._step(self, batch, run)
                note(run.record, self, batch, output, loss)
                run.step += 1
                run.tell("on_batch_end")
                if run.stopping:
                    return self._partial(run)
        run.fetch()
        if held is not None:
            measured = self._measure(held, size)
            run.values |= {f"val_{name}": value for name, value in measured.items()}
        run.history.batch_losses += run.record.column(0)
        run.history.add(run.values)
        return run.tell("on_epoch_end")

    def _partial(self, run: Run) -> None:
        """An epoch that was not finished."""
        run.history.partial = run.record.fetch()
        run.history.batch_losses += run.record.column(0)

    # -- using ---------------------------------------------------------------------------------

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        *,
        class_weight: ClassWeight | None = None,
        sample_weight: Any = None,
    ) -> dict[str, Any]:
        """Mean loss and metrics over (x, y), by name; nothing is learnt. Weights as in `fit`."""
        size = host.check_batch_size("evaluate", batch_size)
        weights = {"sample_weight": sample_weight, "class_weight": class_weight}
        return self._measure(source("evaluate", self._prepare, x, y, size, **weights), size)

    def _measure(self, held: Source, size: int) -> dict[str, Any]:
        record = record_of(self.metrics)
        with mode(self.model, training=False), no_grad():
            for batch in held.batches(size):
                output = call(self.model, batch.x)
                loss = self.objective(output, batch.y, batch.weight)
                note(record, self, batch, output, loss)
        return record.fetch()

    def predict(self, x: Any, batch_size: int = 32) -> Any:
        """The model's outputs (N, ...) for x (N, ...), as a NumPy array, or several of them."""
        size = host.check_batch_size("predict", batch_size)
        data = Data(self._prepare.inputs("predict", x))
        with mode(self.model, training=False), no_grad():
            parts = [
                each(Tensor.numpy, call(self.model, batch.x))
                for batch in data.batches(self.backend, size)
            ]
        return join(parts)


def _say_how_far(run: Run) -> None:
    steps = "" if run.steps is None else f" of its {run.steps}"
    where = f"epoch {run.epoch} of {run.epochs}, after {run.record.steps}{steps} steps"
    print(f"Stopped by Ctrl-C in {where}: the model keeps what it has learnt.", file=sys.stderr)
