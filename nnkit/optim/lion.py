"""Lion: an optimizer that moves every element by the same amount."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nnkit.ops import update
from nnkit.optim.checks import check_betas, check_numbers
from nnkit.optim.optimizer import Group, Optimizer, Work
from nnkit.optim.state import State, zeros_like
from nnkit.tensor import Tensor


class Lion(Optimizer):
    """Lion, found by a search over programs (Chen et al. 2023, arXiv:2302.06675).

    p = p - lr (sign(beta1 m + (1 - beta1) grad) + weight_decay p); m = beta2 m + (1 - beta2) grad.
    It wants a learning rate 3 to 10 times smaller than Adam's, a weight decay so much larger, and
    keeps one array a parameter instead of two.

    Args:
        params: parameters, or dicts with 'params' and options of their own.
        lr: learning rate, from 0.
        betas: the share of m in the step, and how long m remembers, each in [0, 1).
        weight_decay: the share lr weight_decay of p goes in each step; from 0.
        maximize: climb instead of descending.

    >>> import nnkit
    >>> p = nnkit.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Lion([p], lr=0.25)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p
    tensor([ 0.75, -1.75], dtype=float32, requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, options)

    def check(self, group: Group) -> None:
        """Numbers from 0, betas below 1."""
        check_numbers(self, group, "lr", "weight_decay")
        check_betas(self, group)

    def init(self, group: Group, param: Tensor) -> State:
        """A running mean of the gradient."""
        return {"exp_avg": zeros_like(param)}

    def update(self, group: Group, work: Sequence[Work]) -> None:
        """Descend by one step."""
        beta1, beta2 = group["betas"]
        update.lion.many(
            [(p, grad, state["exp_avg"], lr) for p, grad, state, lr in work],
            beta1=beta1,
            beta2=beta2,
            weight_decay=group["weight_decay"],
        )
