"""The names of dtypes, which every namespace has its own objects for."""

from __future__ import annotations

from functools import cache

from nnkit.typing import DType


@cache  # NumPy spells a dtype's name anew each time, which costs more than a small op
def dtype_name(dtype: DType) -> str:
    """The name that all namespaces share.

    >>> import numpy
    >>> dtype_name(numpy.float32), dtype_name(numpy.dtype("int64")), dtype_name("float64")
    ('float32', 'int64', 'float64')
    """
    if isinstance(dtype, str):
        return dtype
    return str(getattr(dtype, "__name__", dtype)).rpartition(".")[2]
