"""Every row of the table of optimizers: ten steps on every backend, and beside PyTorch."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nnkit import optim
from nnkit.backend import Backend, numpy_backend
from tests.cases.optimizers import OPTIMIZER_CASES
from tests.cases.optimizers.table import FROZEN, STEPS, Host, OptimizerCase, Oracle, Problem, Walk
from tests.cases.table import FLOATS
from tests.compare import FORWARD, assert_close, assert_within

every_case = pytest.mark.parametrize("case", OPTIMIZER_CASES, ids=str)
PEERS = [case for case in OPTIMIZER_CASES if case.peer]


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    return pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")


def test_every_optimizer_has_a_row() -> None:
    """What has a method `step` that takes a closure is an optimizer."""
    public = [vars(optim)[name] for name in optim.__all__]
    optimizers = {
        thing.__name__
        for thing in public
        if inspect.isclass(thing)
        and not inspect.isabstract(thing)
        and "closure" in inspect.signature(getattr(thing, "step", lambda: None)).parameters
    }
    assert optimizers == {case.name for case in OPTIMIZER_CASES}


def test_every_row_is_said_once() -> None:
    names = [str(case) for case in OPTIMIZER_CASES]
    assert sorted(names) == sorted(set(names))


def ours(case: OptimizerCase, backend: Backend, dtype: str) -> list[list[Host]]:
    return list(Walk(case, backend, dtype, Problem().starts).walk(0, STEPS))


def theirs(
    case: OptimizerCase, torch: ModuleType, dtype: str, steps: int = STEPS
) -> tuple[list[list[Host]], dict[str, Any]]:
    """The same steps by PyTorch, and the state of its optimizer after them."""
    problem, kind = Problem(), getattr(torch, dtype)
    torch.set_default_dtype(kind)  # NAdam's product of momenta has the default dtype
    params = [
        torch.tensor(x, dtype=kind, requires_grad=i != FROZEN) for i, x in enumerate(problem.starts)
    ]
    assert case.peer is not None
    optimizer, path = case.peer(torch, params), []
    for step in range(steps):
        optimizer.zero_grad()
        problem.loss(step, params, lambda x: torch.tensor(x, dtype=kind)).backward()
        optimizer.step()
        path.append([p.detach().numpy().copy() for p in params])
    torch.set_default_dtype(torch.float32)
    return path, optimizer.state_dict()


def by_oracle(case: OptimizerCase) -> list[list[Host]]:
    assert case.oracle is not None
    problem = Problem()
    values = [x.copy() for x in problem.starts]
    oracle, path = Oracle(problem, values, [np.zeros_like(x) for x in values]), []
    for step in range(STEPS):
        oracle.step = step
        case.oracle(oracle)
        path.append([np.array(x) for x in values])
    return path


def each(case: OptimizerCase, found: list[list[Host]], reference: list[list[Host]]) -> Any:
    """The ten values of each parameter, as one array."""
    assert len(found) == len(reference) == STEPS
    for i in range(len(found[0])):
        a, b = (np.stack([values[i] for values in path]) for path in (found, reference))
        yield f"{case}: the ten values of parameter {i}", a, b


@pytest.mark.parametrize("dtype", FLOATS)
@every_case
def test_ten_steps(case: OptimizerCase, backend: Backend, dtype: str) -> None:
    """The same values as in float64 on NumPy, which the tests below hold against others."""
    if not backend.supports(dtype):
        pytest.skip(f"{backend.device} has no {dtype}")
    found, exact = ours(case, backend, dtype), ours(case, numpy_backend(), "float64")
    for what, a, b in each(case, found, exact):
        assert a.dtype == dtype
        assert_close(a, b, FORWARD * case.tolerance, what)
    start = Problem().starts
    np.testing.assert_array_equal(found[-1][FROZEN], start[FROZEN].astype(dtype))
    for i in range(FROZEN):
        assert np.all(found[-1][i] != start[i]), f"{case}: parameter {i} stands still"


@pytest.mark.parametrize("case", [c for c in OPTIMIZER_CASES if c.oracle], ids=str)
def test_ten_steps_equal_the_oracles(case: OptimizerCase) -> None:
    for what, a, b in each(case, ours(case, numpy_backend(), "float64"), by_oracle(case)):
        assert_within(a, b, 1e-12, what)


@pytest.mark.parametrize("case", PEERS, ids=str)
def test_ten_steps_equal_pytorchs(case: OptimizerCase, torch: ModuleType, backend: Backend) -> None:
    if not backend.supports("float64"):
        pytest.skip(f"{backend.device} has no float64")
    for what, a, b in each(case, ours(case, backend, "float64"), theirs(case, torch, "float64")[0]):
        assert_within(a, b, 1e-10, what)


@pytest.mark.parametrize("case", PEERS, ids=str)
def test_float32_is_as_exact_as_pytorchs(
    case: OptimizerCase, torch: ModuleType, backend: Backend
) -> None:
    """At most four times PyTorch's own error against float64, and 4 eps of the largest value."""
    exact = [x for _, x, _ in each(case, *[ours(case, numpy_backend(), "float64")] * 2)]
    pairs = each(case, ours(case, backend, "float32"), theirs(case, torch, "float32")[0])
    for (what, mine, other), reference in zip(pairs, exact, strict=True):
        largest = float(np.abs(reference).max())
        allowed = 4 * float(np.abs(other - reference).max()) + 4 * 2.0**-23 * largest
        worst = float(np.abs(mine - reference).max())
        assert worst <= allowed * case.tolerance, f"{what}: error {worst}, allowed {allowed}"


@pytest.mark.parametrize("case", [c for c in OPTIMIZER_CASES if not c.stateless], ids=str)
def test_saved_after_five_steps_and_loaded_it_goes_on_the_same(case: OptimizerCase) -> None:
    first = Walk(case, numpy_backend(), "float64", Problem().starts)
    *_, half = first.walk(0, 5)
    second = Walk(case, numpy_backend(), "float64", half)
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    for one, two in zip(first.walk(5, STEPS), second.walk(5, STEPS), strict=True):
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("case", PEERS, ids=str)
def test_pytorchs_state_is_taken_over(case: OptimizerCase, torch: ModuleType) -> None:
    """Five steps by PyTorch, then five by nnkit."""
    path, state = theirs(case, torch, "float64", steps=5)
    walk = Walk(case, numpy_backend(), "float64", path[-1])
    walk.optimizer.load_state_dict(state)
    found = path + list(walk.walk(5, STEPS))
    for what, a, b in each(case, found, theirs(case, torch, "float64")[0]):
        assert_within(a, b, 1e-10, what)


@pytest.mark.parametrize("case", PEERS, ids=str)
def test_the_state_has_pytorchs_names(case: OptimizerCase, torch: ModuleType) -> None:
    walk = Walk(case, numpy_backend(), "float64", Problem().starts)
    list(walk.walk(0, 1))
    params = [torch.ones(3, requires_grad=True)]
    assert case.peer is not None
    other = case.peer(torch, params)
    params[0].sum().backward()
    other.step()
    mine, peers = (o.state_dict()["state"].get(0, {}) for o in (walk.optimizer, other))
    kept = {name for name, value in mine.items() if value is not None}
    assert kept - {"step"} == set(peers) - {"step"}
