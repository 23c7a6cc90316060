"""Memory of a training step: `python -m bench.memory [--model vgg] [--replays 10000]`.

The peak of resident memory over what it was after the import, for nnkit's backends and PyTorch,
each in a process of its own; and by how much many replays of a small step let it grow. Only Linux
says how much is resident in this way: /proc/self/status, whose peak is set back after the import.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MIB = 2**20
SIDES = {
    "nnkit, NumPy": ("ours", "numpy"),
    "nnkit, OpenCL": ("ours", "opencl"),
    "PyTorch eager": ("torch_steps", "eager"),
}


def resident(what: str = "VmRSS") -> int:
    """Bytes: 'VmRSS' for now, 'VmHWM' for the peak."""
    text = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line for line in text.splitlines() if line.startswith(what)).split()[1]) * 1024


def reset_peak() -> None:
    """Let the peak begin at what is resident now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def growth(run: Callable[[int], None], steps: int, warm: int = 200) -> int:
    """By how many bytes resident memory has grown after so many more steps."""
    run(warm)
    before = resident()
    run(steps)
    return resident() - before


def start(module: str, option: str, model: str) -> tuple[Any, int]:
    """The runner of one task, and what was resident once its library was open."""
    from bench.tasks import TASKS

    import_module(f"bench.peers.{module}").make(TASKS["tiny"], TASKS["tiny"].arrays(), option)
    before = resident()
    reset_peak()
    task = TASKS[model]
    made = import_module(f"bench.peers.{module}").make(task, task.arrays(), option)
    return made, before


def measure(what: str, module: str, option: str, model: str, steps: int) -> dict[str, Any]:
    """One figure of one library; in this process."""
    from bench.peers import Absent

    try:
        runner, before = start(module, option, model)
    except Absent as absence:
        return {"absent": str(absence)}
    if what == "growth":
        return {"bytes": growth(runner.run, steps)}
    runner.run(steps)
    return {"bytes": resident("VmHWM") - before}


def elsewhere(*asked: Any) -> dict[str, Any]:
    """`measure` in a process of its own, with two threads."""
    command = [sys.executable, "-m", "bench.memory", "--worker", json.dumps(asked)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def cell(found: dict[str, Any]) -> str:
    """MiB, or why there is no figure."""
    return found.get("absent") or f"{found['bytes'] / MIB:,.1f} MiB"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--model", default="vgg")
    parser.add_argument("--steps", type=int, default=5, help="of the model, for its peak (5)")
    parser.add_argument("--replays", type=int, default=10_000, help="of 'tiny' (10,000)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    from bench.peers.worker import limit

    limit(args.threads)
    if args.worker:
        print(json.dumps(measure(*json.loads(args.worker))))
        return
    print(
        f"| | peak rise, {args.model} | growth in {args.replays:,} steps of tiny |\n|---|---|---|"
    )
    for title, side in SIDES.items():
        peak = elsewhere("peak", *side, args.model, args.steps)
        grown = elsewhere("growth", *side, "tiny", args.replays)
        print(f"| {title} | {cell(peak)} | {cell(grown)} |", flush=True)


if __name__ == "__main__":
    main()
