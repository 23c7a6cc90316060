"""Where a classifier of two inputs changes its mind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from nnkit import selection
from nnkit.autograd import no_grad
from nnkit.dtypes import dtype_name
from nnkit.nn import Module
from nnkit.nn.mode import mode
from nnkit.plot.labels import Host, as_labels, class_names
from nnkit.plot.style import COLOURS, MARKERS, frame, legend, one
from nnkit.tensor import Tensor, tensor
from nnkit.train import Trainer
from nnkit.train.data import numbers, same_length

AT_ONCE = 4096
"""Points of the plane that go through a network in one batch."""
CALLER = "decision_boundary"


def decision_boundary(
    model: Trainer | Module | Callable[[Host], Any] | Any,
    x: Any,
    y: Any,
    axes: Axes | None = None,
    *,
    names: Sequence[str] | None = None,
    features: tuple[str, str] = ("x0", "x1"),
    threshold: float = 0.5,
    margin: float = 0.15,
    resolution: int = 200,
) -> Axes:
    """The regions of the plane that a classifier gives to each class, and the data on them.

    Args:
        model: a `Trainer`, a module, anything with scikit-learn's `predict`, or a function of
            points (N, 2). It gives class scores (N, C), one score (N, 1), or labels (N,).
        x: points (N, 2).
        y: their classes: labels (N,) or (N, 1), or one-hot rows (N, C); at most ten classes.
        axes: matplotlib axes to draw into; made where None.
        names: what to call the classes, in the order of their labels.
        features: what to call the two inputs, with their units.
        threshold: the score above which a single output means class 1 (0 for a logit).
        margin: how far the picture goes beyond the data, as a share of its extent.
        resolution: points of the plane along each axis.

    Returns:
        The axes; the class of each place, by its position among the classes, is
        `axes.images[0].get_array()`, lowest row first.

    Raises:
        ValueError: for points without exactly two inputs, more than ten classes, or outputs that
            name no class.

    >>> from nnkit import plot
    >>> above = lambda points: (points[:, 1] > points[:, 0]).astype(int)
    >>> axes = plot.decision_boundary(above, [[0.0, 1.0], [1.0, 0.0]], [1, 0], resolution=3)
    >>> axes.images[0].get_array().tolist()
    [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    """
    points = _points(x)
    columns, rows = _window(points, margin, resolution)
    plane = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    outputs = _outputs(model, plane)
    classes, regions, truth = _classes(outputs, y, threshold)
    same_length(CALLER, x=points, y=truth)
    labels = class_names(CALLER, len(classes), classes, names)
    axes = one(CALLER, axes)
    _regions(axes, columns, rows, regions.reshape(len(rows), len(columns)), len(classes))
    for place, label in enumerate(labels):
        chosen = points[truth == place]
        axes.scatter(
            chosen[:, 0], chosen[:, 1], label=label, color=COLOURS[place], marker=MARKERS[place],
            s=28, edgecolors="0.2", linewidths=0.4,
        )  # fmt: skip
    frame(axes, "decision boundary", *features, grid=False)
    legend(axes, beside=True)
    return axes


def _points(x: Any) -> Host:
    points = numbers(CALLER, "x", x).astype(np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(
            f"{CALLER}: x must be points with two inputs, of shape (N, 2), got {points.shape}. "
            "Fix: choose two columns, or plot.project(x), and train on these."
        )
    return points


def _window(points: Host, margin: float, resolution: int) -> tuple[Host, Host]:
    """Where to ask the model, along each axis."""
    if resolution < 2:
        raise ValueError(f"{CALLER}: resolution must be at least 2, got {resolution}")
    low, high = points.min(axis=0), points.max(axis=0)
    beyond = margin * np.where(high > low, high - low, 1.0)
    first, last = low - beyond, high + beyond
    return np.linspace(first[0], last[0], resolution), np.linspace(first[1], last[1], resolution)


def _outputs(model: Any, plane: Host) -> Host:
    if isinstance(model, Trainer):
        return np.asarray(model.predict(plane, batch_size=AT_ONCE))
    if isinstance(model, Module):
        return _of_module(model, plane)
    result = model.predict(plane) if hasattr(model, "predict") else model(plane)
    return result.numpy() if isinstance(result, Tensor) else np.asarray(result)


def _of_module(model: Module, plane: Host) -> Host:
    """The module's outputs in eval mode, in the dtype and on the backend of its parameters."""
    first = next(model.parameters(), None)
    backend = selection.current() if first is None else first.backend
    dtype = "float32" if first is None else dtype_name(first.dtype)
    parts = np.array_split(plane, -(-len(plane) // AT_ONCE))
    with mode(model, training=False), no_grad():
        return np.concatenate([model(tensor(p, dtype, backend=backend)).numpy() for p in parts])


def _classes(outputs: Host, y: Any, threshold: float) -> tuple[Host, Host, Host]:
    """The classes' labels, and the position among them of each place and of each example."""
    if outputs.ndim == 2 and outputs.shape[1] == 1:
        truth = np.asarray(as_labels(CALLER, "y", y) > 0.5, dtype=np.int64)
        return np.arange(2), (outputs[:, 0] > threshold).astype(np.int64), truth
    given = as_labels(CALLER, "y", y)
    regions = as_labels(CALLER, "the model's outputs", outputs)
    if outputs.ndim == 2:
        classes = _columns(given, outputs.shape[1])
        regions = classes[regions]
    else:
        classes = np.unique(np.concatenate([given, regions]))
    if len(classes) > len(COLOURS):
        raise ValueError(
            f"{CALLER}: at most {len(COLOURS)} classes can be told apart, got {len(classes)}. Fix: "
            "a model that gives labels (N,), or scores (N, C) or (N, 1)."
        )
    return classes, np.searchsorted(classes, regions), np.searchsorted(classes, given)


def _columns(given: Host, count: int) -> Host:
    """The label that each column of scores stands for."""
    if given.dtype.kind in "iu" and given.min() >= 0 and given.max() < count:
        return np.arange(count)
    classes = np.unique(given)
    if len(classes) != count:
        raise ValueError(
            f"{CALLER}: the model gives scores of {count} classes, so y must hold class numbers in "
            f"[0, {count}), or {count} different labels, got {classes.tolist()}"
        )
    return classes


def _regions(axes: Axes, columns: Host, rows: Host, regions: Host, count: int) -> None:
    """Tints, and a dark line where they meet."""
    half = (columns[1] - columns[0]) / 2, (rows[1] - rows[0]) / 2
    extent = (
        columns[0] - half[0], columns[-1] + half[0], rows[0] - half[1], rows[-1] + half[1]
    )  # fmt: skip
    axes.imshow(
        regions, extent=extent, origin="lower", aspect="auto", alpha=0.3, interpolation="nearest",
        cmap=ListedColormap(COLOURS[:count]), vmin=-0.5, vmax=count - 0.5,
    )  # fmt: skip
    for place in np.unique(regions)[1:]:
        axes.contour(columns, rows, regions >= place, levels=[0.5], colors="0.25", linewidths=0.9)
