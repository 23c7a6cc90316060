"""Operations that pick elements by position."""

from __future__ import annotations

import math
from typing import Any

from nnkit.dispatch import Result, op
from nnkit.typing import Array, Namespace, Needs

__all__ = ["getitem", "take"]


@op
def getitem(xp: Namespace, x: Array, *, needs: Needs, key: Any) -> Result:
    """x[key] for integers, slices, `...` and None. d/dx puts g where it came from, 0 elsewhere.

    >>> import nnkit
    >>> nnkit.ops.getitem(nnkit.tensor([[1.0, 2.0], [3.0, 4.0]]), key=(slice(None), 1)).tolist()
    [2.0, 4.0]
    """
    parts = key if isinstance(key, tuple) else (key,)
    for part in parts:
        if not (part is None or part is ... or isinstance(part, int | slice)):
            raise TypeError(
                "getitem: a tensor is indexed by integers, slices, ... and None, got "
                f"{type(part).__name__}"
            )
    if ... not in parts:  # the standard wants every axis named
        parts = (*parts, ...)

    def vjp(g: Array) -> tuple[Array]:
        full = xp.zeros(x.shape, dtype=g.dtype, device=x.device)
        picked = tuple(part for part in parts if part is not None)  # None cannot be assigned to
        full[picked] = xp.reshape(g, full[picked].shape)
        return (full,)

    return x[parts], vjp if needs[0] else None


getitem.is_view = True


@op
def take(
    xp: Namespace, x: Array, index: Array, *, needs: Needs, padding_idx: int | None = None
) -> Result:
    """y[i, ...] = x[index[i], ...]: rows of x, looked up by integers.

    Shapes: x (V, ...) floats, index integers of any shape, y (*index.shape, *x.shape[1:]). An index
    from -V counts from the end. One outside [-V, V) raises an IndexError that names it on NumPy; a
    device cannot tell while it computes, there such rows are NaN, so that it is seen. d/dx adds g
    to the rows that it came from, always in the same order; that of `padding_idx` gets nothing.

    >>> import nnkit
    >>> nnkit.ops.take(nnkit.tensor([[1.0, 2.0], [3.0, 4.0]]), nnkit.tensor([1, 1, 0])).tolist()
    [[3.0, 4.0], [3.0, 4.0], [1.0, 2.0]]
    """
    _check_take(xp, x, index, padding_idx)
    rows = x.shape[0]
    flat = xp.reshape(index, (math.prod(index.shape),))
    shape = (*index.shape, *x.shape[1:])
    y = _or_nan(xp, xp.take(x, flat, axis=0), (flat >= -rows) & (flat < rows))

    def vjp(g: Array) -> tuple[Array, None]:
        g = xp.reshape(g, (flat.shape[0], *x.shape[1:]))
        if padding_idx is not None:
            spared = (flat == padding_idx % rows) | (flat == padding_idx % rows - rows)
            g = xp.where(_column(xp, spared, g), 0.0, g)
        return xp.ext.scatter_add(tuple(x.shape), flat, g), None

    return xp.reshape(y, shape), vjp if needs[0] else None


def _or_nan(xp: Namespace, y: Array, known: Array) -> Array:
    return xp.where(_column(xp, known, y), y, math.nan)


def _column(xp: Namespace, flags: Array, like: Array) -> Array:
    """One flag for each row of an array."""
    return xp.reshape(flags, (*flags.shape, *(1,) * (like.ndim - 1)))


def _check_take(xp: Namespace, x: Array, index: Array, padding_idx: int | None) -> None:
    if not xp.isdtype(index.dtype, "integral"):
        raise TypeError(
            f"take: the index must hold integers, got {index.dtype}. Fix: index.astype('int64')."
        )
    if x.ndim == 0 or not xp.isdtype(x.dtype, "real floating"):
        raise TypeError(f"take: x must be rows of floats, got {x.dtype}{tuple(x.shape)}")
    if padding_idx is not None and not -x.shape[0] <= padding_idx < x.shape[0]:
        raise ValueError(
            f"take: padding_idx must lie in [{-x.shape[0]}, {x.shape[0]}), got {padding_idx}"
        )
