"""Pooling by its own kernels is the composed op, in one launch each way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnkit.backend import Backend
from nnkit.errors import BackendUnavailable
from tests import cuda_on_host
from tests.backends import BackendAbsent, opencl_devices, opened
from tests.fused_sites import Site, check, opencl_sites, run

MAX: dict[str, Any] = {"stride": None, "padding": 0, "dilation": 1, "ceil_mode": False}
AVG: dict[str, Any] = {
    "stride": None,
    "padding": 0,
    "ceil_mode": False,
    "count_include_pad": True,
    "divisor_override": None,
}
SHAPES = [(2, 3, 4, 6), (3, 2, 5, 9), (2, 2, 3, 22), (1, 5, 2, 33), (1, 2, 2, 1 + 16)]
"""Rows of 3, 4, 11, 16 and 8 windows of 2 x 2: single ones, vectors, and vectors that go back."""
OTHERS: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 7), {"kernel_size": 3, "stride": 2, "padding": 1}),
    ((2, 3, 5, 6), {"kernel_size": (3, 2), "stride": (1, 2), "padding": (1, 0)}),
    ((2, 1, 5, 7), {"kernel_size": 2, "ceil_mode": True}),
    ((1, 2, 6, 4), {"kernel_size": 2, "padding": 1}),
]


@pytest.fixture(scope="module")
def backends() -> list[Backend]:
    try:
        found = [opened(name) for name in opencl_devices()]
    except BackendUnavailable:
        found = []
    try:
        return found or [opened("opencl")]
    except BackendAbsent as absence:
        (pytest.fail if absence.is_a_failure else pytest.skip)(str(absence))


@pytest.fixture(scope="module", params=["cpu", "gpu", "cuda"])
def sites(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Site]:
    from nnkit.backends.device import overrides

    if request.param == "cuda":
        if reason := cuda_on_host.problem():
            pytest.skip(reason)
        host = cuda_on_host.HostCuda(tmp_path_factory.mktemp("cuda"))
        return [Site(host, "cuda", overrides(host))]
    return opencl_sites(request.param, request.getfixturevalue("backends"))


def draw(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Few values, so that many windows have several largest elements."""
    return np.random.default_rng(5).integers(-3, 4, shape).astype(dtype)


def views(site: Site, x: np.ndarray) -> list[Any]:
    """x without gaps, and behind something else in a larger buffer."""
    put = site.backend.asarray
    return [put(x), put(np.concatenate([np.full_like(x[:1], 9), x]))[1:]]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["max_pool", "avg_pool"])
def test_windows_side_by_side(name: str, shape: tuple[int, ...], sites: list[Site]) -> None:
    options = (MAX if name == "max_pool" else AVG) | {"kernel_size": 2, "needs": (True,)}
    for site in sites:
        for dtype in site.dtypes():
            for placed in views(site, x := draw(shape, dtype)):
                check(site, name, [x], [placed], "", **options)
                if name == "avg_pool":
                    shared = options | {"divisor_override": 3}
                    check(site, name, [x], [placed], "", **shared)


@pytest.mark.parametrize("case", range(len(OTHERS)))
def test_other_windows(case: int, sites: list[Site]) -> None:
    shape, given = OTHERS[case]
    for site in sites:
        for dtype in site.dtypes():
            for placed in views(site, x := draw(shape, dtype)):
                check(site, "max_pool", [x], [placed], "", **MAX | given, needs=(True,))
                for changed in ({}, {"count_include_pad": False}, {"divisor_override": -2}):
                    options = AVG | given | changed | {"needs": (True,)}
                    check(site, "avg_pool", [x], [placed], "", **options)
    wide = {"kernel_size": 2, "dilation": (2, 3), "stride": 1, "padding": 1, "needs": (True,)}
    for site in sites:
        x = draw((1, 2, 5, 6), "float32")
        check(site, "max_pool", [x], [site.backend.asarray(x)], "", **MAX | wide)


@pytest.mark.parametrize("width", [4, 9, 20])
@pytest.mark.parametrize("padding", [0, 1])
def test_nan_and_infinity(width: int, padding: int, sites: list[Site]) -> None:
    x = draw((2, 2, 4, width), "float32")
    x.flat[[0, 3, 10, width + 1]] = np.nan, np.inf, np.nan, np.nan
    x[1, 0] = -np.inf
    options = MAX | {"kernel_size": 2, "padding": padding, "needs": (True,)}
    for site in sites:
        check(site, "max_pool", [x], [site.backend.asarray(x)], "special", **options)


def test_what_is_not_served_is_declined(sites: list[Site]) -> None:
    for site in sites:
        for shape in ((0, 2, 4, 4), (1, 2, 4, 2, 3)):
            x = site.backend.asarray(np.ones(shape, "float32"))
            for name, options in (("max_pool", MAX), ("avg_pool", AVG)):
                result, launched = run(site, name, x, **options, kernel_size=2, needs=(True,))
                assert result is NotImplemented, f"{name} of {shape} on {site}"
                assert not launched


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("max_pool", {"padding": 2}, "padding must be at most half"),
        ("max_pool", {"kernel_size": 5}, "the kernel reaches over 5 elements"),
        ("avg_pool", {"divisor_override": 0}, "divisor_override must not be 0"),
    ],
)
def test_errors(name: str, wrong: dict[str, Any], message: str, sites: list[Site]) -> None:
    options = (MAX if name == "max_pool" else AVG) | {"kernel_size": 2, "needs": (True,)} | wrong
    for site in sites:
        with pytest.raises(ValueError, match=message):
            run(site, name, site.backend.asarray(np.ones((1, 2, 4, 3), "float32")), **options)
