"""Every row of the table of layers: on every backend, against differences, and beside PyTorch."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn
from nnkit.backend import Backend, numpy_backend
from tests.cases.layers import LAYER_CASES, LayerCase
from tests.cases.layers.table import Host, Run, flat
from tests.cases.table import FLOATS, Input
from tests.compare import DIFFERENCES, FORWARD, GRADIENT, assert_close, assert_within
from tests.running import weights

PEERS = [case for case in LAYER_CASES if case.peer]
WITHOUT_ROW = {"ModuleDict", "ModuleList", "Sequential"}
"""Containers, which hold layers and compute nothing; they have tests of their own."""


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    return pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")


def test_every_layer_has_a_row() -> None:
    public = {name: vars(nn)[name] for name in nn.__all__}
    layers = {
        name
        for name, thing in public.items()
        if inspect.isclass(thing) and issubclass(thing, nn.Module) and not inspect.isabstract(thing)
    }
    assert layers - WITHOUT_ROW == {case.name for case in LAYER_CASES}


def test_every_row_is_said_once() -> None:
    names = [str(case) for case in LAYER_CASES]
    assert sorted(names) == sorted(set(names))


def run(case: LayerCase, backend: Backend, dtype: str) -> Run:
    """The layer in `dtype` on the backend."""
    with nnkit.use(backend):
        return case.run(case.layer(dtype), backend, case.draw(), dtype)


def assert_same(case: LayerCase, found: Run, reference: Run) -> None:
    """Results, gradients and buffers by the tolerance policy."""
    assert len(found.outputs) == len(reference.outputs)
    for i, (a, b) in enumerate(zip(found.outputs, reference.outputs, strict=True)):
        assert_close(a, b, FORWARD * case.tolerance, f"{case}: result {i}")
    assert found.gradients.keys() == reference.gradients.keys()
    for name, b in reference.gradients.items():
        what = f"{case}: the gradient of {name}"
        assert_close(found.gradients[name], b, GRADIENT * case.tolerance, what)
    for name, b in reference.buffers.items():
        assert_close(found.buffers[name], b, FORWARD * case.tolerance, f"{case}: buffer {name}")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("case", LAYER_CASES, ids=str)
def test_layer(case: LayerCase, backend: Backend, dtype: str) -> None:
    """The same numbers as in float64 on NumPy, which the tests below hold against others."""
    if not backend.supports(dtype):
        pytest.skip(f"{backend.device} has no {dtype}")
    found = run(case, backend, dtype)
    for array in (*found.outputs, *found.gradients.values()):
        assert array.dtype.kind != "f" or array.dtype == dtype
    assert_same(case, found, run(case, numpy_backend(), "float64"))


@pytest.mark.parametrize("case", [c for c in LAYER_CASES if c.oracle], ids=str)
def test_layer_against_its_oracle(case: LayerCase) -> None:
    with nnkit.use("numpy"):
        state = case.layer("float64").state_dict()
    found = run(case, numpy_backend(), "float64").outputs
    assert case.oracle is not None
    references = list(flat(case.oracle(state, *case.draw())))
    for y, reference in zip(found, references, strict=True):
        assert_within(y, np.asarray(reference), 1e-12, str(case))


def weighted(outputs: list[Host]) -> float:
    """The scalar whose gradients `LayerCase.run` takes."""
    return sum(float((y * weights(y.shape)).sum()) for y in outputs if y.dtype.kind == "f")


@pytest.mark.parametrize("case", [c for c in LAYER_CASES if c.gradient], ids=str)
def test_gradients_against_differences(case: LayerCase) -> None:
    """Up to five elements of every input and every parameter, in float64."""
    backend = numpy_backend()
    found = run(case, backend, "float64").gradients
    largest: dict[str, float] = {
        n: max(float(np.abs(g).max(initial=0)), 1e-3) for n, g in found.items()
    }
    for name, gradient in found.items():
        chosen = np.random.default_rng(5).permutation(gradient.size)[:5]
        for at in chosen:
            numeric = difference(case, backend, name, int(at))
            error = abs(gradient.reshape(-1)[at] - numeric)
            assert error <= 2 * DIFFERENCES * largest[name], (
                f"{case}: element {at} of the gradient of {name} is {gradient.reshape(-1)[at]}, "
                f"differences say {numeric}"
            )


def difference(case: LayerCase, backend: Backend, name: str, at: int, h: float = 1e-5) -> float:
    """The central difference by one element of an input or a parameter."""

    def value(by: float) -> float:
        with nnkit.use(backend):
            layer, values = case.layer("float64"), case.draw()
            state = dict(layer.named_parameters())
            target = values[int(name[6:])] if name.startswith("input ") else state[name].data
            target.reshape(-1)[at] += by
            return weighted(case.run(layer, backend, values, "float64").outputs)

    return (value(h) - value(-h)) / (2 * h)


# -- beside PyTorch --------------------------------------------------------------------------


def run_theirs(case: LayerCase, torch: ModuleType, dtype: str) -> Run:
    """PyTorch's layer with our first values, called and walked back in the same way."""
    assert case.peer is not None
    with nnkit.use("numpy"):
        state = case.layer(dtype).state_dict()
    kind = getattr(torch, dtype)
    theirs = case.peer(torch).to(kind).train(case.training)
    if case.keys:
        wanted = {n: tuple(t.shape) for n, t in theirs.state_dict().items()}
        assert {n: t.shape for n, t in state.items()} == wanted, f"{case}: state_dict"
        theirs.load_state_dict({n: torch.from_numpy(np.array(t)) for n, t in state.items()})
    given = [
        _theirs(torch, x, v, kind, case) for x, v in zip(case.inputs, case.draw(), strict=True)
    ]
    outputs = list(flat(case.peer_call(theirs, *given)))
    if case.gradient:
        total = sum(
            (y * torch.from_numpy(weights(tuple(y.shape))).to(kind)).sum()
            for y in outputs
            if y.dtype.is_floating_point
        )
        total.backward()
    named = {n: p for n, p in theirs.named_parameters() if p.requires_grad} if case.keys else {}
    tensors = {f"input {i}": t for i, t in enumerate(given) if isinstance(t, torch.Tensor)}
    gradients = {
        name: t.grad.numpy() if t.grad is not None else np.zeros(tuple(t.shape))
        for name, t in {**tensors, **named}.items()
        if t.requires_grad
    }
    buffers = {n: b.numpy() for n, b in theirs.named_buffers()} if case.keys else {}
    return Run([y.detach().numpy() for y in outputs], gradients, buffers)


