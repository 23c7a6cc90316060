"""Callbacks: when they are called, and what those that come with nnkit do."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import counters, nn, optim
from nnkit.backend import Backend
from nnkit.train import (
    Callback,
    CSVLogger,
    EarlyStopping,
    ModelCheckpoint,
    Run,
    Schedule,
    StopOnNaN,
)
from nnkit.train.monitor import Monitor

X = np.linspace(-1, 1, 24).reshape(12, 2)
Y = X @ [[1.0], [-2.0]] + 0.5


def trainer(lr: float = 0.1, **options: Any) -> nnkit.Trainer:
    nnkit.manual_seed(0)
    model = nn.Linear(2, 1)
    return nnkit.Trainer(model, "mse", optim.SGD(model.parameters(), lr=lr), **options)


class Diary(Callback):
    """Writes down every moment."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []

    def on_train_begin(self, run: Run) -> None:
        self.seen.append(("train begins", run.epoch, run.step))

    def on_train_end(self, run: Run) -> None:
        self.seen.append(("train ends", run.epoch, run.step))

    def on_epoch_begin(self, run: Run) -> None:
        self.seen.append(("epoch begins", run.epoch, run.step))

    def on_epoch_end(self, run: Run) -> None:
        assert set(run.values) == {"loss", "val_loss"}
        self.seen.append(("epoch ends", run.epoch, run.step))

    def on_batch_end(self, run: Run) -> None:
        self.seen.append(("batch ends", run.epoch, run.step))


def test_each_moment_comes_in_its_turn() -> None:
    diary = Diary()
    trainer().fit(X, Y, epochs=2, batch_size=8, validation_data=(X, Y), callbacks=diary)
    epoch = ["epoch begins", "batch ends", "batch ends", "epoch ends"]
    assert [moment for moment, _, _ in diary.seen] == [
        "train begins", *epoch, *epoch, "train ends"
    ]  # fmt: skip
    assert diary.seen[1:5] == [
        ("epoch begins", 1, 0), ("batch ends", 1, 1), ("batch ends", 1, 2), ("epoch ends", 1, 2)
    ]  # fmt: skip


def test_a_callback_may_stop_after_a_batch_or_an_epoch() -> None:
    class Stop(Callback):
        def __init__(self, moment: str) -> None:
            setattr(self, moment, lambda run: run.stop("enough") if run.epoch == 2 else None)

    after_batch = trainer().fit(X, Y, epochs=9, batch_size=4, callbacks=Stop("on_batch_end"))
    assert (after_batch.epochs, len(after_batch.batch_losses)) == (1, 4)
    assert after_batch.partial["loss"] == pytest.approx(after_batch.batch_losses[3])
    after_epoch = trainer().fit(X, Y, epochs=9, batch_size=4, callbacks=Stop("on_epoch_end"))
    assert (after_epoch.epochs, len(after_epoch.batch_losses)) == (2, 6)
    assert after_batch.stopped == after_epoch.stopped == "enough"
    assert not after_epoch.interrupted


def test_the_end_is_told_even_after_an_error() -> None:
    class Wrong(Diary):
        def on_batch_end(self, run: Run) -> None:
            raise RuntimeError("no")

    wrong = Wrong()
    with pytest.raises(RuntimeError, match="no"):
        trainer().fit(X, Y, callbacks=[wrong])
    assert wrong.seen[-1][0] == "train ends"


# -- early stopping --------------------------------------------------------------------------


class Scripted(Callback):
    """Puts values of ours in place of the loss."""

    def __init__(self, losses: list[float]) -> None:
        self.losses = losses

    def on_epoch_end(self, run: Run) -> None:
        run.values["val_loss"] = self.losses[run.epoch - 1]


