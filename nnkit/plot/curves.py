"""Loss and metrics over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nnkit.plot.style import TRAIN, VALIDATION, frame, legend, new_axes, several

FEW = 15
"""Epochs up to which each gets a dot."""


def learning_curves(
    history: Mapping[str, Sequence[float]],
    axes: Axes | Sequence[Axes] | None = None,
    labels: tuple[str, str] = ("training", "validation"),
) -> list[Axes]:
    """Loss and metrics over the epochs, training and validation, one picture for each name.

    Args:
        history: what `Trainer.fit` returned.
        axes: matplotlib axes to draw into, one for each name; made where None.
        labels: what to call the data learnt from and the data held back.

    Returns:
        The axes, as a list; `axes[0].figure` is the figure.

    Raises:
        ValueError: for a history without a finished epoch, or another number of axes.

    >>> from nnkit import plot
    >>> axes = plot.learning_curves({"loss": [1.0, 0.5], "val_loss": [1.1, 0.7]})
    >>> [line.get_label() for line in axes[0].lines]
    ['training', 'validation']
    """
    names = [name for name in history if not name.startswith("val_")]
    if not names or not history[names[0]]:
        raise ValueError("learning_curves: the history holds no finished epoch")
    pictures = new_axes(1, len(names)) if axes is None else several("learning_curves", axes, names)
    for name, picture in zip(names, pictures, strict=True):
        _curve(picture, history[name], labels[0], TRAIN, "-")
        if f"val_{name}" in history:
            _curve(picture, history[f"val_{name}"], labels[1], VALIDATION, "--")
        frame(picture, name, "epoch", name)
        legend(picture)
    return pictures


def _curve(axes: Axes, values: Sequence[float], label: str, colour: str, style: str) -> None:
    epochs = range(1, len(values) + 1)
    marker = "o" if len(values) < FEW else None
    axes.plot(epochs, values, style, color=colour, label=label, marker=marker, markersize=4)
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
