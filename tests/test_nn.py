"""Modules: their parts, their names, their first values, and that they compute as PyTorch's do."""

from __future__ import annotations

from collections import OrderedDict
from types import ModuleType

import numpy as np
import pytest

import nnkit
from nnkit import nn, ops
from nnkit.backend import Backend


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    return pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")


def small() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 7), nn.ReLU(), nn.Linear(7, 3))


class Branches(nn.Module):
    """Two uses of one layer, a buffer, and a branch that is not there."""

    def __init__(self) -> None:
        self.shared = nn.Linear(3, 3)
        self.head = nn.Sequential(self.shared, nn.Tanh())
        self.register_buffer("offset", nnkit.tensor([1.0, 2.0, 3.0]))
        self.register_buffer("scratch", nnkit.tensor([0.0]), persistent=False)
        self.register_parameter("nothing", None)

    def forward(self, x: nnkit.Tensor) -> nnkit.Tensor:
        return self.head(x) + self.offset  # type: ignore[attr-defined]


# -- parts and names -------------------------------------------------------------------------


def test_parameters_have_pytorchs_names_shapes_and_order(torch: ModuleType) -> None:
    theirs = torch.nn.Sequential(
        OrderedDict(
            hidden=torch.nn.Linear(4, 7),
            act=torch.nn.Tanh(),
            out=torch.nn.Sequential(torch.nn.Linear(7, 3, bias=False), torch.nn.Softmax(1)),
        )
    )
    ours = nn.Sequential(
        hidden=nn.Linear(4, 7),
        act=nn.Tanh(),
        out=nn.Sequential(nn.Linear(7, 3, bias=False), nn.Softmax(1)),
    )
    shapes = [(name, tuple(t.shape)) for name, t in theirs.state_dict().items()]
    assert [(name, t.shape) for name, t in ours.state_dict().items()] == shapes
    assert [name for name, _ in ours.named_parameters()] == [n for n, _ in shapes]
    assert repr(ours) == repr(theirs)


def test_a_shared_layer_is_listed_once_and_saved_under_each_name() -> None:
    model = Branches()
    assert [n for n, _ in model.named_parameters()] == ["shared.weight", "shared.bias"]
    assert [n for n, _ in model.named_buffers()] == ["offset", "scratch"]
    assert list(model.state_dict()) == [
        "offset",
        "shared.weight",
        "shared.bias",
        "head.0.weight",
        "head.0.bias",
    ]
    assert [n for n, _ in model.named_modules()] == ["", "shared", "head", "head.1"]
    assert [n for n, _ in model.named_children()] == ["shared", "head"]


def test_a_parameter_cannot_be_lost_by_setting_a_plain_tensor() -> None:
    layer = nn.Linear(2, 3)
    with pytest.raises(TypeError, match=r"Linear.weight is a Parameter .* Fix: nn.Parameter"):
        layer.weight = nnkit.tensor([[1.0, 2.0]])
    replacement = nn.Parameter(np.ones((3, 2), dtype=np.float32))
    layer.weight = replacement
    assert next(layer.parameters()) is replacement


def test_train_and_eval_reach_every_module() -> None:
    model = nn.Sequential(nn.Sequential(nn.ReLU()), nn.Identity())
    assert [m.training for m in model.eval().modules()] == [False] * 4
    assert [m.training for m in model.train().modules()] == [True] * 4


def test_requires_grad_zero_grad_and_apply() -> None:
    model = small()
    model[0].requires_grad_(False)
    model(nnkit.tensor(np.ones((2, 4), dtype=np.float32))).sum().backward()
    assert [p.grad is None for p in model.parameters()] == [True, True, False, False]
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())
    seen: list[str] = []
    model.apply(lambda module: seen.append(type(module).__name__))
    assert seen[-1] == "Sequential"
    assert sorted(seen) == ["Linear", "Linear", "ReLU", "Sequential"]


def test_sequential_is_a_list() -> None:
    model = small()
    assert len(model) == 3
    assert model[-1] is list(model)[2]
    assert [type(m) for m in model[1:]] == [nn.ReLU, nn.Linear]
    model[1] = nn.Tanh()
    model.append(nn.Softmax())
    assert [type(m).__name__ for m in model] == ["Linear", "Tanh", "Linear", "Softmax"]
    with pytest.raises(IndexError, match="index 4 is out of range for 4 modules"):
        model[4]
    with pytest.raises(ValueError, match=r"'a\.b' cannot be the name"):
        model.add_module("a.b", nn.ReLU())
    with pytest.raises(ValueError, match="'forward' cannot be the name"):
        model.add_module("forward", nn.ReLU())
    with pytest.raises(TypeError, match="'0' must be a Module, got function"):
        nn.Sequential(lambda x: x)  # type: ignore[arg-type]