@pytest.mark.parametrize(
    ("losses", "options", "epochs", "best"),
    [
        ([3, 2, 2.5, 2.4, 1], {"patience": 2}, 4, 2),
        ([3, 2, 2.5, 1.9, 2, 2, 0], {"patience": 2}, 6, 4),
        ([3, 2, 2.5, 1], {"patience": 0}, 3, 2),
        ([3, 2.9, 2.8, 2.7], {"patience": 2, "min_delta": 0.5}, 3, 1),
        ([1, 2, 3, 2, 2, 4], {"patience": 2, "mode": "max"}, 5, 3),
        ([3, float("nan"), float("nan"), 1], {"patience": 2}, 3, 1),
        ([float("nan"), 3, 2, 4], {"patience": 1}, 1, 0),
        ([3, 2, 2.5], {"patience": 2}, 3, 2),
    ],
)
def test_early_stopping(losses: list[float], options: Any, epochs: int, best: int) -> None:
    stop = EarlyStopping(**options)
    history = trainer().fit(X, Y, epochs=len(losses), callbacks=[Scripted(losses), stop])
    assert history.epochs == epochs
    assert stop.best_epoch == best
    assert bool(history.stopped) == (epochs < len(losses))


def test_the_best_weights_come_back_without_a_read(backend: Backend) -> None:
    best: list[Any] = []

    class Keep(Callback):
        def on_epoch_end(self, run: Run) -> None:
            if run.epoch == 2:
                best.append(run.model.state_dict())

    taught = trainer()
    stop = EarlyStopping(patience=3, restore_best_weights=True)
    taught.fit(X, Y, epochs=9, callbacks=[Keep(), Scripted([3, 1, 2, 2, 2]), stop])
    after = taught.model.state_dict()
    np.testing.assert_array_equal(after["weight"], best[0]["weight"])
    np.testing.assert_array_equal(after["bias"], best[0]["bias"])
    counters.reset()
    scripted = Scripted([3, 1, 2, 2, 2])
    taught.fit(X, Y, epochs=5, callbacks=[scripted, stop], verbose=False)
    assert counters.to_host[backend.name].times == 5  # the loss of each epoch, and nothing else


def test_larger_is_better_for_accuracy_and_its_like() -> None:
    for name in ("val_accuracy", "f1", "val_r2", "top_5_accuracy", "precision", "recall"):
        assert Monitor("test", name).better({name: 1.0})
        rising = Monitor("test", name)
        assert [rising.better({name: v}) for v in (0.5, 0.6, 0.55)] == [True, True, False]
    falling = Monitor("test", "val_loss")
    assert [falling.better({"val_loss": v}) for v in (0.5, 0.6, 0.45)] == [True, False, True]


# -- NaN, schedules, logs --------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_loss_that_is_not_finite_ends_the_training(capsys: pytest.CaptureFixture[str]) -> None:
    history = trainer(lr=1e30).fit(X, Y, epochs=50, batch_size=4, callbacks=[StopOnNaN()])
    assert (history.epochs, len(history.batch_losses)) == (1, 3)
    assert np.isfinite(history.batch_losses).tolist() == [True, False, False]
    assert history.stopped == "the loss is inf in step 2 of epoch 1"
    assert capsys.readouterr().err.startswith("Stopped: the loss is inf in step 2 of epoch 1. A ")


class Counter:
    """A schedule that counts its steps."""

    def __init__(self) -> None:
        self.values: list[float | None] = []

    def step(self, value: float | None = None) -> None:
        self.values.append(value)


@pytest.mark.parametrize(
    ("options", "accumulate", "steps"),
    [({}, 1, 4), ({"per": "step"}, 1, 12), ({"per": "step"}, 2, 8)],
)
def test_a_schedule_moves_per_epoch_or_per_update(
    options: Any, accumulate: int, steps: int
) -> None:
    counter = Counter()
    taught = trainer(accumulate=accumulate)
    taught.fit(X, Y, epochs=4, batch_size=4, callbacks=[Schedule(counter, **options)])
    assert counter.values == [None] * steps


def test_a_schedule_may_wait_for_a_value() -> None:
    counter = Counter()
    history = trainer().fit(X, Y, epochs=3, callbacks=Schedule(counter, monitor="loss"))
    assert counter.values == history["loss"]


