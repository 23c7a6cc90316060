"""Recurrent layers by their own kernels are the composed ops, in one launch a step each way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnkit import counters
from nnkit.backend import Backend, numpy_backend
from nnkit.backends.device import overrides
from nnkit.dispatch import OPS
from nnkit.errors import BackendUnavailable
from tests import cuda_on_host
from tests.backends import BackendAbsent, opencl_devices, opened
from tests.compare import assert_close
from tests.fused_sites import Site, launched_since, opencl_sites, run

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("lstm", {"reverse": False}),
    ("lstm", {"reverse": True}),
    ("gru", {"reverse": False}),
    ("gru", {"reverse": True}),
    ("rnn", {"reverse": False, "nonlinearity": "tanh"}),
    ("rnn", {"reverse": True, "nonlinearity": "relu"}),
    ("rnn", {"reverse": False, "nonlinearity": "sigmoid"}),
]
T, N, IN = 4, 3, 5


@pytest.fixture(scope="module")
def backends() -> list[Backend]:
    try:
        found = [opened(name) for name in opencl_devices()]
    except BackendUnavailable:
        found = []
    try:
        return found or [opened("opencl")]
    except BackendAbsent as absence:
        (pytest.fail if absence.is_a_failure else pytest.skip)(str(absence))


@pytest.fixture(scope="module", params=["cpu", "gpu", "cuda"])
def sites(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Site]:
    if request.param == "cuda":
        if reason := cuda_on_host.problem():
            pytest.skip(reason)
        host = cuda_on_host.HostCuda(tmp_path_factory.mktemp("cuda"))
        return [Site(host, "cuda", overrides(host))]
    return opencl_sites(request.param, request.getfixturevalue("backends"))


def arrays_of(name: str, units: int, full: bool) -> list[Any]:
    """x, initial states, weights, and where it is `full` biases and lengths."""
    rng = np.random.default_rng(11)
    draw = lambda *shape: rng.normal(0.0, 0.6, shape).astype("float32")  # noqa: E731
    rows = GATES[name] * units
    states = [draw(N, units) if full else None for _ in range(2 if name == "lstm" else 1)]
    biases = [draw(rows), draw(rows)] if full else [None, None]
    lengths = np.asarray([4, 1, 3], np.int64) if full else None
    return [draw(T, N, IN), *states, draw(rows, IN), draw(rows, units), *biases, lengths]


def wide(x: Any) -> Any:
    return x.astype(np.float64) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x


@pytest.mark.parametrize("full", [False, True], ids=["plain", "states, biases, lengths"])
@pytest.mark.parametrize("units", [7, 37])
@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=str)
def test_a_layer(
    name: str, options: dict[str, Any], units: int, full: bool, sites: list[Site]
) -> None:
    """Results and every gradient; fewer units than a vector, and two vectors and five more."""
    inputs = arrays_of(name, units, full)
    needs = tuple(isinstance(x, np.ndarray) and x.dtype.kind == "f" for x in inputs)
    composed = OPS[name].composed(numpy_backend().xp, *map(wide, inputs), needs=needs, **options)
    g = [np.random.default_rng(5).uniform(0.5, 1.5, y.shape) for y in composed[0]]
    expected = composed[1](tuple(g))
    for site in sites:
        put = site.backend.asarray
        placed = [x if x is None else put(x) for x in inputs]
        (results, vjp), launched = run(site, name, *placed, needs=needs, **options)
        what = f"{name} on {site}, {units} units, {options}"
        assert launched.count(f"{name}_forward") == T, what
        host = site.backend.to_numpy
        for found, right in zip(results, composed[0], strict=True):
            assert_close(host(found), right, 32.0, what)
        before = dict(counters.launches)
        gradients = vjp(tuple(put(x.astype("float32")) for x in g))
        assert launched_since(before).count(f"{name}_backward") == T, what
        for found, right, needed in zip(gradients, expected, needs, strict=True):
            assert (found is not None) == needed, what
            if needed:
                assert_close(host(found), right, 128.0, f"{what}, gradient")


@pytest.mark.parametrize("name", GATES)
def test_what_is_not_served_is_declined(name: str, sites: list[Site]) -> None:
    """No example, or no unit."""
    extra = {"nonlinearity": "tanh"} if name == "rnn" else {}
    for site in sites:
        put = site.backend.asarray
        for rows, units in ((0, 2), (2, 0)):
            zeros = lambda *shape: put(np.zeros(shape, np.float32))  # noqa: B023, E731
            x, w = (
                zeros(3, rows, 4),
                (zeros(GATES[name] * units, 4), zeros(GATES[name] * units, units)),
            )
            start = [None] * (2 if name == "lstm" else 1)
            needs = (True,) * (5 + len(start))
            answer, launched = run(
                site, name, x, *start, *w, None, None, needs=needs, reverse=False, **extra
            )
            assert answer is NotImplemented
            assert launched == []
