"""The namespace that ops are handed while a step is recorded: each call of a function is noted."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from nnkit.backends.numpy import into
from nnkit.backends.numpy.record import Recorder, arrays_in, current, plain
from nnkit.typing import Namespace

CREATION = frozenset(
    [
        "arange",
        "asarray",
        "empty",
        "empty_like",
        "eye",
        "full",
        "full_like",
        "linspace",
        "ones",
        "ones_like",
        "zeros",
        "zeros_like",
    ]
)
WITHOUT_VALUES = frozenset(["empty", "empty_like"])
"""Their memory holds chance values, which no two recordings share: only later calls count."""
ABOUT = frozenset(["astype_dtype", "can_cast", "finfo", "iinfo", "isdtype", "result_type"])
OUT = {
    "sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min, "prod": np.prod,
    "concat": np.concatenate, "stack": np.stack, "argmax": np.argmax, "argmin": np.argmin,
}  # fmt: skip
"""NumPy's own names of functions that can write where they are told."""


class RecordingNamespace:
    """Stands for `xp` while the thread records; `ext` likewise."""

    def __init__(self, base: Namespace) -> None:
        self.ext = _Ext(base.ext)
        for name, thing in vars(base).items():
            if name not in ("ext", "base"):
                vars(self)[name] = _noted(name, thing)


class _Ext:
    def __init__(self, base: Any) -> None:
        for name in base.__all__:
            vars(self)[name] = _noted(name, getattr(base, name))
        vars(self)["matmul_add"] = _matmul_add


def _matmul(a: Any, b: Any) -> Any:
    function = into.dot if into.is_dot(plain(a), plain(b)) else np.matmul
    return recorder().call(function, (a, b), {}, takes_out=True)


def _where(condition: Any, x: Any, y: Any) -> Any:
    return recorder().call(into.where, (condition, x, y), {}, takes_out=True)


def _astype(x: Any, dtype: Any, *, copy: bool = True, device: Any = None) -> Any:
    if not copy and x.dtype == dtype:
        return x
    return recorder().call(into.cast, (x, np.dtype(dtype)), {}, takes_out=True)


OWN: dict[str, Callable[..., Any]] = {"astype": _astype, "matmul": _matmul, "where": _where}
"""Functions that are noted in another form than NumPy's, one that is told where to write."""


def _matmul_add(a: Any, b: Any, bias: Any) -> Any:
    y = _matmul(a, b)
    return y if bias is None else recorder().call_into(y, np.add, (y, bias), {})


def _noted(name: str, thing: Any) -> Any:
    if isinstance(thing, np.ufunc | type) or not callable(thing):
        return thing
    if name in OWN:
        return wraps(thing)(OWN[name])
    if name in ABOUT:
        return lambda *args, **options: thing(*plain(args), **plain(options))
    if name in CREATION:
        return wraps(thing)(lambda *args, **options: _created(thing, args, options))
    return wraps(thing)(lambda *args, **options: _called(name, thing, args, options))


def _created(function: Any, args: Any, options: Any) -> Any:
    if function.__name__ == "asarray" and arrays_in(args):
        return recorder().call(function, args, options)
    made = np.asarray(function(*plain(args), **plain(options)))
    if function.__name__ in WITHOUT_VALUES:
        return recorder().slot(made)
    return recorder().constant(made)


def _called(name: str, function: Any, args: Any, options: Any) -> Any:
    if name in OUT and _the_same(OUT[name], function, args, options):
        return recorder().call(OUT[name], args, options, takes_out=True)
    return recorder().call(function, args, options)


def _the_same(numpys: Any, function: Any, args: Any, options: Any) -> bool:
    """Whether NumPy's own function, which can be told where to write, gives the same bits."""
    a, b = (np.asarray(f(*plain(args), **plain(options))) for f in (numpys, function))
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def recorder() -> Recorder:
    """The recorder of this thread."""
    found = current()
    assert found is not None, "the recording is over"
    return found
