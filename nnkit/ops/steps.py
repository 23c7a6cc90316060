"""What recurrent ops share: the order of the steps, lengths, and products over all steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nnkit.typing import Array, Namespace, Needs, Shape


class Steps:
    """The steps of a sequence x (T, N, in), in the order in which they run.

    `lengths` (N) says, on the device, how many steps of each example count; None: all.
    """

    def __init__(self, xp: Namespace, x: Array, lengths: Array | None, reverse: bool) -> None:
        self.xp, self.x, self.reverse = xp, x, reverse
        self.order = range(x.shape[0])[:: -1 if reverse else 1]
        self.counts: Array | None = None
        if lengths is not None:
            t = xp.arange(x.shape[0], dtype=lengths.dtype, device=x.device)
            counts = xp.expand_dims(t, axis=1) < xp.expand_dims(lengths, axis=0)
            self.counts = xp.expand_dims(counts, axis=2)

    def start(self, state: Array | None, w_hh: Array) -> Array:
        """The initial state (N, H); zeros for None."""
        if state is not None:
            return state
        shape = (self.x.shape[1], w_hh.shape[1])
        return self.xp.zeros(shape, dtype=self.x.dtype, device=self.x.device)

    def input_products(self, w_ih: Array, bias: Array | None) -> Array:
        """x w_ih^T + bias of all steps, (T, N, G H), by one product."""
        xp, (t, n, features) = self.xp, self.x.shape
        flat = xp.reshape(self.x, (t * n, features))
        return xp.reshape(
            xp.ext.matmul_add(flat, xp.matrix_transpose(w_ih), bias), (t, n, w_ih.shape[0])
        )

    def hold(self, t: int, after: Array, before: Array) -> Array:
        """The state after step t: the one before it, for examples that have ended."""
        return after if self.counts is None else self.xp.where(self.counts[t, ...], after, before)

    def only(self, values: Array, otherwise: float = 0.0) -> Array:
        """Values (T, N, ...) at the steps that count, another number at the others."""
        return values if self.counts is None else self.xp.where(self.counts, values, otherwise)

    def passed_on(self, t: int, gradient: Array, held: Array) -> Array:
        """The gradient of the state before step t: that of the state after it, where it held."""
        if self.counts is None:
            return gradient
        return gradient + self.xp.where(self.counts[t, ...], 0.0, held)

    def stack(self, arrays: Sequence[Array]) -> Array:
        """One array for each step, in the order in which they run, as (T, N, ...) in time."""
        return self.xp.stack(arrays[:: -1 if self.reverse else 1])


def summed(a: Array | None, b: Array | None) -> Array | None:
    """a + b, where None is nothing."""
    if a is None or b is None:
        return b if a is None else a
    return a + b


def weight_gradients(
    xp: Namespace,
    needs: Needs,
    x: Array,
    w_ih: Array,
    before: Array,
    dz: Array,
    du: Array | None = None,
) -> tuple[Array | None, ...]:
    """The gradients of x, w_ih, w_hh, b_ih and b_hh, each where `needs` says so.

    `before` (T, N, H) are the states that the steps began with, dz (T, N, G H) is the gradient of
    the inputs' products and du that of the states', where it is another.
    """
    rows = dz.shape[0] * dz.shape[1]
    flat_x, flat_h, dz = (xp.reshape(a, (rows, a.shape[2])) for a in (x, before, dz))
    du = dz if du is None else xp.reshape(du, dz.shape)
    return (
        xp.reshape(xp.matmul(dz, w_ih), x.shape) if needs[0] else None,
        xp.matmul(xp.matrix_transpose(dz), flat_x) if needs[1] else None,
        xp.matmul(xp.matrix_transpose(du), flat_h) if needs[2] else None,
        xp.sum(dz, axis=0) if needs[3] else None,
        xp.sum(du, axis=0) if needs[4] else None,
    )


def check_recurrent(
    op: str,
    gates: int,
    x: Array,
    states: Sequence[Array | None],
    w_ih: Array,
    w_hh: Array,
    biases: Sequence[Array | None],
    lengths: Array | None,
) -> None:
    """Refuse arrays that do not fit each other, by name."""
    if x.ndim != 3 or x.shape[0] == 0:
        raise ValueError(f"{op}: x must be (T, N, in) with T >= 1, got shape {tuple(x.shape)}")
    size = w_hh.shape[1]
    rows = gates * size
    expected: list[tuple[str, Array | None, Shape]] = [
        ("w_ih", w_ih, (rows, x.shape[2])),
        ("w_hh", w_hh, (rows, size)),
    ]
    expected += [(f"{n}_0", s, (x.shape[1], size)) for n, s in zip("hc", states, strict=False)]
    expected += [(n, b, (rows,)) for n, b in zip(("b_ih", "b_hh"), biases, strict=True)]
    for name, array, shape in expected:
        if array is None:
            continue
        if tuple(array.shape) != shape:
            raise ValueError(f"{op}: {name} must have the shape {shape}, got {tuple(array.shape)}")
        if array.dtype != x.dtype:
            raise TypeError(
                f"{op}: {name} must have x's dtype {x.dtype}, got {array.dtype}. "
                "Fix: x.astype(...), or the layer's dtype argument."
            )
    if lengths is not None and (
        tuple(lengths.shape) != (x.shape[1],) or "int" not in str(lengths.dtype)
    ):
        raise ValueError(
            f"{op}: lengths must be integers of shape ({x.shape[1]},), one for each example, got "
            f"{lengths.dtype}{tuple(lengths.shape)}"
        )


def multiply_adds(y: Any, x: Array, *others: Any, **_: Any) -> int:
    """Each step multiplies its input by w_ih and its state by w_hh, for each example."""
    w_ih, w_hh = [a for a in others if hasattr(a, "shape") and a.ndim == 2][-2:]
    return math.prod((*x.shape[:2], w_ih.shape[0], x.shape[2] + w_hh.shape[1]))
