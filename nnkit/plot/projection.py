"""Vectors of many components in the plane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes

from nnkit.errors import closest, missing_extra
from nnkit.plot.labels import Host, as_labels, class_names
from nnkit.plot.style import COLOURS, MARKERS, SMALL, frame, legend, one
from nnkit.train.data import numbers, same_length

CALLER = "embedding_projection"
MANY = 300
"""Points from which each is drawn smaller."""


def embedding_projection(
    vectors: Any,
    labels: Any = None,
    axes: Axes | None = None,
    *,
    method: str = "pca",
    texts: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    **options: Any,
) -> Axes:
    """Vectors as points in the plane, coloured by class or named by texts.

    Args:
        vectors: (N, D): word vectors, a hidden layer's output, the data themselves.
        labels: their classes (N,), at most ten.
        axes: matplotlib axes to draw into; made where None.
        method: 'pca' (Pearson 1901), or by scikit-learn 'isomap' (Tenenbaum et al. 2000), 'mds'
            (Kruskal 1964) or 'tsne' (van der Maaten and Hinton 2008).
        texts: a text for each vector, such as its word.
        names: what to call the classes, in the order of their labels.
        options: more for scikit-learn's class or function, such as perplexity=10.

    Returns:
        The axes; the points are `axes.collections[i].get_offsets()`, class by class.

    Raises:
        ValueError: for an unknown method, with the closest match; vectors not (N, D) with two or
            more of both; more than ten classes; another number of labels or texts.
        ImportError: where a method needs scikit-learn and it is not installed.

    >>> from nnkit import plot
    >>> axes = plot.embedding_projection([[3.0, 0, 0], [-3.0, 0, 0], [0, 1.0, 0], [0, -1.0, 0]])
    >>> axes.get_xlabel()
    'component 1, 90 % of the variance'
    """
    points = project(vectors, method, **options)
    axes = one(CALLER, axes)
    given = np.zeros(len(points)) if labels is None else as_labels(CALLER, "labels", labels)
    same_length(CALLER, vectors=points, labels=given)
    classes, places = np.unique(given, return_inverse=True)
    if len(classes) > len(COLOURS):
        raise ValueError(
            f"{CALLER}: at most {len(COLOURS)} classes can be told apart, got {len(classes)}. Fix: "
            "fewer classes, or texts=."
        )
    shown = class_names(CALLER, len(classes), classes, names)
    for place, name in enumerate(shown):
        chosen = points[places == place]
        axes.scatter(
            chosen[:, 0], chosen[:, 1], label=name, color=COLOURS[place], marker=MARKERS[place],
            s=28 if len(points) <= MANY else 14, edgecolors="0.2", linewidths=0.3,
        )  # fmt: skip
    if texts is not None:
        _texts(axes, points, texts)
    title, _ = METHODS[method]
    frame(axes, f"{len(points):,} vectors by {title}", *_axis_labels(method, vectors, points))
    if labels is not None:
        legend(axes, beside=True)
    return axes


def project(vectors: Any, method: str = "pca", **options: Any) -> Host:
    """Points (N, 2) in the plane for vectors (N, D), float64; see `embedding_projection`.

    'pca' keeps the two directions of largest variance, the larger one first, each turned so that
    its largest component is positive.

    >>> from nnkit import plot
    >>> plot.project([[0.0, 2.0, 0.0], [0.0, -2.0, 0.0], [1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]) + 0.0
    array([[ 2.,  0.],
           [-2.,  0.],
           [ 0.,  1.],
           [ 0., -1.]])
    """
    points = numbers(CALLER, "vectors", vectors).astype(np.float64)
    if points.ndim != 2 or min(points.shape) < 2:
        raise ValueError(
            f"{CALLER}: vectors must have the shape (N, D) with N and D from 2, got {points.shape}"
        )
    if method not in METHODS:
        raise ValueError(f"{CALLER}: unknown method '{method}'. {closest(method, METHODS)}")
    if method == "pca" and options:
        raise TypeError(f"{CALLER}: 'pca' has no options, got {', '.join(options)}")
    _, how = METHODS[method]
    return how(points, **options)


def _pca(points: Host) -> Host:
    centred = points - points.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    first = directions[:2]
    # A direction's sign is free: fix it, or the picture flips between machines.
    largest = np.abs(first).argmax(axis=1)
    first = first * np.where(first[[0, 1], largest] < 0, -1.0, 1.0)[:, None]
    return np.asarray(centred @ first.T)


def _tsne(points: Host, **options: Any) -> Host:
    perplexity = min(30.0, (len(points) - 1) / 3)  # it must be below N
    how = {"perplexity": perplexity, "init": "pca", "random_state": 0, **options}
    return np.asarray(_sklearn("tsne").TSNE(**how).fit_transform(points), dtype=np.float64)


def _isomap(points: Host, **options: Any) -> Host:
    how = {"n_neighbors": min(5, len(points) - 1), **options}
    return np.asarray(_sklearn("isomap").Isomap(**how).fit_transform(points))


def _mds(points: Host, **options: Any) -> Host:
    distances = np.sqrt(np.maximum(0.0, _squared_distances(points)))
    how = {"init": _pca(points), "n_init": 1, **options}
    return np.asarray(_sklearn("mds").smacof(distances, n_components=2, **how)[0])


def _squared_distances(points: Host) -> Host:
    norms = (points**2).sum(axis=1)
    squared: Host = norms[:, None] + norms[None, :] - 2.0 * points @ points.T
    np.fill_diagonal(squared, 0.0)
    return squared


def _sklearn(method: str) -> Any:
    try:
        from sklearn import manifold
    except ImportError:
        raise missing_extra("scikit-learn", f"the projection '{method}'", "examples") from None
    return manifold


METHODS: Final[dict[str, tuple[str, Callable[..., Host]]]] = {
    "isomap": ("Isomap", _isomap),
    "mds": ("MDS", _mds),
    "pca": ("PCA", _pca),
    "tsne": ("t-SNE", _tsne),
}
"""What each method is called, and how it places the points."""


def _axis_labels(method: str, vectors: Any, points: Host) -> tuple[str, str]:
    if method != "pca":
        return "first coordinate", "second coordinate"
    centred = numbers(CALLER, "vectors", vectors).astype(np.float64)
    centred -= centred.mean(axis=0)
    shares = 100.0 * (points**2).sum(axis=0) / max(float((centred**2).sum()), 1e-300)
    first, second = (
        f"component {k}, {share:.0f} % of the variance" for k, share in enumerate(shares, start=1)
    )
    return first, second


def _texts(axes: Axes, points: Host, texts: Sequence[str]) -> None:
    if len(texts) != len(points):
        raise ValueError(
            f"{CALLER}: texts must be one for each of the {len(points)} vectors, got {len(texts)}"
        )
    axes.margins(0.14)  # room for a text to the left of the first point
    for place, text, away in zip(points, texts, _away(points), strict=True):
        axes.annotate(
            text, place, tuple(4.0 * away), textcoords="offset points", fontsize=SMALL,
            ha="left" if away[0] > 0 else "right", va="bottom" if away[1] > 0 else "top",
        )  # fmt: skip


def _away(points: Host) -> Host:
    """For each point the corner, (1, 1) to (-1, -1), that lies away from its nearest neighbour."""
    scaled = points / np.maximum(np.ptp(points, axis=0), 1e-300)
    distances = _squared_distances(scaled)
    np.fill_diagonal(distances, np.inf)
    return np.where(scaled >= scaled[distances.argmin(axis=1)], 1.0, -1.0)
