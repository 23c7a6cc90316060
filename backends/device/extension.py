"""The kernels behind `ext`, shared by OpenCL and CuPy: random bits and scattered sums."""

from __future__ import annotations

from nnkit.backends.device.launcher import GROUP, Launcher, grid
from nnkit.dtypes import dtype_name
from nnkit.extension import Scatter, random_plan
from nnkit.typing import Array, DType, Shape

_C_TYPES = {"float32": "float", "float64": "double"}


def random_bits(
    launcher: Launcher, shape: int | Shape, key: int, counter: Array, dtype: DType
) -> Array:
    """Philox4x64-10; see `nnkit.backends.numpy.ext.random_bits`."""
    lengths, n, blocks, name = random_plan(shape, key, dtype)
    y = launcher.empty(lengths, dtype)
    if n:
        words = key & (1 << 64) - 1, key >> 64
        launcher.launch(
            "random", "philox", *grid(launcher, blocks), y, n, counter, *words, T=f"u{name[4:]}"
        )
    return y


def scatter_into(
    launcher: Launcher, y: Array, index: Array, values: Array, layout: Scatter
) -> None:
    """y[..., index, ...] += values, both contiguous; the axis and the rest are in `layout`."""
    outer, rows, cols, n = layout
    if not (outer and rows and cols and n):
        return
    wanted = 2 * launcher.compute_units if launcher.cpu else 8 * GROUP * launcher.compute_units
    jobs = outer if launcher.cpu else outer * cols
    blocks = max(1, min(rows, -(-wanted // jobs)))
    launcher.launch(
        "scatter", "scatter_rows", *grid(launcher, jobs * blocks * (16 if launcher.cpu else 1)),
        y, index, values, outer, rows, cols, n, blocks, T=_c_type(y, wraps=True), I=_c_type(index),
    )  # fmt: skip


def _c_type(x: Array, *, wraps: bool = False) -> str:
    """The type's name in kernels; integers that are added up are unsigned, so that they wrap."""
    name = dtype_name(x.dtype)
    if name in _C_TYPES:
        return _C_TYPES[name]
    unsigned = wraps or name.startswith("u")
    return f"{'u' if unsigned else 'i'}{name.removeprefix('u').removeprefix('int')}"
