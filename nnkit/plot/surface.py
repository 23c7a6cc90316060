"""A function of two variables: its surface, a path over it, and its gradient field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.ticker import LogLocator, MaxNLocator

from nnkit.numeric import numeric_gradient
from nnkit.plot.labels import Host
from nnkit.plot.style import COLOURS, SEQUENTIAL, colour_bar, frame, legend, one
from nnkit.train.data import numbers

Function: TypeAlias = Callable[[Host], float]
Window: TypeAlias = tuple[tuple[float, float], tuple[float, float]]
LEVELS = 24


def loss_surface(
    function: Function,
    window: Window = ((-3.0, 3.0), (-3.0, 3.0)),
    axes: Axes | None = None,
    *,
    path: Any = None,
    log: bool = False,
    names: Sequence[str] = ("w0", "w1"),
    resolution: int = 80,
) -> Axes:
    """The loss over two weights, and the path that an optimiser took.

    Args:
        function: the loss of an array of two weights.
        window: the weights shown: (lowest, highest) of each.
        axes: matplotlib axes to draw into; made where None.
        path: weights (steps, 2) of an optimiser, drawn from a square to a star.
        log: logarithmic colours, for a loss above 0 of many orders of magnitude.
        names: what to call the two weights.
        resolution: points along each axis.

    Returns:
        The axes; the path is `axes.lines[0].get_xydata()`.

    Raises:
        ValueError: for an empty window, a path not (steps, 2), or log of a loss not above 0.

    >>> from nnkit import plot
    >>> axes = plot.loss_surface(lambda w: w[0] ** 2 + w[1] ** 2, path=[[2.0, 1.0], [1.0, 0.5]])
    >>> axes.lines[0].get_xydata().tolist()
    [[2.0, 1.0], [1.0, 0.5]]
    """
    columns, rows, values = _values("loss_surface", function, window, resolution)
    if log and not (values > 0).all():
        raise ValueError(
            f"loss_surface: log=True needs a loss above 0, the lowest is {values.min():g}"
        )
    axes = one("loss_surface", axes)
    levels = (LogLocator(subs=(1.0, 2.0, 5.0)) if log else MaxNLocator(LEVELS)).tick_values(
        values.min(), values.max()
    )
    image = axes.contourf(
        columns, rows, values, levels=levels, cmap=SEQUENTIAL, norm=LogNorm() if log else None
    )
    axes.contour(columns, rows, values, levels=levels, colors="white", linewidths=0.3, alpha=0.6)
    colour_bar(axes, image, "loss", ticks=None if log else MaxNLocator(7))
    frame(axes, "loss over two weights", names[0], names[1], grid=False)
    if path is not None:
        _path(axes, path)
    axes.set(xlim=window[0], ylim=window[1])
    return axes


def gradient_field(
    function: Function,
    window: Window = ((-3.0, 3.0), (-3.0, 3.0)),
    axes: Axes | None = None,
    *,
    names: Sequence[str] = ("x0", "x1"),
    points: int = 15,
    step: float = 1e-4,
) -> Axes:
    """The gradient of a function of two variables, as arrows over its levels.

    By central differences (`nnkit.numeric_gradient`). An arrow points uphill; its colour is the
    gradient's length.

    Args:
        function: a number for an array of two variables.
        window: the part of the plane shown: (lowest, highest) of each variable.
        axes: matplotlib axes to draw into; made where None.
        names: what to call the two variables.
        points: arrows along each axis.
        step: of the differences.

    Returns:
        The axes; the arrows are `axes.collections[-1]`, with `U` and `V`.

    Raises:
        ValueError: for an empty window or fewer than two points.

    >>> from nnkit import plot
    >>> corners = ((-1.0, 1.0), (-1.0, 1.0))
    >>> axes = plot.gradient_field(lambda x: x[0] ** 2 + x[1] ** 2, corners, points=2)
    >>> axes.collections[-1].U.round(6).tolist()
    [-2.0, 2.0, -2.0, 2.0]
    """
    columns, rows = _window("gradient_field", window, points)
    grid = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    field = np.stack([numeric_gradient(function, place, step) for place in grid])
    axes = one("gradient_field", axes)
    x, y, values = _values("gradient_field", function, window, 60)
    axes.contour(x, y, values, levels=10, colors="0.8", linewidths=0.8)
    lengths = np.hypot(*field.T)
    arrows = axes.quiver(*grid.T, *field.T, lengths, cmap=SEQUENTIAL, angles="xy", width=0.005)
    colour_bar(axes, arrows, "length of the gradient")
    frame(axes, "gradient field", names[0], names[1], grid=False)
    axes.set_aspect("equal")
    return axes


def _window(caller: str, window: Window, resolution: int) -> tuple[Host, Host]:
    if resolution < 2:
        raise ValueError(f"{caller}: two points along each axis are needed, got {resolution}")
    for low, high in window:
        if not low < high:
            raise ValueError(f"{caller}: window must be (lowest, highest) twice, got {window}")
    columns, rows = (np.linspace(low, high, resolution) for low, high in window)
    return columns, rows


def _values(
    caller: str, function: Function, window: Window, resolution: int
) -> tuple[Host, Host, Host]:
    columns, rows = _window(caller, window, resolution)
    values = [[float(function(np.array([a, b]))) for a in columns] for b in rows]
    return columns, rows, np.array(values)


def _path(axes: Axes, path: Any) -> None:
    steps = numbers("loss_surface", "path", path)
    if steps.ndim != 2 or steps.shape[1] != 2:
        raise ValueError(f"loss_surface: path must have the shape (steps, 2), got {steps.shape}")
    colour = COLOURS[1]
    axes.plot(*steps.T, ".-", color=colour, markersize=4, linewidth=1.2)
    for (x, y), marker, size, label in ((steps[0], "s", 60, "start"), (steps[-1], "*", 140, "end")):
        axes.scatter(
            x, y, s=size, color=colour, marker=marker, label=label, edgecolors="white", zorder=3
        )
    legend(axes)
