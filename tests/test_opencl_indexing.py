"""x[key] with arrays and masks: on the device, as NumPy has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from nnkit import counters
from nnkit.backends.opencl.backend import OpenCLBackend
from tests.opencl_forms import FORMS, device_in

DTYPES = ("bool", "int16", "float32", "complex64", "complex128")
"""One of each size in memory."""
Rng = np.random.Generator


@pytest.fixture(scope="module")
def shared_device() -> OpenCLBackend:
    return device_in(FORMS[0])


@pytest.fixture(params=["its own kernels", "a GPU's kernels"])
def device(shared_device: OpenCLBackend, request: Any) -> Iterator[OpenCLBackend]:
    """The device with the kernels for its kind, and with those that a GPU would get."""
    counters.reset()
    if request.param == "its own kernels":
        yield shared_device
    else:
        made = OpenCLBackend(shared_device.queue.cl_device, shared_device.device, 0)
        made.queue.cpu = made.queue.launcher.cpu = False
        yield made
    assert not counters.fallbacks, "moving elements needs no host"


def reads(device: OpenCLBackend) -> int:
    device.synchronize()
    return counters.to_host[device.name].times


def assert_same(device: OpenCLBackend, array: Any, reference: Any, text: str = "") -> None:
    actual, reference = device.to_numpy(array), np.asarray(reference)
    assert (actual.shape, actual.dtype) == (reference.shape, reference.dtype), text
    np.testing.assert_array_equal(actual, reference, text)


# -- random keys -----------------------------------------------------------------------------------


def random_view(rng: Rng, device: OpenCLBackend) -> tuple[Any, Any, Any, Any]:
    """NumPy's array and ours, each with a view of all of it: perhaps transposed and backwards."""
    shape = tuple(int(n) for n in rng.choice([0, 1, 2, 3, 4, 5], rng.integers(1, 5)))
    dtype = np.dtype(str(rng.choice(DTYPES)))
    imaginary = 1j * rng.normal(size=shape) if dtype.kind == "c" else 0
    a = (np.abs(rng.normal(size=shape) * 50) + imaginary).astype(dtype)
    x = device.asarray(a.copy())
    whole = a, x
    if rng.integers(2):
        order = tuple(int(i) for i in rng.permutation(a.ndim))
        a, x = a.transpose(order), device.xp.permute_dims(x, order)
    if rng.integers(2):
        a, x = a[::-1], x[::-1]
    return *whole, a, x


