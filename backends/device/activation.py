"""Fused activations: one launch forward, one backward (kernels/activation.cl)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nnkit.backends.device.common import real_of, row_grid, size
from nnkit.backends.device.launcher import Launcher, grid
from nnkit.ops.common import normalize_axes

if TYPE_CHECKING:
    from nnkit.typing import Array, Namespace, Needs

FAMILY = "activation"


def overrides(launcher: Launcher) -> dict[str, Callable[..., Any]]:
    """The activations that one launch can do, by the name of their op."""
    each = {name: _each(launcher, name) for name in ("relu", "sigmoid", "tanh")}
    return each | {name: _by_row(launcher, name) for name in ("softmax", "log_softmax")}


def _each(launcher: Launcher, name: str) -> Callable[..., Any]:
    """An activation of each element by itself."""

    def fused(xp: Namespace, x: Array, *, needs: Needs) -> Any:
        real = real_of(x)
        if real is None or not (n := size(x)):
            return NotImplemented
        work = grid(launcher, n)
        y = launcher.empty(x.shape, x.dtype)
        x = xp.ext.contiguous(x)
        launcher.launch(FAMILY, f"{name}_forward", *work, x, y, n, real=real)

        def vjp(g: Array) -> tuple[Array]:
            d = launcher.empty(y.shape, y.dtype)
            launcher.launch(FAMILY, f"{name}_backward", *work, y, g, d, n, real=real)
            return (d,)

        return y, vjp if needs[0] else None

    return fused


def _by_row(launcher: Launcher, name: str) -> Callable[..., Any]:
    """A normalisation over the last axis."""

    def fused(xp: Namespace, x: Array, *, needs: Needs, axis: int) -> Any:
        (axis,) = normalize_axes(name, axis, x.ndim)
        real = real_of(x)
        if real is None or axis != x.ndim - 1 or not (n := size(x)):
            return NotImplemented
        cols = x.shape[-1]
        rows = n // cols
        work, extra = row_grid(launcher, rows, cols)
        defines: dict[str, Any] = {"real": real, **extra}
        y = launcher.empty(x.shape, x.dtype)
        x = xp.ext.contiguous(x)
        launcher.launch(FAMILY, f"{name}_forward", *work, x, y, rows, cols, **defines)

        def vjp(g: Array) -> tuple[Array]:
            d = launcher.empty(y.shape, y.dtype)
            kernel = f"{name}_backward"
            launcher.launch(FAMILY, kernel, *work, y, g, d, rows, cols, **defines)
            return (d,)

        return y, vjp if needs[0] else None

    return fused
