"""`ext`, the functions beside the standard: each backend against NumPy's, and NumPy's by itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from nnkit.backend import Backend
from nnkit.backends.numpy import ext

ULPS_OF_ERF = 4


def same_bits(backend: Backend, array: Any, reference: Any) -> None:
    """The array has the reference's shape, dtype and every bit."""
    actual = backend.to_numpy(array)
    assert (actual.shape, actual.dtype) == (reference.shape, reference.dtype)
    np.testing.assert_array_equal(actual, reference)


# -- erf -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_erf_is_right_to_four_ulp(backend: Backend, dtype: str) -> None:
    if not backend.supports(dtype):
        pytest.skip(f"{backend.device} has no {dtype}")
    sizes = np.logspace(math.log10(np.finfo(dtype).tiny), 1, 3000)
    x = np.concatenate([np.linspace(-7, 7, 20001), sizes, -sizes]).astype(dtype)
    exact = np.array([math.erf(v) for v in x.tolist()])
    y = backend.to_numpy(backend.xp.ext.erf(backend.asarray(x)))
    assert y.dtype == x.dtype
    unit = np.spacing(np.abs(exact.astype(dtype))).astype(np.float64)
    assert np.max(np.abs(y.astype(np.float64) - exact) / unit) <= ULPS_OF_ERF


def test_erf_of_special_values_and_of_views(backend: Backend) -> None:
    x = np.array([[np.nan, np.inf, -np.inf], [0.0, -0.0, 1.0]], np.float32)
    y = backend.to_numpy(backend.xp.ext.erf(backend.asarray(x)))
    np.testing.assert_allclose(y, [[np.nan, 1, -1], [0, 0, math.erf(1)]], rtol=1e-6)
    assert np.signbit(y[1, 1])
    assert not np.signbit(y[1, 0])
    turned = backend.xp.matrix_transpose(backend.asarray(x))
    np.testing.assert_array_equal(backend.to_numpy(backend.xp.ext.erf(turned)), y.T)


def test_erf_refuses_integers(backend: Backend) -> None:
    with pytest.raises(TypeError, match="erf takes float32 and float64, got int64"):
        backend.xp.ext.erf(backend.asarray(np.arange(3)))


# -- random bits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "uint64"])
@pytest.mark.parametrize("shape", [0, 1, 7, 1000, (3, 5)], ids=str)
@pytest.mark.parametrize("counter", [0, 5, 2**64 - 2])
def test_random_bits_are_numpys_stream(
    backend: Backend, shape: Any, counter: int, dtype: str
) -> None:
    key = 3 << 64 | 12345
    used = np.asarray(counter, np.uint64)
    words = np.random.Philox(key=key, counter=counter).random_raw(1000)
    expected = words.view(dtype)[: math.prod(np.atleast_1d(shape))].reshape(shape)
    made = backend.xp.ext.random_bits(shape, key, backend.asarray(used), getattr(np, dtype))
    same_bits(backend, made, expected)


def test_a_stream_goes_on_where_its_counter_says(backend: Backend) -> None:
    def part(blocks_used: int, n: int) -> Any:
        counter = backend.asarray(np.asarray(blocks_used, np.uint64))
        return backend.to_numpy(backend.xp.ext.random_bits(n, 7, counter))

    whole = part(0, 64)
    np.testing.assert_array_equal(part(3, 40), whole[24:])
    uniform = (whole >> 8) * np.float32(2**-24)
    generator = np.random.Generator(np.random.Philox(key=7))
    np.testing.assert_array_equal(uniform, generator.random(64, dtype=np.float32))


def test_random_bits_name_what_is_wrong(backend: Backend) -> None:
    counter = backend.asarray(np.asarray(0, np.uint64))
    with pytest.raises(ValueError, match="key must be in"):
        backend.xp.ext.random_bits(3, -1, counter)
    with pytest.raises(TypeError, match="dtype must be one of uint16, uint32, uint64"):
        backend.xp.ext.random_bits(3, 1, counter, np.float32)


