"""`import nnkit` is quick, imports no device library and writes nothing."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from tests.sites import make_site, run_in

RUNS = 7
SECONDS = 0.2

TIMED = """
import sys, time
import numpy
sys.dont_write_bytecode, sys.pycache_prefix = False, {cache!r}
start = time.perf_counter()
import nnkit
print(time.perf_counter() - start)
"""
LOADED = """
import sys
import nnkit
names = {name.partition(".")[0] for name in sys.modules}
unwanted = {"pyopencl", "cupy", "cupy_backends", "torch", "matplotlib", "safetensors", "sklearn"}
print(*sorted(names & unwanted))
print(*sorted(name for name in sys.modules if name.startswith("nnkit.backends")))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_site(tmp_path_factory.mktemp("import"))


def test_takes_little_time_beyond_numpy(site: Path, tmp_path: Path) -> None:
    """The first run compiles, as pip does when it installs."""
    script = TIMED.format(cache=str(tmp_path / "compiled"))
    times = [float(run_in(site, script, tmp_path / "home", {}).out[0]) for _ in range(RUNS)]
    assert statistics.median(times) < SECONDS, times


def test_imports_no_device_library(site: Path, tmp_path: Path) -> None:
    run = run_in(site, LOADED, tmp_path / "home", {"NNKIT_BACKEND": "opencl"})
    assert run.err == []
    assert run.out == ["", ""]


def test_writes_nothing(site: Path, tmp_path: Path) -> None:
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    scratch.mkdir()
    run = run_in(site, "import nnkit; print(nnkit.__version__)", home, {"TMPDIR": str(scratch)})
    assert run.code == 0
    assert run.err == []
    assert list(home.rglob("*")) == []
    assert list(scratch.rglob("*")) == []
