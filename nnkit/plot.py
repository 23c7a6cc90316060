"""Pictures of training; needs matplotlib (`pip install 'nnkit[plot]'`)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnkit.errors import missing_extra
from nnkit.files import whole

TRAIN, VALIDATION = "#0072B2", "#D55E00"
"""Blue and vermilion: told apart by every kind of colour vision (Okabe and Ito 2008)."""


def learning_curves(
    history: Mapping[str, Sequence[float]],
    axes: Any = None,
    labels: tuple[str, str] = ("training", "validation"),
) -> Any:
    """Loss and metrics over the epochs, training and validation, one picture for each name.

    Args:
        history: what `Trainer.fit` returned.
        axes: matplotlib axes to draw into, one for each name; made where None.
        labels: what to call the data learnt from and the data held back.

    Returns:
        The axes, as a list; `axes[0].figure` is the figure.

    Raises:
        ValueError: for a history without a finished epoch.
    """
    names = [name for name in history if not name.startswith("val_")]
    if not names or not history[names[0]]:
        raise ValueError("learning_curves: the history holds no finished epoch")
    axes = _new_axes(len(names)) if axes is None else axes
    for name, picture in zip(names, axes, strict=True):
        _curve(picture, history[name], labels[0], TRAIN, "-")
        if f"val_{name}" in history:
            _curve(picture, history[f"val_{name}"], labels[1], VALIDATION, "--")
        picture.set(xlabel="epoch", ylabel=name, title=name)
        picture.grid(alpha=0.3)
        picture.legend(frameon=False)
    return list(axes)


def _curve(axes: Any, values: Sequence[float], label: str, colour: str, style: str) -> None:
    epochs = range(1, len(values) + 1)
    marker = "o" if len(values) < 15 else None
    axes.plot(epochs, values, style, color=colour, label=label, marker=marker, markersize=4)
    axes.xaxis.get_major_locator().set_params(integer=True)


def _new_axes(count: int) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing_extra("matplotlib", "a plot", "plot") from None
    # Not by pyplot, which would look for a screen.
    figure = Figure(figsize=(4.8 * count, 3.6), layout="constrained")
    return figure.subplots(1, count, squeeze=False)[0]


def save(axes: Sequence[Any], file: str | os.PathLike[str]) -> None:
    """Write the figure of these axes to a file, in the format that its ending names.

    It is written under another name and renamed, so that nobody meets half a picture.
    """
    figure, ending = axes[0].figure, Path(file).suffix[1:]
    if ending not in (known := figure.canvas.get_supported_filetypes()):
        raise ValueError(f"plot: the file must end in one of {', '.join(known)}, got '{file}'")
    with whole("plot", file) as path:
        figure.savefig(path, dpi=144)
