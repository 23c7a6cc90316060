"""Products written for NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnkit.dispatch import OPS

if TYPE_CHECKING:
    from nnkit.typing import Array, Namespace, Needs


def linear(
    xp: Namespace, x: Array, weight: Array, bias: Array | None = None, *, needs: Needs
) -> Any:
    """`nnkit.ops.linear`, the bias's gradient as a product with ones: BLAS adds rows up faster."""
    y, vjp = OPS["linear"].composed(xp, x, weight, bias, needs=(*needs[:2], False))
    if not needs[2] or not y.size:
        return (y, vjp) if not needs[2] else NotImplemented

    def with_bias(g: Array) -> tuple[Array | None, ...]:
        rows = xp.reshape(g, (-1, weight.shape[0]))
        ones = xp.ones(rows.shape[0], dtype=rows.dtype)
        to_x, to_weight, _ = vjp(g) if vjp is not None else (None, None, None)
        return to_x, to_weight, xp.matmul(ones, rows)

    return y, with_bias
