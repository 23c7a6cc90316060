"""Simulated annealing: random steps, of which those up are taken ever more rarely."""

from __future__ import annotations

import copy as copies
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from nnkit.autograd import no_grad
from nnkit.dtypes import dtype_name
from nnkit.ops import update_keep as update
from nnkit.optim.checks import check_number
from nnkit.optim.state import copy, host, learning, scalar
from nnkit.tensor import Tensor


class SimulatedAnnealing:
    """Simulated annealing (Kirkpatrick, Gelatt and Vecchi 1983), without gradients.

    A candidate is p + scale e, e normal. It is kept where the loss does not rise, and else with the
    probability exp(-rise / T), T = temperature cooling^step (Metropolis et al. 1953). Whether it is
    kept is decided on the device: a step reads nothing back.

    Args:
        params: tensors on one backend; those that require a gradient are changed.
        temperature: T of the first step, from 0; or a function of the number of the step.
        cooling: what T is multiplied by in each step, in [0, 1].
        scale: standard deviation of the random steps, from 0.
        seed: of the random numbers, which the host draws: the same on every backend.

    Attributes:
        loss: that of the parameters as they are, 0-d on the device; None before the first step.

    >>> import nnkit
    >>> p = nnkit.tensor([1.0, -2.0], requires_grad=True)
    >>> annealing = SimulatedAnnealing([p], temperature=0.1, scale=0.3)
    >>> for _ in range(500):
    ...     loss = annealing.step(lambda: ((p - 3.0) ** 2).sum())
    >>> loss.item() < 0.1
    True
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        temperature: float | Callable[[int], float] = 1.0,
        cooling: float = 0.99,
        scale: float = 0.1,
        seed: int = 0,
    ) -> None:
        if not callable(temperature):
            check_number("SimulatedAnnealing", "temperature", temperature)
        check_number("SimulatedAnnealing", "cooling", cooling, up_to=1.0)
        check_number("SimulatedAnnealing", "scale", scale)
        self.params = learning("SimulatedAnnealing", params)
        self.temperature, self.cooling, self.scale = temperature, cooling, scale
        self.steps = 0
        self.loss: Tensor | None = None
        self._generator = np.random.Generator(np.random.Philox(key=seed))

    @no_grad()
    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """Try one candidate.

        Args:
            closure: gives the loss, 0-d; nothing in it may be random. No gradient is needed.

        Returns:
            The loss of the parameters as they are after the step, 0-d on the device.
        """
        before = [copy(p) for p in self.params]
        held = self.loss if self.loss is not None else copy(closure())
        for p, old in zip(self.params, before, strict=True):
            self._nudge(p, old)
        found = copy(closure())
        rise, limit = found - held, self._limit()
        for t, old in zip((*self.params, found), (*before, held), strict=True):
            update.metropolis(t, old, rise.astype(t.dtype), scalar(limit, t))
        self.steps, self.loss = self.steps + 1, found
        return copy(found)

    def _nudge(self, p: Tensor, old: Tensor) -> None:
        noise = self.scale * self._generator.standard_normal(p.shape)
        moved = p.backend.asarray(np.asarray(noise, dtype=dtype_name(p.dtype)))
        p.data[...] = old.data + moved
        p.version += 1

    def _limit(self) -> float:
        """The rise that is just still taken: -T log(u), u from (0, 1]."""
        t = self.temperature
        now = t(self.steps) if callable(t) else t * self.cooling**self.steps
        return -now * math.log(1.0 - self._generator.random())

    def state_dict(self) -> dict[str, Any]:
        """Steps, loss and random state; the parameters are saved with their module."""
        generator = copies.deepcopy(self._generator.bit_generator.state)
        return {"steps": self.steps, "loss": host(self.loss), "generator": generator}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        loss = state_dict["loss"]
        self.steps = state_dict["steps"]
        self.loss = None if loss is None else scalar(loss, self.params[0])
        self._generator.bit_generator.state = copies.deepcopy(state_dict["generator"])

    def __repr__(self) -> str:
        options = ("temperature", "cooling", "scale")
        return f"SimulatedAnnealing({', '.join(f'{n}={getattr(self, n)}' for n in options)})"