# -- scattered sums --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "axis", "index"),
    [((50, 4), 0, (300,)), ((3, 50, 4), 1, (20, 6)), ((6, 7), -1, (40,)), ((5,), 0, ()),
     ((5, 0), 0, (3,)), ((5, 2), 0, (0,)), ((40_000,), 0, (500,))],
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "int8", "int64"])
def test_scattered_sums_are_those_of_a_loop(
    backend: Backend, rng: np.random.Generator, shape: Any, axis: int, index: Any, dtype: str
) -> None:
    at = axis % len(shape)
    places = rng.integers(-shape[axis], shape[axis], index)
    target = rng.integers(-100, 100, shape).astype(dtype) / np.asarray(7, dtype)
    target = target.astype(dtype)
    values = rng.integers(-100, 100, (*shape[:at], *index, *shape[at + 1 :])).astype(dtype)
    values = (values / np.asarray(3, dtype)).astype(dtype)
    expected = np.moveaxis(target.copy(), at, 0)
    rows = values.reshape(*shape[:at], math.prod(index), *shape[at + 1 :])
    for place, value in zip(places.reshape(-1), np.moveaxis(rows, at, 0), strict=True):
        expected[place] += value
    expected = np.moveaxis(expected, 0, at)
    given = [backend.asarray(a) for a in (target, places, values)]
    made = backend.xp.ext.scatter_add(given[0], given[1], given[2], axis)
    same_bits(backend, made, np.ascontiguousarray(expected))
    np.testing.assert_array_equal(backend.to_numpy(given[0]), target)


def test_a_scatter_onto_zeros_and_of_views(backend: Backend, rng: np.random.Generator) -> None:
    values = rng.normal(size=(4, 30)).astype(np.float32)
    places = rng.integers(0, 6, 60)
    x, i = backend.asarray(values), backend.asarray(places)
    made = backend.xp.ext.scatter_add((6, 4), i[::2], backend.xp.matrix_transpose(x))
    same_bits(backend, made, ext.scatter_add((6, 4), places[::2], values.T))


def test_a_scatter_names_what_does_not_fit(backend: Backend) -> None:
    x, i = backend.asarray(np.ones((3, 4), np.float32)), backend.asarray(np.arange(2))
    with pytest.raises(ValueError, match=r"values must have the shape \(2, 4\)"):
        backend.xp.ext.scatter_add(x, i, x)
    with pytest.raises(TypeError, match="index must hold integers, got float32"):
        backend.xp.ext.scatter_add(x, x, x)


# -- windows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 4])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 2), (1, 4)])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_windows_hold_what_their_formula_says(
    backend: Backend, rng: np.random.Generator, size: int, stride: int, dilation: int, axis: int
) -> None:
    data = rng.normal(size=(13, 14, 15)).astype(np.float32)
    moved = np.moveaxis(data, axis, 0)
    count = (moved.shape[0] - dilation * (size - 1) - 1) // stride + 1
    rows = [[moved[w * stride + k * dilation] for k in range(size)] for w in range(count)]
    expected = np.moveaxis(np.moveaxis(np.array(rows), 1, -1), 0, axis % 3)
    made = backend.xp.ext.sliding_windows(backend.asarray(data), size, stride, dilation, axis)
    same_bits(backend, made, expected)


def test_windows_over_two_axes_of_a_view(backend: Backend, rng: np.random.Generator) -> None:
    data = rng.normal(size=(2, 9, 8)).astype(np.float32)
    windows = backend.xp.ext.sliding_windows
    x = backend.asarray(data)[:, ::-1, :]
    made = windows(windows(x, 3, axis=1), 2, axis=2)
    expected = np.lib.stride_tricks.sliding_window_view(data[:, ::-1, :], (3, 2), axis=(1, 2))
    same_bits(backend, made, expected)


def test_windows_that_do_not_fit_are_refused(backend: Backend) -> None:
    x = backend.asarray(np.zeros((4, 7), np.float32))
    with pytest.raises(ValueError, match="reaches over 9 elements, axis 1 has 7"):
        backend.xp.ext.sliding_windows(x, 5, dilation=2)
    with pytest.raises(ValueError, match="at least 1, got 3, 0 and 1"):
        backend.xp.ext.sliding_windows(x, 3, stride=0)
