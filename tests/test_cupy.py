"""What of the CuPy backend can be checked without a GPU; with one, every test runs on it too."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import kernels
from nnkit.backends.cupy import presence
from nnkit.errors import BackendUnavailable, DeviceError, FallbackWarning, KernelUnavailable
from tests.backends import has_cuda_gpu

without_gpu = pytest.mark.skipif(has_cuda_gpu(), reason="a CUDA GPU is here")


@pytest.fixture
def launch() -> Any:
    """The module that launches; it needs CuPy, but no GPU."""
    if find_spec("cupy") is None:
        if (sys.platform, platform.machine()) == ("linux", "x86_64"):
            pytest.fail("CuPy must be here: pip install 'nnkit[test]'")
        pytest.skip("CuPy has no wheel for this machine")
    return import_module("nnkit.backends.cupy.launch")


def python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)


@without_gpu
def test_asked_for_in_code_it_says_why_it_is_not_there() -> None:
    with pytest.raises(BackendUnavailable, match=r"NVIDIA driver|CuPy is not installed") as caught:
        nnkit.use("cupy")
    assert caught.value.backend == "cupy"
    assert caught.value.remedy
    with pytest.raises(BackendUnavailable, match="backend 'cupy' is not available"):
        import_module("nnkit.backends.cupy").survey()


@without_gpu
def test_chosen_by_the_variable_the_next_choice_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NNKIT_FALLBACK", raising=False)
    with (
        pytest.warns(FallbackWarning, match="backend 'cupy' is not available: .* Fix: ") as said,
        nnkit.use("cupy", fallback=True) as backend,
    ):
        assert backend.name == "numpy"
    assert len(said) == 1


@without_gpu
def test_looking_for_it_does_not_import_cupy_where_there_is_no_driver() -> None:
    code = (
        "import sys, nnkit\n"
        "try: nnkit.use('cupy')\n"
        "except nnkit.BackendUnavailable as error: print('cupy' in sys.modules, error.reason)"
    )
    done = python(code)
    loaded, _, reason = done.stdout.partition(" ")
    assert loaded == "False" or "does not load" not in reason, done.stdout


def test_a_driver_too_old_is_told_from_no_device() -> None:
    reason, remedy = presence._mismatch(11040, 12090)
    assert reason == "the driver supports CUDA 11.4, this CuPy needs 12.9"
    assert "update NVIDIA's driver" in remedy
    assert presence._mismatch(0, 12090)[0].startswith("the driver supports no CUDA")
    assert presence._mismatch(13000, 12090)[0] == "CuPy sees no usable CUDA device"


def test_missing_cuda_libraries_are_told_from_a_bad_driver(launch: Any) -> None:
    """The problem is what CuPy says without NVRTC."""
    found = presence.remedy('DynamicLibNotFoundError: Failure finding "libnvrtc.so.12"')
    assert (
        f"pip install 'cupy-cuda{launch.cupy.cuda.runtime.runtimeGetVersion() // 1000}x[" in found
    )
    assert "driver" in presence.remedy("the test kernel gave wrong numbers")


@pytest.mark.parametrize("device", ["2", "-1", "nvidia", "0x0"])
def test_a_device_that_is_not_there_lists_those_that_are(device: str) -> None:
    adapter = import_module("nnkit.backends.cupy")
    with pytest.raises(BackendUnavailable, match=f"no device '{device}'.*cupy:0, cupy:1"):
        adapter._index(device, 2)
    assert [adapter._index(text, 2) for text in (None, "0", "1")] == [0, 0, 1]


def test_arguments_are_laid_out_in_the_kernels_own_types(launch: Any) -> None:
    """A Python number would travel as 64 bits; offsets are 0, the pointer holds them."""
    signature = kernels.signatures("loss", {"real": "float", "label": "i32"})
    pack = launch.packer(signature["cross_entropy_soft_backward"])
    arrays = [object() for _ in range(5)]
    x, target, saved, g, d = arrays
    laid = pack((x, target, saved, g, True, 0.25, d, 4, 7))
    assert len(laid) == len(signature["cross_entropy_soft_backward"].args)
    assert [value for value in laid if value in arrays] == arrays
    numbers = [value for value in laid if value not in arrays]
    kinds = [np.int64] * 4 + [np.int32, np.float32] + [np.int64] * 3
    assert [type(value) for value in numbers] == kinds
    assert numbers == [0, 0, 0, 0, 1, 0.25, 0, 4, 7]


def test_a_missing_argument_is_named(launch: Any) -> None:
    pack = launch.packer(kernels.signatures("activation", {"real": "float"})["relu_forward"])
    with pytest.raises(TypeError, match=r"kernel relu_forward\(x, y, n\) got 2 arguments"):
        pack((object(), object()))


def test_cuda_errors_become_refusals_or_device_errors(launch: Any) -> None:
    """Invalid value and out of launch resources never ran; an illegal address did."""
    for status, expected in ((1, KernelUnavailable), (701, KernelUnavailable), (700, DeviceError)):
        error = launch.CUDARuntimeError(status)
        made = launch.failure(error, "kernels/loss.cl, softmax", "a GPU")
        assert isinstance(made, expected), status
        assert "kernels/loss.cl, softmax" in str(made)
        assert "a GPU" in str(made)
        assert "cudaError" in str(made)


def test_a_build_log_is_cut_to_its_first_error(launch: Any) -> None:
    log = "\nwarning: unused\nloss.cl(7): error: identifier is undefined\n1 error detected\n"
    assert launch.first_error(log) == "loss.cl(7): error: identifier is undefined"
    assert launch.first_error("") == "no log"


def test_everything_that_the_backend_uses_of_cupy_is_there(launch: Any) -> None:
    """The modules import without a GPU, and the names they need exist in this CuPy."""
    backend = import_module("nnkit.backends.cupy.backend")
    import_module("nnkit.backends.cupy.probe")
    assert backend.linalg.COMPUTE_TYPE_TF32 != backend.linalg.COMPUTE_TYPE_DEFAULT
    assert not launch.cupy.cuda.runtime.is_hip
    for name in ("getDevice", "setDevice", "getDeviceProperties", "driverGetVersion"):
        assert callable(getattr(launch.cupy.cuda.runtime, name)), name
    for name in ("attributes", "mem_info", "compute_capability", "synchronize"):
        assert hasattr(launch.cupy.cuda.Device, name), name


def test_a_namespace_of_cupy_has_what_the_ops_use(launch: Any) -> None:
    backend = import_module("nnkit.backends.cupy.backend")
    made = nnkit.backend.Namespace(backend.compat, backend.Extension(lambda: None, None))
    host = nnkit.backend.numpy_backend().xp
    standard = [name for name in vars(host) if hasattr(import_module("array_api_strict"), name)]
    assert len(standard) > 150
    missing = [name for name in standard if name not in vars(made)]
    assert not missing
    ours = [name for name in vars(type(made.ext)) if not name.startswith("_")]
    assert sorted(ours) == sorted(host.ext.__all__)


def test_a_cuda_device_works_here(rng: np.random.Generator) -> None:
    """Only where there is a GPU: opened, probed, and a whole step of ours on it."""
    if not has_cuda_gpu():
        pytest.skip("no CUDA GPU here")
    with nnkit.use("cupy") as backend:
        x = nnkit.tensor(rng.normal(size=(4, 7)), dtype="float32", requires_grad=True)
        nnkit.ops.cross_entropy(x, nnkit.tensor(np.arange(4))).backward()
        assert backend.owns(x.grad.data)
        assert nnkit.counters.launches["cupy", "cross_entropy_backward"] == 1
        assert backend.facts()["float32 products"] == "full precision"
