"""The table of the standard's functions and operators: a row tells what each is called with.

A function of the standard without a row fails the tests, so nothing can be left out by oversight.
"""

from __future__ import annotations

from hypothesis import strategies as st

from tests import standard_elements as elements
from tests import standard_special as special
from tests.standard_calls import (
    FLOATS,
    INTEGERS,
    NUMERIC,
    REAL,
    Call,
    Kind,
    Row,
    array,
    binary,
    composed,
    creation,
    reduction,
    unary,
    with_axis,
)

BITS = ("int32", "bool", *INTEGERS[1:])
EXACT = 0.0


def names(text: str, row: Row) -> dict[str, Row]:
    return dict.fromkeys(text.split(), row)


# -- the table -------------------------------------------------------------------------------------

FLOATING = Row(unary(FLOATS, "int32"), zeros=True)
SIZES = st.sampled_from([0, 3, (), (2, 3), (0, 2), [2, 1]])
FILLS = st.sampled_from([0, 2, True, 1.5])

FUNCTIONS: dict[str, Row] = {
    **names("acos acosh asin asinh atan atanh cos cosh exp expm1 log log1p log2 log10", FLOATING),
    **names("reciprocal sin sinh sqrt tan tanh", FLOATING),
    **names("abs negative positive square", Row(unary(NUMERIC, "bool"), zeros=True)),
    **names("sign", Row(unary(NUMERIC, "bool"), EXACT)),
    **names("ceil floor round trunc", Row(unary(NUMERIC, "bool"), EXACT, zeros=True)),
    **names("isfinite isinf isnan", Row(unary(NUMERIC, "bool"))),
    **names("signbit", Row(unary(FLOATS, "int32"))),
    **names("conj imag real", Row(composed(elements.complex_part), EXACT)),
    **names("logical_not", Row(unary(["bool"], ""))),  # ours take numbers too, as NumPy's do
    **names("bitwise_invert", Row(unary(BITS, "float32"))),
    **names("add multiply subtract", Row(binary(NUMERIC, "bool"), 1.0, zeros=True)),
    **names("divide", Row(binary(FLOATS, "int32"), 4.0, zeros=True)),
    **names("floor_divide remainder", Row(composed(elements.division), EXACT)),
    **names("pow", Row(composed(elements.pow))),
    **names("maximum minimum", Row(binary(NUMERIC, "bool"), EXACT)),
    **names("atan2 copysign", Row(binary(FLOATS, "int32"), zeros=True)),
    **names("hypot logaddexp nextafter", Row(binary(FLOATS, "int32"))),
    **names("equal not_equal", Row(binary(REAL, ""))),
    **names("greater greater_equal less less_equal", Row(binary(NUMERIC, "bool"))),
    **names("logical_and logical_or logical_xor", Row(binary(["bool"], "float32"))),
    **names("bitwise_and bitwise_or bitwise_xor", Row(binary(BITS, "float32"))),
    **names("bitwise_left_shift bitwise_right_shift", Row(composed(elements.shift))),
    "clip": Row(composed(elements.clip), EXACT),
    "where": Row(composed(elements.where), EXACT, zeros=True),
    **names("all any count_nonzero", Row(reduction(REAL))),
    **names("max min", Row(reduction(NUMERIC))),
    **names("sum prod", Row(reduction(NUMERIC))),
    **names("mean", Row(reduction(FLOATS))),
    **names("std var", Row(reduction(FLOATS, correction=st.sampled_from([0, 1, 0.5])))),
    **names("argmax argmin", Row(reduction(NUMERIC, several=False))),
    **names(
        "cumulative_sum cumulative_prod",
        Row(with_axis(NUMERIC, include_initial=st.booleans())),
    ),
    "diff": Row(composed(special.diff)),
    "astype": Row(composed(elements.astype), EXACT),
    "can_cast": Row(composed(elements.can_cast)),
    "isdtype": Row(composed(elements.isdtype)),
    "result_type": Row(composed(elements.result_type)),
    "finfo": Row(composed(lambda draw, name: Call((Kind(draw(st.sampled_from(FLOATS))),)))),
    "iinfo": Row(composed(lambda draw, name: Call((Kind(draw(st.sampled_from(INTEGERS))),)))),
    "concat": Row(composed(special.concat), EXACT),
    "stack": Row(composed(special.stack), EXACT),
    "unstack": Row(with_axis(REAL), EXACT),
    "broadcast_to": Row(composed(special.broadcast_to), EXACT),
    "broadcast_arrays": Row(composed(special.broadcast_arrays), EXACT),
    "moveaxis": Row(composed(special.moveaxis), EXACT),
    "permute_dims": Row(composed(special.permute), EXACT),
    "matrix_transpose": Row(unary(REAL, ""), EXACT),
    "expand_dims": Row(composed(special.expand), EXACT),
    "squeeze": Row(composed(special.squeeze), EXACT),
    "reshape": Row(composed(special.reshape), EXACT),
    "flip": Row(reduction(REAL, keep=False), EXACT),
    "repeat": Row(composed(special.repeat), EXACT),
    "roll": Row(composed(special.roll), EXACT),
    "tile": Row(composed(special.tile), EXACT),
    "take": Row(composed(special.take), EXACT),
    "take_along_axis": Row(composed(special.take_along), EXACT),
    "tril": Row(composed(special.tri), EXACT),
    "triu": Row(composed(special.tri), EXACT),
    "meshgrid": Row(composed(special.meshgrid), EXACT),
    "nonzero": Row(unary(REAL, "")),
    "searchsorted": Row(composed(special.searchsorted)),
    **names("sort argsort", Row(with_axis(NUMERIC, descending=st.booleans()))),
    **names("unique_all unique_counts unique_inverse unique_values", Row(unary(NUMERIC, ""))),
    "matmul": Row(composed(special.matmul)),
    "tensordot": Row(composed(special.tensordot)),
    "vecdot": Row(composed(special.vecdot)),
    "asarray": Row(composed(special.asarray), EXACT, default=True),
    "arange": Row(composed(special.arange), 4.0, default=True),
    "linspace": Row(composed(special.linspace), 4.0, default=True),
    "eye": Row(
        creation(st.integers(0, 4), st.none() | st.integers(0, 4), k=st.integers(-3, 3)),
        default=True,
    ),
    **names("ones zeros empty", Row(creation(SIZES), default=True)),
    **names("ones_like zeros_like empty_like", Row(creation(array(REAL)))),
    "full": Row(creation(SIZES, FILLS, kinds=FLOATS), default=True),
    "full_like": Row(creation(array(REAL), FILLS, kinds=FLOATS)),
}