def random_key(rng: Rng, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Integers, slices, None and '...' among index arrays that broadcast, and masks."""
    common = tuple(int(n) for n in rng.choice([0, 1, 2, 3, 3], rng.integers(0, 3)))
    parts: list[Any] = []
    axis = 0
    while axis < len(shape):
        n, kind = shape[axis], rng.integers(7)
        if kind == 0 and n:
            parts.append(int(rng.integers(-n, n)))
        elif kind in (1, 2) and n:
            lengths = tuple(m if rng.integers(3) else 1 for m in common)
            lengths = lengths[int(rng.integers(len(common) + 1)) :]
            dtype = str(rng.choice(["int64", "int8"]))
            parts.append(rng.integers(-n, n, lengths).astype(dtype))
        elif kind == 3:
            covered = shape[axis : axis + int(rng.integers(1, 3))]
            parts.append(rng.random(covered) < 0.5)
            axis += len(covered) - 1
        elif kind == 4:
            parts.append(None)
            continue
        elif kind == 5 and ... not in [p for p in parts if p is ...]:
            parts.append(...)
            axis += int(rng.integers(0, len(shape) - axis + 1))
            continue
        else:
            start, stop = (int(v) for v in rng.integers(-n - 1, n + 2, 2))
            parts.append(slice(start, stop, int(rng.choice([-2, -1, 1, 2]))))
        axis += 1
    return tuple(parts)


def built(device: OpenCLBackend, key: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(device.asarray(p) if isinstance(p, np.ndarray) else p for p in key)


def check_key(rng: Rng, device: OpenCLBackend, text: str) -> int:
    """Get by one random key, and set where no element is named twice; 1 where both were tried."""
    base, device_base, a, x = random_view(rng, device)
    key = random_key(rng, a.shape)
    text = f"{text}: {a.dtype}{a.shape}[{key}]"
    try:
        picked = a[key]
    except IndexError:
        with pytest.raises(IndexError):
            x[built(device, key)]
        return 0
    assert_same(device, x[built(device, key)], picked, text)
    places = np.arange(a.size).reshape(a.shape)[key]
    if len(np.unique(places)) < places.size:
        return 0
    value = rng.integers(0, 2, picked.shape if rng.integers(3) else ()).astype(a.dtype)
    a[key] = value
    x[built(device, key)] = device.asarray(value)
    assert_same(device, device_base, base, f"{text} = {value}")
    return 1


def test_random_keys_pick_and_set_what_numpys_do(device: OpenCLBackend, seed: int) -> None:
    done = sum(
        check_key(np.random.default_rng([seed, i]), device, f"seed {[seed, i]}") for i in range(200)
    )
    assert done > 130


# -- each function ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["bool", "float32", "complex128"])
def test_take_and_nonzero(device: OpenCLBackend, rng: Rng, dtype: str) -> None:
    a = rng.integers(0, 2, (4, 5, 3)).astype(dtype)
    x = device.xp.permute_dims(device.asarray(a), (2, 0, 1))
    turned = a.transpose(2, 0, 1)
    for axis in range(-3, 3):
        n = turned.shape[axis]
        index = rng.integers(-n, n, 7)
        places = device.asarray(index)
        taken = device.xp.take(x, places, axis=axis)
        assert_same(device, taken, np.take(turned, index, axis=axis))
        lengths = [1 if i == 0 and axis % 3 else m for i, m in enumerate(turned.shape)]
        lengths[axis] = 6
        along = rng.integers(-n, n, lengths)
        taken = device.xp.take_along_axis(x, device.asarray(along), axis=axis)
        assert_same(device, taken, np.take_along_axis(turned, along, axis=axis))
    for found, reference in zip(device.xp.nonzero(x), np.nonzero(turned), strict=True):
        assert_same(device, found, reference)


def test_a_mask_of_many_blocks(device: OpenCLBackend, rng: Rng) -> None:
    a = rng.normal(size=(300, 41)).astype(np.float32)
    x = device.asarray(a)
    assert_same(device, x[x > 0.0], a[a > 0])
    assert_same(device, x.mT[x.mT > 0.0], a.T[a.T > 0])
    x[x > 0.0] = device.asarray(-a[a > 0])
    a[a > 0] *= -1
    assert_same(device, x, a)


def test_what_a_training_step_uses_reads_nothing_back(device: OpenCLBackend, rng: Rng) -> None:
    x = device.asarray(rng.normal(size=(6, 5)).astype(np.float32))
    index = device.asarray(np.array([[5, 0], [-1, 3]]))
    column = device.asarray(np.array([[4], [1], [0], [2], [-3], [0]]))
    before = reads(device)
    x[index], x[index, 1], device.xp.take(x, index[0], axis=0)
    device.xp.take_along_axis(x, column, axis=1)
    x[x > 0.0] = 0.0
    x[index] = 1.0
    assert reads(device) == before


def test_indices_outside_are_the_nearest_inside_and_touch_no_other_memory(
    device: OpenCLBackend,
) -> None:
    x = device.asarray(np.arange(20, dtype=np.float32))
    part = x[5:10]
    far = device.asarray(np.array([-100, -6, 5, 2**62, -(2**62)]))
    assert_same(device, part[far], np.array([5, 5, 9, 9, 5], np.float32))
    part[far] = -1.0
    expected = np.arange(20, dtype=np.float32)
    expected[[5, 9]] = -1
    assert_same(device, x, expected)


@pytest.mark.parametrize(
    "key",
    [(np.array([0]), 3), (np.ones((2,), bool),), (np.array([0.5]),), ([0], 0, 0), ("a",),
     (np.array([[0, 0]]), np.array([0, 0, 0]))],
    ids=str,
)  # fmt: skip
def test_wrong_keys_are_told_before_anything_runs(device: OpenCLBackend, key: Any) -> None:
    x = device.asarray(np.zeros((4, 3), np.float32))
    with pytest.raises(IndexError):
        x[key]
    with pytest.raises(IndexError):
        x[key] = 1.0


def test_picking_from_an_axis_without_elements(device: OpenCLBackend) -> None:
    x = device.asarray(np.zeros((0, 3), np.float32))
    none = device.asarray(np.zeros((0,), np.int64))
    assert x[none].shape == (0, 3)
    with pytest.raises(IndexError, match="no elements"):
        x[device.asarray(np.zeros((2,), np.int64))]


def test_more_axes_than_a_kernel_reads(device: OpenCLBackend, rng: Rng) -> None:
    order = tuple(int(i) for i in rng.permutation(11))
    a = np.arange(2**11, dtype=np.float32).reshape((2,) * 11).transpose(order)
    x = device.xp.permute_dims(device.asarray(a.transpose(np.argsort(order))), order)
    index = np.array([1, 0, 1])
    assert_same(device, x[:, device.asarray(index)], a[:, index])
    assert_same(device, x + x[:1], a + a[:1])
    assert_same(device, x[x > 99.0], a[a > 99])
    chosen = (a[0] > 5).transpose(*range(9, -1, -1))
    assert_same(device, x[0].mT[device.asarray(chosen)], a[0].mT[chosen])
    x[:, device.asarray(index[:2])] = 5.0
    assert_same(device, x, np.full_like(a, 5))
