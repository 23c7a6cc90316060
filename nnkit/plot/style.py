"""What all pictures share: colours, figures without a screen, a plain frame, and saving."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnkit.files import whole

COLOURS: Final = (
    "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7",
    "#56B4E9", "#F0E442", "#000000", "#BBBBBB", "#663300",
)  # fmt: skip
"""The eight of Okabe and Ito (2008), then grey and brown: ten that stay apart in every kind of
colour vision."""
MARKERS: Final = "os^DvPX<>*"
"""A shape for each colour, for prints in grey."""
TRAIN, VALIDATION = COLOURS[:2]
SEQUENTIAL: Final = "viridis"
COUNTS: Final = "Blues"
"""White for none, so that the cells with something in them stand out."""
DIVERGING: Final = "RdBu_r"
"""Red above 0, white at 0, blue below."""
SMALL: Final = 8
"""Points of the smallest text."""


def new_axes(
    rows: int = 1, columns: int = 1, size: tuple[float, float] = (4.8, 3.8), **options: Any
) -> list[Axes]:
    """Axes of a new figure, each of `size` inches."""
    # Not by pyplot, which would look for a screen and keep every figure.
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    return list(figure.subplots(rows, columns, squeeze=False, **options).flat)


def one(caller: str, axes: Axes | None) -> Axes:
    """The axes to draw one picture into."""
    if axes is None:
        return new_axes()[0]
    if not isinstance(axes, Axes):
        raise TypeError(f"{caller}: axes must be one matplotlib Axes, got {type(axes).__name__}")
    return axes


def several(caller: str, axes: Axes | Sequence[Axes], names: Sequence[str]) -> list[Axes]:
    """The user's axes, one for each name."""
    found: list[Axes] = [axes] if isinstance(axes, Axes) else list(axes)
    if len(found) != len(names):
        raise ValueError(
            f"{caller}: axes must be {len(names)}, one for each of {', '.join(names)}; "
            f"got {len(found)}"
        )
    return found


def frame(axes: Axes, title: str, x: str, y: str, *, grid: bool = True) -> None:
    """Title and labels, a faint grid behind the data, no lines above and to the right."""
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.spines[["top", "right"]].set_visible(False)
    if grid:
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)


def legend(axes: Axes, *, beside: bool = False) -> None:
    """Inside where matplotlib finds room, or beside the picture, where it covers no data."""
    if beside:
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), handletextpad=0.2)
    else:
        axes.legend(framealpha=0.8, edgecolor="none")


def colour_bar(axes: Axes, image: Any, label: str, **options: Any) -> None:
    """What the colours of an image mean, beside its axes."""
    figure: Any = axes.figure
    figure.colorbar(image, ax=axes, label=label, **options)


def save(axes: Axes | Sequence[Axes], file: str | os.PathLike[str]) -> None:
    """Write the figure of these axes to a file, in the format that its ending names.

    It is written under another name and renamed, so that nobody meets half a picture.

    Raises:
        ValueError: for a folder that does not exist, or an ending that matplotlib does not know.

    >>> import pathlib, tempfile
    >>> from nnkit import plot
    >>> axes = plot.learning_curves({"loss": [1.0, 0.5]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plot.save(axes, f"{folder}/curves.png")
    ...     [path.name for path in pathlib.Path(folder).iterdir()]
    ['curves.png']
    """
    figure: Any = (axes if isinstance(axes, Axes) else axes[0]).figure
    ending = Path(file).suffix[1:]
    if ending not in (known := figure.canvas.get_supported_filetypes()):
        raise ValueError(f"plot: the file must end in one of {', '.join(known)}, got '{file}'")
    with whole("plot", file) as path:
        figure.savefig(path, dpi=144)
