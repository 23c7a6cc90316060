"""The few names that annotations share.

An array here is whatever a backend's namespace makes (`numpy.ndarray`, `cupy.ndarray`, our own
OpenCL `Array`): the standard defines no common base class, so the alias documents intent alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

Array: TypeAlias = Any
DType: TypeAlias = Any
Namespace: TypeAlias = Any  # of the array API standard, with our extension `.ext`
Shape: TypeAlias = tuple[int, ...]
Axis: TypeAlias = int | Sequence[int] | None
Needs: TypeAlias = tuple[bool, ...]
"""For each input of an op, whether its gradient is wanted."""
Scalar: TypeAlias = bool | int | float

Vjp: TypeAlias = Callable[[Any], tuple[Array | None, ...]]
"""From the gradient of an op's result (a tuple, where it has several) to that of each input (None
where not needed)."""
