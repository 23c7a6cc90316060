"""Fused pooling: one launch forward, one backward (kernels/pool.cl)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from nnkit.backends.device.common import real_of, size
from nnkit.backends.device.launcher import Launcher, grid
from nnkit.ops.pool import check_divisor, pool_windows
from nnkit.ops.windows import Lengths, Windows, in_two_axes

if TYPE_CHECKING:
    from nnkit.typing import Array, Namespace, Needs

FAMILY = "pool"


def overrides(launcher: Launcher) -> dict[str, Callable[..., Any]]:
    """The poolings that have kernels, by the name of their op."""
    return {"max_pool": partial(_max_pool, launcher), "avg_pool": partial(_avg_pool, launcher)}


def _max_pool(
    launcher: Launcher,
    xp: Namespace,
    x: Array,
    *,
    needs: Needs,
    kernel_size: Lengths,
    stride: Lengths | None,
    padding: Lengths,
    dilation: Lengths,
    ceil_mode: bool,
) -> Any:
    w = pool_windows("max_pool", x, kernel_size, stride, padding, dilation, ceil_mode)
    real = real_of(x)
    if real is None or len(w.size) > 2 or not size(x):
        return NotImplemented
    w2 = in_two_axes(w)
    y = launcher.empty((*x.shape[:2], *w.positions), x.dtype)
    x = xp.ext.contiguous(x)
    name, numbers = "max_pairs", _planes(x, w2)
    if not _pairs(launcher, w2):
        name, numbers = "max_pool", (*numbers, *_places(w2), *w2.dilation)

    def launch(way: str, n: int, *arrays: Array) -> None:
        work = grid(launcher, n)
        launcher.launch(FAMILY, f"{name}_{way}", *work, *arrays, *numbers, real=real)

    launch("forward", size(y), x, y)

    def vjp(g: Array) -> tuple[Array]:
        d = launcher.empty(x.shape, x.dtype)
        launch("backward", size(x), x, y, g, d)
        return (d,)

    return y, vjp if needs[0] else None


def _avg_pool(
    launcher: Launcher,
    xp: Namespace,
    x: Array,
    *,
    needs: Needs,
    kernel_size: Lengths,
    stride: Lengths | None,
    padding: Lengths,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Any:
    check_divisor(divisor_override)
    w = pool_windows("avg_pool", x, kernel_size, stride, padding, 1, ceil_mode)
    real = real_of(x)
    if real is None or len(w.size) > 2 or not size(x):
        return NotImplemented
    w2 = in_two_axes(w)
    y = launcher.empty((*x.shape[:2], *w.positions), x.dtype)
    x = xp.ext.contiguous(x)
    divisor = divisor_override or 0
    name, numbers = "avg_pairs", (*_planes(x, w2), 1.0 / (divisor or 4))
    if not _pairs(launcher, w2):
        share = (*w2.high, count_include_pad, divisor)
        name, numbers = "avg_pool", (*_planes(x, w2), *_places(w2), *share)

    def launch(way: str, n: int, *arrays: Array) -> None:
        work = grid(launcher, n)
        launcher.launch(FAMILY, f"{name}_{way}", *work, *arrays, *numbers, real=real)

    launch("forward", size(y), x, y)

    def vjp(g: Array) -> tuple[Array]:
        d = launcher.empty(x.shape, x.dtype)
        launch("backward", size(x), g, d)
        return (d,)

    return y, vjp if needs[0] else None


def _planes(x: Array, w: Windows) -> tuple[Any, ...]:
    """How many images there are, how large they are and how large they become."""
    return x.shape[0] * x.shape[1], *w.size, *w.positions


def _places(w: Windows) -> tuple[int, ...]:
    return *w.kernel, *w.stride, *w.low


def _pairs(launcher: Launcher, w: Windows) -> bool:
    """Whether the windows are squares of 2 x 2, side by side inside x."""
    twos = (2, 2)
    alike = w.kernel == w.stride == twos and w.dilation == (1, 1)
    return launcher.cpu and alike and w.inside and not any(w.high)
