"""The comparison with other libraries: its table, its judgement, and that peers agree with ours."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnkit
from bench.chains import LARGER
from bench.peers.compare import differ, in_turn
from bench.peers.table import draw, report
from bench.tasks import TASKS

STEPS, SEED = 3, 5
CHAINS = ["tiny_conv", "tiny_vgg", "tiny_lstm", "tiny_transformer"]
needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")
needs_jax = pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")


def loss_after(module: str, name: str, option: str = "") -> float:
    """The loss of one library after a few steps, in this process."""
    from importlib import import_module

    task = TASKS[name]
    runner = import_module(f"bench.peers.{module}").make(task, task.arrays(SEED), option)
    runner.run(STEPS)
    return float(runner.loss())


def of_ours(name: str, monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setenv("NNKIT_FALLBACK", "error")
    with nnkit.use("numpy"):
        return loss_after("ours", name, "numpy")


@needs_torch
@pytest.mark.parametrize("name", ["tiny", *CHAINS])
def test_pytorch_agrees(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found, ours = loss_after("torch_steps", name, "eager"), of_ours(name, monkeypatch)
    assert found == pytest.approx(ours, rel=1e-3)


@needs_jax
@pytest.mark.parametrize("name", CHAINS[1:])
def test_jax_agrees(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert loss_after("jax_jit", name) == pytest.approx(of_ours(name, monkeypatch), rel=1e-3)


def test_the_loop_by_hand_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    found = loss_after("hand_numpy", "tiny")
    assert found == pytest.approx(of_ours("tiny", monkeypatch), rel=1e-4)


def test_weights_of_the_large_models_have_the_published_sizes() -> None:
    counts = {
        chain.name: sum(a.size for name, a in chain.arrays().items() if name not in ("x", "y"))
        for chain in LARGER
    }
    convolutions = 9 * (3 * 32 + 32 * 32 + 32 * 64 + 64 * 64 + 64 * 128 + 128 * 128)
    assert counts == {
        "lenet": 25 * 32 + 32 + 25 * 32 * 64 + 64 + 3137 * 512 + 513 * 10,
        "vgg": convolutions + 2 * 2 * (32 + 64 + 128) + (128 * 16 + 1) * 10,
        "lstm": 4 * 256 * (64 + 256 + 2) + 257 * 10,
        "transformer": 4 * 256 * 257 + 257 * 1024 + 1025 * 256 + 4 * 256 + 257 * 10,
    }


class Clock:
    """A process with known times."""

    def __init__(self, title: str, times: list[float]) -> None:
        self.title, self.times, self.rounds = title, times, list[float]()

    def fill(self, seconds: float) -> None:
        self.filled = seconds

    def round(self) -> float:
        self.rounds.append(self.times[len(self.rounds)])
        return self.rounds[-1]


def test_a_ratio_is_the_median_of_ratios_within_rounds() -> None:
    """One noisy round of both does not count, nor does the ratio of medians."""
    mine: Any = Clock("mine", [9.0, 1.0, 2.0, 100.0])
    peer: Any = Clock("peer", [3.0, 5.0, 700.0])
    mine.round()
    found = in_turn([mine], peer, 3, 0.5)
    assert found["ratios"] == {"mine": 3.0}
    assert found["seconds"] == 5.0
    assert mine.filled == peer.filled == 0.5


def test_who_has_another_loss() -> None:
    tolerances = dict.fromkeys("abcd", 1e-3)
    assert differ({"a": 2.0, "b": 2.001, "c": 2.1, "d": 2.0}, tolerances) == ["c"]
    assert differ({"a": 2.0, "b": float("nan"), "c": 2.0, "d": 2.0}, tolerances) == ["b"]
    assert differ({"a": 2.0, "b": 2.1, "c": 2.0}, {**tolerances, "b": 0.1}) == []


def a_run() -> dict[str, Any]:
    task = {
        "ours": {"mine": 2e-6, "other": 4e-6},
        "peers": {"peer": {"seconds": 5e-6, "ratios": {"mine": 2.5, "other": 1.25}}},
        "best": "mine",
        "differ": ["peer"],
        "versions": {"mine": "mine 1", "peer": "peer 2"},
    }
    return {
        "machine": "a processor, 2 cores", "python": "3", "threads": 2, "ours": ["mine", "other"],
        "peers": ["peer", "gone"], "tasks": {"first": task, "second": {**task, "differ": []}},
        "left out": {"gone, first": "it is not installed"},
    }  # fmt: skip


def test_the_table_is_against_the_best_of_ours() -> None:
    text = report(a_run())
    assert "| first | 2.0 **best** | 4.0 | 5.0 (2.50×) ANOTHER LOSS |  |" in text
    assert "| second | 2.0 **best** | 4.0 | 5.0 (2.50×) |  |" in text
    assert "- mine 1 · peer 2\n" in text
    assert "gone, first: it is not installed" in text


def test_the_plot_is_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    draw(a_run(), tmp_path / "ratios.png")
    assert (tmp_path / "ratios.png").read_bytes()[:4] == b"\x89PNG"


def test_arrays_are_the_same_for_all_and_float32() -> None:
    for name in CHAINS:
        first, second = TASKS[name].arrays(1), TASKS[name].arrays(1)
        assert all(np.array_equal(first[key], second[key]) for key in first)
        assert {a.dtype.name for key, a in first.items() if key != "y"} == {"float32"}
