"""Convolution without a matrix of all windows: which calls are served, and by what."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from nnkit.backends.device import conv_lanes, conv_tiled, conv_winograd
from nnkit.backends.device.common import real_of, size
from nnkit.backends.device.conv_geometry import Geometry, backward_geometry, forward_geometry
from nnkit.backends.device.launcher import Launcher
from nnkit.ops.conv import conv_windows
from nnkit.ops.windows import Lengths, Padding, in_two_axes

if TYPE_CHECKING:
    from nnkit.typing import Array, Namespace, Needs

MOST = 1 << 31
"""Positions, and elements of an image in its frame, that the kernels' small numbers hold."""


def overrides(launcher: Launcher) -> dict[str, Callable[..., Any]]:
    """Convolution, by the name of its op."""
    return {"conv": partial(_conv, launcher)}


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
    if real is None or len(w.size) > 2 or not (size(x) and size(weight)):
        return NotImplemented
    forward = forward_geometry(x.shape, weight.shape[0], in_two_axes(w), groups)
    backward = backward_geometry(forward)
    if max(forward.frame, backward.frame, forward.positions, backward.positions) >= MOST:
        return NotImplemented
    x, weight = xp.ext.contiguous(x), xp.ext.contiguous(weight)
    y = launcher.empty((x.shape[0], weight.shape[0], *w.positions), x.dtype)
    way = _way(launcher, forward, real)
    way.product(launcher, forward, x, weight, bias, y)

    def vjp(g: Array) -> tuple[Array | None, ...]:
        to_x = launcher.empty(x.shape, x.dtype) if needs[0] else None
        if to_x is not None:
            back = _way(launcher, backward, real)
            back.product(launcher, backward, g, weight, None, to_x, by_x=True)
        sums = way.weight_gradients(launcher, forward, x, g, weight) if any(needs[1:]) else ()
        wanted = [d if need else None for d, need in zip(sums, needs[1:], strict=False)]
        return (to_x, *wanted) if wanted else (to_x, None, None)

    return y, vjp if any(needs) else None


def _way(launcher: Launcher, g: Geometry, real: str) -> Any:
    """The module that serves a convolution."""
    if not launcher.cpu:
        return conv_tiled
    return conv_winograd if conv_winograd.serves(g, real) else conv_lanes
