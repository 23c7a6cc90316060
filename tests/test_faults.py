"""Every way in which a backend can be missing: one clear line, and training goes on.

Each fault is a real one, in an environment made for it (`sites.py`).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from nnkit import probe
from nnkit.backend import adapter
from nnkit.backends.opencl import drivers
from nnkit.backends.opencl.devices import SCRIPT
from tests.sites import Run, compiled_library, make_site, own_copy, run_in, vendors_folder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the faulty drivers are .so files")
needs_pyopencl = pytest.mark.skipif(find_spec("pyopencl") is None, reason="pyopencl not installed")

TRAIN = """
import numpy as np
import nnkit
rng = np.random.default_rng(0)
x = nnkit.tensor(rng.standard_normal((16, 3)).astype("float32"))
y = nnkit.tensor(rng.standard_normal((16, 2)).astype("float32"))
w = nnkit.tensor(np.zeros((3, 2), dtype="float32"), requires_grad=True)
losses = []
for _ in range(20):
    loss = ((x @ w - y) ** 2.0).mean()
    loss.backward()
    w = nnkit.tensor(w.numpy() - 0.1 * w.grad.numpy(), requires_grad=True)
    losses.append(loss.item())
assert losses[-1] < losses[0] - 0.05, losses
print("trained on", nnkit.current_backend().name)
"""
USE = """
import nnkit
try:
    nnkit.use({!r})
except nnkit.BackendUnavailable as error:
    print(error)
"""
SURVEY = """
from nnkit.backend import adapter
for device in adapter("opencl").survey():
    print(device.selector or "driver", "|", device.problem, "|", device.remedy)
