"""What all tests share: the backend that a test runs on, and the seed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import nnkit
from nnkit.backend import Backend, label, open_backends
from tests.backends import BackendAbsent, names, opened


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("nnkit")
    group.addoption("--seed", type=int, default=0, help="seed of the random numbers in tests")
    group.addoption("--backends", default="", help="run only these, such as numpy,opencl:0")
    group.addoption("--all-devices", action="store_true", help="test every OpenCL device found")


def pytest_report_header(config: pytest.Config) -> str:
    where = Path(nnkit.__file__).parent
    return f"nnkit {nnkit.__version__} in {where}, seed {config.getoption('seed')}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames:
        config = metafunc.config
        chosen = names(config.getoption("backends"), all_devices=config.getoption("all_devices"))
        metafunc.parametrize("backend", chosen, indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """The backend that the test means, open and in use."""
    try:
        made = opened(request.param)
    except BackendAbsent as absence:
        (pytest.fail if absence.is_a_failure else pytest.skip)(str(absence))
    with nnkit.use(made):
        assert nnkit.current_backend() is made
        assert made.name == request.param.partition(":")[0]
        yield made


@pytest.fixture(autouse=True)
def seed(request: pytest.FixtureRequest) -> int:
    """Every test starts from the same random state."""
    value: int = request.config.getoption("seed")
    np.random.seed(value)
    nnkit.manual_seed(value)
    return value


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    """A seeded generator for data."""
    return np.random.default_rng(seed)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which devices the tests really ran on."""
    for found in sorted({label(backend) for backend in open_backends()}):
        terminalreporter.write_line(f"tests opened {found}")
