"""The functional graph: symbols, what a `Model` computes, names and saves, and mistakes."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn, ops
from nnkit.backend import Backend
from nnkit.nn.symbol import Symbol


def data(*shape: int) -> nnkit.Tensor:
    return nnkit.tensor(np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape))


class Counting(nn.Module):
    """Counts its calls in a buffer when it learns, as BatchNorm does, and branches on the shape."""

    def __init__(self) -> None:
        self.register_buffer("calls", nnkit.tensor([0.0]))

    def forward(self, x: nnkit.Tensor) -> nnkit.Tensor:
        if self.training:
            self.calls.data += 1
        return x * 2 if x.shape[0] > 4 else x


def two_branches() -> nnkit.Model:
    a, b = nnkit.Input((4,), name="a"), nnkit.Input((3,), name="b")
    shared = nn.Linear(4, 5)
    hidden = shared(a).relu() + shared(a * 2)
    joined = ops.concat(hidden, b, axis=1)
    return nnkit.Model([a, b], (nn.Linear(8, 2)(joined), joined.sum(axis=1)))


# -- what it computes ------------------------------------------------------------------------


def test_a_graph_computes_what_the_same_calls_compute(backend: Backend) -> None:
    model = two_branches()
    a, b = data(6, 4), data(6, 3)
    y, total = model(a, b)
    shared, head = model.linear_1, model.linear_2
    joined = ops.concat(shared(a).relu() + shared(a * 2), b, axis=1)
    np.testing.assert_array_equal(y.numpy(), head(joined).numpy())
    np.testing.assert_array_equal(total.numpy(), joined.sum(axis=1).numpy())
    y.sum().backward()
    gradients = [p.grad.numpy() for p in model.parameters()]
    model.zero_grad()
    head(joined).sum().backward()
    for gradient, p in zip(gradients, model.parameters(), strict=True):
        np.testing.assert_array_equal(gradient, p.grad.numpy())


def test_any_batch_size_goes_in_and_a_list_of_inputs_too() -> None:
    model = two_branches()
    for batch in (1, 2, 7):
        y, total = model([data(batch, 4), data(batch, 3)])
        assert (y.shape, total.shape) == ((batch, 2), (batch,))


def test_outputs_keep_their_nesting_and_layers_of_several_results_work() -> None:
    class Halves(nn.Module):
        def forward(self, x: nnkit.Tensor) -> dict[str, Any]:
            low, high = ops.split(x, sizes=(1, 3), axis=1)
            return {"low": low, "high": (high, [high * 2])}

    x = nnkit.Input((4,))
    parts = Halves()(x)
    model = nnkit.Model(x, {"all": [parts["high"][1][0], x], "low": parts["low"]})
    found = model(data(2, 4))
    np.testing.assert_array_equal(found["all"][0].numpy(), 2 * data(2, 4).numpy()[:, 1:])
    np.testing.assert_array_equal(found["all"][1].numpy(), data(2, 4).numpy())
    np.testing.assert_array_equal(found["low"].numpy(), data(2, 4).numpy()[:, :1])
    assert "gives halves_1['high'][1][0], input_1, halves_1['low']" in repr(model)


def test_operators_methods_and_slices_of_symbols() -> None:
    x = nnkit.Input((4, 6))
    y = (1 - x[:, 1:3] / 2 + x.mean(axis=1, keepdims=True)) ** 2 @ x.T.permute(2, 0, 1)[:, :, :4]
    model = nnkit.Model(x, y)
    values = data(3, 4, 6)
    v = values.numpy()
    expected = (1 - v[:, 1:3] / 2 + v.mean(1, keepdims=True)) ** 2 @ v.transpose(0, 2, 1)
    np.testing.assert_allclose(model(values).numpy(), expected, rtol=1e-5, atol=1e-6)
    assert y.shape == (None, 2, 4)


def test_modules_are_one_step_each_whatever_their_forward_decides() -> None:
    x = nnkit.Input((4,))
    layer = Counting()
    model = nnkit.Model(x, layer(x))
    assert model(data(2, 4)).tolist() == data(2, 4).tolist()
    assert model(data(5, 4)).tolist() == (data(5, 4) * 2).tolist()
    assert layer.calls.item() == 2.0


def test_writing_a_graph_down_leaves_layers_and_random_numbers_alone() -> None:
    nnkit.manual_seed(3)
    first = nn.Dropout(0.5)(data(4, 7)).tolist()
    nnkit.manual_seed(3)
    x = nnkit.Input((7,))
    layer, dropout = Counting(), nn.Dropout(0.5)
    nnkit.Model(x, layer(dropout(x)))
    assert layer.training
    assert dropout.training
    assert layer.calls.item() == 0.0
    assert nn.Dropout(0.5)(data(4, 7)).tolist() == first


def test_a_model_is_a_layer_of_another() -> None:
    x = nnkit.Input((4,))
    encoder = nnkit.Model(x, nn.Linear(4, 3)(x).tanh())
    a, b = nnkit.Input((4,)), nnkit.Input((4,))
    both = nnkit.Model([a, b], encoder(a) - encoder(b))
    assert list(both.state_dict()) == ["model_1.linear_1.weight", "model_1.linear_1.bias"]
    np.testing.assert_array_equal(both(data(2, 4), data(2, 4)).numpy(), np.zeros((2, 3)))
    again = nn.Sequential(encoder, nn.ReLU())
    assert again(data(2, 4)).shape == (2, 3)


def test_constants_and_parameters_move_with_the_model(backend: Backend) -> None:
    with nnkit.use("numpy"):
        x = nnkit.Input((3,))
        scale = nn.Parameter(np.array([1.0, 2.0, 3.0], np.float32))
        model = nnkit.Model(x, x * scale + nnkit.tensor([0.5, 0.5, 0.5]))
    assert list(model.state_dict()) == ["parameter_1"]
    model.to(backend)
    np.testing.assert_allclose(
        model(data(2, 3)).numpy(), data(2, 3).numpy() * [1.0, 2.0, 3.0] + 0.5, rtol=1e-6
    )


def test_open_lengths_and_integers() -> None:
    x = nnkit.Input((None, 5), name="sequence")
    mean = nn.Linear(5, 2)(x).mean(axis=1)
    assert x.shape == (None, None, 5)
    assert mean.shape == (None, 2)
    assert repr(x) == "<symbolic tensor (N, ?, 5) float32 of Input>"
    model = nnkit.Model(x, mean)
    assert model(data(3, 9, 5)).shape == (3, 2)
    number = nnkit.Input((), dtype="int64")
    assert (number * 2).dtype == "int64"


def test_copies_and_pickles_compute_the_same_on_their_own() -> None:
    model = two_branches()
    expected = model(data(2, 4), data(2, 3))[0].numpy()
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(twin(data(2, 4), data(2, 3))[0].numpy(), expected)
        twin.load_state_dict({n: v * 0 for n, v in twin.state_dict().items()})
        np.testing.assert_array_equal(twin(data(2, 4), data(2, 3))[0].numpy(), 0 * expected)
    np.testing.assert_array_equal(model(data(2, 4), data(2, 3))[0].numpy(), expected)


def test_a_deep_graph_needs_no_deep_stack() -> None:
    x = y = nnkit.Input((2,))
    for _ in range(1500):
        y = y + 1
    model = nnkit.Model(x, y)
    assert pickle.loads(pickle.dumps(model))(data(1, 2)).tolist() == [[1499.0, 1501.0]]


def test_a_graph_trains() -> None:
    nnkit.manual_seed(0)
    x = nnkit.Input((2,))
    model = nnkit.Model(x, nn.Linear(8, 1)(nn.Linear(2, 8)(x).tanh()))
    values = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    trainer = nnkit.Trainer(model, "mse", nnkit.optim.Adam(model.parameters(), lr=0.05))
    history = trainer.fit(values, [[0.0], [1.0], [1.0], [0.0]], epochs=300, verbose=False)
    assert history["loss"][-1] < 0.01


# -- names -----------------------------------------------------------------------------------


def test_layers_are_numbered_by_class_in_the_order_of_their_first_call() -> None:
    x = nnkit.Input((4,))
    late, early = nn.Linear(3, 2), nn.Linear(4, 3)
    hidden = nn.Tanh()(early(x))
    model = nnkit.Model(x, [late(hidden), nn.Linear(3, 1)(hidden)], score=late)
    assert [n for n, _ in model.named_children()] == ["linear_1", "tanh_1", "score", "linear_2"]
    assert model.linear_1 is early
    model.score = nn.Linear(3, 5)
    assert model(data(2, 4))[0].shape == (2, 5)
    assert repr(model) == (
        "Model(\n"
        "  (input_1): Input(N, 4)\n"
        "  (linear_1): Linear(in_features=4, out_features=3, bias=True) of input_1\n"
        "  (tanh_1): Tanh() of linear_1\n"
        "  (score): Linear(in_features=3, out_features=5, bias=True) of tanh_1\n"
        "  (linear_2): Linear(in_features=3, out_features=1, bias=True) of tanh_1\n"
        "  gives score, linear_2\n"
        ")"
    )


def test_what_a_symbol_says_of_itself() -> None:
    x = nnkit.Input((4,), dtype="float64", name="x")
    assert repr(x) == "<symbolic tensor (N, 4) float64 of Input>"
    assert repr(x.exp()) == "<symbolic tensor (N, 4) float64 of exp>"
    assert repr(nn.Flatten(0)(x)) == "<symbolic tensor (?,) float64 of Flatten>"
    assert isinstance(x, Symbol)
    assert (x.ndim, x.name) == (2, "x")


# -- mistakes --------------------------------------------------------------------------------


def unlisted() -> None:
    a, b = nnkit.Input((4,), name="a"), nnkit.Input((4,))
    nnkit.Model(a, a + b)


def unused() -> None:
    a, b = nnkit.Input((4,)), nnkit.Input((3,), name="b")
    nnkit.Model([a, b], a.exp())


X = nnkit.Input((4,), name="x")
MISTAKES = {
    "an input not listed": (unlisted, r"an output needs the Input of shape \(N, 4\), which is not"),
    "an input not used": (unused, r"no output depends on the Input 'b' of shape \(N, 3\)\. Fix"),
    "an input twice": (lambda: nnkit.Model([X, X], X.exp()), "the same Input is listed twice"),
    "no Input": (lambda: nnkit.Model(X.exp(), X), "inputs must be made by nnkit.Input"),
    "no symbol": (lambda: nnkit.Model(X, 3), "outputs must be symbolic tensors.*got int"),
    "no output": (lambda: nnkit.Model(X, []), "outputs must be symbolic tensors.*got nothing"),
    "an unknown layer": (lambda: nnkit.Model(X, X.exp(), head=nn.ReLU()), "'head' is a layer that"),
    "a bad name": (lambda: nnkit.Model(X, (h := nn.ReLU())(X), eval=h), "'eval' cannot be the"),
    "a number as shape": (lambda: nnkit.Input(4), r"shape must be a tuple of lengths.*got 4"),  # type: ignore[arg-type]
    "width": (lambda: nn.Linear(5, 3)(X), r"in_features = 5, got x of shape \(2, 4\)"),
    "one batch size": (lambda: X.reshape(2, 4), r"12 elements do not fill the shape \(2, 4\)"),
    "a decision": (lambda: X.sum() > 0 and X, "no value to decide by. Fix: write the decision"),
    "the batch's length": (lambda: X.reshape(X.shape[0], -1), r"free\. Fix: -1 in its place, or x"),
    "for NumPy": (lambda: np.asarray(X), r"no values for NumPy\. Fix: nnkit\.ops"),
    "values": (lambda: X.numpy(), "a symbolic tensor has no 'numpy': it stands for data"),
    "NumPy array": (lambda: X + np.ones(4), r"add: argument 'b' must be a Tensor.*nnkit\.tensor"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_get_sentences_that_help(name: str) -> None:
    wrong, text = MISTAKES[name]
    with pytest.raises((TypeError, ValueError, AttributeError), match=text):
        wrong()


def test_a_failed_application_says_that_it_was_a_trial() -> None:
    with pytest.raises(ValueError, match="linear") as caught:
        nn.Linear(5, 3)(X)
    assert caught.value.__notes__ == [
        "Linear was applied to a symbolic tensor of shape (N, 4), and tried on zeros with a batch "
        "of 2."
    ]


def test_calls_with_other_shapes_than_the_inputs() -> None:
    model = two_branches()
    with pytest.raises(
        ValueError, match=r"input 'b' must be a tensor of shape \(N, 3\), got shape"
    ):
        model(data(2, 4), data(2, 4))
    with pytest.raises(
        ValueError, match=r"'a' must be a tensor of shape \(N, 4\), got shape \(4,\)"
    ):
        model(data(4), data(2, 3))
    with pytest.raises(TypeError, match=r"takes 2 inputs \(a, b\), got 1"):
        model(data(2, 4))
    with pytest.raises(TypeError, match="Model: the input must be a Tensor, got a NumPy array"):
        model(np.ones((2, 4), np.float32), data(2, 3))
