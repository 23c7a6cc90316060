"""What a replay on NumPy leaves out or writes in another form gives the same bits."""

from __future__ import annotations

import gc
import weakref
from functools import partial
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn, ops, optim
from nnkit.backend import numpy_backend
from nnkit.backends.numpy import into
from nnkit.backends.numpy.arena import Arena
from nnkit.backends.numpy.loss import cross_entropy
from nnkit.backends.numpy.matmul import linear
from nnkit.dispatch import OPS

pytestmark = pytest.mark.filterwarnings("error")
SPECIAL = [1.5, -2.0, 0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324]


@pytest.fixture(autouse=True)
def _on_numpy() -> Any:
    with nnkit.use("numpy"):
        yield


def replayed(step: Any, *args: Any) -> Any:
    """The step, recorded and replayed once."""
    compiled = nnkit.compile(step)
    for _ in range(4):
        compiled(*args)
    assert compiled.reason == ""
    (record,) = compiled.records.values()
    assert record.replays == 1
    return compiled


def functions(compiled: Any) -> list[str]:
    """What a replay calls, by name."""
    (record,) = compiled.records.values()
    return [action.function.__name__ for action in record._ready.actions]


def test_what_is_the_same_in_each_run_is_computed_once() -> None:
    """The gradient of the mean, 1 / 3, is there before the first replay."""
    w = nnkit.tensor([1.0, 2.0, 3.0], requires_grad=True)

    def step(x: nnkit.Tensor) -> None:
        w.grad = None
        (w * x).mean().backward()

    compiled = replayed(step, nnkit.tensor([1.0, 2.0, 3.0]))
    assert functions(compiled) == ["multiply"]
    for values in ([0.5, -1.0, 2.0], [7.0, 8.0, 9.0]):
        compiled(nnkit.tensor(values))
        assert w.grad.tolist() == (np.asarray(values, np.float32) * np.float32(1 / 3)).tolist()


