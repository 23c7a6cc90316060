"""Our OpenCL arrays against NumPy: views, assignment, memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from nnkit import counters
from nnkit.backend import Backend
from nnkit.backends.opencl.backend import OpenCLBackend
from nnkit.backends.opencl.layout import collapse, is_contiguous, reshape_strides
from nnkit.errors import DeviceError, FallbackWarning
from tests.opencl_forms import FORMS, device_in
from tests.programs import with_gpu_kernels


@pytest.fixture(scope="module")
def shared_device() -> OpenCLBackend:
    return device_in(FORMS[0])


@pytest.fixture(params=["its own kernels", "a GPU's kernels"])
def device(shared_device: OpenCLBackend, request: Any) -> Iterator[OpenCLBackend]:
    """The device with the kernels for its kind, and with those that a GPU would get."""
    if request.param == "its own kernels":
        yield shared_device
        return
    yield with_gpu_kernels(shared_device)


def assert_same(backend: Backend, array: Any, reference: Any, tolerance: float = 1e-6) -> None:
    actual, reference = backend.to_numpy(array), np.asarray(reference)
    assert (actual.shape, actual.dtype) == (reference.shape, reference.dtype)
    np.testing.assert_allclose(actual, reference, rtol=tolerance, atol=tolerance)


# -- views -----------------------------------------------------------------------------------------

KEYS: list[Any] = [
    0, -1, slice(None), slice(1, None, 2), slice(None, None, -1), slice(5, 1, -2), slice(3, 3),
    (1, slice(0, 7, 3)), (slice(None), -2), (..., 0), (None, 2), (slice(4, None), None, slice(1)),
    (0, 0, 0), (slice(-2, None), ..., slice(None, None, -3)),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_a_view_shows_and_takes_the_same_elements_as_numpys(
    device: OpenCLBackend, rng: np.random.Generator, key: Any
) -> None:
    data = rng.normal(size=(6, 7, 5)).astype(np.float32)
    x = device.asarray(data)
    assert_same(device, x[key], data[key])
    assert_same(device, x[key] * 2.0 + 1.0, data[key] * np.float32(2) + np.float32(1))
    x[key] = 3.0
    data[key] = 3.0
    assert_same(device, x, data)


def test_views_share_memory_and_transposes_copy_nothing(
    device: OpenCLBackend, rng: np.random.Generator
) -> None:
    data = rng.normal(size=(4, 7)).astype(np.float32)
    x = device.asarray(data)
    turned = device.xp.permute_dims(x, (1, 0))
    assert turned.block is x.block
    turned[2, :] = 0.0
    data.T[2, :] = 0.0
    assert_same(device, x, data)


def test_assignment_between_overlapping_views_is_as_if_the_source_were_copied(
    device: OpenCLBackend,
) -> None:
    data = np.arange(40, dtype=np.float32)
    x = device.asarray(data)
    x[1:] = x[:-1]
    assert_same(device, x, np.concatenate([data[:1], data[:-1]]))


def test_in_place_operators_keep_the_array_and_refuse_another_dtype(device: OpenCLBackend) -> None:
    x = device.asarray(np.ones((4, 7), np.float32))
    view, block = x[1], x.block
    x *= 3.0
    assert x.block is block
    assert_same(device, view, np.full(7, 3, np.float32))
    counts = device.asarray(np.ones(3, np.int64))
    with pytest.raises(TypeError, match="never promote"):
        counts += 0.5


def test_a_reshape_is_a_view_exactly_where_numpys_is(rng: np.random.Generator) -> None:
    shapes = [(6, 4), (4, 6), (24,), (2, 3, 4), (1, 24, 1), (3, 8), (2, 2, 6)]
    base = np.arange(24 * 4)
    views = [
        base[:24].reshape(4, 6),
        base[:24].reshape(4, 6).T,
        base[:48].reshape(4, 12)[:, ::2],
        base[:48].reshape(4, 12)[:, :6],
        base[:24].reshape(2, 3, 4).transpose(2, 0, 1),
        base[:24][::-1].reshape(4, 6),
    ]
    for view in views:
        steps = tuple(s // view.itemsize for s in view.strides)
        for shape in shapes:
            ours = reshape_strides(view.shape, steps, shape)
            theirs = view.reshape(shape)
            shares = np.shares_memory(view, theirs)
            assert (ours is not None) == shares, (view.shape, steps, shape)
            if ours is not None:
                lengths = [n != 1 for n in shape]
                expected = [s // view.itemsize for s in theirs.strides]
                assert [s for s, k in zip(ours, lengths, strict=True) if k] == [
                    s for s, k in zip(expected, lengths, strict=True) if k
                ]


def test_joined_axes_of_a_transposed_view_stay_apart() -> None:
    assert collapse((4, 6), [(1, 4)]) == ((4, 6), [(1, 4)])
    assert collapse((2, 3, 4), [(12, 4, 1), (12, 4, 1)]) == ((24,), [(1,), (1,)])
    assert not is_contiguous((4, 6), (1, 4))


# -- memory ----------------------------------------------------------------------------------------


def test_freed_memory_is_used_again_and_all_of_it_comes_back(device: OpenCLBackend) -> None:
    device.synchronize()
    pool = device.queue.pool
    before = pool.bytes_in_use
    first = device.asarray(np.zeros(1000, np.float32))
    buffer = first.block.buffer
    assert pool.bytes_in_use > before
    del first
    second = device.xp.empty((1000,), dtype=device.xp.float32)
    assert second.block.buffer is buffer
    del second
    assert pool.bytes_in_use == before


def test_too_large_a_request_names_size_use_and_limit(device: OpenCLBackend) -> None:
    with pytest.raises(DeviceError, match=r"no memory for [\d,]+ bytes.*in use.*Fix: smaller"):
        device.xp.empty((1 << 42,), dtype=device.xp.float32)
    assert_same(device, device.xp.ones((3,)), np.ones(3, np.float32))


def test_host_arrays_may_change_after_they_were_given(device: OpenCLBackend) -> None:
    data = np.zeros(1 << 20, np.float32)
    x = device.asarray(data)
    data[:] = 1.0
    assert_same(device, x, np.zeros(1 << 20, np.float32))


# -- the host's part -------------------------------------------------------------------------------


def test_what_has_no_kernel_runs_on_the_host_with_one_warning(
    shared_device: OpenCLBackend, rng: np.random.Generator
) -> None:
    data = rng.normal(size=(4, 7)).astype(np.float32)
    x = shared_device.asarray(data)
    counters.reset()
    with pytest.warns(FallbackWarning, match="sort has no kernel") as warned:
        for _ in range(3):
            assert_same(shared_device, shared_device.xp.sort(x, axis=0), np.sort(data, axis=0))
    assert len(warned) == 1
    assert [n for row, n in counters.fallbacks.items() if row.op == "sort"] == [3]


@pytest.mark.filterwarnings("ignore::nnkit.FallbackWarning")
def test_masks_and_arrays_as_indices(
    shared_device: OpenCLBackend, rng: np.random.Generator
) -> None:
    data = rng.normal(size=(4, 7)).astype(np.float32)
    x = shared_device.asarray(data)
    assert_same(shared_device, x[x > 0], data[data > 0])
    x[x > 0] = -1.0
    data[data > 0] = -1.0
    assert_same(shared_device, x, data)
