"""Adam and what was made of it: AdamW and NAdam."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nnkit.ops import update
from nnkit.optim.checks import check_betas, check_numbers
from nnkit.optim.optimizer import Group, Optimizer, Work
from nnkit.optim.state import State, scalar, zeros_like
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
        amsgrad: divide by the largest s so far (Reddi et al. 2018, arXiv:1904.09237).
        maximize: climb instead of descending.
        decoupled_weight_decay: shrink p by lr weight_decay p instead, as `AdamW` does.

    >>> import nnkit
    >>> p = nnkit.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Adam([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p
    tensor([ 0.9, -1.9], dtype=float32, requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
    ) -> None:
        options = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, options)

    def check(self, group: Group) -> None:
        """Numbers from 0, betas below 1."""
        check_numbers(self, group, "lr", "eps", "weight_decay")
        check_betas(self, group)

    def init(self, group: Group, param: Tensor) -> State:
        """Running means of the gradient and of its square, under PyTorch's names."""
        names = ["exp_avg", "exp_avg_sq", *(["max_exp_avg_sq"] if group["amsgrad"] else [])]
        return {name: zeros_like(param) for name in names}

    def update(self, group: Group, work: Sequence[Work]) -> None:
        """Descend by one step."""
        calls = []
        for p, grad, state, lr in work:
            if group["amsgrad"] and "max_exp_avg_sq" not in state:  # switched on since
                state["max_exp_avg_sq"] = zeros_like(p)
            largest = state["max_exp_avg_sq"] if group["amsgrad"] else None
            moments = state["exp_avg"], state["exp_avg_sq"], largest
            calls.append((p, grad, *moments, lr, state["step"]))
        beta1, beta2 = group["betas"]
        update.adam.many(
            calls,
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            decoupled=group["decoupled_weight_decay"],
        )


class AdamW(Adam):
    """Adam whose weight decay does not enter the running means (Loshchilov and Hutter 2019).

    p = p - lr weight_decay p; then as `Adam` without a penalty (arXiv:1711.05101). Large weights
    shrink by the same share whatever their gradients are.

    Args:
        params: parameters, or dicts with 'params' and options of their own.
        lr: learning rate, from 0.
        betas: how long the running means of g and of g^2 remember, each in [0, 1).
        eps: keeps the division finite, from 0.
        weight_decay: the share lr weight_decay of p goes in each step; from 0.
        amsgrad: divide by the largest s so far (Reddi et al. 2018, arXiv:1904.09237).
        maximize: climb instead of descending.

    >>> import nnkit
    >>> p = nnkit.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = AdamW([p], lr=0.1, weight_decay=0.5)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p
    tensor([ 0.85, -1.8 ], dtype=float32, requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            maximize=maximize,
            decoupled_weight_decay=True,
        )


class NAdam(Optimizer):
    """Adam with Nesterov's momentum (Dozat 2016, in the form that PyTorch uses).

    g, m, s and c2 as in `Adam`; u(t) = beta1 (1 - 0.96^(t momentum_decay) / 2), P(t) = u(1) … u(t);
    p = p - lr ((1 - u(t)) / (1 - P(t)) g + u(t+1) / (1 - P(t+1)) m) / (sqrt(s / c2) + eps).

    Args:
        params: parameters, or dicts with 'params' and options of their own.
        lr: learning rate, from 0.
        betas: how long the running means of g and of g^2 remember, each in [0, 1).
        eps: keeps the division finite, from 0.
        weight_decay: L2 penalty, from 0.
        momentum_decay: how fast the momentum u grows towards beta1, from 0.
        decoupled_weight_decay: shrink p by lr weight_decay p instead of the penalty.
        maximize: climb instead of descending.

    >>> import nnkit
    >>> p = nnkit.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = NAdam([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p
    tensor([ 0.8944, -1.8944], dtype=float32, requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def check(self, group: Group) -> None:
        """Numbers from 0, betas below 1."""
        check_numbers(self, group, "lr", "eps", "weight_decay", "momentum_decay")
        check_betas(self, group)

    def init(self, group: Group, param: Tensor) -> State:
        """Running means of the gradient and of its square, and the product P."""
        means = {"exp_avg": zeros_like(param), "exp_avg_sq": zeros_like(param)}
        return {"mu_product": scalar(1.0, param), **means}

    def update(self, group: Group, work: Sequence[Work]) -> None:
        """Descend by one step."""
        (beta1, beta2), momentum_decay = group["betas"], group["momentum_decay"]
        calls = []
        for p, grad, state, lr in work:
            product, step = state["mu_product"], state["step"]
            update.nadam_product(product, step, beta1=beta1, momentum_decay=momentum_decay)
            calls.append((p, grad, state["exp_avg"], state["exp_avg_sq"], product, lr, step))
        update.nadam.many(
            calls,
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            momentum_decay=momentum_decay,
            decoupled=group["decoupled_weight_decay"],
        )
