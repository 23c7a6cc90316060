"""OpenCL devices for tests that look at memory and programs: each opened anew, in two forms."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pyopencl as cl
import pytest

import nnkit
from nnkit.backends.opencl.backend import OpenCLBackend
from tests.backends import BackendAbsent, names, opened


def opencl_names(config: pytest.Config) -> list[str]:
    """The OpenCL devices that the command line asks for; one by default."""
    chosen = names(config.getoption("backends"), all_devices=config.getoption("all_devices"))
    return [name for name in chosen if name.startswith("opencl")]


def anew(name: str) -> OpenCLBackend:
    """A device with a queue, a pool and kernels of its own."""
    try:
        found = opened(name)
    except BackendAbsent as absence:
        (pytest.fail if absence.is_a_failure else pytest.skip)(str(absence))
    assert isinstance(found, OpenCLBackend)
    return OpenCLBackend(found.queue.cl_device, found.device, found.index)


@contextmanager
def gated(backend: OpenCLBackend, monkeypatch: pytest.MonkeyPatch, ends: int = 0) -> Iterator[None]:
    """What is launched inside waits until the end of the block, and then runs; `ends` fails it."""
    gate = cl.UserEvent(backend.queue.context)
    launch = cl.enqueue_nd_range_kernel
    try:
        with monkeypatch.context() as patch:
            patch.setattr(cl, "enqueue_nd_range_kernel", partial(launch, wait_for=[gate]))
            yield
    finally:
        gate.set_status(ends)


def start(script: str, variables: Mapping[str, str]) -> subprocess.Popen[str]:
    """A new process that runs the script and stops at the first warning."""
    package = Path(nnkit.__file__).parents[1]
    path = os.pathsep.join([str(package), *filter(None, [os.environ.get("PYTHONPATH", "")])])
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script],
        env={**os.environ, "PYTHONPATH": path, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result(process: subprocess.Popen[str]) -> str:
    """What it printed; it must end well, also while the interpreter clears up."""
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, f"{process.returncode}\n{out}\n{err}"
    assert "Exception ignored" not in err, err
    return out


def run(script: str, **variables: Any) -> str:
    """Run a script in a new process; what it printed."""
    return result(start(script, variables))
