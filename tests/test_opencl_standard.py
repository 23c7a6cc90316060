"""Our OpenCL namespace beside the functions themselves: devices, DLPack, extensions, the host.

The functions are compared with array-api-strict, one by one, in `test_array_standard.py`.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest

import nnkit
from nnkit import counters
from nnkit.backends.opencl import xp as module
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.backend import OpenCLBackend
from tests.backends import opened
from tests.opencl_forms import FORMS, device_in

EXCEPTIONS = Path(__file__).parent / "array_api_exceptions.txt"
SUITE = 1380
"""Tests of the conformance suite for 2024.12."""


@pytest.fixture(scope="module")
def device() -> OpenCLBackend:
    return device_in(FORMS[0])


@pytest.fixture
def other(device: OpenCLBackend) -> OpenCLBackend:
    """A second device: the same opened once more, which shares nothing with the first."""
    return OpenCLBackend(device.queue.cl_device, "another", device.index)


# -- devices ---------------------------------------------------------------------------------------


def test_the_module_makes_arrays_on_the_device_in_use(
    device: OpenCLBackend, other: OpenCLBackend
) -> None:
    for backend in (device, other):
        with nnkit.use(backend):
            assert module.zeros(3).device is backend.queue
            assert module.__array_namespace_info__().default_device() is backend.queue
    with nnkit.use("numpy"):
        assert module.zeros(3).device is opened("opencl").queue  # type: ignore[attr-defined]
    assert module.asarray(other.xp.zeros(2)).device is other.queue
    assert other.xp.zeros_like(device.xp.zeros(2)).device is device.queue


def test_arrays_of_two_devices_do_not_mix_and_move_by_to_device(
    device: OpenCLBackend, other: OpenCLBackend
) -> None:
    x, y = device.xp.asarray([1.0, 2.0]), other.xp.asarray([3.0, 4.0])
    for wrong in (
        lambda: x + y,
        lambda: x.__setitem__(0, y[0]),
        lambda: x[other.xp.asarray([0])],
        lambda: device.xp.take(x, other.xp.asarray([0])),
        lambda: other.xp.asarray(x, device=other.queue),
        lambda: x.to_device("cpu"),
        lambda: x.to_device(x.device, stream=1),
    ):
        with pytest.raises(ValueError, match="device"):
            wrong()
    assert x.to_device(x.device) is x
    moved = x.to_device(other.queue)
    assert moved.device is other.queue
    np.testing.assert_array_equal((moved + y).numpy(), [4, 6])


def test_what_the_namespace_says_of_itself(device: OpenCLBackend, other: OpenCLBackend) -> None:
    info = device.xp.base.__array_namespace_info__()
    assert info.default_device() is device.queue
    assert info.capabilities()["boolean indexing"] is True
    assert info.devices()[0] is device.queue
    assert info.default_dtypes()["real floating"] == np.float32
    assert set(info.dtypes(kind="complex floating")) <= {"complex64", "complex128"}
    assert set(info.dtypes(kind=("bool", "signed integer"))) == {
        "bool", "int8", "int16", "int32", "int64",
    }  # fmt: skip
    other.queue.float64 = False
    assert not {"float64", "complex128"} & set(info.dtypes(device=other.queue))
    with pytest.raises(TypeError, match="float64"):
        other.xp.zeros(3, dtype=module.float64)
    x = device.xp.zeros(3)
    assert x.__array_namespace__(api_version="2024.12") is module
    with pytest.raises(ValueError, match="2024"):
        x.__array_namespace__(api_version="2021.12")


# -- other libraries -------------------------------------------------------------------------------


def test_dlpack_shares_memory_where_the_device_works_in_the_hosts(device: OpenCLBackend) -> None:
    if not device.queue.pool.shares:
        pytest.skip("this device has memory of its own")
    x = device.asarray(np.arange(12, dtype=np.float32).reshape(3, 4))
    view = np.from_dlpack(x)
    seen = np.asarray(x[:, ::2], copy=False)
    x += 1.0
    device.synchronize()
    np.testing.assert_array_equal(view, np.arange(1, 13).reshape(3, 4))
    np.testing.assert_array_equal(seen, view[:, ::2])
    mine = np.zeros(4096, np.float32)
    for shared in (device.xp.from_dlpack(mine), device.xp.asarray(mine, copy=False)):
        shared += 1.0
        device.synchronize()
    assert mine[17] == 2.0
    apart = device.xp.from_dlpack(mine, copy=True)
    apart += 1.0
    device.synchronize()
    assert mine[17] == 2.0


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float32", "complex128"])
def test_dlpack_carries_every_dtype_both_ways(device: OpenCLBackend, dtype: str) -> None:
    data = np.array([[0, 1, 2], [3, 0, 5]]).astype(dtype)
    x = device.asarray(data)
    assert x.__dlpack_device__() == ((1, 0) if device.queue.cpu else (4, 0))

    class Through:  # NumPy asks for the capsule by these two methods
        def __dlpack__(self, **options: Any) -> Any:
            return x.mT.__dlpack__(**options | {"copy": True, "dl_device": (1, 0)})

        def __dlpack_device__(self) -> tuple[int, int]:
            return (1, 0)

    copied = np.from_dlpack(Through())
    np.testing.assert_array_equal(copied, data.T)
    assert copied.dtype == data.dtype
    np.testing.assert_array_equal(device.xp.from_dlpack(data.T, copy=True).numpy(), data.T)
    assert device.xp.from_dlpack(x).block is x.block
    assert device.xp.from_dlpack(x, copy=True).block is not x.block


def test_a_copy_that_may_not_be_made_is_an_error(
    device: OpenCLBackend, other: OpenCLBackend
) -> None:
    x = device.asarray(np.zeros(3, np.float32))
    with pytest.raises(BufferError):
        x.__dlpack__(dl_device=(2, 0))
    with pytest.raises(BufferError):
        device.xp.from_dlpack(np.zeros((4, 4))[:, ::2], copy=False)
    with pytest.raises(BufferError):
        other.xp.from_dlpack(x, device=other.queue, copy=False)
    for wrong in (
        lambda: np.asarray(x, dtype=np.float64, copy=False),
        lambda: device.xp.asarray([1.0], copy=False),
        lambda: x.__dlpack__(stream=1),
    ):
        with pytest.raises(ValueError, match=r"copy|stream"):
            wrong()


# -- what runs on the host -------------------------------------------------------------------------


def extension_functions() -> list[str]:
    return [f"linalg.{n}" for n in strict.linalg.__all__] + [f"fft.{n}" for n in strict.fft.__all__]


@pytest.mark.parametrize("name", extension_functions())
def test_the_extensions_have_the_names_and_signatures_of_the_standard(name: str) -> None:
    family, _, function = name.partition(".")
    ours, theirs = (getattr(getattr(m, family), function) for m in (module, strict))
    mine, reference = (inspect.signature(f).parameters for f in (ours, theirs))
    assert [(p.name, p.kind) for p in mine.values()] == [
        (p.name, p.kind) for p in reference.values()
    ]


@pytest.mark.filterwarnings("ignore::nnkit.FallbackWarning")
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_the_extensions_give_numpys_results_and_are_counted(
    device: OpenCLBackend, rng: np.random.Generator, dtype: str
) -> None:
    xp, counted = device.xp, counters.fallbacks
    a = (rng.normal(size=(4, 4)) + 4 * np.eye(4)).astype(dtype)
    x = device.asarray(a)
    counters.reset()
    close: Any = lambda y, r: np.testing.assert_allclose(y.numpy(), r, rtol=1e-4, atol=1e-5)  # noqa: E731
    close(xp.linalg.inv(x), np.linalg.inv(a))
    q, r = xp.linalg.qr(x)
    close(q @ r, a)
    close(xp.fft.fft(x, axis=0), np.fft.fft(a, axis=0))
    close(xp.linalg.vector_norm(x, axis=1), np.linalg.norm(a, axis=1))
    assert {"linalg.inv", "linalg.qr", "fft.fft"} <= {row.op for row in counted}
    assert {row.dtype for row in counted} == {dtype}
    assert xp.fft.fftfreq(5).dtype == np.float32
    assert isinstance(xp.fft.rfftfreq(5, d=0.5), Array)


@pytest.mark.filterwarnings("ignore::nnkit.FallbackWarning")
def test_complex_arithmetic_runs_on_the_host_and_is_counted(
    device: OpenCLBackend, rng: np.random.Generator
) -> None:
    a = (rng.normal(size=(4, 7)) + 1j * rng.normal(size=(4, 7))).astype(np.complex64)
    x = device.asarray(a)
    real = device.xp.real(x)
    counters.reset()
    for ours, reference in (
        (x * x + 1j, a * a + 1j),
        (real + 2j, a.real + np.complex64(2j)),
        (2.0 / x, np.complex64(2) / a),
        (abs(x), np.abs(a)),
        (device.xp.sum(x, axis=0), a.sum(axis=0)),
        (x @ x.mT, a @ a.T),
        (device.xp.exp(x), np.exp(a)),
    ):
        np.testing.assert_allclose(ours.numpy(), reference, rtol=1e-5, atol=1e-5)
        assert ours.dtype == reference.dtype
    counted = {row.op for row in counters.fallbacks}
    assert {"multiply", "add", "divide", "abs", "sum", "matmul", "exp"} <= counted
    x *= 2.0
    np.testing.assert_array_equal(x.numpy(), a * np.complex64(2))
    with pytest.raises(TypeError):
        real += 1j
    with pytest.raises(TypeError):
        bool(x[0, 0] < x[0, 1])


# -- the conformance suite -------------------------------------------------------------------------


def test_each_exception_to_the_conformance_suite_has_a_reason() -> None:
    head, *groups = EXCEPTIONS.read_text(encoding="utf-8").strip().split("\n\n# ")
    assert "array_api_tests" in head
    found = []
    for group in groups:
        reason, *_ = group.partition("array_api_tests/")
        assert len(re.findall(r"\w+", reason)) > 5, group
        found += re.findall(r"^array_api_tests/test_\w+\.py::test_\S.*$", group, re.MULTILINE)
    assert len(found) == len(set(found)) > 0
    assert len(found) <= 0.02 * SUITE