# -- saving and moving -----------------------------------------------------------------------


def test_state_is_a_copy_and_loads_arrays_and_tensors(backend: Backend) -> None:
    first, second = small(), small()
    state = first.state_dict()
    second.load_state_dict(OrderedDict((n, nnkit.tensor(v)) for n, v in state.items()))
    x = nnkit.tensor(np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4))
    np.testing.assert_array_equal(first(x).numpy(), second(x).numpy())
    state["0.weight"] += 1
    assert not np.array_equal(first.state_dict()["0.weight"], state["0.weight"])
    kept = second.state_dict()
    first.load_state_dict({**state, "0.bias": np.zeros(7)})
    np.testing.assert_array_equal(first.state_dict()["0.weight"], state["0.weight"])
    np.testing.assert_array_equal(second.state_dict()["0.weight"], kept["0.weight"])


def test_a_state_that_does_not_fit_is_refused_whole() -> None:
    model = small()
    before = model.state_dict()
    wrong = {**before, "0.weight": np.zeros((7, 5)), "more": np.zeros(1)}
    del wrong["2.bias"]
    with pytest.raises(
        ValueError,
        match=r"Sequential: 0\.weight must have the shape \(7, 4\), got \(7, 5\); "
        r"missing: 2\.bias; unexpected: more",
    ):
        model.load_state_dict(wrong)
    np.testing.assert_array_equal(model.state_dict()["2.weight"], before["2.weight"])
    left = model.load_state_dict({"0.bias": np.ones(7), "more": np.ones(1)}, strict=False)
    assert left == (["0.weight", "2.weight", "2.bias"], ["more"])
    np.testing.assert_array_equal(model.state_dict()["0.bias"], np.ones(7))


def test_a_change_of_the_weights_before_backward_is_noticed() -> None:
    model = small()
    loss = model(nnkit.tensor(np.ones((2, 4), dtype=np.float32))).sum()
    model.load_state_dict(model.state_dict())
    with pytest.raises(nnkit.GraphError, match="changed in place"):
        loss.backward()


def test_a_model_moves_between_backends_with_its_gradients(backend: Backend) -> None:
    with nnkit.use("numpy"):
        model = small()
        x = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
        expected = model(nnkit.tensor(x)).numpy()
        model(nnkit.tensor(x)).sum().backward()
    assert model.to(backend) is model
    assert {p.backend for p in model.parameters()} == {backend}
    np.testing.assert_allclose(model(nnkit.tensor(x)).numpy(), expected, rtol=1e-6, atol=1e-6)
    before = [p.grad.numpy() for p in model.parameters() if p.grad is not None]
    model(nnkit.tensor(x)).sum().backward()  # adds to what came along
    after = [p.grad.numpy() for p in model.parameters() if p.grad is not None]
    assert len(before) == len(after) == 4
    for one, two in zip(before, after, strict=True):
        np.testing.assert_allclose(two, 2 * one, rtol=1e-5, atol=1e-6)


def test_double_computes_in_float64(backend: Backend) -> None:
    if not backend.supports("float64"):
        pytest.skip(f"{backend.device} has no float64")
    model = small().double()
    assert model(nnkit.tensor(np.ones((1, 4)))).numpy().dtype == np.float64
    assert model.float().state_dict()["0.weight"].dtype == np.float32


# -- what they compute -----------------------------------------------------------------------