"""

Here = Callable[..., Run]


@pytest.fixture(scope="session")
def full_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_site(tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="session")
def bare_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_site(tmp_path_factory.mktemp("bare"), without=("pyopencl*", "cupy*"))


@pytest.fixture
def here(tmp_path: Path) -> Here:
    """Run a script in a site, with environment variables as keywords."""

    def run(site: Path, script: str, **variables: str) -> Run:
        return run_in(site, script, tmp_path / "home", variables)

    return run


def assert_lines(run: Run, *each_has: tuple[str, ...]) -> None:
    """The script said exactly these lines, each a whole message with reason and remedy."""
    assert len(run.err) == len(each_has), "\n".join(run.err)
    for line, parts in zip(run.err, each_has, strict=True):
        assert line.startswith("nnkit:1: FallbackWarning: backend "), line
        assert "Fix: " in line
        assert "Using numpy" in line
        for part in parts:
            assert part in line


def assert_raised(run: Run, *parts: str) -> None:
    assert run.err == []
    assert len(run.out) == 1, run.out
    assert "Fix: " in run.out[0]
    for part in parts:
        assert part in run.out[0]


def assert_trained(run: Run, backend: str = "numpy") -> None:
    assert run.code == 0, "\n".join(run.err)
    assert run.out == [f"trained on {backend}"]


def test_pyopencl_not_installed(bare_site: Path, here: Here) -> None:
    told = ("backend 'opencl'", "pyopencl is not installed", "pip install 'nnkit[opencl]'")
    run = here(bare_site, TRAIN, NNKIT_BACKEND="opencl")
    assert_trained(run)
    assert_lines(run, told)
    assert_raised(here(bare_site, USE.format("opencl")), *told)


def test_cupy_not_installed(bare_site: Path, here: Here) -> None:
    run = here(bare_site, TRAIN, NNKIT_BACKEND="cupy")
    assert_trained(run)
    assert_lines(run, ("backend 'cupy'", "not installed", "nnkit[cuda"))
    assert_raised(here(bare_site, USE.format("cupy")), "not installed", "nnkit[cuda")


def test_neither_of_a_list(bare_site: Path, here: Here) -> None:
    run = here(bare_site, TRAIN, NNKIT_BACKEND="cupy,opencl")
    assert_trained(run)
    assert_lines(run, ("backend 'cupy'",), ("backend 'opencl'",))
    raised = here(bare_site, USE.format("cupy,opencl"))
    assert_raised(raised, "backend 'cupy,opencl'", "cupy: ", "opencl: pyopencl is not installed")


def test_auto_says_nothing(bare_site: Path, here: Here) -> None:
    run = here(bare_site, TRAIN)
    assert_trained(run)
    assert run.err == []


def test_silent_says_nothing(bare_site: Path, here: Here) -> None:
    run = here(bare_site, TRAIN, NNKIT_BACKEND="cupy,opencl", NNKIT_FALLBACK="silent")
    assert_trained(run)
    assert run.err == []


def test_error_forbids_the_fallback(bare_site: Path, here: Here) -> None:
    run = here(bare_site, TRAIN, NNKIT_BACKEND="opencl", NNKIT_FALLBACK="error")
    assert run.code == 1
    assert run.out == []
    assert "BackendUnavailable" in run.err[-1]
    assert "pip install 'nnkit[opencl]'" in run.err[-1]


def test_misspelt_backend(bare_site: Path, here: Here) -> None:
    run = here(bare_site, TRAIN, NNKIT_BACKEND="opncl")
    assert run.code == 1
    assert run.err[-1].startswith("ValueError: NNKIT_BACKEND: unknown backend 'opncl'")
    assert "Did you mean 'opencl'?" in run.err[-1]


@needs_pyopencl
def test_no_driver(full_site: Path, here: Here, tmp_path: Path) -> None:
    empty = vendors_folder(tmp_path / "vendors")
    told = ("has no OpenCL driver", f"OCL_ICD_VENDORS={empty}", "pip install 'nnkit[opencl-cpu]'")
    run = here(full_site, TRAIN, NNKIT_BACKEND="opencl", OCL_ICD_VENDORS=str(empty))
    assert_trained(run)
    assert_lines(run, told)
    assert_raised(here(full_site, USE.format("opencl"), OCL_ICD_VENDORS=str(empty)), *told)


@needs_pyopencl
@pytest.mark.parametrize("fault", ["missing", "text", "symbol"])
def test_driver_that_does_not_load(full_site: Path, here: Here, tmp_path: Path, fault: str) -> None:
    library = tmp_path / "libbroken.so"
    if fault == "text":
        library.write_text("this is no library\n" * 20)
    elif fault == "symbol":
        code = "extern int nowhere(void); int (*const keep)(void) = nowhere;"
        library = compiled_library(tmp_path, "broken", code)
    folder = str(vendors_folder(tmp_path / "vendors", broken=library))
    why = {"missing": "No such file", "text": "invalid ELF header", "symbol": "undefined symbol"}
    told = (f"the driver {library} does not load", why[fault], "nnkit[opencl-cpu]")
    run = here(full_site, TRAIN, NNKIT_BACKEND="opencl", OCL_ICD_VENDORS=folder)
    assert_trained(run)
    assert_lines(run, told)
    assert_raised(here(full_site, USE.format("opencl"), OCL_ICD_VENDORS=folder), *told)


CRASH = """
#include <stdlib.h>
__attribute__((constructor)) static void at_load(void) { abort(); }
"""
HANG = """
#include <unistd.h>
__attribute__((constructor)) static void at_load(void) { sleep(600); }
"""


@needs_pyopencl
def test_driver_that_crashes(full_site: Path, here: Here, tmp_path: Path) -> None:
    library = compiled_library(tmp_path, "crash", CRASH)
    folder = str(vendors_folder(tmp_path / "vendors", crash=library))
    told = (f"the driver {library} does not load", "SIGABRT", "nnkit[opencl-cpu]")
    run = here(full_site, TRAIN, NNKIT_BACKEND="opencl", OCL_ICD_VENDORS=folder)
    assert_trained(run)
    assert_lines(run, told)
    again = here(full_site, TRAIN, NNKIT_BACKEND="opencl", OCL_ICD_VENDORS=folder)
    assert again == run, "the verdict must be remembered as it was"


@needs_pyopencl
def test_crashing_driver_in_pyopencls_own_folder(tmp_path: Path, here: Here) -> None:
    """The loader reads that folder whatever it is told, so OpenCL as a whole is out."""
    site = make_site(tmp_path / "site")
    own_copy(site, "pyopencl")
    (site / "pyopencl" / ".libs").mkdir(exist_ok=True)
    library = compiled_library(site / "pyopencl" / ".libs", "crash", CRASH)
    (site / "pyopencl" / ".libs" / "crash.icd").write_text(f"{library.name}\n")
    told = (f"the driver {library} does not load", "SIGABRT", "remove or update the driver")
    run = here(site, TRAIN, NNKIT_BACKEND="opencl")
    assert_trained(run)
    assert_lines(run, told)
    assert_raised(here(site, USE.format("opencl")), *told)


def test_driver_that_hangs(tmp_path: Path) -> None:
    library = compiled_library(tmp_path, "hang", HANG)
    outcome = probe.run(SCRIPT, "load", [str(library)], [[]], timeout=2)
    assert outcome.answer is None
    assert outcome.problem == "the probe did not end within 2 s"


@needs_pyopencl
def test_good_driver_beside_a_crashing_one(full_site: Path, here: Here, tmp_path: Path) -> None:
    good = [driver for driver in drivers.installed() if not driver.bundled]
    if not good:
        pytest.skip("this machine has no OpenCL driver to put beside the crashing one")
    crash = compiled_library(tmp_path, "crash", CRASH)
    folder = vendors_folder(tmp_path / "vendors", a_crash=crash, b_good=good[0].library)
    run = here(full_site, SURVEY, OCL_ICD_VENDORS=str(folder))
    assert run.code == 0, run.err
    assert "opencl:0 |  | " in run.out
    assert run.out[-1].startswith(f"driver | the driver {crash} does not load")
    trained = here(full_site, TRAIN, NNKIT_BACKEND="opencl", OCL_ICD_VENDORS=str(folder))
    assert_trained(trained, "opencl")
    assert trained.err == []


@pytest.fixture(scope="session")
def old_pocl_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pyopencl with the driver of the wheel pocl-binary-distribution 3.0 in its folder."""
    wheel = tmp_path_factory.mktemp("wheel")
    package = "pocl-binary-distribution==3.0"
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(wheel)]
    done = subprocess.run([*command, package], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"pip cannot install {package} here: {done.stderr.strip()[-200:]}")
    site = make_site(tmp_path_factory.mktemp("old-pocl"))
    libraries = own_copy(site, "pyopencl") / ".libs"
    for file in (wheel / "pyopencl" / ".libs").iterdir():
        (libraries / file.name).symlink_to(file)
    (site / "pocl_binary_distribution").symlink_to(wheel / "pocl_binary_distribution")
    return site


