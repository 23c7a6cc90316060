"""Fused batch normalisation: one launch forward, one backward (kernels/norm_batch.cl)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from nnkit.backends.device.common import real_of, row_grid, size
from nnkit.backends.device.launcher import Launcher
from nnkit.dtypes import dtype_name
from nnkit.ops.norm import check_batch_norm, check_channels

if TYPE_CHECKING:
    from nnkit.typing import Array, Namespace, Needs

FAMILY = "norm_batch"


def overrides(launcher: Launcher) -> dict[str, Callable[..., Any]]:
    """Batch norm and the statistics that it keeps, by the names of op and update."""
    return {
        "batch_norm": partial(_batch_norm, launcher),
        "batch_norm_eval": partial(_batch_norm_eval, launcher),
        "running_statistics": partial(_running_statistics, launcher),
    }


def _batch_norm(
    launcher: Launcher,
    xp: Namespace,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    needs: Needs,
    eps: float,
) -> Any:
    _, n = check_batch_norm(x, weight, bias)
    real = real_of(x)
    if real is None or not size(x):
        return NotImplemented
    launch, sizes = _launch(launcher, x, real)
    x, weight, bias = (_contiguous(xp, a) for a in (x, weight, bias))
    y = launcher.empty(x.shape, x.dtype)
    mean, var = (launcher.empty((x.shape[1],), x.dtype) for _ in range(2))
    launch(
        "batch_norm_forward", x, *_given(weight, x), *_given(bias, x), y, mean, var,
        *sizes, 1.0 / n, eps,
    )  # fmt: skip

    def vjp(gs: tuple[Array, Array, Array]) -> tuple[Array | None, ...]:
        to_x = launcher.empty(x.shape, x.dtype) if needs[0] else None
        total, along = (launcher.empty((x.shape[1],), x.dtype) for _ in range(2))
        launch(
            "batch_norm_backward", x, gs[0], mean, var, *_given(weight, x), *gs[1:],
            *_given(to_x, x), total, along, *sizes, 1.0 / n, eps,
        )  # fmt: skip
        return (
            to_x,
            along if weight is not None and needs[1] else None,
            total if bias is not None and needs[2] else None,
        )

    return (y, mean, var), vjp if any(needs) else None


def _batch_norm_eval(
    launcher: Launcher,
    xp: Namespace,
    x: Array,
    mean: Array,
    var: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    needs: Needs,
    eps: float,
) -> Any:
    given = {"mean": mean, "var": var, "weight": weight, "bias": bias}
    check_channels("batch_norm_eval", x, given)
    real = real_of(x)
    if real is None or not size(x):
        return NotImplemented
    launch, sizes = _launch(launcher, x, real)
    x, mean, var, weight, bias = (_contiguous(xp, a) for a in (x, mean, var, weight, bias))
    y = launcher.empty(x.shape, x.dtype)
    scale = (mean, var, *_given(weight, x))
    launch("batch_norm_eval_forward", x, *scale, *_given(bias, x), y, *sizes, eps)

    def vjp(g: Array) -> tuple[Array | None, ...]:
        to_x = launcher.empty(x.shape, x.dtype) if needs[0] else None
        total, along, factor = (launcher.empty((x.shape[1],), x.dtype) for _ in range(3))
        sums = (total, along, factor, any(needs[1:]))
        launch("batch_norm_eval_backward", x, g, *scale, *_given(to_x, x), *sums, *sizes, eps)
        return (
            to_x,
            -factor * total if needs[1] else None,
            -0.5 * factor * along / xp.sqrt(var + eps) if needs[2] else None,
            along if needs[3] else None,
            total if needs[4] else None,
        )

    return y, vjp if any(needs) else None


def _running_statistics(
    launcher: Launcher,
    xp: Namespace,
    mean: Array,
    var: Array,
    count: Array,
    batch_mean: Array,
    batch_var: Array,
    *,
    momentum: float | None,
    n: int,
) -> Any:
    real, written = real_of(mean, var, batch_mean, batch_var), (mean, var, count)
    counts = dtype_name(count.dtype) == "int64"
    if real is None or not counts or any(xp.ext.contiguous(a) is not a for a in written):
        return NotImplemented
    work, extra = row_grid(launcher, 1, size(mean))
    defines: dict[str, Any] = {"real": real, "COLUMNS": 0, **extra}
    share = (0.0, True) if momentum is None else (momentum, False)
    batch = (_contiguous(xp, a) for a in (batch_mean, batch_var))
    launcher.launch(
        FAMILY, "running_statistics", *work, *written, *batch, *share, n / (n - 1), size(mean),
        **defines,
    )  # fmt: skip
    return None


def _launch(
    launcher: Launcher, x: Array, real: str
) -> tuple[Callable[..., None], tuple[int, int, int]]:
    """How the kernels for x are launched, and the lengths of its axes as they see them."""
    batch, channels, space = x.shape[0], x.shape[1], math.prod(x.shape[2:])
    work, extra = row_grid(launcher, channels, batch * space)
    columns = int(launcher.cpu and space == 1)
    defines: dict[str, Any] = {"real": real, "COLUMNS": columns, **extra}

    def launch(kernel: str, *args: Any) -> None:
        launcher.launch(FAMILY, kernel, *work, *args, **defines)

    return launch, (batch, channels, space)


def _given(array: Array | None, anything: Array) -> tuple[Array, bool]:
    """An array that a kernel may do without, and whether it is there."""
    return (anything, False) if array is None else (array, True)


def _contiguous(xp: Namespace, array: Any) -> Any:
    return None if array is None else xp.ext.contiguous(array)