def test_memory_that_is_written_twice_is_not_taken_for_a_constant() -> None:
    """The count of steps begins as a constant, and grows."""
    w = nnkit.tensor([1.0], requires_grad=True)
    optimizer = optim.Adam([w], lr=1.0)

    def step(x: nnkit.Tensor) -> nnkit.Tensor:
        optimizer.zero_grad()
        (w * x).sum().backward()
        optimizer.step()
        return w * 1.0

    ways = [w.tolist()[0]] + [nnkit.compile(step)(nnkit.tensor([1.0])).item() for _ in range(3)]
    replayed(step, nnkit.tensor([1.0]))
    assert ways == pytest.approx([1.0, 0.0, -1.0, -2.0], abs=1e-5)
    assert w.item() == pytest.approx(-6.0, abs=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_masked_array_has_the_bits_of_where(dtype: Any) -> None:
    """Zeros, infinities and NaN where the mask does not hold give +0, where it does themselves."""
    x = np.asarray(SPECIAL * 2, dtype)
    condition = np.arange(16) < 8
    out = np.full(16, 7, dtype)
    assert into.is_masked(condition, x, 0.0, out)
    assert into.where(condition, x, 0.0, out).tobytes() == np.where(condition, x, 0.0).tobytes()


@pytest.mark.parametrize("other", [-0.0, 1.0, np.ones(2, np.float32)])
def test_other_choices_are_no_masks(other: Any) -> None:
    x, condition, out = np.ones(2, np.float32), np.array([True, False]), np.zeros(2, np.float32)
    assert not into.is_masked(condition, x, other, out)
    expected = np.where(condition, x, other)
    assert into.where(condition, x, other, out).tobytes() == expected.tobytes()


def test_one_number_written_over_itself() -> None:
    """A parameter without axes, which an update reads and writes."""
    w = nnkit.tensor(4.0, requires_grad=True)
    optimizer = optim.SGD([w], lr=0.5)

    @nnkit.compile
    def step(x: nnkit.Tensor) -> nnkit.Tensor:
        optimizer.zero_grad()
        (w * x).backward()
        optimizer.step()
        return w * 1.0

    assert [step(nnkit.tensor(2.0)).item() for _ in range(7)] == [3, 2, 1, 0, -1, -2, -3]


LABELS = {
    "plain": ([0, 3, 2, 1, 3], {}),
    "ignored": ([0, -100, 2, -100, 3], {}),
    "ignored inside": ([0, 2, 2, 1, 3], {"ignore_index": 2}),
    "all ignored": ([-100] * 5, {}),
    "invalid": ([0, 4, 2, 1, -1], {}),
    "unsigned": (np.array([0, 3, 2, 1, 3], np.uint8), {}),
    "sum": ([0, 3, -100, 1, 3], {"reduction": "sum"}),
    "none": ([0, 3, -100, 9, 3], {"reduction": "none"}),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LABELS)
def test_cross_entropy_is_the_composed_one(name: str, dtype: str, rng: np.random.Generator) -> None:
    labels, options = LABELS[name]
    xp = numpy_backend().xp
    logits = (rng.normal(size=(5, 4)) * 30).astype(dtype)
    args, needs = (logits, np.asarray(labels), None), (True, False, False)
    y, vjp = cross_entropy(xp, *args, needs=needs, **options)
    with np.errstate(invalid="ignore"):  # no target counts: 0 / 0
        expected, expected_vjp = OPS["cross_entropy"].composed(xp, *args, needs=needs, **options)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(y, expected, rtol=8 * eps, atol=64 * eps)
    g = rng.normal(size=np.shape(y)).astype(dtype)
    np.testing.assert_allclose(vjp(g)[0], expected_vjp(g)[0], rtol=32 * eps, atol=8 * eps)
    assert y.dtype == vjp(g)[0].dtype == logits.dtype


DECLINED: dict[str, tuple[Any, Any, Any, dict[str, Any]]] = {
    "weights": ((5, 4), [0, 3, 2, 1, 3], np.ones(4, np.float32), {}),
    "smoothing": ((5, 4), [0, 3, 2, 1, 3], None, {"label_smoothing": 0.1}),
    "pixels": ((5, 4, 2), [[0, 3]] * 5, None, {}),
    "empty": ((0, 4), np.zeros(0, np.int64), None, {}),
}


@pytest.mark.parametrize("name", DECLINED)
def test_other_cross_entropies_are_left_to_the_composed_one(name: str) -> None:
    shape, labels, weight, options = DECLINED[name]
    logits = np.ones(shape, np.float32)
    xp = numpy_backend().xp
    needs = (True, False, False)
    answer = cross_entropy(xp, logits, np.asarray(labels), weight, needs=needs, **options)
    assert answer is NotImplemented


@pytest.mark.parametrize("needs", [(True, True, True), (False, True, True), (False, False, True)])
def test_the_gradient_of_a_bias(needs: tuple[bool, ...], rng: np.random.Generator) -> None:
    xp = numpy_backend().xp
    x, w, b, g = (rng.normal(size=s) for s in ((2, 5, 3), (4, 3), (4,), (2, 5, 4)))
    y, vjp = linear(xp, x, w, b, needs=needs)
    expected, expected_vjp = OPS["linear"].composed(xp, x, w, b, needs=needs)
    assert y.tobytes() == expected.tobytes()
    for mine, theirs, wanted in zip(vjp(g), expected_vjp(g), needs, strict=True):
        assert (mine is not None) == wanted
        if wanted:
            np.testing.assert_allclose(mine, theirs, rtol=1e-13)


class Gate(nn.Module):
    """Reads everything that a step may read beside tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = 2.0
        self.sizes = {"a": 1.0}
        self.bias = nn.Parameter(nnkit.tensor([1.0, 1.0]))

    def forward(self, x: nnkit.Tensor) -> nnkit.Tensor:
        return ops.relu(x * self.factor * self.sizes["a"] * SCALE + self.bias)


SCALE = 1.0


def _attribute(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.factor = 3.0


def _within_a_dict(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.sizes["a"] = -4.0


def _global(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "SCALE", 5.0)


def _other_memory(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.bias.data = gate.bias.data * 7.0


def _other_parameter(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.bias = nn.Parameter(nnkit.tensor([-1.0, 9.0]))


@pytest.mark.parametrize(
    "change", [_attribute, _within_a_dict, _global, _other_memory, _other_parameter]
)
def test_a_change_between_replays_is_seen(change: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """However little is looked at in a call that is like the last one."""
    gate = Gate()
    x = nnkit.tensor([1.0, 2.0])
    compiled = replayed(lambda x: gate(x), x)
    before = compiled(x).tolist()
    change(gate, monkeypatch)
    for _ in range(5):
        assert compiled(x).tolist() == gate(x).tolist() != before


@pytest.mark.parametrize("option", ["weight_decay", "momentum"])
def test_a_changed_option_is_seen(option: str) -> None:
    results = []
    for make in (nnkit.compile, lambda step: step):
        w = nn.Parameter(nnkit.tensor([4.0, -3.0]))
        optimizer = optim.SGD([w], lr=0.1, momentum=0.5)

        @make
        def step(x: nnkit.Tensor, w: Any = w, optimizer: Any = optimizer) -> nnkit.Tensor:
            optimizer.zero_grad()
            loss = (w * x).sum()
            loss.backward()
            optimizer.step()
            return loss

        losses = []
        for i in range(12):
            if i == 6:
                optimizer.param_groups[0][option] = 0.25
            losses.append(step(nnkit.tensor([1.0, float(i)])).item())
        results.append(losses)
    assert results[0] == results[1]


class Scaled:
    """A step that is an object with a state."""

    def __init__(self, gate: Gate) -> None:
        self.gate, self.shift = gate, 1.0

    def __call__(self, x: nnkit.Tensor, factor: float = 1.0) -> nnkit.Tensor:
        return self.gate(x) * factor + self.shift


def _module(gate: Gate) -> tuple[Any, Any]:
    return gate, lambda: setattr(gate, "factor", -5.0)


def _object(gate: Gate) -> tuple[Any, Any]:
    step = Scaled(gate)
    return step, lambda: setattr(step, "shift", -5.0)


def _partial(gate: Gate) -> tuple[Any, Any]:
    step = Scaled(gate)
    return partial(step, factor=3.0), lambda: setattr(gate, "factor", -5.0)


def _default(gate: Gate) -> tuple[Any, Any]:
    def step(x: nnkit.Tensor, gate: Gate = gate) -> nnkit.Tensor:
        return gate(x)

    return step, lambda: setattr(gate, "factor", -5.0)


def _tensor(gate: Gate) -> tuple[Any, Any]:
    shift = nnkit.tensor([1.0, 1.0])
    return lambda x: x + shift, lambda: setattr(shift, "data", -shift.data)


@pytest.mark.parametrize("make", [_module, _object, _partial, _default, _tensor])
def test_what_a_step_holds_is_seen(make: Any) -> None:
    """Steps of every kind are told what has changed around them."""
    step, change = make(Gate())
    x = nnkit.tensor([1.0, 2.0])
    compiled = replayed(step, x)
    before = compiled(x).tolist()
    change()
    for _ in range(5):
        assert compiled(x).tolist() == step(x).tolist() != before


def test_a_record_that_is_dropped_gives_its_memory_back_at_once() -> None:
    """Without a collection: the generated function must not hold itself, and so the memory."""
    step = replayed(lambda x: (x * 2.0).sum(), nnkit.tensor(np.ones(1000, np.float32)))
    (record,) = step.records.values()
    arena = weakref.ref(record._ready._recorder.arena)
    gc.disable()
    try:
        record.stop("it was enough")
        assert arena() is None
    finally:
        gc.enable()


def test_a_large_range_is_cut_for_smaller_arrays() -> None:
    arena, large = Arena(), 1 << 20
    (whole, _), size = arena.lease(large), large // 2
    start = whole.ctypes.data
    del whole
    first, second = arena.lease(size)[0], arena.lease(size)[0]
    assert sorted([first.ctypes.data, second.ctypes.data]) == [start, start + size]
    assert arena.nbytes == large
    first = arena.lease(16 * large)[0]
    del first
    arena.lease(large)
    assert arena.nbytes == 18 * large, "a crumb is not cut from it"
