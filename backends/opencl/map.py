"""One launch of the elementwise kernels: which variant fits the operands' layouts.

Operands that are one run of elements, or one element, are read by a step of 1 or 0; all others
through a table of at most MAX_AXES axes, in which neighbouring axes are joined where they can be.
"""

from __future__ import annotations

import struct

from nnkit.backends.device.launcher import grid
from nnkit.backends.opencl.array import Array
from nnkit.backends.opencl.dtypes import DType, c_name, on_device
from nnkit.backends.opencl.launch import launcher_of
from nnkit.backends.opencl.layout import Strides, broadcast_strides, collapse
from nnkit.errors import KernelUnavailable
from nnkit.typing import Shape

MAX_AXES = 8

_NO_LAYOUT = bytes(5 * MAX_AXES * 8)
_PACK = struct.Struct(f"<{5 * MAX_AXES}q")


def launch(name: str, inputs: list[Array], y: Array, compute: DType) -> None:
    """Enqueue one elementwise kernel that writes all of y; inputs are broadcast to y's shape."""
    n = y.size
    if n == 0:
        return
    if not all(on_device(x.dtype) for x in (*inputs, y)):
        raise KernelUnavailable(f"{name} has no kernel for {y.dtype}")
    flat = _flat_steps(inputs, y)
    if flat is not None:
        axes, steps, layout = 1, flat, _NO_LAYOUT
    else:
        strides = [broadcast_strides(x.shape, x.strides, y.shape) for x in inputs]
        shape, operands = collapse(y.shape, [*strides, y.strides])
        if len(shape) > MAX_AXES:
            raise KernelUnavailable(f"{name} on views of more than {MAX_AXES} axes")
        axes, layout = len(shape), _layout(shape, operands)
        steps = [s[-1] for s in operands]
    defines = _defines(name, inputs, y, compute, axes, steps)
    launcher = launcher_of(y.device)
    groups, items = grid(launcher, n)
    kernel = f"map{len(inputs)}"
    launcher.launch("elementwise", kernel, groups, items, *inputs, y, n, layout, **defines)


def _flat_steps(inputs: list[Array], y: Array) -> list[int] | None:
    """The step of each operand where all is one run of elements, or None."""
    if not y.is_contiguous:
        return None
    steps = []
    for x in inputs:
        if x.shape == y.shape and x.is_contiguous:
            steps.append(1)
        elif x.size == 1:
            steps.append(0)
        else:
            return None
    return [*steps, 1]


def _layout(shape: Shape, operands: list[Strides]) -> bytes:
    """The struct Layout of kernels/elementwise.cl."""

    def padded(values: tuple[int, ...]) -> tuple[int, ...]:
        return values + (0,) * (MAX_AXES - len(values))

    *inputs, y = operands
    unused = [(0,) * MAX_AXES] * (3 - len(inputs))
    rows = [padded(shape), *map(padded, inputs), *unused, padded(y)]
    return _PACK.pack(*(value for row in rows for value in row))


def _defines(
    name: str, inputs: list[Array], y: Array, compute: DType, axes: int, steps: list[int]
) -> dict[str, str | int]:
    types = [c_name(x.dtype) for x in inputs] + ["u8"] * (3 - len(inputs))
    result, work = c_name(y.dtype), c_name(compute)
    *ins, out = steps
    ins += [0] * (3 - len(ins))
    same = all(t == work for t in types[: len(inputs)]) and result == work
    vector = (
        y.device.cpu and same and compute.kind == "f" and out == 1 and all(s in (0, 1) for s in ins)
    )
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
    return str(step) if step in (0, 1) else f"LAST({operand})"
