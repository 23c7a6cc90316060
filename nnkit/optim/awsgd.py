"""Gradient descent on examples that are drawn where their gradients are large."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from nnkit.dtypes import dtype_name
from nnkit.optim.sampling import AdaptiveSampler
from nnkit.optim.sgd import SGD
from nnkit.tensor import Tensor


class AWSGD(SGD):
    """AW-SGD: `SGD` and the distribution of its examples, learnt together.

    Bouchard, Trouillon, Perez and Gaidon 2015, "Online Learning to Sample", arXiv:1506.09016. A
    batch is drawn by `sample`, its losses are weighted, and `step` hands the norms of the
    examples' gradients to the sampler, which then draws more of those with large ones.

    Args:
        params: parameters, or dicts with 'params' and options of their own.
        sampler: which draws the examples, see `AdaptiveSampler`.
        lr: learning rate, from 0.
        momentum: share of the last velocity that is kept, from 0.
        dampening: share of the gradient that does not enter the velocity.
        weight_decay: L2 penalty, from 0.
        nesterov: look ahead along the velocity; wants momentum and no dampening.
        maximize: climb instead of descending.

    >>> import numpy as np
    >>> import nnkit
    >>> from nnkit import nn, optim
    >>> _ = nnkit.manual_seed(0)
    >>> x = np.linspace(-1, 1, 50, dtype=np.float32)[:, None]
    >>> y = np.where(np.abs(x) > 0.9, 8 * x, 3 * x)
    >>> model, loss = nn.Linear(1, 1), nn.MSELoss(reduction="none")
    >>> optimizer = optim.AWSGD(model.parameters(), optim.AdaptiveSampler(50), lr=0.05)
    >>> for _ in range(100):
    ...     index, weight = optimizer.sample(8)
    ...     output, target = model(nnkit.tensor(x[index])), nnkit.tensor(y[index])
    ...     optimizer.zero_grad()
    ...     (loss(output, target).flatten() * weight).mean().backward()
    ...     optimizer.step(norms=optim.output_gradient_norms(loss, output, target))
    >>> float(np.abs(x[optimizer.sampler.probabilities().argmax(), 0])) > 0.9
    True
    """

    def __init__(
        self,
        params: Iterable[Any],
        sampler: AdaptiveSampler,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, momentum, dampening, weight_decay, nesterov, maximize=maximize)
        self.sampler = sampler

    def sample(self, size: int) -> tuple[np.ndarray[Any, Any], Tensor]:
        """The next batch: numbers of examples, (size,) on the host, and weights, (size,) beside p.

        The mean of weight times loss is an unbiased estimate of the mean loss of all examples.
        """
        index, weight = self.sampler.draw(size)
        first = next(self.params())
        values = weight.astype(dtype_name(first.dtype))
        return index, Tensor(first.backend.asarray(values), first.backend)

    def step(self, closure: Callable[[], Tensor] | None = None, norms: Any = None) -> Tensor | None:
        """Change every parameter that has a gradient, then the probabilities of the examples.

        Args:
            closure: computes the gradients first; its loss is returned.
            norms: those of the gradients of the examples drawn last, see `AdaptiveSampler.update`;
                None leaves the probabilities as they are.
        """
        loss = super().step(closure)
        if norms is not None:
            self.sampler.update(norms)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """That of the optimizer, with the sampler's as 'sampler'."""
        return {**super().state_dict(), "sampler": self.sampler.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave; that of an SGD leaves the sampler as it is."""
        super().load_state_dict(state_dict)
        if "sampler" in state_dict:
            self.sampler.load_state_dict(state_dict["sampler"])


def output_gradient_norms(
    loss: Callable[[Tensor, Tensor], Tensor], output: Tensor, target: Tensor
) -> Tensor:
    """For each example the norm of its loss's gradient by its output: |d loss_i / d output_i|.

    A stand-in for the norm by all parameters, and up to a factor a bound of it (Katharopoulos and
    Fleuret 2018, arXiv:1803.00942); it costs no pass through the network.

    Args:
        loss: takes (output, target); the sum over examples, or one loss for each.
        output: (n, ...), what the network gave; its graph is not touched.
        target: whatever the loss takes.

    Returns:
        (n,), on the device.

    >>> import nnkit
    >>> from nnkit import nn
    >>> output, target = nnkit.tensor([[1.0], [5.0]]), nnkit.tensor([[1.5], [1.0]])
    >>> output_gradient_norms(nn.MSELoss(reduction="sum"), output, target)
    tensor([1., 8.], dtype=float32)
    """
    leaf = output.detach().requires_grad_()
    loss(leaf, target).sum().backward()
    assert leaf.grad is not None
    return (leaf.grad * leaf.grad).reshape(len(output), -1).sum(axis=1).sqrt()
