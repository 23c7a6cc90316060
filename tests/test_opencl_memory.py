"""Memory on OpenCL devices: the pool, its limits, what must stay alive, sharing with NumPy.

Each test runs with the memory that the device has and, where that is the host's, also as if it had
memory of its own, as a GPU has.
"""

from __future__ import annotations

import gc
import sys
import weakref

import numpy as np
import pyopencl as cl
import pytest

from nnkit.backends.opencl import memory
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.backend import OpenCLBackend
from nnkit.backends.opencl.layout import row_major
from nnkit.errors import DeviceError
from tests.opencl_sites import anew, gated, opencl_names, run

MB = 1 << 20


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" not in metafunc.fixturenames and "name" in metafunc.fixturenames:
        metafunc.parametrize("name", opencl_names(metafunc.config))


@pytest.fixture(params=["shared", "its own"])
def device(name: str, request: pytest.FixtureRequest) -> OpenCLBackend:
    made = anew(name)
    if request.param == "its own":
        made.queue.pool.shares = False
    elif not made.queue.pool.shares:
        pytest.skip("the device has memory of its own")
    return made


@pytest.fixture
def sharing(name: str) -> OpenCLBackend:
    made = anew(name)
    if not made.queue.pool.shares:
        pytest.skip("the device has memory of its own")
    return made


def f32(count: int, value: float = 1.0) -> np.ndarray:
    return np.full(count, value, np.float32)


# -- the pool --------------------------------------------------------------------------------------


def test_a_freed_block_is_reused_and_counted(device: OpenCLBackend) -> None:
    pool = device.queue.pool
    x = device.asarray(f32(1000))
    size = x.block.size
    buffer = (x + x).block.buffer  # freed at once
    assert (pool.bytes_in_use, pool.bytes_held, pool.peak) == (size, size, 2 * size)
    y = x + x
    assert y.block.buffer is buffer
    assert (pool.bytes_in_use, pool.bytes_held, pool.peak) == (2 * size, 0, 2 * size)
    pool.release_free()
    assert (y.numpy() == 2).all(), "blocks in use are left alone"
    assert f"({0:,} kept for reuse, {2 * size:,} at the peak" in device.facts()["memory in use"]


@pytest.mark.parametrize("nbytes", [1, 255, 256, 257, 1000, 1025, 4097, 10**6, 2**31 + 1])
def test_at_most_an_eighth_is_lost(nbytes: int) -> None:
    size = memory.size_class(nbytes)
    assert nbytes <= size <= max(256, 1.125 * nbytes)
    assert memory.size_class(size) == size


def test_a_request_above_the_devices_largest_names_the_numbers(device: OpenCLBackend) -> None:
    pool = device.queue.pool
    x = device.asarray(f32(64))
    with pytest.raises(DeviceError) as caught:
        device.xp.empty((pool.largest + 1,), dtype=device.xp.uint8)
    text = str(caught.value)
    assert f"no memory for {memory.size_class(pool.largest + 1):,} bytes" in text
    assert f"{x.block.size:,} bytes are in use of {pool.limit:,}" in text
    assert f"at most {pool.largest:,} at once. Fix: smaller batches" in text
    assert (x + x).numpy()[0] == 2