# -- the array object ------------------------------------------------------------------------------

_ARITHMETIC = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "mod": "remainder",
    "floordiv": "floor_divide", "pow": "pow", "and": "bitwise_and", "or": "bitwise_or",
    "xor": "bitwise_xor", "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
    "matmul": "matmul",
}  # fmt: skip
_COMPARISONS = {
    "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater",
    "ge": "greater_equal",
}  # fmt: skip
_UNARY = {"neg": "negative", "pos": "positive", "abs": "abs", "invert": "bitwise_invert"}

OPERATORS: dict[str, str] = {
    **{f"__{name}__": function for name, function in (_ARITHMETIC | _COMPARISONS | _UNARY).items()},
    **{f"__r{name}__": function for name, function in _ARITHMETIC.items()},
    **{f"__i{name}__": function for name, function in _ARITHMETIC.items()},
}
"""Each operator's method and the function whose row it shares."""
CONVERSIONS = ("__bool__", "__int__", "__float__", "__complex__", "__index__")
PROPERTIES = ("T", "mT", "dtype", "ndim", "shape", "size")
ELSEWHERE = {
    "__array_namespace__", "__dlpack__", "__dlpack_device__", "__getitem__", "__setitem__",
    "device", "to_device",
}  # fmt: skip
"""Members with a test of their own."""
BESIDE_THE_STANDARD = {"__array__", "__buffer__", "__iter__", "__len__", "__hash__"}