def test_linear_agrees_with_pytorch_forward_and_backward(
    backend: Backend, torch: ModuleType, rng: np.random.Generator
) -> None:
    if not backend.supports("float64"):
        pytest.skip(f"{backend.device} has no float64")
    x = rng.normal(size=(5, 2, 4))
    ours = nn.Linear(4, 7, dtype="float64")
    theirs = torch.nn.Linear(4, 7, dtype=torch.float64)
    theirs.load_state_dict({n: torch.tensor(v) for n, v in ours.state_dict().items()})
    ours_x = nnkit.tensor(x, requires_grad=True)
    theirs_x = torch.tensor(x, requires_grad=True)
    y, t = ours(ours_x), theirs(theirs_x)
    (y * y).sum().backward()
    (t * t).sum().backward()
    pairs = [(y, t.detach()), (ours_x.grad, theirs_x.grad)]
    pairs += [(p.grad, q.grad) for p, q in zip(ours.parameters(), theirs.parameters(), strict=True)]
    for mine, other in pairs:
        np.testing.assert_allclose(mine.numpy(), other.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("layer", "formula"),
    [
        (nn.ReLU(), lambda x: np.maximum(x, 0)),
        (nn.Sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
        (nn.Tanh(), np.tanh),
        (nn.Identity(), lambda x: x),
        (nn.Softmax(), lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        (nn.Softmax(0), lambda x: np.exp(x) / np.exp(x).sum(0, keepdims=True)),
        (nn.Softmax(axis=1), lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
        (nn.Flatten(), lambda x: x.reshape(4, -1)),
        (nn.Flatten(0), lambda x: x.reshape(-1)),
    ],
    ids=repr,
)
def test_layers_without_parameters(backend: Backend, layer: nn.Module, formula: object) -> None:
    x = np.random.default_rng(0).normal(size=(4, 2, 7)).astype(np.float32)
    np.testing.assert_allclose(
        layer(nnkit.tensor(x)).numpy(),
        formula(x),  # type: ignore[operator]
        rtol=2e-6,
        atol=1e-6,
    )


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_losses_agree_with_pytorch(torch: ModuleType, reduction: str) -> None:
    rng = np.random.default_rng(0)
    logits, labels, values = (
        rng.normal(size=(5, 3)),
        rng.integers(3, size=5),
        rng.normal(size=(5, 3)),
    )
    for name, target in (("CrossEntropyLoss", labels), ("MSELoss", values)):
        ours = getattr(nn, name)(reduction=reduction)
        theirs = getattr(torch.nn, name)(reduction=reduction)
        np.testing.assert_allclose(
            ours(nnkit.tensor(logits), nnkit.tensor(target)).numpy(),
            theirs(torch.tensor(logits), torch.tensor(target)).numpy(),
            rtol=1e-12,
        )
    with pytest.raises(ValueError, match=r"MSELoss: unknown reduction 'summ'\. Did you mean 'sum'"):
        nn.MSELoss(reduction="summ")


# -- first values ----------------------------------------------------------------------------


def test_linear_starts_within_the_bounds_of_pytorch_on_every_backend(backend: Backend) -> None:
    nnkit.manual_seed(3)
    layer = nn.Linear(400, 70)
    for values in layer.state_dict().values():
        assert 0.9 / 20 < np.abs(values).max() <= 1 / 20
        assert abs(values.mean()) < 0.01
    nnkit.manual_seed(3)
    with nnkit.use("numpy"):
        again = nn.Linear(400, 70)
    np.testing.assert_array_equal(layer.state_dict()["weight"], again.state_dict()["weight"])


@pytest.mark.parametrize(
    ("name", "std"),
    [
        ("zeros", 0.0),
        ("ones", 0.0),
        ("uniform", 12**-0.5),
        ("normal", 1.0),
        ("truncated_normal", 0.8796),
        ("orthogonal", (1 / 300) ** 0.5),
        ("xavier_uniform", (2 / 500) ** 0.5),
        ("xavier_normal", (2 / 500) ** 0.5),
        ("kaiming_uniform", (2 / 300) ** 0.5),
        ("kaiming_normal", (2 / 300) ** 0.5),
        ("lecun_uniform", (1 / 300) ** 0.5),
        ("lecun_normal", (1 / 300) ** 0.5),
    ],
)
def test_initializers_by_name(name: str, std: float) -> None:
    weight = nn.Linear(300, 200, weight_init=name).state_dict()["weight"]
    assert weight.std() == pytest.approx(std, rel=0.02, abs=1e-6)
    assert weight.mean() == pytest.approx({"ones": 1.0, "uniform": 0.5}.get(name, 0.0), abs=0.01)
    if name.endswith("uniform") and name != "uniform":
        assert np.abs(weight).max() <= std * 3**0.5 * (1 + 1e-6)


def test_every_initializer_has_a_test() -> None:
    (mark,) = test_initializers_by_name.pytestmark  # type: ignore[attr-defined]
    assert {name for name, _ in mark.args[1]} == set(nn.init.INITIALIZERS)


def test_first_values_by_function_number_and_array() -> None:
    layer = nn.Linear(
        2, 3, weight_init=lambda shape: nn.init.normal(shape, std=0.0, mean=4.0), bias_init=0.5
    )
    np.testing.assert_array_equal(layer.state_dict()["weight"], np.full((3, 2), 4.0))
    np.testing.assert_array_equal(layer.state_dict()["bias"], np.full(3, 0.5))
    values = np.arange(6.0).reshape(2, 3).T
    layer = nn.Linear(2, 3, bias=False, weight_init=values)
    np.testing.assert_array_equal(layer.state_dict()["weight"], values)
    assert layer.bias is None
    assert nn.init.constant((2,), 3.0).tolist() == [3.0, 3.0]


def test_first_values_that_make_no_sense() -> None:
    with pytest.raises(
        ValueError, match=r"initializer 'xavir_normal'\. Did you mean 'xavier_normal'"
    ):
        nn.Linear(2, 3, weight_init="xavir_normal")
    with pytest.raises(ValueError, match=r"must have the shape \(3, 2\), got \(2, 3\)"):
        nn.Linear(2, 3, weight_init=np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"needs a weight with two axes or more, got shape \(3,\)"):
        nn.Linear(2, 3, bias_init="kaiming_normal")
    with pytest.raises(ValueError, match="bias_init was given, but bias is False"):
        nn.Linear(2, 3, bias=False, bias_init="zeros")
    with pytest.raises(ValueError, match="out_features must be at least 1, got 0"):
        nn.Linear(2, 0)


# -- published small checks ------------------------------------------------------------------


def test_published_affine_sigmoid_and_softmax(backend: Backend) -> None:
    layer = nn.Linear(
        2, 3, weight_init=np.array([[0.1, 0.3, 0.5], [0.2, 0.4, 0.6]]).T,
        bias_init=np.array([0.1, 0.2, 0.3]),
    )  # fmt: skip
    y = layer(nnkit.tensor([1.0, 0.5]))
    np.testing.assert_allclose(y.numpy(), [0.3, 0.7, 1.1], rtol=1e-6)
    np.testing.assert_allclose(
        nn.Sigmoid()(y).numpy(), [0.57444252, 0.66818777, 0.75026011], rtol=1e-6
    )
    np.testing.assert_allclose(
        nn.Softmax()(y).numpy(), [0.21198272, 0.31624106, 0.47177622], rtol=1e-6
    )


def test_published_losses_of_one_prediction() -> None:
    prediction = nnkit.tensor(np.array([0.1, 0.05, 0.6, 0, 0.05, 0.1, 0, 0.1, 0, 0]))
    onehot = nnkit.tensor(np.eye(10)[2])
    half = 0.5 * nn.MSELoss(reduction="sum")(prediction, onehot)
    assert half.item() == pytest.approx(0.0975, abs=1e-15)
    by_hand = -(onehot * (prediction + 1e-7).log()).sum()
    assert by_hand.item() == pytest.approx(0.510825457099338, abs=1e-14)
    # From logits no constant is needed, even where the prediction is 0.
    logits = nnkit.tensor(np.log(np.maximum(prediction.numpy(), 1e-300)))
    assert nn.CrossEntropyLoss()(logits, nnkit.tensor(2)).item() == pytest.approx(-np.log(0.6))


def test_published_numeric_derivatives() -> None:
    def curve(x: np.ndarray) -> float:
        return float(0.01 * x[0] ** 2 + 0.1 * x[0])

    for x, slope in ((5.0, 0.2), (10.0, 0.3)):
        found = nnkit.numeric_gradient(curve, np.array([x]), 1e-4)
        assert found[0] == pytest.approx(slope, abs=1e-11)
        t = nnkit.tensor(np.array(x), requires_grad=True)
        (0.01 * t**2 + 0.1 * t).backward()
        assert t.grad is not None
        assert t.grad.item() == pytest.approx(slope, abs=1e-15)
    bowl = nnkit.tensor(np.array([3.0, 4.0]), requires_grad=True)
    ops.sum(bowl * bowl).backward()
    assert bowl.grad is not None
    assert bowl.grad.tolist() == [6.0, 8.0]
