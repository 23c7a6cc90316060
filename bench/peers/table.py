"""The record of a run as a Markdown table, and as a picture."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

Run = dict[str, Any]


def table(run: Run) -> str:
    """One line a task: times in microseconds, and the peer's divided by our best backend's."""
    columns = [*run["ours"], *run["peers"]]
    lines = [
        "| median, µs (times our best backend) | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for name, task in run["tasks"].items():
        cells = [_cell(task, column) for column in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(task: Run, column: str) -> str:
    if column in task["ours"]:
        best = " **best**" if column == task["best"] else ""
        return f"{task['ours'][column] * 1e6:,.1f}{best}{_warning(task, column)}"
    if column not in task["peers"]:
        return ""
    peer = task["peers"][column]
    ratio = f"{peer['ratios'][task['best']]:.2f}×"
    return f"{peer['seconds'] * 1e6:,.1f} ({ratio}){_warning(task, column)}"


def _warning(task: Run, column: str) -> str:
    return " ANOTHER LOSS" if column in task["differ"] else ""


def report(run: Run) -> str:
    """The table with what it was measured on, and what is missing and why, as Markdown."""
    lines = [
        f"- {run['machine']}, Python {run['python']}, {run['threads']} threads for each",
        "- " + " · ".join(versions(run)),
        "",
        table(run),
        "",
        *(f"- left out: {what}: {why}" for what, why in run["left out"].items()),
    ]
    return "\n".join(lines).rstrip() + "\n"


def versions(run: Run) -> list[str]:
    """Of all that ran, each once."""
    found = [name for task in run["tasks"].values() for name in task["versions"].values()]
    return list(dict.fromkeys(found))


def processor() -> str:
    """Its name; no name of a machine."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def draw(run: Run, file: str | os.PathLike[str]) -> None:
    """How many times our best backend's step each peer takes; beyond the line we are faster."""
    from nnkit import plot
    from nnkit.plot import style

    tasks = run["tasks"]
    peers = [peer for peer in run["peers"] if any(peer in task["peers"] for task in tasks.values())]
    (axes,) = style.new_axes(size=(7.5, 0.9 + 0.75 * len(tasks)))
    height = 0.8 / len(peers)
    for k, peer in enumerate(peers):
        found = [
            (row - 0.4 + (k + 0.5) * height, task["peers"][peer]["ratios"][task["best"]])
            for row, task in enumerate(tasks.values())
            if peer in task["peers"]
        ]
        places, ratios = zip(*found, strict=True)
        lengths = [ratio - 1.0 for ratio in ratios]
        axes.barh(places, lengths, height, left=1.0, color=style.COLOURS[k], label=peer)
    axes.axvline(1.0, color="0.2", linewidth=1.0)
    axes.set_xscale("log")
    axes.set_yticks(range(len(tasks)), [name.split(":")[0] for name in tasks])
    axes.invert_yaxis()
    style.frame(axes, "One training step: time of each peer", "times nnkit's (logarithmic)", "")
    axes.grid(visible=False, axis="y")
    low, high = axes.get_xlim()
    ticks = [m * 10.0**e for e in range(-3, 4) for m in (1, 2, 5)]
    axes.set_xticks([tick for tick in ticks if low <= tick <= high])
    axes.minorticks_off()
    axes.xaxis.set_major_formatter("{x:g}×")
    style.legend(axes, beside=True)
    plot.save(axes, file)
