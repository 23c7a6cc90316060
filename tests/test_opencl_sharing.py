"""Memory that NumPy and a device have at once: views of arrays, and arrays on NumPy's memory."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pyopencl as cl
import pytest

from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.backend import OpenCLBackend
from nnkit.backends.opencl.layout import row_major
from nnkit.backends.opencl.memory import PAGE
from nnkit.backends.opencl.sharing import host_view, wrap
from nnkit.errors import DeviceError
from tests.opencl_sites import anew, gated, opencl_names


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" not in metafunc.fixturenames and "name" in metafunc.fixturenames:
        metafunc.parametrize("name", opencl_names(metafunc.config))


@pytest.fixture
def sharing(name: str) -> OpenCLBackend:
    made = anew(name)
    if not made.queue.pool.shares:
        pytest.skip("the device has memory of its own")
    return made


def f32(count: int, value: float = 1.0) -> np.ndarray:
    return np.full(count, value, np.float32)


def test_a_view_shares_the_arrays_memory(sharing: OpenCLBackend) -> None:
    data = np.arange(24, dtype=np.float32).reshape(4, 6)
    x = sharing.asarray(data) + 0.0
    view = host_view(x)
    assert view is not None
    np.testing.assert_array_equal(view, data)
    assert view.flags.aligned
    assert view.ctypes.data % PAGE == 0
    view[1, 2] = 99.0
    assert (x + 0.0).numpy()[1, 2] == 99.0
    x[3, :] = 5.0
    sharing.synchronize()
    assert (view[3] == 5).all()


@pytest.mark.parametrize(
    "key", [(slice(None, None, -1), slice(1, 5, 2)), (..., None, 3), (2, 3), (slice(3, 3),)]
)
def test_a_view_has_the_arrays_layout(sharing: OpenCLBackend, key: tuple[object, ...]) -> None:
    data = np.arange(24, dtype=np.int16).reshape(4, 6)
    view = host_view(sharing.asarray(data)[key])
    assert view is not None
    np.testing.assert_array_equal(view, data[key])
    assert view.dtype == data.dtype


def test_a_view_waits_for_the_device(sharing: OpenCLBackend) -> None:
    x = sharing.asarray(f32(4_000_000))
    for _ in range(10):
        x = x + x
    view = host_view(x)
    assert view is not None
    assert (view == 1024).all()


def test_a_view_of_what_a_failed_launch_should_have_made_is_an_error(
    sharing: OpenCLBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = sharing.asarray(f32(8))
    (x + x).numpy()
    with gated(sharing, monkeypatch, ends=-5):
        y = x + x
    with pytest.raises(DeviceError, match="kernel map2 failed"):
        host_view(y)


def test_a_block_with_a_view_is_not_reused(sharing: OpenCLBackend) -> None:
    pool = sharing.queue.pool
    x = sharing.asarray(f32(1000, 3))
    view = host_view(x)
    assert view is not None
    row = view[5:]
    del x, view
    gc.collect()
    assert pool.bytes_held == 0
    y = sharing.asarray(f32(1000, 4))
    assert (row == 3).all()
    del row, y
    gc.collect()
    assert pool.bytes_in_use == 0


def test_memory_of_the_devices_own_has_no_view(name: str) -> None:
    device = anew(name)
    device.queue.pool.shares = False
    assert host_view(device.asarray(f32(8))) is None
    assert wrap(device.queue, f32(8)) is None


def wrapped(device: OpenCLBackend, data: np.ndarray) -> Array | None:
    block = wrap(device.queue, data)
    if block is None:
        return None
    return Array(device.queue, block, data.shape, row_major(data.shape), 0, data.dtype)


@pytest.mark.parametrize("start", range(5))
def test_an_array_on_numpys_memory(sharing: OpenCLBackend, start: int) -> None:
    data = np.arange(1000, dtype=np.float32)[start:]  # wherever it begins
    x = wrapped(sharing, data)
    assert x is not None
    np.testing.assert_array_equal((x * 2.0).numpy(), data * 2)
    x[:7] = -1.0
    sharing.synchronize()
    assert (data[:7] == -1).all()
    held = sharing.queue.pool.bytes_held
    del x
    assert sharing.queue.pool.bytes_held == held, "borrowed memory is not the pool's"


def test_numpys_memory_is_kept_until_the_last_launch_has_run(
    sharing: OpenCLBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = f32(1000, 3)
    watched = weakref.ref(data)
    x = wrapped(sharing, data)
    assert x is not None
    (x + x).numpy()
    with gated(sharing, monkeypatch):
        y = x + x
        del x, data
        gc.collect()
        assert watched() is not None
    assert (y.numpy() == 6).all()
    del y
    wrapped(sharing, f32(8))  # what is done is let go when the next one goes
    gc.collect()
    assert watched() is None


def test_what_cannot_be_shared_is_not(sharing: OpenCLBackend) -> None:
    data = np.zeros((4, 6), np.float32)
    odd = np.zeros(25, np.uint8)[1:].view(np.float32)
    fixed = np.zeros(4)
    fixed.flags.writeable = False
    for refused in (data.T, data[:, 1:], odd, fixed, np.zeros(0)):
        assert wrap(sharing.queue, refused) is None


def test_the_driver_is_not_trusted_to_compute_in_place(name: str) -> None:
    """What `Pool.shares` found is true: kernels write where NumPy reads, at any address."""
    device = anew(name)
    if not device.queue.pool.shares:
        pytest.skip("the device has memory of its own")
    for offset in (4, 20, 64, 4096):
        bytes_ = np.zeros(3 * PAGE, np.uint8)
        data = bytes_[offset : offset + 4000].view(np.float32)
        x = wrapped(device, data)
        assert x is not None
        x[...] = 2.5
        device.synchronize()
        assert (data == 2.5).all()
        assert not bytes_[:offset].any()
        assert not bytes_[offset + 4000 :].any()
    assert cl.device_type.CPU & device.queue.cl_device.type