def test_a_log_holds_every_epoch_at_once(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    lines: list[int] = []

    class Look(Callback):
        def on_epoch_end(self, run: Run) -> None:
            lines.append(path.read_text().count("\n"))

    taught = trainer(metrics=["mae", "confusion_matrix"])
    history = taught.fit(X, Y, epochs=3, callbacks=[CSVLogger(path), Look()])
    assert lines == [2, 3, 4]
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert list(rows[0]) == ["epoch", "loss", "mae"]
    assert [float(row["loss"]) for row in rows] == history["loss"]
    taught.fit(X, Y, epochs=2, callbacks=CSVLogger(path, append=True))
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5"]
    with pytest.raises(ValueError, match=r"has the columns .*'mae'.* Fix: another file"):
        trainer().fit(X, Y, callbacks=CSVLogger(path, append=True))
    assert len(path.read_text().splitlines()) == 6


# -- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("callback", "error", "text"),
    [
        (lambda: EarlyStopping("val_loss"), ValueError, "no value is named 'val_loss'.*Fix: valid"),
        (lambda: EarlyStopping("los"), ValueError, "no value is named 'los'. Did you mean 'loss'"),
        (lambda: EarlyStopping(patience=-1), ValueError, "patience must be at least 0, got -1"),
        (lambda: EarlyStopping(min_delta=-1), ValueError, "min_delta must be at least 0, got -1"),
        (lambda: EarlyStopping(mode="mix"), ValueError, "unknown mode 'mix'. Did you mean 'min'"),
        (lambda: EarlyStopping, TypeError, r"must hold objects of Callback.*Fix: EarlyStopping\("),
        (lambda: print, TypeError, "must hold objects of Callback, got <built-in function print>"),
        (lambda: Schedule(Counter(), per="batch"), ValueError, "unknown per='batch'"),
        (lambda: Schedule(Counter(), "step", "loss"), ValueError, "monitor goes with per='epoch'"),
        (lambda: Schedule(0.1), TypeError, r"must have a method step\(\), got 0.1"),
        (lambda: CSVLogger("no/where.csv"), ValueError, "the folder 'no' does not exist"),
    ],
)
def test_callbacks_that_make_no_sense_are_refused(callback: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        trainer().fit(X, Y, callbacks=[callback()])


def test_a_file_that_is_no_log_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("name,age\nAda,36\n")
    with pytest.raises(ValueError, match="is no log: its first column is 'name'"):
        trainer().fit(X, Y, callbacks=CSVLogger(path, append=True))
    assert path.read_text() == "name,age\nAda,36\n"


# -- checkpoints -----------------------------------------------------------------------------


def test_the_best_model_is_saved_and_the_file_is_whole(tmp_path: Path, backend: Backend) -> None:
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    keep = ModelCheckpoint(tmp_path / "best.safetensors")
    best: list[Any] = []

    class Look(Callback):
        def on_epoch_end(self, run: Run) -> None:
            assert [file.name for file in tmp_path.iterdir()] == ["best.safetensors"]
            best.append(run.model.state_dict())

    taught = trainer()
    taught.fit(X, Y, epochs=4, callbacks=[Scripted([3, 1, 2, 1.5]), keep, Look()])
    assert keep.best == 1
    saved = nnkit.load(tmp_path / "best.safetensors")
    np.testing.assert_array_equal(saved["weight"], best[1]["weight"])


def test_every_epoch_is_saved_to_go_on_from(tmp_path: Path) -> None:
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    path = tmp_path / "{epoch:02d}-{loss:.0f}.safetensors"
    taught = trainer()
    keep = ModelCheckpoint(path, None, with_optimizer=True)
    taught.fit(X, Y, epochs=3, callbacks=keep)
    assert keep.saved is not None
    names = sorted(file.name for file in tmp_path.iterdir())
    assert [name[:3] for name in names] == ["01-", "02-", "03-"]
    other = trainer()
    numbers = nnkit.train.load_checkpoint(keep.saved, other.model, other.optimizer)
    assert numbers == {"epoch": 3}
    taught.fit(X, Y, epochs=1)
    other.fit(X, Y, epochs=1)
    np.testing.assert_array_equal(
        taught.model.state_dict()["weight"], other.model.state_dict()["weight"]
    )


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("{epok}.safetensors", r"cannot be filled in with \['loss', 'epoch'\]: 'epok'"),
        ("model.npz", "must end in .safetensors, got 'model.npz'"),
        ("no/model.safetensors", "the folder 'no' does not exist"),
    ],
)
def test_a_path_that_makes_no_sense_is_refused_before_the_first_epoch(path: str, text: str) -> None:
    taught = trainer()
    before = taught.model.state_dict()["weight"]
    with pytest.raises(ValueError, match=text):
        taught.fit(X, Y, callbacks=ModelCheckpoint(path, None))
    if "{" not in path:
        np.testing.assert_array_equal(taught.model.state_dict()["weight"], before)
