"""Rows for `nnkit/ops/elementwise.py`."""

from __future__ import annotations

import numpy as np

from tests.cases.table import Family, exact, positive, real, truth, whole

family = Family()
row = family.row
CASES = family.cases
nan, inf = np.nan, np.inf

ARITHMETIC = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply}
EXTREMES = {"maximum": np.maximum, "minimum": np.minimum}
COMPARISONS = {
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
}


def clip(x, min=None, max=None):
    return x.copy() if min is None and max is None else np.clip(x, min, max)


def pow_real(a, b):
    return np.power(np.asarray(a, np.float64), b)


for name, oracle in (ARITHMETIC | EXTREMES).items():
    row(name, oracle, real(4, 7), real(4, 7))
    row(name, oracle, real(4, 7), real(7))
    row(name, oracle, real(4, 1), real(3, 1, 7))
    row(name, oracle, real(4, 7), real())
    row(name, oracle, real(), real())
    row(name, oracle, real(0, 7), real(7))
    row(name, oracle, real(4, 7).transposed, real(4, 7))
    row(name, oracle, real(4, 7).strided, real(4, 1).backwards)
    row(name, oracle, real(3, 4, 7).transposed, real(4, 7).backwards)
    row(name, oracle, whole(4, 7), whole(7))
    row(name, oracle, whole(4, 7, dtype="int32"), whole(4, 1, dtype="int32"))
    row(name, oracle, exact([nan, inf, 1.0, -inf]), exact([1.0, 2.0, nan, 3.0]), grad_=False)
    row(name, oracle, real(700, 1100), real(700, 1100), time_=True)
    row(name, oracle, real(700, 1100), real(1100), time_=True)

for name, oracle in ARITHMETIC.items():
    row(name, oracle, real(4, 7), 2.5)
    row(name, oracle, 2.5, real(4, 7))
    row(name, oracle, real(4, 7), 3)
    row(name, oracle, whole(4, 7), 3)

for name, oracle in COMPARISONS.items():
    row(name, oracle, real(4, 7), real(7), grad_=False)
    row(name, oracle, whole(4, 7), whole(4, 7), grad_=False)
    row(name, oracle, whole(4, 7).transposed, whole(4, 1), grad_=False)
    row(name, oracle, whole(4, 7), 2, grad_=False)
    row(name, oracle, exact([nan, nan, inf, 0.0]), exact([nan, 1.0, inf, -0.0]), grad_=False)
    row(name, oracle, real(0, 7), real(7), grad_=False)

row("divide", np.divide, real(4, 7), positive(4, 7))
row("divide", np.divide, real(4, 7), positive(7))
row("divide", np.divide, real(4, 1), positive(3, 1, 7))
row("divide", np.divide, real(4, 7).transposed, positive(4, 7).strided)
row("divide", np.divide, real(4, 7), 2.5)
row("divide", np.divide, 2.5, positive(4, 7))
row("divide", np.divide, real(0, 7), positive(7))
row("divide", np.divide, exact([1.0, -1.0, 0.0, 5.0]), exact([0.0, 0.0, 0.0, inf]), grad_=False)
row("divide", np.divide, real(700, 1100), positive(700, 1100), time_=True)

row("pow", np.power, positive(4, 7), real(4, 7))
row("pow", np.power, positive(4, 7), real(7))
row("pow", np.power, positive(4, 7).transposed, real(4, 1).backwards)
row("pow", pow_real, real(4, 7), 2)
row("pow", pow_real, real(4, 7), 3.0)
row("pow", pow_real, positive(4, 7), 0.5)
row("pow", pow_real, 2.0, real(4, 7))
row("pow", np.power, positive(0, 7), real(7))
row("pow", pow_real, positive(700, 1100), 2.0, time_=True)
row("pow", np.power, exact([0.0, 0.0, 2.0, -2.0]), exact([0.0, 2.0, 0.0, 3.0]), grad_=False)

UNARY = {
    "negative": (np.negative, real),
    "exp": (np.exp, real),
    "log": (np.log, positive),
    "sqrt": (np.sqrt, positive),
    "abs": (np.abs, real),
    "log1p": (np.log1p, positive),
    "expm1": (np.expm1, real),
    "sin": (np.sin, real),
    "cos": (np.cos, real),
    "square": (np.square, real),
}
for name, (oracle, draw) in UNARY.items():
    row(name, oracle, draw(4, 7))
    row(name, oracle, draw(2, 3, 5))
    row(name, oracle, draw())
    row(name, oracle, draw(1, 1))
    row(name, oracle, draw(0, 7))
    row(name, oracle, draw(4, 7).transposed)
    row(name, oracle, draw(4, 7).strided)
    row(name, oracle, draw(4, 7).backwards)
    row(name, oracle, draw(700, 1100), time_=True)

row("negative", np.negative, whole(4, 7))
row("abs", np.abs, whole(4, 7))
row("abs", np.abs, exact([nan, -inf, 0.0, -0.0]), grad_=False)
row("exp", np.exp, exact([nan, inf, -inf, -1000.0, 1000.0]), grad_=False)
row("log", np.log, exact([nan, inf, 0.0, -1.0, 1.0]), grad_=False)
row("log", np.log, exact([1e-30, 1e30, 1.0, 1.0000001]), grad_=False)
row("sqrt", np.sqrt, exact([nan, inf, 0.0, -1.0, 1e-30]), grad_=False)

row("log1p", np.log1p, exact([nan, inf, 0.0, -1.0, -2.0, 1e-30]), grad_=False)
row("log1p", np.log1p, exact([1e-12, -1e-12]))
row("expm1", np.expm1, exact([nan, inf, -inf, -1000.0, 1000.0]), grad_=False)
row("expm1", np.expm1, exact([1e-12, -1e-12]))
for name, oracle in {"sin": np.sin, "cos": np.cos}.items():
    row(name, oracle, exact([nan, inf, -inf, 0.0, 100.0]), grad_=False)
row("square", np.square, whole(4, 7))
row("square", np.square, exact([nan, inf, -inf, -0.0]), grad_=False)

for x in (real(4, 7), real(4, 7).transposed, real(), real(0, 7), whole(4, 7)):
    row("sign", np.sign, x, grad_=False)
row("sign", np.sign, exact([nan, inf, -inf, 0.0, -1e-30]), grad_=False)

row("clip", clip, real(4, 7), min=-0.5, max=1.25)
row("clip", clip, real(4, 7).transposed, min=-0.5)
row("clip", clip, real(4, 7).strided, max=0.5)
row("clip", clip, real(3))
row("clip", clip, real(), min=0, max=1)
row("clip", clip, real(0, 7), min=0, max=1)
row("clip", clip, whole(4, 7), min=-2, max=3)
row("clip", clip, exact([nan, inf, -inf, 0.5]), min=-1.0, max=1.0, grad_=False)
row("clip", clip, real(700, 1100), min=-0.5, max=1.25, time_=True)

row("where", np.where, truth(4, 7), real(4, 7), real(4, 7))
row("where", np.where, truth(7), real(4, 1), real(4, 7))
row("where", np.where, truth(4, 7).transposed, real(4, 7).strided, real(1, 7).backwards)
row("where", np.where, truth(4, 7), real(4, 7), 0.5)
row("where", np.where, truth(4, 7), 0.5, real(7))
row("where", np.where, truth(0, 7), real(7), real(1, 7))
row("where", np.where, truth(4, 7), whole(4, 7), whole(7))
row("where", np.where, truth(700, 1100), real(700, 1100), real(700, 1100), time_=True)
