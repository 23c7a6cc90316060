"""The table of schedules: the learning rates of 60 steps, beside PyTorch's or a formula.

A row makes a schedule over an optimizer with two groups of parameters, from a module `s` that holds
the schedules: ours, or `torch.optim.lr_scheduler`, where `peer` is set. `tests/test_schedules.py`
runs it. A schedule without a row fails the suite.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

STEPS = 60
RATES = (0.1, 0.75)
"""The learning rates of the two groups."""


@dataclass(frozen=True)
class ScheduleCase:
    """One row."""

    name: str
    make: Callable[[Any, Any], Any]
    """Takes the module of schedules and the optimizer; may give several schedules of one."""
    oracle: Callable[[int, float], float] | None = None
    """The learning rate of a step by the step and the base; None where PyTorch has the schedule."""
    measures: Callable[[int], float] | None = None
    """What `step` is called with."""
    optimizer: str = "SGD"

    def __str__(self) -> str:
        return self.name


SCHEDULE_CASES: list[ScheduleCase] = []


def row(name: str, make: Callable[[Any, Any], Any], **about: Any) -> None:
    SCHEDULE_CASES.append(ScheduleCase(name, make, **about))


row("ConstantLR", lambda s, o: s.ConstantLR(o))
row("ConstantLR 0.5 for 8", lambda s, o: s.ConstantLR(o, factor=0.5, total_iters=8))
row("LinearLR", lambda s, o: s.LinearLR(o))
row("LinearLR down", lambda s, o: s.LinearLR(o, 1.0, 0.25, total_iters=20))
row("LambdaLR", lambda s, o: s.LambdaLR(o, lambda step: 0.9**step))
row("LambdaLR of each", lambda s, o: s.LambdaLR(o, [lambda t: 1 / (t + 1), lambda t: 1 - t / 99]))
row("StepLR", lambda s, o: s.StepLR(o, step_size=7))
row("StepLR grows", lambda s, o: s.StepLR(o, step_size=13, gamma=1.5))
row("MultiStepLR", lambda s, o: s.MultiStepLR(o, [30, 5, 31], gamma=0.5))
row("MultiStepLR twice at once", lambda s, o: s.MultiStepLR(o, [5, 5, 20]))
row("ExponentialLR", lambda s, o: s.ExponentialLR(o, gamma=0.93))
row("PolynomialLR", lambda s, o: s.PolynomialLR(o))
row("PolynomialLR squared", lambda s, o: s.PolynomialLR(o, total_iters=40, power=2.0))
row("CosineAnnealingLR", lambda s, o: s.CosineAnnealingLR(o, T_max=60))
row("CosineAnnealingLR and up", lambda s, o: s.CosineAnnealingLR(o, T_max=17, eta_min=0.01))
row("CosineAnnealingWarmRestarts", lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=9))
row(
    "CosineAnnealingWarmRestarts longer",
    lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=5, T_mult=2, eta_min=0.01),
)
row("OneCycleLR", lambda s, o: s.OneCycleLR(o, 0.5, total_steps=60))
row(
    "OneCycleLR three phases",
    lambda s, o: s.OneCycleLR(o, [0.5, 2.0], epochs=6, steps_per_epoch=10, three_phase=True),
    optimizer="Adam",
)
row(
    "OneCycleLR linear",
    lambda s, o: s.OneCycleLR(
        o, 1.0, 75, pct_start=0.1, anneal_strategy="linear", cycle_momentum=False, div_factor=10.0
    ),
)


def bumpy(step: int) -> float:
    """A loss that falls, stands still, and rises a little."""
    return round(max(2.0 - 0.2 * step, 0.5) + (0.1 if step % 4 == 0 else 0.0), 3)


row("ReduceLROnPlateau", lambda s, o: s.ReduceLROnPlateau(o), measures=bumpy)
row(
    "ReduceLROnPlateau soon",
    lambda s, o: s.ReduceLROnPlateau(o, factor=0.5, patience=2, cooldown=3, min_lr=[0.02, 0.3]),
    measures=bumpy,
)
row(
    "ReduceLROnPlateau max",
    lambda s, o: s.ReduceLROnPlateau(
        o, "max", 0.7, patience=1, threshold=0.05, threshold_mode="abs", eps=1e-2
    ),
    measures=lambda step: math.sqrt(step) / 10,
)
row(
    "ReduceLROnPlateau max rel",
    lambda s, o: s.ReduceLROnPlateau(o, "max", 0.7, patience=1, threshold=0.1),
    measures=lambda step: math.sqrt(step),
)
row(
    "SequentialLR warm-up and cosine",
    lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.01, total_iters=10), s.CosineAnnealingLR(o, 40, 1e-3)], [10]
    ),
)
row(
    "SequentialLR of three",
    lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 4), s.ExponentialLR(o, 0.9), s.StepLR(o, 5, 0.5)], [4, 20]
    ),
)
row(
    "ChainedScheduler",
    lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.5, 4), s.ExponentialLR(o, 0.9)]),
)
row(
    "ChainedScheduler of three",
    lambda s, o: s.ChainedScheduler(
        [s.LinearLR(o, 0.1, total_iters=7), s.StepLR(o, 9, 0.5), s.CosineAnnealingLR(o, 70)], o
    ),
)
row("two schedules", lambda s, o: [s.ExponentialLR(o, 0.97), s.MultiStepLR(o, [30, 40], 0.3)])
row(
    "InverseTimeLR",
    lambda s, o: s.InverseTimeLR(o, gamma=0.5),
    oracle=lambda t, base: base / (1 + 0.5 * t),
)
row(
    "InverseTimeLR slow",
    lambda s, o: s.InverseTimeLR(o, gamma=2.0, step_size=10),
    oracle=lambda t, base: base / (1 + 2.0 * t / 10),
)
