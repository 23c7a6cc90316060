"""How a row of the table is run: on one backend in one dtype, forward and backward."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nnkit import counters
from nnkit.backend import Backend, numpy_backend
from nnkit.dispatch import Op
from tests.cases import Case
from tests.compare import assert_close


def dtype_of(array: Any) -> str:
    """'float32' in any namespace."""
    return str(array.dtype).rpartition(".")[2]


@contextmanager
def no_reads(backend: Backend, what: str) -> Iterator[None]:
    """Nothing inside may read from the device: then it ran there, and could be captured."""
    before = counters.to_host[backend.name].times
    yield
    reads = counters.to_host[backend.name].times - before
    assert reads == 0, f"{what}: {reads} reads from {backend.name} to the host"


def results(y: Any) -> tuple[Any, ...]:
    """The results of an op, most of which have one."""
    return y if isinstance(y, tuple) else (y,)


def call(case: Case, backend: Backend, dtype: str, *, with_gradient: bool = False) -> Any:
    """The op's result; with `with_gradient` the pair (y, vjp). Inputs must come out unchanged."""
    op = case.function
    assert isinstance(op, Op)
    arrays = case.place(backend, dtype)
    needs = case.needs if with_gradient else (False,) * len(arrays)
    with np.errstate(all="ignore"), no_reads(backend, f"{case} forward"):
        y, vjp = op.forward(backend, arrays, needs, dict(case.options))
    for result in results(y):
        assert backend.owns(result), f"{case}: a result left the {backend.name} backend"
    assert_unchanged(case, backend, arrays, dtype)
    return (y, vjp) if with_gradient else y


def weights(shape: tuple[int, ...]) -> np.ndarray:
    """A fixed gradient of the result, so that every element counts and none counts alike."""
    drawn = np.random.default_rng(11).uniform(0.5, 1.5, shape)
    return drawn.astype(np.float32).astype(np.float64)


def weights_of(y: Any, convert: Any = np.asarray) -> Any:
    """A gradient of y by `weights`: an array, or a tuple where an op has several results."""
    made = tuple(convert(weights(tuple(np.shape(r))).astype(dtype_of(r))) for r in results(y))
    return made if isinstance(y, tuple) else made[0]


def gradients(case: Case, backend: Backend, dtype: str) -> list[np.ndarray | None]:
    """What the op's vjp gives for each input, checked for its place, dtype, shape and leanness."""
    y, vjp = call(case, backend, dtype, with_gradient=True)
    g = weights_of(y, backend.asarray)
    with np.errstate(all="ignore"), no_reads(backend, f"{case} backward"):
        found = case.function.backward(backend, vjp, g)
    assert len(found) == len(case.inputs), f"{case}: {len(found)} gradients"
    for d, x, need in zip(found, case.inputs, case.needs, strict=True):
        if not need:
            assert d is None, f"{case}: a gradient that nobody asked for was computed"
            continue
        assert backend.owns(d), f"{case}: a gradient left the {backend.name} backend"
        assert tuple(d.shape) == x.shape, f"{case}: gradient {d.shape} of an input {x.shape}"
        assert dtype_of(d) == dtype, f"{case}: gradient {d.dtype} of an input {dtype}"
    return [None if d is None else backend.to_numpy(d) for d in found]


def host_gradients(case: Case) -> list[np.ndarray | None]:
    """The gradients in float64 by the composed definition on NumPy: the reference for float32."""
    host = numpy_backend()
    arrays = case.place(host, "float64")
    with np.errstate(all="ignore"):
        y, vjp = case.function.composed(host.xp, *arrays, needs=case.needs, **case.options)
        return [None if d is None else np.asarray(d, np.float64) for d in vjp(weights_of(y))]


def differences(case: Case, step: float = 1e-5) -> list[np.ndarray | None]:
    """Central differences of the oracle, weighted as `gradients` weights it."""
    values = case.draw()

    def loss(position: int, x: np.ndarray) -> float:
        nudged = [*values[:position], x, *values[position + 1 :]]
        ys = results(case.oracle(*nudged, **case.options))
        return sum(float((np.asarray(y) * weights(np.shape(y))).sum()) for y in ys)

    return [
        _central(lambda x, i=i: loss(i, x), values[i], step) if need else None
        for i, need in enumerate(case.needs)
    ]


def _central(f: Any, x: np.ndarray, step: float) -> np.ndarray:
    slope = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        above, below = x.copy(), x.copy()
        above[index] += step
        below[index] -= step
        slope[index] = (f(above) - f(below)) / (above[index] - below[index])
    return slope


def assert_unchanged(case: Case, backend: Backend, arrays: list[Any], dtype: str) -> None:
    """The op wrote into none of its inputs."""
    for before, after, x in zip(case.draw(), arrays, case.inputs, strict=True):
        if isinstance(before, np.ndarray):
            expected = before.astype(dtype if x.dtype == "float" else x.dtype)
            assert_close(backend.to_numpy(after), expected, 0.0, f"{case}: an input afterwards")