def _theirs(torch: ModuleType, x: Any, value: Any, kind: Any, case: LayerCase) -> Any:
    if not isinstance(x, Input):
        return value
    tensor = torch.from_numpy(np.array(value))
    if x.dtype != "float":
        return tensor
    return tensor.to(kind).requires_grad_(x.differentiable and case.gradient)


@pytest.mark.parametrize("case", PEERS, ids=str)
def test_float64_is_pytorchs(case: LayerCase, torch: ModuleType) -> None:
    """Forward, all gradients and the buffers within 1e-10 of the largest value."""
    ours, theirs = run(case, numpy_backend(), "float64"), run_theirs(case, torch, "float64")
    assert len(ours.outputs) == len(theirs.outputs)
    for i, (a, b) in enumerate(zip(ours.outputs, theirs.outputs, strict=True)):
        assert_within(a, b, 1e-10, f"{case}: result {i}")
    for name, b in theirs.gradients.items():
        assert_within(ours.gradients[name], b, 1e-10, f"{case}: the gradient of {name}")
    for name, b in theirs.buffers.items():
        assert_within(ours.buffers[name], b, 1e-10, f"{case}: buffer {name}")


@pytest.mark.parametrize("case", PEERS, ids=str)
def test_float32_is_as_exact_as_pytorchs(
    case: LayerCase, torch: ModuleType, backend: Backend
) -> None:
    """At most four times PyTorch's own error against float64, and 4 eps of the largest value."""
    exact = run(case, numpy_backend(), "float64")
    ours, theirs = run(case, backend, "float32"), run_theirs(case, torch, "float32")
    pairs = [
        (f"result {i}", *three)
        for i, three in enumerate(zip(ours.outputs, theirs.outputs, exact.outputs, strict=True))
    ]
    pairs += [
        (f"the gradient of {name}", ours.gradients[name], b, exact.gradients[name])
        for name, b in theirs.gradients.items()
    ]
    for what, mine, other, reference in pairs:
        if reference.size == 0:
            continue
        largest = float(np.abs(reference).max())
        allowed = 4 * float(np.abs(other - reference).max()) + 4 * 2.0**-23 * largest
        worst = float(np.abs(mine - reference).max())
        assert worst <= allowed * case.tolerance, (
            f"{case}: {what}: error {worst}, allowed {allowed}"
        )


@pytest.mark.parametrize("case", [c for c in PEERS if c.keys], ids=str)
def test_state_dict_has_pytorchs_order(case: LayerCase, torch: ModuleType) -> None:
    assert case.peer is not None
    assert list(case.layer().state_dict()) == list(case.peer(torch).state_dict())
