"""Running a model once to see what each of its layers gives and costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnkit.autograd import no_grad
from nnkit.dispatch import Op
from nnkit.dtypes import dtype_name
from nnkit.nn.mode import mode
from nnkit.nn.module import Module
from nnkit.nn.symbol import leaves
from nnkit.tensor import Tensor
from nnkit.typing import Shape
from nnkit.watch import watching


@dataclass
class Call:
    """One call of a module, with what its own ops cost; those of modules inside count there."""

    name: str
    """As its caller knows it."""
    depth: int
    """How many callers it has below the model itself; -1 for the model."""
    module: Module
    first: bool
    """Whether the module was not called before: a shared layer is called again."""
    outputs: list[Shape] = field(default_factory=list)
    multiply_adds: int = 0
    result_bytes: int = 0
    """Of what its ops made, views left out."""


class Measurement:
    """The calls of one run, in order.

    Args:
        model: called once, in eval mode and without gradients.
        inputs: what it is called with.

    Attributes:
        largest: bytes of the inputs and results, parameters left out, of the op that has the most.
    """

    def __init__(self, model: Module, inputs: Sequence[Tensor]) -> None:
        self.calls: list[Call] = []
        self.largest = 0
        self._names = {id(module): name for name, module in model.named_modules()}
        self._held = {id(t.data) for t in (*model.parameters(), *model.buffers())}
        self._inside: list[Call] = []
        with ExitStack() as contexts:
            for module in model.modules():
                contexts.enter_context(module.register_forward_pre_hook(self._enter))
                contexts.enter_context(module.register_forward_hook(self._leave))
            for context in (mode(model, training=False), no_grad(), watching(self._ran)):
                contexts.enter_context(context)
            contexts.enter_context(np.errstate(all="ignore"))  # the inputs may be zeros
            model(*inputs)

    def _enter(self, module: Module, inputs: tuple[Any, ...]) -> None:
        name = self._names[id(module)]
        if self._inside:
            name = name.removeprefix(f"{self._names[id(self._inside[-1].module)]}.")
        first = all(call.module is not module for call in self.calls)
        self._inside.append(Call(name, len(self._inside) - 1, module, first))
        self.calls.append(self._inside[-1])

    def _leave(self, module: Module, inputs: tuple[Any, ...], output: Any) -> None:
        call = self._inside.pop()
        call.outputs = [y.shape for y in leaves(output) if isinstance(y, Tensor)]

    def _ran(self, op: Op, arrays: Sequence[Any], options: dict[str, Any], y: Any) -> None:
        call = self._inside[-1]
        made = 0 if op.is_view else sum(map(array_bytes, leaves(y)))
        read = sum(array_bytes(a) for a in arrays if id(a) not in self._held)
        call.result_bytes += made
        self.largest = max(self.largest, made + read)
        if op.multiply_adds is not None:
            call.multiply_adds += op.multiply_adds(y, *arrays, **options)


def array_bytes(array: Any) -> int:
    """What the elements of an array take; 0 for a number or None."""
    if not hasattr(array, "shape"):
        return 0
    return math.prod(map(int, array.shape)) * int(np.dtype(dtype_name(array.dtype)).itemsize)
