"""What all tests share: the backend that a test runs on, and the seed."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import numpy as np
import pytest

import nnkit
from nnkit.backend import Backend, label, open_backends
from nnkit.errors import BackendUnavailable
from nnkit.selection import open_backend
from tests.strict_backend import StrictBackend

strict = StrictBackend()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("nnkit")
    group.addoption("--seed", type=int, default=0, help="seed of the random numbers in tests")
    group.addoption("--backends", default="", help="run only these, such as numpy,opencl:0")
    group.addoption("--all-devices", action="store_true", help="test every OpenCL device found")


def pytest_report_header(config: pytest.Config) -> str:
    return f"nnkit {nnkit.__version__}, seed {config.getoption('seed')}, NumPy {np.__version__}"


def backend_names(config: pytest.Config) -> list[str]:
    """The backends that `backend` is parametrised over."""
    if chosen := config.getoption("backends"):
        return chosen.split(",")
    devices = ["opencl"]
    if config.getoption("all_devices"):
        from nnkit.backends.opencl import survey

        devices = [report.selector for report in survey()] or devices
    return ["numpy", "strict", *devices, *(["cupy"] if has_cuda_gpu() else [])]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames:
        names = backend_names(metafunc.config)
        metafunc.parametrize("backend", names, indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """The backend that the test means, open and in use."""
    made = opened(request.param)
    with nnkit.use(made):
        assert nnkit.current_backend() is made
        assert made.name == request.param.partition(":")[0]
        yield made


def opened(name: str) -> Backend:
    """The backend `name`; where it must be there and is not, the test fails, or else it skips."""
    found = _open(name)
    if isinstance(found, BackendUnavailable):
        if name.startswith("opencl") and opencl_expected():
            pytest.fail(f"an OpenCL device must work here, but: {found}")
        pytest.skip(str(found))
    return found


@cache
def _open(name: str) -> Backend | BackendUnavailable:
    try:
        return strict if name == "strict" else open_backend(name)
    except BackendUnavailable as error:
        return error


def opencl_expected() -> bool:
    """Whether this machine has our CPU driver, or claims to be a test machine that has it."""
    if not (sys.platform == "linux" and platform.machine() == "x86_64"):
        return False
    try:
        return bool(version("intel-opencl-rt"))
    except PackageNotFoundError:
        return os.environ.get("CI", "").lower() in ("1", "true")


@cache
def has_cuda_gpu() -> bool:
    """Whether CuPy is installed and the driver sees a GPU; asked without importing CuPy."""
    if find_spec("cupy") is None:
        return False
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int()
    return (
        driver.cuInit(0) == 0
        and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
        and (count.value > 0)
    )


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
    for found in open_backends():
        terminalreporter.write_line(f"tests opened {label(found)}")
