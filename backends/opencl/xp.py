"""The namespace of the array API standard (2024.12) for OpenCL arrays.

Creation functions take the device by keyword; `namespace(device)` binds one as the default.
"""

from __future__ import annotations

import functools as _functools
from collections.abc import Callable as _Callable
from typing import Any as _Any

from nnkit.backends.opencl import standard as _standard
from nnkit.backends.opencl.array import Array as _Array
from nnkit.backends.opencl.queue import Queue as _Queue

__array_api_version__ = "2024.12"

_names = _standard.names()
globals().update(_names)


class _Bound:
    """The namespace with a device for the functions that make arrays."""

    def __init__(self, device: _Queue) -> None:
        self.__name__ = __name__
        vars(self).update(_names)
        for name, make in _standard.CREATION.items():
            vars(self)[name] = _with_default(make, device)


def _with_default(make: _Callable[..., _Array], default: _Queue) -> _Callable[..., _Array]:
    @_functools.wraps(make)
    def create_on(*args: _Any, device: _Queue | None = None, **options: _Any) -> _Array:
        return make(*args, device=device or default, **options)

    return create_on


def namespace(device: _Queue) -> _Any:
    """The standard's namespace for one device."""
    return _Bound(device)
