"""Metrics over whole epochs, beside scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import counters, nn
from nnkit.backend import Backend
from nnkit.train import F1, R2, ConfusionMatrix, Metric, Perplexity, Precision, Recall
from nnkit.train.metric import Part
from nnkit.train.metrics import METRICS, resolve, top_k_accuracy

reference = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")

Host = np.ndarray[Any, Any]


def scores(rng: np.random.Generator, classes: int, count: int = 37) -> tuple[Host, Host]:
    """Outputs and true classes; the last class never occurs, and is never said."""
    output = rng.normal(size=(count, classes)).astype(np.float32)
    if classes > 2:
        output[:, -1] = -9
    return output, rng.integers(0, max(classes - 1, 2), count)


def over_batches(metric: Any, output: Host, target: Host, size: int = 10) -> Any:
    """The metric, its statistics merged batch by batch."""
    merged = None
    for i in range(0, len(output), size):
        parts = nnkit.tensor(output[i : i + size]), nnkit.tensor(target[i : i + size])
        new = metric.of_batch(*parts)
        merged = new if merged is None else metric.merge(merged, new)
    assert merged is not None
    return metric.result(*(part.numpy() for part in merged))


NAMES = {Precision: "precision_score", Recall: "recall_score", F1: "f1_score"}


@pytest.mark.parametrize("average", ["macro", "micro", "weighted", "none", "auto"])
@pytest.mark.parametrize("kind", NAMES)
def test_scores_of_many_classes(
    kind: Any, average: str, backend: Backend, rng: np.random.Generator
) -> None:
    output, target = scores(rng, 5)
    theirs = {"none": None, "auto": "macro"}.get(average, average)
    expected = getattr(reference, NAMES[kind])(
        target, output.argmax(1), average=theirs, zero_division=0.0,
        labels=None if theirs is not None else range(5),
    )  # fmt: skip
    np.testing.assert_allclose(over_batches(kind(average), output, target), expected)
    np.testing.assert_allclose(kind(average)(output, np.eye(5)[target]), expected)


@pytest.mark.parametrize("kind", NAMES)
def test_scores_of_two_classes(kind: Any, backend: Backend, rng: np.random.Generator) -> None:
    output, target = scores(rng, 2)
    theirs = getattr(reference, NAMES[kind])
    expected = theirs(target, output.argmax(1))
    assert over_batches(kind(), output, target) == pytest.approx(expected)
    one = output[:, :1]
    expected = theirs(target, one[:, 0] > 0.25)
    given = target.reshape(-1, 1).astype(np.float32)
    assert over_batches(kind(threshold=0.25), one, given) == pytest.approx(expected)
    assert kind(threshold=0.25)(one[:, 0], given[:, 0]) == pytest.approx(expected)


def test_confusion_matrix(backend: Backend, rng: np.random.Generator) -> None:
    output, target = scores(rng, 4)
    found = over_batches(ConfusionMatrix(), output, target)
    expected = reference.confusion_matrix(target, output.argmax(1), labels=range(4))
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.int64
    ignored = np.where(np.arange(37) % 3 == 0, -100, target)
    kept = ignored >= 0
    np.testing.assert_array_equal(
        ConfusionMatrix()(output, ignored),
        reference.confusion_matrix(target[kept], output[kept].argmax(1), labels=range(4)),
    )


@pytest.mark.parametrize("k", [1, 2, 3])
def test_top_k_accuracy(k: int, backend: Backend, rng: np.random.Generator) -> None:
    output, target = scores(rng, 5)
    expected = reference.top_k_accuracy_score(target, output, k=k, labels=range(5))
    found = top_k_accuracy(k)(nnkit.tensor(output), nnkit.tensor(target))
    assert found.item() == pytest.approx(expected)
    rows = nnkit.tensor(np.eye(5, dtype=np.float32)[target])
    assert top_k_accuracy(k)(nnkit.tensor(output), rows).item() == pytest.approx(expected)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
@pytest.mark.parametrize("shape", [(37,), (37, 1), (37, 3)])
def test_r2(
    shape: tuple[int, ...], offset: float, backend: Backend, rng: np.random.Generator
) -> None:
    """Also far from 0, where sums of squares in float32 would know nothing any more."""
    target = (offset + rng.normal(size=shape)).astype(np.float32)
    output = (target + 0.5 * rng.normal(size=shape)).astype(np.float32)
    expected = reference.r2_score(target.astype(float), output.astype(float))
    assert over_batches(R2(), output, target) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("output", "expected"), [([1.0, 1.0], 1.0), ([1.0, 2.0], 0.0)])
def test_r2_of_a_constant(output: list[float], expected: float) -> None:
    assert R2()(output, [1.0, 1.0]) == expected == reference.r2_score([1.0, 1.0], output)


def test_perplexity(backend: Backend, rng: np.random.Generator) -> None:
    output, target = scores(rng, 5)
    p = np.exp(output.astype(float))
    p /= p.sum(axis=1, keepdims=True)
    expected = np.exp(reference.log_loss(target, p, labels=range(5)))
    assert over_batches(Perplexity(), output, target) == pytest.approx(expected, rel=1e-5)
    rows = np.eye(5, dtype=np.float32)[target]
    assert Perplexity()(output, rows) == pytest.approx(expected, rel=1e-5)


# -- in the trainer --------------------------------------------------------------------------


def test_an_epoch_has_the_metric_of_all_its_examples_by_one_read(
    backend: Backend, rng: np.random.Generator
) -> None:
    x, y = rng.normal(size=(50, 4)), rng.integers(0, 3, 50)
    names = ["accuracy", "f1", "precision", "recall", "confusion_matrix", "perplexity",
             "top_3_accuracy"]  # fmt: skip
    trainer = nnkit.Trainer(nn.Linear(4, 3), "cross_entropy", "sgd", names)
    counters.reset()
    found = trainer.evaluate(x, y, batch_size=16)
    assert counters.to_host[backend.name].times == 1
    logits = trainer.predict(x)
    said = logits.argmax(axis=1)
    assert list(found) == ["loss", "accuracy", "top_3_accuracy", *names[1:6]]
    assert found["f1"] == pytest.approx(reference.f1_score(y, said, average="macro"))
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(y, said))
    assert found["perplexity"] == pytest.approx(np.exp(found["loss"]), rel=1e-5)
    assert found["top_3_accuracy"] == 1.0
    np.testing.assert_array_equal(found["confusion_matrix"], reference.confusion_matrix(y, said))
    counters.reset()
    history = trainer.fit(x, y, epochs=2, batch_size=16, validation_split=0.2, verbose=False)
    assert counters.to_host[backend.name].times == 4  # training and validation, two epochs
    assert [h.sum() for h in history["confusion_matrix"]] == [40, 40]
    assert [h.sum() for h in history["val_confusion_matrix"]] == [10, 10]


def test_regression_metrics_in_the_trainer(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(30, 4)), rng.normal(size=(30, 2))
    trainer = nnkit.Trainer(nn.Linear(4, 2), "mse", "sgd", ["mse", "mae", "r2"])
    found = trainer.evaluate(x, y, batch_size=7)
    p = trainer.predict(x)
    assert found["mse"] == pytest.approx(reference.mean_squared_error(y, p), rel=1e-5)
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(y, p), rel=1e-5)
    assert found["r2"] == pytest.approx(reference.r2_score(y, p), rel=1e-5)


def test_two_of_a_kind_get_two_names() -> None:
    found = resolve([F1("macro"), F1("micro"), F1, "f1", nn.MSELoss()])
    assert list(found) == ["F1", "F1_2", "F1_3", "f1", "MSELoss"]
    assert all(isinstance(m, Metric) for m in list(found.values())[:4])


def test_metrics_of_one_of_several_outputs(rng: np.random.Generator) -> None:
    output, target = scores(rng, 4)
    found = resolve({"digit": ["accuracy", "f1"], 1: F1})
    assert list(found) == ["digit_accuracy", "digit_f1", "1_F1"]
    part = found["digit_f1"]
    assert isinstance(part, Part)
    nests = {"digit": nnkit.tensor(output)}, {"digit": nnkit.tensor(target)}
    result = part.result(*(t.numpy() for t in part.of_batch(*nests)))
    assert result == F1()(output, target)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: resolve("mmm"), ValueError, "unknown metric 'mmm'. "),
        (lambda: resolve("reacll"), ValueError, "'reacll'. Did you mean 'recall'"),
        (lambda: resolve([3]), TypeError, "a metric must be a name or a function, got 3"),
        (lambda: F1("makro"), ValueError, "F1: unknown average 'makro'. Did you mean 'macro'"),
        (lambda: top_k_accuracy(0), ValueError, "k must be at least 1, got 0"),
        (
            lambda: F1("binary")(np.eye(3), [0, 1, 2]),
            ValueError,
            "F1: average='binary' fits two classes, got 3. Fix: average='macro'",
        ),
    ],
)
def test_metrics_that_make_no_sense_are_refused(make: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_every_name_makes_a_metric() -> None:
    assert all(callable(make(0.5)) for make in METRICS.values())
