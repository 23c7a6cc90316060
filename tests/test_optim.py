"""Optimizers: equal to PyTorch's in float64, on the device, with helpful errors."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import counters, nn, optim
from nnkit.backend import Backend


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    return pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")


def float64(backend: Backend) -> None:
    if not backend.supports("float64"):
        pytest.skip(f"{backend.device} has no float64")


OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.02}),
    ("SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-5, "weight_decay": 0.03}),
    ("Adam", {"lr": 0.05, "betas": (0.0, 0.9)}),
]
IDS = [f"{name}-{'-'.join(options) or 'defaults'}" for name, options in OPTIONS]


def paths(torch: ModuleType, name: str, options: dict[str, Any], skips: set[int]) -> Any:
    """Ten steps by both libraries; in the steps `skips`, the second parameter has no gradient."""
    rng = np.random.default_rng(0)
    values = [rng.normal(size=(4, 7)), rng.normal(size=(3,))]
    ours = [nnkit.tensor(v, requires_grad=True) for v in values]
    theirs = [torch.tensor(v, requires_grad=True) for v in values]
    optimizers = [
        getattr(optim, name)(ours, **options),
        getattr(torch.optim, name)(theirs, **options),
    ]
    for step in range(10):
        weights = [rng.normal(size=v.shape) for v in values]
        for optimizer, params, make in zip(
            optimizers, (ours, theirs), (nnkit.tensor, torch.tensor), strict=True
        ):
            optimizer.zero_grad()
            used = params[: 1 if step in skips else 2]
            terms = [(p * p * make(w)).sum() for p, w in zip(used, weights, strict=False)]
            (terms[0] + terms[1] if len(terms) == 2 else terms[0]).backward()
            if step == 6:
                optimizer.param_groups[0]["lr"] *= 0.5
            optimizer.step()
    return ours, theirs


@pytest.mark.parametrize("skips", [set(), {0, 1, 2}, {3, 4, 8}], ids=["all", "late", "gaps"])
@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=IDS)
def test_ten_steps_equal_pytorchs(
    torch: ModuleType, backend: Backend, name: str, options: dict[str, Any], skips: set[int]
) -> None:
    float64(backend)
    for mine, other in zip(*paths(torch, name, options, skips), strict=True):
        np.testing.assert_allclose(mine.numpy(), other.detach().numpy(), rtol=0, atol=1e-10)


def test_momentum_may_start_late_and_options_may_change(torch: ModuleType) -> None:
    ours, theirs = nnkit.tensor(np.ones(3), requires_grad=True), torch.ones(3, dtype=torch.float64)
    theirs.requires_grad_(True)
    optimizers = [optim.SGD([ours], lr=0.1), torch.optim.SGD([theirs], lr=0.1)]
    for step in range(4):
        for optimizer, p in zip(optimizers, (ours, theirs), strict=True):
            optimizer.param_groups[0]["momentum"] = 0.9 if step >= 2 else 0.0
            optimizer.zero_grad()
            (p * p).sum().backward()
            optimizer.step()
    np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=0, atol=1e-14)


def test_a_step_reads_nothing_back_and_counts_once(backend: Backend) -> None:
    model = nn.Sequential(nn.Linear(4, 7), nn.Tanh(), nn.Linear(7, 3))
    optimizer = optim.Adam(model.parameters())
    x = nnkit.tensor(np.ones((5, 4), dtype=np.float32))
    counters.reset()
    for step in range(3):
        optimizer.zero_grad()
        model(x).sum().backward()
        optimizer.param_groups[0]["lr"] = 0.1 / (step + 1)
        optimizer.step()
    assert counters.to_host[backend.name].times == 0
    counts = {how: n for (_, op, how), n in counters.served.items() if op == "advance"}
    assert sum(counts[how] for how in counts if how in ("fused", "composed")) == 3
    steps = {id(state["step"]): state["step"].item() for state in optimizer.state.values()}
    assert list(steps.values()) == [3.0]


def test_gradients_may_be_set_to_zero() -> None:
    """With momentum, a parameter whose gradient is 0 goes on; one without a gradient stays."""
    params = [nnkit.tensor([1.0], requires_grad=True) for _ in range(2)]
    optimizer = optim.SGD(params, lr=0.5, momentum=0.5)
    params[0].sum().backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)
    assert (params[0].grad.item(), params[1].grad) == (0.0, None)
    optimizer.step()
    assert [p.item() for p in params] == [0.25, 1.0]


def test_groups_have_options_of_their_own() -> None:
    slow, fast = (nnkit.tensor([1.0], requires_grad=True) for _ in range(2))
    optimizer = optim.SGD([{"params": [slow], "lr": 0.1}, {"params": fast}], lr=0.2)
    (slow + fast).sum().backward()
    optimizer.step()
    assert slow.item() == pytest.approx(0.9)
    assert fast.item() == pytest.approx(0.8)
    assert repr(optimizer).startswith("SGD(lr=0.1, momentum=0.0")


@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=IDS)
def test_saved_and_loaded_it_goes_on_the_same(name: str, options: dict[str, Any]) -> None:
    def work(optimizer: optim.Optimizer, params: list[nnkit.Tensor], steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            ((params[0] * params[0]).sum() + (params[1] ** 3).sum()).backward()
            optimizer.step()

    params = [nnkit.tensor(np.linspace(1, 2, n), requires_grad=True) for n in (3, 4)]
    optimizer = getattr(optim, name)(params, **options)
    work(optimizer, params, 3)
    again = [nnkit.tensor(p.numpy().copy(), requires_grad=True) for p in params]
    fresh = getattr(optim, name)(again)
    fresh.load_state_dict(optimizer.state_dict())
    work(optimizer, params, 3)
    work(fresh, again, 3)
    for one, two in zip(params, again, strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())
    assert len({id(state["step"]) for state in fresh.state.values()}) == 1


def test_a_state_that_does_not_fit_is_refused() -> None:
    def made(*shapes: int) -> optim.Optimizer:
        params = [nnkit.tensor(np.ones(n), requires_grad=True) for n in shapes]
        optimizer = optim.Adam(params)
        sum((p.sum() for p in params[1:]), params[0].sum()).backward()
        optimizer.step()
        return optimizer

    with pytest.raises(ValueError, match=r"groups of \[2\] parameters, got \[1\]"):
        made(3, 4).load_state_dict(made(3).state_dict())
    with pytest.raises(ValueError, match=r"'exp_avg' of parameter 0 must have the shape \(4,\)"):
        made(4, 3).load_state_dict(made(3, 3).state_dict())


def test_the_state_follows_a_model_that_is_moved_or_made_double(backend: Backend) -> None:
    with nnkit.use("numpy"):
        model = nn.Linear(4, 3)
        x = np.ones((2, 4), dtype=np.float32)
        optimizer = optim.Adam(model.parameters())
        model(nnkit.tensor(x)).sum().backward()
        optimizer.step()
    model.to(backend)
    optimizer.step()
    assert {s["exp_avg"].backend for s in optimizer.state.values()} == {backend}
    assert [s["step"].item() for s in optimizer.state.values()] == [2.0, 2.0]
    if backend.supports("float64"):
        model.double()
        model(nnkit.tensor(x.astype(np.float64))).sum().backward()
        optimizer.step()
        assert model.weight.numpy().dtype == np.float64
        assert [s["exp_avg"].numpy().dtype for s in optimizer.state.values()] == [np.float64] * 2
        assert [s["step"].item() for s in optimizer.state.values()] == [3.0, 3.0]


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda p: optim.SGD([]), ValueError, r"got no parameters\. Fix: model\.parameters\(\)"),
        (lambda p: optim.SGD(p), TypeError, r"params must be a list of tensors\. Fix: \[tensor\]"),
        (lambda p: optim.SGD([p, p]), ValueError, r"parameter 1 of shape \(1,\) came twice"),
        (lambda p: optim.SGD([1.0]), TypeError, "parameter 0 is a float, no tensor"),
        (lambda p: optim.SGD([p * 2]), ValueError, "parameter 0 is an op's result, not a leaf"),
        (lambda p: optim.SGD([p], lr=-1), ValueError, "SGD: lr must be at least 0, got -1"),
        (lambda p: optim.SGD([p], lr="a"), TypeError, "SGD: lr must be a number, got 'a'"),
        (lambda p: optim.SGD([p], momentum=-1), ValueError, "momentum must be at least 0, got -1"),
        (lambda p: optim.SGD([p], nesterov=True), ValueError, "nesterov needs a momentum above 0"),
        (
            lambda p: optim.Adam([p], betas=(0.9, 1.0)),
            ValueError,
            r"betas\[1\] must be in \[0, 1\)",
        ),
        (
            lambda p: optim.Adam([p], eps=float("nan")),
            ValueError,
            "eps must be at least 0, got nan",
        ),
        (
            lambda p: optim.Adam([{"params": p, "rate": 1}]),
            ValueError,
            "a group holds 'params' and",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make(nnkit.tensor([1.0], requires_grad=True))


def test_a_learning_rate_that_makes_no_sense_is_refused_at_the_step() -> None:
    p = nnkit.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([p])
    optimizer.param_groups[0]["lr"] = -0.5
    p.sum().backward()
    with pytest.raises(ValueError, match=r"SGD: lr must be at least 0, got -0\.5"):
        optimizer.step()


def test_the_published_two_layer_network(backend: Backend) -> None:
    """Seed 1, 3 -> 1, 10,000 iterations of step 1: the outputs of the last one, digit by digit."""
    float64(backend)
    if backend.name == "strict":
        pytest.skip("10,000 iterations are slow on the checking namespace, and show nothing more")
    x = nnkit.tensor(np.array([[0.0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]]))
    y = nnkit.tensor(np.array([[0.0], [0], [1], [1]]))
    weights = 2 * np.random.RandomState(1).random_sample((3, 1)) - 1
    model = nn.Sequential(
        nn.Linear(3, 1, bias=False, dtype="float64", weight_init=weights.T), nn.Sigmoid()
    )
    squares, optimizer = nn.MSELoss(reduction="sum"), optim.SGD(model.parameters(), lr=1.0)
    for _ in range(10_000):
        optimizer.zero_grad()
        output = model(x)
        (0.5 * squares(output, y)).backward()
        optimizer.step()
    published = [0.00966449, 0.00786506, 0.99358898, 0.99211957]
    np.testing.assert_allclose(output.numpy()[:, 0], published, rtol=0, atol=5e-9)
