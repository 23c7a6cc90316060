"""The namespace of the array API standard (2024.12) for OpenCL arrays.

This module makes arrays on the default device: the one in use if it is a device of OpenCL, else the
one that `nnkit.use("opencl")` would take. `namespace(device)` is the same for a device of its own.
"""

from __future__ import annotations

from types import SimpleNamespace as _SimpleNamespace
from typing import Any as _Any

from nnkit.backends.opencl import standard as _standard
from nnkit.backends.opencl.queue import Queue as _Queue

__array_api_version__ = "2024.12"

globals().update(_standard.names(None))


def namespace(device: _Queue) -> _Any:
    """The standard's namespace for one device."""
    names = _standard.names(device)
    return _SimpleNamespace(**names, __name__=__name__, __array_api_version__=__array_api_version__)