def test_at_the_limit_the_pool_is_emptied_before_a_request_fails(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NNKIT_MEMORY_LIMIT", "8200K")
    device = anew(name)
    pool = device.queue.pool
    assert pool.limit == 8200 * 1024
    for share in (1, 2, 3):  # what is freed here is of other sizes than what comes next
        device.xp.empty((share * MB // 4,), dtype=device.xp.float32)
    assert pool.bytes_held == 6 * MB
    held = [device.asarray(f32(MB)) for _ in range(2)]  # 4 MiB each
    assert pool.bytes_held == 0
    with pytest.raises(DeviceError, match=rf"no memory for {MB // 4:,} bytes \(above the limit\)"):
        held[0][: MB // 16] + 1.0
    assert held.pop().numpy().sum() == MB
    assert (held[0] + 1.0).numpy().sum() == 2 * MB
    assert 8 * MB <= pool.peak <= pool.limit


@pytest.mark.parametrize(
    ("text", "limit"),
    [("1000", 1000), ("2k", 2048), ("1.5 GB", 3 * 2**29), ("", None), (" ", None)],
)
def test_the_limit_is_read(monkeypatch: pytest.MonkeyPatch, text: str, limit: int | None) -> None:
    monkeypatch.setenv("NNKIT_MEMORY_LIMIT", text)
    assert memory.memory_limit() == limit


@pytest.mark.parametrize("text", ["much", "4 T", "G", "-1", "0", "nan"])
def test_a_limit_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("NNKIT_MEMORY_LIMIT", text)
    with pytest.raises(ValueError, match="NNKIT_MEMORY_LIMIT must be"):
        memory.memory_limit()


# -- memory that really runs out -------------------------------------------------------------------

LIMITED = """
import resource
import numpy as np
import pyopencl as cl
from nnkit.errors import DeviceError
from tests.opencl_sites import anew

MB = 1 << 20
device = anew({name!r})
pool = device.queue.pool
pool.shares = pool.shares and {shares}
x = device.asarray(np.ones(8, np.float32))
assert (x + x).numpy()[0] == 2  # what compilers need they take before the limit
data = np.ones(10 * MB, np.float32)
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 160 * MB, used + 160 * MB))
"""
OUT = (
    LIMITED
    + """
held = []
try:
    while len(held) < 20:
        held.append(device.queue.pool.allocate(16 * MB))
except DeviceError as error:
    print(error)
assert 3 <= len(held) < 20, len(held)
held.clear()
assert pool.bytes_held >= 3 * 16 * MB
big = device.asarray(data)  # fits only if the pool gives its blocks back
assert pool.bytes_held == 0
del data
assert big.numpy().sum() == 10 * MB
"""
)
AT_LAUNCH = (
    LIMITED
    + """
launch = cl.enqueue_nd_range_kernel
wanted = 90 * MB


def lazy(*args, **options):
    # As drivers that take memory only when a launch needs it: here it is taken, and dropped.
    cl.enqueue_fill_buffer(
        device.queue.queue,
        cl.Buffer(device.queue.context, cl.mem_flags.READ_WRITE, wanted), np.uint8(0), 0, 1)
    return launch(*args, **options)


held = pool.allocate(48 * MB), pool.allocate(24 * MB)
del held
cl.enqueue_nd_range_kernel = lazy
assert pool.bytes_held > 0
y = x + x
assert pool.bytes_held == 0
wanted = 400 * MB
try:
    y + y
except DeviceError as error:
    print(error)
wanted = 1
assert (y + y).numpy()[0] == 4
"""
)


@pytest.mark.skipif(sys.platform != "linux", reason="limits the process's memory as Linux does")
def test_when_memory_runs_out_the_pool_gives_its_blocks_back(name: str) -> None:
    said = run(OUT.format(name=name, shares=True))
    assert f"no memory for {16 * MB:,} bytes" in said
    assert "Fix: smaller batches, or free tensors you hold." in said


@pytest.mark.skipif(sys.platform != "linux", reason="limits the process's memory as Linux does")
def test_when_memory_runs_out_at_a_launch_it_is_tried_again_with_an_empty_pool(name: str) -> None:
    if "Portable" in anew(name).queue.cl_device.platform.name:
        pytest.skip("this driver ends the process when it finds no memory for a launch")
    said = run(AT_LAUNCH.format(name=name, shares=True))
    assert "kernels/elementwise.cl, map2: " in said
    assert "has no memory to run it (" in said
    assert "bytes are in use of" in said


# -- what must stay alive --------------------------------------------------------------------------


def test_an_upload_is_a_copy(device: OpenCLBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    data = f32(5000, 3)
    with gated(device, monkeypatch):
        x = device.asarray(data)
        y = x + x
        data[:] = 0
        del data
    assert (x.numpy() == 3).all()
    assert (y.numpy() == 6).all()


def test_memory_that_a_waiting_launch_reads_is_not_filled_anew(
    device: OpenCLBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = device.asarray(f32(5000, 3))
    (x + x).numpy()  # the kernel is built
    with gated(device, monkeypatch):
        y = x + x
        del x
        others = [device.asarray(f32(5000, value)) for value in (7, 8, 9)]
    assert (y.numpy() == 6).all()
    assert [float(z.numpy()[-1]) for z in others] == [7, 8, 9]


def test_memory_that_no_launch_uses_is_filled_anew(sharing: OpenCLBackend) -> None:
    address = sharing.asarray(f32(5000)).block.host.ctypes.data  # freed at once
    x = sharing.asarray(f32(5000, 4))
    assert x.block.host.ctypes.data == address
    assert ((x + x).numpy() == 8).all()
    assert sharing.queue.pool.bytes_held == 0 or sharing.queue.pool.bytes_in_use == x.block.size


def test_the_pool_is_not_emptied_under_a_running_launch(device: OpenCLBackend) -> None:
    x = device.asarray(f32(2 * MB, 3))
    for _ in range(3):
        y = x
        for _ in range(5):
            y = y + x
        device.queue.pool.release_free()
        assert (y.numpy() == 18).all()


def test_a_device_that_is_dropped_while_it_works_harms_nobody(name: str) -> None:
    code = """
import gc
import numpy as np
from tests.opencl_sites import anew
for _ in range(3):
    device = anew({name!r})
    x = device.asarray(np.ones(4_000_000, np.float32))
    for _ in range(20):
        x = x + x
    del device, x
    gc.collect()
device = anew({name!r})
x = device.asarray(np.ones(4_000_000, np.float32))
for _ in range(50):
    x = x + x
print("ended")  # while the last launches run
"""
    assert run(code.format(name=name)) == "ended\n"


# -- sharing with NumPy ----------------------------------------------------------------------------


def test_a_view_shares_the_arrays_memory(sharing: OpenCLBackend) -> None:
    data = np.arange(24, dtype=np.float32).reshape(4, 6)
    x = sharing.asarray(data) + 0.0
    view = memory.host_view(x)
    assert view is not None
    np.testing.assert_array_equal(view, data)
    assert view.flags.aligned
    assert view.ctypes.data % memory.PAGE == 0
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
    view = memory.host_view(sharing.asarray(data)[key])
    assert view is not None
    np.testing.assert_array_equal(view, data[key])
    assert view.dtype == data.dtype


def test_a_view_waits_for_the_device(sharing: OpenCLBackend) -> None:
    x = sharing.asarray(f32(4_000_000))
    for _ in range(10):
        x = x + x
    view = memory.host_view(x)
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
        memory.host_view(y)


def test_a_block_with_a_view_is_not_reused(sharing: OpenCLBackend) -> None:
    pool = sharing.queue.pool
    x = sharing.asarray(f32(1000, 3))
    view = memory.host_view(x)
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
    assert memory.host_view(device.asarray(f32(8))) is None
    assert memory.wrap(device.queue, f32(8)) is None


def wrapped(device: OpenCLBackend, data: np.ndarray) -> Array | None:
    block = memory.wrap(device.queue, data)
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
        assert memory.wrap(sharing.queue, refused) is None


def test_the_driver_is_not_trusted_to_compute_in_place(name: str) -> None:
    """What `Pool.shares` found is true: kernels write where NumPy reads, at any address."""
    device = anew(name)
    if not device.queue.pool.shares:
        pytest.skip("the device has memory of its own")
    for offset in (4, 20, 64, 4096):
        bytes_ = np.zeros(3 * memory.PAGE, np.uint8)
        data = bytes_[offset : offset + 4000].view(np.float32)
        x = wrapped(device, data)
        assert x is not None
        x[...] = 2.5
        device.synchronize()
        assert (data == 2.5).all()
        assert not bytes_[:offset].any()
        assert not bytes_[offset + 4000 :].any()
    assert cl.device_type.CPU & device.queue.cl_device.type
