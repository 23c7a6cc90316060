"""Optimizers that give each parameter a step size of its own, by the squares of its gradients."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nnkit.ops import update_adaptive as update
from nnkit.optim.checks import check_number, check_numbers
from nnkit.optim.optimizer import Group, Optimizer, Work
from nnkit.optim.state import State, full_like, zeros_like
from nnkit.tensor import Tensor


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan and Singer 2011).

    g = grad + weight_decay p; t = t + g^2;
    p = p - lr / (1 + (step - 1) lr_decay) g / (sqrt(t) + eps).

    Args:
        params: parameters, or dicts with 'params' and options of their own.
        lr: learning rate, from 0.
        lr_decay: how fast it falls, from 0.
        weight_decay: L2 penalty, from 0.
        initial_accumulator_value: what t starts with, from 0.
        eps: keeps the division finite, from 0.
        maximize: climb instead of descending.

    >>> import nnkit
    >>> p = nnkit.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Adagrad([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p
    tensor([ 0.9, -1.9], dtype=float32, requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        options = {
            "lr": lr,
            "lr_decay": lr_decay,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "eps": eps,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def check(self, group: Group) -> None:
        """Numbers from 0."""
        check_numbers(self, group, *(n for n in self.defaults if n != "maximize"))

    def init(self, group: Group, param: Tensor) -> State:
        """The sum of the squared gradients."""
        return {"sum": full_like(param, group["initial_accumulator_value"])}

    def update(self, group: Group, work: Sequence[Work]) -> None:
        """Descend by one step."""
        update.adagrad.many(
            [(p, grad, state["sum"], lr, state["step"]) for p, grad, state, lr in work],
            lr_decay=group["lr_decay"],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
        )


class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012, arXiv:1212.5701): steps in the unit of the parameter.

    g = grad + weight_decay p; s = rho s + (1 - rho) g^2; d = sqrt(m + eps) / sqrt(s + eps) g;
    m = rho m + (1 - rho) d^2; p = p - lr d.

    Args:
        params: parameters, or dicts with 'params' and options of their own.
        lr: a factor of d, from 0.
        rho: how long the running means of g^2 and d^2 remember, in [0, 1].
        eps: lets the first steps be more than 0, from 0.
        weight_decay: L2 penalty, from 0.
        maximize: climb instead of descending.

    >>> import nnkit
    >>> p = nnkit.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Adadelta([p], lr=10.0)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p
    tensor([ 0.9684, -1.9684], dtype=float32, requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        options = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def check(self, group: Group) -> None:
        """Numbers from 0, rho up to 1."""
        check_numbers(self, group, "lr", "eps", "weight_decay")
        check_number(self._name, "rho", group["rho"], up_to=1.0)

    def init(self, group: Group, param: Tensor) -> State:
        """Running means of the squares of the gradient and of the step."""
        return {"square_avg": zeros_like(param), "acc_delta": zeros_like(param)}

    def update(self, group: Group, work: Sequence[Work]) -> None:
        """Descend by one step."""
        update.adadelta.many(
            [(p, grad, s["square_avg"], s["acc_delta"], lr) for p, grad, s, lr in work],
            rho=group["rho"],
            eps=group["eps"],
            weight_decay=group["weight_decay"],
        )


class RMSprop(Optimizer):
    """RMSprop (Hinton 2012, lecture 6e; centered: Graves 2013, arXiv:1308.0850).

    g = grad + weight_decay p; s = alpha s + (1 - alpha) g^2; d = g / (sqrt(s) + eps), centered
    d = g / (sqrt(s - m^2) + eps) with m = alpha m + (1 - alpha) g; v = momentum v + d;
    p = p - lr v.

    Args:
        params: parameters, or dicts with 'params' and options of their own.
        lr: learning rate, from 0.
        alpha: how long the running means remember, from 0.
        eps: keeps the division finite, from 0.
        weight_decay: L2 penalty, from 0.
        momentum: share of the last step that is kept, from 0.
        centered: divide by an estimate of the standard deviation of g.
        maximize: climb instead of descending.

    >>> import nnkit
    >>> p = nnkit.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = RMSprop([p], lr=0.01)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p
    tensor([ 0.9, -1.9], dtype=float32, requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def check(self, group: Group) -> None:
        """Numbers from 0."""
        check_numbers(self, group, "lr", "alpha", "eps", "weight_decay", "momentum")

    def init(self, group: Group, param: Tensor) -> State:
        """Running means, and a velocity where there is momentum, under PyTorch's names."""
        wanted = {"square_avg": True} | _buffers(group)
        return {name: zeros_like(param) for name, needed in wanted.items() if needed}

    def update(self, group: Group, work: Sequence[Work]) -> None:
        """Descend by one step."""
        buffers, calls = _buffers(group), []
        for p, grad, state, lr in work:
            for name, needed in buffers.items():
                if needed and name not in state:  # switched on since
                    state[name] = zeros_like(p)
            kept = (state[name] if needed else None for name, needed in buffers.items())
            calls.append((p, grad, state["square_avg"], *kept, lr))
        update.rmsprop.many(
            calls,
            alpha=group["alpha"],
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            momentum=group["momentum"],
        )


def _buffers(group: Group) -> dict[str, bool]:
    """The arrays that only some options need."""
    return {"grad_avg": group["centered"], "momentum_buffer": group["momentum"] > 0}
