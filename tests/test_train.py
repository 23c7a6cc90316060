"""The trainer: what it learns, what it reads from the device, how it ends, and what it refuses."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import counters, nn, optim
from nnkit.backend import Backend
from nnkit.train import accuracy
from nnkit.train.record import Record

Host = np.ndarray[Any, Any]


def blobs(count: int = 90) -> tuple[Host, Host]:
    """Three clouds of points that can be told apart."""
    rng = np.random.default_rng(1)
    labels = rng.integers(3, size=count)
    centres = np.array([[2.0, 0, 0, 1], [0, 2, 0, -1], [0, 0, 2, 0]])
    return centres[labels] + rng.normal(scale=0.3, size=(count, 4)), labels


def trainer(**options: Any) -> nnkit.Trainer:
    nnkit.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 7), nn.ReLU(), nn.Linear(7, 3))
    chosen = {"loss": "cross_entropy", "metrics": "accuracy"} | options
    return nnkit.Trainer(
        model, chosen["loss"], optim.Adam(model.parameters(), lr=0.02), chosen["metrics"]
    )


def test_it_learns_and_tells_how(backend: Backend) -> None:
    x, y = blobs()
    taught = trainer()
    history = taught.fit(x, y, epochs=8, batch_size=20, validation_split=0.2)
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert history.epochs == 8
    assert [len(values) for values in history.values()] == [8] * 4
    assert len(history.batch_losses) == 8 * 4  # 72 examples in batches of 20, 20, 20, 12
    assert history["loss"][-1] < 0.3 < history["loss"][0]
    assert history["accuracy"][-1] == history["val_accuracy"][-1] == 1.0
    assert not history.interrupted
    assert taught.model[0].weight.backend is backend  # type: ignore[index]


def test_the_loss_of_an_epoch_weighs_examples_not_batches() -> None:
    x, y = blobs(50)
    history = trainer().fit(x, y, batch_size=20)
    first, second, rest = history.batch_losses
    assert history["loss"] == [pytest.approx((20 * first + 20 * second + 10 * rest) / 50)]


def test_steps_read_nothing_and_an_epoch_reads_once(backend: Backend) -> None:
    x, y = blobs()
    taught = trainer()
    reads: list[int] = []
    step = taught.optimizer.step

    def counted() -> None:
        step()
        reads.append(counters.to_host[backend.name].times)

    taught.optimizer.step = counted  # type: ignore[method-assign]
    counters.reset()
    taught.fit(x, y, epochs=2, batch_size=10, verbose=False)
    assert reads == [0] * 9 + [1] * 9
    assert counters.to_host[backend.name].times == 2
    counters.reset()
    taught.fit(x, y, epochs=1, batch_size=10, validation_data=(x, y), verbose=False)
    assert counters.to_host[backend.name].times == 2  # one for the training, one for the validation


def test_the_same_seed_gives_the_same_curve_on_every_backend(backend: Backend) -> None:
    x, y = blobs()
    here = trainer().fit(x, y, batch_size=10, seed=5).batch_losses
    assert here == trainer().fit(x, y, batch_size=10, seed=5).batch_losses
    assert here != trainer().fit(x, y, batch_size=10, seed=6).batch_losses
    with nnkit.use("numpy"):
        there = trainer().fit(x, y, batch_size=10, seed=5).batch_losses
    np.testing.assert_allclose(here, there, rtol=1e-4)


def test_without_shuffling_the_order_is_kept() -> None:
    x, y = blobs(30)
    seen: list[Host] = []

    def loss(output: nnkit.Tensor, target: nnkit.Tensor) -> nnkit.Tensor:
        seen.append(target.numpy().copy())
        return nn.CrossEntropyLoss()(output, target)

    trainer(loss=loss).fit(x, y, batch_size=20, shuffle=False)
    np.testing.assert_array_equal(np.concatenate(seen), y)
    seen.clear()
    trainer(loss=loss).fit(x, y, epochs=2, batch_size=30, seed=3)
    orders = np.random.default_rng(3)
    np.testing.assert_array_equal(seen, [y[orders.permutation(30)], y[orders.permutation(30)]])


def test_evaluate_and_predict(backend: Backend) -> None:
    x, y = blobs(50)
    taught = trainer()
    taught.fit(x, y, epochs=20, batch_size=10)
    logits = taught.predict(x, batch_size=20)
    assert isinstance(logits, np.ndarray)
    assert (logits.shape, logits.dtype) == ((50, 3), np.float32)
    found = taught.evaluate(x, y, batch_size=20)
    assert set(found) == {"loss", "accuracy"}
    assert found["accuracy"] == pytest.approx((logits.argmax(1) == y).mean())
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    assert found["loss"] == pytest.approx(-log_p[np.arange(50), y].mean(), rel=1e-5)
    assert taught.evaluate(x, y, batch_size=50) == pytest.approx(found, rel=1e-5)


def test_modes_are_set_and_set_back() -> None:
    x, y = blobs(30)
    modes: list[bool] = []

    class Spy(nn.Module):
        def forward(self, x: nnkit.Tensor) -> nnkit.Tensor:
            modes.append(self.training)
            return x

    model = nn.Sequential(nn.Linear(4, 3), Spy()).eval()
    spied = nnkit.Trainer(model, "cross_entropy", "sgd")
    spied.fit(x, y, batch_size=30, validation_data=(x, y))
    assert modes == [False, False, True, False]  # two looks at the data's shape, a step, a check
    assert [m.training for m in model.modules()] == [False] * 3


def test_targets_may_be_one_hot_and_losses_sums(backend: Backend) -> None:
    x, y = blobs(30)
    by_number = trainer().fit(x, y, epochs=2, batch_size=10)
    by_row = trainer().fit(x, np.eye(3)[y], epochs=2, batch_size=10)
    assert by_row["accuracy"] == by_number["accuracy"]
    np.testing.assert_allclose(by_row["loss"], by_number["loss"], rtol=1e-5)
    total = trainer(loss=nn.CrossEntropyLoss(reduction="sum")).evaluate(x, y, batch_size=7)
    assert total == pytest.approx(trainer().evaluate(x, y), rel=1e-5)


def test_regression_by_mean_squares(backend: Backend) -> None:
    x = np.linspace(-1, 1, 40).reshape(-1, 1)
    nnkit.manual_seed(0)
    model = nn.Linear(1, 1)
    taught = nnkit.Trainer(
        model, "mse", optim.SGD(model.parameters(), lr=0.1), ["mean_absolute_error"]
    )
    history = taught.fit(x, 3 * x + 1, epochs=40, batch_size=10)
    assert history["loss"][-1] < 1e-4
    assert history["mean_absolute_error"][-1] < 0.02
    np.testing.assert_allclose(taught.predict([[2.0]]), [[7.0]], atol=0.1)


def test_one_number_an_example_fits_a_network_of_one_output() -> None:
    """Else (N, 1) - (N,) would be a table of all differences."""
    x, y = np.linspace(-1, 1, 12).reshape(6, 2), np.arange(6.0)
    trainer = nnkit.Trainer(nn.Linear(2, 1), "mse", "sgd", "r2")
    assert trainer.evaluate(x, y) == trainer.evaluate(x, y.reshape(-1, 1))
    own = nnkit.Trainer(trainer.model, lambda p, t: ((p - t) * (p - t)).mean(), "sgd")
    assert own.evaluate(x, y)["loss"] == pytest.approx(trainer.evaluate(x, y)["loss"])


def test_accuracy_of_one_output_is_by_its_side_of_a_half() -> None:
    output = nnkit.tensor([[0.9], [0.2], [0.6], [0.4]])
    assert accuracy(output, nnkit.tensor([[1.0], [0.0], [0.0], [0.0]])).item() == 0.75


# -- Ctrl-C ----------------------------------------------------------------------------------


def test_ctrl_c_keeps_what_was_learnt(capsys: pytest.CaptureFixture[str]) -> None:
    x, y = blobs()
    taught = trainer()
    before = taught.evaluate(x, y)["loss"]
    steps = 0
    step, main = taught.optimizer.step, threading.get_ident()

    def press() -> None:
        signal.pthread_kill(main, signal.SIGINT)

    def counted() -> None:
        nonlocal steps
        step()
        steps += 1
        if steps == 9 * 30 + 4:  # in the 31st epoch
            presser = threading.Thread(target=press)
            presser.start()
            presser.join()

    taught.optimizer.step = counted  # type: ignore[method-assign]
    history = taught.fit(x, y, epochs=10_000, batch_size=10)
    assert history.interrupted
    assert history.epochs == 30
    assert set(history.partial) == {"loss", "accuracy"}
    assert 9 * 30 + 3 <= len(history.batch_losses) <= 9 * 30 + 4
    assert taught.evaluate(x, y)["loss"] < before / 10
    assert "Stopped by Ctrl-C in epoch 31 of 10000, after " in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="os.kill sends no SIGINT to the own process on Windows")
def test_ctrl_c_from_a_thread_at_any_moment() -> None:
    x, y = blobs()
    taught = trainer()
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    step = taught.optimizer.step

    def first_step() -> None:  # not before: until then Ctrl-C means what it always means
        taught.optimizer.step = step  # type: ignore[method-assign]
        timer.start()
        step()

    taught.optimizer.step = first_step  # type: ignore[method-assign]
    history = taught.fit(x, y, epochs=1_000_000, batch_size=10)
    timer.join()
    assert history.interrupted
    assert 9 * history.epochs <= len(history.batch_losses) <= 9 * (history.epochs + 1)


# -- what is refused -------------------------------------------------------------------------

X, Y = np.ones((6, 4)), np.array([0, 1, 2, 0, 1, 2])
HOLE = np.ones((6, 4))
HOLE[3, 1] = np.nan


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda t: t.fit(X, Y[:4]),
            ValueError,
            "fit: x and y must hold as many examples, got 6 and 4",
        ),
        (lambda t: t.fit(HOLE, Y), ValueError, r"x must be finite, but 1 of .* first in example 3"),
        (
            lambda t: t.fit([], []),
            ValueError,
            r"x must hold at least one example, got shape \(0,\)",
        ),
        (lambda t: t.fit([["a"] * 4] * 6, Y), TypeError, "x must hold numbers, got dtype <U1"),
        (lambda t: t.fit(X, Y + 1), ValueError, r"must lie in \[0, 3\), .* 3 outputs, got 3\. Fix"),
        (lambda t: t.fit(X, Y - 1), ValueError, r"must lie in \[0, 3\), .* got -1"),
        (lambda t: t.fit(X, Y * 1.0), TypeError, r"must be integers, got float64\. Fix: y\.astype"),
        (
            lambda t: t.fit(X, np.eye(4)[Y]),
            ValueError,
            r"one-hot rows of shape \(N, 3\), got \(6, 4\)",
        ),
        (lambda t: t.fit(X[:, :3], Y), ValueError, "in_features = 4"),
        (lambda t: t.fit(X, Y, batch_size=0), ValueError, "batch_size must be at least 1, got 0"),
        (lambda t: t.fit(X, Y, epochs=-1), ValueError, "epochs must be at least 0, got -1"),
        (lambda t: t.fit(X, Y, validation_split=1.5), ValueError, r"lie in \(0, 1\), got 1\.5"),
        (
            lambda t: t.fit(X[:1], Y[:1], validation_split=0.5),
            ValueError,
            "leaves none to learn from",
        ),
        (
            lambda t: t.fit(X, Y, validation_data=(X, Y), validation_split=0.5),
            ValueError,
            "not both",
        ),
        (lambda t: t.fit(X, Y, validation_data=(X, Y[:2])), ValueError, "fit: validation: x and y"),
        (lambda t: t.predict(HOLE), ValueError, "predict: x must be finite"),
        (lambda t: t.evaluate(X, Y[:1]), ValueError, "evaluate: x and y must hold as many"),
    ],
)
def test_data_that_make_no_sense_are_refused(call: Any, error: type[Exception], text: str) -> None:
    taught = trainer()
    before = taught.model.state_dict()
    with pytest.raises(error, match=text):
        call(taught)
    for name, value in taught.model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda m: nnkit.Trainer(m, "mze", "sgd"), r"unknown loss 'mze'\. Did you mean 'mse'\?"),
        (
            lambda m: nnkit.Trainer(m, "mse", "adm"),
            r"unknown optimizer 'adm'\. Did you mean 'adam'",
        ),
        (
            lambda m: nnkit.Trainer(m, "mse", "sgd", "acuracy"),
            r"'acuracy'\. Did you mean 'accuracy'",
        ),
        (
            lambda m: nnkit.Trainer(m, nn.MSELoss(reduction="none"), "sgd"),
            "loss must be one number",
        ),
        (
            lambda m: nnkit.Trainer(m, "mse", optim.SGD(nn.Linear(1, 1).parameters())),
            "holds none of the model's parameters",
        ),
        (
            lambda m: nnkit.Trainer(m, "mse", "sgd").fit(np.ones((5, 4)), np.ones(5)),
            r"y must have the shape \(N, 3\), like the network's output, got \(5,\)",
        ),
        (
            lambda m: nnkit.Trainer(nn.Sequential(m, nn.Flatten(0)), "cross_entropy", "sgd").fit(
                X, Y
            ),
            "must give a score for each class, one row for an example",
        ),
    ],
)
def test_trainers_that_make_no_sense_are_refused(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make(nn.Linear(4, 3))


# -- history, bar and picture ----------------------------------------------------------------


def test_a_long_epoch_holds_few_arrays() -> None:
    record = Record(["loss", "accuracy"])
    for step in range(1000):
        record.add([nnkit.tensor(float(step)), nnkit.tensor(1.0)], weight=1 + step % 2)
    assert len(record._waiting) + len(record._joined) < 2 * Record.JOIN + 4
    counters.reset()
    means = record.fetch()
    assert sum(row.times for row in counters.to_host.values()) == 1
    weights = 1 + np.arange(1000) % 2
    assert means == {
        "loss": pytest.approx((np.arange(1000) * weights).sum() / weights.sum()),
        "accuracy": 1.0,
    }
    assert record.column(0) == [float(step) for step in range(1000)]
    assert Record(["loss"]).fetch() == {}


def test_a_log_file_gets_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    x, y = blobs(30)
    trainer().fit(x, y, epochs=2)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    x, y = blobs(30)
    trainer().fit(x, y, epochs=3, validation_split=0.2)
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    last = shown.strip().split("\r")[-1]
    for part in ("epoch 3/3 |", "loss ", "(val ", "accuracy "):
        assert part in last
    assert len(last) < 100
