"""The functional way to write a network: `Input`, layers called on symbols, and `Model`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnkit.dtypes import dtype_name
from nnkit.nn.module import Module
from nnkit.nn.symbol import BATCHES, FREE, Symbol, called, leaves, mapped, shape_text
from nnkit.nn.wiring import Place, calls, name_parts, steps_between
from nnkit.tensor import Tensor
from nnkit.typing import DType, Shape


def Input(  # noqa: N802 (Keras's name)
    shape: Sequence[int | None], *, dtype: DType = "float32", name: str | None = None
) -> Any:
    """A symbolic tensor for data that a `Model` will be called with.

    Args:
        shape: of one example, without the axis of the batch; None leaves a length open.
        dtype: of the data.
        name: for messages.

    >>> import nnkit
    >>> from nnkit import nn
    >>> x = nnkit.Input((64,))
    >>> nn.Linear(64, 10)(x)
    <symbolic tensor (N, 10) float32 of Linear>
    """
    if isinstance(shape, int) or not all(n is None or n >= 0 for n in shape):
        raise ValueError(f"Input: shape must be a tuple of lengths, such as (64,), got {shape!r}")
    first, second = (
        (batch, *(free if n is None else n for n in shape))
        for batch, free in zip(BATCHES, FREE, strict=True)
    )
    return Symbol((first, second), dtype_name(dtype), name=name)


class Model(Module):
    """A network of the layers between symbolic inputs and outputs.

    `model(a, b)` gives what `outputs` holds, in the same nesting. Layers called twice have one set
    of parameters; a model may be called on symbols and be part of another. Layers are named by
    their class and a number in the order in which they were first called ('linear_1'), or by
    `named`; the names stand in `state_dict`.

    Args:
        inputs: one `Input`, or several in the order in which the model takes them.
        outputs: one symbolic tensor, or a tuple, list or dictionary of them.
        named: names for layers.

    Raises:
        ValueError: where an input leads nowhere, or an output needs an `Input` that is not listed.

    >>> import nnkit
    >>> from nnkit import nn, ops
    >>> a, b = nnkit.Input((4,), name="a"), nnkit.Input((3,), name="b")
    >>> hidden = nn.Linear(4, 5)(a).relu()
    >>> model = nnkit.Model([a, b], nn.Linear(8, 2)(ops.concat(hidden, b, axis=1)))
    >>> model(nnkit.tensor([[0.0] * 4]), nnkit.tensor([[0.0] * 3])).shape
    (1, 2)
    >>> list(model.state_dict())
    ['linear_1.weight', 'linear_1.bias', 'linear_2.weight', 'linear_2.bias']
    """

    def __init__(self, inputs: Any, outputs: Any, **named: Module) -> None:
        given = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        steps = steps_between(given, outputs)
        parts = name_parts(steps, named)
        for name, part in parts.items():
            self.add_module(name, part) if isinstance(part, Module) else setattr(self, name, part)
        self._inputs = [(x.name or f"input_{i}", x) for i, x in enumerate(given, 1)]
        self._calls, self._outputs = calls(steps, given, outputs, parts)

    @property
    def symbols(self) -> list[Symbol]:
        """The inputs, which know their shapes and dtypes."""
        return [symbol for _, symbol in self._inputs]

    @property
    def inputs(self) -> dict[str, Any]:
        """Its inputs by name, in the order in which it takes them."""
        return dict(self._inputs)

    def forward(self, *inputs: Any) -> Any:
        """What the outputs are for these inputs."""
        values = self._checked(inputs)

        def find(x: Any) -> Any:
            return x.find(self, values) if isinstance(x, Place) else x

        for call in self._calls:
            function = getattr(self, call.name) if call.function is None else call.function
            values.append(function(*mapped(find, call.inputs), **mapped(find, call.options)))
            for number in call.last:
                values[number] = None
        return mapped(find, self._outputs)

    def _checked(self, inputs: tuple[Any, ...]) -> list[Any]:
        if len(inputs) == 1 and isinstance(inputs[0], list | tuple):
            inputs = tuple(inputs[0])
        if len(inputs) != len(self._inputs):
            names = ", ".join(name for name, _ in self._inputs)
            raise TypeError(f"Model: takes {len(self._inputs)} inputs ({names}), got {len(inputs)}")
        for x, (name, symbol) in zip(inputs, self._inputs, strict=True):
            if not isinstance(x, Tensor) or not _fits(x.shape, symbol.shape):
                got = f"shape {x.shape}" if isinstance(x, Tensor) else type(x).__name__
                raise ValueError(
                    f"Model: input '{name}' must be a tensor of shape "
                    f"{shape_text(symbol.samples)}, got {got}"
                )
        return list(inputs)

    def __repr__(self) -> str:
        names = [name for name, _ in self._inputs] + [call.name for call in self._calls]

        def name(x: Any) -> str:
            source = names[x.key] if isinstance(x.key, int) else x.key
            return source + "".join(f"[{step!r}]" for step in x.path)

        lines = [f"({n}): Input{shape_text(x.samples)}" for n, x in self._inputs]
        for call in self._calls:
            layer = (
                repr(getattr(self, call.name)) if call.function is None else called(call.function)
            )
            sources = [name(x) for x in leaves((call.inputs, call.options)) if isinstance(x, Place)]
            lines.append(f"({call.name}): {layer} of {', '.join(sources)}")
        lines.append(f"gives {', '.join(name(x) for x in leaves(self._outputs))}")
        return "\n".join(["Model(", *("  " + line.replace("\n", "\n  ") for line in lines), ")"])


def _fits(shape: Shape, wanted: tuple[int | None, ...]) -> bool:
    pairs = zip(shape, wanted, strict=False)
    return len(shape) == len(wanted) and all(m in (n, None) for n, m in pairs)
