"""Modules beyond their parts: look-ups, lists of modules, hooks, freezing, copies, and mistakes."""

from __future__ import annotations

import copy
import pickle
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn, ops
from nnkit.backend import Backend


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    return pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")


def small() -> nn.Sequential:
    return nn.Sequential(hidden=nn.Linear(4, 7), act=nn.Tanh(), out=nn.Linear(7, 3))


def data(*shape: int) -> nnkit.Tensor:
    return nnkit.tensor(np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape))


# -- looking up ------------------------------------------------------------------------------


def test_parts_are_found_by_their_dotted_names() -> None:
    model = nn.Sequential(body=small(), head=nn.Linear(3, 2))
    model.head.register_buffer("scale", nnkit.tensor([2.0]))
    assert model.get_submodule("") is model
    assert model.get_submodule("body.act") is next(model.children()).get_submodule("act")
    assert model.get_parameter("body.out.bias") is dict(model.named_parameters())["body.out.bias"]
    assert model.get_buffer("head.scale").item() == 2.0
    assert [n for n, _ in model.named_parameters("net", recurse=False)] == []
    assert [n for n, _ in model.head.named_parameters("net")] == ["net.weight", "net.bias"]
    with pytest.raises(AttributeError, match=r"no sub-module 'bdy'\. Did you mean 'body'"):
        model.get_submodule("bdy.act")
    with pytest.raises(AttributeError, match=r"Linear has no parameter 'wieght'.*'weight'"):
        model.get_parameter("head.wieght")
    with pytest.raises(AttributeError, match=r"Tanh has no parameter 'weight'\. It has no param"):
        model.get_parameter("body.act.weight")
    with pytest.raises(AttributeError, match=r"Linear has no buffer 'weight'.*Known: scale"):
        model.get_buffer("head.weight")


def test_a_state_that_does_not_fit_is_explained_name_by_name() -> None:
    model = small()
    state = model.state_dict()
    state["hiden.weight"] = state.pop("hidden.weight")
    state["output.bias"] = state.pop("out.bias")
    state["zzz"] = np.zeros(1)
    state["out.weight"] = state["out.weight"].T
    before = model.state_dict()
    with pytest.raises(ValueError, match="load_state_dict of Sequential") as caught:
        model.load_state_dict(state)
    assert str(caught.value).partition(": ")[2].split("; ") == [
        "out.weight must have the shape (3, 7), got (7, 3)",
        "missing: hidden.weight, out.bias",
        "unexpected: hiden.weight (did you mean hidden.weight?), output.bias (did you mean "
        "out.bias?), zzz",
    ]
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    with pytest.raises(TypeError, match=r"got str\. Fix: model\.load\(path\)"):
        model.load_state_dict("weights.safetensors")  # type: ignore[arg-type]


# -- lists and dictionaries ------------------------------------------------------------------


def test_a_module_list_is_a_list_and_numbers_its_modules_anew(torch: ModuleType) -> None:
    def change(kind: Any, linear: Any, relu: Any) -> Any:
        layers = kind([linear(4, 3), relu()])
        layers.insert(1, linear(3, 5))
        layers.append(linear(5, 2)).extend([relu(), relu()])
        layers[0] = linear(6, 3)
        del layers[-1]
        del layers[2:3]
        return layers

    ours = change(nn.ModuleList, nn.Linear, nn.ReLU)
    theirs = change(torch.nn.ModuleList, torch.nn.Linear, torch.nn.ReLU)
    assert [type(m).__name__ for m in ours] == [type(m).__name__ for m in theirs]
    assert [(n, t.shape) for n, t in ours.state_dict().items()] == [
        (n, tuple(t.shape)) for n, t in theirs.state_dict().items()
    ]
    assert len(ours) == len(theirs) == 4
    assert ours[-1] is list(ours)[3]
    assert list(ours[1:3]) == list(ours)[1:3]
    with pytest.raises(IndexError, match="index 4 is out of range for 4 modules"):
        ours[4]
    with pytest.raises(IndexError, match="index -5 is out of range for 4 modules"):
        ours[-5] = nn.ReLU()
    with pytest.raises(TypeError, match=r"a list has no forward\. Fix:.*nn\.Sequential"):
        ours(data(2, 4))


