"""The estimators: scikit-learn's own checks, its tools, and its own network beside ours."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

import nnkit
from nnkit.backend import Backend
from nnkit.sklearn import NNClassifier, NNRegressor

PAIRS = [(NNClassifier, MLPClassifier), (NNRegressor, MLPRegressor)]
QUICK: dict[str, Any] = {"max_iter": 60, "learning_rate_init": 0.01, "random_state": 0}


def names_of_checks(estimator: Any) -> list[str]:
    found = (check for _, check in estimator_checks_generator(estimator, legacy=True))
    return [getattr(check, "func", check).__name__ for check in found]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_the_checks_are_those_of_scikit_learns_own(ours: Any, theirs: Any) -> None:
    assert names_of_checks(ours()) == names_of_checks(theirs())
    mine, peer = ours().get_params(), theirs().get_params()
    assert {name: peer[name] for name in mine if name in peer} == {
        name: value for name, value in mine.items() if name in peer
    }
    assert set(mine) - set(peer) == {"backend"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ours", [NNClassifier, NNRegressor])
def test_every_check_passes(ours: Any) -> None:
    """With fewer epochs than the default, which take longer and pass too."""
    found = check_estimator(ours(max_iter=40, learning_rate_init=0.01), on_fail=None, on_skip=None)
    assert len(found) >= 60
    bad = {d["check_name"]: d["exception"] for d in found if d["status"] in ("failed", "xfail")}
    assert not bad


# -- results ---------------------------------------------------------------------------------


def scaled(load: Any) -> tuple[Any, ...]:
    x, y = load(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, random_state=0)
    scaler = StandardScaler().fit(x_train)
    return scaler.transform(x_train), scaler.transform(x_test), y_train, y_test


@pytest.mark.parametrize("load", [load_wine, load_breast_cancer, load_iris])
def test_it_classifies_as_well_as_scikit_learns_own(load: Any, backend: Backend) -> None:
    x_train, x_test, y_train, y_test = scaled(load)
    options: dict[str, Any] = QUICK | {"tol": 1e-3}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours = NNClassifier(32, **options).fit(x_train, y_train)
        theirs = MLPClassifier(32, **options).fit(x_train, y_train)
    assert ours.score(x_test, y_test) >= theirs.score(x_test, y_test) - 0.03
    p = ours.predict_proba(x_test)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(ours.classes_[p.argmax(axis=1)], ours.predict(x_test))
    np.testing.assert_allclose(np.exp(ours.predict_log_proba(x_test)), p, rtol=1e-6)
    assert ours.module_[0].weight.backend is backend


def test_the_same_options_give_scikit_learns_own_weights() -> None:
    """Full batches in a fixed order: first weights, penalty and steps are the very same."""
    x, _, y, _ = scaled(load_diabetes)
    y = (y - y.mean()) / y.std()
    options: dict[str, Any] = {
        "hidden_layer_sizes": (7, 5), "activation": "tanh", "alpha": 0.5, "batch_size": len(x),
        "shuffle": False, "random_state": 0, "max_iter": 20, "learning_rate_init": 0.01,
    }  # fmt: skip
    for solver in ("adam", "sgd"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            ours = NNRegressor(solver=solver, **options).fit(x, y)
            theirs = MLPRegressor(solver=solver, **options).fit(x, y)
        for mine, peer in zip(ours.coefs_, theirs.coefs_, strict=True):
            np.testing.assert_allclose(mine, peer, atol=1e-12 if solver == "sgd" else 1e-4)
        np.testing.assert_allclose(ours.predict(x), theirs.predict(x), atol=1e-3)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_several_targets_and_labels() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    y = x @ rng.normal(size=(3, 2))
    model = NNRegressor(16, **QUICK | {"max_iter": 150}).fit(x, y)
    assert model.predict(x).shape == (60, 2)
    assert model.score(x, y) > 0.9
    labels = (y > 0).astype(int)
    model = NNClassifier(16, **QUICK | {"max_iter": 150}).fit(x, labels)
    assert model.score(x, labels) > 0.9
    assert model.predict_proba(x).shape == (60, 2)
    stopped = NNClassifier(16, **QUICK, early_stopping=True).fit(x, labels)
    assert stopped.best_validation_score_ == max(stopped.validation_scores_)


# -- training --------------------------------------------------------------------------------


def test_early_stopping_keeps_the_best() -> None:
    x_train, x_test, y_train, y_test = scaled(load_breast_cancer)
    model = NNClassifier(16, **QUICK, early_stopping=True, n_iter_no_change=5).fit(x_train, y_train)
    assert model.n_iter_ < 60
    assert model.n_iter_ == len(model.validation_scores_) == len(model.loss_curve_)
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.best_loss_ is None
    assert model.score(x_test, y_test) > 0.9


def test_partial_fit_goes_on_where_it_was() -> None:
    x, _, y, _ = scaled(load_iris)
    model = NNClassifier(8, **QUICK | {"learning_rate_init": 0.05})
    scores = [model.partial_fit(x, y, classes=[0, 1, 2]).score(x, y) for _ in range(30)]
    assert scores[-1] > 0.9
    assert (model.n_iter_, len(model.loss_curve_)) == (30, 30)
    assert model.loss_curve_[-1] < model.loss_curve_[0] / 2
    few = NNClassifier(8, **QUICK).partial_fit(x[y < 2], y[y < 2], classes=[0, 1, 2])
    assert few.predict_proba(x).shape[1] == 3
    with pytest.raises(ValueError, match="y has the class 3, which is none of those"):
        few.partial_fit(x, y + 1)


def test_a_warm_start_goes_on_and_a_cold_one_does_not() -> None:
    x, _, y, _ = scaled(load_iris)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warm = NNClassifier(8, **QUICK | {"max_iter": 5}, warm_start=True).fit(x, y)
        before = warm.loss_
        assert warm.fit(x, y).loss_ < before
        cold = NNClassifier(8, **QUICK | {"max_iter": 5}).fit(x, y)
        assert cold.fit(x, y).loss_ == before


def test_a_training_that_was_not_done_is_told() -> None:
    x, _, y, _ = scaled(load_iris)
    with pytest.warns(ConvergenceWarning, match="max_iter=3 epochs were not enough"):
        NNClassifier(8, max_iter=3).fit(x, y)


# -- scikit-learn's tools --------------------------------------------------------------------


def test_in_a_pipeline_and_a_grid_search() -> None:
    x, y = load_wine(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), NNClassifier(**QUICK, tol=1e-3))
    grid = {"nnclassifier__hidden_layer_sizes": [(2,), (16,)]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search = GridSearchCV(pipeline, grid, cv=3).fit(x, y)
    assert search.best_score_ > 0.93
    assert search.predict(x[:2]).shape == (2,)


def test_cross_validation_of_a_regressor() -> None:
    x, y = load_diabetes(return_X_y=True)
    options: dict[str, Any] = {"learning_rate_init": 0.1, "max_iter": 60, "random_state": 0}
    scores = []
    for kind in (NNRegressor, MLPRegressor):
        model = make_pipeline(StandardScaler(), kind(hidden_layer_sizes=(16,), **options))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            scores.append(cross_val_score(model, x, y, cv=3).mean())
    ours, theirs = scores
    assert ours > max(0.4, theirs - 0.03)


@pytest.mark.parametrize("fitted", [False, True])
def test_pickles_hold_no_device(fitted: bool, backend: Backend) -> None:
    x, _, y, _ = scaled(load_iris)
    model = NNClassifier(8, "gelu" if hasattr(nnkit.nn, "GELU") else "tanh", **QUICK)
    if fitted:
        model.partial_fit(x, y, classes=[0, 1, 2])
    text = pickle.dumps(model)
    assert b"opencl" not in text
    with nnkit.use("numpy"):
        again = pickle.loads(text)
    assert again.get_params() == model.get_params() == clone(model).get_params()
    if fitted:
        twin = copy.deepcopy(model)
        np.testing.assert_array_equal(twin.predict_proba(x), model.predict_proba(x))
        np.testing.assert_allclose(again.predict_proba(x), model.predict_proba(x), rtol=1e-5)
        for estimator in (model, again):
            estimator.partial_fit(x, y)
        np.testing.assert_allclose(again.coefs_[0], model.coefs_[0], rtol=1e-4, atol=1e-7)


def test_a_backend_by_name(backend: Backend) -> None:
    x, _, y, _ = scaled(load_iris)
    model = NNClassifier(4, **QUICK, backend="numpy").partial_fit(x, y, classes=[0, 1, 2])
    assert model.module_[0].weight.backend.name == "numpy"
    assert model.module_[0].weight.dtype == np.float64
    single = NNClassifier(4, **QUICK).partial_fit(x.astype(np.float32), y, classes=[0, 1, 2])
    assert single.predict_proba(x).dtype == np.float32


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: NNClassifier(activation="rellu"), ValueError, "'rellu'. Did you mean 'relu'"),
        (lambda: NNClassifier(solver="adm"), ValueError, "unknown solver 'adm'. Did you mean 'ada"),
        (lambda: NNClassifier((5, 0)), ValueError, r"sizes must be from 1, got \[5, 0\]"),
        (lambda: NNClassifier(max_iter=0), ValueError, "max_iter must be at least 1, got 0"),
        (lambda: NNClassifier(alpha=-1), ValueError, "alpha must be at least 0, got -1"),
        (lambda: NNClassifier(batch_size=0), ValueError, "batch_size must be 'auto' or at least 1"),
        (lambda: NNClassifier(validation_fraction=1), ValueError, r"must lie in \(0, 1\), got 1"),
        (lambda: NNClassifier(backend="opncl"), ValueError, "'opncl'. Did you mean 'opencl'"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(make: Any, error: Any, text: str) -> None:
    x, _, y, _ = scaled(load_iris)
    with pytest.raises(error, match=text):
        make().fit(x, y)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_weights_that_are_not_finite_are_an_error() -> None:
    x, _, y, _ = scaled(load_diabetes)
    with pytest.raises(ValueError, match=r"weights that are not finite\. Fix: scale X"):
        NNRegressor(4, solver="sgd", learning_rate_init=1e20, max_iter=5).fit(x, y)
    with pytest.raises(NotFittedError):
        NNRegressor().predict(x)
