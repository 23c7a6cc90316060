"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nnkit.ops import update
from nnkit.optim.checks import check_numbers
from nnkit.optim.optimizer import Group, Optimizer, Work
from nnkit.optim.state import State, zeros_like
from nnkit.tensor import Tensor


class SGD(Optimizer):
    """Gradient descent with momentum (Sutskever et al. 2013, in the form that PyTorch uses).

    g = grad + weight_decay p; v = momentum v + (1 - dampening) g (v = g in the first step);
    p = p - lr v, or p = p - lr (g + momentum v) with Nesterov's momentum.

    Args:
        params: parameters, or dicts with 'params' and options of their own.
        lr: learning rate, from 0.
        momentum: share of the last velocity that is kept, from 0.
        dampening: share of the gradient that does not enter the velocity.
        weight_decay: L2 penalty, from 0.
        nesterov: look ahead along the velocity; wants momentum and no dampening.
        maximize: climb instead of descending.

    >>> import nnkit
    >>> p = nnkit.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = SGD([p], lr=0.25)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p
    tensor([ 0.5, -1. ], dtype=float32, requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def check(self, group: Group) -> None:
        """Numbers from 0; Nesterov's momentum needs momentum and no dampening."""
        check_numbers(self, group, "lr", "momentum", "weight_decay")
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError(
                f"{self._name}: nesterov needs a momentum above 0 and no dampening, got "
                f"momentum={group['momentum']}, dampening={group['dampening']}"
            )

    def init(self, group: Group, param: Tensor) -> State:
        """A velocity, where there is momentum."""
        return {"momentum_buffer": zeros_like(param) if group["momentum"] else None}

    def update(self, group: Group, work: Sequence[Work]) -> None:
        """Descend by one step."""
        for p, _, state, _ in work:
            if group["momentum"] and state["momentum_buffer"] is None:  # switched on since
                state["momentum_buffer"] = zeros_like(p)
        update.sgd.many(
            [(p, grad, s["momentum_buffer"], lr, s["step"]) for p, grad, s, lr in work],
            momentum=group["momentum"],
            dampening=group["dampening"],
            weight_decay=group["weight_decay"],
            nesterov=group["nesterov"],
        )
