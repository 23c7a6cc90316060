"""What both estimators share: parameters, the network, its training, and its way into a pickle."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from nnkit import nn
from nnkit.sklearn import build
from nnkit.train import EarlyStopping, Trainer

Host = np.ndarray[Any, Any]
DTYPES = (np.float64, np.float32)


class Network(BaseEstimator):  # type: ignore[misc]
    """A network of fully connected layers as an estimator."""

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate_init: float = 0.001,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        backend: str | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.backend = backend

    # -- what the estimators say ---------------------------------------------------------------

    @abstractmethod
    def _targets(self, y: Host, *, known: bool) -> tuple[Host, int, nn.Loss]:
        """Targets as the loss wants them, how many outputs there are, and the loss.

        `known` says that classes are those of before.
        """

    @abstractmethod
    def _score(self) -> Any:
        """The metric that early stopping watches."""

    def _strata(self, y: Host) -> Host | None:
        """What shall be in both parts in the same shares, when some examples are kept back."""
        return None

    # -- training ------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Learn from X (N, features) and y; the weights of an earlier fit go, unless `warm_start`.

        Args:
            X: numbers, dense or sparse.
            y: targets.
            sample_weight: a number (N,) for each example; it multiplies the example's loss.
        """
        go_on = self.warm_start and hasattr(self, "module_")
        self._learn(X, y, sample_weight, go_on=go_on, epochs=self.max_iter)
        if self.n_iter_ == self.max_iter and not self._stopped:
            warnings.warn(
                f"{type(self).__name__}: max_iter={self.max_iter} epochs were not enough: the "
                "training still made progress.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _learn(
        self,
        X: Any,
        y: Any,
        weight: Any,
        *,
        go_on: bool,
        epochs: int,
        known: bool = False,
    ) -> None:
        build.check(self)
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=DTYPES,
            reset=not go_on,
        )  # fmt: skip
        targets, outputs, loss = self._targets(y, known=known or go_on)
        weight = None if weight is None else _check_sample_weight(weight, X, dtype=X.dtype)
        rng = check_random_state(self.random_state)
        if not go_on:
            self._make(X.shape[1], outputs, X.dtype, rng)
        if not hasattr(self, "optimizer_") or epochs > 1:
            self.optimizer_ = build.optimizer(self, self.module_)
        self._train(build.dense(X), targets, weight, loss, rng, epochs)
        self._check_finite()

    def _make(self, features: int, outputs: int, dtype: Any, rng: np.random.RandomState) -> None:
        """A new network with the first weights of this random state."""
        self._widths = [features, *build.hidden(self), outputs]
        self._dtype = np.dtype(dtype).name
        self.module_ = build.module(self, self._widths, self._dtype)
        self.module_.load_state_dict(build.first_weights(self._widths, self.activation, rng))
        self.n_layers_, self.n_outputs_ = len(self._widths), outputs
        self.n_iter_, self.t_ = 0, 0
        self.loss_curve_: list[float] = []
        self.validation_scores_ = None
        self.__dict__.pop("optimizer_", None)

    def _train(
        self,
        X: Host,
        y: Host,
        weight: Host | None,
        loss: nn.Loss,
        rng: Any,
        epochs: int,
    ) -> None:
        chosen, held = np.arange(len(X)), None
        if self.early_stopping and epochs > 1:
            chosen, held = train_test_split(
                chosen,
                test_size=self.validation_fraction,
                random_state=rng,
                stratify=self._strata(y),
            )
        size = build.batch_size(self, len(chosen))
        share = 1.0
        if weight is not None:  # the mean weighs; what is left back weighs nothing
            share = float(weight[chosen].mean())
            weight = weight[chosen] / share
        build.penalize(self, self.optimizer_, size * share)
        score = self._score()
        name = score if isinstance(score, str) else score.__name__
        watch = EarlyStopping(
            "loss" if held is None else f"val_{name}",
            self.n_iter_no_change, self.tol, "min" if held is None else "max",
            restore_best_weights=held is not None,
        )  # fmt: skip
        trainer = Trainer(self.module_, loss, self.optimizer_, () if held is None else score)
        history = trainer.fit(
            X[chosen], y[chosen], epochs, size,
            validation_data=None if held is None else (X[held], y[held]),
            shuffle=self.shuffle, seed=int(rng.randint(2**31 - 1)), verbose=self.verbose,
            callbacks=watch if epochs > 1 else (), sample_weight=weight,
        )  # fmt: skip
        self._note(history, name, watch.best, len(chosen))

    def _note(self, history: Any, score: str, best: float, count: int) -> None:
        """The attributes that tell how the training went."""
        self.loss_curve_ = [*self.loss_curve_, *history["loss"]]
        self.n_iter_ = history.epochs + (self.n_iter_ if history.epochs == 1 else 0)
        self.t_ += history.epochs * count
        self.loss_ = history["loss"][-1]
        self._stopped = bool(history.stopped)
        kept = f"val_{score}" in history
        self.validation_scores_ = history[f"val_{score}"] if kept else None
        self.best_validation_score_ = best if kept else None
        self.best_loss_ = None if kept else min(self.loss_curve_)

    def _check_finite(self) -> None:
        if not all(np.isfinite(values).all() for values in self.module_.state_dict().values()):
            raise ValueError(
                f"{type(self).__name__}: the training gave weights that are not finite. Fix: "
                "scale X to about unit size, or lower learning_rate_init."
            )

    # -- using ---------------------------------------------------------------------------------

    def _outputs(self, X: Any) -> Host:
        """What the network gives for X (N, features): (N, outputs)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], dtype=DTYPES, reset=False)
        found: Host = Trainer(self.module_, nn.MSELoss(), self.optimizer_).predict(
            build.dense(X), batch_size=1024
        )
        return found

    @property
    def coefs_(self) -> list[Host]:
        """The weights of each layer (inputs, outputs), as scikit-learn lays them out."""
        return [v.T for n, v in self.module_.state_dict().items() if n.endswith("weight")]

    @property
    def intercepts_(self) -> list[Host]:
        """The biases of each layer."""
        return [v for n, v in self.module_.state_dict().items() if n.endswith("bias")]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "module_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # -- pickling ------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """Weights and the optimizer's state as NumPy arrays: no device goes into a pickle."""
        state: dict[str, Any] = dict(super().__getstate__())
        for name in ("module_", "optimizer_"):
            if name in state:
                state[name] = dict(state[name].state_dict())
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        weights, progress = state.pop("module_", None), state.pop("optimizer_", None)
        super().__setstate__(state)
        if weights is not None:
            self.module_ = build.module(self, self._widths, self._dtype)
            self.module_.load_state_dict(weights)
            self.optimizer_ = build.optimizer(self, self.module_)
            self.optimizer_.load_state_dict(progress)
