"""Elementwise functions on OpenCL devices against NumPy: every dtype, every edge, every ulp.

Each device runs the kernels for its kind and those that a GPU would get. `--all-devices` adds the
drivers beyond the first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnkit.backends.opencl import elementwise
from nnkit.backends.opencl.backend import OpenCLBackend
from nnkit.backends.opencl.dtypes import ALL
from nnkit.backends.opencl.elementwise import BINARY, UNARY
from nnkit.errors import KernelUnavailable
from tests.backends import BackendAbsent, opencl_devices, opened
from tests.elementwise_values import (
    ALLOWED_ULPS,
    CANCELS,
    EXACT,
    SPECIAL,
    Values,
    edges,
    right,
    samples,
    ulps,
)

NAMES = [*UNARY, *BINARY]
FLOATS = [name for name in NAMES if "f" in (UNARY.get(name) or BINARY[name]).takes]
INEXACT = [n for n in FLOATS if n not in EXACT and not (UNARY.get(n) or BINARY[n]).gives_bool]
DTYPES = {
    # Building a kernel takes 50 ms: each form has half of the integers, both have the floats.
    "its own kernels": ["bool", "int8", "uint16", "int32", "uint64", "float32", "float64"],
    "a GPU's kernels": ["bool", "uint8", "int16", "uint32", "int64", "float32", "float64"],
}
OWN = next(iter(DTYPES))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "device" in metafunc.fixturenames:
        found = opencl_devices() if metafunc.config.getoption("all_devices") else ["opencl"]
        places = [(name, form) for name in found for form in DTYPES]
        metafunc.parametrize("device", places, ids=" ".join, indirect=True, scope="module")


@pytest.fixture(scope="module")
def device(request: Any) -> OpenCLBackend:
    name, form = request.param
    try:
        made = opened(name)
    except BackendAbsent as absence:
        (pytest.fail if absence.is_a_failure else pytest.skip)(str(absence))
    assert isinstance(made, OpenCLBackend)
    if form != OWN:
        made = OpenCLBackend(made.queue.cl_device, made.device, made.index)
        made.queue.cpu = made.queue.launcher.cpu = False
    return made


def form_of(device: OpenCLBackend) -> str:
    return OWN if device.queue.cpu else "a GPU's kernels"


def arity(name: str) -> int:
    return 1 if name in UNARY else 2


def dtypes_of(name: str, device: OpenCLBackend) -> list[np.dtype[Any]]:
    takes = (UNARY.get(name) or BINARY[name]).takes
    chosen = [ALL[d] for d in DTYPES[form_of(device)] if d != "float64" or device.queue.float64]
    return [dtype for dtype in chosen if dtype.kind in takes]


def run(device: OpenCLBackend, name: str, args: list[Values]) -> Values:
    """The function on the device; where it has no kernel, this raises."""
    arrays = [device.asarray(x) for x in args]
    made = getattr(elementwise, "unary" if len(args) == 1 else "binary")(name, *arrays)
    return device.to_numpy(made)


def assert_right(name: str, args: list[Values], y: Values, wanted: Values) -> None:
    """Equal, or within the ulps allowed, for each element."""
    if y.dtype.kind != "f":
        assert y.dtype == wanted.dtype
        error = np.where(y == wanted, 0.0, np.inf)
    else:
        cancels = (name, y.dtype.name) in CANCELS
        error = ulps(y, wanted, larger_term=np.maximum(*args) if cancels else None)
    worst = int(np.argmax(error))
    assert error[worst] <= (0 if name in EXACT else ALLOWED_ULPS), (
        f"{name} of {y.dtype}, {[x[worst] for x in args]}: got {y[worst]!r}, wanted "
        f"{wanted[worst]!r}, {error[worst]:.3g} ulp"
    )


@pytest.mark.parametrize("name", NAMES)
def test_edges_of_all_dtypes(device: OpenCLBackend, name: str) -> None:
    for dtype in dtypes_of(name, device):
        values = edges(dtype)
        pairs = [x.ravel() for x in np.meshgrid(values, values)]
        args = [values] if arity(name) == 1 else pairs
        assert_right(name, args, run(device, name, args), right(name, args))


@pytest.mark.parametrize("name", SPECIAL)
def test_special_cases_of_the_standard(device: OpenCLBackend, name: str) -> None:
    for dtype in dtypes_of(name, device):
        if dtype.kind == "f":
            rows = (SPECIAL[name] * 16)[: 15 * len(SPECIAL[name]) + 7]  # whole vectors, and a tail
            *args, wanted = (np.array(column) for column in zip(*rows, strict=True))
            args = [x.astype(dtype) for x in args]
            y = run(device, name, args)
            if name in EXACT:
                wanted = wanted.astype(dtype)
            assert_right(name, args, y, wanted)


@pytest.mark.parametrize("name", INEXACT)
def test_within_four_ulp_over_the_whole_range(
    device: OpenCLBackend, name: str, rng: np.random.Generator
) -> None:
    for dtype in dtypes_of(name, device):
        if dtype.kind == "f":
            args = [samples(dtype, 2000, rng) for _ in range(arity(name))]
            assert_right(name, args, run(device, name, args), right(name, args))


@pytest.mark.parametrize("name", ["floor_divide", "remainder"])
def test_division_with_remainder_over_the_whole_range(
    device: OpenCLBackend, name: str, rng: np.random.Generator
) -> None:
    for dtype in dtypes_of(name, device):
        if dtype.kind == "f":
            args = [samples(dtype, 2000, rng) for _ in range(2)]
            assert_right(name, args, run(device, name, args), right(name, args))


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint64"])
def test_clip_and_where(device: OpenCLBackend, dtype: str, rng: np.random.Generator) -> None:
    x, low, high = (rng.permutation(np.resize(edges(ALL[dtype]), 87)) for _ in range(3))
    low, high = np.minimum(low, high), np.maximum(low, high)
    chosen = rng.random(87) < 0.5
    arrays = [device.asarray(v) for v in (x, low, high, chosen)]
    y = device.to_numpy(elementwise.clip(*arrays[:3]))
    np.testing.assert_array_equal(y, np.clip(x, low, high))
    assert y.dtype == x.dtype
    y = device.to_numpy(elementwise.where(arrays[3], *arrays[:2]))
    np.testing.assert_array_equal(y, np.where(chosen, x, low))
    one_sided = device.to_numpy(elementwise.clip(arrays[0], max=3))
    np.testing.assert_array_equal(one_sided, np.minimum(x, np.array(3, x.dtype)))
    np.testing.assert_array_equal(device.to_numpy(elementwise.clip(arrays[0])), x)


def test_two_dtypes_meet_in_their_common_one(device: OpenCLBackend) -> None:
    for one, other in [("int8", "int32"), ("uint8", "int16"), ("int32", "uint16")]:
        x, z = edges(ALL[one]), edges(ALL[other])
        x, z = (v.ravel() for v in np.meshgrid(x, z))
        for name in ("add", "less", "floor_divide"):
            with np.errstate(all="ignore"):
                wanted = getattr(np, name)(x, z)
            assert_right(name, [x, z], run(device, name, [x, z]), wanted)


def test_views_broadcast_and_turned(device: OpenCLBackend, rng: np.random.Generator) -> None:
    data = rng.normal(size=(37, 70)).astype(np.float32)
    x, xp = device.asarray(data), device.xp
    for view in (np.s_[:, 1:], np.s_[::-2, ::3], np.s_[:, :1], np.s_[3, 5:40], np.s_[..., -1]):
        np.testing.assert_array_equal(
            device.to_numpy(xp.add(x[view], xp.square(x)[view])), data[view] + (data**2)[view]
        )
    np.testing.assert_array_equal(
        device.to_numpy(xp.less(x[:, :1], x[4, :])), data[:, :1] < data[4, :]
    )
    np.testing.assert_array_equal(device.to_numpy(xp.multiply(x.T, 2.0)), data.T * np.float32(2))


def test_a_result_larger_than_the_caches(device: OpenCLBackend) -> None:
    data = np.arange(2**23 + 21, dtype=np.float32)
    x = device.asarray(data)
    np.testing.assert_array_equal(device.to_numpy(device.xp.add(x, x)), data + data)
    shifted = device.to_numpy(device.xp.negative(x[3:]))
    np.testing.assert_array_equal(shifted, -data[3:])


@pytest.mark.parametrize("name", ["exp", "add"])
def test_complex_numbers_have_no_kernel(device: OpenCLBackend, name: str) -> None:
    with pytest.raises(KernelUnavailable, match=f"{name} has no kernel for complex64"):
        run(device, name, [np.ones(3, np.complex64)] * arity(name))


def test_ulps_are_counted_right() -> None:
    one, next_one = np.float32(1), np.nextafter(np.float32(1), np.float32(2))
    assert ulps(np.array([next_one]), np.array([1.0]))[0] == 1
    assert ulps(np.array([one]), np.array([1.0]))[0] == 0
    for y, wanted in [(0.0, -0.0), (np.nan, 1.0), (np.inf, 1.0), (1.0, np.inf), (-np.inf, np.inf)]:
        assert ulps(np.array([y], np.float32), np.array([wanted]))[0] == np.inf
