"""What the benchmarks share: the backend, and the facts that make a recorded run readable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import nnkit
from nnkit.backend import Backend, label, open_backends
from tests.backends import BackendAbsent, names, opened


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames:
        present = [name for name in names() if name != "strict"]
        metafunc.parametrize("backend", present, indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """The backend to time, open and in use."""
    try:
        made = opened(request.param)
    except BackendAbsent as absence:
        pytest.skip(str(absence))
    with nnkit.use(made):
        yield made


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: Any) -> None:
    """Name processor, drivers and versions, and no machine."""
    machine_info.pop("node", None)
    machine_info["nnkit"] = nnkit.__version__
    machine_info["backends"] = {label(b): b.facts() for b in open_backends()}