def test_a_module_dict_is_a_dictionary() -> None:
    heads = nn.ModuleDict({"kind": nn.Linear(4, 3), "size": nn.Linear(4, 1)})
    heads.update([("more", nn.ReLU())])
    assert list(heads) == list(heads.keys()) == ["kind", "size", "more"]
    assert list(heads.values()) == [m for _, m in heads.items()] == list(heads.children())
    assert list(heads.state_dict())[2:] == ["size.weight", "size.bias"]
    kind = heads["kind"]
    assert heads.pop("kind") is kind
    del heads["more"]
    assert len(heads) == 1
    assert "kind" not in heads
    with pytest.raises(KeyError, match=r"no module 'siez'\. Did you mean 'size'"):
        heads["siez"]
    with pytest.raises(ValueError, match="'keys' cannot be the name"):
        heads["keys"] = nn.ReLU()
    with pytest.raises(TypeError, match="a dictionary has no forward"):
        heads(data(2, 4))


def test_a_residual_that_changes_the_shape_wants_a_projection() -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 3\).*has \(2, 4\)\. Fix: Residual\(module, "):
        nn.Residual(nn.Linear(4, 3))(data(2, 4))
    with pytest.raises(TypeError, match="'projection' must be a Module, got int"):
        nn.Residual(nn.Linear(4, 3), 3)  # type: ignore[arg-type]


# -- hooks -----------------------------------------------------------------------------------


def test_hooks_around_forward_see_and_replace_inputs_and_outputs(backend: Backend) -> None:
    layer, seen = nn.Linear(4, 3), []
    x = data(2, 4)
    plain = layer(x).numpy()

    def before(module: nn.Module, inputs: tuple[Any, ...]) -> Any:
        seen.append(("before", module, inputs[0]))
        return (inputs[0] * 2,)

    def after(module: nn.Module, inputs: tuple[Any, ...], output: nnkit.Tensor) -> Any:
        seen.append(("after", module, inputs[0]))
        return output + 1

    handles = [layer.register_forward_pre_hook(before), layer.register_forward_hook(after)]
    bias = layer.state_dict()["bias"]
    np.testing.assert_allclose(layer(x).numpy(), 2 * plain - bias + 1, rtol=1e-5, atol=1e-6)
    assert [(when, module) for when, module, _ in seen] == [("before", layer), ("after", layer)]
    assert seen[0][2] is x
    for handle in handles:
        handle.remove()
        handle.remove()
    np.testing.assert_array_equal(layer(x).numpy(), plain)
    assert len(seen) == 2


def test_hooks_run_in_the_order_of_their_registration_and_on_their_module_alone() -> None:
    order: list[int] = []
    one, other = nn.ReLU(), nn.ReLU()
    one.register_forward_hook(lambda *_: order.append(1))
    with one.register_forward_hook(lambda *_: order.append(2)):
        one(data(2, 3))
        other(data(2, 3))
    one(data(2, 3))
    assert order == [1, 2, 1]


def test_backward_hooks_get_what_pytorchs_get(backend: Backend, torch: ModuleType) -> None:
    """On a module whose input is used elsewhere too, so that the gradients are its own alone."""

    def run(layer: Any, x: Any) -> tuple[list[Any], Any]:
        seen: list[Any] = []

        def hook(module: Any, grad_inputs: Any, grad_outputs: Any) -> Any:
            assert module is layer
            seen.extend([*grad_inputs, *grad_outputs])
            return (grad_inputs[0] * 10,)

        layer.register_full_backward_hook(hook)
        y = layer(x)
        ((y * y).sum() + (x * x * 3).sum()).backward()
        return seen, x.grad

    values = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
    ours, theirs = nn.Linear(4, 3), torch.nn.Linear(4, 3)
    theirs.load_state_dict({n: torch.tensor(v) for n, v in ours.state_dict().items()})
    found, grad = run(ours, nnkit.tensor(values, requires_grad=True))
    expected, wanted = run(theirs, torch.tensor(values, requires_grad=True))
    assert len(found) == len(expected) == 2
    for a, b in zip([*found, grad], [*expected, wanted], strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-5, atol=1e-6)


def test_backward_hooks_where_the_input_wants_no_gradient_or_there_are_several() -> None:
    class Both(nn.Module):
        def forward(self, a: nnkit.Tensor, b: nnkit.Tensor) -> tuple[nnkit.Tensor, nnkit.Tensor]:
            return a * b, a + b

    layer, seen = nn.Linear(4, 3), []
    handle = layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    layer(data(2, 4)).sum().backward()
    assert seen[0][0] == (None,)
    np.testing.assert_array_equal(seen[0][1][0].numpy(), np.ones((2, 3)))
    handle.remove()
    layer(data(2, 4)).sum().backward()
    assert len(seen) == 1

    both = Both()
    both.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    a, b = data(2, 4).requires_grad_(), data(2, 4)
    product, _ = both(a, b)
    product.sum().backward()
    (to_a, to_b), (to_product, to_sum) = seen[1]
    assert to_b is None
    np.testing.assert_array_equal(to_a.numpy(), b.numpy())
    np.testing.assert_array_equal(to_product.numpy(), np.ones((2, 4)))
    np.testing.assert_array_equal(to_sum.numpy(), np.zeros((2, 4)))

    both.forward = lambda a, b: [a, b]  # type: ignore[method-assign,assignment,return-value]
    with pytest.raises(TypeError, match="register_full_backward_hook: Both must give a tensor or"):
        both(a, b)


def test_hooks_of_tensors_see_and_replace_gradients(backend: Backend, torch: ModuleType) -> None:
    """On a leaf, on an op's result that is used twice, and on one of several results."""

    def run(kit: Any, x: Any, split: Any) -> tuple[list[Any], Any]:
        seen: list[Any] = []
        low, high = split(x)
        y = low * 3
        x.register_hook(lambda g: seen.append(g) or g * 2)
        y.register_hook(lambda g: seen.append(g) or g * 10)
        gone = y.register_hook(lambda g: seen.append("gone"))
        high.register_hook(seen.append)
        gone.remove()
        (y * y + y + high).sum().backward()
        return seen, x.grad

    values = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
    mine = nnkit.tensor(values, requires_grad=True)
    found, grad = run(nnkit, mine, lambda x: ops.split(x, sizes=(2, 2), axis=1))
    theirs = torch.tensor(values, requires_grad=True)
    expected, wanted = run(torch, theirs, lambda x: torch.split(x, 2, dim=1))
    order = lambda gradients: sorted(gradients, key=lambda g: float(g.sum()))  # noqa: E731
    assert len(found) == len(expected) == 3
    pairs = zip([*order(found), grad], [*order(expected), wanted], strict=True)
    for a, b in pairs:
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)
    mine.grad = None
    (mine * 1).sum().backward()  # the hook of a leaf outlives the graph
    np.testing.assert_array_equal(mine.grad.numpy(), np.full((2, 4), 2.0))
    with pytest.raises(nnkit.GraphError, match="register_hook: no gradient flows to this tensor"):
        data(2).register_hook(print)


