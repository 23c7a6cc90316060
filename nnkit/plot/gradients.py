"""Histograms of gradients, layer above layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from nnkit.nn import Module
from nnkit.plot.labels import Host
from nnkit.plot.style import SMALL, TRAIN, VALIDATION, frame, new_axes, several

ROW = 1.15
"""Inches of one layer's histogram."""


def gradient_histograms(
    model: Module,
    axes: Axes | Sequence[Axes] | None = None,
    *,
    bins: int = 60,
    log: bool = True,
) -> list[Axes]:
    """How large the gradients of each layer are after `backward`, first layer on top.

    All layers share the horizontal axis: where the gradient vanishes on its way back, the upper
    histograms move to the left; where it explodes, to the right. The line is the median of abs(g).

    Args:
        model: a module whose parameters have gradients; a layer without any (frozen) is left out.
        axes: matplotlib axes to draw into, one for each layer; made where None.
        bins: intervals of each histogram.
        log: show abs(g) on a logarithmic axis, else g on a linear one. Zeros have no place on a
            logarithmic axis and are counted in the text; so are NaN and infinity on both.

    Returns:
        The axes, a list; the shares in percent are `axes[0].patches[0].get_data().values`.

    Raises:
        ValueError: when no parameter has a gradient, or for another number of axes.

    >>> import nnkit
    >>> from nnkit import nn, plot
    >>> model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1))
    >>> model(nnkit.tensor([[1.0, 2.0, 3.0]])).sum().backward()
    >>> [picture.get_title(loc="left") for picture in plot.gradient_histograms(model)]
    ['0 (Linear)', '2 (Linear)']
    """
    if bins < 1:
        raise ValueError(f"gradient_histograms: bins must be at least 1, got {bins}")
    layers = gradients(model)
    if axes is None:
        pictures = new_axes(len(layers), 1, (6.4, max(ROW, 2.4 / len(layers))), sharex=True)
    else:
        pictures = several("gradient_histograms", axes, list(layers))
    edges = _edges(list(layers.values()), bins, log=log)
    for picture, (name, g) in zip(pictures, layers.items(), strict=True):
        _histogram(picture, g, edges, log=log)
        frame(picture, "", "", "% of g")
        picture.set_title(name, loc="left", fontsize=SMALL + 2)
        picture.set_title(_summary(g), loc="right", fontsize=SMALL)
    pictures[-1].set_xlabel("abs(gradient)" if log else "gradient")
    return pictures


def gradients(model: Module) -> dict[str, Host]:
    """The gradients of each layer as one vector, weight and bias together, by the layer's name."""
    kinds = {name: type(module).__name__ for name, module in model.named_modules()}
    layers: dict[str, list[Host]] = {}
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            layer = name.rpartition(".")[0]
            label = f"{layer} ({kinds[layer]})" if layer else kinds[layer]
            layers.setdefault(label, []).append(parameter.grad.numpy().ravel())
    if not layers:
        raise ValueError(
            f"gradient_histograms: no parameter of {type(model).__name__} has a gradient. Fix: "
            "loss.backward() first, and no zero_grad() since."
        )
    return {name: np.concatenate(parts).astype(np.float64) for name, parts in layers.items()}


def _edges(layers: list[Host], bins: int, *, log: bool) -> Host:
    """Bounds of the intervals, the same for all layers."""
    finite = [np.abs(g[np.isfinite(g)]) for g in layers]
    nonzero = [size[size > 0] for size in finite if (size > 0).any()]
    if not nonzero:
        return np.geomspace(1e-3, 1.0, bins + 1) if log else np.linspace(-1.0, 1.0, bins + 1)
    most = max(float(size.max()) for size in nonzero)
    if not log:
        return np.linspace(-most, most, bins + 1)
    # A few are near 0 by chance: the first interval takes them, or they would stretch the axis.
    least = min(float(np.quantile(size, 0.005)) for size in nonzero)
    return np.geomspace(min(least, most / 10), most * (1 + 1e-12), bins + 1)


def _histogram(axes: Axes, g: Host, edges: Host, *, log: bool) -> None:
    finite = g[np.isfinite(g)]
    shown = np.abs(finite[finite != 0]) if log else finite
    counts, _ = np.histogram(np.clip(shown, edges[0], edges[-1]), edges)
    axes.stairs(100.0 * counts / max(1, len(g)), edges, fill=True, color=TRAIN)
    if log:
        axes.set_xscale("log")
        if shown.size:
            axes.axvline(float(np.median(shown)), color=VALIDATION, linewidth=1.5)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(bottom=0.0)


def _summary(g: Host) -> str:
    """'3,210 gradients, median 0.0021, 3 % are 0'."""
    finite = np.abs(g[np.isfinite(g)])
    parts = [f"{len(g):,} gradients"]
    if (finite > 0).any():
        parts.append(f"median {np.median(finite[finite > 0]):.2g}")
    for what, share in (("0", np.mean(g == 0)), ("not finite", 1.0 - len(finite) / len(g))):
        if share:
            parts.append(f"{100 * share:.3g} % are {what}")
    return ", ".join(parts)
