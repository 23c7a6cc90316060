"""The operators of the array: Python's methods by the names of the standard's functions.

Operands that are no arrays or numbers are left to their own class, as Python has it.
"""

from __future__ import annotations

from typing import Any

from nnkit.backends.opencl import functions


def _binary(name: str) -> Any:
    def method(self: Any, other: Any) -> Any:
        if not functions.is_operand(other):
            return NotImplemented
        return functions.call(name, self, other)

    return method


def _reflected(name: str) -> Any:
    def method(self: Any, other: Any) -> Any:
        if not functions.is_operand(other):
            return NotImplemented
        return functions.call(name, other, self)

    return method


def _in_place(name: str) -> Any:
    def method(self: Any, other: Any) -> Any:
        if not functions.is_operand(other):
            return NotImplemented
        return functions.call_into(self, name, other)

    return method


def _unary(name: str) -> Any:
    def method(self: Any) -> Any:
        return functions.call(name, self)

    return method


ARITHMETIC = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "pow",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift",
    "rshift": "bitwise_right_shift",
}
COMPARISONS = {
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
}
UNARY = {"neg": "negative", "pos": "positive", "abs": "abs", "invert": "bitwise_invert"}


def give(array: type) -> None:
    """Give the class of arrays its operators."""
    for method, function in (ARITHMETIC | {"matmul": "matmul"}).items():
        setattr(array, f"__{method}__", _binary(function))
        setattr(array, f"__r{method}__", _reflected(function))
        setattr(array, f"__i{method}__", _in_place(function))
    for method, function in COMPARISONS.items():
        setattr(array, f"__{method}__", _binary(function))
    for method, function in UNARY.items():
        setattr(array, f"__{method}__", _unary(function))
