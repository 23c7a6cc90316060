"""The names of dtypes, which every namespace has its own objects for."""

from __future__ import annotations

from functools import lru_cache

from nnkit.typing import DType


# NumPy spells a dtype's name anew each time, which costs more than a small op. `typed`, because the
# dtypes of two namespaces may share a hash and object to being compared.
@lru_cache(maxsize=None, typed=True)
def dtype_name(dtype: DType) -> str:
    """The name that all namespaces share.

    >>> import numpy
    >>> dtype_name(numpy.float32), dtype_name(numpy.dtype("int64")), dtype_name("float64")
    ('float32', 'int64', 'float64')
    """
    if isinstance(dtype, str):
        return dtype
    return str(getattr(dtype, "__name__", dtype)).rpartition(".")[2]
