"""Convolution by its own kernels is the composed op, in the launches that it promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnkit import counters
from nnkit.backend import Backend, numpy_backend
from nnkit.backends.device import overrides
from nnkit.dispatch import OPS
from nnkit.errors import BackendUnavailable
from tests import cuda_on_host
from tests.backends import BackendAbsent, opencl_devices, opened
from tests.compare import assert_close
from tests.fused_sites import Site, launched_since, opencl_sites, run

PLAIN: dict[str, Any] = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
SHAPES: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 7), (4, 3, 3), {}),
    ((3, 2, 9, 20), (17, 2, 3, 5), {"padding": (1, 2)}),  # a second vector, a row that goes back
    ((9, 5, 4, 14), (70, 5, 3, 3), {"padding": 1}),  # a second block
    ((2, 4, 7, 6), (6, 2, 3, 2), {"padding": ((2, 0), (0, 3)), "groups": 2, "stride": (2, 1)}),
    ((1, 2, 8, 9), (3, 2, 2, 3), {"stride": (3, 2), "dilation": (2, 1), "padding": 3}),
    (
        (4, 1, 16, 20),
        (2, 1, 3, 3),
        {"padding": 1},
    ),  # so many positions that they are summed in parts
    ((2, 2, 3, 4), (3, 2, 1, 1), {"padding": 2}),  # wider than what the gradient of x can reach
]
FEWER = (
    ((4, 20, 9, 13), (24, 20, 3, 3), {"padding": 1}),  # odd in height and width
    ((2, 24, 12, 8), (66, 24, 3, 3), {"padding": (0, 1)}),  # two blocks
    ((2, 17, 8, 12), (18, 17, 5, 5), {"padding": 2}),  # in pieces, of which three are not whole
    ((3, 18, 7, 36), (17, 18, 3, 3), {"padding": 3}),  # more than a vector across, a cut frame
)
SHAPES += FEWER
PRODUCT = {
    "cpu": ["conv_forward", "conv_taps"],
    "fewer": ["winograd_forward", "winograd_taps"],
    "other": ["conv_tiled_forward"],
}
SUMS = {
    "cpu": ["conv_partial", "conv_sums"],
    "fewer": ["winograd_partial", "winograd_sums"],
    "other": ["conv_sums", "conv_tiled_partial"],
}


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


def calls(table: dict[str, list[str]], site: Site, case: int = 0, dtype: str = "") -> list[str]:
    fewer = site.form == "cpu" and SHAPES[case] in FEWER and dtype == "float32"
    form = "fewer" if fewer else site.form
    return table.get(form, table["other"])


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def views(site: Site, x: np.ndarray) -> list[Any]:
    """x without gaps, and behind something else in a larger buffer."""
    put = site.backend.asarray
    return [put(x), put(np.concatenate([np.full_like(x[:1], 9), x]))[1:]]


@pytest.mark.parametrize("case", range(len(SHAPES)))
def test_conv(case: int, sites: list[Site]) -> None:
    shape, taps, changed = SHAPES[case]
    options = PLAIN | changed | {"needs": (True, True, True)}
    arrays = [draw(*shape), draw(*taps, seed=1), draw(taps[0], seed=2)]
    exact = [a.astype("float64") for a in arrays]
    reference, exact_vjp = OPS["conv"].composed(numpy_backend().xp, *exact, **options)
    above = draw(*reference.shape, seed=3)
    for site in sites:
        for dtype in site.dtypes():
            host, what = site.backend.to_numpy, f"conv {case} on {site}, {dtype}"
            placed = zip(*(views(site, a.astype(dtype)) for a in arrays), strict=True)
            for given in placed:
                (y, vjp), launched = run(site, "conv", *given, **options)
                assert sorted(launched) == calls(PRODUCT, site, case, dtype), what
                assert_close(host(y), reference, 16.0, what)
                before = dict(counters.launches)
                found = vjp(site.backend.asarray(above.astype(dtype)))
                expected = calls(PRODUCT, site, case, dtype) + calls(SUMS, site, case, dtype)
                assert sorted(launched_since(before)) == sorted(expected), what
                for d, exact_d in zip(found, exact_vjp(above.astype("float64")), strict=True):
                    assert_close(host(d), exact_d, 32.0, f"{what}, gradient")


def test_only_the_gradients_that_are_wanted_are_computed(sites: list[Site]) -> None:
    for site in sites:
        arrays = [site.backend.asarray(draw(*s)) for s in ((2, 3, 5, 6), (4, 3, 3, 2), (4,))]
        for needs, table in (
            ((True, False, False), PRODUCT),
            ((False, True, False), SUMS),
            ((False, False, True), SUMS),
        ):
            (y, vjp), _ = run(site, "conv", *arrays, **PLAIN, needs=needs)
            before = dict(counters.launches)
            found = vjp(y)
            assert sorted(launched_since(before)) == calls(table, site), f"{needs} on {site}"
            assert tuple(d is not None for d in found) == needs
        (_, vjp), _ = run(site, "conv", *arrays[:2], None, **PLAIN, needs=(False,) * 3)
        assert vjp is None


def test_the_same_images_give_the_same_bits(sites: list[Site]) -> None:
    for site in sites:
        arrays = [site.backend.asarray(draw(*s)) for s in ((7, 3, 9, 8), (20, 3, 3, 3), (20,))]
        runs = []
        for _ in range(3):
            (y, vjp), _ = run(site, "conv", *arrays, **PLAIN, needs=(True,) * 3)
            runs.append([site.backend.to_numpy(a) for a in (y, *vjp(y))])
        for again in runs[1:]:
            for first, later in zip(runs[0], again, strict=True):
                np.testing.assert_array_equal(first, later, str(site))


def test_what_is_not_served_is_declined(sites: list[Site]) -> None:
    for site in sites:
        for shapes in (((2, 3, 5, 6, 4), (4, 3, 3, 2, 1)), ((0, 3, 5, 6), (4, 3, 3, 2))):
            arrays = [site.backend.asarray(draw(*s)) for s in shapes]
            result, launched = run(site, "conv", *arrays, **PLAIN, needs=(True, True))
            assert result is NotImplemented, f"{shapes} on {site}"
            assert not launched


@pytest.mark.parametrize(
    ("shapes", "changed"),
    [
        ([(2, 3, 7), (4, 2, 3)], {}),
        ([(2, 3, 7), (4, 3, 9)], {}),
        ([(2, 3, 7), (4, 3, 3), (5,)], {}),
        ([(2, 3, 7), (4, 3, 3)], {"stride": 0}),
    ],
)
def test_errors_are_those_of_the_composed_op(
    shapes: list[tuple[int, ...]], changed: dict[str, Any], sites: list[Site]
) -> None:
    options = PLAIN | changed | {"needs": (True, False, False)[: len(shapes)]}
    arrays = [draw(*s) for s in shapes]
    with pytest.raises(ValueError) as composed:  # noqa: PT011 (its message is compared below)
        OPS["conv"].composed(numpy_backend().xp, *arrays, **options)
    for site in sites:
        with pytest.raises(composed.type) as fused:
            run(site, "conv", *map(site.backend.asarray, arrays), **options)
        assert str(fused.value) == str(composed.value)


def test_a_captured_step_of_a_network_is_the_step(backends: list[Backend]) -> None:
    import nnkit
    from nnkit import nn, ops, optim

    for backend in backends:
        with nnkit.use(f"opencl:{backend.index}"):
            losses = []
            for compiled in (False, True):
                nnkit.manual_seed(3)
                model = nn.Sequential(nn.Conv2d(2, 5, 3, padding=1), nn.ReLU(), nn.Flatten())
                optimizer = optim.Adam(model.parameters(), lr=0.1)

                def step(x: Any, model: Any = model, optimizer: Any = optimizer) -> Any:
                    optimizer.zero_grad()
                    loss = ops.mean(model(x) ** 2)
                    loss.backward()
                    optimizer.step()
                    return loss

                do = nnkit.compile(step) if compiled else step
                x = nnkit.tensor(draw(3, 2, 6, 7))
                losses.append([do(x).item() for _ in range(6)])
            assert losses[0] == losses[1], str(backend.device)
            assert losses[0][-1] < losses[0][0]
