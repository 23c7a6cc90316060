"""Processes that take turns, and what their times come to."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.chains import Chain
from bench.peers import Absent
from bench.peers.roster import Entry
from bench.tasks import Task

ROOT = Path(__file__).parents[2]
CHECKED = 6
"""Steps after which all must have the same loss: a replayed step is among them, and Adam has not
yet magnified what rounding did (after 20, PyTorch's float32 and float64 differ by 1e-3 on 'large').
"""


class Process:
    """A worker: one entry of the roster with one task.

    Attributes:
        version: of what runs there.
        tolerance: of its loss.
        loss: after `CHECKED` steps.
        steps: how many fill a round.
        rounds: seconds a step, round by round.
    """

    def __init__(self, entry: Entry, task: Task | Chain, file: Path, threads: int) -> None:
        spec = {
            "module": entry.module,
            "option": entry.option,
            "task": task.name,
            "threads": threads,
        }
        self.title = entry.title
        self._child = subprocess.Popen(
            [sys.executable, "-m", "bench.peers.worker", str(file), json.dumps(spec)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        try:
            greeting = self._answer()
        except RuntimeError:
            self.close()
            raise
        if "absent" in greeting:
            self.close()
            raise Absent(greeting["absent"])
        self.version: str = greeting["version"]
        self.tolerance: float = greeting["tolerance"]
        self.rounds: list[float] = []
        self.ask(steps=CHECKED)
        self.loss: float = self.ask(loss=True)["loss"]
        self.steps = 1

    def ask(self, **what: Any) -> dict[str, Any]:
        """One question, one answer."""
        assert self._child.stdin is not None
        print(json.dumps(what), file=self._child.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.title} ended with status {self._child.wait()}, see above")
        found: dict[str, Any] = json.loads(line)
        return found

    def fill(self, seconds: float) -> None:
        """Find how many steps fill a round of this length; warms up on the way."""
        while (spent := self.ask(steps=self.steps)["seconds"]) < seconds / 2:
            self.steps = max(self.steps * 2, int(self.steps * seconds / max(spent, 1e-6) / 2))

    def round(self) -> float:
        """Seconds a step in one more round."""
        self.rounds.append(self.ask(steps=self.steps)["seconds"] / self.steps)
        return self.rounds[-1]

    def close(self) -> None:
        """End the process."""
        for stream in (self._child.stdin, self._child.stdout):
            assert stream is not None
            stream.close()
        self._child.wait()


def in_turn(
    ours: list[Process], peer: Process, rounds: int, seconds: float, pause: float = 0.0
) -> dict[str, Any]:
    """Times of the peer beside ours, A B A B; ratios above 1 say that ours is faster.

    Threads of a BLAS spin on for a while after its last call and take a core from whoever is next:
    hence the pause before each round.
    """
    for process in (*ours, peer):
        process.fill(seconds)
    first = [len(process.rounds) for process in ours]
    for _ in range(rounds):
        for process in (*ours, peer):
            time.sleep(pause)
            process.round()
    return {
        "seconds": median(peer.rounds),
        "rounds": peer.rounds,
        "ratios": {
            mine.title: median(b / a for a, b in zip(mine.rounds[start:], peer.rounds, strict=True))
            for mine, start in zip(ours, first, strict=True)
        },
    }


def differ(losses: dict[str, float], tolerances: dict[str, float]) -> list[str]:
    """Who has another loss than most: too far from the median of those that are numbers."""
    middle = median([v for v in losses.values() if math.isfinite(v)] or [0.0])
    return [
        who for who, v in losses.items() if not abs(v - middle) <= tolerances[who] * abs(middle)
    ]
