"""`nnkit.profile`: what each op takes, and how far that is from what the device can do."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from nnkit import counters
from nnkit.backend import Backend, label
from nnkit.files import whole
from nnkit.measure import array_bytes
from nnkit.nn.symbol import leaves
from nnkit.report import table
from nnkit.watch import timers


@dataclass(frozen=True)
class Event:
    """One run of an op; its gradient's has a ' behind the name."""

    name: str
    backend: Backend
    start: float
    seconds: float
    launches: int
    """Of our own kernels."""
    multiply_adds: int
    nbytes: int
    """Of the arrays that it was given and of those that it made."""


class Profile:
    """The events of a `with` block; made by `nnkit.profile`."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._counts: WeakKeyDictionary[Callable[..., Any], int] = WeakKeyDictionary()
        """Multiply-adds of an op by the function of its gradients."""

    def __enter__(self) -> Profile:
        self._entry = (threading.get_ident(), self._time)
        timers.append(self._entry)
        return self

    def __exit__(self, *_: object) -> None:
        timers.remove(self._entry)

    def _time(
        self,
        op: Any,
        name: str,
        backend: Backend,
        arrays: Sequence[Any],
        options: dict[str, Any],
        do: Callable[[], Any],
    ) -> Any:
        backend.synchronize()
        before, start = _launches(backend), time.perf_counter()
        result = do()
        backend.synchronize()
        seconds = time.perf_counter() - start
        if result is False:  # several updates at once, which the backend left undone
            return result
        made, count = self._counted(op, name, arrays, options, result)
        launches = _launches(backend) - before
        nbytes = sum(map(array_bytes, (*arrays, *leaves(made))))
        self.events.append(Event(name, backend, start, seconds, launches, count, nbytes))
        return result

    def _counted(
        self, op: Any, name: str, arrays: Sequence[Any], options: dict[str, Any], result: Any
    ) -> tuple[Any, int]:
        """The arrays that were made, and the multiply-adds for them.

        A gradient takes those of the op itself for one matrix, and twice as many for more.
        """
        if name != op.name:
            matrices = sum(getattr(g, "ndim", 0) > 1 for g in result)
            return result, min(matrices, 2) * self._counts.get(options["vjp"], 0)
        if not hasattr(op, "multiply_adds"):  # an update
            return result, 0
        y, vjp = result
        kept = {key: value for key, value in options.items() if key != "needs"}
        count = 0 if op.multiply_adds is None else op.multiply_adds(y, *arrays, **kept)
        if count and vjp is not None:
            self._counts[vjp] = count
        return y, count

    def table(self) -> str:
        """One row for each op and its gradient, the longest in all first."""
        groups: dict[tuple[str, str], list[Event]] = {}
        for event in self.events:
            groups.setdefault((event.name, label(event.backend)), []).append(event)
        ordered = sorted(groups.values(), key=lambda g: -sum(e.seconds for e in g))
        head = ["op", "backend", "calls", "ms", "launches", "GFLOP/s", "GB/s", "of peak"]
        return "\n".join(table(head, [_row(group) for group in ordered]))

    __str__ = table

    def save_trace(self, file: str | os.PathLike[str]) -> None:
        """Write the events as JSON for chrome://tracing; the file is there whole or not at all."""
        first = min((event.start for event in self.events), default=0.0)
        entries = [
            {
                "name": event.name,
                "cat": event.backend.name,
                "ph": "X",
                "ts": (event.start - first) * 1e6,
                "dur": event.seconds * 1e6,
                "pid": 0,
                "tid": 0,
                "args": {"launches": event.launches, "bytes": event.nbytes},
            }
            for event in self.events
        ]
        with whole("save_trace", file) as path:
            path.write_text(json.dumps({"traceEvents": entries}), encoding="utf-8")


def _row(group: list[Event]) -> list[str]:
    backend, seconds = group[0].backend, sum(event.seconds for event in group)
    flops = 2 * sum(event.multiply_adds for event in group) / seconds
    rate = sum(event.nbytes for event in group) / seconds
    most, widest = peaks(backend)
    return [
        group[0].name,
        label(backend),
        str(len(group)),
        f"{seconds * 1e3:.3f}",
        str(sum(event.launches for event in group)),
        f"{flops / 1e9:.1f}" if flops else "-",
        f"{rate / 1e9:.1f}",
        f"{max(flops / most, rate / widest):.0%}",
    ]


def _launches(backend: Backend) -> int:
    return sum(n for (name, _), n in list(counters.launches.items()) if name == backend.name)


_peaks: dict[str, tuple[float, float]] = {}


def peaks(backend: Backend) -> tuple[float, float]:
    """Operations and bytes a second, of a float32 product of 1024 and of a sum of 32 MiB and 1."""
    name = label(backend)
    if name not in _peaks:
        _peaks[name] = _measured(backend)
    return _peaks[name]


def _measured(backend: Backend) -> tuple[float, float]:
    xp = backend.xp
    a, x = xp.ones((1024, 1024), dtype=xp.float32), xp.ones(1 << 23, dtype=xp.float32)
    product, moved = _fastest(backend, lambda: a @ a), _fastest(backend, lambda: x + 1.0)
    return 2 * 1024**3 / product, 2 * 4 * (1 << 23) / moved


def _fastest(backend: Backend, do: Callable[[], object]) -> float:
    times = []
    for _ in range(5):
        backend.synchronize()
        start = time.perf_counter()
        do()
        backend.synchronize()
        times.append(time.perf_counter() - start)
    return min(times)


def profile() -> Profile:
    """Time the ops of this thread within `with`.

    It waits for the device before and after each op, so a time is that of the op alone, its launch
    included; the whole takes longer than without. Steps of `nnkit.compile` run as they are,
    because a replay has no ops. GFLOP/s are 2 multiply-adds / time, for ops that count them
    (gradients do not); the peaks are a large product's and a large sum's, measured once in a
    process when a table is made.

    >>> import nnkit
    >>> x = nnkit.tensor([[1.0, 2.0]], requires_grad=True)
    >>> with nnkit.profile() as p:
    ...     x.exp().sum().backward()
    >>> [event.name for event in p.events]
    ['exp', 'sum', "sum'", "exp'"]
    """
    return Profile()
