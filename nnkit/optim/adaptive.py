"""Optimizers that give each parameter a step size of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nnkit.ops import update
from nnkit.optim.optimizer import Group, Optimizer, check_number
from nnkit.optim.state import State, zeros_like
from nnkit.tensor import Tensor


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015, arXiv:1412.6980).

    g = grad + weight_decay p; m = beta1 m + (1 - beta1) g; s = beta2 s + (1 - beta2) g^2;
    p = p - lr (m / c1) / (sqrt(s / c2) + eps), with c = 1 - beta^step.

    Args:
        params: parameters, or dicts with 'params' and options of their own.
        lr: learning rate, from 0.
        betas: how long the running means of g and of g^2 remember, each in [0, 1).
        eps: keeps the division finite, from 0.
        weight_decay: L2 penalty, from 0.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        )

    def check(self, group: Group) -> None:
        """Numbers from 0, betas below 1."""
        for name in ("lr", "eps", "weight_decay"):
            check_number("Adam", name, group[name])
        for position, beta in enumerate(group["betas"]):
            check_number("Adam", f"betas[{position}]", beta, below=1.0)

    def init(self, group: Group, param: Tensor) -> State:
        """Running means of the gradient and of its square, under PyTorch's names."""
        return {"exp_avg": zeros_like(param), "exp_avg_sq": zeros_like(param)}

    def update(self, group: Group, param: Tensor, grad: Tensor, state: State, lr: Tensor) -> None:
        """Descend by one step."""
        beta1, beta2 = group["betas"]
        update.adam(
            param,
            grad,
            state["exp_avg"],
            state["exp_avg_sq"],
            lr,
            state["step"],
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
            weight_decay=group["weight_decay"],
        )
