"""The thread pool that stands in for a device: NumPy releases the interpreter while it computes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
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
    """Whether this thread works on somebody's items, and so must not wait for the pool."""
    return getattr(_local, "worker", False)


def run(work: Callable[[T], object], items: Iterable[T]) -> None:
    """Do `work` on every item, on this thread and the pool's, and wait; the first error is raised.

    The caller works too instead of sleeping: a thread that wakes up is easily put beside one of
    BLAS's, which spin while they wait for work, and the next small product then took 16 ms.
    """
    queue = list(items)[::-1]
    threads = min(thread_count(), len(queue))
    if threads <= 1 or in_worker():
        while queue:
            work(queue.pop())
        return
    # Keyed by process: a fork copies the pool's object but not its threads.
    pool = _pool(thread_count() - 1, os.getpid())
    helpers = [pool.submit(_drain, queue, work) for _ in range(threads - 1)]
    _local.worker = True
    try:
        _drain(queue, work)
    finally:
        _local.worker = False
        started = [helper for helper in helpers if not helper.cancel()]
        wait(started)
    for helper in started:
        helper.result()


def _drain(queue: list[T], work: Callable[[T], object]) -> None:
    """Work until the queue is empty; after an error nobody starts another item."""
    try:
        while True:
            try:
                item = queue.pop()  # the interpreter does it in one go: no lock is needed
            except IndexError:
                return
            work(item)
    except BaseException:
        queue.clear()
        raise
