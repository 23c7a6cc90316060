"""What a user gets wrong, and the sentence that helps."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn, optim
from nnkit.backend import Backend
from nnkit.errors import BackendMismatch, GraphError

X, Y = np.ones((6, 4)), np.array([0, 1, 2, 0, 1, 2])
HOLE = X.copy()
HOLE[3, 1] = np.nan


def fit(x: Any, y: Any, loss: Any = "cross_entropy", **options: Any) -> Any:
    trainer = nnkit.Trainer(nn.Linear(4, 3), loss, "sgd")
    return trainer.fit(x, y, **options)


def trainer(loss: Any = "mse", optimizer: Any = "sgd", metrics: Any = ()) -> Any:
    return nnkit.Trainer(nn.Linear(4, 3), loss, optimizer, metrics)


MISTAKES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "input width, by hand": (
        lambda: nn.Linear(4, 3)(nnkit.tensor(np.ones((2, 5), np.float32))),
        ValueError,
        r"linear: .*in_features = 4.*\(2, 5\)",
    ),
    "input width": (lambda: fit(np.ones((6, 5)), Y), ValueError, r"in_features = 4.*\(1, 5\)"),
    "float class numbers": (
        lambda: fit(X, Y * 1.0),
        TypeError,
        r"class numbers must be integers, got float64\. Fix: y\.astype\('int64'\)",
    ),
    "class names": (
        lambda: fit(X, list("abcabc")),
        TypeError,
        "fit: y must hold numbers, got dtype <U1. Fix: turn names and texts into numbers first",
    ),
    "class number too large": (
        lambda: fit(X, Y + 1),
        ValueError,
        r"must lie in \[0, 3\), for the network has 3 outputs, got 3\. Fix: number the classes",
    ),
    "negative class number": (lambda: fit(X, Y - 1), ValueError, r"must lie in \[0, 3\).* got -1"),
    "class number too large, by hand": (
        lambda: nn.CrossEntropyLoss()(nnkit.tensor([[0.0] * 3]), nnkit.tensor([1.0])),
        ValueError,
        "cross_entropy: targets",
    ),
    "NaN in x": (
        lambda: fit(HOLE, Y),
        ValueError,
        "fit: x must be finite, but 1 of its values are NaN or infinite, the first in example 3. "
        "Fix: drop these examples, or fill in the gaps",
    ),
    "NaN in y": (lambda: fit(X, HOLE[:, :3], "mse"), ValueError, "fit: y must be finite"),
    "infinity": (lambda: fit(X * np.inf, Y), ValueError, "24 of its values are NaN or infinite"),
    "loss of each example": (
        lambda: fit(X, Y, lambda output, target: output.sum(axis=1)),
        ValueError,
        r"the loss must be one number for a batch, a 0-d tensor, got shape \(6,\)\. "
        r"Fix: loss\.mean\(\)",
    ),
    "loss of no tensor": (
        lambda: fit(X, Y, lambda output, target: 0.0),
        ValueError,
        "must be one number for a batch, a 0-d tensor, got float",
    ),
    "loss of each example, by hand": (
        lambda: nn.Linear(4, 3)(nnkit.tensor(np.ones((2, 4), np.float32))).backward(),
        GraphError,
        r"a loss must have one element, got shape \(2, 3\)\. Fix: loss\.mean\(\)\.backward\(\)",
    ),
    "reduction='none'": (
        lambda: trainer(nn.MSELoss(reduction="none")),
        ValueError,
        "the loss must be one number. Fix: reduction='mean' or 'sum'",
    ),
    "a class for a loss": (
        lambda: trainer(nn.MSELoss),
        TypeError,
        r"a loss must be a name, a module or a function, got .*\. Fix: MSELoss\(\)",
    ),
    "a class for an optimizer": (
        lambda: trainer(optimizer=optim.Adam),
        TypeError,
        r"must be a name or an Optimizer.* Fix: optim\.Adam\(model\.parameters\(\)\)",
    ),
    "unknown loss": (
        lambda: trainer("cros_entropy"),
        ValueError,
        "unknown loss 'cros_entropy'. Did you mean 'cross_entropy'",
    ),
    "unknown optimizer": (
        lambda: trainer(optimizer="rmsporp"),
        ValueError,
        "unknown optimizer 'rmsporp'. Did you mean 'rmsprop'",
    ),
    "unknown metric": (
        lambda: trainer(metrics=["acuracy"]),
        ValueError,
        "unknown metric 'acuracy'. Did you mean 'accuracy'",
    ),
    "unknown schedule": (
        lambda: fit(X, Y, callbacks=nnkit.train.Schedule("cosine_anealing", T_max=3)),
        ValueError,
        "unknown schedule 'cosine_anealing'. Did you mean 'cosine_annealing'",
    ),
    "another model's optimizer": (
        lambda: trainer(optimizer=optim.Adam(nn.Linear(4, 3).parameters())),
        ValueError,
        "holds none of the model's parameters. Fix: make it from model.parameters",
    ),
    "lengths": (
        lambda: fit(X, Y[:4]),
        ValueError,
        "x and y must hold as many examples, got 6 and 4",
    ),
    "nothing": (lambda: fit([], []), ValueError, r"at least one example, got shape \(0,\)"),
    "ragged rows": (
        lambda: fit([[1.0, 2.0], [1.0]], [0, 1]),
        TypeError,
        "x must hold numbers in rows of equal length. Fix: pad the shorter rows",
    ),
    "a loader without batches": (
        lambda: fit(nnkit.data.DataLoader((X, Y), 9, drop_last=True), None),
        ValueError,
        "fit: the loader gave no batch. Fix: ",
    ),
    "targets of another width": (
        lambda: fit(X, X, "mse"),
        ValueError,
        r"y must have the shape \(N, 3\), like the network's output, got \(6, 4\)",
    ),
    "no targets": (lambda: fit(X, None), ValueError, r"fit: y is missing\. Fix: fit\(x, y\)"),
    "a network that gives no row": (
        lambda: nnkit.Trainer(nn.Sequential(nn.Linear(4, 3), nn.Flatten(0)), "mse", "sgd").fit(
            X[:, None], np.ones((6, 2))
        ),
        ValueError,
        r"y must have the shape",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_gets_a_sentence(name: str) -> None:
    call, error, text = MISTAKES[name]
    with pytest.raises(error, match=text):
        call()


def test_a_sparse_matrix_gets_a_sentence() -> None:
    sparse = pytest.importorskip("scipy.sparse", reason="scipy is not installed")
    with pytest.raises(TypeError, match=r"x must be a dense array.* Fix: x\.toarray\(\)"):
        fit(sparse.csr_matrix(X), Y)


def test_tensors_of_two_backends_get_a_sentence(backend: Backend) -> None:
    if backend.name == "numpy":
        pytest.skip("one backend alone cannot be mixed")
    layer = nn.Linear(4, 3)
    with nnkit.use("numpy"):
        x = nnkit.tensor(X.astype(np.float32))
    with pytest.raises(BackendMismatch, match=rf"numpy.*{backend.name}|{backend.name}.*numpy"):
        layer(x)
    assert nnkit.Trainer(layer, "mse", "sgd").predict(x).shape == (6, 3)  # goes by the host


def test_a_mistake_leaves_the_model_as_it_was() -> None:
    taught = trainer("cross_entropy")
    before = taught.model.state_dict()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match="class numbers must lie"):
            taught.fit(X, Y + 1)
    np.testing.assert_array_equal(taught.model.state_dict()["weight"], before["weight"])
    assert taught.model.training
