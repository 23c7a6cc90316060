"""The rows of the table that say `time_=True`, forward and backward, on each backend."""

from __future__ import annotations

from typing import Any

import pytest

from nnkit.backend import Backend, label
from nnkit.dispatch import Op, Update
from tests.cases import CASES, Case
from tests.running import results, weights_of

TIMED = [case for case in CASES if case.time]


@pytest.mark.parametrize("case", TIMED, ids=str)
def test_forward(case: Case, backend: Backend, benchmark: Any) -> None:
    function, arrays = case.function, case.place(backend, "float32")
    options = dict(case.options)
    if isinstance(function, Op):
        options["needs"] = (False,) * len(arrays)

    def run() -> Any:
        result = function.run(backend, arrays, options)
        backend.synchronize()
        return result

    name_it(benchmark, case, backend, "forward" if isinstance(function, Op) else "update")
    result = benchmark(run)
    assert isinstance(function, Update) or all(map(backend.owns, results(result[0])))


@pytest.mark.parametrize(
    "case", [case for case in TIMED if case.differentiable and not case.is_update], ids=str
)
def test_backward(case: Case, backend: Backend, benchmark: Any) -> None:
    op, arrays = case.function, case.place(backend, "float32")
    assert isinstance(op, Op)
    y, vjp = op.forward(backend, arrays, case.needs, dict(case.options))
    g = weights_of(y, backend.asarray)
    assert vjp is not None

    def run() -> Any:
        result = op.backward(backend, vjp, g)
        backend.synchronize()
        return result

    name_it(benchmark, case, backend, "backward")
    assert backend.owns(next(d for d in benchmark(run) if d is not None))


def name_it(benchmark: Any, case: Case, backend: Backend, what: str) -> None:
    """One group a row, so that the devices stand side by side."""
    benchmark.group = f"{what} {case}"
    benchmark.extra_info["device"] = label(backend)
