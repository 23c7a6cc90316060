"""Reductions and scans of our OpenCL arrays: dtypes, axes, accuracy.

Compared with NumPy on views and several dtypes, with a CPU's kernels and a GPU's; none may fall
back to the host.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from nnkit import counters
from nnkit.backends.opencl.backend import OpenCLBackend
from tests.backends import opencl_devices
from tests.opencl_forms import DTYPES, FORMS, device_in, digits, numbers, same


@pytest.fixture(params=FORMS)
def form(request: Any) -> str:
    """Whose kernels run."""
    kind: str = request.param
    return kind


@pytest.fixture
def device(form: str) -> Iterator[OpenCLBackend]:
    """The device in that form; what is tested here runs on it."""
    made = device_in(form)
    counters.reset()
    yield made
    assert not counters.fallbacks


# -- reductions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [None, 2, (0, 2), ()], ids=str)
@pytest.mark.parametrize("view", [np.s_[:], np.s_[:, 1::2, ::-2]], ids=str)
def test_reductions_are_numpys(
    device: OpenCLBackend, form: str, rng: np.random.Generator, axis: Any, view: Any
) -> None:
    for dtype in DTYPES[form]:
        data = numbers(rng, dtype, 3, 5, 40)
        data[0, 0, :3] = 0
        assert_reductions(device, device.asarray(data)[view], data[view], axis)


def assert_reductions(device: OpenCLBackend, x: Any, data: Any, axis: Any) -> None:
    """Every reduction of x gives NumPy's of `data`."""
    xp, dtype = device.xp, data.dtype.name
    for name in ("sum", "prod", "max", "min", "count_nonzero"):
        for keepdims in (False, True):
            expected = np.asarray(getattr(np, name)(data, axis=axis, keepdims=keepdims))
            wide = expected.astype(np.int64) if name == "count_nonzero" else expected
            same(device, getattr(xp, name)(x, axis=axis, keepdims=keepdims), wide, digits(dtype))
    for name in ("any", "all"):
        same(device, getattr(xp, name)(x, axis=axis), getattr(np, name)(data, axis=axis))
    if dtype.startswith("float"):
        for name in ("mean", "var", "std"):
            expected = getattr(np, name)(data, axis=axis)
            same(device, getattr(xp, name)(x, axis=axis), expected, digits(dtype))


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_positions_are_those_of_the_first(
    device: OpenCLBackend, form: str, rng: np.random.Generator, name: str
) -> None:
    for dtype in DTYPES[form]:
        data = rng.integers(0, 5, (3, 9000)).astype(dtype)
        x, find, reference = device.asarray(data), getattr(device.xp, name), getattr(np, name)
        for axis in (None, 0, 1):
            same(device, find(x, axis=axis), reference(data, axis=axis))
        turned = find(x.T, axis=0, keepdims=True)
        same(device, turned, reference(data.T, axis=0, keepdims=True))


def test_reductions_of_no_elements(device: OpenCLBackend) -> None:
    xp, x = device.xp, device.asarray(np.zeros((3, 0), np.float32))
    same(device, xp.sum(x, axis=1), np.zeros(3, np.float32))
    same(device, xp.prod(x, axis=1), np.ones(3, np.float32))
    same(device, xp.all(x), np.asarray(True))
    same(device, xp.max(x, axis=0), np.zeros(0, np.float32))
    assert np.isnan(device.to_numpy(xp.mean(x, axis=1))).all()
    for name in ("max", "argmin"):
        with pytest.raises(ValueError, match="have no elements"):
            getattr(xp, name)(x, axis=1)
    with pytest.raises(ValueError, match="named twice"):
        xp.sum(x, axis=(0, 0))


def test_reductions_take_the_dtypes_of_the_standard(device: OpenCLBackend) -> None:
    xp, x = device.xp, device.asarray(np.arange(300))
    assert device.to_numpy(xp.sum(x, dtype=xp.int8)) == np.arange(300).sum(dtype=np.int8)
    assert xp.sum(x, dtype=xp.float32).dtype == np.float32
    halves = device.asarray(np.full(4, 1.5, np.float32))
    assert int(xp.sum(halves, dtype=xp.int64)) == 4
    for name, wrong in (("mean", x), ("var", x), ("sum", x > 3), ("cumulative_sum", x > 3)):
        with pytest.raises(TypeError, match=f"{name} takes"):
            getattr(xp, name)(wrong)


