"""Convolution on processors with fewer multiplications (kernels/conv_winograd.cl).

y takes two launches, its gradient by x two more, those by the weight and the bias two together.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from nnkit.backends.device.common import real_of, size
from nnkit.backends.device.conv_geometry import Geometry
from nnkit.backends.device.conv_lanes import LANES, MOST_SUMS, MOST_VECTORS
from nnkit.backends.device.launcher import Launcher, grid

if TYPE_CHECKING:
    from nnkit.typing import Array

FAMILY = "conv_winograd"
LEAST_GAIN = 2.0
"""Multiplications saved, as a ratio, from which the transforms pay."""
FEWEST_CHANNELS = 16
SHORTEST_ROW = 4
LEAST_WORK = 1 << 18
"""Multiply-adds below which a build (some seconds) costs more than it gains."""
TILES = (8, 7, 4)
"""How long a tile may be; each length is a program of its own."""
SQUARES, SEEN = 64, 1 << 12
"""Squares at once, at most, and squares times depth: what the cache holds."""


def serves(g: Geometry, real: str) -> bool:
    """Whether this is the way for a convolution and for the gradient by its weight."""
    plain = real == "float" and g.stride_y == g.stride_x == g.dilation_y == g.dilation_x == 1
    plain = plain and g.groups == g.spread_y == g.spread_x == 1
    wide = min(g.inputs, g.outputs) >= FEWEST_CHANNELS
    wide = wide and min(g.out_height, g.out_width) >= SHORTEST_ROW
    gain = 4 * g.places / (_multiplications(g.kernel_height) * _multiplications(g.kernel_width))
    return plain and wide and gain >= LEAST_GAIN and g.positions * g.outputs * g.depth >= LEAST_WORK


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
    jobs = -(-g.outputs // wide) * _depth(g)
    taps = launcher.empty((16 * jobs, wide), x.dtype)
    work = grid(launcher, jobs * wide)
    _, *steps = g.weight_steps(by_x)
    launcher.launch(
        FAMILY, "winograd_taps", *work, weight, taps, g.inputs, g.outputs,
        g.kernel_height, g.kernel_width, *_pieces(g), *steps, by_x, **defines,
    )  # fmt: skip
    items, room, packed = _plan(launcher, g, wide)
    scratch = launcher.empty((items, room), x.dtype)
    anything = bias if bias is not None else x  # a pointer that is not read
    most = MOST_SUMS[defines["real"]] // defines["VECTORS"]
    launcher.launch(
        FAMILY, "winograd_forward", (items,), (1,),
        x, taps, anything, bias is not None, y, scratch, packed,
        PIXELS=_tile(_chunk(g) * _across(g), most), **defines,
    )  # fmt: skip


def weight_gradients(
    launcher: Launcher, g: Geometry, x: Array, above: Array, weight: Array
) -> tuple[Array, Array]:
    """The gradients by the weight and by the bias, which one more row of sums gives."""
    defines = _defines(g, x)
    wide = LANES * defines["VECTORS"]
    items, room, packed = _plan(launcher, g, wide)
    blocks = -(-g.outputs // wide)
    partial = launcher.empty((items, blocks, 16 * _depth(g) + 1, wide), x.dtype)
    scratch = launcher.empty((items, room), x.dtype)
    launcher.launch(
        FAMILY, "winograd_partial", (items,), (1,), x, above, partial, scratch, packed, **defines
    )
    to_weight = launcher.empty(weight.shape, x.dtype)
    to_bias = launcher.empty((g.outputs,), x.dtype)
    work = grid(launcher, size(to_weight))
    launcher.launch(
        FAMILY, "winograd_sums", *work, partial, to_weight, to_bias, items, g.inputs, g.outputs,
        g.kernel_height, g.kernel_width, *_pieces(g), **defines,
    )  # fmt: skip
    return to_weight, to_bias


def _multiplications(kernel: int) -> int:
    """For two neighbours along one axis: 4 for each whole piece of 3, and 3 for a shorter one."""
    return 4 * (kernel // 3) + (3 if kernel % 3 else 0)


def _pieces(g: Geometry) -> tuple[int, int]:
    """Pieces of 3 x 3 that the kernel is cut into."""
    return -(-g.kernel_height // 3), -(-g.kernel_width // 3)


def _depth(g: Geometry) -> int:
    rows, columns = _pieces(g)
    return rows * columns * g.inputs


def _across(g: Geometry) -> int:
    return -(-g.out_width // 2)


def _chunk(g: Geometry) -> int:
    """Rows of squares at once."""
    return max(1, min(SQUARES, SEEN // _depth(g)) // _across(g))


def _plan(launcher: Launcher, g: Geometry, wide: int) -> tuple[int, int, bytes]:
    """Work-items, the elements of scratch of each, and the struct of kernels/conv_winograd.cl."""
    pieces, depth, across, chunk = _pieces(g), _depth(g), _across(g), _chunk(g)
    down = -(-g.out_height // 2)
    tall, broad = (2 * n + 2 + 3 * (p - 1) for n, p in zip((down, across), pieces, strict=True))
    squares = chunk * across
    line = _lines(squares + squares // LANES + 2 * LANES)
    frame = _lines(tall * broad * g.inputs + 3 * LANES)
    room = frame + 16 * (depth * line + LANES) + 16 * (line * wide + LANES)
    room += 2 * g.out_width * wide
    numbers = (
        g.batch, g.inputs, g.outputs, g.height, g.width, g.top, g.left, tall, broad,
        g.out_height, g.out_width, g.kernel_height, g.kernel_width, *pieces,
        down, across, chunk, line, room,
    )  # fmt: skip
    items = min(2 * launcher.compute_units, g.batch * down)
    return items, room, struct.pack(f"<{len(numbers)}q", *numbers)


def _defines(g: Geometry, x: Array) -> dict[str, Any]:
    real = str(real_of(x))
    vectors = min(MOST_VECTORS[real], 1 << (-(-g.outputs // LANES) - 1).bit_length())
    return {"real": real, "VECTORS": vectors}


def _tile(squares: int, most: int) -> int:
    """The length of tile that computes the fewest squares in vain; among those the longest."""
    fitting = [n for n in TILES if n <= most]
    return min(fitting, key=lambda n: (-(-squares // n) * n, -n))


def _lines(n: int) -> int:
    return -(-n // LANES) * LANES
