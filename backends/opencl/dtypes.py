"""dtypes: which there are, how they promote, and what the kernels call them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from nnkit.dtypes import dtype_name

DType = np.dtype[Any]

NAMES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float32", "float64", "complex64", "complex128",
)  # fmt: skip
ALL = {name: np.dtype(name) for name in NAMES}
BOOL, INT64, FLOAT32 = ALL["bool"], ALL["int64"], ALL["float32"]

_C_NAMES = {
    "bool": "u8", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64",
    "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64",
    "float32": "float", "float64": "double",
}  # fmt: skip
_KINDS = {"b": "bool", "i": "integer", "u": "integer", "f": "floating", "c": "floating"}


def c_name(dtype: DType) -> str:
    """The type's name in kernels."""
    return _C_NAMES[dtype_name(dtype)]


def on_device(dtype: DType) -> bool:
    """Whether kernels compute in it; complex numbers are stored there and computed on the host."""
    return dtype.kind != "c"


def unsigned(dtype: DType) -> DType:
    """The unsigned integers as wide as signed ones; other dtypes as they are.

    >>> unsigned(np.dtype("int16"))
    dtype('uint16')
    """
    return ALL[f"u{dtype.name}"] if dtype.kind == "i" else dtype


@cache
def promote(a: DType, b: DType) -> DType:
    """The dtype in which two arrays meet, by the standard's tables.

    Raises:
        TypeError: for two kinds (bool, integer, floating), which the standard does not mix.
    """
    if a == b:
        return a
    if _KINDS[a.kind] != _KINDS[b.kind]:
        raise TypeError(f"{a} and {b} do not mix. Fix: convert one with astype.")
    result = np.result_type(a, b)
    if result.kind == "f" and a.kind != "f" and b.kind != "f":
        raise TypeError(f"{a} and {b} have no common integer dtype. Fix: convert one with astype.")
    return result


def beside_scalar(dtype: DType, value: bool | int | float | complex) -> DType:
    """The dtype in which an array of `dtype` and a Python number meet.

    It is the array's, if the kind allows it; real floats become complex beside a complex number.

    Raises:
        TypeError: for a float beside integers, and the like; Python numbers never promote.
    """
    if isinstance(value, complex) and dtype.kind == "f":
        return ALL["complex64"] if dtype == FLOAT32 else ALL["complex128"]
    kinds = {bool: "b", int: "iufc", float: "fc", complex: "c"}
    allowed = next(letters for kind, letters in kinds.items() if isinstance(value, kind))
    if dtype.kind not in allowed:
        raise TypeError(
            f"the Python number {value!r} does not fit an array of {dtype}: numbers never "
            "promote. Fix: convert the array with astype."
        )
    return dtype


def scalar_dtype(value: bool | int | float | complex, beside: DType) -> DType:
    """The dtype that a Python number takes beside an array: see `beside_scalar`.

    Raises:
        OverflowError: for an integer that the dtype does not hold.
    """
    dtype = beside_scalar(beside, value)
    if isinstance(value, int) and dtype.kind in "iu":
        info = np.iinfo(dtype)
        if not info.min <= value <= info.max:
            raise OverflowError(f"{value} does not fit {dtype}")
    return dtype
