"""The table of optimizers: each with several sets of options, beside PyTorch's or an oracle.

A row makes an optimizer over given parameters, and says what to compare it with: PyTorch's
optimizer over the same parameters, or an oracle in float64 NumPy. `tests/test_optimizers.py` runs
ten steps of it on every backend in every float dtype. An optimizer without a row fails the suite.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nnkit import optim
from nnkit.tensor import Tensor
from tests.cases.optimizers.table import Host, OptimizerCase, Oracle

OPTIMIZER_CASES: list[OptimizerCase] = []


def row(make: Callable[[list[Tensor]], Any], **about: Any) -> None:
    """Add a row: `row(lambda p: optim.Lion(p), oracle=lion)`."""
    OPTIMIZER_CASES.append(OptimizerCase(make, **about))


def like_torch(name: str, **options: Any) -> None:
    """A row whose peer has the same name and options."""
    row(
        lambda params: getattr(optim, name)(params, **options),
        peer=lambda torch, params: getattr(torch.optim, name)(params, **options),
    )


like_torch("SGD", lr=0.1)
like_torch("SGD", lr=0.1, momentum=0.9, maximize=True)
like_torch("SGD", lr=0.05, momentum=0.9, dampening=0.3, weight_decay=0.02)
like_torch("SGD", lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.01)
like_torch("Adam")
like_torch("Adam", lr=0.05, betas=(0.8, 0.95), eps=1e-5, weight_decay=0.03)
like_torch("Adam", lr=0.05, betas=(0.0, 0.9), maximize=True)
like_torch("Adam", lr=0.5, amsgrad=True, decoupled_weight_decay=True, weight_decay=0.1)
like_torch("AdamW")
like_torch("AdamW", lr=0.05, betas=(0.8, 0.95), weight_decay=0.3)
like_torch("AdamW", lr=0.5, amsgrad=True, maximize=True)
like_torch("NAdam")
like_torch("NAdam", lr=0.05, betas=(0.8, 0.95), weight_decay=0.03, momentum_decay=0.2)
like_torch("NAdam", lr=0.05, weight_decay=0.2, decoupled_weight_decay=True, maximize=True)
like_torch("Adagrad")
like_torch("Adagrad", lr=0.5, lr_decay=0.1, weight_decay=0.02, initial_accumulator_value=0.5)
like_torch("Adagrad", lr=0.5, eps=1e-3, maximize=True)
like_torch("Adadelta")
like_torch("Adadelta", lr=0.5, rho=0.6, eps=1e-2, weight_decay=0.1, maximize=True)
like_torch("RMSprop")
like_torch("RMSprop", lr=0.05, alpha=0.8, eps=1e-5, weight_decay=0.03, momentum=0.7)
like_torch("RMSprop", lr=0.05, alpha=0.5, centered=True, eps=1e-3)
like_torch("RMSprop", lr=0.05, momentum=0.9, centered=True, eps=1e-3, maximize=True)


def lion(
    lr: float, betas: tuple[float, float], weight_decay: float, sign: float = 1.0
) -> Callable[[Oracle], None]:
    def step(o: Oracle) -> None:
        for _, p, g, m in o.learning():
            direction = np.sign(betas[0] * m + (1 - betas[0]) * sign * g)
            p[...] = p * (1 - lr * weight_decay) - lr * direction
            m[...] = betas[1] * m + (1 - betas[1]) * sign * g

    return step


row(lambda p: optim.Lion(p), oracle=lion(1e-4, (0.9, 0.99), 0.0))
row(
    lambda p: optim.Lion(p, lr=0.05, betas=(0.5, 0.8), weight_decay=0.1, maximize=True),
    oracle=lion(0.05, (0.5, 0.8), 0.1, sign=-1.0),
)


def annealing(temperature: float, cooling: float, scale: float) -> Callable[[Oracle], None]:
    def step(o: Oracle) -> None:
        rng = o.notes.setdefault("rng", np.random.Generator(np.random.Philox(key=0)))
        held = o.notes.setdefault("loss", o.problem.loss(o.step, o.params, np.asarray))
        before = [p.copy() for p in o.params]
        for _, p, _, _ in o.learning():
            p += scale * rng.standard_normal(p.shape)
        found = o.problem.loss(o.step, o.params, np.asarray)
        if found - held <= -temperature * cooling**o.step * np.log(1 - rng.random()):
            o.notes["loss"] = found
        else:
            for p, old in zip(o.params, before, strict=True):
                p[...] = old

    return step


row(
    lambda p: optim.SimulatedAnnealing(p, temperature=50.0, cooling=0.9, scale=0.5),
    oracle=annealing(50.0, 0.9, 0.5),
)
row(
    lambda p: optim.SimulatedAnnealing(p, temperature=0.0, scale=0.25),
    oracle=annealing(0.0, 1.0, 0.25),
)


def scipy(method: str, max_iter: int) -> Callable[[Oracle], None]:
    """SciPy's own minimiser over the same vector."""

    def step(o: Oracle) -> None:
        minimize = pytest.importorskip("scipy.optimize").minimize
        learning = [i for i, *_ in o.learning()]
        ends = np.cumsum([o.params[i].size for i in learning])[:-1]

        def write(x: Host) -> None:
            for i, part in zip(learning, np.split(x, ends), strict=True):
                o.params[i][...] = part.reshape(o.params[i].shape)

        def flat(arrays: list[Host]) -> Host:
            return np.concatenate([arrays[i].ravel() for i in learning])

        def loss(x: Host) -> tuple[float, Host]:
            write(x)
            gradients = o.problem.gradients(o.step, o.params)
            return float(o.problem.loss(o.step, o.params, np.asarray)), flat(gradients)

        options = {"maxiter": max_iter}
        write(minimize(loss, flat(o.params), jac=True, method=method, options=options).x)

    return step


LINE_SEARCH = {
    "tolerance": 60.0,
    "reason": "measured 38: the length of a step comes from differences of losses",
}
for method in ("BFGS", "L-BFGS-B", "CG"):
    row(
        lambda p, method=method: optim.SciPyOptimizer(p, method, max_iter=1),
        oracle=scipy(method, 1),
        stateless=True,
        **(LINE_SEARCH if method == "CG" else {}),
    )
row(
    lambda p: optim.AWSGD(p, optim.AdaptiveSampler(9), lr=0.05, momentum=0.8, nesterov=True),
    peer=lambda torch, p: torch.optim.SGD(p, lr=0.05, momentum=0.8, nesterov=True),
)
