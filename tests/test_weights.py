"""Weights of classes and examples, gathered gradients, and models of several inputs and outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import counters, nn, ops, optim
from nnkit.backend import Backend

Host = np.ndarray[Any, Any]


def classifier(**options: Any) -> nnkit.Trainer:
    nnkit.manual_seed(0)
    model = nn.Linear(4, 3)
    loss = options.pop("loss", "cross_entropy")
    return nnkit.Trainer(model, loss, optim.SGD(model.parameters(), lr=0.1), **options)


def weights_of(trainer: nnkit.Trainer) -> Host:
    return np.concatenate([v.reshape(-1) for v in trainer.model.state_dict().values()])


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[Host, Host]:
    return rng.normal(size=(24, 4)), rng.integers(0, 3, 24)


# -- weights ---------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_weighted_loss_is_that_of_the_weighted_losses(
    reduction: str, backend: Backend, data: tuple[Host, Host]
) -> None:
    x, y = data
    w = np.linspace(0, 2, 24)
    trainer = classifier(loss=nn.CrossEntropyLoss(reduction=reduction))
    logits = trainer.predict(x).astype(float)
    losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(24), y]
    found = trainer.evaluate(x, y, batch_size=7, sample_weight=w)
    assert found["loss"] == pytest.approx((w * losses).mean(), rel=1e-5)
    shares = {0: 1.0, 1: 3.0, 2: 0.5}
    for given in (shares, [1.0, 3.0, 0.5]):
        found = trainer.evaluate(x, np.eye(3)[y], class_weight=given)
        expected = np.array([1.0, 3.0, 0.5])[y] * losses
        assert found["loss"] == pytest.approx(expected.mean(), rel=1e-5)
    both = trainer.evaluate(x, y, class_weight=shares, sample_weight=w)
    assert both["loss"] == pytest.approx((w * expected).mean(), rel=1e-5)


def test_balanced_weights_are_scikit_learns(data: tuple[Host, Host]) -> None:
    utils = pytest.importorskip("sklearn.utils", reason="scikit-learn is not installed")
    x, y = data
    w = utils.class_weight.compute_sample_weight("balanced", y)
    trainer = classifier()
    balanced = trainer.evaluate(x, y, class_weight="balanced")
    assert balanced == pytest.approx(trainer.evaluate(x, y, sample_weight=w))


def test_weights_of_whole_numbers_repeat_examples(data: tuple[Host, Host]) -> None:
    """One step on weighted examples is a step on repeated ones, of another length."""
    x, y = data
    times = np.arange(24) % 3
    weighted, repeated = classifier(), classifier()
    before = weights_of(weighted)
    weighted.fit(x, y, batch_size=24, sample_weight=times * 24 / times.sum())
    repeated.fit(np.repeat(x, times, 0), np.repeat(y, times), batch_size=99)
    assert np.abs(weights_of(weighted) - before).max() > 1e-3
    np.testing.assert_allclose(weights_of(weighted), weights_of(repeated), atol=1e-6)


def test_losses_of_several_elements_are_weighted_by_example(rng: np.random.Generator) -> None:
    x, y, w = rng.normal(size=(9, 4)), rng.normal(size=(9, 3)), rng.random(9)
    trainer = classifier(loss="mse")
    expected = (w * ((trainer.predict(x) - y) ** 2).mean(axis=1)).mean()
    assert trainer.evaluate(x, y, sample_weight=w)["loss"] == pytest.approx(expected, rel=1e-5)
    validated = trainer.fit(x, y, validation_data=(x, y, w), epochs=1)["val_loss"]
    assert validated[0] < expected


def test_weighted_steps_read_nothing(backend: Backend, data: tuple[Host, Host]) -> None:
    x, y = data
    trainer = classifier(
        metrics=["f1"], clip_norm=0.5, clip_value=0.1, accumulate=2, regularizer=Ridge()
    )
    counters.reset()
    trainer.fit(x, y, epochs=2, batch_size=5, class_weight="balanced", verbose=False)
    assert counters.to_host[backend.name].times == 2


# -- gradients ------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [24, 22])
def test_gathered_gradients_make_the_step_of_the_whole(count: int, data: tuple[Host, Host]) -> None:
    x, y = (a[:count] for a in data)
    whole, gathered = classifier(), classifier(accumulate=2)
    whole.fit(x, y, epochs=3, batch_size=12 if count == 24 else 22, shuffle=False)
    gathered.fit(x, y, epochs=3, batch_size=6 if count == 24 else 11, shuffle=False)
    np.testing.assert_allclose(weights_of(whole), weights_of(gathered), atol=1e-6)


def test_what_is_left_at_the_end_of_an_epoch_is_learnt_too(data: tuple[Host, Host]) -> None:
    x, y = data
    alone, left = classifier(), classifier(accumulate=5)
    alone.fit(x[:8], y[:8], batch_size=8)
    left.fit(x[:8], y[:8], batch_size=4)
    np.testing.assert_allclose(weights_of(alone), weights_of(left), atol=1e-6)


@pytest.mark.parametrize("kind", ["clip_norm", "clip_value"])
def test_clipped_gradients(kind: str, backend: Backend, data: tuple[Host, Host]) -> None:
    x, y = data
    before = weights_of(classifier())
    clipped = classifier(**{kind: 0.01})
    clipped.fit(x, y, batch_size=24)
    moved = (before - weights_of(clipped)) / 0.1
    size = np.linalg.norm(moved) if kind == "clip_norm" else np.abs(moved).max()
    assert size == pytest.approx(0.01, rel=1e-4)
    free = classifier()
    free.fit(x, y, batch_size=24)
    assert np.linalg.norm(before - weights_of(free)) > 0.002


class Ridge:
    """Half the sum of the squares of all weights."""

    def penalty(self, model: nn.Module) -> nnkit.Tensor:
        total = [(p * p).sum() for p in model.parameters()]
        return 0.5 * sum(total[1:], total[0])


class Zero:
    """No bias."""

    def apply(self, model: nn.Module) -> None:
        model.bias.data[...] = 0.0  # type: ignore[attr-defined]


def test_a_regularizer_is_learnt_and_a_constraint_holds(data: tuple[Host, Host]) -> None:
    x, y = data
    plain, ridge = classifier(), classifier(regularizer=Ridge(), constraint=Zero())
    before = weights_of(plain)
    losses = [t.fit(x, y, batch_size=24).batch_losses for t in (plain, ridge)]
    assert losses[0] == losses[1]
    expected = (weights_of(plain) - 0.1 * before)[:12]
    np.testing.assert_allclose(weights_of(ridge)[:12], expected, atol=1e-6)
    assert not ridge.model.state_dict()["bias"].any()


# -- several inputs and outputs --------------------------------------------------------------


def two_by_two() -> nnkit.Model:
    nnkit.manual_seed(0)
    a, b = nnkit.Input((4,), name="a"), nnkit.Input((3,), name="b")
    hidden = ops.concat(nn.Linear(4, 5)(a).relu(), b, axis=1)
    return nnkit.Model([a, b], {"kind": nn.Linear(8, 3)(hidden), "size": nn.Linear(8, 1)(hidden)})


def test_several_inputs_and_outputs(backend: Backend, rng: np.random.Generator) -> None:
    a, b = rng.normal(size=(20, 4)), rng.normal(size=(20, 3))
    y = {"kind": rng.integers(0, 3, 20), "size": rng.normal(size=(20, 1))}
    losses: list[list[float]] = []
    for x in ((a, b), [a, b], {"b": b, "a": a}):
        model = two_by_two()
        trainer = nnkit.Trainer(
            model,
            {"kind": "cross_entropy", "size": "mse"},
            optim.Adam(model.parameters(), lr=0.05),
            {"kind": ["accuracy", "f1"], "size": "mae"},
            loss_weights={"kind": 1.0, "size": 0.5},
        )
        history = trainer.fit(x, y, epochs=4, batch_size=8, validation_split=0.2)
        losses.append(history.batch_losses)
    assert losses[0] == losses[1] == losses[2]
    assert {"kind_accuracy", "kind_f1", "size_mae", "val_kind_f1"} < set(history)
    assert history["loss"][-1] < history["loss"][0]
    predicted = trainer.predict((a, b), batch_size=6)
    assert {name: p.shape for name, p in predicted.items()} == {"kind": (20, 3), "size": (20, 1)}
    found = trainer.evaluate((a, b), y)
    logits, size = predicted["kind"].astype(float), predicted["size"]
    kind = (np.log(np.exp(logits).sum(1)) - logits[np.arange(20), y["kind"]]).mean()
    assert found["loss"] == pytest.approx(kind + 0.5 * ((size - y["size"]) ** 2).mean(), rel=1e-5)
    assert found["size_mae"] == pytest.approx(np.abs(size - y["size"]).mean(), rel=1e-5)


def test_a_tuple_of_outputs_and_named_inputs_of_a_module(rng: np.random.Generator) -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            self.left, self.right = nn.Linear(4, 2), nn.Linear(3, 2)

        def forward(self, one: nnkit.Tensor, two: nnkit.Tensor) -> Any:
            return [self.left(one), self.right(two)]

    x = {"two": rng.normal(size=(9, 3)), "one": rng.normal(size=(9, 4))}
    y = (rng.normal(size=(9, 2)), rng.integers(0, 2, 9))
    trainer = nnkit.Trainer(Both(), ("mse", "cross_entropy"), "adam", {1: "accuracy"})
    history = trainer.fit(x, y, epochs=2)
    assert set(history) == {"loss", "1_accuracy"}
    left, right = trainer.predict(x, batch_size=4)
    assert left.shape == right.shape == (9, 2)


def test_integers_stay_integers_where_an_input_says_so(rng: np.random.Generator) -> None:
    seen: list[str] = []

    class Look(nn.Module):
        def forward(self, t: nnkit.Tensor, x: nnkit.Tensor) -> nnkit.Tensor:
            seen.extend((str(t.numpy().dtype), str(x.numpy().dtype)))
            return x + t.astype("float32")

    tokens, x = nnkit.Input((3,), dtype="int64"), nnkit.Input((3,))
    model = nnkit.Model([tokens, x], nn.Linear(3, 1)(Look()(tokens, x)))
    seen.clear()
    trainer = nnkit.Trainer(model, "mse", "sgd")
    trainer.predict((np.ones((5, 3), np.uint8), np.ones((5, 3), np.int64)))
    assert seen == ["int64", "float32"]


def test_integers_stay_integers_where_a_module_looks_them_up(rng: np.random.Generator) -> None:
    class Embedding(nn.Module):
        def __init__(self) -> None:
            self.weight = nn.Parameter(rng.normal(size=(5, 3)).astype(np.float32))

        def forward(self, x: nnkit.Tensor) -> nnkit.Tensor:
            classes = nnkit.tensor(np.arange(5))
            return ops.equal(x.reshape(-1, 1), classes).astype("float32") @ self.weight

    class OfMine(Embedding):
        pass

    x, y = rng.integers(0, 5, 30), rng.integers(0, 3, 30)
    for kind in (Embedding, OfMine):
        trainer = nnkit.Trainer(nn.Sequential(kind(), nn.Linear(3, 3)), "cross_entropy", "adam")
        history = trainer.fit(x, y, epochs=3)
        assert history["loss"][-1] < history["loss"][0]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda t, x, y: t.fit(x, y, sample_weight=[1.0]),
            ValueError,
            "y and sample_weight must hold as many examples, got 24 and 1",
        ),
        (
            lambda t, x, y: t.fit(x, y, sample_weight=-np.ones(24)),
            ValueError,
            "sample_weight must be one number from 0 for each example.* the least -1",
        ),
        (
            lambda t, x, y: t.fit(x, y, class_weight={"dog": 1.0}),
            ValueError,
            "class_weight names 'dog', which is no class of y",
        ),
        (
            lambda t, x, y: t.fit(x, y, class_weight="even"),
            ValueError,
            "class_weight must be 'balanced', or a number by class, got 'even'",
        ),
        (
            lambda t, x, y: t.fit((x, x[:3]), y),
            ValueError,
            r"x\[0\] and x\[1\] must hold as many examples, got 24 and 3",
        ),
        (
            lambda t, x, y: classifier(loss=lambda o, y: (o * o).mean()).fit(
                x, y, sample_weight=np.ones(24)
            ),
            TypeError,
            "weights need the loss of each example, which a function of your own does not tell",
        ),
        (
            lambda t, x, y: nnkit.Trainer(two_by_two(), {"kind": "mse"}, "sgd").fit(
                {"a": x, "c": x}, {"kind": x}
            ),
            ValueError,
            r"x must hold the inputs \['a', 'b'\], got \['a', 'c'\]",
        ),
        (
            lambda t, x, y: nnkit.Trainer(two_by_two(), {"kind": "mse"}, "sgd").fit(
                (x, x[:, :3]), {"kind": x[:, :3]}
            ),
            ValueError,
            r"the model's output must have a part for each loss, \['kind'\], got \['kind', 'size'",
        ),
        (
            lambda t, x, y: nnkit.Trainer(t.model, ["mse", "mse"], "sgd", loss_weights=[1.0]),
            ValueError,
            r"loss_weights must hold one number for each loss, \[0, 1\], got \[0\]",
        ),
        (
            lambda t, x, y: nnkit.Trainer(t.model, "mse", "sgd", loss_weights=[1.0]),
            ValueError,
            "loss_weights need several losses",
        ),
        (lambda t, x, y: classifier(accumulate=0), ValueError, "accumulate must be at least 1"),
        (lambda t, x, y: classifier(clip_norm=0), ValueError, "clip_norm must be greater than 0"),
        (lambda t, x, y: classifier(regularizer=0.1), TypeError, r"must have the method penalty\("),
        (lambda t, x, y: classifier(constraint=0.1), TypeError, r"must have the method apply\("),
    ],
)
def test_what_makes_no_sense_is_refused(
    call: Any, error: Any, text: str, data: tuple[Host, Host]
) -> None:
    with pytest.raises(error, match=text):
        call(classifier(), *data)
