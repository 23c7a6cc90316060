"""The elementwise functions as tables: the dtypes each takes, computes in and gives."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from nnkit.backends.opencl.dtypes import BOOL, DType, unsigned
from nnkit.errors import KernelUnavailable


class Rule(NamedTuple):
    """What a function takes and gives; dtypes are told by the letters of NumPy's kinds."""

    takes: str
    gives_bool: bool = False
    wraps: bool = False
    """Whether integers are computed as unsigned ones, because C leaves open how others overflow."""
    same_as: tuple[str, str] = ("", "")
    """The kinds for which another function of the kernels does the same, and that function."""


def _rules(names: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


UNARY = {
    **_rules("positive conj real", Rule("iuf", same_as=("iuf", "positive"))),
    **_rules("floor ceil trunc round", Rule("iuf", same_as=("iu", "positive"))),
    **_rules("negative square", Rule("iuf", wraps=True)),
    **_rules("abs sign", Rule("iuf")),
    **_rules("reciprocal sqrt exp expm1 log log1p log2 log10", Rule("f")),
    **_rules("sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh", Rule("f")),
    **_rules("isnan isfinite isinf", Rule("iuf", gives_bool=True)),
    **_rules("signbit", Rule("f", gives_bool=True)),
    **_rules("logical_not", Rule("biuf", gives_bool=True)),
    **_rules("bitwise_invert", Rule("biu", same_as=("b", "logical_not"))),
}
EXT = _rules("erf", Rule("f"))
"""Functions of `ext`, which the standard does not have."""
BINARY = {
    **_rules("add subtract multiply", Rule("iuf", wraps=True)),
    **_rules("divide hypot atan2 copysign nextafter logaddexp", Rule("f")),
    **_rules("floor_divide remainder pow maximum minimum", Rule("iuf")),
    **_rules("less less_equal greater greater_equal", Rule("iuf", gives_bool=True)),
    **_rules("equal not_equal", Rule("biuf", gives_bool=True)),
    **_rules("logical_and logical_or logical_xor", Rule("biuf", gives_bool=True)),
    **_rules("bitwise_and bitwise_or bitwise_xor", Rule("biu")),
    **_rules("bitwise_left_shift bitwise_right_shift", Rule("iu")),
}

_REAL_ONLY = frozenset(
    _rules("less less_equal greater greater_equal maximum minimum", Rule("iuf"))
    | _rules("logical_and logical_or logical_xor logical_not", Rule("biuf"))
)
"""What NumPy computes for complex numbers and the standard does not define."""


class Plan(NamedTuple):
    """How a function runs on one dtype."""

    function: str
    """Its name in kernels/functions.h."""
    computes: DType
    gives: DType


@cache
def plan(name: str, dtype: DType) -> Plan:
    """How `name` runs on operands of `dtype`.

    Raises:
        TypeError: for a dtype that the function is not defined for.
        KernelUnavailable: for complex numbers, which the host computes.
    """
    rule = UNARY.get(name) or EXT.get(name) or BINARY[name]
    if dtype.kind not in rule.takes:
        if dtype.kind == "c" and name not in _REAL_ONLY:
            raise KernelUnavailable(f"{name} has no kernel for {dtype}")
        raise TypeError(f"{name} is not defined for {dtype}. Fix: convert with astype.")
    kinds, other = rule.same_as
    return Plan(
        function=other if dtype.kind in kinds else name,
        computes=unsigned(dtype) if rule.wraps else dtype,
        gives=BOOL if rule.gives_bool else dtype,
    )
