"""Random numbers as a function of a key and a counter: the same bits on every backend.

`nnkit.random.draw` gives the counter and the key, and moves the device's counter on. Only the
numbers drawn depend on them, so an op that is run again with the same ones gives the same result.
"""

from __future__ import annotations

import math

from nnkit.dispatch import Result, op
from nnkit.ops.common import normalize_axes
from nnkit.typing import Array, Axis, Namespace, Needs, Shape

__all__ = ["bernoulli", "dropout", "rand_like"]

LEVELS = 1 << 16
"""Dropout draws 16 bits an element, half of what a float32 would take."""


@op
def rand_like(xp: Namespace, x: Array, counter: Array, *, needs: Needs, key: int) -> Result:
    """Numbers evenly within [0, 1), in the shape and float dtype of x; has no gradient.

    y = (bits >> 8) 2^-24, of 32 bits of the stream of `key` behind `counter` (uint64, no axes): in
    float32 those of `numpy.random.Generator(Philox(key)).random`, in float64 the same numbers.

    >>> import nnkit
    >>> nnkit.ops.rand_like(nnkit.tensor([1.0, 2.0]), nnkit.tensor(0, dtype="uint64"), key=1).shape
    (2,)
    """
    return _uniform(xp, x, counter, key), None


@op
def bernoulli(xp: Namespace, p: Array, counter: Array, *, needs: Needs, key: int) -> Result:
    """1 with probability p, else 0, for each element of p in its dtype; has no gradient.

    >>> import nnkit
    >>> y = nnkit.ops.bernoulli(nnkit.tensor([0.0, 1.0]), nnkit.tensor(0, dtype="uint64"), key=1)
    >>> y.tolist()
    [0.0, 1.0]
    """
    return xp.astype(_uniform(xp, p, counter, key) < p, p.dtype), None


def _uniform(xp: Namespace, x: Array, counter: Array, key: int) -> Array:
    bits = xp.ext.random_bits(tuple(x.shape), key, counter, dtype=xp.uint32)
    return xp.astype(bits >> 8, x.dtype) * 2.0**-24


@op
def dropout(
    xp: Namespace,
    x: Array,
    counter: Array,
    *,
    needs: Needs,
    p: float,
    key: int,
    shared: Axis = (),
) -> Result:
    """y = x / (1 - p) with probability 1 - p, else 0 (Srivastava et al. 2014; inverted).

    The mean of y is x. An element is kept where 16 random bits (a number below 65536) reach
    p 65536; axes in `shared` share one draw, such as the pixels of a channel. d/dx = y / x where
    kept, else 0. x is of floats, counter a uint64 without axes.

    >>> import nnkit
    >>> counter = nnkit.tensor(0, dtype="uint64")
    >>> nnkit.ops.dropout(nnkit.tensor([1.0, 2.0]), counter, p=0.0, key=1).tolist()
    [1.0, 2.0]
    """
    check_probability("dropout", p)
    threshold = round(p * LEVELS)
    shape = mask_shape(tuple(x.shape), shared)
    if threshold == LEVELS:  # more than the bits can reach
        keep, scale = xp.zeros(shape, dtype=xp.bool, device=x.device), 0.0
    else:
        bits = xp.ext.random_bits(shape, key, counter, dtype=xp.uint16)
        keep, scale = bits >= threshold, 1.0 / (1.0 - p)
    y = xp.where(keep, x * scale, 0.0)
    return y, (lambda g: (xp.where(keep, g * scale, 0.0), None)) if needs[0] else None


def mask_shape(shape: Shape, shared: Axis) -> Shape:
    """The shape of what dropout draws: 1 along the axes that share one draw."""
    axes = normalize_axes("dropout", shared, len(shape))
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def check_probability(name: str, p: float) -> None:
    """Refuse what is no probability."""
    if not 0.0 <= p <= 1.0 or math.isnan(p):
        raise ValueError(f"{name}: p, the share to drop, must be in [0, 1], got {p}")
