"""`summary`: its numbers against counts by hand and PyTorch's, and how the table looks."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn, ops
from nnkit.backend import Backend
from nnkit.dispatch import OPS
from nnkit.watch import watching


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    return pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")


class Block(nn.Module):
    """A layer called twice, one never called whose weight is used, and ops of its own."""

    def __init__(self) -> None:
        self.first = nn.Linear(4, 4)
        self.unseen = nn.Linear(4, 3, bias=False)

    def forward(self, x: nnkit.Tensor) -> nnkit.Tensor:
        return (x + self.first(self.first(x))) @ self.unseen.weight.T


def test_the_numbers_are_those_counted_by_hand(backend: Backend) -> None:
    model = nn.Sequential(body=Block(), act=nn.ReLU(), head=nn.Linear(3, 2))
    model.head.requires_grad_(False)
    found = model.summary((5, 4), batch_size=6)
    rows = [(r.name, r.kind, r.output, r.parameters, r.multiply_adds) for r in found.rows]
    assert rows == [
        ("body", "Block", "(6, 5, 3)", 12, 6 * 5 * 4 * 3),
        ("  first", "Linear", "(6, 5, 4)", 20, 6 * 5 * 4 * 4),
        ("  first", "Linear", "(6, 5, 4)", 0, 6 * 5 * 4 * 4),
        ("act", "ReLU", "(6, 5, 3)", 0, 0),
        ("head", "Linear", "(6, 5, 2)", 8, 6 * 5 * 3 * 2),
    ]
    assert [r.again for r in found.rows] == [False, False, True, False, False]
    assert (found.trainable, found.frozen, found.parameters) == (32, 8, 40)
    assert found.multiply_adds == 6 * 5 * (2 * 16 + 12 + 6)
    # Results of the sum, the product and the layers; the transposed weight is a view.
    kept = 30 * (4 + 3 + 4 + 4 + 3 + 2)
    assert found.memory_in_training == 4 * (40 + 32 + kept + 30 * 4)
    assert found.memory_in_use == 4 * (40 + 30 * (4 + 4 + 4))
    assert found.rows[1].memory == 4 * (20 + 30 * 4)


def test_multiply_adds_are_pytorchs(torch: ModuleType) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    def build(kit: Any) -> Any:
        return kit.Sequential(
            kit.Conv2d(4, 6, 3, stride=2, padding=1, groups=2),
            kit.ReLU(),
            kit.ConvTranspose2d(6, 3, (2, 3), stride=2),
            kit.Flatten(),
            kit.Linear(3 * 8 * 11, 5),
        )

    x = np.zeros((2, 4, 8, 10), np.float32)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        build(torch.nn)(torch.from_numpy(x))
    assert 2 * build(nn).summary((4, 8, 10), batch_size=2).multiply_adds == (
        counter.get_total_flops()
    )


@pytest.mark.parametrize("name", OPS)
def test_every_op_with_products_says_how_many_multiply_adds_it_takes(name: str) -> None:
    op = OPS[name]
    assert op.multiply_adds is not None or "matmul" not in inspect.getsource(op.composed), (
        f"{name} multiplies matrices: set {name}.multiply_adds below its definition, as the other "
        "ops of products do, so that summary counts them"
    )


def test_products_of_any_axes() -> None:
    counts = []
    pairs = [((2, 3, 4), (4, 5)), ((4,), (4, 5)), ((3, 4), (4,)), ((2, 1, 3, 4), (6, 4, 5))]
    for a, b in pairs:
        x, y = nnkit.tensor(np.zeros(a)), nnkit.tensor(np.zeros(b))
        with watching(lambda op, arrays, options, z: counts.append(op.multiply_adds(z, *arrays))):
            x @ y
    assert counts == [2 * 3 * 4 * 5, 4 * 5, 3 * 4, 2 * 6 * 3 * 4 * 5]


@pytest.mark.parametrize(("layer", "gates"), [(nn.RNN, 1), (nn.LSTM, 4), (nn.GRU, 3)])
def test_recurrent_layers_multiply_inputs_and_states_at_each_step(
    layer: type[nn.Module], gates: int
) -> None:
    model = layer(4, 6, num_layers=2, bidirectional=True, batch_first=True)  # type: ignore[call-arg]
    steps, directions = 5, 2
    per_step = gates * 6 * (4 + 6) + gates * 6 * (2 * 6 + 6)
    assert model.summary((steps, 4), batch_size=3).multiply_adds == (
        3 * steps * directions * per_step
    )


def test_a_model_of_inputs_knows_their_shapes() -> None:
    a, b = nnkit.Input((4,)), nnkit.Input((2,), dtype="int64")
    model = nnkit.Model([a, b], nn.Linear(4, 3)(a).sum() + b.astype("float32").sum())
    assert model.summary().title == "Model of (1, 4), (1, 2)"
    assert model.double().summary(batch_size=5).title == "Model of (5, 4), (5, 2)"


def test_tensors_and_lists_as_inputs_and_several_results() -> None:
    class Both(nn.Module):
        def forward(self, x: nnkit.Tensor, n: nnkit.Tensor) -> tuple[nnkit.Tensor, nnkit.Tensor]:
            return x * 2, n

    found = nnkit.summary(Both(), [(3,), nnkit.tensor([1, 2])], batch_size=2)
    assert found.title == "Both of (2, 3), (2,)"
    assert [(r.name, r.output) for r in found.rows] == [("(itself)", "(2, 3), ...")]
    assert nnkit.summary(nn.ReLU(), (3,), dtype="float64").memory_in_use == 48


def test_a_summary_leaves_the_model_as_it_was() -> None:
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 3))
    model[0].eval()
    model.summary((4,))
    assert [m.training for m in model.modules()] == [True, False, True]
    assert all(p.grad is None for p in model.parameters())
    seen: list[str] = []
    with pytest.raises(ValueError, match="in_features = 4"):
        model.summary((5,))
    with watching(lambda op, *_: seen.append(op.name)):
        model(nnkit.tensor([[1.0, 2.0, 3.0, 4.0]]))
    assert seen == ["linear"]
    assert not any(m._hooks and (m._hooks.before or m._hooks.after) for m in model.modules())


def test_the_table_fits_a_terminal() -> None:
    inner = nn.Sequential(
        a_convolution_with_a_long_name=nn.Conv2d(3, 1024, 3, padding=1), act=nn.ReLU()
    )
    model = nn.Sequential(a_stage_with_a_long_name=inner, out=nn.Conv2d(1024, 3, 1))
    model.out.requires_grad_(False)
    lines = str(model.summary((3, 100, 100))).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[2:6] == [
        "layer       type        output               parameters  multiply-adds    memory",
        "--------------------------------------------------------------------------------",
        "..ong_name  Sequential  (1, 1024, 100, 100)",
        "  ..g_name  Conv2d      (1, 1024, 100, 100)      28,672    276,480,000   41.1 MB",
    ]
    assert lines[7].endswith(" 3,075*     30,720,000  132.3 kB")
    assert "3,075 frozen (*)" in lines[-2]


def test_inputs_that_are_missing_or_no_shape() -> None:
    with pytest.raises(TypeError, match=r"inputs must be the shape of one example.*got None"):
        nn.Linear(4, 3).summary()
    with pytest.raises(TypeError, match=r"such as \(784,\).*got 4"):
        nn.Linear(4, 3).summary(4)
    x = nnkit.Input((None, 4))
    with pytest.raises(TypeError, match=r"got \(None, 4\)"):
        nnkit.Model(x, ops.relu(x)).summary()
