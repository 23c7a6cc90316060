"""The estimators: a classifier and a regressor."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    check_classification_targets,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import column_or_1d

from nnkit import nn
from nnkit.sklearn.losses import HalfSquares, LabelLoss, label_accuracy
from nnkit.sklearn.network import Host, Network

ARGUMENTS = """
    Args:
        hidden_layer_sizes: widths of the hidden layers.
        activation: after each hidden layer: 'relu', 'tanh', 'logistic', 'identity', or the name of
            another activation of `nnkit.nn` in lower case.
        solver: 'adam', 'sgd' (with Nesterov's momentum), or the name of another optimizer of
            `nnkit.optim` in lower case.
        alpha: weight of the L2 penalty, alpha / 2 sum w^2 / N, on weights but not on biases.
        batch_size: examples a step; 'auto' takes 200, or all where there are fewer.
        learning_rate_init: of the solver.
        max_iter: how many times to go through the data at most.
        shuffle: in a new order each time.
        random_state: of the first weights, the orders and the split.
        tol: how much better the loss or the score must be to count.
        verbose: show a progress bar on a terminal.
        warm_start: go on from the weights of the last fit.
        early_stopping: keep a share of the data back, stop when the score on it gets no better,
            and take the weights of the best epoch; without it the training loss is watched.
        validation_fraction: the share.
        n_iter_no_change: epochs without a better value that are let pass.
        backend: as in NNKIT_BACKEND; None takes the one in use.

    Attributes:
        module_: the network, an `nn.Sequential`.
        loss_curve_: the loss of each epoch, without the penalty.
        n_iter_: how many epochs there were.
        coefs_, intercepts_: weights and biases of each layer, as scikit-learn lays them out.

    Names and defaults are those of scikit-learn's {peer}. It computes in the dtype of X, float64 or
    float32, and in float32 where the device has no other. Sparse X is made dense. Pickles hold
    NumPy arrays and open on any backend.
"""


class NNClassifier(ClassifierMixin, Network):  # type: ignore[misc]
    """A classifier: a network of fully connected layers that learns cross-entropy.

    Several labels at once are an indicator matrix y (N, labels).

    >>> from nnkit.sklearn import NNClassifier
    >>> X, y = [[0.0], [0.2], [0.8], [1.0]] * 5, ["low", "low", "high", "high"] * 5
    >>> model = NNClassifier(8, learning_rate_init=0.05, tol=0.01, random_state=0)
    >>> model.fit(X, y).predict([[0.1], [0.9]]).tolist()
    ['low', 'high']
    """

    __doc__ += ARGUMENTS.format(peer="MLPClassifier")

    classes_: Any

    def _targets(self, y: Host, *, known: bool) -> tuple[Host, int, nn.Loss]:
        check_classification_targets(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        labels = unique_labels(y)
        if not known:
            self.classes_ = labels
        elif strange := sorted(set(labels.tolist()) - set(self.classes_.tolist())):
            raise ValueError(
                f"NNClassifier: y has the class {strange[0]!r}, which is none of those that it "
                f"learnt before: {self.classes_.tolist()}"
            )
        self._several = type_of_target(y).startswith("multilabel")
        if self._several:
            return np.asarray(y), y.shape[1], LabelLoss()
        numbers = np.searchsorted(self.classes_, y)
        return numbers, max(len(self.classes_), 1), nn.CrossEntropyLoss()

    def _strata(self, y: Host) -> Host | None:
        return None if self._several else y

    def _score(self) -> Any:
        return label_accuracy if self._several else "accuracy"

    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        classes: Any = None,
    ) -> NNClassifier:
        """Go through X and y once more; the first call names all `classes`."""
        first = _check_partial_fit_first_call(self, classes)
        if first and type_of_target(y).startswith("multilabel"):
            self.classes_ = unique_labels(y)
        go_on = hasattr(self, "module_")
        self._learn(X, y, sample_weight, go_on=go_on, epochs=1, known=True)
        return self

    def predict(self, X: Any) -> Host:
        """The most probable class (N,), or an indicator matrix (N, labels)."""
        outputs = self._outputs(X)
        if self._several:
            return (outputs > 0).astype(np.int64)
        found: Host = self.classes_[outputs.argmax(axis=1)]
        return found

    def predict_proba(self, X: Any) -> Host:
        """How probable each class is (N, classes); of several labels, each for itself."""
        outputs = self._outputs(X)
        if self._several:
            return np.exp(-np.logaddexp(0.0, -outputs))
        found: Host = np.exp(self._log_softmax(outputs))
        return found

    def predict_log_proba(self, X: Any) -> Host:
        """The logarithms of `predict_proba`."""
        outputs = self._outputs(X)
        if self._several:
            return -np.logaddexp(0.0, -outputs)
        return self._log_softmax(outputs)

    def _log_softmax(self, outputs: Host) -> Host:
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        found: Host = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class NNRegressor(RegressorMixin, Network):  # type: ignore[misc]
    """A regressor: a network of fully connected layers that learns squared errors.

    Several targets at once are a matrix y (N, targets).

    >>> from nnkit.sklearn import NNRegressor
    >>> X, y = [[0.0], [0.5], [1.0], [1.5]] * 5, [0.0, 1.0, 2.0, 3.0] * 5
    >>> model = NNRegressor(8, learning_rate_init=0.05, tol=0.001, random_state=0)
    >>> model.fit(X, y).score(X, y) > 0.98
    True
    """

    __doc__ += ARGUMENTS.format(peer="MLPRegressor")

    def _targets(self, y: Host, *, known: bool) -> tuple[Host, int, nn.Loss]:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._flat = y.ndim == 1
        columns = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        if known and columns.shape[1] != self.n_outputs_:
            raise ValueError(
                f"NNRegressor: y must have {self.n_outputs_} targets as before, got "
                f"{columns.shape[1]}"
            )
        return columns, columns.shape[1], HalfSquares()

    def _score(self) -> Any:
        return "r2"

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> NNRegressor:
        """Go through X and y once more."""
        self._learn(X, y, sample_weight, go_on=hasattr(self, "module_"), epochs=1)
        return self

    def predict(self, X: Any) -> Host:
        """The values (N,), or (N, targets)."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self._flat else outputs
