"""Moves and conversions of complex numbers: on the device, as NumPy has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from nnkit import counters
from nnkit.backends.opencl.backend import OpenCLBackend
from tests.opencl_forms import FORMS, device_in

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


def assert_same(device: OpenCLBackend, array: Any, reference: Any, text: str = "") -> None:
    actual, reference = device.to_numpy(array), np.asarray(reference)
    assert (actual.shape, actual.dtype) == (reference.shape, reference.dtype), text
    np.testing.assert_array_equal(actual, reference, text)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_numbers_are_moved_and_converted_on_the_device(
    device: OpenCLBackend, rng: Rng, dtype: str
) -> None:
    xp = device.xp
    a = (rng.normal(size=(4, 7)) + 1j * rng.normal(size=(4, 7))).astype(dtype)
    x = device.asarray(a)
    assert_same(device, x.mT[::2], a.T[::2])
    assert_same(device, xp.reshape(x.mT, (-1,)), a.T.reshape(-1))
    assert_same(device, xp.concat([x, x[::-1]]), np.concatenate([a, a[::-1]]))
    assert_same(device, xp.real(x), a.real)
    assert_same(device, xp.imag(x.mT), a.imag.T)
    other = "complex128" if dtype == "complex64" else "complex64"
    assert_same(device, xp.astype(x, getattr(xp, other)), a.astype(other))
    single = device.asarray(np.arange(7, dtype=np.float32))
    assert_same(device, xp.astype(single, x.dtype), np.arange(7).astype(dtype))
    assert_same(device, xp.astype(x, xp.bool), a.astype(bool))
    x[1:3, ::2] = 1j
    a[1:3, ::2] = 1j
    x[0] = x[3]
    a[0] = a[3]
    assert_same(device, x, a)
    with pytest.raises(TypeError, match="take real"):
        xp.astype(x, xp.float32)


def test_the_parts_of_complex_numbers_are_views(device: OpenCLBackend) -> None:
    x = device.asarray(np.array([1 + 2j, 3 + 4j], np.complex64))
    device.xp.imag(x)[:] = 5.0
    assert_same(device, x, np.array([1 + 5j, 3 + 5j], np.complex64))
