"""`python -m bench.peers`: see the package."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench.chains import Chain
from bench.peers import Absent
from bench.peers.compare import Process, differ, in_turn
from bench.peers.roster import OURS, PEERS, Entry
from bench.peers.table import draw, processor, report
from bench.tasks import TASKS, TIMED, Task


def options() -> argparse.Namespace:
    """What the user asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    names = lambda known: lambda text: [_known(n, known) for n in text.split(",")]  # noqa: E731
    parser.add_argument(
        "--models", "--tasks", dest="tasks", type=names(TASKS), default=list(TIMED),
        help=", ".join(TIMED),
    )  # fmt: skip
    parser.add_argument("--backends", type=names(OURS), default=["numpy", "repeated", "opencl"])
    parser.add_argument("--peers", type=names(PEERS), default=list(PEERS), help=", ".join(PEERS))
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=15, help="of each, in turn (15)")
    parser.add_argument("--seconds", type=float, default=0.3, help="that a round takes (0.3)")
    parser.add_argument("--pause", type=float, default=0.15, help="seconds between rounds (0.15)")
    parser.add_argument(
        "--quick", action="store_true", help="two rounds of a moment: do they agree?"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the table")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the table as Markdown")
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.seconds, args.pause = 2, 0.01, 0.0
    return args


def _known(name: str, known: dict[str, Any]) -> str:
    if name not in known:
        raise argparse.ArgumentTypeError(f"unknown '{name}'. Known: {', '.join(known)}")
    return name


def compare(task: Task | Chain, args: argparse.Namespace, said: dict[str, str]) -> dict[str, Any]:
    """Our backends beside each peer, one peer after the other."""
    broken: list[str] = []
    kinds = ("ours", "peers", "losses", "tolerances", "versions")
    found: dict[str, Any] = {"broken": broken, **{kind: {} for kind in kinds}}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        file = Path(folder) / "start.npz"
        np.savez(file, **task.arrays())  # type: ignore[arg-type]

        def start(entry: Entry, stack: ExitStack) -> Process | None:
            try:
                process = Process(entry, task, file, args.threads)
            except (Absent, RuntimeError) as absence:
                broken.extend([entry.title] * isinstance(absence, RuntimeError))
                said[f"{entry.title}, {task.name}"] = str(absence)
                print(f"  without {entry.title}: {absence}", file=sys.stderr)
                return None
            stack.callback(process.close)
            found["losses"][entry.title] = process.loss
            found["tolerances"][entry.title] = process.tolerance
            found["versions"][entry.title] = process.version
            return process

        ours = [p for name in args.backends if (p := start(OURS[name], stack))]
        if not ours:
            raise SystemExit(f"{task.name}: none of nnkit's backends works here")
        for name in args.peers:
            with ExitStack() as alone:
                if peer := start(PEERS[name], alone):
                    found["peers"][peer.title] = in_turn(
                        ours, peer, args.rounds, args.seconds, args.pause
                    )
        if not found["peers"]:
            raise SystemExit(f"{task.name}: there is no peer to compare with")
        found["ours"] = {process.title: median(process.rounds) for process in ours}
    found["best"] = min(found["ours"], key=found["ours"].get)
    found["differ"] = differ(found["losses"], found["tolerances"])
    return found


def main() -> None:
    args = options()
    said: dict[str, str] = {}
    run: dict[str, Any] = {
        "machine": f"{processor()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "threads": args.threads,
        "ours": [OURS[name].title for name in args.backends],
        "peers": [PEERS[name].title for name in args.peers],
        "tasks": {},
        "left out": said,
    }
    for name in args.tasks:
        print(TASKS[name], file=sys.stderr, flush=True)
        run["tasks"][str(TASKS[name])] = compare(TASKS[name], args, said)
    print(report(run))
    if args.save:
        args.save.write_text(report(run), encoding="utf-8")
    if args.json:
        args.json.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")
    if args.plot:
        draw(run, args.plot)
    if any(task["differ"] or task["broken"] for task in run["tasks"].values()):
        raise SystemExit("some losses differ or a peer broke off: see above")


if __name__ == "__main__":
    main()
