"""How an op is called on tensors: find the backend, run, and leave a node in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nnkit.autograd import Node, is_grad_enabled
from nnkit.backend import Backend, label
from nnkit.errors import BackendMismatch
from nnkit.tensor import Tensor
from nnkit.typing import Array, Vjp

if TYPE_CHECKING:
    from nnkit.dispatch import Op


def apply(op: Op, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    """Run `op` where its tensors live and leave a node behind if a gradient is wanted."""
    backend = _common_backend(op, inputs)
    if backend is None:
        return _record(op, inputs, options)
    arrays = [x.data if isinstance(x, Tensor) else x for x in inputs]
    recording = is_grad_enabled()
    needs = tuple(recording and isinstance(x, Tensor) and x.requires_grad for x in inputs)
    y, vjp = op.forward(backend, arrays, needs, options)
    node = None
    if vjp is not None:
        node = _node(op, backend, inputs, needs, vjp)
        if backend.refuses and backend.override(op.name) is not None:
            node.inputs = [y] if op.is_idempotent else arrays
            node.options = {"needs": needs, **options}
    if isinstance(y, tuple):
        return _several(y, backend, node)
    return _result(y, backend, node)


def _result(y: Array, backend: Backend, node: Node | None) -> Tensor:
    result = Tensor(y, backend)
    if node is not None:
        result.requires_grad = True
        result.node = node
    return result


def _several(ys: tuple[Array, ...], backend: Backend, node: Node | None) -> tuple[Tensor, ...]:
    """A tensor for each result; the floating ones lead back to the op."""
    if node is None:
        return tuple(Tensor(y, backend) for y in ys)
    node.results = ys_like = tuple((tuple(y.shape), y.dtype) for y in ys)
    floating = [backend.xp.isdtype(dtype, "real floating") for _, dtype in ys_like]
    return tuple(
        _result(y, backend, node.result(i) if floating[i] else None) for i, y in enumerate(ys)
    )


def _node(op: Op, backend: Backend, inputs: Sequence[Any], needs: Sequence[bool], vjp: Vjp) -> Node:
    node = Node(backend)
    node.op, node.vjp = op, vjp
    node.parents = tuple(x.graph_node() if n else None for x, n in zip(inputs, needs, strict=True))
    node.sources = [(x, x.version) for x in inputs if isinstance(x, Tensor) and x.node is None]
    return node


def _common_backend(op: Op, inputs: Sequence[Any]) -> Backend | None:
    """Where the tensors are; None where one of them is symbolic and lives nowhere."""
    found: Backend | None = None
    for position, x in enumerate(inputs):
        if isinstance(x, Tensor):
            if found is None:
                found = x.backend
            elif x.backend is not found:
                raise BackendMismatch(
                    f"{op.name}: tensors live on two backends, {label(found)} and "
                    f"{label(x.backend)}. Fix: move one with tensor.to('{found.name}')."
                )
        elif x is not None and not isinstance(x, bool | int | float):
            if _is_symbol(x):
                return None
            name = op.array_names[min(position, len(op.array_names) - 1)]
            raise TypeError(
                f"{op.name}: argument '{name}' must be a Tensor or a Python number, got "
                f"{type(x).__name__}. Fix: nnkit.tensor(data)."
            )
    if found is None:
        raise TypeError(f"{op.name}: at least one argument must be a Tensor. Fix: nnkit.tensor(x).")
    return found


# Symbols are met where an argument is no tensor, so that tensors pay nothing for them. They stand
# in nnkit.nn, which needs ops: hence the imports in the functions.


def _is_symbol(x: Any) -> bool:
    from nnkit.nn.symbol import Symbol

    return isinstance(x, Symbol)


def _record(op: Op, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    from nnkit.nn.symbol import record

    return record(op, tuple(inputs), options)