BUILD = """
import pyopencl as cl
context = cl.Context(cl.get_platforms()[0].get_devices())
cl.Program(context, "kernel void f(global float *x) { x[0] = 1; }").build()
"""


@needs_pyopencl
def test_driver_that_cannot_build(old_pocl_site: Path, here: Here, tmp_path: Path) -> None:
    none_else = str(vendors_folder(tmp_path / "vendors"))
    if here(old_pocl_site, BUILD, OCL_ICD_VENDORS=none_else).code == 0:
        pytest.skip("pocl-binary-distribution 3.0 does work on this processor")
    told = ("does not work", "cannot build a kernel", "unknown target CPU", "pip uninstall pocl")
    run = here(old_pocl_site, TRAIN, NNKIT_BACKEND="opencl", OCL_ICD_VENDORS=none_else)
    assert_trained(run)
    assert_lines(run, told)
    assert_raised(here(old_pocl_site, USE.format("opencl:0"), OCL_ICD_VENDORS=none_else), *told)


@pytest.mark.skipif(find_spec("cupy") is None, reason="the real cupy wheel is not installed")
@pytest.mark.skipif(any(Path("/dev").glob("nvidia[0-9]*")), reason="this machine has a CUDA GPU")
def test_cupy_without_a_gpu(full_site: Path, here: Here) -> None:
    run = here(full_site, TRAIN, NNKIT_BACKEND="cupy")
    assert_trained(run)
    assert_lines(run, ("backend 'cupy'",))
    assert "not installed" not in run.err[0]
    assert_raised(here(full_site, USE.format("cupy")), "backend 'cupy'")


def test_libraries_that_a_driver_misses_are_loaded_first(tmp_path: Path) -> None:
    """As in a virtual environment that takes some of the wheels from the system."""
    wheel = [driver for driver in drivers.installed() if driver.icd == drivers.WHEEL]
    if not wheel:
        pytest.skip(f"the wheel {drivers.WHEEL} is not installed")
    for file in Path(wheel[0].library).parent.glob("lib*.so*"):
        if "tbb" not in file.name:
            (tmp_path / file.name).symlink_to(file)
    library = str(tmp_path / drivers.WHEEL_LIBRARY)
    (alone,) = probe.run(SCRIPT, "load", [library], [[]]).answer
    assert "libtbb.so" in alone["problem"]
    (helped,) = probe.run(SCRIPT, "load", [library], [drivers.helper_folders(wheel[0])]).answer
    assert helped["problem"] == ""
    assert [Path(path).name for path in helped["preload"]] == ["libtbb.so.12"]


@needs_pyopencl
def test_the_wheels_driver_is_found_beside_the_systems() -> None:
    """Without root and without environment variables, in the environment that runs the tests."""
    try:
        from importlib.metadata import version

        version(drivers.WHEEL)
    except ImportError:
        pytest.skip(f"the wheel {drivers.WHEEL} is not installed")
    if drivers.users_choice():
        pytest.skip("OCL_ICD_VENDORS is set, and a user's own choice is respected")
    reports = adapter("opencl").survey()
    intel = [report for report in reports if report.driver.startswith("Intel(R) OpenCL")]
    assert intel
    assert intel[0].problem == ""
    system = [d for d in drivers.installed() if "pocl" in d.library and not d.hidden_by_default]
    for driver in system:
        seen = any("Portable" in r.driver or driver.library in r.problem for r in reports)
        assert seen, f"the system's {driver.icd} is hidden"
