"""Splits of a dataset, at random or with the same share of each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnkit.data.dataset import Dataset, Host, Subset


def random_split(dataset: Dataset, lengths: Sequence[float], seed: int = 0) -> list[Subset]:
    """Parts of a dataset that share no example, drawn at random.

    Args:
        dataset: to split.
        lengths: how many examples each part gets, or shares that add up to 1.
        seed: of the draw.

    >>> from nnkit.data import ArrayDataset, random_split
    >>> [len(part) for part in random_split(ArrayDataset(list(range(10))), [0.7, 0.3])]
    [7, 3]
    """
    count = len(dataset)
    sizes = _sizes("random_split", count, lengths)
    order = np.random.default_rng(seed).permutation(count)
    return _cut(dataset, order, sizes)


def stratified_split(
    dataset: Dataset, labels: Any, lengths: Sequence[float], seed: int = 0
) -> list[Subset]:
    """Parts that share no example, each with the classes in the same shares as the whole.

    Args:
        dataset: to split.
        labels: the class of each example (N,).
        lengths: shares that add up to 1.
        seed: of the draw.

    Raises:
        ValueError: when a class has fewer examples than there are parts.

    >>> from nnkit.data import ArrayDataset, stratified_split
    >>> labels = [0] * 8 + [1] * 4
    >>> parts = stratified_split(ArrayDataset(list(range(12))), labels, [0.75, 0.25])
    >>> [sorted(labels[int(i)] for i in part.indices).count(1) for part in parts]
    [3, 1]
    """
    labels = np.asarray(labels)
    if labels.shape != (len(dataset),):
        raise ValueError(
            f"stratified_split: labels must hold one class for each of the {len(dataset)} "
            f"examples, got shape {labels.shape}"
        )
    shares = np.asarray(lengths, dtype=float)
    if not np.isclose(shares.sum(), 1.0) or (shares < 0).any():
        raise ValueError(
            f"stratified_split: lengths must be shares that add up to 1, got {lengths}"
        )
    rng = np.random.default_rng(seed)
    parts: list[list[Host]] = [[] for _ in lengths]
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        if len(members) < len(parts):
            raise ValueError(
                f"stratified_split: class {label!r} has {len(members)} examples for {len(parts)} "
                "parts. Fix: leave it out, or random_split."
            )
        cuts = np.cumsum(_sizes("stratified_split", len(members), list(shares)))[:-1]
        for part, chosen in zip(parts, np.split(members, cuts), strict=True):
            part.append(chosen)
    return [Subset(dataset, rng.permutation(np.concatenate(part))) for part in parts]


def _cut(dataset: Dataset, order: Host, sizes: list[int]) -> list[Subset]:
    return [Subset(dataset, part) for part in np.split(order, np.cumsum(sizes)[:-1])]


def _sizes(caller: str, count: int, lengths: Sequence[float]) -> list[int]:
    """Numbers of examples; of shares the floors, and what is left over to the largest remains."""
    if all(isinstance(n, int | np.integer) for n in lengths) and sum(lengths) == count:
        return [int(n) for n in lengths]
    shares = np.asarray(lengths, dtype=float)
    if not np.isclose(shares.sum(), 1.0) or (shares < 0).any():
        raise ValueError(
            f"{caller}: lengths must add up to the {count} examples, or to 1 as shares, got "
            f"{list(lengths)}"
        )
    exact = shares * count
    sizes = np.floor(exact + 1e-9).astype(int)
    for index in np.argsort(sizes - exact, kind="stable")[: count - sizes.sum()]:
        sizes[index] += 1
    return [int(n) for n in sizes]
