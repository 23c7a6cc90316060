"""Watching ops from outside: `summary` counts what each one costs while a model runs once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from nnkit.dispatch import Op

Watcher: TypeAlias = "Callable[[Op, Sequence[Any], dict[str, Any], Any], None]"
"""Takes an op, its raw arrays (and numbers and None), its options, and what it gave."""

watchers: Final[list[tuple[int, Watcher]]] = []
"""With the thread whose ops each one sees; empty but for a moment, which ops look at first."""


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Call `watcher` after each op of this thread.

    >>> import nnkit
    >>> names = []
    >>> with watching(lambda op, arrays, options, y: names.append(op.name)):
    ...     _ = nnkit.tensor([1.0]).exp() + 1
    >>> names
    ['exp', 'add']
    """
    entry = (threading.get_ident(), watcher)
    watchers.append(entry)
    try:
        yield
    finally:
        watchers.remove(entry)


def tell(op: Op, arrays: Sequence[Any], options: dict[str, Any], y: Any) -> None:
    """Pass an op on to whoever watches this thread."""
    thread = threading.get_ident()
    for seen, watcher in list(watchers):
        if seen == thread:
            watcher(op, arrays, options, y)


timers: Final[list[tuple[int, Callable[..., Any]]]] = []
"""Like `watchers`, but each does an op itself, to see how long it takes."""


def timed(
    op: Any, name: str, backend: Any, arrays: Sequence[Any], options: Any, do: Callable[[], Any]
) -> Any:
    """Let the newest timer of this thread call `do`, or call it where there is none."""
    thread = threading.get_ident()
    for seen, timer in reversed(timers):
        if seen == thread:
            return timer(op, name, backend, arrays, options, do)
    return do()
