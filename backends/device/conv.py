"""Convolution on processors without a matrix of all windows (kernels/conv.cl).

y takes two launches, its gradient by x two more, those by the weight and the bias two together.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from nnkit.backends.device.common import real_of, size
from nnkit.backends.device.launcher import Launcher, grid
from nnkit.ops.conv import conv_windows
from nnkit.ops.windows import Lengths, Padding, Windows, in_two_axes, reach_of

if TYPE_CHECKING:
    from nnkit.typing import Array, Namespace, Needs, Shape

FAMILY, TAPS = "conv", "conv_taps"
LANES = 16
"""As in the kernels: output channels side by side in a vector."""
MOST_VECTORS = {"float": 4, "double": 2}
"""How many of them a tile is wide at most."""
MOST_SUMS = {"float": 28, "double": 14}
"""Vectors that a tile may keep in registers."""
PIXELS = (14, 8, 7, 6, 4, 1)
"""How long a tile may be; each length is a program of its own."""
MOST_IN_FRAME = 1 << 31
SMALL = 1 << 18
"""Multiply-adds below which a build (some seconds) costs more than a slow tile."""


def overrides(launcher: Launcher) -> dict[str, Callable[..., Any]]:
    """Convolution, by the name of its op."""
    return {"conv": partial(_conv, launcher)}


@dataclass(frozen=True)
class Geometry:
    """A convolution of images as the kernels see it: the struct of kernels/conv.cl, but `room`."""

    batch: int
    parts: int
    groups: int
    inputs: int
    outputs: int
    height: int
    width: int
    top: int
    left: int
    spread_y: int
    spread_x: int
    tall: int
    wide: int
    out_height: int
    out_width: int
    stride_y: int
    stride_x: int
    kernel_height: int
    kernel_width: int
    dilation_y: int
    dilation_x: int

    @property
    def depth(self) -> int:
        """Elements of x that a sum takes."""
        return self.inputs * self.kernel_height * self.kernel_width

    @property
    def frame(self) -> int:
        """Elements of an image with its frame."""
        return self.inputs * self.tall * self.wide

    @property
    def is_small(self) -> bool:
        """Whether its work is not worth a program of its own."""
        pixels = self.batch * self.out_height * self.out_width
        return pixels * self.groups * self.outputs * self.depth < SMALL

    def room(self, wide: int) -> int:
        """Elements of scratch for places, a frame and the rows of one job."""
        rows = -(-self.out_height // self.parts)
        return _lines(self.depth) + _lines(self.frame) + rows * self.out_width * wide

    def packed(self, wide: int) -> bytes:
        """The struct of kernels/conv.cl."""
        numbers = [getattr(self, name) for name in self.__dataclass_fields__]
        return struct.pack(f"<{len(numbers) + 1}q", *numbers, self.room(wide))


def _conv(
    launcher: Launcher,
    xp: Namespace,
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    needs: Needs,
    stride: Lengths,
    padding: Padding,
    dilation: Lengths,
    groups: int,
) -> Any:
    w = conv_windows(x, weight, bias, stride, padding, dilation, groups)
    real = real_of(x)
    if not launcher.cpu or real is None or len(w.size) > 2 or not (size(x) and size(weight)):
        return NotImplemented
    forward = _forward_geometry(launcher, x.shape, weight.shape[0], in_two_axes(w), groups)
    backward = _backward_geometry(forward)
    if max(forward.frame, backward.frame) >= MOST_IN_FRAME:
        return NotImplemented
    x, weight = xp.ext.contiguous(x), xp.ext.contiguous(weight)
    y = launcher.empty((x.shape[0], weight.shape[0], *w.positions), x.dtype)
    _product(launcher, forward, x, weight, bias, y)

    def vjp(g: Array) -> tuple[Array | None, ...]:
        to_x = launcher.empty(x.shape, x.dtype) if needs[0] else None
        if to_x is not None:
            _product(launcher, backward, g, weight, None, to_x, by_x=True)
        sums = _weight_gradients(launcher, forward, x, g, weight) if any(needs[1:]) else ()
        wanted = [d if need else None for d, need in zip(sums, needs[1:], strict=False)]
        return (to_x, *wanted) if wanted else (to_x, None, None)

    return y, vjp if any(needs) else None


def _forward_geometry(
    launcher: Launcher, shape: Shape, outputs: int, w: Windows, groups: int
) -> Geometry:
    reach = [reach_of(k, d) for k, d in zip(w.kernel, w.dilation, strict=True)]
    spans = [(n - 1) * s + r for n, s, r in zip(w.positions, w.stride, reach, strict=True)]
    return Geometry(
        batch=shape[0], parts=_parts(launcher, shape[0], w.positions[0]),
        groups=groups, inputs=shape[1] // groups, outputs=outputs // groups,
        height=w.size[0], width=w.size[1], top=w.low[0], left=w.low[1],
        spread_y=1, spread_x=1, tall=spans[0], wide=spans[1],
        out_height=w.positions[0], out_width=w.positions[1],
        stride_y=w.stride[0], stride_x=w.stride[1],
        kernel_height=w.kernel[0], kernel_width=w.kernel[1],
        dilation_y=w.dilation[0], dilation_x=w.dilation[1],
    )  # fmt: skip


def _backward_geometry(f: Geometry) -> Geometry:
    """The convolution of y's gradient that gives x's."""
    above = f.dilation_y * (f.kernel_height - 1), f.dilation_x * (f.kernel_width - 1)
    return replace(
        f,
        inputs=f.outputs, outputs=f.inputs,
        height=f.out_height, width=f.out_width,
        top=above[0] - f.top, left=above[1] - f.left,
        spread_y=f.stride_y, spread_x=f.stride_x,
        tall=f.height + above[0], wide=f.width + above[1],
        out_height=f.height, out_width=f.width, stride_y=1, stride_x=1,
        parts=min(f.parts, f.height),
    )  # fmt: skip


def _parts(launcher: Launcher, batch: int, rows: int) -> int:
    """Into how many parts an image is cut, so that a small batch keeps all cores at work."""
    return max(1, min(rows, _items(launcher) // batch))


def _items(launcher: Launcher) -> int:
    return 2 * launcher.compute_units


def _product(
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
    places = g.kernel_height * g.kernel_width
    rows = g.groups * -(-g.outputs // wide) * g.depth
    taps = launcher.empty((rows, wide), x.dtype)
    # The weight is (groups * outputs, inputs, places), and so it is for the gradient: of `forward`.
    outer, inner = (g.inputs, g.outputs) if by_x else (g.outputs, g.inputs)
    steps = (places, inner * places) if by_x else (inner * places, places)
    work = grid(launcher, rows)
    launcher.launch(
        TAPS, "conv_taps", *work, weight, taps, wide, g.groups, g.inputs, g.outputs, places,
        outer * inner * places, *steps, by_x, real=defines["real"],
    )  # fmt: skip
    items = min(_items(launcher), g.batch * g.parts)
    scratch = launcher.empty((items, g.room(wide)), x.dtype)
    anything = bias if bias is not None else x  # a pointer that is not read
    launcher.launch(
        FAMILY, "conv_forward", (items,), (1,),
        x, taps, anything, bias is not None, y, scratch, g.packed(wide),
        PIXELS=_pixels(g, defines), **defines,
    )  # fmt: skip


def _weight_gradients(
    launcher: Launcher, g: Geometry, x: Array, above: Array, weight: Array
) -> tuple[Array, Array]:
    """The gradients by the weight and by the bias, which one more row of sums gives."""
    defines = _defines(g, x)
    wide = LANES * defines["VECTORS"]
    items = min(_items(launcher), g.batch * g.parts)
    blocks = -(-g.outputs // wide)
    partial = launcher.empty((items, g.groups, blocks, g.depth + 1, wide), x.dtype)
    scratch = launcher.empty((items, g.room(wide)), x.dtype)
    launcher.launch(
        FAMILY, "conv_partial", (items,), (1,), x, above, partial, scratch, g.packed(wide),
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


def _defines(g: Geometry, x: Array) -> dict[str, Any]:
    """How the kernels are compiled: small convolutions share one program."""
    real = str(real_of(x))
    if g.is_small:
        return {"real": real, "VECTORS": 1, "STRIDE": 0}
    vectors = min(MOST_VECTORS[real], 1 << (-(-g.outputs // LANES) - 1).bit_length())
    return {"real": real, "VECTORS": vectors, "STRIDE": int(g.stride_x == 1)}


def _pixels(g: Geometry, defines: dict[str, Any]) -> int:
    """The length of tile that computes the fewest pixels twice; among those the longest."""
    row, most = g.out_width, MOST_SUMS[defines["real"]] // defines["VECTORS"]
    fitting = [1] if g.is_small else [n for n in PIXELS if n <= min(row, most)]
    return min(fitting, key=lambda n: (-(-row // n) * n, -n))


def _lines(n: int) -> int:
    return math.ceil(n / LANES) * LANES
