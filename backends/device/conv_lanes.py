"""Convolution on processors: output channels in the lanes of vectors (kernels/conv.cl).

y takes two launches, its gradient by x two more, those by the weight and the bias two together.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from nnkit.backends.device.common import real_of, size
from nnkit.backends.device.conv_geometry import Geometry
from nnkit.backends.device.launcher import Launcher, grid

if TYPE_CHECKING:
    from nnkit.typing import Array

FAMILY, TAPS = "conv", "conv_taps"
LANES = 16
"""As in the kernels."""
MOST_VECTORS = {"float": 4, "double": 1}
"""How many vectors a tile is wide at most."""
MOST_SUMS = {"float": 28, "double": 14}
"""Vectors that a tile may keep in registers."""
PIXELS = (14, 8, 7, 4, 1)
"""How long a tile may be; each length is a program of its own."""
SMALL = 1 << 18
"""Multiply-adds below which a build (some seconds) costs more than a slow tile."""


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
    """y = conv(x, weight) + bias; with `by_x` the taps are those of the gradient by x."""
    defines = _defines(g, x)
    wide = LANES * defines["VECTORS"]
    rows = g.groups * -(-g.outputs // wide) * g.depth
    taps = launcher.empty((rows, wide), x.dtype)
    work = grid(launcher, rows)
    launcher.launch(
        TAPS, "conv_taps", *work, weight, taps, wide, g.groups, g.inputs, g.outputs, g.places,
        *g.weight_steps(by_x), by_x, real=defines["real"],
    )  # fmt: skip
    items, parts = _jobs(launcher, g)
    scratch = launcher.empty((items, _room(g, parts, wide)), x.dtype)
    anything = bias if bias is not None else x  # a pointer that is not read
    launcher.launch(
        FAMILY, "conv_forward", (items,), (1,),
        x, taps, anything, bias is not None, y, scratch, _packed(g, parts, wide),
        PIXELS=_pixels(g, defines), **defines,
    )  # fmt: skip


def weight_gradients(
    launcher: Launcher, g: Geometry, x: Array, above: Array, weight: Array
) -> tuple[Array, Array]:
    """The gradients by the weight and by the bias, which one more row of sums gives."""
    defines = _defines(g, x)
    wide = LANES * defines["VECTORS"]
    items, parts = _jobs(launcher, g)
    blocks = -(-g.outputs // wide)
    partial = launcher.empty((items, g.groups, blocks, g.depth + 1, wide), x.dtype)
    scratch = launcher.empty((items, _room(g, parts, wide)), x.dtype)
    launcher.launch(
        FAMILY, "conv_partial", (items,), (1,), x, above, partial, scratch, _packed(g, parts, wide),
        **defines,
    )  # fmt: skip
    to_weight = launcher.empty(weight.shape, x.dtype)
    to_bias = launcher.empty((g.groups * g.outputs,), x.dtype)
    work = grid(launcher, size(to_weight))
    launcher.launch(
        TAPS, "conv_sums", *work, partial, to_weight, to_bias, wide, items,
        g.groups, g.outputs, g.depth, real=defines["real"],
    )  # fmt: skip
    return to_weight, to_bias


def _jobs(launcher: Launcher, g: Geometry) -> tuple[int, int]:
    """How many work-items there are, and into how many parts each image is cut.

    Images of a small batch are cut, so that all cores have work.
    """
    most = 2 * launcher.compute_units
    parts = max(1, min(g.out_height, most // g.batch))
    return min(most, g.batch * parts), parts


def _room(g: Geometry, parts: int, wide: int) -> int:
    """Elements of scratch for places, a frame and the rows of one job."""
    rows = -(-g.out_height // parts)
    return _lines(g.depth) + _lines(g.frame) + rows * g.out_width * wide


def _packed(g: Geometry, parts: int, wide: int) -> bytes:
    """The struct of kernels/conv.cl."""
    numbers = [getattr(g, name) for name in g.__dataclass_fields__]
    return struct.pack(f"<{len(numbers) + 2}q", *numbers, parts, _room(g, parts, wide))


def _is_small(g: Geometry) -> bool:
    """Whether its work is not worth a program of its own."""
    return g.positions * g.groups * g.outputs * g.depth < SMALL


def _defines(g: Geometry, x: Array) -> dict[str, Any]:
    """How the kernels are compiled: small convolutions share one program."""
    real = str(real_of(x))
    if _is_small(g):
        return {"real": real, "VECTORS": 1, "STRIDE": 0}
    vectors = min(MOST_VECTORS[real], 1 << (-(-g.outputs // LANES) - 1).bit_length())
    return {"real": real, "VECTORS": vectors, "STRIDE": int(g.stride_x == 1)}


def _pixels(g: Geometry, defines: dict[str, Any]) -> int:
    """The length of tile that computes the fewest pixels twice; among those the longest."""
    row, most = g.out_width, MOST_SUMS[defines["real"]] // defines["VECTORS"]
    fitting = [1] if _is_small(g) else [n for n in PIXELS if n <= min(row, most)]
    return min(fitting, key=lambda n: (-(-row // n) * n, -n))


def _lines(n: int) -> int:
    return -(-n // LANES) * LANES
