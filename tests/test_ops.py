"""Every row of the table, on every backend, against its float64 oracle."""

from __future__ import annotations

import numpy as np
import pytest

from nnkit.backend import Backend
from nnkit.dispatch import OPS, UPDATES
from tests.cases import CASES, OP_CASES, UPDATE_CASES, Case
from tests.cases.table import FLOATS, Input
from tests.compare import FORWARD, assert_close
from tests.running import call, dtype_of, no_reads, results

dtypes = pytest.mark.parametrize("dtype", FLOATS)


@pytest.mark.parametrize("kind", ["ops", "updates"])
def test_everything_registered_has_a_row(kind: str) -> None:
    registered = {"ops": OPS, "updates": UPDATES}[kind]
    rows = {case.name for case in (OP_CASES if kind == "ops" else UPDATE_CASES)}
    assert registered, f"no {kind} are registered"
    assert set(registered) == rows, "an op without a row, or a row without an op"


def test_every_row_is_said_once() -> None:
    names = [str(case) for case in CASES]
    assert sorted(names) == sorted(set(names))


def skip_unless_it_runs(case: Case, backend: Backend, dtype: str) -> None:
    if not case.runs_on(backend, dtype):
        pytest.skip(f"{backend.device} does not compute in every dtype of this case")


@dtypes
@pytest.mark.parametrize("case", OP_CASES, ids=str)
def test_op(case: Case, backend: Backend, dtype: str) -> None:
    skip_unless_it_runs(case, backend, dtype)
    ys = results(call(case, backend, dtype))
    with np.errstate(all="ignore"):
        references = results(case.reference())
    assert len(ys) == len(references)
    for y, reference in zip(ys, references, strict=True):
        wanted = case.result_dtype(dtype, reference)
        assert dtype_of(y) == wanted, f"{case}: the result is {y.dtype}, not {wanted}"
        assert tuple(y.shape) == np.shape(reference)
        value = np.asarray(reference)
        assert_close(backend.to_numpy(y), value, FORWARD * case.forward, str(case))


@dtypes
@pytest.mark.parametrize("case", UPDATE_CASES, ids=str)
def test_update(case: Case, backend: Backend, dtype: str) -> None:
    skip_unless_it_runs(case, backend, dtype)
    update = UPDATES[case.name]
    arrays = case.place(backend, dtype)
    with no_reads(backend, str(case)):
        update.run(backend, arrays, dict(case.options))
    before, after = case.draw(), case.reference()
    written = [i for i in update.written if case.inputs[i] is not None]
    assert len(written) == len(after)
    for position, x in enumerate(case.inputs):
        if isinstance(x, Input):
            value = backend.to_numpy(arrays[position])
            is_written = position in written
            expected = after[written.index(position)] if is_written else before[position]
            assert value.dtype == (dtype if x.dtype == "float" else x.dtype)
            tolerance = FORWARD * case.forward if is_written else 0.0
            assert_close(value, np.asarray(expected), tolerance, f"{case}: buffer {position}")
