"""The short search of `nnkit tune`: every form of a kernel at work, and the fastest is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.forms import CHOICES, Form, form_of, keep
from nnkit.backends.opencl.matmul import matmul
from nnkit.backends.opencl.queue import Queue
from nnkit.errors import KernelUnavailable

if TYPE_CHECKING:
    from nnkit.backends.opencl.backend import OpenCLBackend

Say = Callable[[str], object]
SIZES = {"cpu": (512, (64, 784, 128)), "gpu": (2048, (128, 784, 512))}
"""The side of a square product, and (m, k, n) of a layer's, by kind of device."""
SECONDS = 0.05
"""That one product is repeated for."""
MARGIN = 1.03
"""How much faster another form must be than the one in use: less is noise."""


class Case(NamedTuple):
    """One product to time."""

    a: Array
    b: Array

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        return 2 * prod(self.a.shape) * self.b.shape[1]


def tune(backend: OpenCLBackend, say: Say) -> None:
    """Try the forms of the product's kernel, tell each one's rate, and keep the best."""
    kernel = "packed_product" if backend.queue.cpu else "gpu_product"
    before = form_of(backend.queue, kernel)
    work = _cases(backend)
    rates: list[tuple[float, Form]] = []
    say("products of matrices, GFLOP/s (geometric mean of four)")
    for form in filter(partial(fits, backend.queue), CHOICES[kernel].forms):
        backend.queue.forms[kernel] = form
        try:
            rates.append((_rate(backend, work), form))
            note = "  in use so far" if form == before else ""
            say(f"  {told(form):36s}{rates[-1][0]:8.1f}{note}")
        except KernelUnavailable as error:
            say(f"  {told(form):36s}       -  {error}")
    if not rates:
        backend.queue.forms[kernel] = before
        return
    rate, best = max(rates, key=lambda found: found[0] * (MARGIN if found[1] == before else 1.0))
    saved = keep(backend.queue, kernel, best)
    say(f"best: {told(best)}, {rate:.1f} GFLOP/s" + ("" if saved else " (for this run alone)"))


def fits(queue: Queue, form: Form) -> bool:
    """Whether the device allows the work-group and the local memory of the product on GPUs."""
    tile = form.get("TILE", 1)
    local = 2 * 4 * tile * (tile * form.get("PER_ITEM", 0) + 1)
    return tile * tile <= queue.max_group and local <= queue.local_memory


def told(form: Form) -> str:
    """A form in a few words."""
    return ", ".join(f"{name.lower()} {value}" for name, value in form.items())


def _cases(backend: OpenCLBackend) -> list[Case]:
    side, (m, k, n) = SIZES["cpu" if backend.queue.cpu else "gpu"]
    ones = np.random.default_rng(0).random
    square, other = (backend.asarray(ones((side, side), np.float32)) for _ in range(2))
    x, w = backend.asarray(ones((m, k), np.float32)), backend.asarray(ones((n, k), np.float32))
    grad = backend.asarray(ones((m, n), np.float32))
    return [Case(square, other), Case(square, other.T), Case(x, w.T), Case(grad.T, x)]


def _rate(backend: OpenCLBackend, work: Sequence[Case]) -> float:
    """GFLOP/s, the geometric mean over the cases, each at its fastest."""
    logs = [np.log(case.operations / _seconds(backend, case) / 1e9) for case in work]
    return float(np.exp(np.mean(logs)))


def _seconds(backend: OpenCLBackend, case: Case) -> float:
    """Of one product; the first, for which the kernel is built, does not count."""
    matmul(*case)
    backend.synchronize()
    best, end = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        matmul(*case)
        backend.synchronize()
        best = min(best, time.perf_counter() - start)
    return best