def test_results_may_keep_their_gradients(backend: Backend) -> None:
    x = data(2, 3).requires_grad_()
    y = x * 2
    for t in (x, y):
        t.retain_grad()
    loss = (y * y).sum()
    loss.backward(retain_graph=True)
    np.testing.assert_allclose(y.grad.numpy(), 2 * y.numpy())
    loss.backward()
    np.testing.assert_allclose(y.grad.numpy(), 4 * y.numpy())
    np.testing.assert_allclose(x.grad.numpy(), 8 * y.numpy(), rtol=1e-6)


def test_a_step_with_hooks_is_not_replayed_without_them() -> None:
    layer, seen = nn.Linear(4, 3), []
    step = nnkit.compile(lambda x: layer(x))
    for _ in range(4):
        step(data(2, 4))
    assert step.reason == ""
    handle = layer.register_forward_hook(lambda *_: seen.append(1))
    for _ in range(4):
        step(data(2, 4))
    assert len(seen) == 4
    assert "Linear has a hook" in step.reason
    handle.remove()
    step(data(2, 4))
    assert len(seen) == 4


# -- freezing and copying --------------------------------------------------------------------


def test_frozen_parameters_stay_and_gradients_flow_through_them() -> None:
    model = small()
    model.out.requires_grad_(False)
    before = model.state_dict()
    optimizer = nnkit.optim.SGD(model.parameters(), lr=0.5)
    model(data(5, 4)).sum().backward()
    optimizer.step()
    after = model.state_dict()
    changed = {n for n in after if not np.array_equal(after[n], before[n])}
    assert changed == {"hidden.weight", "hidden.bias"}
    assert all(p.requires_grad for p in model.requires_grad_().parameters())


