"""Where the windows of a convolution of images lie, for its kernels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nnkit.ops.windows import Windows, reach_of

if TYPE_CHECKING:
    from nnkit.typing import Shape


@dataclass(frozen=True)
class Geometry:
    """A convolution of images as the kernels see it.

    `top` and `left` are the padding before x, whose elements lie `spread` apart in a frame of
    `tall` rows and `wide` columns: all that a window can reach.
    """

    batch: int
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
    def places(self) -> int:
        """Places in the kernel."""
        return self.kernel_height * self.kernel_width

    @property
    def positions(self) -> int:
        """Windows in all images."""
        return self.batch * self.out_height * self.out_width

    @property
    def frame(self) -> int:
        """Elements of an image with its frame."""
        return self.inputs * self.tall * self.wide

    def weight_steps(self, by_x: bool) -> tuple[int, int, int]:
        """Elements from one group, one output and one input of the weight to the next.

        The weight is that of the forward convolution; in the gradient by x inputs are outputs.
        """
        group = self.outputs * self.inputs * self.places
        if by_x:
            return group, self.places, self.outputs * self.places
        return group, self.inputs * self.places, self.places


def forward_geometry(shape: Shape, outputs: int, w: Windows, groups: int) -> Geometry:
    """The convolution of x with this shape to so many channels; w are windows over two axes."""
    reach = [reach_of(k, d) for k, d in zip(w.kernel, w.dilation, strict=True)]
    spans = [(n - 1) * s + r for n, s, r in zip(w.positions, w.stride, reach, strict=True)]
    return Geometry(
        batch=shape[0], groups=groups, inputs=shape[1] // groups, outputs=outputs // groups,
        height=w.size[0], width=w.size[1], top=w.low[0], left=w.low[1],
        spread_y=1, spread_x=1, tall=spans[0], wide=spans[1],
        out_height=w.positions[0], out_width=w.positions[1],
        stride_y=w.stride[0], stride_x=w.stride[1],
        kernel_height=w.kernel[0], kernel_width=w.kernel[1],
        dilation_y=w.dilation[0], dilation_x=w.dilation[1],
    )  # fmt: skip


def backward_geometry(f: Geometry) -> Geometry:
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
    )  # fmt: skip
