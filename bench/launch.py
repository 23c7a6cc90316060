"""What one small launch costs: `python -m bench.launch [DEVICE ...]`, such as opencl:0 opencl:1.

Timed in turn within one run, so that noise meets all alike; medians and minima of many rounds, in
microseconds of the calling thread. The device runs meanwhile and is waited for between the rounds.

    driver    clEnqueueNDRangeKernel alone, its arguments set before
    arguments setting the arguments, of which this kernel has eight
    pause     counting to PAUSE: about as long as a launch takes beside the driver's call
    paced     the driver's call after such a pause
    launch    the same kernel by `OpenCLLauncher.run`: arguments, enqueueing, keeping the event
    operator  a + b on arrays: all of Python from the operator on, memory for the result included

The driver's threads fall asleep when calls come slowly; waking them is part of the next call: on
PoCL the same call takes half as long again after a pause of a microsecond. So the launch is also
compared with the driver's call at the pace of launches: paced - pause.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import pyopencl as cl

from nnkit.backends.device.launcher import grid
from nnkit.backends.opencl.map import NO_LAYOUT
from nnkit.selection import open_backend

ROUNDS, CALLS, ELEMENTS = 60, 200, 64
PAUSE = 110


def calls(device: Any) -> dict[str, Callable[[], Any]]:
    """What is timed, by name."""
    data = np.ones(ELEMENTS, np.float32)
    a, b = device.asarray(data), device.asarray(data)
    y = a + b
    launcher = device.queue.launcher
    ready = next(ready for ready in launcher.per_thread.ready.values() if ready.name == "map2")
    groups, items = grid(launcher, ELEMENTS)
    total = tuple(g * i for g, i in zip(groups, items, strict=True))
    args = (a, b, y, ELEMENTS, NO_LAYOUT)
    launcher.run(ready, groups, items, args)

    def driver() -> Any:
        return cl.enqueue_nd_range_kernel(device.queue.queue, ready.kernel, total, items)

    def pause() -> None:
        for _ in range(PAUSE):
            pass

    return {
        "driver": driver,
        "arguments": lambda: ready.set_args(args),
        "pause": pause,
        "paced": lambda: (pause(), driver()),
        "launch": lambda: launcher.run(ready, groups, items, args),
        "operator": lambda: a + b,
    }


def timed(device: Any) -> dict[str, list[float]]:
    """Microseconds a call, one figure a round."""
    found: dict[str, list[float]] = {}
    timed_calls = calls(device)
    for _ in range(ROUNDS):
        for name, call in timed_calls.items():
            start = perf_counter()
            for _ in range(CALLS):
                call()
            found.setdefault(name, []).append((perf_counter() - start) / CALLS * 1e6)
            device.synchronize()
    return found


def main(names: list[str]) -> None:
    for name in names or ["opencl"]:
        device: Any = open_backend(name)
        found = timed(device)
        print(f"{name}: {device.device}")
        for what, values in found.items():
            print(f"  {what:9} median {median(values):6.2f} µs   least {min(values):6.2f} µs")
        rounds = list(zip(*(found[what] for what in found if what != "operator"), strict=True))
        own = median(launch - driver for driver, *_, launch in rounds)
        paced = median(launch - paced + pause for *_, pause, paced, launch in rounds)
        print(f"  launch - driver {own:6.2f} µs, at the pace of launches {paced:6.2f} µs")


if __name__ == "__main__":
    main(sys.argv[1:])