def test_copies_and_pickles_of_a_model_share_nothing_with_it(backend: Backend) -> None:
    model = small()
    model.hidden.requires_grad_(False)
    model.register_buffer("scratch", nnkit.tensor([1.0]), persistent=False)
    model(data(2, 4)).sum().backward()
    before = model.state_dict()
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert {p.backend for p in twin.parameters()} == {backend}
        assert [p.requires_grad for p in twin.parameters()] == [False, False, True, True]
        assert not twin.get_buffer("scratch").persistent
        for name, value in twin.state_dict().items():
            np.testing.assert_array_equal(value, before[name])
        twin.load_state_dict({n: v + 1 for n, v in before.items()})
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    grad = copy.deepcopy(model).out.bias.grad
    np.testing.assert_array_equal(grad.numpy(), model.out.bias.grad.numpy())
    x = nnkit.tensor([1.0, 2.0], requires_grad=True)
    assert pickle.loads(pickle.dumps(x)).requires_grad
    assert copy.deepcopy(x).tolist() == [1.0, 2.0]


# -- mistakes --------------------------------------------------------------------------------


class Unfinished(nn.Module):
    def __init__(self) -> None:
        super().__init__()


MISTAKES = {
    "NumPy array": (
        lambda: small()(np.ones((2, 4), np.float32)),
        r"Sequential: the input must be a Tensor, got a NumPy array of shape \(2, 4\)\. "
        r"Fix: nnkit\.tensor",
    ),
    "list": (lambda: small()([[1.0]]), r"linear: argument 'x' must be a Tensor.*nnkit\.tensor"),
    "width": (lambda: small()(data(2, 5)), r"linear: .*in_features = 4, got x of shape \(2, 5\)"),
    "dtype": (lambda: small()(data(2, 4).double()), "linear: x must have the weight's dtype"),
    "no forward": (lambda: Unfinished(), r"abstract class Unfinished .*forward"),
    "class": (lambda: nn.Sequential(nn.ReLU), r"'0' must be a Module, got the class ReLU\. Fix"),
    "function": (lambda: nn.Sequential(ops.relu), r"got Op\. Fix: a layer, such as nn\.ReLU\(\)"),
    "list of layers": (lambda: nn.Sequential([nn.ReLU()]), r"list\. Fix: nn\.Sequential\(\*modu"),
    "a size": (lambda: nn.Linear(3, 2.0), r"Linear: out_features must be a whole number, got 2\.0"),
    "nothing": (lambda: nn.ModuleList([None]), "'0' must be a Module, got NoneType"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_get_sentences_that_help(name: str) -> None:
    wrong, text = MISTAKES[name]
    with pytest.raises((TypeError, ValueError), match=text):
        wrong()  # type: ignore[no-untyped-call]


class Lists(nn.Module):
    def __init__(self) -> None:
        self.shared = nn.ReLU()
        self.order = [self.shared]
        self._teacher = [nn.Linear(4, 3)]

    def forward(self, x: nnkit.Tensor) -> nnkit.Tensor:
        return self.shared(x)


def test_modules_in_a_plain_list_are_noticed() -> None:
    assert list(Lists().parameters()) == []
    model = Lists()
    model.order.append(nn.Linear(4, 3))  # type: ignore[arg-type]
    with pytest.warns(nnkit.NnkitWarning, match=r"Lists\.order is a plain list .*nn\.ModuleList"):
        model.parameters()
    heads = Lists()
    heads.heads = {"a": nn.Linear(4, 3)}  # type: ignore[attr-defined]
    with pytest.warns(nnkit.NnkitWarning, match=r"heads is a plain dict .*nn\.ModuleDict"):
        heads.parameters()


def test_a_model_and_data_on_two_backends(backend: Backend) -> None:
    if backend.name == "numpy":
        pytest.skip("the data is on NumPy too")
    model = small()
    with nnkit.use("numpy"):
        x = data(2, 4)
    with pytest.raises(nnkit.BackendMismatch, match=r"linear: .*numpy.*Fix: .*\.to\("):
        model(x)
