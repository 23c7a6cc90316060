"""Convolution on NumPy in parts: the composed op's numbers, and never all columns at once."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn, optim
from nnkit.backend import numpy_backend
from nnkit.backends.numpy import conv as written
from nnkit.dispatch import OPS
from tests.compare import assert_close

PLAIN: dict[str, Any] = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
SHAPES: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((9, 4, 30), (3, 4, 3), {"padding": 1}),
    (
        (7, 3, 9, 11),
        (5, 3, 3, 2),
        {"stride": (2, 1), "padding": ((2, 0), (1, 3)), "dilation": (1, 2)},
    ),
    ((3, 2, 5, 6, 7), (4, 2, 2, 3, 1), {"padding": 1, "stride": 2}),
]


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("images", [1, 2, 4])
@pytest.mark.parametrize("case", range(len(SHAPES)))
def test_conv_in_parts(case: int, images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of which the last is smaller, where the padding lies elsewhere in the memory."""
    shape, taps, changed = SHAPES[case]
    options, xp = PLAIN | changed | {"needs": (True, True, True)}, numpy_backend().xp
    arrays = [draw(*shape), draw(*taps, seed=1), draw(taps[0], seed=2)]
    reference, vjp = OPS["conv"].composed(xp, *arrays, **options)
    one = reference[0, 0].size * arrays[1][0].size * 8
    monkeypatch.setattr(written, "PART", images * one)
    if images * one >= shape[0] * one:
        assert written.conv(xp, *arrays, **options) is NotImplemented
        return
    y, own_vjp = written.conv(xp, *arrays, **options)
    assert_close(y, reference, 8.0, f"conv {case}")
    g = draw(*reference.shape, seed=3)
    for found, wanted in zip(own_vjp(g), vjp(g), strict=True):
        assert_close(found, wanted, 16.0, f"conv {case}, gradient")


def test_groups_are_left_to_the_composed_op() -> None:
    x, weight = draw(64, 4, 40, 40), draw(4, 2, 3, 3)
    options = PLAIN | {"needs": (True, True), "groups": 2}
    assert written.conv(numpy_backend().xp, x, weight, **options) is NotImplemented


def test_a_replay_has_the_bits_of_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(written, "PART", 20_000)
    losses: list[list[float]] = []
    with nnkit.use("numpy"):
        for compiled in (False, True):
            nnkit.manual_seed(3)
            model = nn.Sequential(nn.Conv2d(2, 5, 3, padding=1), nn.ReLU(), nn.Conv2d(5, 3, 3))
            optimizer = optim.SGD(model.parameters(), lr=0.05)

            def plain(x: nnkit.Tensor, model: Any = model, how: Any = optimizer) -> nnkit.Tensor:
                how.zero_grad()
                loss = (model(x) ** 2).mean()
                loss.backward()
                how.step()
                return loss

            step = nnkit.compile(plain) if compiled else plain
            rng = np.random.default_rng(5)
            batches = [rng.normal(size=(7, 2, 9, 8)).astype("float32") for _ in range(6)]
            losses.append([step(nnkit.tensor(x)).item() for x in batches])
        assert not step.reason
    assert losses[0] == losses[1]


def test_the_columns_never_lie_in_memory_together() -> None:
    """All of them would be nine times x; what is held at once are the parts and their products."""
    x, weight = draw(64, 8, 32, 32).astype("float32"), draw(8, 8, 3, 3).astype("float32")
    tracemalloc.start()
    try:
        y, vjp = written.conv(numpy_backend().xp, x, weight, **PLAIN | {
            "needs": (True, True), "padding": 1,
        })  # fmt: skip
        vjp(y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < y.nbytes + x.nbytes + 2 * written.PART
