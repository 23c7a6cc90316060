"""The tensors that belong to a module: those that it learns, and those that it only keeps."""

from __future__ import annotations

from typing import Any

from nnkit.backend import Backend
from nnkit.nn import init
from nnkit.tensor import Tensor, tensor
from nnkit.typing import DType, Shape


class Parameter(Tensor):
    """A tensor that a module learns: kept in `parameters()`, wants a gradient.

    Args:
        data: a tensor (its array is taken over), or anything that `nnkit.tensor` takes.
        requires_grad: False freezes it.

    >>> from nnkit import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         self.factor = nn.Parameter([2.0])
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> [name for name, _ in Scale().named_parameters()]
    ['factor']
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        source = data if isinstance(data, Tensor) else tensor(data)
        super().__init__(source.data, source.backend, requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class Buffer(Tensor):
    """A tensor that belongs to a module and is saved with it, but is not learnt.

    >>> from nnkit import nn
    >>> class Shift(nn.Module):
    ...     def __init__(self):
    ...         self.offset = nn.Buffer([1.0, 2.0])
    ...     def forward(self, x):
    ...         return x + self.offset
    >>> list(Shift().state_dict()), list(Shift().parameters())
    (['offset'], [])
    """

    __slots__ = ("persistent",)

    def __init__(self, data: Any, persistent: bool = True) -> None:
        source = data if isinstance(data, Tensor) else tensor(data)
        super().__init__(source.data, source.backend)
        self.persistent = persistent

    def _option(self) -> bool:
        return self.persistent


def replace(t: Tensor, data: Any, backend: Backend) -> None:
    """Give a leaf another array, as if it had just been made from it."""
    t.data, t.backend, t.grad = data, backend, None
    t.version += 1
    t._leaf = None  # its node in the graph names the backend


def started(
    how: init.Start | None, default: init.Start, shape: Shape, dtype: DType = "float32"
) -> Parameter:
    """A parameter with the first values that the user chose, or a layer's default."""
    return Parameter(tensor(init.start(default if how is None else how, shape), dtype=dtype))


def started_or_left_out(
    layer: str,
    wanted: bool,
    how: init.Start | None,
    default: init.Start,
    shape: Shape,
    dtype: DType = "float32",
) -> Parameter | None:
    """The bias that a layer may go without.

    Raises:
        ValueError: for first values of a bias that is left out.
    """
    if how is not None and not wanted:
        raise ValueError(f"{layer}: bias_init was given, but bias is False")
    return started(how, default, shape, dtype) if wanted else None
