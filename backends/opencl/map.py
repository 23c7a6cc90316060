"""One launch of the elementwise kernels: which variant fits the operands' layouts.

Operands that are one run of elements, or one element, are read by a step of 1 or 0; all others
through a table of at most MAX_AXES axes, in which neighbouring axes are joined where they can be.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, cast

from nnkit.backends.device.launcher import Grid, Launcher, grid
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dtypes import DType, c_name, on_device
from nnkit.backends.opencl.launch import OpenCLLauncher, Ready, launcher_of
from nnkit.backends.opencl.layout import Strides, broadcast_strides, collapse
from nnkit.errors import KernelUnavailable
from nnkit.typing import Shape

MAX_AXES = 8

NO_LAYOUT = bytes(5 * MAX_AXES * 8)
_PACK = struct.Struct(f"<{5 * MAX_AXES}q")


class _Cores(NamedTuple):
    """What `grid` asks of a launcher."""

    cpu: bool
    compute_units: int
    max_group: int


@lru_cache(maxsize=1024)
def _grid(n: int, cpu: bool, compute_units: int, max_group: int) -> Grid:
    return grid(cast("Launcher", _Cores(cpu, compute_units, max_group)), n)


def launch(name: str, inputs: Sequence[Array], y: Array, compute: DType) -> None:
    """Enqueue one elementwise kernel that writes all of y; inputs are broadcast to y's shape."""
    n = y.size
    if n == 0:
        return
    axes, layout, steps = 1, NO_LAYOUT, _flat_steps(inputs, y)
    if steps is None:
        found = _strided(inputs, y)
        if found is None:
            _in_slices(name, inputs, y, compute)
            return
        axes, layout, steps = found
    launcher = launcher_of(y.device)
    key = (name, compute, y.dtype, axes, steps, launcher.cpu, *[x.dtype for x in inputs])
    known = launcher.per_thread.ready
    ready = known.get(key)
    if ready is None:
        ready = known[key] = _ready(launcher, name, inputs, y, compute, axes, steps)
    groups, items = _grid(n, launcher.cpu, launcher.compute_units, launcher.max_group)
    launcher.run(ready, groups, items, (*inputs, y, n, layout))


def _flat_steps(inputs: Sequence[Array], y: Array) -> Strides | None:
    """The step of each operand where all is one run of elements, or None."""
    if not y.is_contiguous:
        return None
    shape = y.shape
    steps = []
    for x in inputs:
        if x.shape == shape and x.is_contiguous:
            steps.append(1)
        elif x.size == 1:
            steps.append(0)
        else:
            return None
    return (*steps, 1)


def _in_slices(name: str, inputs: Sequence[Array], y: Array, compute: DType) -> None:
    """A launch for each index of the shortest axis: there are more axes than a kernel reads."""
    _, axis = min((n, axis) for axis, n in enumerate(y.shape) if n > 1)
    shape = y.shape
    whole = [x.view(shape, broadcast_strides(x.shape, x.strides, shape)) for x in inputs]
    for i in range(shape[axis]):
        at = (*(slice(None),) * axis, i)
        launch(name, [x[at] for x in whole], y[at], compute)


def _strided(inputs: Sequence[Array], y: Array) -> tuple[int, bytes, Strides] | None:
    """Axes that are left when neighbours are joined, the struct, and the last axis's steps.

    A step is 0 or 1, or -1 for one that the kernel reads from the struct. None for more axes than
    that holds.
    """
    strides = [broadcast_strides(x.shape, x.strides, y.shape) for x in inputs]
    shape, operands = collapse(y.shape, [*strides, y.strides])
    if len(shape) > MAX_AXES:
        return None
    steps = tuple(s[-1] if s[-1] in (0, 1) else -1 for s in operands)
    return len(shape), _layout(shape, operands), steps


def _ready(
    launcher: OpenCLLauncher,
    name: str,
    inputs: Sequence[Array],
    y: Array,
    compute: DType,
    axes: int,
    steps: Strides,
) -> Ready:
    """The kernel for these dtypes and steps, built at need."""
    if not all(on_device(x.dtype) for x in (*inputs, y)):
        raise KernelUnavailable(f"{name} has no kernel for {y.dtype}")
    defines = _defines(name, inputs, y, compute, axes, steps)
    return launcher.ready("elementwise", f"map{len(inputs)}", defines)


def _layout(shape: Shape, operands: list[Strides]) -> bytes:
    """The struct Layout of kernels/elementwise.cl."""

    def padded(values: tuple[int, ...]) -> tuple[int, ...]:
        return values + (0,) * (MAX_AXES - len(values))

    *inputs, y = operands
    unused = [(0,) * MAX_AXES] * (3 - len(inputs))
    rows = [padded(shape), *map(padded, inputs), *unused, padded(y)]
    return _PACK.pack(*(value for row in rows for value in row))


def _defines(
    name: str, inputs: Sequence[Array], y: Array, compute: DType, axes: int, steps: Strides
) -> dict[str, str | int]:
    types = [c_name(x.dtype) for x in inputs] + ["u8"] * (3 - len(inputs))
    result, work = c_name(y.dtype), c_name(compute)
    *given, out = steps
    ins = [*given, *[0] * (3 - len(given))]
    vector = y.device.cpu and out == 1 and all(s in (0, 1) for s in ins)
    return {
        "OP": f"op_{name}",
        "NIN": len(inputs),
        "TA": types[0],
        "TB": types[1],
        "TC": types[2],
        "CT": work,
        "TO": result,
        "NDIM": axes,
        "S_A": _step("a", ins[0]),
        "S_B": _step("b", ins[1]),
        "S_C": _step("c", ins[2]),
        "S_Y": _step("y", out),
        "VECTOR": int(vector),
    }


def _step(operand: str, step: int) -> str:
    return f"LAST({operand})" if step < 0 else str(step)
