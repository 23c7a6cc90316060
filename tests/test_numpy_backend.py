"""The NumPy backend's thread pool: the same bits as in one piece, on more than one thread."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import counters
from nnkit.backend import numpy_backend
from nnkit.backends.numpy import blocked, threads
from nnkit.dispatch import OPS, UPDATES
from nnkit.errors import BackendUnavailable
from tests.cases import GRADIENT_CASES, UPDATE_CASES, Case
from tests.running import dtype_of

host = numpy_backend()
UNEVEN = 5 * blocked.BLOCK + 77
"""Large enough to be cut, with a last block that is shorter than the others."""


def first_rows(names: dict[str, Any], rows: list[Case]) -> list[Case]:
    """For each elementwise function the large row that the pool serves."""
    elementwise = [name for name, function in names.items() if function.elementwise]
    found = {case.name: case for case in reversed(rows) if case.time and served(case)}
    return [found[name] for name in elementwise if name in found]


def served(case: Case) -> bool:
    """Whether the blocked version takes the row: arrays of one shape, the others 0-d."""
    return len({x.shape for x in case.inputs if getattr(x, "shape", ())}) == 1


OPS_IN_BLOCKS = first_rows(OPS, GRADIENT_CASES)
UPDATES_IN_BLOCKS = first_rows(UPDATES, UPDATE_CASES)


@pytest.fixture(autouse=True)
def four_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNKIT_THREADS", "4")


def test_every_elementwise_op_with_a_gradient_is_here() -> None:
    elementwise = {n for n, f in OPS.items() if f.elementwise}
    assert {case.name for case in OPS_IN_BLOCKS} == elementwise & {c.name for c in GRADIENT_CASES}
    assert {case.name for case in UPDATES_IN_BLOCKS} == {
        name for name, function in UPDATES.items() if function.elementwise
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", OPS_IN_BLOCKS, ids=str)
def test_blocks_give_the_bits_of_the_whole(case: Case, dtype: str) -> None:
    op, arrays = OPS[case.name], case.place(host, dtype)
    options = {"needs": case.needs, **case.options}
    fused = host.override(case.name)
    assert fused is not None
    result = fused(host.xp, *arrays, **options)
    assert result is not NotImplemented, "the row is meant to be cut into blocks"
    expected = op.composed(host.xp, *arrays, **options)
    np.testing.assert_array_equal(result[0], expected[0])
    assert dtype_of(result[0]) == dtype_of(expected[0])
    g = np.random.default_rng(0).uniform(-1, 1, expected[0].shape).astype(expected[0].dtype)
    for one, other, need in zip(result[1](g), expected[1](g), case.needs, strict=True):
        assert (one is not None) == need
        if need:
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype


@pytest.mark.parametrize("case", UPDATES_IN_BLOCKS, ids=str)
def test_updates_in_blocks_give_the_bits_of_the_whole(case: Case) -> None:
    blocks, whole = case.place(host, "float32"), case.place(host, "float32")
    assert host.override(case.name)(host.xp, *blocks, **case.options) is None
    UPDATES[case.name].composed(host.xp, *whole, **case.options)
    for one, other in zip(blocks, whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_last_block_may_be_short() -> None:
    x = np.linspace(-3, 3, UNEVEN, dtype=np.float32)
    y, _ = host.override("exp")(host.xp, x, needs=(False,))
    np.testing.assert_array_equal(y, np.exp(x))


DECLINED = {
    "small": (np.ones(100, np.float32), np.ones(100, np.float32)),
    "of two shapes": (np.ones((2, UNEVEN), np.float32), np.ones(UNEVEN, np.float32)),
    "with gaps": (np.ones((2 * UNEVEN), np.float32)[::2], np.ones(UNEVEN, np.float32)),
    "without axes": (np.float32(1.0), np.float32(2.0)),
}


@pytest.mark.parametrize("kind", DECLINED)
def test_what_cannot_be_cut_is_declined_and_runs_whole(kind: str) -> None:
    a, b = DECLINED[kind]
    assert host.override("add")(host.xp, a, b, needs=(False, False)) is NotImplemented
    counters.reset()
    y, _ = OPS["add"].forward(host, [a, b], (False, False), {})
    np.testing.assert_array_equal(y, a + b)
    assert [key[2] for key in counters.served if key[1] == "add"] == ["composed"]
    assert [count for key, count in counters.declined.items() if key[1] == "add"] == [1]


def test_the_gradient_of_a_number_beside_large_arrays_is_not_cut() -> None:
    """It is a sum over all blocks: the composed definition gives it."""
    x, scale = np.ones(UNEVEN, np.float32), np.array(2.0, np.float32)
    override = host.override("multiply")
    assert override(host.xp, x, scale, needs=(True, True)) is NotImplemented
    y, _ = override(host.xp, x, scale, needs=(True, False))
    np.testing.assert_array_equal(y, 2 * x)


def test_only_elementwise_functions_are_overridden() -> None:
    assert host.override("matmul") is None
    assert host.override("sum") is None
    assert host.override("adam") is not None


def test_two_items_run_at_once() -> None:
    """Each waits for the other: on one thread this would time out."""
    both = threading.Barrier(2, timeout=20)
    names: list[str] = []

    def work(_: int) -> None:
        both.wait()
        names.append(threading.current_thread().name)

    threads.run(work, range(2))
    assert len(set(names)) == 2
    assert sum(name.startswith("nnkit") for name in names) == 1, "the caller works too"


def test_large_work_really_uses_the_pool() -> None:
    seen: set[str] = set()
    x = np.ones(40 * blocked.BLOCK, np.float32)

    class Watching:
        @staticmethod
        def exp(part: np.ndarray) -> np.ndarray:
            seen.add(threading.current_thread().name)
            time.sleep(0.002)  # long enough for the others to take a block too
            return np.exp(part)

    host.override("exp")(Watching, x, needs=(False,))
    assert any(name.startswith("nnkit") for name in seen)
    assert len(seen) > 1


def test_a_worker_does_not_wait_for_the_pool() -> None:
    """More nested jobs than threads would stand still if each waited for free workers."""
    done: list[tuple[int, int]] = []

    def outer(i: int) -> None:
        assert threads.in_worker()
        threads.run(lambda j: done.append((i, j)), range(3))

    threads.run(outer, range(8))
    assert sorted(done) == [(i, j) for i in range(8) for j in range(3)]
    assert not threads.in_worker()


@pytest.mark.parametrize("where", ["caller", "pool"])
def test_errors_come_out_of_the_pool(where: str) -> None:
    both = threading.Barrier(2, timeout=20)
    main = threading.current_thread()

    def work(i: int) -> None:
        if i < 2:
            both.wait()  # so that the pool has one of the first two, and the caller the other
            if (threading.current_thread() is main) == (where == "caller"):
                raise ArithmeticError("a block is bad")

    with pytest.raises(ArithmeticError, match="a block is bad"):
        threads.run(work, range(20))
    assert not threads.in_worker()
    done: list[int] = []
    threads.run(done.append, range(20))  # and the pool goes on
    assert sorted(done) == list(range(20))


def test_one_thread_stays_in_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNKIT_THREADS", "1")
    seen: set[str] = set()
    threads.run(lambda _: seen.add(threading.current_thread().name), range(4))
    assert seen == {threading.current_thread().name}


@pytest.mark.parametrize(("value", "count"), [("1", 1), ("3", 3), (" 2 ", 2)])
def test_the_number_of_threads(value: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNKIT_THREADS", value)
    assert threads.thread_count() == count
    assert host.facts()["threads"] == str(count)


def test_without_the_variable_all_cores_that_we_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NNKIT_THREADS")
    assert threads.thread_count() >= 1
    monkeypatch.setenv("NNKIT_THREADS", "")
    assert threads.thread_count() >= 1


@pytest.mark.parametrize("value", ["0", "-2", "two", "1.5"])
def test_a_wrong_number_of_threads_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNKIT_THREADS", value)
    with pytest.raises(ValueError, match="NNKIT_THREADS must be a whole number from 1, got"):
        threads.thread_count()


def test_numpy_takes_no_device() -> None:
    with pytest.raises(BackendUnavailable, match=r"no device '1'.*Fix: write 'numpy' alone"):
        nnkit.use("numpy:1")


def test_training_with_large_arrays_gives_the_same_on_one_thread_and_on_four(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    data = rng.normal(size=UNEVEN).astype(np.float32)

    def run() -> np.ndarray:
        x = nnkit.tensor(data, requires_grad=True, backend="numpy")
        (x.tanh() * x.sigmoid() + x.exp()).mean().backward()
        assert x.grad is not None
        return x.grad.numpy()

    on_four = run()
    monkeypatch.setenv("NNKIT_THREADS", "1")
    np.testing.assert_array_equal(on_four, run())
