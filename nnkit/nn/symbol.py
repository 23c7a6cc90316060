"""Symbolic tensors: what stands for data while a graph of layers is written down.

Operators and ops on a symbol, and modules called with one, leave a `Step` that says what to call.
Shapes are found by calling it on zeros of two batch sizes, in eval mode and without gradients: an
axis whose length differs follows the batch (or another free length), and is None in `shape`; what
works for one batch size alone fails here.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, Final, NoReturn

import numpy as np

from nnkit import selection
from nnkit.autograd import no_grad
from nnkit.backend import Backend
from nnkit.dtypes import dtype_name
from nnkit.nn.parameter import Buffer
from nnkit.nn.parts import Parts
from nnkit.operators import Operators
from nnkit.tensor import Tensor
from nnkit.typing import Shape

BATCHES: Final = (2, 3)
"""Not 1: statistics over one example are another case to many layers."""
FREE: Final = (32, 33)
"""Lengths of the axes that an `Input` leaves open with None."""

_numbers = count()


class Step:
    """A call of a module or an op, with symbols among its arguments."""

    __slots__ = ("function", "inputs", "number", "options")

    def __init__(self, function: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.function, self.inputs, self.options = function, inputs, options
        self.number = next(_numbers)
        """Grows from call to call, so that arguments come before what is made of them."""


class Symbol(Operators):
    """A tensor without values; has the operators and methods of a tensor. `nnkit.Input` makes one.

    Attributes:
        shape: None where the length is free, such as that of the batch.
        dtype: by name.
        step: the call that gives it; None for an `Input`.
        path: where it stands in what the call gives: () unless that is a tuple.
        name: of an `Input`, where it was given.
    """

    __slots__ = ("dtype", "name", "path", "samples", "step")
    __array_ufunc__ = None
    __iter__ = None

    def __init__(
        self,
        samples: tuple[Shape, Shape],
        dtype: str,
        step: Step | None = None,
        path: tuple[Any, ...] = (),
        name: str | None = None,
    ) -> None:
        self.samples = samples
        self.dtype = dtype
        self.step = step
        self.path = path
        self.name = name

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The lengths of the axes, None where free."""
        return tuple(n if n == m else None for n, m in zip(*self.samples, strict=True))

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.samples[0])

    @property
    def T(self) -> Any:  # noqa: N802 (NumPy's name)
        """The axes in reverse order."""
        return self.permute(*reversed(range(self.ndim)))

    def reshape(self, *shape: Any) -> Any:
        """The same elements in another shape; one length may be -1, which suits the batch."""
        if None in (shape if len(shape) != 1 else leaves(shape)):
            raise ValueError(
                f"reshape: the shape {shape} holds a length that is free. Fix: -1 in its place, or "
                "x.flatten(1) to join all axes but the batch."
            )
        return super().reshape(*shape)

    def zeros(self, which: int, backend: Backend) -> Tensor:
        """A tensor of its shape and dtype, for the first or the second batch size."""
        return Tensor(backend.asarray(np.zeros(self.samples[which], self.dtype)), backend)

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"a symbolic tensor has no '{name}': it stands for data that comes when the "
            "nnkit.Model is called. It has shape, dtype, and the operators and methods of a tensor."
        )

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "a symbolic tensor has no value to decide by. Fix: write the decision into the forward "
            "of a module, which is called as one layer."
        )

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("a symbolic tensor has no values for NumPy. Fix: nnkit.ops.")

    def __repr__(self) -> str:
        source = "Input" if self.step is None else called(self.step.function)
        return f"<symbolic tensor {shape_text(self.samples)} {self.dtype} of {source}>"


def has_symbol(tree: Any) -> bool:
    """Whether a symbol stands among nested arguments."""
    if isinstance(tree, list | tuple):
        return any(map(has_symbol, tree))
    if isinstance(tree, dict):
        return any(map(has_symbol, tree.values()))
    return isinstance(tree, Symbol)


def mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """`function` of every leaf of nested tuples, lists and dictionaries."""
    if isinstance(tree, list | tuple):
        parts = [mapped(function, part) for part in tree]
        return parts if isinstance(tree, list) else tuple(parts)
    if isinstance(tree, dict):
        return {name: mapped(function, part) for name, part in tree.items()}
    return function(tree)


def leaves(tree: Any) -> list[Any]:
    """The leaves of nested tuples, lists and dictionaries, in order."""
    found: list[Any] = []
    mapped(found.append, tree)
    return found


def record(function: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A step, and what it gives: a symbol, or symbols in the same nesting as its results."""
    step = Step(function, *mapped(_constant, (inputs, options)))
    backend = _where(step)
    samples = [_sample(step, which, backend) for which in range(len(BATCHES))]
    return _symbols(step, (), *samples)


def _constant(x: Any) -> Any:
    """A tensor of the user's becomes a buffer, which moves with the model that it gets into."""
    plain = type(x) is Tensor and not x.requires_grad
    return Buffer(x, persistent=False) if plain else x


def _where(step: Step) -> Backend:
    """Where the module's parameters or the op's other tensors are."""
    tensors = [x for x in leaves((step.inputs, step.options)) if isinstance(x, Tensor)]
    if isinstance(step.function, Parts):
        tensors += step.function.parameters()
    return tensors[0].backend if tensors else selection.current()


def _sample(step: Step, which: int, backend: Backend) -> Any:
    """What the call gives for zeros."""

    def zeros(x: Any) -> Any:
        return x.zeros(which, backend) if isinstance(x, Symbol) else x

    inputs, options = mapped(zeros, (step.inputs, step.options))
    try:
        with no_grad(), np.errstate(all="ignore"):  # zeros are no data
            return step.function(*inputs, **options)
    except Exception as error:
        shapes = [shape_text(x.samples) for x in leaves(step.inputs) if isinstance(x, Symbol)]
        error.add_note(
            f"{called(step.function)} was applied to a symbolic tensor of shape "
            f"{', '.join(shapes)}, and tried on zeros with a batch of {BATCHES[which]}."
        )
        raise


def _symbols(step: Step, path: tuple[Any, ...], one: Any, other: Any) -> Any:
    if isinstance(one, list | tuple):
        parts = [
            _symbols(step, (*path, i), *pair) for i, pair in enumerate(zip(one, other, strict=True))
        ]
        return parts if isinstance(one, list) else tuple(parts)
    if isinstance(one, dict):
        return {k: _symbols(step, (*path, k), v, other[k]) for k, v in one.items()}
    if not isinstance(one, Tensor):
        return one
    return Symbol((one.shape, other.shape), dtype_name(one.dtype), step, path)


def called(function: Any) -> str:
    """What people call a module or an op."""
    return type(function).__name__ if isinstance(function, Parts) else str(function.name)


def shape_text(samples: tuple[Shape, Shape]) -> str:
    """A shape for people, from those of two batch sizes.

    >>> shape_text(((2, 32, 64), (3, 33, 64)))
    '(N, ?, 64)'
    """
    pairs = zip(*samples, strict=True)
    names = [str(n) if n == m else "N" if (n, m) == BATCHES else "?" for n, m in pairs]
    return f"({', '.join(names)}{',' * (len(names) == 1)})"
