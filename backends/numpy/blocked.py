"""Large elementwise work, block by block in the cache and spread over the thread pool.

One function serves every elementwise op and update: it runs their composed definition on slices of
the flat arrays, so nothing about an op is said twice. All temporaries of a block stay in the cache,
and blocks run on all cores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnkit.backends.numpy import threads
from nnkit.dispatch import Function, Op
from nnkit.typing import Array, Namespace, Needs, Vjp

BLOCK = 16_384
"""Elements in a block: 64 KiB of float32, so that a few operands fit the second-level cache."""
SMALLEST = 4 * BLOCK
"""Below this the pool costs more than it gains."""

Blocks = list[slice]


def blocked(function: Function) -> Callable[..., Any]:
    """The blocked version of an elementwise op or update; it declines what it cannot split."""

    def run(xp: Namespace, *arrays: Any, **options: Any) -> Any:
        blocks = _blocks(arrays, options.get("needs"))
        if blocks is None:
            return NotImplemented
        flat = [a.reshape(-1) if _has_axes(a) else a for a in arrays]
        if isinstance(function, Op):
            shape = next(a.shape for a in arrays if _has_axes(a))
            return _op_in_blocks(function, xp, flat, blocks, shape, options)

        def update(block: slice) -> None:
            function.composed(xp, *_parts(flat, block), **options)

        threads.run(update, blocks)
        return None

    return run


def _op_in_blocks(
    op: Op, xp: Namespace, flat: list[Any], blocks: Blocks, shape: Any, options: dict[str, Any]
) -> tuple[Array, Vjp | None]:
    needs = options["needs"]
    first, first_vjp = op.composed(xp, *_parts(flat, blocks[0]), **options)
    y = np.empty(blocks[-1].stop, dtype=first.dtype)
    y[blocks[0]] = first
    vjps: dict[int, Vjp | None] = {0: first_vjp}

    def forward(block: slice) -> None:
        y[block], vjps[block.start] = op.composed(xp, *_parts(flat, block), **options)

    threads.run(forward, blocks[1:])
    if first_vjp is None:
        return y.reshape(shape), None

    def vjp(g: Array) -> tuple[Array | None, ...]:
        flat_g = g.reshape(-1)
        results = [
            np.empty(y.size, dtype=x.dtype) if need else None
            for x, need in zip(flat, needs, strict=True)
        ]

        def backward(block: slice) -> None:
            gradients = vjps[block.start](flat_g[block])  # type: ignore[misc]
            for result, gradient in zip(results, gradients, strict=True):
                if result is not None:
                    result[block] = gradient

        threads.run(backward, blocks)
        return tuple(None if r is None else r.reshape(shape) for r in results)

    return y.reshape(shape), vjp


def _has_axes(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.ndim > 0


def _parts(flat: Sequence[Any], block: slice) -> list[Any]:
    return [a[block] if _has_axes(a) else a for a in flat]


def _blocks(arrays: Sequence[Any], needs: Needs | None) -> Blocks | None:
    """How to cut the arrays, or None where they are small, of several shapes or with gaps."""
    shape = None
    for position, a in enumerate(arrays):
        if not _has_axes(a):
            if needs is not None and needs[position]:
                return None  # its gradient is a sum over all blocks
        elif a.size < SMALLEST or not a.flags.c_contiguous or shape not in (None, a.shape):
            return None
        else:
            shape = a.shape
    if shape is None:
        return None
    size = int(np.prod(shape))
    return [slice(i, min(i + BLOCK, size)) for i in range(0, size, BLOCK)]
