"""Random programs of array operations, run by NumPy and by a device, which must agree.

    python -m tests.programs --count 100000 --seed 0 --backend opencl:1

runs many; each is made from its own seed, so a failure is found again by `--seed` and `--count 1`.
What fails is shortened and printed as NumPy code. After each program all device memory is back.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from typing import Any

import numpy as np

from nnkit.backends.opencl.backend import OpenCLBackend
from nnkit.errors import FallbackWarning
from tests.backends import opened
from tests.program_steps import STEPS, make
from tests.program_writer import Rejected, Writer, execute

DTYPES = ("float32", "float32", "float32", "int32", "int64", "uint8", "bool", "float64", "int8")
MOST_OPERATIONS = 10
TOLERANCE = {"float32": 2e-6, "float64": 1e-13}


def write(seed: int, dtypes: tuple[str, ...] = DTYPES) -> list[str]:
    """The lines of the program of this seed; NumPy has run them."""
    writer = Writer(np.random.default_rng(seed), dtypes)
    with np.errstate(all="ignore"):
        make(writer)
        operations = writer.integer(1, MOST_OPERATIONS + 1)
        while operations:
            step = STEPS[writer.integer(0, len(STEPS))]
            before = len(writer.lines)
            try:
                step(writer)
            except (Rejected, ValueError):  # NumPy refuses shapes that do not fit
                continue
            operations -= len(writer.lines) > before
    return writer.lines


def run(lines: list[str], xp: Any) -> dict[str, Any]:
    """The arrays that are alive after the program."""
    env: dict[str, Any] = {"xp": xp, "np": np}
    with np.errstate(all="ignore"):
        for line in lines:
            execute(line, env)
    return {name: value for name, value in env.items() if name[0] == "a" and name[1:].isdigit()}


def problem(lines: list[str], backend: OpenCLBackend) -> str:
    """What is wrong when the device runs the program, or ''."""
    expected = run(lines, np)
    pool = backend.queue.pool
    backend.queue.constants.clear()
    before = pool.bytes_in_use
    try:
        found = run(lines, backend.xp)
        for name, reference in expected.items():
            if text := difference(backend.to_numpy(found[name]), reference):
                return f"{name}: {text}"
        del found
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    backend.queue.constants.clear()
    left = pool.bytes_in_use - before
    return f"{left} bytes of device memory did not come back" if left else ""


def difference(actual: Any, reference: Any) -> str:
    """Where two arrays differ, or ''."""
    kinds = (actual.shape, actual.dtype), (reference.shape, reference.dtype)
    if kinds[0] != kinds[1]:
        return f"the device gives {kinds[0]}, NumPy {kinds[1]}"
    tolerance = TOLERANCE.get(str(reference.dtype), 0)
    wrong = ~np.isclose(actual, reference, rtol=tolerance, atol=tolerance, equal_nan=True)
    if not wrong.any():
        return ""
    place = tuple(int(i[0]) for i in np.nonzero(np.atleast_1d(wrong)))
    pair = np.atleast_1d(actual)[place], np.atleast_1d(reference)[place]
    count = f"{wrong.sum()} of {wrong.size} differ"
    return f"{count}; at {place} the device has {pair[0]}, NumPy {pair[1]}"


def shorten(lines: list[str], backend: OpenCLBackend) -> list[str]:
    """Leave out lines, as long as what remains runs in NumPy and still fails."""
    for number in reversed(range(len(lines))):
        fewer = lines[:number] + lines[number + 1 :]
        try:
            still = bool(fewer) and problem(fewer, backend)
        except Exception:  # NumPy misses a name
            continue
        if still:
            lines = fewer
    return lines


def failure(seed: int, backend: OpenCLBackend, dtypes: tuple[str, ...] = DTYPES) -> str:
    """The shortened program of this seed and what is wrong with it, or ''."""
    lines = write(seed, dtypes)
    if not problem(lines, backend):
        return ""
    short = shorten(lines, backend)
    wrong = problem(short, backend) or "it failed once, and then no more"
    listing = "\n".join(["import numpy as np", "xp = np", *short])
    return f"program of seed {seed} on {backend.device}: {wrong}\n{listing}"


def with_gpu_kernels(backend: OpenCLBackend) -> OpenCLBackend:
    """The same device with the kernels that a GPU would get."""
    made = OpenCLBackend(backend.queue.cl_device, backend.device, backend.index)
    made.queue.cpu = made.queue.launcher.cpu = False
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the first program")
    parser.add_argument("--backend", default="opencl")
    parser.add_argument("--dtypes", default=",".join(DTYPES), help="fewer need fewer kernels")
    parser.add_argument("--gpu", action="store_true", help="the kernels that a GPU would get")
    parser.add_argument("--keep-going", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", FallbackWarning)
    backend: Any = opened(options.backend)
    backend = with_gpu_kernels(backend) if options.gpu else backend
    dtypes = tuple(options.dtypes.split(","))
    failed, start = 0, time.monotonic()
    for number in range(options.count):
        if text := failure(options.seed + number, backend, dtypes):
            failed += 1
            print(f"\n{text}", flush=True)
            if not options.keep_going:
                return 1
        if number % 100 == 99 or number + 1 == options.count:
            pace = (number + 1) / (time.monotonic() - start)
            print(f"\r{number + 1} programs, {failed} failed, {pace:.0f}/s", end="", flush=True)
    print(f"\non {backend.device}, seeds {options.seed} to {options.seed + options.count - 1}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
