"""Working ahead: a thread that makes the next items while the last one is used."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Empty, Full, Queue
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 0.1
"""Seconds after which a thread that waits looks whether anybody still wants its items."""


def prefetch(items: Iterator[T], ahead: int) -> Iterator[T]:
    """The same items, made up to `ahead` of their use by a thread of their own.

    What making them raises is raised here, in its place. When this generator is closed or thrown
    away, the thread ends after the item that it is making.

    >>> list(prefetch(iter("abc"), ahead=2))
    ['a', 'b', 'c']
    """
    queue: Queue[tuple[bool, object]] = Queue(maxsize=ahead)
    ended = threading.Event()
    worker = threading.Thread(
        target=_work, args=(items, queue, ended), name="nnkit-prefetch", daemon=True
    )
    worker.start()
    try:
        while True:
            more, item = _next(queue, worker)
            if more:
                yield item  # type: ignore[misc]
            elif item is None:
                return
            else:
                assert isinstance(item, BaseException)
                raise item
    finally:
        ended.set()
        worker.join()


def _next(queue: Queue[tuple[bool, object]], worker: threading.Thread) -> tuple[bool, object]:
    while True:
        try:  # with a limit, so that Ctrl-C is heard on every system
            return queue.get(timeout=PATIENCE)
        except Empty:
            if not worker.is_alive() and queue.empty():
                return False, RuntimeError("the thread that makes batches ended without a word")


def _work(
    items: Iterator[object], queue: Queue[tuple[bool, object]], ended: threading.Event
) -> None:
    try:
        for item in items:
            if not _put(queue, (True, item), ended):
                return
        _put(queue, (False, None), ended)
    except BaseException as error:
        _put(queue, (False, error), ended)


def _put(
    queue: Queue[tuple[bool, object]], entry: tuple[bool, object], ended: threading.Event
) -> bool:
    while not ended.is_set():
        try:
            queue.put(entry, timeout=PATIENCE)
        except Full:
            continue
        return True
    return False
