"""Kernels that cannot be built, launches that are refused or fail, and two threads at once.

Every fault is real: a copy of the kernel files with an error planted goes through the driver's own
compiler, and the failing launch depends on an event that ends with an error.
"""

from __future__ import annotations

import re
import shutil
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyopencl as cl
import pytest

import nnkit
from nnkit import counters, kernels, nn, ops, optim
from nnkit.backends.opencl.backend import OpenCLBackend
from nnkit.dispatch import OPS, UPDATES
from nnkit.errors import DeviceError, FallbackWarning, NnkitError
from tests.opencl_forms import FORMS, device_in

Plant = Callable[[str, str, str], OpenCLBackend]
FUNCTIONS = '#include "functions.h"'
BROKEN_EXP = f"{FUNCTIONS}\n#undef op_exp\n#define op_exp(W, x) ecks(x)"


@pytest.fixture
def device() -> OpenCLBackend:
    return device_in(FORMS[0])


@pytest.fixture
def plant(
    device: OpenCLBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Plant]:
    """Opens the device anew over kernel files in which one text is replaced by another."""

    def planted(family: str, text: str, error: str) -> OpenCLBackend:
        folder = tmp_path / "kernels"
        shutil.copytree(kernels.FOLDER, folder)
        file = folder / f"{family}.cl"
        assert text in file.read_text()
        file.write_text(file.read_text().replace(text, error))
        monkeypatch.setattr(kernels, "FOLDER", folder)
        kernels.text.cache_clear()
        counters.reset()
        return OpenCLBackend(device.queue.cl_device, device.device, device.index)

    yield planted
    monkeypatch.undo()
    kernels.text.cache_clear()
    for function in (*OPS.values(), *UPDATES.values()):
        function._broken.clear()


def test_a_function_whose_kernel_does_not_build_runs_on_the_cpu_with_one_warning(
    plant: Plant, rng: np.random.Generator
) -> None:
    backend = plant("elementwise", FUNCTIONS, BROKEN_EXP)
    data = rng.normal(size=(4, 7)).astype(np.float32)
    with nnkit.use(backend), pytest.warns(FallbackWarning) as warned:
        x = nnkit.tensor(data, requires_grad=True)
        for _ in range(3):
            y = x.exp()
        y.sum().backward()
        np.testing.assert_array_equal(y.numpy(), np.exp(data))
        np.testing.assert_array_equal(x.grad.numpy(), np.exp(data))
        np.testing.assert_allclose(x.tanh().numpy(), np.tanh(data), rtol=1e-6)
    (one,) = warned
    text = str(one.message)
    assert text.startswith("exp on float32 runs on the CPU instead of opencl (")
    assert "kernels/elementwise.cl does not build" in text
    assert "\n" not in text
    assert [(row.op, n) for row, n in counters.fallbacks.items()] == [("exp", 3)]
    assert "3x exp on float32" in str(nnkit.report())


def test_a_fused_op_whose_kernel_does_not_build_runs_composed_on_the_cpu(
    plant: Plant, rng: np.random.Generator
) -> None:
    backend = plant("loss", "__kernel", "__kernel missing_type")
    logits, labels = rng.normal(size=(6, 4)).astype(np.float32), rng.integers(0, 4, 6)

    def loss_and_gradient(where: str | OpenCLBackend) -> tuple[float, np.ndarray]:
        with nnkit.use(where):
            x = nnkit.tensor(logits, requires_grad=True)
            loss = ops.cross_entropy(x, nnkit.tensor(labels))
            loss.backward()
            return loss.item(), x.grad.numpy()

    with pytest.warns(FallbackWarning, match="cross_entropy on float32 runs on the CPU") as warned:
        here = [loss_and_gradient(backend) for _ in range(2)]
    assert len(warned) == 1
    value, gradient = loss_and_gradient("numpy")
    for found in here:
        # NumPy has a form of its own; what takes over from a device is the composed definition.
        assert found[0] == pytest.approx(value, rel=1e-6)
        np.testing.assert_allclose(found[1], gradient, rtol=1e-5, atol=1e-7)


