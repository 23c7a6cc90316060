"""Where fused overrides are run in tests, and how their results are checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from nnkit import counters
from nnkit.backend import numpy_backend
from nnkit.backends.device import overrides
from nnkit.dispatch import OPS
from tests.compare import assert_close

FORWARD = {"float32": 4.0, "float64": 16.0}
"""In units of eps; the oracle is float64 itself, so in float64 both sides err."""
GRADIENT = {"float32": 16.0, "float64": 24.0}
"""Softmax's y (g - sum g y) subtracts numbers ten times as large as what is left."""


@dataclass(frozen=True)
class Site:
    """A device, in the form for CPUs, for GPUs, or as CUDA."""

    backend: Any
    form: str
    fused: dict[str, Callable[..., Any]]

    def __str__(self) -> str:
        return f"{self.backend.device} in the form '{self.form}'"

    def dtypes(self) -> list[str]:
        return [dtype for dtype in FORWARD if self.backend.supports(dtype)]


def opencl_sites(form: str, backends: list[Any]) -> list[Site]:
    from nnkit.backends.opencl.launch import OpenCLLauncher

    found = []
    for backend in backends:
        if backend.kind != "cpu" and form == "cpu":
            continue  # a GPU may lack what the form for CPUs takes for granted
        launcher = OpenCLLauncher(backend.queue)
        launcher.cpu = form == "cpu"
        found.append(Site(backend, form, overrides(launcher)))
    if not found:
        pytest.skip("no processor among the OpenCL devices")
    return found


def layouts(site: Site, x: np.ndarray) -> Iterator[tuple[str, Any]]:
    """x on the device in several layouts: without gaps, inside a larger buffer, transposed."""
    put = site.backend.asarray
    yield "without gaps", put(x)
    if x.ndim:
        padded = np.concatenate([np.full_like(x[:1], 9), x, np.full_like(x[:1], 9)])
        yield "inside a larger buffer", put(padded)[1 : x.shape[0] + 1]
        yield "with gaps", put(np.repeat(x, 2, axis=0))[::2]
    if x.ndim == 2:
        yield "transposed", put(np.ascontiguousarray(x.T)).T


def run(site: Site, name: str, *arrays: Any, **options: Any) -> tuple[Any, list[str]]:
    """What the override returns, and the kernels of ours that it launched."""
    before = dict(counters.launches)
    result = site.fused[name](site.backend.xp, *arrays, **options)
    return result, launched_since(before)


def launched_since(before: dict[tuple[str, str], int]) -> list[str]:
    return [
        kernel
        for (_, kernel), count in counters.launches.items()
        for _ in range(count - before.get((_, kernel), 0))
    ]


def check(
    site: Site, name: str, inputs: list[np.ndarray], placed: list[Any], what: str, **options: Any
) -> None:
    """Forward and every gradient agree with the composed definition in float64 on NumPy."""
    dtype = str(inputs[0].dtype)
    exact = [x.astype(np.float64) if x.dtype.kind == "f" else x for x in inputs]
    with np.errstate(all="ignore"):
        reference, reference_vjp = OPS[name].composed(numpy_backend().xp, *exact, **options)
    (y, vjp), launched = run(site, name, *placed, **options)
    what = f"{name} on {site}, {dtype} {inputs[0].shape} {what} {options}"
    host = site.backend.to_numpy
    assert sum(k.endswith("_forward") for k in launched) == 1, f"{what}: {launched}"
    assert_close(host(y), np.asarray(reference), FORWARD[dtype], what)
    g = np.random.default_rng(3).uniform(0.5, 1.5, np.shape(reference)).astype(dtype)
    before = dict(counters.launches)
    gradients = vjp(site.backend.asarray(g))
    assert len(launched_since(before)) == sum(options["needs"]), f"{what}: backward launches"
    with np.errstate(all="ignore"):
        expected = reference_vjp(g.astype(np.float64))
    for found, d in zip(gradients, expected, strict=True):
        assert (found is None) == (d is None), what
        if found is not None:
            assert_close(host(found), d, GRADIENT[dtype], f"{what}, gradient")
