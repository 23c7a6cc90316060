"""Creation, manipulation, searching and products of our OpenCL arrays.

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


# -- creation --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [(5,), (2, 9), (9, 2, -3), (0, 1, 0.1), (5, -5, -0.3), (1.5, 1.5), (3, 9, -1), (-7, 0, 2)],
    ids=str,
)
@pytest.mark.parametrize("dtype", [None, "float32", "float64", "int16"])
def test_ramps_are_numpys(device: OpenCLBackend, args: Any, dtype: str | None) -> None:
    whole = all(isinstance(a, int) for a in args)
    if dtype == "int16" and not whole:
        pytest.skip("fractions of integers have no meaning")
    wanted = np.dtype(dtype or ("int64" if whole else "float32"))
    made = device.xp.arange(*args, dtype=None if dtype is None else wanted)
    same(device, made, np.arange(*args).astype(wanted), 1e-6)


@pytest.mark.parametrize("num", [0, 1, 2, 50])
@pytest.mark.parametrize("endpoint", [True, False])
def test_evenly_spaced_numbers_are_numpys(device: OpenCLBackend, num: int, endpoint: bool) -> None:
    for start, stop in ((0, 1), (-3.5, 7), (5, 5), (2, -2)):
        made = device.xp.linspace(start, stop, num, endpoint=endpoint)
        expected = np.linspace(start, stop, num, endpoint=endpoint, dtype=np.float32)
        same(device, made, expected, 1e-6)
        if endpoint and num > 1:
            assert device.to_numpy(made)[-1] == np.float32(stop)


def test_the_largest_integers_are_made_whole(device: OpenCLBackend) -> None:
    top = 2**64 - 4
    made = device.xp.arange(top, top + 3, dtype=device.xp.uint64)
    same(device, made, np.array([top, top + 1, top + 2], np.uint64))


@pytest.mark.parametrize("k", [-9, -2, 0, 1, 9])
@pytest.mark.parametrize("dtype", ["bool", "int8", "float32"])
def test_bands_are_numpys(
    device: OpenCLBackend, rng: np.random.Generator, k: int, dtype: str
) -> None:
    data = rng.integers(0, 2, (3, 4, 7)).astype(dtype)
    x, xp = device.asarray(data), device.xp
    same(device, xp.eye(4, 7, k=k, dtype=data.dtype), np.eye(4, 7, k=k, dtype=data.dtype))
    same(device, xp.tril(x, k=k), np.tril(data, k=k))
    same(device, xp.triu(xp.matrix_transpose(x), k=k), np.triu(data.swapaxes(1, 2), k=k))


def test_large_arrays_are_filled_without_an_upload(device: OpenCLBackend) -> None:
    device.xp.full((3,), 7.0)  # its constant is kept
    before = dict(counters.to_device)
    made = [device.xp.full((1000, 1000), 7.0), device.xp.eye(1000), device.xp.arange(1_000_000)]
    assert dict(counters.to_device) == before
    assert float(device.xp.sum(made[0])) == 7e6


def test_grids_are_numpys(device: OpenCLBackend) -> None:
    parts = [np.arange(n, dtype=np.int32) for n in (3, 4, 5)]
    for indexing in ("xy", "ij"):
        made = device.xp.meshgrid(*map(device.asarray, parts), indexing=indexing)
        assert isinstance(made, list)
        expected = np.meshgrid(*parts, indexing=indexing)  # type: ignore[call-overload]
        for array, reference in zip(made, expected, strict=True):
            same(device, array, reference)


# -- manipulation ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float32"])
def test_elements_are_moved_as_numpy_moves_them(
    device: OpenCLBackend, rng: np.random.Generator, dtype: str
) -> None:
    data = rng.integers(0, 100, (3, 1, 5)).astype(dtype)
    x, xp = device.asarray(data), device.xp
    for shift, axis in ((2, None), (-1, 0), ((1, -7), (0, 2)), ((1, 1), (2, 2)), (3, 1)):
        same(device, xp.roll(x, shift, axis=axis), np.roll(data, shift, axis=axis))
    for counts in ((2,), (2, 3, 1), (2, 1, 3, 2), (0, 2), ()):
        same(device, xp.tile(x, counts), np.tile(data, counts))
    for axis in (None, 0, -1):
        same(device, xp.repeat(x, 3, axis=axis), np.repeat(data, 3, axis=axis))
        given = np.arange(data.size if axis is None else data.shape[axis])
        made = xp.repeat(x, device.asarray(given), axis=axis)
        same(device, made, np.repeat(data, given, axis=axis))
    same(device, xp.concat([x, x[::-1]], axis=None), np.concatenate([data, data[::-1]], axis=None))
    same(device, xp.stack([x, x], axis=-1), np.stack([data, data], axis=-1))
    same(device, xp.moveaxis(x, (0, 2), (1, 0)), np.moveaxis(data, (0, 2), (1, 0)))
    same(device, xp.flip(x, axis=(0, 2)), np.flip(data, axis=(0, 2)))
    for part, expected in zip(xp.unstack(x, axis=2), np.unstack(data, axis=2), strict=True):
        same(device, part, expected)


def test_arrays_of_several_dtypes_are_joined_in_their_common_one(device: OpenCLBackend) -> None:
    small, large = np.arange(3, dtype=np.uint8), np.arange(3, dtype=np.int16)
    made = device.xp.concat([device.asarray(small), device.asarray(large)])
    same(device, made, np.concatenate([small, large]))


def test_what_does_not_fit_is_refused(device: OpenCLBackend) -> None:
    xp, x = device.xp, device.asarray(np.zeros((3, 4), np.float32))
    for error, call in (
        (IndexError, lambda: xp.expand_dims(x, axis=4)),
        (ValueError, lambda: xp.squeeze(x, axis=0)),
        (ValueError, lambda: xp.concat([])),
        (ValueError, lambda: xp.concat([x, x[:, :2]])),
        (ValueError, lambda: xp.stack([x, x[:2]])),
        (ValueError, lambda: xp.moveaxis(x, (0, 0), (0, 1))),
        (ValueError, lambda: xp.cumulative_sum(x)),
        (ValueError, lambda: xp.vecdot(x, x[:, :2])),
        (ValueError, lambda: xp.tensordot(x, x[:, :2])),
        (ValueError, lambda: xp.searchsorted(x, x)),
        (ValueError, lambda: xp.arange(0, 1, 0)),
        (ValueError, lambda: xp.reshape(x.T, (12,), copy=False)),
    ):
        with pytest.raises(error):
            call()


# -- searching and products ------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("dtype", ["int8", "uint32", "float32"])
def test_places_in_sorted_numbers_are_numpys(
    device: OpenCLBackend, rng: np.random.Generator, side: Any, dtype: str
) -> None:
    data, values = rng.integers(0, 50, 40).astype(dtype), rng.integers(0, 60, (5, 6)).astype(dtype)
    if dtype == "float32":
        data[3], values[0, 0] = np.nan, np.nan
    order = np.argsort(data)
    x, v, xp = device.asarray(data), device.asarray(values), device.xp
    expected = np.searchsorted(data, values, side=side, sorter=order)
    same(device, xp.searchsorted(x, v, side=side, sorter=device.asarray(order)), expected)
    falling = device.asarray(np.sort(data)[::-1])[::-1]
    same(device, xp.searchsorted(falling, v.T, side=side), expected.T)


def test_products_of_every_dtype(
    device: OpenCLBackend, form: str, rng: np.random.Generator
) -> None:
    for dtype in DTYPES[form]:
        assert_products(device, numbers(rng, dtype, 3, 4, 40), numbers(rng, dtype, 40, 5))


def assert_products(device: OpenCLBackend, a: Any, b: Any) -> None:
    """Every product of a and b is NumPy's."""
    dtype = a.dtype.name
    x, y, xp = device.asarray(a), device.asarray(b), device.xp
    same(device, xp.matmul(x, y), np.matmul(a, b), digits(dtype))
    same(device, xp.matmul(y.T, x.mT), np.matmul(b.T, a.swapaxes(1, 2)), digits(dtype))
    same(device, xp.matmul(x[0, 0], y[:, 0]), np.matmul(a[0, 0], b[:, 0]), digits(dtype))
    made = xp.tensordot(x, xp.matrix_transpose(x), axes=((2, 0), (1, 0)))
    same(device, made, np.tensordot(a, a.swapaxes(1, 2), ((2, 0), (1, 0))), digits(dtype))
    expected = np.sum(a * a[:1], axis=1, dtype=a.dtype)
    same(device, xp.vecdot(x, x[:1], axis=-2), expected, digits(dtype))


def test_products_of_two_dtypes(device: OpenCLBackend) -> None:
    a, b = np.arange(6, dtype=np.int8).reshape(2, 3), np.arange(6, dtype=np.uint8).reshape(3, 2)
    same(device, device.xp.matmul(device.asarray(a), device.asarray(b)), np.matmul(a, b))
    with pytest.raises(TypeError, match="matmul takes numeric arrays"):
        device.xp.matmul(device.asarray(a > 2), device.asarray(b > 2))