@pytest.mark.parametrize("correction", [0, 1, 0.5, 5])
def test_variances_divide_by_what_is_left(
    device: OpenCLBackend, rng: np.random.Generator, correction: float
) -> None:
    data = (rng.normal(size=(5, 7)) + 1000).astype(np.float32)
    with np.errstate(all="ignore"):
        sums = np.square(data - data.mean(axis=0, dtype=np.float64)).sum(axis=0)
        expected = (sums / np.float64(5 - correction)).astype(np.float32)
    made = device.xp.var(device.asarray(data), axis=0, correction=correction)
    same(device, made, expected, 2e-4)


# -- accuracy --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["uniform", "constant", "wide"])
def test_sums_and_means_of_a_million_lose_no_digits(
    form: str, rng: np.random.Generator, kind: str
) -> None:
    """Within 1e-6 of the sum of absolute values, on every device, axis and view."""
    flat = {
        "uniform": rng.uniform(0, 1, 1_000_000),
        "constant": np.full(1_000_000, 0.1),
        "wide": np.exp(8 * rng.normal(size=1_000_000)) * rng.choice([-1, 1], 1_000_000),
    }[kind].astype(np.float32)
    for name in opencl_devices():
        backend = device_in(form, name)
        for shape in ((1000, 1000), (2, 500_000)):
            data = flat.reshape(shape)
            x = backend.asarray(data)
            for host, view in ((data, x), (data.T, x.T), (data[::2, ::-1], x[::2, ::-1])):
                _assert_no_digit_lost(backend, host.astype(np.float64), view)


def _assert_no_digit_lost(backend: OpenCLBackend, data: Any, x: Any) -> None:
    for axis in (None, 0, 1):
        bound = 1e-6 * np.sum(np.abs(data), axis=axis)
        count = data.size // bound.size
        total = backend.to_numpy(backend.xp.sum(x, axis=axis)).astype(np.float64)
        middle = backend.to_numpy(backend.xp.mean(x, axis=axis)).astype(np.float64)
        assert np.all(np.abs(total - np.sum(data, axis=axis)) <= bound)
        assert np.all(np.abs(middle - np.mean(data, axis=axis)) <= bound / count)


def test_a_sum_has_the_same_bits_each_time(device: OpenCLBackend, rng: np.random.Generator) -> None:
    x = device.asarray(rng.normal(size=(300, 1001)).astype(np.float32))
    for axis in (None, 0, 1):
        first = device.to_numpy(device.xp.sum(x, axis=axis))
        for _ in range(3):
            same(device, device.xp.sum(x, axis=axis), first)


def test_infinities_and_overflow_in_sums(device: OpenCLBackend) -> None:
    data = np.zeros((4, 100), np.float32)
    data[0, 50], data[1, 3], data[1, 90], data[2, 7] = np.inf, np.inf, -np.inf, np.nan
    data[3, :2] = 3e38
    expected = np.array([np.inf, np.nan, np.nan, np.inf], np.float32)
    x = device.asarray(data)
    same(device, device.xp.sum(x, axis=1), expected)
    same(device, device.xp.sum(x.T, axis=0), expected)
    same(device, device.xp.cumulative_sum(x, axis=1)[:, -1], expected)


# -- scans -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 5, 40), (2, 3000, 3), (5, 0, 2)], ids=str)
def test_running_sums_and_products_are_numpys(
    device: OpenCLBackend, form: str, rng: np.random.Generator, shape: tuple[int, ...]
) -> None:
    for dtype in DTYPES[form]:
        data = numbers(rng, dtype, *shape)
        assert_scans(device, device.asarray(data), data)


def assert_scans(device: OpenCLBackend, x: Any, data: Any) -> None:
    """Running sums and products of x are NumPy's of `data`."""
    xp, dtype = device.xp, data.dtype.name
    for axis in (0, 1, -1):
        expected = np.cumulative_sum(data, axis=axis)
        same(device, xp.cumulative_sum(x, axis=axis), expected, 5 * digits(dtype))
        made = xp.cumulative_sum(x[:, :, ::-1], axis=axis, include_initial=True)
        expected = np.cumulative_sum(data[:, :, ::-1], axis=axis, include_initial=True)
        same(device, made, expected, 5 * digits(dtype))
    expected = np.cumulative_prod(data, axis=1)
    same(device, xp.cumulative_prod(x, axis=1), expected, digits(dtype))


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("n", [0, 1, 2, 9])
def test_differences_are_numpys(
    device: OpenCLBackend, rng: np.random.Generator, axis: int, n: int
) -> None:
    data = rng.integers(-100, 100, (4, 7)).astype(np.int16)
    x, xp = device.asarray(data), device.xp
    same(device, xp.diff(x, axis=axis, n=n), np.diff(data, axis=axis, n=n))
    made = xp.diff(x, axis=axis, n=n, prepend=x, append=x)
    same(device, made, np.diff(data, axis=axis, n=n, prepend=data, append=data))
