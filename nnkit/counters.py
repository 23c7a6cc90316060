"""What nnkit counts while it runs: how ops were served, fallbacks with their reasons, bytes moved.

Counts are plain dictionaries that the hot path adds to; `report.py` turns them into text. Two
threads may lose a count now and then, which no decision depends on; a fallback's warning, which is
given once, is taken under a lock.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from dataclasses import dataclass

from nnkit.errors import NnkitError, warn_in_one_line


@dataclass(frozen=True)
class Fallback:
    """One reason why an op did not run where its arrays are."""

    op: str
    dtype: str
    device: str
    reason: str


@dataclass
class Moved:
    """Transfers in one direction."""

    times: int = 0
    bytes: int = 0


served: defaultdict[tuple[str, str, str], int] = defaultdict(int)
"""(backend, op, how) -> calls; how is 'composed', 'fused' or 'backward'."""
declined: defaultdict[tuple[str, str, tuple[tuple[str, int], ...]], int] = defaultdict(int)
"""(backend, op, (dtype, axes) of each array) -> calls that the fused version did not serve."""
launches: defaultdict[tuple[str, str], int] = defaultdict(int)
"""(backend, kernel) -> launches of our own kernels."""
fallbacks: dict[Fallback, int] = {}
to_device: defaultdict[str, Moved] = defaultdict(Moved)
to_host: defaultdict[str, Moved] = defaultdict(Moved)

_lock = threading.Lock()


def moved(table: defaultdict[str, Moved], backend: str, nbytes: int) -> None:
    """Count one transfer."""
    row = table[backend]
    row.times += 1
    row.bytes += nbytes


def fell_back(op: str, dtype: str, device: str, reason: str) -> None:
    """Count a fallback of one op to the CPU; warn the first time this reason is met.

    `NNKIT_FALLBACK=silent` counts without a word, `error` raises instead of falling back.
    """
    row = Fallback(op, dtype, device, reason)
    text = f"{op} on {dtype} runs on the CPU instead of {device}: {reason}"
    if policy() == "error":
        raise NnkitError(f"{text} (NNKIT_FALLBACK=error forbids the fallback)")
    with _lock:
        first = row not in fallbacks
        fallbacks[row] = fallbacks.get(row, 0) + 1
    if first and policy() == "warn":
        warn_in_one_line(text)


def policy() -> str:
    """What NNKIT_FALLBACK says: 'warn' (the default), 'silent' or 'error'."""
    value = os.environ.get("NNKIT_FALLBACK", "warn").strip().lower() or "warn"
    if value not in ("warn", "silent", "error"):
        raise ValueError(f"NNKIT_FALLBACK must be 'warn', 'silent' or 'error', got {value!r}")
    return value


def reset() -> None:
    """Set every count to zero (fallback warnings are given anew)."""
    with _lock:
        for table in (served, declined, launches, fallbacks, to_device, to_host):
            table.clear()
