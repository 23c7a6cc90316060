"""Try something dangerous in a process of its own: a crash there is a verdict, not our end.

A probe is a Python file that defines `answer(*arguments)` and needs nothing of nnkit. It is run by
its path with this process's `sys.path`; arguments and answer travel as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT = 60.0
"""Seconds that a probe may take: the first build on a slow driver takes a few."""

_MARK = "nnkit-probe-answer:"  # drivers write to the standard output as they please
_START = f"""
import contextlib, json, os, runpy, sys
with contextlib.suppress(ImportError, OSError, ValueError):
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash shall leave no file
path, script, arguments = map(json.loads, sys.argv[1:])
sys.path[:] = path
answer = runpy.run_path(script)["answer"](*arguments)
print("\\n{_MARK}" + json.dumps(answer), flush=True)
os._exit(0)  # a driver that falls over while it unloads has answered all the same
"""


@dataclass(frozen=True)
class Outcome:
    """What a probe said, or how it ended without an answer."""

    answer: Any = None
    problem: str = ""


def run(
    script: Path,
    *arguments: Any,
    timeout: float = TIMEOUT,
    variables: Mapping[str, str] | None = None,
) -> Outcome:
    """Run a probe and wait for its answer.

    Args:
        script: the file that defines `answer`.
        arguments: what `answer` is called with; JSON.
        timeout: seconds after which the process is ended.
        variables: environment variables to set beside the present ones.
    """
    if getattr(sys, "frozen", False):  # sys.executable is then the program, not an interpreter
        return Outcome(problem="a frozen program has no Python interpreter to probe with")
    parts = [str(place) for place in sys.path], os.fspath(script), arguments
    texts = [json.dumps(part) for part in parts]
    flags = ["-S"] if sys.flags.no_site else []
    try:
        done = subprocess.run(  # noqa: S603 (our own interpreter and our own file)
            [sys.executable, *flags, "-c", _START, *texts],
            env={**os.environ, **(variables or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome(problem=f"the probe did not end within {timeout:g} s")
    except (OSError, ValueError) as error:
        return Outcome(problem=f"the probe could not be started: {error}")
    for line in reversed(done.stdout.splitlines()):
        if line.startswith(_MARK):
            return Outcome(answer=json.loads(line.removeprefix(_MARK)))
    return Outcome(problem=_ending(done.returncode, done.stderr))


def _ending(code: int, errors: str) -> str:
    last = next((line.strip() for line in reversed(errors.splitlines()) if line.strip()), "")
    said = f": {last[:120]}" if last else ""
    if code < 0:
        return f"the probe was ended by {_signal_name(-code)}{said}"
    if code > 255:  # Windows: an exception code such as 0xC0000005
        return f"the probe crashed with code {code:#x}{said}"
    return f"the probe failed{said}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
