"""Our OpenCL arrays against NumPy: products, folds, special values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from nnkit import counters
from nnkit.backend import Backend
from nnkit.backends.opencl.backend import OpenCLBackend
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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("turned", ["", "a", "b", "ab"])
@pytest.mark.parametrize(
    ("m", "k", "n"),
    [(4, 7, 5), (100, 64, 50), (100, 50, 10), (13, 77, 131), (64, 130, 128), (1, 1, 1),
     (33, 40, 15), (7, 0, 3), (65, 33, 1), (1, 64, 70),
     (75, 1300, 83), (61, 70, 112), (50, 530, 140), (8, 300, 64)],
)  # fmt: skip
def test_products_of_any_size_and_orientation(
    device: OpenCLBackend, rng: np.random.Generator, m: int, k: int, n: int, turned: str, dtype: str
) -> None:
    def stored(shape: tuple[int, int], name: str) -> tuple[Any, Any]:
        data = rng.normal(size=shape).astype(dtype)
        if name in turned:
            return data, device.asarray(np.ascontiguousarray(data.T)).mT
        return data, device.asarray(data)

    a, x = stored((m, k), "a")
    b, y = stored((k, n), "b")
    reference = a.astype(np.float64) @ b.astype(np.float64)
    bound = np.finfo(dtype).eps * max(k, 1) * 4
    assert_same(device, device.xp.matmul(x, y), reference.astype(dtype), float(bound))


def test_products_of_stacks_broadcast(device: OpenCLBackend, rng: np.random.Generator) -> None:
    a, b = rng.normal(size=(3, 1, 4, 5)), rng.normal(size=(2, 5, 6))
    assert_same(device, device.xp.matmul(device.asarray(a), device.asarray(b)), a @ b, 1e-12)
    turned = device.xp.permute_dims(device.asarray(a), (2, 1, 0, 3))
    other = a.transpose(2, 1, 0, 3)
    assert_same(device, device.xp.matmul(turned, device.asarray(b)), other @ b, 1e-12)


@pytest.mark.parametrize("turned", [False, True])
def test_large_products_of_stacks_with_a_bias(
    device: OpenCLBackend, rng: np.random.Generator, turned: bool
) -> None:
    from nnkit.backends.opencl.matmul import matmul

    a, b, bias = rng.normal(size=(3, 20, 40)), rng.normal(size=(40, 150)), rng.normal(size=150)
    x = device.asarray(a.transpose(0, 2, 1).copy()).mT if turned else device.asarray(a)
    y = device.asarray(b.T.copy()).T if turned else device.asarray(b)
    before = counters.launches["opencl", "packed_product"]
    assert_same(device, matmul(x, y, device.asarray(bias)), a @ b + bias, 1e-12)
    packed = device.queue.launcher is None or device.queue.launcher.cpu
    assert counters.launches["opencl", "packed_product"] - before == int(packed)


@pytest.mark.parametrize("axis", [None, 0, 1, 2, (0, 2), (1, 2), ()])
def test_folds_of_long_and_short_axes(
    device: OpenCLBackend, rng: np.random.Generator, axis: Any
) -> None:
    data = rng.normal(size=(5, 300, 41)).astype(np.float32)
    for name in ("sum", "max", "min", "mean"):
        for view in (np.s_[:], np.s_[::2, 3:290, ::-1]):
            x = getattr(device.xp, name)(device.asarray(data)[view], axis=axis)
            reference = getattr(np, name)(data[view].astype(np.float64), axis=axis)
            assert_same(device, x, np.asarray(reference, np.float32), 2e-5)


def test_a_million_additions_lose_no_digits(
    device: OpenCLBackend, rng: np.random.Generator
) -> None:
    data = rng.uniform(0, 1, 1_000_000).astype(np.float32)
    exact = data.astype(np.float64).sum()
    total = float(device.xp.sum(device.asarray(data)))
    assert abs(total - exact) <= 1e-6 * exact


def test_special_values(device: OpenCLBackend) -> None:
    """The drivers' own functions differ here: tanh at infinity, NaN in max, the sign of NaN."""
    data = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 1.5, -88.0, 100.0], np.float32)
    xp, x = device.xp, device.asarray(data)
    for name in ("tanh", "sign", "isnan", "isinf", "isfinite", "abs", "exp", "sqrt", "round"):
        with np.errstate(all="ignore"):
            expected = getattr(np, name)(data)
        np.testing.assert_allclose(
            device.to_numpy(getattr(xp, name)(x)), expected, rtol=1e-6, err_msg=name
        )
    np.testing.assert_array_equal(device.to_numpy(xp.maximum(x, 0.0)), np.maximum(data, 0))
    assert np.isnan(float(xp.max(x)))
    assert int(xp.argmax(x)) == 0
    assert float(xp.max(x[1:])) == np.inf
