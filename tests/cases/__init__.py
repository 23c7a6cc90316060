"""THE table: every op and update, by the families of `nnkit/ops`, with float64 NumPy beside it.

A row names the op, its inputs, its options and an oracle; the tests run it on every backend in
every float dtype, forward and backward, and the benchmarks time the rows that say so. To add one,
write a `row(...)` in its family. An op without a row fails the suite.
"""

from tests.cases import (
    activation,
    attention,
    conv,
    elementwise,
    index,
    loss,
    loss_binary,
    loss_classes,
    matmul,
    norm,
    pool,
    random,
    recurrent,
    reduce,
    shape,
    update,
)
from tests.cases.table import Case, Input, cases_of

FAMILIES = (
    elementwise,
    reduce,
    shape,
    index,
    matmul,
    loss,
    loss_binary,
    loss_classes,
    random,
    update,
    conv,
    pool,
    recurrent,
    norm,
    activation,
    attention,
)
CASES: list[Case] = [case for family in FAMILIES for case in family.CASES]

OP_CASES = [case for case in CASES if not case.is_update]

UPDATE_CASES = [case for case in CASES if case.is_update]

GRADIENT_CASES = [case for case in OP_CASES if case.differentiable]

__all__ = ["CASES", "GRADIENT_CASES", "OP_CASES", "UPDATE_CASES", "Case", "Input", "cases_of"]
