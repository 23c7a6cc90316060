"""The thread pool that stands in for a device: NumPy releases the interpreter while it computes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

T = TypeVar("T")

_local = threading.local()


def thread_count() -> int:
    """NNKIT_THREADS, or the cores that this process may use."""
    value = os.environ.get("NNKIT_THREADS", "").strip()
    if value:
        if not value.isdigit() or int(value) < 1:
            raise ValueError(f"NNKIT_THREADS must be a whole number from 1, got {value!r}")
        return int(value)
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="nnkit", initializer=_mark_worker)


def _mark_worker() -> None:
    _local.worker = True


def in_worker() -> bool:
    """Whether this thread is one of the pool's, which must not wait for the pool."""
    return getattr(_local, "worker", False)


def run(work: Callable[[T], object], items: Iterable[T]) -> None:
    """Do `work` on every item on the pool's threads and wait; the first error is raised."""
    threads = thread_count()
    if threads == 1 or in_worker():
        for item in items:
            work(item)
        return
    # Keyed by process: a fork copies the pool's object but not its threads.
    for _ in _pool(threads, os.getpid()).map(work, items):
        pass