def test_a_backward_launch_that_is_refused_is_made_up_for_on_the_cpu(
    plant: Plant, rng: np.random.Generator
) -> None:
    backend = plant("activation", "void tanh_backward(", "WORK_GROUP(7, 1, 1) void tanh_backward(")
    data = rng.normal(size=(4, 7)).astype(np.float32)
    with nnkit.use(backend), pytest.warns(FallbackWarning, match="tanh on float32") as warned:
        x = nnkit.tensor(data, requires_grad=True)
        for _ in range(2):
            x.zero_grad()
            x.tanh().sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), 1 - np.tanh(data) ** 2, rtol=1e-5)
    assert len(warned) == 1


def test_an_update_whose_kernel_does_not_build_still_updates(
    plant: Plant, rng: np.random.Generator
) -> None:
    backend = plant("update", "__kernel", "__kernel missing_type")
    start, gradient = rng.normal(size=(2, 4, 7)).astype(np.float32)
    with nnkit.use(backend), pytest.warns(FallbackWarning, match="sgd on float32"):
        p = nn.Parameter(nnkit.tensor(start))
        p.grad = nnkit.tensor(gradient)
        optim.SGD([p], lr=0.5).step()
        np.testing.assert_allclose(p.numpy(), start - 0.5 * gradient, rtol=1e-6)


def test_the_policy_error_forbids_the_fallback(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = plant("elementwise", FUNCTIONS, BROKEN_EXP)
    monkeypatch.setenv("NNKIT_FALLBACK", "error")
    with nnkit.use(backend), pytest.raises(NnkitError, match="NNKIT_FALLBACK=error"):
        nnkit.tensor([1.0]).exp()
    monkeypatch.setenv("NNKIT_FALLBACK", "silent")
    with nnkit.use(backend), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert nnkit.tensor([0.0]).exp().item() == 1.0


def test_a_launch_that_fails_after_it_started_is_one_device_error(
    device: OpenCLBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = OpenCLBackend(device.queue.cl_device, device.device, device.index)
    launch = cl.enqueue_nd_range_kernel
    with nnkit.use(mine):
        x = nnkit.tensor([1.0, 2.0])
        (x * 2.0).numpy()
        gate = cl.UserEvent(mine.queue.context)
        with monkeypatch.context() as patch:
            patch.setattr(cl, "enqueue_nd_range_kernel", partial(launch, wait_for=[gate]))
            y = x.tanh()  # enqueued, and waiting for the gate
        gate.set_status(-5)  # which ends as if the device had run out of resources
        with pytest.raises(DeviceError) as caught:
            y.numpy()
        assert (x * 3.0).tolist() == [3.0, 6.0]  # one error, not one for each later call
    text = str(caught.value)
    assert text.startswith("kernel tanh_forward failed on ")
    assert re.search(r"after it had started: [A-Z_]+ \(-\d+\)\. Results may be lost\. Fix: ", text)
    with nnkit.use(device):  # others are not harmed
        assert nnkit.tensor([2.0]).sum().item() == 2.0


def train(model: nn.Sequential, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    loss = nn.CrossEntropyLoss()
    for step in range(40):
        rows = slice(step % 5 * 20, step % 5 * 20 + 20)
        optimizer.zero_grad()
        loss(model(nnkit.tensor(x[rows])), nnkit.tensor(y[rows])).backward()
        optimizer.step()
    return [p.numpy() for p in model.parameters()]


def test_two_threads_train_two_models_as_if_one_after_the_other(
    device: OpenCLBackend, rng: np.random.Generator
) -> None:
    x, y = rng.normal(size=(100, 12)).astype(np.float32), rng.integers(0, 3, 100)

    def model(seed: int) -> nn.Sequential:
        nnkit.manual_seed(seed)
        return nn.Sequential(nn.Linear(12, 30), nn.Tanh(), nn.Linear(30, 3))

    with nnkit.use(device):
        serial = [train(model(seed), x, y) for seed in (1, 2)]
        models = [model(seed) for seed in (1, 2)]
    results: dict[int, list[np.ndarray]] = {}
    together = threading.Barrier(2)

    def work(index: int) -> None:
        with nnkit.use(device):
            together.wait()
            results[index] = train(models[index], x, y)

    for _ in range(3):
        with nnkit.use(device):
            models = [model(seed) for seed in (1, 2)]
        threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for index in range(2):
            for parallel, alone in zip(results[index], serial[index], strict=True):
                np.testing.assert_array_equal(parallel, alone)
