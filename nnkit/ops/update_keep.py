"""Updates that keep something of parameters: a running average, or the better of two states."""

from __future__ import annotations

from nnkit.dispatch import update
from nnkit.typing import Array, Namespace


@update(writes=("average",), elementwise=True)
def ema(
    xp: Namespace, average: Array, value: Array, step: Array, *, decay: float, warmup: bool
) -> None:
    """The exponential moving average: average = d average + (1 - d) value.

    d = decay, or with warm-up min(decay, (1 + step) / (10 + step)), so that the first values of
    `value`, from which training soon moves away, are forgotten.
    """
    share = 1.0 - decay
    if warmup:
        early = 9.0 / (10.0 + step)
        average += xp.where(early > share, early, share * xp.ones_like(step)) * (value - average)
    else:
        average += share * (value - average)


@update(writes=("param",), elementwise=True)
def metropolis(xp: Namespace, param: Array, before: Array, rise: Array, limit: Array) -> None:
    """Keep param where rise <= limit, else go back (Metropolis et al. 1953); for NaN too.

    param = param if rise <= limit else before. `rise` is how much the loss grew, `limit` is
    -temperature log(u) for a number u drawn from (0, 1]: a rise is taken with the probability
    exp(-rise / temperature).
    """
    param[...] = xp.where(rise <= limit, param, before)


@update(writes=("out",), elementwise=True)
def scaled(xp: Namespace, out: Array, grad: Array, share: Array) -> None:
    """out = share grad, for a 0-d share: gradients shrunk by one factor."""
    out[...] = grad * share


@update(writes=("param",))
def max_norm(xp: Namespace, param: Array, *, limit: float) -> None:
    """Shorten each row of weights to a norm of at most `limit`, in place.

    param_i = param_i min(1, limit / |param_i|): i counts along the first axis, which is a unit with
    the weights that lead to it; with fewer than two axes there is one row.
    """
    axes = tuple(range(1, param.ndim)) if param.ndim > 1 else tuple(range(param.ndim))
    square = xp.sum(param * param, axis=axes, keepdims=True) if axes else param * param
    size = xp.sqrt(square)
    long = size > limit
    param *= xp.where(long, limit / xp.where(long, size, xp.ones_like(size)), xp.ones_like(size))
