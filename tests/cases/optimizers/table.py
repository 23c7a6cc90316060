"""What a row of the table of optimizers holds, and the small problem that its steps are made on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

import nnkit
from nnkit.backend import Backend
from nnkit.tensor import Tensor

Host = np.ndarray
STEPS = 10
SHAPES: tuple[tuple[int, ...], ...] = ((4, 7), (3,), (), (2,))
FROZEN = 3
"""The parameter that wants no gradient."""


@dataclass(frozen=True)
class OptimizerCase:
    """One row."""

    make: Callable[[list[Tensor]], Any]
    peer: Callable[[ModuleType, list[Any]], Any] | None = None
    """Makes PyTorch's optimizer, from the module `torch` and the parameters."""
    oracle: Callable[[Oracle], None] | None = None
    """Makes one step, float64 NumPy; called STEPS times with the same object."""
    tolerance: float = 1.0
    """How many times the policy's tolerance this case may take; `reason` says why."""
    reason: str = ""
    stateless: bool = False
    """Whether nothing is kept between steps, so that there is nothing to save."""

    def __post_init__(self) -> None:
        assert (self.tolerance != 1.0) == bool(self.reason), (
            "a tolerance and its reason go together"
        )
        assert self.peer or self.oracle, "a row needs something to compare with"

    def __str__(self) -> str:
        return repr(self.make([nnkit.tensor([1.0], requires_grad=True)]))

    @property
    def name(self) -> str:
        return str(self).partition("(")[0]


class Problem:
    """loss = sum of w (p - t)^2 over all parameters; the weights w differ from step to step.

    The values have float32's digits, so that every run sees the same numbers.
    """

    def __init__(self) -> None:
        rng = np.random.default_rng(3)

        def drawn(low: float, high: float) -> list[Host]:
            made = [rng.uniform(low, high, shape) for shape in SHAPES]
            return [np.asarray(x, np.float32).astype(np.float64) for x in made]

        self.starts, self.targets = drawn(1.0, 2.0), drawn(3.0, 6.0)
        self.weights = [drawn(0.25, 1.5) for _ in range(STEPS)]

    def loss(self, step: int, params: list[Any], convert: Callable[[Host], Any]) -> Any:
        """Of tensors of either library, or of arrays."""
        weights, total = self.weights[step], convert(np.asarray(0.0))
        for p, w, t in zip(params, weights, self.targets, strict=True):
            total = total + (convert(w) * (p - convert(t)) ** 2).sum()
        return total

    def gradients(self, step: int, params: list[Host]) -> list[Host]:
        """Of `loss`, by NumPy."""
        pairs = zip(params, self.weights[step], self.targets, strict=True)
        return [2 * w * (p - t) for p, w, t in pairs]


@dataclass
class Oracle:
    """What an oracle may work on: the values of the parameters that learn, changed in place."""

    problem: Problem
    params: list[Host]
    memory: list[Host]
    """Arrays of the parameters' shapes for its own use, zeros at first."""
    step: int = 0
    notes: dict[str, Any] = field(default_factory=dict)
    """Whatever else it keeps."""

    def learning(self) -> Iterator[tuple[int, Host, Host, Host]]:
        """Number, value, gradient and memory of each parameter that is not frozen."""
        gradients = self.problem.gradients(self.step, self.params)
        for i, p in enumerate(self.params):
            if i != FROZEN:
                yield i, p, gradients[i], self.memory[i]


class Walk:
    """Steps of one of our optimizers: made once, then walked as far as wanted."""

    def __init__(
        self, case: OptimizerCase, backend: Backend, dtype: str, starts: list[Host]
    ) -> None:
        self.problem, self.backend, self.dtype = Problem(), backend, dtype
        self.params = [
            Tensor(backend.asarray(x.astype(dtype)), backend, requires_grad=i != FROZEN)
            for i, x in enumerate(starts)
        ]
        self.optimizer = case.make(self.params)

    def convert(self, x: Host) -> Tensor:
        return Tensor(self.backend.asarray(x.astype(self.dtype)), self.backend)

    def walk(self, first: int, last: int) -> Iterator[list[Host]]:
        """Every parameter after each of the steps `first` … `last - 1`."""
        for step in range(first, last):

            def closure(step: int = step) -> Tensor:
                for p in self.params:
                    p.grad = None
                loss: Tensor = self.problem.loss(step, self.params, self.convert)
                if nnkit.is_grad_enabled():
                    loss.backward()
                return loss

            self.optimizer.step(closure)
            yield [p.numpy().copy() for p in self.params]
