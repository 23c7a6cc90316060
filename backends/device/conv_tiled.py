"""Convolution on GPUs: products of matrices read where they lie (kernels/conv_tiled.cl).

y takes one launch, its gradient by x one more, those by the weight and the bias two together.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nnkit.backends.device.common import real_of, size
from nnkit.backends.device.conv_geometry import Geometry
from nnkit.backends.device.launcher import Launcher, grid

if TYPE_CHECKING:
    from nnkit.typing import Array

FAMILY, TAPS = "conv_tiled", "conv_taps"
PER_ITEM = 4
"""As in the kernels."""
LARGEST_TILE = 16
SHORTEST_PART = 512
"""Positions that a part of the weight's gradient sums at least."""


def product(
    launcher: Launcher,
    g: Geometry,
    x: Array,
    weight: Array,
    bias: Array | None,
    y: Array,
    *,
    by_x: bool = False,
) -> None:
    """y = conv(x, weight) + bias; with `by_x` the gradient by x, of g in x's place."""
    tile = _tile(launcher)
    squares = g.groups * _squares(g.outputs, tile) * _squares(g.positions, tile)
    anything = bias if bias is not None else x  # a pointer that is not read
    launcher.launch(
        FAMILY, "conv_tiled_forward", (squares,), (tile * tile,),
        x, weight, anything, bias is not None, y, *g.weight_steps(by_x), by_x,
        g.batch, g.groups, g.inputs, g.outputs, g.height, g.width, g.top, g.left,
        g.spread_y, g.spread_x, g.out_height, g.out_width, g.stride_y, g.stride_x,
        g.kernel_height, g.kernel_width, g.dilation_y, g.dilation_x,
        real=str(real_of(x)), TILE=tile,
    )  # fmt: skip


def weight_gradients(
    launcher: Launcher, g: Geometry, x: Array, above: Array, weight: Array
) -> tuple[Array, Array]:
    """The gradients by the weight and by the bias, which one more column of sums gives."""
    tile, real = _tile(launcher), str(real_of(x))
    squares = g.groups * _squares(g.outputs, tile) * _squares(g.depth + 1, tile)
    parts = max(1, min(4 * launcher.compute_units // squares, g.positions // SHORTEST_PART))
    partial = launcher.empty((parts, g.groups, g.depth + 1, g.outputs), x.dtype)
    launcher.launch(
        FAMILY, "conv_tiled_partial", (parts * squares,), (tile * tile,),
        x, above, partial, parts, g.batch, g.groups, g.inputs, g.outputs, g.height, g.width,
        g.top, g.left, g.out_height, g.out_width, g.stride_y, g.stride_x,
        g.kernel_height, g.kernel_width, g.dilation_y, g.dilation_x, real=real, TILE=tile,
    )  # fmt: skip
    to_weight = launcher.empty(weight.shape, x.dtype)
    to_bias = launcher.empty((g.groups * g.outputs,), x.dtype)
    work = grid(launcher, size(to_weight))
    launcher.launch(
        TAPS, "conv_sums", *work, partial, to_weight, to_bias, g.outputs, parts,
        g.groups, g.outputs, g.depth, real=real,
    )  # fmt: skip
    return to_weight, to_bias


def _tile(launcher: Launcher) -> int:
    """Work-items along each side of a group."""
    return min(LARGEST_TILE, 1 << (math.isqrt(launcher.max_group).bit_length() - 1))


def _squares(n: int, tile: int) -> int:
    return -(-n // (tile * PER_ITEM))
