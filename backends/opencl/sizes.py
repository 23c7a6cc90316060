"""How large a block is, and how much memory a device may give out."""

from __future__ import annotations

import os
from contextlib import suppress

SMALLEST = 256
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}


def size_class(nbytes: int) -> int:
    """The size that is allocated: a power of two in eighths, so that at most 12.5 % is lost.

    >>> size_class(1000), size_class(1025)
    (1024, 1152)
    """
    if nbytes <= SMALLEST:
        return SMALLEST
    step = 1 << max((nbytes - 1).bit_length() - 4, 0)
    return -(-nbytes // step) * step


def memory_limit() -> int | None:
    """NNKIT_MEMORY_LIMIT in bytes, such as 800M or 4G; None where it is not set."""
    text = os.environ.get("NNKIT_MEMORY_LIMIT", "").strip().upper().removesuffix("B")
    if not text:
        return None
    number, unit = (text[:-1], _UNITS[text[-1]]) if text[-1] in _UNITS else (text, 1)
    with suppress(ValueError, OverflowError):
        limit = int(float(number) * unit)
        if limit > 0:
            return limit
    raise ValueError(f"NNKIT_MEMORY_LIMIT must be bytes, 800M or 4G, got {text!r}")
