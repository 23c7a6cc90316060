"""Gradients clipped, and parameters as one flat vector; under PyTorch's names.

Everything stays on the device: to clip does not cost a training step a read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

from nnkit import ops
from nnkit.autograd import no_grad
from nnkit.ops.update_keep import scaled
from nnkit.tensor import Tensor, tensor

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "parameters_to_vector",
    "vector_to_parameters",
]


@no_grad()
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Shrink all gradients by one factor, so that their common norm is at most `max_norm`.

    n = (sum |g|^norm_type)^(1/norm_type) over all elements; g = g min(1, max_norm / (n + 1e-6)).
    Pascanu, Mikolov and Bengio 2013, arXiv:1211.5063. Call it between `backward()` and `step()`.

    Args:
        parameters: a tensor, or tensors; those without a gradient are passed over.
        max_norm: from 0.
        norm_type: above 0; `math.inf` for the largest absolute element.
        error_if_nonfinite: look whether n is finite, which waits for the device.

    Returns:
        The norm n before clipping, a 0-d tensor on the device.

    Raises:
        ValueError: for a negative `max_norm` or a `norm_type` that is not above 0.
        RuntimeError: where n is not finite and `error_if_nonfinite` is set.

    >>> import nnkit
    >>> p = nnkit.tensor([3.0, 4.0], requires_grad=True)
    >>> (p * p).sum().backward()
    >>> clip_grad_norm_(p, max_norm=1.0).item()
    10.0
    >>> p.grad
    tensor([0.6, 0.8], dtype=float32)
    """
    if not max_norm >= 0:
        raise ValueError(f"clip_grad_norm_: max_norm must be at least 0, got {max_norm}")
    if not norm_type > 0:
        raise ValueError(f"clip_grad_norm_: norm_type must be above 0, got {norm_type}")
    params = _with_gradient(parameters)
    total = _norm([p.grad for p in params if p.grad is not None], norm_type)
    if error_if_nonfinite and not math.isfinite(total.item()):
        raise RuntimeError(
            f"clip_grad_norm_: the norm of the gradients is {total.item()}. Fix: a smaller "
            "learning rate, or look for NaN in the data."
        )
    share = ops.minimum(max_norm / (total + 1e-6), 1.0)
    shares = {str(p.dtype): share.astype(p.dtype) for p in params}
    calls = [(_fresh(p.grad), p.grad, shares[str(p.dtype)]) for p in params]
    scaled.many(calls)
    for p, (out, *_) in zip(params, calls, strict=True):
        p.grad = out
    return total


@no_grad()
def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Cut every element of every gradient to [-clip_value, clip_value].

    Args:
        parameters: a tensor, or tensors; those without a gradient are passed over.
        clip_value: from 0.

    Raises:
        ValueError: for a negative `clip_value`.

    >>> import nnkit
    >>> p = nnkit.tensor([3.0, -4.0, 0.25], requires_grad=True)
    >>> (p * p).sum().backward()
    >>> clip_grad_value_([p], 1.0)
    >>> p.grad
    tensor([ 1. , -1. ,  0.5], dtype=float32)
    """
    if not clip_value >= 0:
        raise ValueError(f"clip_grad_value_: clip_value must be at least 0, got {clip_value}")
    for p in _with_gradient(parameters):
        p.grad = ops.maximum(ops.minimum(p.grad, clip_value), -clip_value)


def _fresh(grad: Any) -> Tensor:
    """A new array like it: backward may have given the same gradient to two parameters."""
    return Tensor(grad.backend.xp.empty_like(grad.data), grad.backend)


def _with_gradient(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p for p in given if p.grad is not None]


def _norm(tensors: Sequence[Tensor], kind: float) -> Tensor:
    """The norm of all elements together, in the dtype of the first tensor."""
    filled = [t for t in tensors if t.numel()]
    if not filled:
        return tensor(0.0)
    parts = [_powers(t, kind).astype(filled[0].dtype) for t in filled]
    if math.isinf(kind):
        return ops.stack(*parts).max()
    total = sum(parts[1:], parts[0])
    return total.sqrt() if kind == 2.0 else total ** (1.0 / kind)


def _powers(t: Tensor, kind: float) -> Tensor:
    """What a tensor adds to the norm before the root is taken."""
    if kind == 2.0:
        return (t * t).sum()
    return t.abs().max() if math.isinf(kind) else (t.abs() ** kind).sum()


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of all parameters as one vector, one parameter after the other; differentiable.

    Args:
        parameters: tensors on one backend.

    Raises:
        ValueError: when there is none.

    >>> import nnkit
    >>> parameters_to_vector([nnkit.tensor([[1.0, 2.0]]), nnkit.tensor(3.0)])
    tensor([1., 2., 3.], dtype=float32)
    """
    flat = [p.reshape(-1) for p in parameters]
    if not flat:
        raise ValueError("parameters_to_vector: got no parameters")
    return ops.concat(*flat)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write the elements of a vector into parameters, in place: undoes `parameters_to_vector`.

    Args:
        vec: (n,) with as many elements as the parameters have together, on their backend.
        parameters: tensors; each keeps its dtype.

    Raises:
        ValueError: for another number of elements; nothing is changed then.

    >>> import nnkit
    >>> a, b = nnkit.tensor([[1.0, 2.0]]), nnkit.tensor(3.0)
    >>> vector_to_parameters(nnkit.tensor([4.0, 5.0, 6.0]), [a, b])
    >>> a, b
    (tensor([[4., 5.]], dtype=float32), tensor(6., dtype=float32))
    """
    params = list(parameters)
    ends = list(accumulate((p.numel() for p in params), initial=0))
    if vec.shape != (ends[-1],):
        raise ValueError(
            f"vector_to_parameters: vec must have the shape ({ends[-1]},), got {vec.shape}"
        )
    xp = vec.backend.xp
    for p, start, stop in zip(params, ends, ends[1:], strict=False):
        part = xp.reshape(vec.data[start:stop], p.shape)
        p.data[...] = xp.astype(part, p.dtype, copy=False)
        p.version += 1
