"""A pytest plugin for runs on Oclgrind: a test fails when a kernel did something undefined in it.

Oclgrind simulates a device and reports reads and writes outside of buffers, data races between
work-items and uses of values that nobody wrote. `.ci/oclgrind` starts it. So that nothing hides in
memory that the pool rounded up or used before, every block here is new and of the exact size.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyopencl as cl
import pytest

from nnkit.backend import open_backends
from nnkit.backends.opencl import memory

LOG = Path(os.environ["OCLGRIND_LOG"])
KEPT: list[Any] = []
"""Buffers until the end: a new one in the place of another would seem to hold its values."""
LARGEST = 2000
"""Elements of an input: the simulation takes about a microsecond for each instruction."""


def exact_pool() -> None:
    """Blocks of the exact size in the device's own memory, never used again.

    What the host writes into shared memory, Oclgrind would take for never written.
    """

    def take_back(self: memory.Pool, block: memory.Block) -> None:
        self.bytes_in_use -= block.size
        KEPT.append(block.buffer)

    memory._in_place = lambda commands: False
    memory.size_class = lambda nbytes: max(nbytes, 1)
    memory.Pool.take_back = take_back  # type: ignore[method-assign]


def reported() -> str:
    """What Oclgrind has written since the last call."""
    for backend in open_backends():
        backend.synchronize()
    text = LOG.read_text() if LOG.exists() else ""
    news = text[reported.read :]  # type: ignore[attr-defined]
    reported.read = len(text)  # type: ignore[attr-defined]
    return news.strip()


reported.read = 0  # type: ignore[attr-defined]


def pytest_configure(config: pytest.Config) -> None:
    names = [device.name for p in cl.get_platforms() for device in p.get_devices()]
    if names != ["Oclgrind Simulator"]:
        raise pytest.UsageError(f"the device must be Oclgrind's alone, found {names}")
    exact_pool()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    large = [item for item in items if too_large(item)]
    config.hook.pytest_deselected(items=large)
    items[:] = [item for item in items if item not in large]


def too_large(item: pytest.Item) -> bool:
    """Whether a row of the table has more elements than the simulation can do."""
    case = getattr(item, "callspec", None) and item.callspec.params.get("case")  # type: ignore[attr-defined]
    inputs = [x for x in getattr(case, "inputs", ()) if hasattr(x, "shape")]
    return any(math.prod(x.shape) > LARGEST for x in inputs)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[Any]:
    result = yield
    if text := reported():
        pytest.fail(f"Oclgrind reports:\n{text[:2000]}", pytrace=False)
    return result
