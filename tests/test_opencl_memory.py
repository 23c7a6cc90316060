"""Memory on OpenCL devices: the pool, its limits, what must stay alive.

Each test runs with the memory that the device has and, where that is the host's, also as if it had
memory of its own, as a GPU has.
"""

from __future__ import annotations

import numpy as np
import pytest

from nnkit.backends.opencl import sizes
from nnkit.backends.opencl.backend import OpenCLBackend
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


def test_a_freed_block_is_cut_for_smaller_arrays_and_becomes_whole_again(
    device: OpenCLBackend,
) -> None:
    pool, xp = device.queue.pool, device.xp
    xp.empty((2 * MB,), dtype=xp.float32)  # 8 MiB, freed at once
    parts = [xp.full((MB // 2,), float(k), dtype=xp.float32) for k in range(1, 5)]
    assert pool.bytes_in_use + pool.bytes_held < 9 * MB, "cut in four, and a few small blocks"
    for k in (2, 0, 3, 1):
        assert (parts[k].numpy() == k + 1).all(), "parts do not overlap"
    middle = parts.pop(1)
    del middle
    parts.append(parts[0] + parts[1])  # where the second was
    assert pool.bytes_in_use + pool.bytes_held < 9 * MB
    assert [float(x.numpy()[-1]) for x in parts] == [1, 3, 4, 4]
    pool.release_free()
    assert parts[2].numpy()[7] == 4, "what is cut stays while a part of it is used"
    parts.clear()
    whole = xp.zeros((2 * MB,), dtype=xp.float32)
    assert pool.bytes_in_use + pool.bytes_held < 9 * MB
    assert whole.numpy().sum() == 0


def test_a_large_block_is_not_cut_for_a_crumb(device: OpenCLBackend) -> None:
    pool, xp = device.queue.pool, device.xp
    xp.empty((4 * MB,), dtype=xp.float32)
    crumb = xp.empty((MB // 4,), dtype=xp.float32)
    assert pool.bytes_held == 16 * MB
    assert crumb.block.cut is None


@pytest.mark.parametrize("nbytes", [1, 255, 256, 257, 1000, 1025, 4097, 10**6, 2**31 + 1])
def test_at_most_an_eighth_is_lost(nbytes: int) -> None:
    size = sizes.size_class(nbytes)
    assert nbytes <= size <= max(256, 1.125 * nbytes)
    assert sizes.size_class(size) == size


def test_a_request_above_the_devices_largest_names_the_numbers(device: OpenCLBackend) -> None:
    pool = device.queue.pool
    x = device.asarray(f32(64))
    with pytest.raises(DeviceError) as caught:
        device.xp.empty((pool.largest + 1,), dtype=device.xp.uint8)
    text = str(caught.value)
    assert f"no memory for {sizes.size_class(pool.largest + 1):,} bytes" in text
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
    assert sizes.memory_limit() == limit


@pytest.mark.parametrize("text", ["much", "4 T", "G", "-1", "0", "nan"])
def test_a_limit_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("NNKIT_MEMORY_LIMIT", text)
    with pytest.raises(ValueError, match="NNKIT_MEMORY_LIMIT must be"):
        sizes.memory_limit()


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
