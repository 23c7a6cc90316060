"""Fused overrides give what the composed definitions give, in one launch, on every OpenCL device.

The form for GPUs is tested too, on the same devices: it differs from that for CPUs in its grids and
in the code that the files compile to. So is the reading as CUDA, on the host.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from nnkit import counters
from nnkit.backend import Backend, numpy_backend
from nnkit.backends.device import overrides, with_defaults
from nnkit.backends.device.together import SLOTS
from nnkit.dispatch import OPS, UPDATES
from nnkit.errors import BackendUnavailable
from tests import cuda_on_host
from tests.backends import BackendAbsent, opencl_devices, opened
from tests.compare import assert_close
from tests.fused_sites import FORWARD, Site, check, launched_since, layouts, opencl_sites, run

ACTIVATIONS = ("relu", "sigmoid", "tanh", "softmax", "log_softmax")
nan, inf = np.nan, np.inf


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


def draw(shape: tuple[int, ...], dtype: str, *, special: bool = False) -> np.ndarray:
    x = np.random.default_rng(7).normal(size=shape).astype(np.float32).astype(dtype) * 3
    if special:
        x.flat[[0, 9, 18, 27]] = [nan, inf, -inf, -0.0]
    return x


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name: str, sites: list[Site]) -> None:
    shapes = [(1, 1), (4, 7), (5, 17), (3, 1000), (33, 16), (2, 3, 35), (101,)]
    for site in sites:
        for dtype in site.dtypes():
            for shape in shapes if "softmax" in name else [*shapes, (), (100_003,)]:
                x = draw(shape, dtype)
                for what, placed in layouts(site, x):
                    check(site, name, [x], [placed], what, needs=(True,))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_of_nan_and_infinity(name: str, sites: list[Site]) -> None:
    for site in sites:
        for dtype in site.dtypes():
            for shape in ((4, 17), (6, 7)):
                x = draw(shape, dtype, special=True)
                check(site, name, [x], [site.backend.asarray(x)], "special", needs=(True,))
            x = np.array([[-inf] * 3, [inf] * 3, [nan] * 3, [1e30, -1e30, 0]], dtype)
            check(site, name, [x], [site.backend.asarray(x)], "extreme", needs=(True,))


def test_infinity_has_the_activation_of_the_limit(sites: list[Site]) -> None:
    for site in sites:
        x = site.backend.asarray(np.array([inf, -inf, 25.0, -25.0] * 5, "float32"))
        (y, vjp), _ = run(site, "tanh", x, needs=(False,))
        assert vjp is None
        np.testing.assert_array_equal(site.backend.to_numpy(y), [1.0, -1.0] * 10, str(site))
        (y, _), _ = run(site, "sigmoid", x, needs=(False,))
        np.testing.assert_array_equal(site.backend.to_numpy(y)[:2], [1.0, 0.0], str(site))


ENTROPY = {"ignore_index": -100, "label_smoothing": 0.0}


def target_kinds(n: int, classes: int, dtype: str) -> Iterator[np.ndarray]:
    numbers = np.random.default_rng(5).integers(0, min(classes, 100), n)
    for kind in ("int64", "int32", "uint8"):
        yield numbers.astype(kind)
    outside = numbers.copy()
    outside[0], outside[-1] = classes, -1
    yield outside
    ignored = numbers.copy()
    ignored[1::3] = -100
    yield ignored
    shares = np.random.default_rng(6).random((n, classes)).astype("float32").astype(dtype)
    shares[:, 0] = 0.0
    yield shares
    yield np.eye(classes, dtype=dtype)[numbers]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy(reduction: str, sites: list[Site]) -> None:
    options = ENTROPY | {"needs": (True, False), "reduction": reduction}
    for site in sites:
        for dtype in site.dtypes():
            for shape in ((1, 3), (7, 10), (4, 16), (3, 137), (100, 10)):
                x = draw(shape, dtype) + np.asarray(50, dtype)
                for target in target_kinds(*shape, dtype):
                    t = site.backend.asarray(target)
                    for what, placed in layouts(site, x):
                        check(site, "cross_entropy", [x, target], [placed, t], what, **options)


def test_cross_entropy_of_one_row_and_of_infinite_logits(sites: list[Site]) -> None:
    for site in sites:
        for dtype in site.dtypes():
            one = draw((7,), dtype), np.array(3)
            infinite = draw((4, 7), dtype), np.array([0, 1, 2, 3])
            infinite[0][0, :2] = -inf
            infinite[0][2, 2], infinite[0][3, 5] = inf, nan
            soft = infinite[0], np.eye(7, dtype=dtype)[infinite[1]]
            for inputs in (one, infinite, soft):
                placed = [site.backend.asarray(a) for a in inputs]
                check(site, "cross_entropy", list(inputs), placed, "", needs=(True, False))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_mse_loss(reduction: str, sites: list[Site]) -> None:
    for site in sites:
        for dtype in site.dtypes():
            for shape in ((), (4, 7), (1000,), (65, 33)):
                x, t = (
                    draw(shape, dtype),
                    draw(shape, dtype)[..., ::-1] if shape else draw((), dtype),
                )
                for needs in ((True, False), (True, True), (False, True)):
                    placed = [site.backend.asarray(x), site.backend.asarray(t)]
                    options = {"needs": needs, "reduction": reduction}
                    check(site, "mse_loss", [x, t + 1], [placed[0], placed[1] + 1], "", **options)


ADAM = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0, "decoupled": False}
SGD = {"momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False}
HEAVY = SGD | {"momentum": 0.9}
NADAM = ADAM | {"momentum_decay": 4e-3}
LION = {"beta1": 0.9, "beta2": 0.99, "weight_decay": 0.1}
ADAGRAD = {"lr_decay": 0.0, "weight_decay": 0.0, "eps": 1e-10}
ADADELTA = {"rho": 0.9, "eps": 1e-6, "weight_decay": 0.1}
RMSPROP = {"alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0, "momentum": 0.0}
STEPS = {
    "adam": ("adam", "pgms-lt", ADAM),
    "adam, decay": ("adam", "pgms-lt", ADAM | {"weight_decay": 0.1, "eps": 1e-3}),
    "adamw": ("adam", "pgms-lt", ADAM | {"weight_decay": 0.1, "decoupled": True}),
    "adam, no memory": ("adam", "pgms-lt", ADAM | {"beta1": 0.0, "beta2": 0.0}),
    "amsgrad": ("adam", "pgmsxlt", ADAM),
    "nadam": ("nadam", "pgmsult", NADAM),
    "nadam, decay": ("nadam", "pgmsult", NADAM | {"weight_decay": 0.1, "decoupled": True}),
    "lion": ("lion", "pgml", LION),
    "adagrad": ("adagrad", "pgslt", ADAGRAD),
    "adagrad, decay": ("adagrad", "pgslt", ADAGRAD | {"lr_decay": 0.1, "weight_decay": 0.1}),
    "adadelta": ("adadelta", "pgsxl", ADADELTA),
    "rmsprop": ("rmsprop", "pgs--l", RMSPROP),
    "rmsprop, all": ("rmsprop", "pgxmvl", RMSPROP | {"momentum": 0.9, "weight_decay": 0.1}),
    "scaled": ("scaled", "pgl", {}),
    "sgd": ("sgd", "pg-lt", SGD),
    "sgd, decay": ("sgd", "pg-lt", SGD | {"weight_decay": 0.1}),
    "momentum": ("sgd", "pgvlt", HEAVY),
    "momentum, off": ("sgd", "pgvlt", SGD),
    "dampening": ("sgd", "pgvlt", HEAVY | {"dampening": 0.3, "weight_decay": 0.1}),
    "nesterov": ("sgd", "pgvlt", HEAVY | {"nesterov": True}),
}
"""The update, what each of its arrays is (see `update_arrays`), and its options."""


@pytest.mark.parametrize("kind", STEPS)
@pytest.mark.parametrize("count", [1, 2, 1000])
def test_update(kind: str, count: int, sites: list[Site]) -> None:
    name, buffers, options = STEPS[kind]
    for site in sites:
        for dtype in site.dtypes():
            for shape in ((15,), (16,), (5, 7), (1003,), (40_001,)):
                arrays = update_arrays(shape, buffers, count, dtype)
                check_update(site, name, arrays, options)


def update_arrays(
    shape: tuple[int, ...], buffers: str, count: int, dtype: str
) -> list[np.ndarray | None]:
    """An array a letter: l, t and u are 0-d (rate, steps, product), - is None, x is large."""
    rng = np.random.default_rng(9)
    numbers = {"l": 0.125, "t": count, "u": 0.75}
    scales = {"x": 4.0}  # so that a variance is positive, and a largest square wins now and then
    made: list[np.ndarray | None] = []
    for letter in buffers:
        if letter in numbers:
            made.append(np.array(numbers[letter], dtype))
        elif letter == "-":
            made.append(None)
        else:
            drawn = rng.uniform(0.5, 2.0, shape).astype("float32").astype(dtype)
            made.append(drawn + np.asarray(scales.get(letter, 0.0), dtype))
    return made


def check_update(
    site: Site, name: str, arrays: list[np.ndarray | None], options: dict[str, Any]
) -> None:
    exact = [a if a is None else a.astype(np.float64) for a in arrays]
    UPDATES[name].composed(numpy_backend().xp, *exact, **options)
    placed = [a if a is None else site.backend.asarray(a) for a in arrays]
    result, launched = run(site, name, *placed, **options)
    assert result is None
    assert len(launched) == 1, f"{name} on {site}: {launched}"
    for position, (found, expected) in enumerate(zip(placed, exact, strict=True)):
        if found is not None:
            what = f"{name} on {site}, {found.dtype} {found.shape}, buffer {position}"
            tolerance = FORWARD[str(found.dtype)] if position in UPDATES[name].written else 0.0
            assert_close(site.backend.to_numpy(found), expected, tolerance, what)


def test_update_of_a_view_leaves_its_neighbours(sites: list[Site]) -> None:
    for site in sites:
        whole = site.backend.asarray(np.ones((5, 7), "float32"))
        grad = site.backend.asarray(np.ones((3, 7), "float32"))
        lr, step = (site.backend.asarray(np.array(v, "float32")) for v in (0.5, 1))
        result, launched = run(site, "sgd", whole[1:4], grad, None, lr, step, **SGD)
        assert result is None
        assert launched == ["optimize"], str(site)
        expected = np.ones((5, 7))
        expected[1:4] = 0.5
        np.testing.assert_array_equal(site.backend.to_numpy(whole), expected, str(site))


SIZES = [(37, 101), (37,), (5, 7), (1,), (4001,), (16,), (3, 2), (2, 40), (129,)]


@pytest.mark.parametrize("kind", STEPS)
def test_many_parameters_have_the_bits_of_one_after_the_other(kind: str, sites: list[Site]) -> None:
    name, buffers, options = STEPS[kind]
    for site in sites:
        hosts = [update_arrays(shape, buffers, 2, "float32") for shape in SIZES[:SLOTS]]
        put = site.backend.asarray
        numbers = {k: put(hosts[0][k]) for k, letter in enumerate(buffers) if letter in "lt"}
        alone, many = (
            [[numbers.get(k, a if a is None else put(a)) for k, a in enumerate(h)] for h in hosts]
            for _ in range(2)
        )
        for arrays in alone:
            run(site, name, *arrays, **options)
        before = dict(counters.launches)
        assert site.fused[name].many(site.backend.xp, *zip(*many, strict=True), **options) is None
        assert launched_since(before) == ["optimize"], f"{name} on {site}"
        for one, other in zip(alone, many, strict=True):
            for x, y in zip(one, other, strict=True):
                if x is not None:
                    host = site.backend.to_numpy
                    np.testing.assert_array_equal(host(x), host(y), f"{name} on {site}")


def test_a_step_of_an_optimizer_takes_a_launch_for_eight_parameters(backends: list[Any]) -> None:
    import nnkit
    from nnkit import optim

    for backend in backends:
        for sizes, launches in ((SIZES[:6], 1), (SIZES, 2)):
            params = [
                nnkit.tensor(draw(s, "float32"), backend=backend, requires_grad=True) for s in sizes
            ]
            for p in params:
                p.grad = nnkit.tensor(draw(p.shape, "float32"), backend=backend)
            optimizer = optim.Adam(params)
            optimizer.step()
            before = dict(counters.launches)
            versions = [p.version for p in params]
            optimizer.step()
            assert launched_since(before).count("optimize") == launches, str(backend.device)
            assert [p.version for p in params] == [v + 1 for v in versions]


def test_clipping_shrinks_eight_gradients_in_a_launch(backends: list[Any]) -> None:
    import nnkit
    from nnkit import nn

    for backend in backends:
        params = [
            nnkit.tensor(np.ones(s, "float32"), backend=backend, requires_grad=True) for s in SIZES
        ]
        for p in params:
            p.grad = nnkit.tensor(draw(p.shape, "float32"), backend=backend)
        before = dict(counters.launches)
        nn.utils.clip_grad_norm_(params, 0.5)
        assert launched_since(before).count("optimize") == 2, str(backend.device)
        total = sum(float((p.grad.numpy().astype(float) ** 2).sum()) for p in params)
        assert total**0.5 == pytest.approx(0.5, rel=1e-4), str(backend.device)


def test_parameters_that_differ_in_what_they_keep_are_stepped_alone(sites: list[Site]) -> None:
    for site in sites:
        one, other = (
            [None if a is None else site.backend.asarray(a) for a in arrays]
            for arrays in (
                update_arrays((5, 7), "pg-lt", 2, "float32"),
                update_arrays((5, 7), "pgvlt", 2, "float32"),
            )
        )
        columns = list(zip(one, other[:3] + one[3:], strict=True))
        xp = site.backend.xp
        assert site.fused["sgd"].many(xp, *columns, **HEAVY) is NotImplemented
        columns[2] = (other[2], other[2])
        columns[3] = (one[3], other[3])  # two learning rates
        assert site.fused["sgd"].many(xp, *columns, **HEAVY) is NotImplemented


def declined(site: Site) -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
    put = site.backend.asarray
    one, two = {"needs": (True,)}, {"needs": (True, False)}
    floats, whole = put(np.ones((4, 7), "float32")), put(np.ones((4, 7), "int32"))
    empty = put(np.ones((0, 7), "float32"))
    for name in ACTIVATIONS:
        yield name, [empty], one
    yield "relu", [whole], one
    yield "softmax", [floats], one | {"axis": 0}
    yield "log_softmax", [floats], one | {"axis": -2}
    yield "cross_entropy", [empty, put(np.ones(0, "int64"))], two
    numbers, classes = put(np.ones(4, "int64")), put(np.ones(7, "float32"))
    yield "cross_entropy", [floats, numbers, classes], {"needs": (True, False, False)}
    yield "cross_entropy", [floats, numbers], two | {"label_smoothing": 0.1}
    deep = put(np.ones((4, 3, 7), "float32"))
    yield "cross_entropy", [deep, put(np.ones((4, 7), "int64"))], two
    yield "mse_loss", [empty, empty], two
    yield "mse_loss", [whole, whole], two
    lr = put(np.array(0.5, "float32"))
    gaps = put(np.ones((4, 14), "float32"))[:, ::2]
    yield "sgd", [gaps, floats, None, lr, lr], SGD
    yield "sgd", [floats, floats, gaps, lr, lr], HEAVY
    yield "sgd", [empty, empty, None, lr, lr], SGD
    yield "adam", [floats, floats, floats, gaps, None, lr, lr], ADAM
    yield "adam", [floats, whole, floats, floats, None, lr, lr], ADAM
    yield "adam", [floats, floats, floats, floats, gaps, lr, lr], ADAM
    yield "nadam", [floats, floats, floats, floats, floats, lr, lr], NADAM


def test_what_is_not_served_is_declined_untouched(sites: list[Site]) -> None:
    for site in sites:
        for name, arrays, options in declined(site):
            written = [site.backend.to_numpy(a) for a in arrays if a is not None]
            result, _ = run(site, name, *arrays, **options)
            assert result is NotImplemented, f"{name} on {site}"
            after = [site.backend.to_numpy(a) for a in arrays if a is not None]
            for x, y in zip(written, after, strict=True):
                np.testing.assert_array_equal(x, y, f"{name} on {site}")


WRONG = [
    ("cross_entropy", [np.ones((4, 7)), np.ones(4, "int64")], {"reduction": "maen"}),
    ("cross_entropy", [np.ones((4, 7)), np.ones(7, "int64")], {}),
    ("cross_entropy", [np.ones((4, 7)), np.ones((4, 7), "float32")], {}),
    ("mse_loss", [np.ones((4, 7)), np.ones((7, 4))], {}),
    ("mse_loss", [np.ones((4, 7)), np.ones((4, 7))], {"reduction": "max"}),
    ("softmax", [np.ones((4, 7))], {"axis": 2}),
    ("log_softmax", [np.ones(())], {}),
]


@pytest.mark.parametrize(("name", "arrays", "options"), WRONG)
def test_errors_are_those_of_the_composed_op(
    name: str, arrays: list[np.ndarray], options: dict[str, Any], sites: list[Site]
) -> None:
    options = {"needs": (True, False)[: len(arrays)], **options}
    with pytest.raises((ValueError, TypeError)) as composed:
        OPS[name].composed(numpy_backend().xp, *arrays, **options)
    for site in sites:
        placed = [site.backend.asarray(a) for a in arrays]
        with pytest.raises(composed.type) as fused:
            run(site, name, *placed, **options)
        assert str(fused.value) == str(composed.value)


def test_the_same_input_gives_the_same_bits(sites: list[Site]) -> None:
    for site in sites:
        x = site.backend.asarray(draw((37, 1001), "float32"))
        t = site.backend.asarray(np.arange(37))
        for name, arrays, needs in (
            ("softmax", [x], (True,)),
            ("cross_entropy", [x, t], (True, False)),
        ):
            runs = []
            for _ in range(3):
                (y, vjp), _ = run(site, name, *arrays, needs=needs)
                runs.append([site.backend.to_numpy(a) for a in (y, vjp(y)[0])])
            for again in runs[1:]:
                for first, later in zip(runs[0], again, strict=True):
                    np.testing.assert_array_equal(first, later, f"{name} on {site}")


def test_overrides_take_what_the_composed_definitions_take(sites: list[Site]) -> None:
    functions = OPS | UPDATES
    for name, fused in sites[0].fused.items():
        parameters = list(inspect.signature(fused).parameters)
        assert parameters == list(inspect.signature(functions[name].composed).parameters), name


def test_an_override_of_nothing_is_refused() -> None:
    with pytest.raises(LookupError, match="'softmaxx' overrides no op"):
        with_defaults("softmaxx", lambda xp, x, *, needs: NotImplemented)


def test_the_backend_uses_them(backends: list[Any]) -> None:
    import nnkit

    for backend in backends:
        x = nnkit.tensor(draw((4, 7), "float32"), backend=backend, requires_grad=True)
        counters.reset()
        nnkit.ops.mse_loss(nnkit.ops.softmax(x), nnkit.ops.tanh(x)).backward()
        for name in ("mse_loss", "softmax", "tanh"):
            assert counters.served["opencl", name, "fused"] == 1, f"{name} on {backend.device}"
            assert counters.served["opencl", name, "composed"] == 0
