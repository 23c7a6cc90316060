"""What each function of the standard (2024.12) is called with: the one list of its names.

The arguments stand once for all functions that share them; `give` writes name and signature on a
function, so that `help`, and whoever inspects it, see what the standard says.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

MAIN = {
    "x, /": """
        abs acos acosh asin asinh atan atanh bitwise_invert ceil conj cos cosh exp expm1 floor imag
        isfinite isinf isnan log log1p log2 log10 logical_not negative positive real reciprocal
        round sign signbit sin sinh square sqrt tan tanh trunc matrix_transpose nonzero unique_all
        unique_counts unique_inverse unique_values""",
    "x1, x2, /": """
        add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor copysign
        divide equal floor_divide greater greater_equal hypot less less_equal logaddexp logical_and
        logical_or logical_xor maximum minimum multiply nextafter not_equal pow remainder subtract
        matmul""",
    "x, /, min=None, max=None": "clip",
    "condition, x1, x2, /": "where",
    "x, /, *, axis=None, keepdims=False": "all any argmax argmin count_nonzero max mean min",
    "x, /, *, axis=None, dtype=None, keepdims=False": "prod sum",
    "x, /, *, axis=None, correction=0.0, keepdims=False": "std var",
    "x, /, *, axis=None, dtype=None, include_initial=False": "cumulative_prod cumulative_sum",
    "x, /, *, axis=-1, n=1, prepend=None, append=None": "diff",
    "x, /, *, axis=-1, descending=False, stable=True": "argsort sort",
    "x1, x2, /, *, side='left', sorter=None": "searchsorted",
    "x, indices, /, *, axis=None": "take",
    "x, indices, /, *, axis=-1": "take_along_axis",
    "x1, x2, /, *, axis=-1": "vecdot",
    "x1, x2, /, *, axes=2": "tensordot",
    "*arrays": "broadcast_arrays",
    "x, /, shape": "broadcast_to",
    "arrays, /, *, axis=0": "concat stack",
    "x, /, *, axis=0": "unstack",
    "x, /, axis": "expand_dims squeeze",
    "x, /, *, axis=None": "flip",
    "x, source, destination, /": "moveaxis",
    "x, /, axes": "permute_dims",
    "x, repeats, /, *, axis=None": "repeat",
    "x, /, shape, *, copy=None": "reshape",
    "x, /, shift, *, axis=None": "roll",
    "x, repetitions, /": "tile",
    "x, /, *, k=0": "tril triu",
    "*arrays, indexing='xy'": "meshgrid",
    "obj, /, *, dtype=None, device=None, copy=None": "asarray",
    "start, /, stop=None, step=1, *, dtype=None, device=None": "arange",
    "shape, *, dtype=None, device=None": "empty ones zeros",
    "x, /, *, dtype=None, device=None": "empty_like ones_like zeros_like",
    "shape, fill_value, *, dtype=None, device=None": "full",
    "x, /, fill_value, *, dtype=None, device=None": "full_like",
    "n_rows, n_cols=None, /, *, k=0, dtype=None, device=None": "eye",
    "start, stop, /, num, *, dtype=None, device=None, endpoint=True": "linspace",
    "x, /, *, device=None, copy=None": "from_dlpack",
    "x, dtype, /, *, copy=True, device=None": "astype",
    "from_, to, /": "can_cast",
    "type, /": "finfo iinfo",
    "dtype, kind": "isdtype",
    "*arrays_and_dtypes": "result_type",
    "": "__array_namespace_info__",
}
LINALG = {
    "x, /": "det eigh eigvalsh inv matrix_transpose slogdet svdvals",
    "x, /, *, upper=False": "cholesky",
    "x1, x2, /, *, axis=-1": "cross vecdot",
    "x, /, *, offset=0": "diagonal",
    "x1, x2, /": "matmul outer solve",
    "x, /, *, keepdims=False, ord='fro'": "matrix_norm",
    "x, n, /": "matrix_power",
    "x, /, *, rtol=None": "matrix_rank pinv",
    "x, /, *, mode='reduced'": "qr",
    "x, /, *, full_matrices=True": "svd",
    "x1, x2, /, *, axes=2": "tensordot",
    "x, /, *, offset=0, dtype=None": "trace",
    "x, /, *, axis=None, keepdims=False, ord=2": "vector_norm",
}
FFT = {
    "x, /, *, n=None, axis=-1, norm='backward'": "fft hfft ifft ihfft irfft rfft",
    "x, /, *, s=None, axes=None, norm='backward'": "fftn ifftn irfftn rfftn",
    "n, /, *, d=1.0, dtype=None, device=None": "fftfreq rfftfreq",
    "x, /, *, axes=None": "fftshift ifftshift",
}


@cache
def _read(arguments: str) -> inspect.Signature:
    return inspect.signature(eval(f"lambda {arguments}: None"))  # noqa: S307 (the tables above)


def of(table: Mapping[str, str]) -> dict[str, inspect.Signature]:
    """The signature of each name in one of the tables."""
    return {name: _read(args) for args, names in table.items() for name in names.split()}


def give(functions: Mapping[str, Callable[..., Any]], table: Mapping[str, str]) -> None:
    """Write the standard's name and signature on each function that one of the tables lists."""
    for name, signature in of(table).items():
        function: Any = functions[name]
        function.__name__ = function.__qualname__ = name
        function.__signature__ = signature
