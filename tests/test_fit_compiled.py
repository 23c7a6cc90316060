"""`Trainer.fit` with recorded steps: the same bits as without, whatever changes between steps."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn, optim, train
from nnkit.backend import Backend

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(autouse=True)
def _records(backend: Backend) -> None:
    if not hasattr(backend, "recorder"):
        pytest.skip(f"{backend.name} does not record")


class Case:
    """How a trainer is made and what happens during its training."""

    def __init__(
        self,
        *extra: Any,
        callback: Any = train.Callback,
        replays: bool = True,
        fit: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.extra, self.callback, self.replays = extra, callback, replays
        self.fit, self.options = fit or {}, options

    def run(self, *, compile: bool) -> tuple[Any, ...]:
        """Losses, metrics and weights of a training; whether it replayed, and why not."""
        nnkit.manual_seed(3)
        layers = [make() for make in self.extra]
        model = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), *layers, nn.Linear(9, 4))
        optimizer = optim.Adam(model.parameters(), lr=0.05)
        options = {"metrics": "accuracy"} | self.options
        taught = nnkit.Trainer(model, "cross_entropy", optimizer, **options, compile=compile)
        rng = np.random.default_rng(0)
        x, y = rng.random((33, 6), np.float32), rng.integers(0, 4, 33)
        callback = self.callback()
        history = taught.fit(
            x, y, epochs=5, batch_size=5, verbose=False, callbacks=[callback], **self.fit
        )
        seen = (history.batch_losses, dict(history), getattr(callback, "seen", None))
        weights = [t.tolist() for t in (*model.parameters(), *model.buffers())]
        return (*seen, weights), taught._step


class Slower(train.Callback):
    def on_batch_end(self, run: train.Run) -> None:
        run.trainer.optimizer.param_groups[0]["lr"] *= 0.9


class Freeze(train.Callback):
    def on_epoch_end(self, run: train.Run) -> None:
        first = run.model[0]  # type: ignore[index]
        first.requires_grad_(run.epoch % 2 == 0)


class Gradients(train.Callback):
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def on_batch_end(self, run: train.Run) -> None:
        self.seen.append([p.grad.tolist() for p in run.model.parameters() if p.grad is not None])


class Rewrite(train.Callback):
    """Puts another array in a parameter's place, which a record would not write to."""

    def on_epoch_end(self, run: train.Run) -> None:
        for p in run.model.parameters():
            p.data = p.backend.xp.asarray(p.data * 0.5, copy=True)


EPOCH = {"now": 0}
"""What a module reads from outside, and a callback changes."""


class Told(train.Callback):
    def on_epoch_begin(self, run: train.Run) -> None:
        EPOCH["now"] = run.epoch


class Late(nn.Module):
    """Does something else from the third epoch on."""

    def forward(self, x: nnkit.Tensor) -> nnkit.Tensor:
        return x * 2.0 if _is_late() else x


def _is_late() -> bool:
    return EPOCH["now"] > 2


class Hidden(nn.Module):
    """Keeps its last mean from call to call, as a tensor that it replaces."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("state", nnkit.tensor(0.0))

    def forward(self, x: nnkit.Tensor) -> nnkit.Tensor:
        y = x + self.state
        self.state = nn.Buffer(y.detach().mean())
        return y


class Counts(nn.Module):
    """Does something else in every second call, by a number that it keeps."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: nnkit.Tensor) -> nnkit.Tensor:
        self.calls += 1
        return x * 2.0 if self.calls % 2 else x


class Reads(nn.Module):
    def forward(self, x: nnkit.Tensor) -> nnkit.Tensor:
        return x * (2.0 if x.sum().item() > 1 else 1.0)


CASES = {
    "plain": Case(),
    "dropout": Case(lambda: nn.Dropout(0.4)),
    "batch norm": Case(lambda: nn.BatchNorm1d(9)),
    "changed learning rate": Case(callback=Slower),
    "frozen layers": Case(callback=Freeze),
    "gradients": Case(callback=Gradients),
    "other arrays": Case(callback=Rewrite),
    "weights": Case(fit={"sample_weight": np.linspace(0.5, 2.0, 33)}),
    "clipping": Case(clip_norm=0.1, clip_value=0.05),
    "penalty": Case(regularizer="l2", constraint="max_norm"),
    "accumulation": Case(accumulate=3, replays=False),
    "an if on the epoch": Case(Late, callback=Told),
    "hidden state": Case(Hidden, replays=False),
    "a number that is kept": Case(Counts, replays=False),
    "reads": Case(Reads, replays=False),
}


@pytest.mark.parametrize("name", CASES)
def test_fit_gives_the_same_bits(name: str, backend: Backend) -> None:
    case = CASES[name]
    plain, _ = case.run(compile=False)
    recorded, step = case.run(compile=True)
    assert plain == recorded
    replays = sum(record.replays for record in step._compiled.records.values())
    assert (replays > 0) is case.replays
    if not case.replays:
        assert step._compiled.reason


def test_the_smaller_last_batch_has_its_own_record(backend: Backend) -> None:
    _, step = CASES["plain"].run(compile=True)
    assert [r.replays for r in step._compiled.records.values()] == [6 * 5 - 3, 5 - 3]


def test_the_reason_is_told_once(backend: Backend, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "nnkit"):
        CASES["reads"].run(compile=True)
    told = [r.message for r in caplog.records if "not replayed" in r.message]
    assert len(told) == 1
    assert "it reads an array on the host" in told[0]


def test_the_report_counts_records_and_replays(backend: Backend) -> None:
    _, step = CASES["plain"].run(compile=True)
    _, other = CASES["accumulation"].run(compile=True)
    *_, first, second = nnkit.report().steps
    assert (first.name, first.records, first.replays, first.reasons) == ("Trainer.fit", 2, 29, ())
    assert (second.records, second.replays) == (0, 0)
    assert second.reasons == (other._compiled.reason,)
    text = str(nnkit.report())
    assert "2 recorded, 29 replays" in text
    assert "runs as it is: it adds to gradients from before the step" in text
    assert step is not other


def test_an_optimizer_of_the_users_is_called_in_every_step(backend: Backend) -> None:
    steps = []

    class Counted(optim.SGD):
        def step(self, *args: Any, **options: Any) -> Any:
            steps.append(1)
            return super().step(*args, **options)

    model = nn.Linear(6, 4)
    taught = nnkit.Trainer(model, "mse", Counted(model.parameters(), lr=0.1))
    x = np.random.default_rng(0).random((20, 6), np.float32)
    taught.fit(x, x[:, :4], epochs=3, batch_size=5, verbose=False)
    assert len(steps) == 3 * 4
