"""Rows for `nnkit/ops/matmul.py`."""

from __future__ import annotations

import numpy as np

from tests.cases.table import Family, real

family = Family()
row = family.row
CASES = family.cases


def linear(x, weight, bias=None):
    y = x @ weight.T
    return y if bias is None else y + bias


row("matmul", np.matmul, real(4, 7), real(7, 5))
row("matmul", np.matmul, real(4, 7).transposed, real(7, 5))
row("matmul", np.matmul, real(4, 7), real(7, 5).transposed)
row("matmul", np.matmul, real(4, 7).transposed, real(7, 5).transposed)
row("matmul", np.matmul, real(4, 7).strided, real(7, 5).backwards)
row("matmul", np.matmul, real(7), real(7, 5))
row("matmul", np.matmul, real(4, 7), real(7))
row("matmul", np.matmul, real(7), real(7))
row("matmul", np.matmul, real(3, 4, 7), real(3, 7, 5))
row("matmul", np.matmul, real(3, 4, 7), real(7, 5))
row("matmul", np.matmul, real(2, 1, 4, 7), real(3, 7, 5))
row("matmul", np.matmul, real(3, 4, 7), real(7))
row("matmul", np.matmul, real(3, 4, 7).transposed, real(3, 7, 5).backwards)
row("matmul", np.matmul, real(1, 1), real(1, 1))
row("matmul", np.matmul, real(1, 7), real(7, 1))
row("matmul", np.matmul, real(4, 1), real(1, 5))
row("matmul", np.matmul, real(4, 0), real(0, 5))
row("matmul", np.matmul, real(0, 7), real(7, 5))
row("matmul", np.matmul, real(17, 33), real(33, 65))
row("matmul", np.matmul, real(100, 64), real(64, 50), time_=True)
row("matmul", np.matmul, real(64, 784), real(784, 128), time_=True)
row("matmul", np.matmul, real(257, 301), real(301, 263), time_=True)
row("matmul", np.matmul, real(512, 512), real(512, 512), time_=True)

row("linear", linear, real(4, 7), real(5, 7), real(5))
row("linear", linear, real(4, 7), real(5, 7), None)
row("linear", linear, real(7), real(5, 7), real(5))
row("linear", linear, real(2, 3, 7), real(5, 7), real(5))
row("linear", linear, real(4, 7).transposed, real(5, 7).strided, real(5).backwards)
row("linear", linear, real(4, 7, grad=False), real(5, 7), real(5))
row("linear", linear, real(1, 1), real(1, 1), real(1))
row("linear", linear, real(0, 7), real(5, 7), real(5))
row("linear", linear, real(33, 65), real(17, 65), real(17))
row("linear", linear, real(100, 64), real(50, 64), real(50), time_=True)
row("linear", linear, real(64, 784), real(128, 784), real(128), time_=True)
