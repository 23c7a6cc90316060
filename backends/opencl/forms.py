"""Sizes of tiles that suit one device and not another: the choices, and which one is in use.

A kernel whose best tile depends on the device takes it from macros. What they are is a form. Every
form gives the same bits; `nnkit tune` finds the fastest and keeps it on disk, by device and kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from nnkit import cache, kernels
from nnkit.backends.opencl.programs import identity
from nnkit.backends.opencl.queue import Queue

KIND = "form"
Form = dict[str, int]


class Choice(NamedTuple):
    """The forms of one kernel, and the one that is taken where nothing was tuned."""

    family: str
    """The file of the kernel."""
    forms: tuple[Form, ...]
    default: Callable[[Queue], Form]


def _packed_default(queue: Queue) -> Form:
    """24 sums for the 32 registers of AVX-512 and NEON, 12 for the 16 of AVX2."""
    return {"ROWS": 6, "VECTORS": 2 if queue.vector_bytes == 32 else 4, "DEEPEST": 512}


CHOICES = {
    "packed_product": Choice(
        "matmul_packed",
        tuple(
            {"ROWS": rows, "VECTORS": vectors, "DEEPEST": deepest}
            for rows, vectors in ((6, 4), (8, 3), (12, 2), (6, 2), (4, 3))
            for deepest in (512, 256)
        ),
        _packed_default,
    ),
    "gpu_product": Choice(
        "matmul",
        tuple(
            {"TILE": tile, "PER_ITEM": each}
            for tile, each in ((16, 4), (16, 8), (16, 2), (8, 8), (8, 4), (32, 2))
        ),
        lambda _: {"TILE": 16, "PER_ITEM": 4},
    ),
}


def form_of(queue: Queue, kernel: str) -> Form:
    """The form in use: what was tuned for this device, in this run or before, or the default."""
    form = queue.forms.get(kernel)
    if form is None:
        choice = CHOICES[kernel]
        kept = cache.load(KIND, _key(queue, kernel))
        form = kept if kept in choice.forms else choice.default(queue)
        queue.forms[kernel] = form
    return form


def keep(queue: Queue, kernel: str, form: Form) -> bool:
    """Use a form from now on, in later runs too; False where nothing can be kept on disk."""
    queue.forms[kernel] = form
    return cache.save(KIND, _key(queue, kernel), form)


def _key(queue: Queue, kernel: str) -> list[object]:
    return [kernel, kernels.source(CHOICES[kernel].family, {}), identity(queue.cl_device)]
