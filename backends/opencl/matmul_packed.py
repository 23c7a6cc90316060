"""Large products on processors: `kernels/matmul_packed.cl`, and when it pays."""

from __future__ import annotations

from typing import Any

from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dtypes import c_name
from nnkit.backends.opencl.forms import form_of
from nnkit.backends.opencl.launch import OpenCLLauncher
from nnkit.backends.opencl.queue import Queue

STRIP = 48
"""As in the kernel."""
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
    panels = batches * -(-n // (shape["VECTORS"] * shape["LANES"]))
    parts = _parts(panels, m, shape["ROWS"], launcher.compute_units)
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
    form = form_of(queue, "packed_product")
    width = form["VECTORS"] * lanes + (STRIP if down else 0)
    depth = (queue.local_memory - 1024) // (width * c.dtype.itemsize)
    depth = min(form["DEEPEST"], depth // lanes * lanes)
    if depth < 4 * lanes:
        return None
    tile = {"ROWS": form["ROWS"], "VECTORS": form["VECTORS"], "DEPTH": depth}
    return {"real": c_name(c.dtype), "LANES": lanes, "A_DOWN": int(down), **tile}


def _parts(panels: int, m: int, rows: int, cores: int) -> int:
    """Into how many parts the rows are cut, so that all cores have equal work.

    Each part copies B's panel again, so it is not below 8 tiles.
    """
    if panels >= 4 * cores or (panels % cores == 0 and panels >= 2 * cores):
        return 1
    return max(1, min(-(-4 * cores // panels), m // (8 * rows)))
