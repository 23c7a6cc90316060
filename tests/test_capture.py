"""Recorded steps: the same bits as without recording, and never wrong numbers."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn, optim
from nnkit.backend import Backend
from nnkit.ops.update import advance

pytestmark = pytest.mark.filterwarnings("error")
STEPS = 8


@pytest.fixture(autouse=True)
def _records(backend: Backend) -> None:
    if not hasattr(backend, "recorder"):
        pytest.skip(f"{backend.name} does not record")


class Net:
    """A small network with its optimizer and a step; made twice it starts with the same values."""

    def __init__(self, *extra: nn.Module, make: Any = None, seed: int = 3) -> None:
        nnkit.manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), *extra, nn.Linear(9, 4))
        make = make or (lambda p: optim.Adam(p, lr=0.05))
        self.optimizer = make(list(self.model.parameters()))
        self.criterion = nn.CrossEntropyLoss()

    def step(self, x: nnkit.Tensor, y: nnkit.Tensor) -> nnkit.Tensor:
        model, optimizer, criterion = self.model, self.optimizer, self.criterion
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    @property
    def weights(self) -> list[list[Any]]:
        return [p.tolist() for p in self.model.parameters()]


def batches(rng: np.random.Generator, sizes: Sequence[int]) -> list[tuple[Any, Any]]:
    return [
        (nnkit.tensor(rng.random((n, 6), np.float32)), nnkit.tensor(rng.integers(0, 4, n)))
        for n in sizes
    ]


def compare(
    plain: Net,
    recorded: Net,
    data: Sequence[tuple[Any, Any]],
    between: Callable[[Net, int], None] = lambda net, i: None,
) -> Any:
    """Both nets do the same steps, one recorded: all losses and weights agree to the bit."""
    step = nnkit.compile(recorded.step)
    runs: list[list[float]] = []
    for net, call in ((plain, plain.step), (recorded, step)):
        nnkit.manual_seed(5)
        losses = []
        for i, (x, y) in enumerate(data):
            between(net, i)
            losses.append(call(x, y).item())
        runs.append(losses)
    assert runs[0] == runs[1]
    assert plain.weights == recorded.weights
    return step


MODELS = {
    "Adam": lambda: Net(),
    "momentum": lambda: Net(make=lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True)),
    "dropout": lambda: Net(nn.Dropout(0.4)),
    "sigmoid": lambda: Net(nn.Sigmoid(), nn.Tanh()),
    "pooling": lambda: Net(nn.MaxPool1d(3, stride=1, padding=1)),
}


@pytest.mark.parametrize("name", MODELS)
def test_replay_is_the_step_to_the_bit(
    name: str, backend: Backend, rng: np.random.Generator
) -> None:
    step = compare(MODELS[name](), MODELS[name](), batches(rng, [5] * STEPS))
    (record,) = step.records.values()
    assert step.reason == ""
    assert record.replays == STEPS - 3


def test_a_changed_learning_rate_is_used(backend: Backend, rng: np.random.Generator) -> None:
    def slower(net: Net, i: int) -> None:
        net.optimizer.param_groups[0]["lr"] = 0.05 / (i + 1)

    step = compare(Net(), Net(), batches(rng, [5] * STEPS), slower)
    assert [r.replays for r in step.records.values()] == [STEPS - 3]


def test_other_options_and_frozen_layers_are_recorded_anew(
    backend: Backend, rng: np.random.Generator
) -> None:
    def change(net: Net, i: int) -> None:
        if i == 5:
            net.model[0].requires_grad_(False)
        if i == 10:
            net.optimizer.param_groups[0]["weight_decay"] = 0.1

    step = compare(Net(), Net(), batches(rng, [5] * 15), change)
    assert [r.replays for r in step.records.values()] == [2, 2, 2]


def test_other_shapes_are_recorded_anew(backend: Backend, rng: np.random.Generator) -> None:
    step = compare(Net(), Net(), batches(rng, [5, 5, 5, 2, 5, 2, 2, 2, 5]))
    assert [r.replays for r in step.records.values()] == [2, 1]


def test_eval_mode_is_another_record(backend: Backend, rng: np.random.Generator) -> None:
    def mode(net: Net, i: int) -> None:
        net.model.train(i % 2 == 0)

    step = compare(Net(nn.Dropout(0.5)), Net(nn.Dropout(0.5)), batches(rng, [5] * 12), mode)
    assert [r.replays for r in step.records.values()] == [3, 3]


def test_an_if_on_a_number_from_outside(backend: Backend, rng: np.random.Generator) -> None:
    """The number is part of what the record is for: in a closure and as an argument."""
    scale, x = 1.0, nnkit.tensor(rng.random((5, 6), np.float32))

    def step(x: nnkit.Tensor, epoch: int) -> nnkit.Tensor:
        return (x * scale if epoch < 4 else x * -scale).sum()

    compiled = nnkit.compile(step)
    for epoch in (0, 0, 0, 0, 4, 4, 4, 4, 0):
        assert compiled(x, epoch).item() == step(x, epoch).item()
    scale = 3.0
    assert compiled(x, 0).item() == step(x, 0).item()
    assert compiled.reason == ""


SIGN: float | None = None
"""A global that a step reads; it has no value yet when the step is made."""


def test_a_global_that_gets_its_value_later(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = nnkit.compile(lambda x: x if SIGN is None else x * SIGN)
    x = nnkit.tensor([1.0, 2.0])
    assert [compiled(x).tolist() for _ in range(4)] == [[1.0, 2.0]] * 4
    monkeypatch.setitem(globals(), "SIGN", -1.0)
    assert [compiled(x).tolist() for _ in range(4)] == [[-1.0, -2.0]] * 4


def test_a_hidden_counter_is_found(backend: Backend, rng: np.random.Generator) -> None:
    """What a step does otherwise in its second recording shows that it cannot be replayed."""
    counts = iter(range(100))
    x = nnkit.tensor(rng.random((5, 6), np.float32))
    compiled = nnkit.compile(lambda x: (x * float(next(counts))).sum())
    assert [compiled(x).item() for _ in range(6)] == [
        pytest.approx(i * x.numpy().sum(), rel=1e-6) for i in range(6)
    ]
    assert " in one run and " in compiled.reason


REASONS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "reads": (lambda x: x * float(x.sum().item() > 0), "it reads an array on the host"),
    "text": (lambda x: "done", "it returns a str"),
    "number": (lambda x: 3.0, "it returns a float"),
}


@pytest.mark.parametrize("name", REASONS)
def test_what_cannot_be_recorded_says_why(name: str, backend: Backend) -> None:
    step, reason = REASONS[name]
    compiled = nnkit.compile(step)
    x = nnkit.tensor([[1.0, 2.0, 3.0]])
    for _ in range(4):
        compiled(x)
    assert reason in compiled.reason


def test_data_brought_by_the_step_must_stay_the_same(backend: Backend) -> None:
    x = nnkit.tensor([1.0, 2.0])
    same = nnkit.compile(lambda x: x + nnkit.tensor([5.0, 6.0]))
    assert [same(x).tolist() for _ in range(5)] == [[6.0, 8.0]] * 5
    assert same.reason == ""
    values = iter(range(10))
    other = nnkit.compile(lambda x: x + nnkit.tensor([float(next(values)), 0.0]))
    assert [other(x).tolist()[0] for _ in range(5)] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert other.reason != ""


def test_gradients_from_before_cannot_be_replayed(backend: Backend) -> None:
    w = nnkit.tensor([2.0], requires_grad=True)
    step = nnkit.compile(lambda x: (w * x).sum().backward())
    for count in range(1, 6):
        step(nnkit.tensor([3.0]))
        assert w.grad.tolist() == [3.0 * count]
    assert "zero_grad" in step.reason


def test_gradients_stay_visible(backend: Backend, rng: np.random.Generator) -> None:
    plain, recorded = Net(), Net()
    step = nnkit.compile(recorded.step)
    for x, y in batches(rng, [5] * STEPS):
        plain.step(x, y)
        step(x, y)
        recorded_grads = [p.grad.tolist() for p in recorded.model.parameters()]
        assert recorded_grads == [p.grad.tolist() for p in plain.model.parameters()]
        recorded.optimizer.zero_grad()


def test_outputs_are_copies_in_the_shape_of_the_result(backend: Backend) -> None:
    @nnkit.compile
    def step(x: nnkit.Tensor) -> dict[str, nnkit.Tensor]:
        return {"double": x * 2.0, "same": x}

    results = [step(nnkit.tensor([float(i), 1.0])) for i in range(6)]
    assert [r["double"].tolist() for r in results] == [[2.0 * i, 2.0] for i in range(6)]
    assert [r["same"].tolist() for r in results] == [[float(i), 1.0] for i in range(6)]
    assert step.reason == ""


def test_large_elementwise_runs_in_blocks_to_the_same_bits(
    backend: Backend, rng: np.random.Generator
) -> None:
    def step(x: nnkit.Tensor) -> nnkit.Tensor:
        return ((x * 2.0 + 1.0).tanh() * x).relu().sum(axis=0)

    compiled, x = nnkit.compile(step), nnkit.tensor(rng.random((300, 401), np.float32))
    for _ in range(5):
        np.testing.assert_array_equal(compiled(x).numpy(), step(x).numpy())
    assert compiled.reason == ""


def test_replays_do_not_grow_memory(backend: Backend, rng: np.random.Generator) -> None:
    net = Net()
    step = nnkit.compile(net.step)
    ((x, y),) = batches(rng, [5])
    for _ in range(20):
        step(x, y)
    gc.collect()
    backend.synchronize()
    before = memory(backend)
    for _ in range(300):
        step(x, y)
    backend.synchronize()
    gc.collect()
    assert memory(backend) <= before


def memory(backend: Backend) -> int:
    if backend.name == "opencl":
        backend.synchronize()
        return backend.queue.pool.bytes_in_use  # type: ignore[attr-defined]
    return len(gc.get_objects())


def test_temporaries_share_memory(backend: Backend) -> None:
    """Twenty results of a megabyte each, of which two are needed at a time."""

    @nnkit.compile
    def step(x: nnkit.Tensor) -> nnkit.Tensor:
        for _ in range(20):
            x = x.exp().log()
        return x.sum()

    x = nnkit.tensor(np.ones((250, 1000), np.float32))
    for _ in range(4):
        step(x)
    (record,) = step.records.values()
    assert record.is_ready
    assert record.nbytes <= 5 * 1_200_000


def test_a_compiled_step_within_another_runs_as_it_is(backend: Backend) -> None:
    inner = nnkit.compile(lambda x: x * 2.0)
    outer = nnkit.compile(lambda x: inner(x) + 1.0)
    for i in range(6):
        assert outer(nnkit.tensor([float(i)])).tolist() == [2.0 * i + 1]


def test_a_convolution_is_replayed(backend: Backend, rng: np.random.Generator) -> None:
    """Its windows are views that NumPy makes by another object."""
    nnkit.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    def step(x: nnkit.Tensor) -> nnkit.Tensor:
        optimizer.zero_grad()
        loss = (model(x) ** 2).sum()
        loss.backward()
        optimizer.step()
        return loss

    start = model.state_dict()
    data = [nnkit.tensor(rng.random((4, 2, 8, 6), np.float32)) for _ in range(6)]
    plain = [step(x).item() for x in data]
    model.load_state_dict(start)
    compiled = nnkit.compile(step)
    assert [compiled(x).item() for x in data] == plain
    assert compiled.reason == ""


def test_numbers_that_always_change_are_not_recorded_for_ever(backend: Backend) -> None:
    step = nnkit.compile(lambda x, factor: x * factor)
    x = nnkit.tensor([1.0, 2.0])
    for i in range(40):
        assert step(x, float(i)).tolist() == [float(i), 2.0 * i]
    assert len(step.records) == 32
    assert "more than 32 ways" in step.reason


def test_it_wants_a_function() -> None:
    with pytest.raises(nnkit.NnkitError, match="compile: step must be a function, got int"):
        nnkit.compile(3)  # type: ignore[arg-type]


def test_repeated_is_called_so_often(backend: Backend, rng: np.random.Generator) -> None:
    """The same numbers, from the first calls that record to those without Python."""
    plain, recorded = Net(nn.Dropout(0.3)), Net(nn.Dropout(0.3))
    ((x, y),) = batches(rng, [5])
    step = nnkit.compile(recorded.step)
    nnkit.manual_seed(5)
    expected = [plain.step(x, y).item() for _ in range(20)]
    nnkit.manual_seed(5)
    losses = [step.repeat(times, x, y).item() for times in (1, 9, 3, 7)]
    assert losses == [expected[i] for i in (0, 9, 12, 19)]
    assert plain.weights == recorded.weights
    (record,) = step.records.values()
    assert record.replays == 17


def test_a_step_that_changes_its_argument_runs_as_it_is(backend: Backend) -> None:
    """A replay would change the record's copy."""
    step = nnkit.compile(lambda count: advance(count, by=3))
    count = nnkit.tensor(np.uint64(1))
    for _ in range(5):
        step(count)
    step.repeat(5, count)
    assert count.item() == 31
    assert step.reason.startswith("it changes an argument in place")


@pytest.mark.parametrize("times", [0, -1, 2.0, True])
def test_a_wrong_number_of_repeats(times: Any, backend: Backend) -> None:
    with pytest.raises(nnkit.NnkitError, match="repeat: times must be a whole number of at least"):
        nnkit.compile(lambda x: x).repeat(times, nnkit.tensor([1.0]))
