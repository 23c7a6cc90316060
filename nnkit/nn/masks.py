"""Masks of attention as layers take them: bool, True where nothing may be seen, or added floats."""

from __future__ import annotations

import math

from nnkit import ops
from nnkit.tensor import Tensor


def _is_bool(mask: Tensor) -> bool:
    return bool(mask.backend.xp.isdtype(mask.dtype, "bool"))


def joined(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    """What two masks say together, broadcast; None says nothing."""
    if a is None or b is None:
        return b if a is None else a
    if _is_bool(a):
        return ops.where(a, True if _is_bool(b) else -math.inf, b)
    return ops.where(b, -math.inf, a) if _is_bool(b) else a + b


def allowed(mask: Tensor | None) -> Tensor | None:
    """The mask as `ops.attention` takes it, True where something may be seen."""
    if mask is None or not _is_bool(mask):
        return mask
    return ops.equal(mask, False)
