"""Where elements lie that index arrays and masks name, and their moves: `kernels/index.cl`."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from nnkit.backends.device.launcher import grid
from nnkit.backends.opencl import elementwise
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dtypes import INT64, c_name
from nnkit.backends.opencl.launch import launcher_of
from nnkit.backends.opencl.layout import Strides, collapse, row_major, size_of
from nnkit.typing import Shape

MAX_AXES = 8
BLOCK = 4096
"""As in kernels/index.cl."""


def positions(index: Array, length: int, step: int) -> Array:
    """step * index, with indices from the end made positive and all kept inside the axis."""
    y = Array.empty(index.device, index.shape, INT64)
    if y.size:
        places = _Places(index.shape, at=index.strides, y=y.strides)
        if places.axes > MAX_AXES:
            return positions(elementwise.contiguous(index), length, step)
        launcher = launcher_of(y.device)
        launcher.launch(
            "index", "positions", *grid(launcher, y.size),
            index, y, y.size, length, step, places.pack(), **places.defines("u8", index),
        )  # fmt: skip
    return y


def move(kernel: str, x: Array, at: Array, y: Array) -> None:
    """`gather` from x into y, or `scatter` y into x, over the distances `at`; of one shape all."""
    if y.size:
        places = _Places(y.shape, x=x.strides, at=at.strides, y=y.strides)
        if places.axes > MAX_AXES:
            for i in range(y.shape[0]):
                move(kernel, x[i], at[i], y[i])
            return
        launcher = launcher_of(y.device)
        word = f"u{8 * y.dtype.itemsize}"
        launcher.launch(
            "index", kernel, *grid(launcher, y.size),
            x, at, y, y.size, places.pack(), **places.defines(word, at),
        )  # fmt: skip


def unravel(flat: Array, shape: Shape, strides: Strides) -> Array:
    """The places in memory of row-major positions in an array of this shape and these strides."""
    places = _Places(shape, x=strides)
    if places.axes == 1 and places.rows[0] == (1,):
        return flat  # positions in a run of elements are the places themselves
    y = Array.empty(flat.device, flat.shape, INT64)
    if y.size:
        if places.axes > MAX_AXES:
            return _unravel_in_halves(flat, shape, strides)
        launcher = launcher_of(y.device)
        launcher.launch(
            "index", "unravel", *grid(launcher, y.size),
            flat, y, y.size, places.pack(), **places.defines("u8", flat),
        )  # fmt: skip
    return y


def _unravel_in_halves(flat: Array, shape: Shape, strides: Strides) -> Array:
    """The same for more axes than a kernel reads: the last ones, and those before them."""
    inner = size_of(shape[-MAX_AXES:])
    outside = elementwise.binary("floor_divide", flat, inner)
    inside = elementwise.binary("remainder", flat, inner)
    return elementwise.binary(
        "add",
        unravel(outside, shape[:-MAX_AXES], strides[:-MAX_AXES]),
        unravel(inside, shape[-MAX_AXES:], strides[-MAX_AXES:]),
    )


def set_positions(mask: Array) -> Array:
    """The row-major positions of the set elements; waits for the device to know how many."""
    blocks = -(-mask.size // BLOCK)
    if blocks == 0:
        return Array.empty(mask.device, (0,), INT64)
    places = _Places(mask.shape, at=mask.strides)
    if places.axes > MAX_AXES:
        return set_positions(elementwise.contiguous(mask))
    launcher, defines = launcher_of(mask.device), places.defines("u8", mask)
    size = grid(launcher, 16 * blocks if launcher.cpu else blocks)
    counts = Array.empty(mask.device, (blocks,), INT64)
    launcher.launch(
        "index", "count", *size, mask, counts, mask.size, blocks, places.pack(), **defines
    )
    edges = np.concatenate([[0], np.cumsum(counts.numpy())])
    y = Array.empty(mask.device, (int(edges[-1]),), INT64)
    if y.size:
        found = Array.from_numpy(mask.device, edges)
        launcher.launch(
            "index", "compact", *size, mask, found, y, mask.size, blocks, places.pack(), **defines
        )
    return y


class _Places:
    """The struct Places of kernels/index.cl, its axes joined as far as the strides allow."""

    def __init__(self, shape: Shape, **strides: Strides) -> None:
        none = row_major(shape)  # joins wherever the others do, and is not read
        rows = [strides.get(name, none) for name in ("x", "at", "y")]
        lengths, steps = collapse(shape, rows)
        # Axes of length 1 in front, so that a program serves several numbers of axes.
        self.axes = 1 << max(len(lengths) - 1, 0).bit_length()
        front = self.axes - len(lengths)
        self.shape = (*(1,) * front, *lengths)
        self.rows = [(*(0,) * front, *row) for row in steps]

    def pack(self) -> bytes:
        fill = 1  # a length by which positions are divided
        rows = (self.shape, *self.rows)
        values = [v for row in rows for v in (*row, *(fill,) * (MAX_AXES - len(row)))]
        return struct.pack(f"<{4 * MAX_AXES}q", *values)

    def defines(self, word: str, index: Array) -> dict[str, Any]:
        rows = [row[-1] for row in self.rows] == [1, 0, 1]
        return {"T": word, "TI": c_name(index.dtype), "NDIM": self.axes, "ROWS": int(rows)}
