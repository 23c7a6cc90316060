"""Products of matrices: which kernel of `kernels/matmul.cl` serves the operands as they lie."""

from __future__ import annotations

from nnkit.backends.device.launcher import grid
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dtypes import c_name
from nnkit.backends.opencl.elementwise import cast, contiguous, meet
from nnkit.backends.opencl.forms import form_of
from nnkit.backends.opencl.launch import OpenCLLauncher, launcher_of
from nnkit.backends.opencl.layout import (
    broadcast_shapes,
    broadcast_strides,
    collapse,
    row_major,
    size_of,
)
from nnkit.backends.opencl.matmul_packed import packed_product
from nnkit.errors import KernelUnavailable

CPU_TILE_ROWS, CPU_TILE_COLUMNS = 6, 64
"""As in kernels/matmul.cl."""


def matmul(a: Array, b: Array, bias: Array | None = None) -> Array:
    """a @ b (+ bias) over the last two axes.

    Leading axes broadcast; a vector gets an axis and loses it again.

    Raises:
        ValueError: where the inner lengths differ, or an operand has no axis.
        TypeError: for bool.
        KernelUnavailable: for complex numbers.
    """
    a, b, dtype = meet("matmul", a, b)
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError(f"matmul: both arrays need an axis, got {a.shape} and {b.shape}")
    rows = a.view((1, *a.shape), (0, *a.strides)) if a.ndim == 1 else a
    columns = b.view((*b.shape, 1), (*b.strides, 0)) if b.ndim == 1 else b
    if rows.shape[-1] != columns.shape[-2]:
        raise ValueError(
            f"matmul: the last axis of a must be as long as the last but one of b, got {a.shape} "
            f"and {b.shape}"
        )
    if dtype.kind == "b":
        raise TypeError("matmul takes numeric arrays, got bool. Fix: convert with astype.")
    if dtype.kind == "c":
        raise KernelUnavailable(f"matmul has no kernel for {a.dtype} with {b.dtype}")
    rows, columns = (x if x.dtype == dtype else cast(x, dtype) for x in (rows, columns))
    batch = broadcast_shapes(rows.shape[:-2], columns.shape[:-2])
    c = Array.empty(a.device, (*batch, rows.shape[-2], columns.shape[-1]), dtype)
    if c.size:
        _product(_stack(rows, batch), _stack(columns, batch), c, bias)
    shape = c.shape
    if b.ndim == 1:
        shape = shape[:-1]
    if a.ndim == 1:
        shape = (*shape[: len(batch)], *shape[len(batch) + 1 :])
    return c if shape == c.shape else c.view(shape, row_major(shape))


def _stack(x: Array, batch: tuple[int, ...]) -> Array:
    """x as (batches, rows, columns), read by strides; copied only if its batch axes do not join."""
    strides = broadcast_strides(x.shape[:-2], x.strides[:-2], batch)
    shape, (steps,) = collapse(batch, [strides])
    if len(shape) > 1:
        whole = contiguous(x.view((*batch, *x.shape[-2:]), (*strides, *x.strides[-2:])))
        shape, steps = (size_of(batch),), (size_of(x.shape[-2:]),)
        x = whole
    return x.view((*(shape or (1,)), *x.shape[-2:]), (*(steps or (0,)), *x.strides[-2:]))


def _product(a: Array, b: Array, c: Array, bias: Array | None) -> None:
    defines: dict[str, str | int] = {"real": c_name(c.dtype), "BIAS": int(bias is not None)}
    launcher = launcher_of(c.device)
    batches, m, k = a.shape
    n = b.shape[2]
    anything = bias if bias is not None else a  # a pointer that is not read
    if c.dtype.kind != "f":
        # Signed numbers that overflow are undefined in C; unsigned ones wrap to the same bits.
        launcher.launch(
            "matmul", "whole_product", *grid(launcher, c.size * (16 if launcher.cpu else 1)),
            a, *a.strides, b, *b.strides, c, batches, m, n, k, WHOLE=f"u{8 * c.dtype.itemsize}",
        )  # fmt: skip
    elif not launcher.cpu:
        form = form_of(c.device, "gpu_product")
        side = form["TILE"] * form["PER_ITEM"]
        launcher.launch(
            "matmul", "gpu_product", (-(-n // side), -(-m // side), batches),
            (form["TILE"], form["TILE"], 1),
            a, *a.strides, b, *b.strides, anything, c, m, n, k, **defines, **form,
        )  # fmt: skip
    elif packed_product(launcher, a, b, c, bias):
        pass
    elif _steps(a, 2) and _steps(b, 1) and k >= 32:
        groups = (_groups(launcher, batches * m * n, k),)
        launcher.launch(
            "matmul", "cpu_dots", groups, (1,),
            a, *a.strides[:2], b, b.strides[0], b.strides[2], anything, c, batches, m, n, k,
            **defines,
        )  # fmt: skip
    else:
        b = b if _steps(b, 2) else _packed(b)
        parts = _row_parts(launcher, batches * -(-n // CPU_TILE_COLUMNS), m)
        groups = (_groups(launcher, batches * m * n, k),)
        launcher.launch(
            "matmul", "cpu_product", groups, (1,),
            a, *a.strides, b, *b.strides[:2], anything, c, batches, m, n, k, parts, **defines,
        )  # fmt: skip


def _steps(x: Array, axis: int) -> bool:
    """Whether neighbours along an axis are neighbours in memory."""
    return x.strides[axis] == 1 or x.shape[axis] == 1


def _packed(b: Array) -> Array:
    """B with contiguous rows; a matrix that all batches share is copied once."""
    if b.strides[0] != 0:
        return contiguous(b)
    one = contiguous(b[:1])
    return one.view(b.shape, (0, *one.strides[1:]))


def _row_parts(launcher: OpenCLLauncher, panels: int, m: int) -> int:
    """Into how many parts the rows are cut, so that all cores have equal work."""
    wanted = 4 * launcher.compute_units
    return max(1, min(-(-wanted // panels), -(-m // CPU_TILE_ROWS)))


def _groups(launcher: OpenCLLauncher, elements: int, k: int) -> int:
    """Work-groups for a product: one where waking a second core would cost more than it does."""
    return 1 if elements * k < 1 << 15 else 2 * launcher.compute_units
