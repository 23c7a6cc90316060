"""What a model consists of and what it costs, layer by layer, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from nnkit import selection
from nnkit.dtypes import dtype_name
from nnkit.measure import Call, Measurement, array_bytes
from nnkit.nn.graph import Model
from nnkit.nn.module import Module
from nnkit.nn.parameter import Parameter
from nnkit.report import size, table
from nnkit.tensor import Tensor
from nnkit.typing import DType, Shape

WIDTH: Final = 80


@dataclass(frozen=True)
class Row:
    """One call of a layer."""

    name: str
    kind: str
    output: str
    parameters: int
    """Those that no row before has."""
    again: bool
    """Whether the layer was called before."""
    frozen: bool
    multiply_adds: int
    memory: int
    """Bytes of its parameters, buffers and results."""
    plain: bool
    """Whether it does more than call the layers in the rows below it."""


@dataclass(frozen=True)
class Summary:
    """A table for people by `print`, and the numbers in it.

    `memory_in_use` is that of parameters and buffers, and of the inputs and results of the op that
    has the most. `memory_in_training` is that of parameters, buffers, gradients of what is
    trainable, and all results, which backward may need; what the optimizer keeps comes on top.
    """

    title: str
    rows: tuple[Row, ...]
    trainable: int
    frozen: int
    multiply_adds: int
    memory_in_use: int
    memory_in_training: int

    @property
    def parameters(self) -> int:
        """Numbers in all parameters, each once."""
        return self.trainable + self.frozen

    def __str__(self) -> str:
        head = ("layer", "type", "output", "parameters", "multiply-adds", "memory")
        body = [_cells(row) for row in self.rows]
        total = ("total", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}", "")
        lines = table(head, _narrowed([*body, total, head])[:-1], left=3)
        rule = "-" * len(lines[0])
        lines = [self.title, "", lines[0], rule, *lines[1:-1], rule, lines[-1], ""]
        star = " (*)" if any(row.frozen for row in self.rows) else ""
        lines.append(f"parameters: {self.trainable:,} trainable, {self.frozen:,} frozen{star}")
        lines.append(
            f"memory: about {size(self.memory_in_use)} in use, {size(self.memory_in_training)} in "
            "training, and what the optimizer keeps"
        )
        return "\n".join(line.rstrip() for line in lines)

    __repr__ = __str__


def summary(
    model: Module, inputs: Any = None, batch_size: int = 1, dtype: DType | None = None
) -> Summary:
    """Run a model once and say what its layers give and cost; print it to see the table.

    The run is in eval mode, without gradients, and changes nothing. Multiply-adds are those of
    products, convolutions and the like, for the whole batch and forward alone (backward takes about
    twice as many); work on single elements is not counted.

    Args:
        model: any module.
        inputs: the shape of one example, (channels, height, width) for instance; a tensor; or a
            list with a shape or tensor for each input. An `nnkit.Model` knows its own.
        batch_size: how many examples, where shapes are given.
        dtype: of the zeros made for shapes; by default that of the parameters.

    >>> import nnkit
    >>> from nnkit import nn
    >>> model = nn.Sequential(nn.Linear(784, 50), nn.ReLU(), nn.Linear(50, 10))
    >>> print(nnkit.summary(model, (784,)))
    Sequential of (1, 784)
    <BLANKLINE>
    layer  type    output   parameters  multiply-adds    memory
    -----------------------------------------------------------
    0      Linear  (1, 50)      39,250         39,200  157.2 kB
    1      ReLU    (1, 50)           0              0     200 B
    2      Linear  (1, 10)         510            500    2.1 kB
    -----------------------------------------------------------
    total                       39,760         39,700
    <BLANKLINE>
    parameters: 39,760 trainable, 0 frozen
    memory: about 162.4 kB in use, 321.7 kB in training, and what the optimizer keeps
    """
    given = _examples(model, inputs, batch_size, dtype)
    measured = Measurement(model, given)
    rows = tuple(_rows(measured.calls))
    held = sum(array_bytes(t.data) for t in (*model.parameters(), *model.buffers()))
    learnt = [p for p in model.parameters() if p.requires_grad]
    results = sum(call.result_bytes for call in measured.calls)
    trainable = sum(p.numel() for p in learnt)
    return Summary(
        title=f"{type(model).__name__} of {', '.join(str(x.shape) for x in given)}",
        rows=rows,
        trainable=trainable,
        frozen=sum(p.numel() for p in model.parameters()) - trainable,
        multiply_adds=sum(call.multiply_adds for call in measured.calls),
        memory_in_use=held + measured.largest,
        memory_in_training=held
        + sum(array_bytes(p.data) for p in learnt)
        + sum(array_bytes(x.data) for x in given)
        + results,
    )


def _examples(model: Module, inputs: Any, batch: int, dtype: DType | None) -> list[Tensor]:
    """The tensors to call the model with."""
    first = next(model.parameters(), None)
    backend = selection.current() if first is None else first.backend
    usual = dtype_name(dtype or ("float32" if first is None else first.dtype))

    def zeros(shape: Any, name: str) -> Tensor:
        if not isinstance(shape, tuple) or not all(isinstance(n, int) for n in shape):
            raise TypeError(
                "summary: inputs must be the shape of one example, such as (784,), a tensor, or a "
                f"list of them, got {shape!r}"
            )
        return Tensor(backend.asarray(np.zeros((batch, *shape), name)), backend)

    if isinstance(model, Model) and inputs is None:
        types = [usual if "float" in x.dtype else x.dtype for x in model.symbols]
        return [zeros(x.shape[1:], name) for x, name in zip(model.symbols, types, strict=True)]
    given = inputs if isinstance(inputs, list) else [inputs]
    return [x if isinstance(x, Tensor) else zeros(x, usual) for x in given]


def _rows(calls: Sequence[Call]) -> Iterator[Row]:
    """A row for each call; the model itself gets one if it does more than call others."""
    called = {id(call.module) for call in calls}
    counted = set[int]()
    for call in calls:
        parts = list(_own(call.module, called))
        fresh = [t for t in parts if id(t) not in counted] if call.first else []
        counted |= {id(t) for t in fresh}
        learnt = [t for t in fresh if isinstance(t, Parameter)]
        plain = parts or call.multiply_adds or not any(call.module.children())
        if call.depth < 0 and not plain:
            continue
        yield Row(
            name="  " * call.depth + call.name if call.depth >= 0 else "(itself)",
            kind=type(call.module).__name__,
            output=_outputs(call.outputs),
            parameters=sum(p.numel() for p in learnt),
            again=bool(parts) and not call.first,
            frozen=bool(learnt) and not any(p.requires_grad for p in learnt),
            multiply_adds=call.multiply_adds,
            memory=call.result_bytes + sum(array_bytes(t.data) for t in fresh),
            plain=bool(plain),
        )


def _own(module: Module, called: set[int]) -> Iterator[Tensor]:
    """Parameters and buffers of a module, and of those inside that it uses without a call."""
    yield from module.parameters(recurse=False)
    yield from module.buffers(recurse=False)
    for child in module.children():
        if id(child) not in called:
            yield from _own(child, called)


def _outputs(shapes: Sequence[Shape]) -> str:
    return f"{shapes[0]}{', ...' if len(shapes) > 1 else ''}" if shapes else ""


def _cells(row: Row) -> tuple[str, ...]:
    """The row as text; `again` stands for parameters that were counted before."""
    count = "again" if row.again else f"{row.parameters:,}{'*' * row.frozen}"
    numbers = (count, f"{row.multiply_adds:,}", size(row.memory))
    if not row.plain:
        numbers = ("", "", size(row.memory) if row.memory else "")
    return row.name, row.kind, row.output, *numbers


def _narrowed(rows: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Names cut at their beginning, and then types at their end, to fit a terminal."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    excess = max(0, sum(widths) + 2 * (len(widths) - 1) - WIDTH)
    kind = max(8, widths[1] - max(0, excess - (widths[0] - 8)))
    name = max(8, widths[0] - excess)
    return [(_tail(row[0], name), _head(row[1], kind), *row[2:]) for row in rows]


def _tail(text: str, width: int) -> str:
    name = text.lstrip()
    indent = min(len(text) - len(name), width - 4)
    kept = max(width - indent, 4)
    return " " * indent + (name if len(name) <= kept else ".." + name[2 - kept :])


def _head(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 2] + ".."
