"""Every row of the table of schedules, beside PyTorch's; saved, composed and refused."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import counters, optim
from nnkit.backend import Backend
from nnkit.optim import lr_scheduler
from nnkit.train import resolve
from tests.cases.schedules import RATES, SCHEDULE_CASES, STEPS, ScheduleCase

every_case = pytest.mark.parametrize("case", SCHEDULE_CASES, ids=str)


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    return pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")


def schedules() -> set[str]:
    public = {name: vars(lr_scheduler)[name] for name in lr_scheduler.__all__}
    return {name for name, thing in public.items() if not inspect.isabstract(thing)}


def test_every_schedule_has_a_row() -> None:
    assert schedules() == {str(case).partition(" ")[0] for case in SCHEDULE_CASES} - {"two"}


def test_every_row_is_said_once() -> None:
    names = [str(case) for case in SCHEDULE_CASES]
    assert sorted(names) == sorted(set(names))


def made(case: ScheduleCase, rates: tuple[float, ...] = RATES) -> tuple[Any, list[Any]]:
    params = [nnkit.tensor([1.0], requires_grad=True) for _ in rates]
    groups = [{"params": [p], "lr": lr} for p, lr in zip(params, rates, strict=True)]
    optimizer = getattr(optim, case.optimizer)(groups)
    schedule = case.make(lr_scheduler, optimizer)
    return optimizer, schedule if isinstance(schedule, list) else [schedule]


def walk(case: ScheduleCase, optimizer: Any, schedules: list[Any], first: int, last: int) -> Any:
    """What the groups hold at the steps `first` … `last`: learning rates, and momentum."""
    seen = []
    for step in range(first, last):
        options = [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
        seen.append([(o["lr"], o.get("momentum", 0), o.get("betas", (0,))[0]) for o in options])
        assert schedules[-1].get_last_lr() == [o["lr"] for o in options]
        optimizer.step()
        for schedule in schedules:
            schedule.step(*([case.measures(step)] if case.measures else []))
    return np.array(seen)


@pytest.mark.parametrize("case", [c for c in SCHEDULE_CASES if not c.oracle], ids=str)
def test_the_rates_equal_pytorchs(case: ScheduleCase, torch: ModuleType) -> None:
    params = [torch.ones(1, requires_grad=True) for _ in RATES]
    groups = [{"params": [p], "lr": lr} for p, lr in zip(params, RATES, strict=True)]
    theirs = getattr(torch.optim, case.optimizer)(groups)
    peer = case.make(torch.optim.lr_scheduler, theirs)
    found = walk(case, *made(case), 0, STEPS)
    expected = walk(case, theirs, peer if isinstance(peer, list) else [peer], 0, STEPS)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)
    assert "Constant" in str(case) or len(np.unique(found[:, 0, 0])) > 2, "the rate stands still"


@pytest.mark.parametrize("case", [c for c in SCHEDULE_CASES if c.oracle], ids=str)
def test_the_rates_follow_the_formula(case: ScheduleCase) -> None:
    found = walk(case, *made(case), 0, STEPS)[..., 0]
    assert case.oracle is not None
    expected = [[case.oracle(step, base) for base in RATES] for step in range(STEPS)]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@every_case
def test_saved_and_loaded_it_goes_on_the_same(case: ScheduleCase) -> None:
    optimizer, first = made(case)
    walk(case, optimizer, first, 0, 23)
    other, second = made(case)
    other.load_state_dict(optimizer.state_dict())
    for one, two in zip(first, second, strict=True):
        two.load_state_dict(one.state_dict())
    rest = walk(case, optimizer, first, 23, STEPS), walk(case, other, second, 23, STEPS)
    np.testing.assert_array_equal(*rest)


@pytest.mark.parametrize("case", [c for c in SCHEDULE_CASES if not c.measures], ids=str)
def test_a_rate_depends_on_the_number_of_the_step_alone(case: ScheduleCase) -> None:
    _, (*_, last) = made(case)
    steps = [[last.at(t, base, i) for i, base in enumerate(RATES)] for t in (40, 3, 40)]
    assert steps[0] == steps[2]


def sgd(lr: float = 0.5) -> optim.SGD:
    return optim.SGD([nnkit.tensor([1.0], requires_grad=True)], lr=lr)


def test_the_rate_goes_to_the_device_only_when_it_changes(backend: Backend) -> None:
    optimizer = sgd()
    schedule = lr_scheduler.StepLR(optimizer, step_size=3)
    (p,) = optimizer.params()
    p.grad = nnkit.tensor([1.0])
    counted = []
    for _ in range(8):
        before = counters.to_device[backend.name].times
        optimizer.step()
        schedule.step()
        counted.append(counters.to_device[backend.name].times - before)
    assert counted[1:] == [0, 0, 1, 0, 0, 1, 0]


def test_the_step_uses_the_rate() -> None:
    optimizer = sgd(1.0)
    schedule = lr_scheduler.ExponentialLR(optimizer, 0.5)
    (p,) = optimizer.params()
    p.grad = nnkit.tensor([1.0])
    for _ in range(3):
        optimizer.step()
        schedule.step()
    assert p.item() == 1.0 - (1.0 + 0.5 + 0.25)


def test_last_epoch_goes_on() -> None:
    optimizer = sgd()
    with pytest.raises(KeyError, match="group 0 has no 'initial_lr'"):
        lr_scheduler.StepLR(optimizer, 2, last_epoch=4)
    lr_scheduler.StepLR(optimizer, 2)
    again = sgd()
    again.load_state_dict(optimizer.state_dict())
    schedule = lr_scheduler.StepLR(again, 2, last_epoch=4)
    assert (schedule.last_epoch, schedule.get_last_lr()) == (5, [0.5 * 0.1**2])


def test_a_rate_set_by_hand_holds_until_the_schedule_changes_it() -> None:
    optimizer = sgd()
    schedule = lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
    optimizer.param_groups[0]["lr"] = 0.125
    schedule.step()
    assert optimizer.param_groups[0]["lr"] == 0.125
    schedule.step()
    assert optimizer.param_groups[0]["lr"] == 0.25


@pytest.mark.parametrize("factor", [1, 3])
def test_restarts_may_be_asked_for_fractions_of_an_epoch(factor: int, torch: ModuleType) -> None:
    theirs = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.5)
    schedules = [
        lr_scheduler.CosineAnnealingWarmRestarts(sgd(), T_0=2, T_mult=factor, eta_min=0.01),
        torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(theirs, 2, factor, 0.01),
    ]
    theirs.step()
    for epoch in np.arange(0.0, 9.0, 0.25):
        for schedule in schedules:
            schedule.step(float(epoch))
        rates = [schedule.get_last_lr()[0] for schedule in schedules]
        assert rates[0] == pytest.approx(rates[1], rel=1e-12)


def test_the_plateau_reads_a_tensor() -> None:
    schedule = lr_scheduler.ReduceLROnPlateau(sgd(), factor=0.5, patience=0)
    for loss in (1.0, 2.0):
        schedule.step(nnkit.tensor(loss))
    assert schedule.get_last_lr() == [0.25]


def test_a_plateau_among_others_gets_the_measure() -> None:
    optimizer = sgd()
    plateau = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
    schedule = lr_scheduler.SequentialLR(
        optimizer, [lr_scheduler.LinearLR(optimizer, 0.5, total_iters=2), plateau], [2]
    )
    rates = []
    for _ in range(4):
        rates += schedule.get_last_lr()
        schedule.step(1.0)
    assert rates == [0.25, 0.375, 0.5, 0.25]


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda s, o: s.StepLR(3, 2), TypeError, "StepLR: optimizer must be an Optimizer, got int"),
        (lambda s, o: s.StepLR(o, 0), ValueError, "step_size must be a whole number from 1, got 0"),
        (lambda s, o: s.ExponentialLR(o, -1), ValueError, "gamma must be at least 0, got -1"),
        (lambda s, o: s.LinearLR(o, 0.0), ValueError, r"start_factor must be in \(0, 1\], got 0"),
        (lambda s, o: s.ConstantLR(o, 2.0), ValueError, r"factor must be in \[0, 1\], got 2\.0"),
        (lambda s, o: s.LambdaLR(o, [abs, abs]), ValueError, "one function or 1, got 2"),
        (lambda s, o: s.OneCycleLR(o, 1.0), ValueError, "give total_steps, or both epochs and"),
        (lambda s, o: s.OneCycleLR(o, 1.0, 9, anneal_strategy="cis"), ValueError, "mean 'cos'"),
        (lambda s, o: s.OneCycleLR(o, 1.0, 9, pct_start=2.0), ValueError, "pct_start must be in"),
        (lambda s, o: s.OneCycleLR(o, [1.0, 2.0], 9), ValueError, "a number or 1, got 2"),
        (lambda s, o: s.OneCycleLR(optim.Adagrad(o.params()), 1.0, 9), ValueError, "no momentum"),
        (lambda s, o: s.OneCycleLR(o, 1.0, 9).at(10, 1.0, 0), ValueError, "past total_steps=9"),
        (lambda s, o: s.ReduceLROnPlateau(o, "mni"), ValueError, "unknown mode 'mni'. Did you m"),
        (lambda s, o: s.ReduceLROnPlateau(o, factor=1.0), ValueError, r"factor must be in \[0, 1"),
        (lambda s, o: s.ReduceLROnPlateau(o, min_lr=[0, 0]), ValueError, "a number or 1, got 2"),
        (lambda s, o: s.ReduceLROnPlateau(o).step(), ValueError, r"Fix: step\(val_loss\)"),
        (lambda s, o: s.ChainedScheduler([]), ValueError, "got no schedulers"),
        (
            lambda s, o: s.SequentialLR(o, [s.StepLR(o, 2)], [3]),
            ValueError,
            r"1 schedulers need 0 milestones that grow, got \[3\]",
        ),
        (
            lambda s, o: s.ChainedScheduler([s.StepLR(sgd(), 2)], o),
            ValueError,
            "scheduler 0 belongs to another optimizer",
        ),
        (
            lambda s, o: resolve.schedule("one_cycel", o, total_steps=3),
            ValueError,
            "unknown schedule 'one_cycel'. Did you mean 'one_cycle'",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make(lr_scheduler, sgd())


def test_a_schedule_by_name() -> None:
    optimizer = sgd()
    assert len(resolve.schedules()) == len(schedules())
    schedule = resolve.schedule("step", optimizer, step_size=1)
    assert isinstance(schedule, lr_scheduler.StepLR)
    assert resolve.schedule(schedule, optimizer) is schedule
    assert repr(schedule) == "StepLR(step=0, lr=[0.5])"
    with pytest.raises(ValueError, match="the schedule belongs to another optimizer"):
        resolve.schedule(schedule, sgd())
