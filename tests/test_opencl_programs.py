"""Random programs of array operations give NumPy's results and leave no memory behind.

Some hundreds run here; `python -m tests.programs` runs as many as asked for.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nnkit import counters
from nnkit.backends.opencl.backend import OpenCLBackend
from tests.opencl_forms import FORMS, device_in
from tests.program_steps import STEPS
from tests.programs import difference, failure, problem, run, shorten, with_gpu_kernels, write

pytestmark = pytest.mark.filterwarnings("ignore::nnkit.FallbackWarning")

FEW = ("float32", "float32", "int32", "bool")
"""dtypes of the programs here: each one more is many more kernels to build."""
START = "a0 = xp.asarray(np.arange(6.0), dtype=xp.float32)"


@pytest.fixture(scope="module")
def device() -> OpenCLBackend:
    return device_in(FORMS[0])


@pytest.mark.parametrize("part", range(3))
def test_programs_on_the_devices_own_kernels(device: OpenCLBackend, seed: int, part: int) -> None:
    for number in range(100):
        assert not (text := failure(10_000 * seed + 100 * part + number, device, FEW)), text


def test_programs_on_a_gpus_kernels(device: OpenCLBackend, seed: int) -> None:
    gpu = with_gpu_kernels(device)
    for number in range(100):
        assert not (text := failure(10_000 * seed + 1000 + number, gpu, FEW)), text


def test_programs_of_real_numbers_stay_on_the_device(device: OpenCLBackend, seed: int) -> None:
    counters.reset()
    for number in range(50):
        run(write(10_000 * seed + number, FEW), device.xp)
    assert not counters.fallbacks


def test_programs_are_made_of_everything() -> None:
    text = "\n".join("\n".join(write(number)) for number in range(400))
    words = ["xp.sum", "xp.concat", "xp.where", "None", "::-1", " += ", "xp.matmul", "] = ", "5000"]
    words += ["xp.cumulative_sum", "xp.astype", "xp.tanh", "(0,", "xp.take", "> ", "//", "uint8"]
    assert [word for word in words if word not in text] == []
    assert len(STEPS) > 20


def spoilt(device: OpenCLBackend, **functions: Any) -> Any:
    """The device with other functions in its namespace."""
    names = {name: getattr(device.xp, name) for name in ("asarray", "sum", "float32", "abs")}
    return SimpleNamespace(
        xp=SimpleNamespace(**names | functions), queue=device.queue, to_numpy=device.to_numpy
    )


def test_a_wrong_result_is_found_and_the_program_shortened(device: OpenCLBackend) -> None:
    wrong = spoilt(device, sum=lambda x, axis: device.xp.sum(x[1:] + 1.0, axis=axis))
    lines = [START, "a1 = xp.abs(a0)", "a0 *= 2.0", "a2 = xp.sum(a0, axis=0)", "a1 += a0"]
    assert problem(lines, device) == ""
    assert "1 of 1 differ" in problem(lines, wrong)
    assert shorten(lines, wrong) == [START, "a2 = xp.sum(a0, axis=0)"]


def test_a_view_that_is_a_copy_is_found(device: OpenCLBackend) -> None:
    lines = [START, "a1 = xp.abs(a0)", "a1[1:] = 7.0"]
    assert problem(lines, device) == ""
    assert problem(lines, spoilt(device, abs=lambda x: x)) != ""


def test_memory_that_does_not_come_back_is_found(device: OpenCLBackend) -> None:
    kept = []
    leaking = spoilt(device, abs=lambda x: kept.append(x) or device.xp.abs(x))  # type: ignore[func-returns-value]
    assert "did not come back" in problem([START, "a1 = xp.abs(a0)"], leaking)


def test_an_error_on_the_device_is_found(device: OpenCLBackend) -> None:
    assert "AttributeError" in problem([START, "a1 = xp.exp(a0)"], spoilt(device))


def test_differences_are_of_shape_dtype_and_value() -> None:
    ones = np.ones((2, 3), np.float32)
    assert difference(ones, ones) == ""
    assert "the device gives" in difference(ones, ones.T)
    assert "the device gives" in difference(ones, ones.astype(np.float64))
    assert "at (1, 2)" in difference(ones, np.where([[0, 0, 0], [0, 0, 1]], 2, ones))
    assert difference(ones * np.nan, ones) != ""
