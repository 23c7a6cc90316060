"""One peer and one task in a process of its own: `python -m bench.peers.worker FILE.npz SPEC`.

It answers a line of JSON for each line that it reads: {"steps": n} with the seconds that n steps
took, {"loss": true} with the loss. What a library prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from typing import Any

THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
    "NNKIT_THREADS",
)  # fmt: skip


def limit(threads: int) -> None:
    """Equal threads for all, and equal cores for those that count cores; before any library."""
    for name in THREADS:
        os.environ[name] = str(threads)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def answer(runner: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Do what was asked."""
    if "loss" in asked:
        return {"loss": runner.loss()}
    begin = time.perf_counter()
    runner.run(asked["steps"])
    return {"seconds": time.perf_counter() - begin}


def main(file: str, spec: str) -> None:
    entry = json.loads(spec)
    limit(entry["threads"])
    out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # whatever is printed must not look like an answer

    import numpy as np

    from bench.peers import Absent
    from bench.tasks import TASKS

    with np.load(file) as stored:
        arrays = {name: stored[name] for name in stored.files}
    try:
        made = import_module(f"bench.peers.{entry['module']}").make(
            TASKS[entry["task"]], arrays, entry["option"]
        )
    except Absent as absence:
        print(json.dumps({"absent": str(absence)}), file=out)
        return
    print(json.dumps({"version": made.version, "tolerance": made.tolerance}), file=out)
    for line in sys.stdin:
        print(json.dumps(answer(made, json.loads(line))), file=out)


if __name__ == "__main__":
    main(*sys.argv[1:])
