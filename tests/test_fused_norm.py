"""Batch norm by its own kernels is the composed op, in one launch forward and one backward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from nnkit import counters
from nnkit.backend import Backend, numpy_backend
from nnkit.backends.device import overrides
from nnkit.dispatch import OPS, UPDATES
from nnkit.errors import BackendUnavailable
from tests import cuda_on_host
from tests.backends import BackendAbsent, opencl_devices, opened
from tests.compare import assert_close
from tests.fused_sites import Site, launched_since, layouts, opencl_sites, run

SHAPES: list[tuple[int, ...]] = [
    (5, 3),  # fewer channels than a vector
    (70, 37),  # two vectors of channels and five more, more rows than a block
    (33, 16, 1),
    (4, 5, 7),  # shorter than a vector
    (3, 2, 9, 20),  # four vectors at once, seven more, four numbers more
    (2, 3, 5, 7, 3),
    (1, 2, 1100),  # more than a block
]
EPS = 0.03


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
    if request.param == "cuda":
        if reason := cuda_on_host.problem():
            pytest.skip(reason)
        host = cuda_on_host.HostCuda(tmp_path_factory.mktemp("cuda"))
        return [Site(host, "cuda", overrides(host))]
    return opencl_sites(request.param, request.getfixturevalue("backends"))


def draw(*shape: int, seed: int = 0, about: float = 0.0) -> np.ndarray:
    values = np.random.default_rng(seed).normal(about, 2.0, shape)
    return values.astype("float32")


def arrays_of(name: str, shape: tuple[int, ...]) -> list[np.ndarray]:
    """x about 3, mean and var where they are given, weight and bias."""
    channels = shape[1]
    given = [draw(channels, seed=1), draw(channels, seed=2) ** 2] if "eval" in name else []
    return [draw(*shape, about=3.0), *given, draw(channels, seed=4), draw(channels, seed=5)]


def calls(name: str, shape: tuple[int, ...]) -> Iterator[tuple[list[Any], tuple[bool, ...]]]:
    """With and without weight and bias, and what needs a gradient."""
    arrays = arrays_of(name, shape)
    n = len(arrays)
    yield arrays, (True,) * n
    yield [*arrays[:-1], None], (False,) * (n - 2) + (True, False)
    yield [*arrays[:-2], None, None], (True,) + (False,) * (n - 1)


def check(site: Site, name: str, arrays: list[Any], needs: tuple[bool, ...], dtype: str) -> None:
    options: dict[str, Any] = {"eps": EPS, "needs": needs}
    cast = [None if a is None else a.astype(dtype) for a in arrays]
    exact = [None if a is None else a.astype("float64") for a in arrays]
    reference, exact_vjp = OPS[name].composed(numpy_backend().xp, *exact, **options)
    above = tuple(draw(*r.shape, seed=7 + k) for k, r in enumerate(each(reference)))
    expected = exact_vjp(like(reference, [g.astype("float64") for g in above]))
    host, put, first = site.backend.to_numpy, site.backend.asarray, cast[0]
    rest = [None if a is None else put(a) for a in cast[1:]]
    for layout, x in layouts(site, first):
        what = f"{name} on {site}, {dtype} {first.shape} {layout} {needs}"
        (y, vjp), launched = run(site, name, x, *rest, **options)
        assert [k for k in launched if "norm" in k] == [f"{name}_forward"], what
        for found, wanted in zip(each(y), each(reference), strict=True):
            assert_close(host(found), wanted, 8.0, what)
        before = dict(counters.launches)
        gradients = vjp(like(reference, [put(g.astype(dtype)) for g in above]))
        ours = [k for k in launched_since(before) if "norm" in k]
        assert ours == [f"{name}_backward"], what
        for k, (found, wanted) in enumerate(zip(gradients, expected, strict=True)):
            assert (found is None) == (wanted is None), f"{what}, gradient {k}"
            if found is not None:
                assert_close(host(found), wanted, 24.0, f"{what}, gradient {k}")


def each(y: Any) -> tuple[Any, ...]:
    return y if isinstance(y, tuple) else (y,)


def like(y: Any, gradients: list[Any]) -> Any:
    """What a vjp takes: a tuple where y is one."""
    return tuple(gradients) if isinstance(y, tuple) else gradients[0]


@pytest.mark.parametrize("name", ["batch_norm", "batch_norm_eval"])
def test_batch_norm(name: str, sites: list[Site]) -> None:
    for site in sites:
        for dtype in site.dtypes():
            for shape in SHAPES:
                for arrays, needs in calls(name, shape):
                    check(site, name, arrays, needs, dtype)


def test_a_mean_far_from_zero_costs_no_digits(sites: list[Site]) -> None:
    """The mean of the squares less the square of the mean would be off by a few percent."""
    for site in sites:
        x = draw(6, 3, 11, 5, about=1000.0)
        exact = x.astype("float64")
        ((_, _, var), _), _ = run(site, "batch_norm", site.backend.asarray(x), needs=(False,) * 3)
        assert_close(site.backend.to_numpy(var), exact.var(axis=(0, 2, 3)), 64.0, str(site))


def test_what_is_not_finite_stays_in_its_channel(sites: list[Site]) -> None:
    for site in sites:
        x = draw(4, 5, 6)
        x[1, 2, 3], x[2, 4, 0] = np.inf, np.nan
        ((y, _, _), _), _ = run(site, "batch_norm", site.backend.asarray(x), needs=(False,) * 3)
        found = np.isfinite(site.backend.to_numpy(y)).all(axis=(0, 2))
        assert found.tolist() == [True, True, False, True, False], str(site)


def test_the_same_input_gives_the_same_bits(sites: list[Site]) -> None:
    for site in sites:
        arrays = [site.backend.asarray(a) for a in arrays_of("batch_norm", (6, 19, 11, 9))]
        runs = []
        for _ in range(3):
            (y, vjp), _ = run(site, "batch_norm", *arrays, needs=(True,) * 3)
            runs.append([site.backend.to_numpy(a) for a in (*y, *vjp(y))])
        for again in runs[1:]:
            for first, later in zip(runs[0], again, strict=True):
                np.testing.assert_array_equal(first, later, str(site))


@pytest.mark.parametrize("momentum", [0.1, None])
def test_running_statistics(momentum: float | None, sites: list[Site]) -> None:
    options: dict[str, Any] = {"momentum": momentum, "n": 6}
    for site in sites:
        for dtype in site.dtypes():
            mean, var, *batch = (draw(70, seed=k).astype(dtype) for k in range(4))
            count = np.array(4)
            exact = [a.astype("float64") for a in (mean, var)]
            told = [count.copy(), *(a.astype("float64") for a in batch)]
            UPDATES["running_statistics"].composed(numpy_backend().xp, *exact, *told, **options)
            placed = [site.backend.asarray(a) for a in (mean, var, count, *batch)]
            result, launched = run(site, "running_statistics", *placed, **options)
            what = f"{site}, {dtype}, {momentum}"
            assert result is None
            assert launched == ["running_statistics"], what
            for found, wanted in zip(placed[:2], exact, strict=True):
                assert_close(site.backend.to_numpy(found), wanted, 4.0, what)
            assert int(site.backend.to_numpy(placed[2])) == 5, what


def declined(site: Site) -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
    put = site.backend.asarray
    empty, none = put(np.ones((4, 0, 3), "float32")), put(np.ones(0, "float32"))
    yield "batch_norm", [empty], {"needs": (True, False, False)}
    yield "batch_norm_eval", [empty, none, none], {"needs": (True, *(False,) * 4)}
    whole = put(np.ones((4, 3), "int32"))
    yield "batch_norm", [whole], {"needs": (False,) * 3}
    gaps, floats = put(np.ones(10, "float32"))[::2], put(np.ones(5, "float32"))
    count, part = put(np.array(1)), put(np.array(1, "int32"))
    options = {"momentum": 0.1, "n": 4}
    yield "running_statistics", [gaps, floats, count, floats, floats], options
    yield "running_statistics", [floats, gaps, count, floats, floats], options
    yield "running_statistics", [floats, floats, part, floats, floats], options


def test_what_is_not_served_is_declined_untouched(sites: list[Site]) -> None:
    for site in sites:
        for name, arrays, options in declined(site):
            before = [site.backend.to_numpy(a) for a in arrays]
            result, launched = run(site, name, *arrays, **options)
            assert result is NotImplemented, f"{name} on {site}"
            assert not [k for k in launched if "norm" in k or "running" in k]
            for a, b in zip(before, arrays, strict=True):
                np.testing.assert_array_equal(a, site.backend.to_numpy(b), f"{name} on {site}")


def test_errors_are_those_of_the_composed_op(sites: list[Site]) -> None:
    one, other = np.ones((1, 3), "float32"), np.ones(4, "float32")
    for name, arrays in (("batch_norm", [one]), ("batch_norm_eval", [one, other, other])):
        options = {"needs": (False,) * 5}
        with pytest.raises((ValueError, TypeError)) as composed:
            OPS[name].composed(numpy_backend().xp, *arrays, **options)
        for site in sites:
            with pytest.raises(composed.type) as fused:
                run(site, name, *(site.backend.asarray(a) for a in arrays), **options)
            assert str(fused.value) == str(composed.value)
