"""First-layer weights and kernels as images."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import CenteredNorm

from nnkit.nn import Module
from nnkit.plot.labels import Host
from nnkit.plot.style import DIVERGING, colour_bar, new_axes, one
from nnkit.train.data import numbers

GAP = 0.12
"""Between two images, as a share of an image's shorter side."""


def weight_images(
    weights: Module | Any,
    shape: tuple[int, int] | None = None,
    axes: Axes | None = None,
    *,
    columns: int | None = None,
    limit: float | None = None,
    most: int = 100,
) -> Axes:
    """What each unit of a layer looks for: its weights as an image, red above 0 and blue below.

    Args:
        weights: a module, of which the first parameter with two axes or more is taken; or weights
            of a `Linear` (units, inputs), kernels (units, channels, width) or (units, channels,
            height, width). Two-dimensional kernels of several channels get a row a unit and a
            column a channel.
        shape: height and width of an image; for a `Linear` with a square number of inputs it need
            not be given.
        axes: matplotlib axes to draw into; made where None.
        columns: images side by side; by default a grid a little wider than high.
        limit: the weight of the deepest colours, so that several pictures can share a scale; by
            default the largest absolute value.
        most: units shown, the first ones.

    Returns:
        The axes; each image is one of `axes.images`, unit by unit.

    Raises:
        ValueError: for weights that are no images, or a shape of another number of elements.

    >>> from nnkit import nn, plot
    >>> axes = plot.weight_images(nn.Linear(64, 6))
    >>> len(axes.images), axes.images[0].get_array().shape
    (6, (8, 8))
    """
    images, channels = _images(_weights(weights)[:most], shape)
    columns = columns or channels or math.ceil(math.sqrt(1.5 * len(images)))
    rows = math.ceil(len(images) / columns)
    height, width = images.shape[1:]
    axes = new_axes(size=_size(rows * height, columns * width))[0] if axes is None else axes
    axes = one("weight_images", axes)
    limit = float(np.abs(images).max()) if limit is None else limit
    norm, gap = CenteredNorm(0.0, limit or 1.0), GAP * min(height, width)
    for number, values in enumerate(images):
        row, column = divmod(number, columns)
        top, left = row * (height + gap), column * (width + gap)
        extent = (left, left + width, top + height, top)
        drawn = axes.imshow(values, cmap=DIVERGING, norm=norm, extent=extent)
    of_channels = columns == channels
    axes.set(
        xlim=(-gap, columns * (width + gap)), ylim=(rows * (height + gap), -gap), xticks=[],
        yticks=[], facecolor="0.8", title=f"{len(images)} images of {height}×{width} weights",
        xlabel="channel" if of_channels else "", ylabel="unit" if of_channels else "",
    )  # fmt: skip
    axes.spines[:].set_visible(False)
    colour_bar(axes, drawn, "weight")
    return axes


def _weights(weights: Any) -> Host:
    if not isinstance(weights, Module):
        return numbers("weight_images", "weights", weights)
    for parameter in weights.parameters():
        if parameter.ndim >= 2:
            return numbers("weight_images", "weights", parameter)
    raise ValueError(
        f"weight_images: {type(weights).__name__} has no parameter with two axes or more, so there "
        "is nothing that looks at an input"
    )


def _images(weights: Host, shape: tuple[int, int] | None) -> tuple[Host, int]:
    """Images (N, height, width), and how many belong side by side (0: as many as fit)."""
    if weights.ndim == 2:
        return _rows(weights, shape), 0
    if shape is not None and weights.shape[-2:] != tuple(shape):
        raise ValueError(
            f"weight_images: shape is for the weights of a Linear; these have the shape "
            f"{weights.shape}, an image is {weights.shape[-2:]}"
        )
    if weights.ndim == 3:
        return weights, 0
    if weights.ndim == 4:
        channels = weights.shape[1]
        return weights.reshape(-1, *weights.shape[2:]), channels if channels > 1 else 0
    raise ValueError(
        f"weight_images: weights must have two to four axes, (units, inputs) or (units, channels, "
        f"height, width), got shape {weights.shape}"
    )


def _rows(weights: Host, shape: tuple[int, int] | None) -> Host:
    inputs = weights.shape[1]
    side = math.isqrt(inputs)
    if shape is None and side * side != inputs:
        raise ValueError(
            f"weight_images: {inputs} inputs make no square image. Fix: shape=(height, width)."
        )
    height, width = (side, side) if shape is None else shape
    if height * width != inputs:
        raise ValueError(
            f"weight_images: shape {(height, width)} has {height * width} elements, but a unit has "
            f"{inputs} weights"
        )
    return weights.reshape(-1, height, width)


def _size(height: int, width: int) -> tuple[float, float]:
    """Inches: as high as usual, or as wide as a page where the grid is much wider than high."""
    tall = 3.8
    wide = tall * width / height
    return (max(3.4, wide + 1.0), tall) if wide < 7.5 else (8.5, 7.5 * height / width + 0.5)
