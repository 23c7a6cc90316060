"""The confusion matrix.

Drawn here rather than by scikit-learn's ConfusionMatrixDisplay, which needs scikit-learn for a few
lines of counting, and goes by pyplot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nnkit.plot.labels import Host, as_labels, class_names
from nnkit.plot.style import COUNTS, SMALL, colour_bar, new_axes, one

MOST = 25
"""Classes up to which each cell says its number."""


def confusion_matrix(
    y_true: Any,
    y_pred: Any = None,
    axes: Axes | None = None,
    *,
    names: Sequence[str] | None = None,
    normalize: bool = False,
) -> Axes:
    """How often each true class (row) was predicted as each class (column).

    Args:
        y_true: labels (N,) or one-hot rows (N, C); or, where `y_pred` is None, the counts (C, C).
        y_pred: labels (N,), or scores (N, C), of which the largest counts.
        axes: matplotlib axes to draw into; made where None.
        names: what to call the classes, in the order of their labels.
        normalize: show each row as percent of that class; a class without examples shows zeros.

    Returns:
        The axes; the numbers are `axes.images[0].get_array()`.

    Raises:
        ValueError: for labels of unequal length, or counts that are not square and whole.

    >>> from nnkit import plot
    >>> axes = plot.confusion_matrix([0, 1, 1, 1], [0, 1, 1, 0])
    >>> axes.images[0].get_array().tolist()
    [[1, 0], [1, 2]]
    """
    classes, counts = _given(y_true) if y_pred is None else count(y_true, y_pred)
    labels = class_names("confusion_matrix", len(classes), classes, names)
    shown = _percent(counts) if normalize else counts
    if axes is None:
        side = max(4.0, 1.6 + 0.36 * len(classes))
        axes = new_axes(size=(side + 0.9, side))[0]
    axes = one("confusion_matrix", axes)
    limit = 100.0 if normalize else max(1, int(counts.max()))
    image = axes.imshow(shown, cmap=COUNTS, vmin=0, vmax=limit)
    what = "share of the true class, %" if normalize else "examples"
    colour_bar(axes, image, what, ticks=MaxNLocator("auto", integer=True))
    _ticks(axes, labels)
    if len(classes) <= MOST:
        _cells(axes, shown, limit)
    right = f"{np.trace(counts) / max(1, counts.sum()):.1%} of {counts.sum():,} right"
    axes.set(title=right, xlabel="predicted class", ylabel="true class")
    return axes


def count(y_true: Any, y_pred: Any) -> tuple[Host, Host]:
    """The labels that occur, sorted, and the counts (C, C)."""
    true = as_labels("confusion_matrix", "y_true", y_true)
    predicted = as_labels("confusion_matrix", "y_pred", y_pred)
    if len(true) != len(predicted):
        raise ValueError(
            "confusion_matrix: y_true and y_pred must hold as many examples, got "
            f"{len(true)} and {len(predicted)}"
        )
    classes, places = np.unique(np.concatenate([true, predicted]), return_inverse=True)
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (places[: len(true)], places[len(true) :]), 1)
    return classes, counts


def _given(counts: Any) -> tuple[Host, Host]:
    array = np.asarray(counts)
    square = array.ndim == 2 and array.shape[0] == array.shape[1] and array.size > 0
    if not square or array.dtype.kind not in "biu" or (array < 0).any():
        raise ValueError(
            "confusion_matrix: without y_pred, the counts must be whole numbers from 0 of shape "
            f"(C, C), got {array.dtype} of shape {array.shape}. Fix: "
            "confusion_matrix(y_true, y_pred)."
        )
    return np.arange(len(array)), array.astype(np.int64)


def _percent(counts: Host) -> Host:
    return np.asarray(100.0 * counts / np.maximum(1, counts.sum(axis=1, keepdims=True)))


def _ticks(axes: Axes, labels: list[str]) -> None:
    places = range(len(labels))
    slant: dict[str, Any] = (
        {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        if max(map(len, labels)) > 3
        else {}
    )
    axes.set_xticks(places, labels, **slant)
    axes.set_yticks(places, labels)
    axes.tick_params(length=0)


def _cells(axes: Axes, shown: Host, limit: float) -> None:
    """The numbers, dark on light and light on dark; a dot for none."""
    for (row, column), value in np.ndenumerate(shown):
        colour = "white" if value > 0.55 * limit else "0.15"
        text = f"{value:.0f}" if value else "·"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=SMALL)
