"""Large products on processors: `kernels/matmul_packed.cl`, and when it pays."""

from __future__ import annotations

from typing import Any

from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dtypes import c_name
from nnkit.backends.opencl.launch import OpenCLLauncher
from nnkit.backends.opencl.queue import Queue

ROWS, VECTORS, STRIP = 6, 4, 48
"""As in the kernel."""
DEEPEST = 512
"""Steps of k a panel holds at most: with 64 columns it fills an eighth of a 1 MiB cache."""
FEWEST_ROWS = 8
LEAST_WORK = 1 << 16
"""Multiply-adds from which copying B pays."""


def packed_product(
    launcher: OpenCLLauncher, a: Array, b: Array, c: Array, bias: Array | None
) -> bool:
    """Compute C = A B (+ bias) of stacks of matrices; False where this is not the way."""
    batches, m, k = a.shape
    n = b.shape[2]
    if m < FEWEST_ROWS or m * n * k < LEAST_WORK or k >= 1 << 31:
        return False
    down = a.strides[2] != 1
    if (down and a.strides[1] != 1) or (b.strides[2] != 1 and b.strides[1] != 1):
        return False
    shape = _shape(launcher.queue, c, down)
    if shape is None:
        return False
    panels = batches * -(-n // (VECTORS * shape["LANES"]))
    parts = _parts(panels, m, launcher.compute_units)
    anything = bias if bias is not None else a  # a pointer that is not read
    launcher.launch(
        "matmul_packed", "packed_product", (panels * parts,), (1,),
        a, *a.strides, b, *b.strides, anything, bias is not None, c, m, n, k, parts,
        **shape,
    )  # fmt: skip
    return True


def _shape(queue: Queue, c: Array, down: bool) -> dict[str, Any] | None:
    """The kernel's defines for this device: what its registers and its local memory hold."""
    lanes = queue.vector_bytes // c.dtype.itemsize
    if lanes not in (4, 8, 16):
        return None
    width = VECTORS * lanes + (STRIP if down else 0)
    depth = (queue.local_memory - 1024) // (width * c.dtype.itemsize)
    depth = min(DEEPEST, depth // lanes * lanes)
    if depth < 4 * lanes:
        return None
    return {"real": c_name(c.dtype), "LANES": lanes, "DEPTH": depth, "A_DOWN": int(down)}


def _parts(panels: int, m: int, cores: int) -> int:
    """Into how many parts the rows are cut, so that all cores have equal work.

    Each part copies B's panel again, so it is not below 8 tiles.
    """
    if panels >= 4 * cores or (panels % cores == 0 and panels >= 2 * cores):
        return 1
    return max(1, min(-(-4 * cores // panels), m // (8 * ROWS)))
