"""Our OpenCL device in two forms: with the kernels for its kind, and with those that a GPU gets."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from nnkit.backends.opencl.backend import OpenCLBackend
from tests.backends import BackendAbsent, opened

FORMS = ("its own kernels", "a GPU's kernels")
DTYPES = {
    FORMS[0]: ("int8", "uint16", "uint32", "int64", "float32", "float64"),
    FORMS[1]: ("int8", "float32"),
}
"""Narrow and wide, signed and unsigned; fewer for the second form, which differs in few lines."""


@cache
def device_in(form: str, name: str = "opencl") -> OpenCLBackend:
    """The OpenCL device `name` in that form."""
    try:
        made = opened(name)
    except BackendAbsent as absence:
        (pytest.fail if absence.is_a_failure else pytest.skip)(str(absence))
    assert isinstance(made, OpenCLBackend)
    if form == FORMS[0]:
        return made
    other = OpenCLBackend(made.queue.cl_device, made.device, made.index)
    other.queue.cpu = other.queue.launcher.cpu = False
    return other


def same(backend: OpenCLBackend, array: Any, expected: Any, relative: float = 0.0) -> None:
    """The array has the shape, the dtype and, up to `relative`, the values expected."""
    actual, expected = backend.to_numpy(array), np.asarray(expected)
    assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(
        actual, expected, rtol=relative, atol=relative, err_msg=str(expected.dtype)
    )


def numbers(rng: np.random.Generator, dtype: str, *shape: int) -> Any:
    """Numbers over the whole range of integers, so that sums and products overflow."""
    if dtype.startswith("float"):
        return rng.normal(size=shape).astype(dtype)
    info: Any = np.iinfo(dtype)
    return rng.integers(int(info.min), int(info.max), shape, dtype, endpoint=True)


def digits(dtype: str) -> float:
    """How far floats may differ: NumPy adds up in another order."""
    return 2e-5 if dtype == "float32" else 1e-12 if dtype == "float64" else 0.0
