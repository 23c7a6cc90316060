"""What nnkit is doing and why: `nnkit.report()`.

A report reads what has been counted and chosen so far. It opens and probes nothing; `nnkit info`
(`info.py`) does.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import wrap

from nnkit import capture, counters, selection
from nnkit.backend import NOT_TRIED, DeviceReport, adapter_names, label, open_backends
from nnkit.counters import Fallback
from nnkit.errors import BackendUnavailable
from nnkit.version import __version__

WIDTH = 96
HOW = ("fused", "composed", "backward", "declined")


@dataclass(frozen=True)
class OpCount:
    """How the calls of one op on one backend were served."""

    backend: str
    op: str
    fused: int = 0
    composed: int = 0
    backward: int = 0
    declined: int = 0
    reasons: tuple[str, ...] = ()
    """Of the declined calls: the arrays that the fused version does not serve."""


@dataclass(frozen=True)
class StepCount:
    """A step that `nnkit.compile` made, or that of `Trainer.fit`."""

    name: str
    records: int
    """Ways of calling it that are replayed."""
    replays: int
    reasons: tuple[str, ...]
    """Why other ways of calling it are not."""


@dataclass(frozen=True)
class Report:
    """A snapshot; `str(report)` is for people, the attributes are for programs."""

    in_use: str
    """Backend and device, or '' while nothing has been computed."""
    why: str
    skipped: tuple[BackendUnavailable, ...]
    backends: dict[str, dict[str, str]]
    """The open backends and their facts: versions, driver, limits."""
    devices: tuple[DeviceReport, ...]
    """The devices that have been looked at, with what their probe said."""
    ops: tuple[OpCount, ...]
    fallbacks: dict[Fallback, int]
    launches: dict[str, dict[str, int]]
    """By backend and kernel."""
    to_device: dict[str, tuple[int, int]]
    """By backend: transfers and bytes."""
    to_host: dict[str, tuple[int, int]]
    steps: tuple[StepCount, ...] = ()
    """The compiled steps that are still in use."""

    def __str__(self) -> str:
        parts = [
            ("In use", self._in_use_lines()),
            ("Skipped", [line for error in self.skipped for line in _reason(error)]),
            ("Backends", self._backend_lines()),
            ("Devices", [_device_line(device) for device in self.devices]),
            ("Ops", self._op_lines()),
            ("Steps", self._step_lines()),
            ("Fallbacks", self._fallback_lines()),
            ("Launches", self._launch_lines()),
            ("Moved", self._moved_lines()),
        ]
        text = [f"nnkit {__version__}"]
        for title, lines in parts:
            text += section(title, lines)
        return "\n".join(text)

    def _in_use_lines(self) -> list[str]:
        if not self.in_use:
            return ["nothing yet: the backend is chosen at first use"]
        return [self.in_use, f"because: {self.why}"]

    def _backend_lines(self) -> list[str]:
        facts = [
            f"{name}: " + ", ".join(f"{key} {value}" for key, value in facts.items())
            for name, facts in self.backends.items()
        ]
        return [*facts, "all that could be used here: nnkit info"]

    def _op_lines(self) -> list[str]:
        if not self.ops:
            return ["none has run"]
        rows = [[c.op, c.backend, *(str(getattr(c, how) or "-") for how in HOW)] for c in self.ops]
        declined = [
            f"{c.op} on {c.backend} has no fused version for: {'; '.join(c.reasons)}"
            for c in self.ops
            if c.reasons
        ]
        return [*table(["op", "backend", *HOW], rows), *declined]

    def _step_lines(self) -> list[str]:
        return [
            line
            for step in self.steps
            for line in (
                f"{step.name}: {step.records} recorded, {step.replays} replays",
                *(f"{step.name} runs as it is: {reason}" for reason in step.reasons),
            )
        ] or ["none compiled"]

    def _fallback_lines(self) -> list[str]:
        return [
            f"{count}x {row.op} on {row.dtype}, {row.device}: {row.reason}"
            for row, count in self.fallbacks.items()
        ] or ["none"]

    def _launch_lines(self) -> list[str]:
        lines = []
        for backend, kernels in self.launches.items():
            names = sorted(kernels, key=lambda name: -kernels[name])
            counts = ", ".join(f"{name} {kernels[name]}" for name in names)
            lines.append(f"{backend}: {sum(kernels.values())} in all: {counts}")
        return lines or ["none of our own kernels"]

    def _moved_lines(self) -> list[str]:
        lines = []
        for backend in sorted({*self.to_device, *self.to_host}):
            there, back = self.to_device.get(backend, (0, 0)), self.to_host.get(backend, (0, 0))
            lines.append(f"{backend}: {_transfers(there)} to the device, {_transfers(back)} back")
        return lines or ["nothing"]


def report() -> Report:
    """What is in use and why, how ops were served, fallbacks, launches, bytes moved; opens nothing.

    >>> import nnkit
    >>> with nnkit.use("numpy"):
    ...     nnkit.report().in_use.startswith("numpy")
    True
    """
    selected = selection.in_use()
    launches: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (backend, kernel), count in sorted(counters.launches.items()):
        launches[backend][kernel] = count
    return Report(
        in_use=label(selected.backend) if selected else "",
        why=selected.why if selected else "",
        skipped=selected.skipped if selected else (),
        backends=_open_facts(),
        devices=tuple(_known_devices()),
        ops=_op_counts(),
        fallbacks=dict(counters.fallbacks),
        launches=dict(launches),
        to_device={name: (row.times, row.bytes) for name, row in counters.to_device.items()},
        to_host={name: (row.times, row.bytes) for name, row in counters.to_host.items()},
        steps=_step_counts(),
    )


def _open_facts() -> dict[str, dict[str, str]]:
    facts: dict[str, dict[str, str]] = {}
    for backend in open_backends():
        name = label(backend)
        twins = sum(known.startswith(name) for known in facts)  # two cards of one kind
        facts[f"{name} #{twins + 1}" if twins else name] = backend.facts()
    return facts


def _known_devices() -> Iterable[DeviceReport]:
    """What adapters know without asking; one that was never imported knows nothing."""
    for name in adapter_names():
        module = sys.modules.get(f"nnkit.backends.{name}")
        yield from getattr(module, "known", list)()


def _op_counts() -> tuple[OpCount, ...]:
    counts: defaultdict[tuple[str, str], defaultdict[str, int]] = defaultdict(
        lambda: defaultdict(int)
    )
    reasons: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for (backend, op, how), count in sorted(counters.served.items()):
        counts[backend, op][how] += count
    for (backend, op, arrays), count in sorted(counters.declined.items()):
        counts[backend, op]["declined"] += count
        kinds = ", ".join(f"{dtype} {axes}-d" for dtype, axes in arrays)
        reasons[backend, op].append(f"{kinds} ({count}x)")
    return tuple(
        OpCount(backend, op, **row, reasons=tuple(reasons[backend, op]))
        for (backend, op), row in counts.items()
    )


def _step_counts() -> tuple[StepCount, ...]:
    return tuple(
        StepCount(
            step.name,
            sum(record.is_ready for record in step.records.values()),
            sum(record.replays for record in step.records.values()),
            tuple(step.reasons),
        )
        for step in sorted(capture.made, key=lambda step: step.number)
    )


def _reason(error: BackendUnavailable) -> list[str]:
    return [f"{error.backend}: {error.reason}", *([f"Fix: {error.remedy}"] if error.remedy else [])]


def _device_line(device: DeviceReport) -> str:
    verdict = "FAIL" if device.problem else "PASS"
    if device.problem == NOT_TRIED:
        verdict = "    "
    end = f": {device.problem}" if device.problem else ""
    return f"{device.selector} {verdict} {device.name} ({device.kind}), {device.driver}{end}"


def _transfers(row: tuple[int, int]) -> str:
    times, amount = row
    return f"{size(amount)} in {times} transfer{'' if times == 1 else 's'}" if times else "nothing"


def size(amount: float) -> str:
    """A number of bytes for people.

    >>> size(2_500_000)
    '2.5 MB'
    """
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"


def section(title: str, lines: Sequence[str], indent: int = 11) -> list[str]:
    """Lines with a title before the first, folded to the width of a terminal."""
    folded = [part for line in lines for part in fold(line, WIDTH - indent)]
    return [
        f"{title if number == 0 else '':<{indent}}{line}".rstrip()
        for number, line in enumerate(folded)
    ]


def fold(line: str, width: int) -> list[str]:
    """A long line in parts, the later ones indented; a line that fits is left as it is."""
    if len(line) <= width:
        return [line]
    return wrap(line, width, subsequent_indent="  ", break_on_hyphens=False)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 2) -> list[str]:
    """Columns of text, the first `left` to the left and numbers to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = []
    for row in (head, *rows):
        cells = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells))
    return lines
