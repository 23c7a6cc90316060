"""When a device's memory really runs out, the pool gives its blocks back and tries once more."""

from __future__ import annotations

import sys

import pytest

from tests.opencl_sites import anew, opencl_names, run

MB = 1 << 20


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" not in metafunc.fixturenames and "name" in metafunc.fixturenames:
        metafunc.parametrize("name", opencl_names(metafunc.config))


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
