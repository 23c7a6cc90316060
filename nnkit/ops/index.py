"""Operations that pick elements by position."""

from __future__ import annotations

from typing import Any

from nnkit.dispatch import Result, op
from nnkit.typing import Array, Namespace, Needs

__all__ = ["getitem"]


@op
def getitem(xp: Namespace, x: Array, *, needs: Needs, key: Any) -> Result:
    """x[key] for integers, slices, `...` and None. d/dx puts g where it came from, 0 elsewhere."""
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
