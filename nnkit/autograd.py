"""Reverse-mode differentiation: the graph that ops leave behind, and the loop that walks it back.

`apply.py` runs an op and, where a gradient is wanted, leaves a `Node` that holds the op's vjp and
the nodes of its inputs. `backward` orders the nodes with a loop (a chain of any length works) and
calls each vjp once, with the sum of the gradients that reached it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ContextDecorator
from typing import TYPE_CHECKING, Any

from nnkit.backend import Backend
from nnkit.errors import GraphError, KernelUnavailable
from nnkit.hooks import hooked
from nnkit.recording import active
from nnkit.typing import Array, DType, Shape, Vjp

if TYPE_CHECKING:
    from nnkit.dispatch import Op
    from nnkit.tensor import Tensor


class _Mode(threading.local):
    recording = True


_mode = _Mode()


def is_grad_enabled() -> bool:
    """Whether ops record what `backward` needs.

    >>> import nnkit
    >>> with nnkit.no_grad():
    ...     nnkit.is_grad_enabled()
    False
    """
    return _mode.recording


class no_grad(ContextDecorator):  # noqa: N801 (PyTorch's name)
    """Run ops without recording a graph, as a context or as a decorator; per thread.

    >>> import nnkit
    >>> x = nnkit.tensor([1.0, 2.0], requires_grad=True)
    >>> with nnkit.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    def __init__(self) -> None:
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(_mode.recording)
        _mode.recording = False

    def __exit__(self, *_: object) -> None:
        _mode.recording = self._before.pop()


class Node:
    """One op in the graph, or a leaf (a tensor that the user made and wants the gradient of)."""

    __slots__ = (
        "__weakref__", "backend", "hooks", "inputs", "leaf", "op", "options", "parents", "results",
        "slot", "sources", "vjp",
    )  # fmt: skip

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.leaf: Tensor | None = None
        self.op: Op | None = None
        self.vjp: Vjp | None = None
        self.parents: tuple[Node | None, ...] = ()
        self.sources: list[tuple[Tensor, int]] = []
        """Leaves whose arrays an update may change in place, with their version at the time."""
        self.inputs: list[Any] = []
        """Kept for fused ops, so that the CPU can take over when a backward kernel is refused."""
        self.options: dict[str, Any] = {}
        self.results: tuple[tuple[Shape, DType], ...] = ()
        """Shape and dtype of each result, where the op has several."""
        self.hooks: dict[int, Callable[..., Any]] | None = None
        self.slot: int | None = None
        """Set on a node that stands for one of several results of the op of its parent."""

    def result(self, slot: int) -> Node:
        """A node for one of several results."""
        made = Node(self.backend)
        made.parents, made.slot = (self,), slot
        return made

    def release(self) -> None:
        """Forget the saved arrays; the graph cannot be walked again."""
        self.vjp, self.inputs, self.sources = None, [], []


def backward(root: Tensor, gradient: Array, *, retain_graph: bool = False) -> None:
    """Add the gradient of `root`, weighted by `gradient`, to `.grad` of every leaf below it."""
    if root.node is None and not root.requires_grad:
        raise GraphError(
            "backward: this tensor depends on nothing that requires a gradient. Fix: make it from "
            "parameters or tensors with requires_grad=True, outside no_grad()."
        )
    start = root.graph_node()
    pending: dict[int, Any] = {id(start): gradient}
    for node in _from_result_to_leaves(start):
        g = pending.pop(id(node), None)
        if g is None:
            continue
        if node.hooks:
            g = hooked(node, g)
        if node.leaf is not None:
            _accumulate(node.leaf, g)
            continue
        if node.slot is not None:
            pending.setdefault(id(node.parents[0]), {})[node.slot] = g
            continue
        for parent, d in zip(node.parents, _vjp(node, g), strict=True):
            if parent is not None and d is not None:
                key = id(parent)
                pending[key] = node.backend.xp.add(pending[key], d) if key in pending else d
        if not retain_graph:
            node.release()


def _vjp(node: Node, g: Any) -> tuple[Array | None, ...]:
    assert node.op is not None
    if node.vjp is None:
        raise GraphError(
            f"backward: the graph through '{node.op.name}' was already used and released. Fix: "
            "compute the loss again, or call backward(retain_graph=True) the first time."
        )
    for source, version in node.sources:
        if source.version != version:
            raise GraphError(
                f"backward: a tensor of shape {source.shape} that '{node.op.name}' read was "
                "changed in place since (by an optimizer step?). Fix: call backward before the "
                "step, or compute the loss again after it."
            )
    if node.results:
        g = _of_each_result(node, g)
    try:
        return node.op.backward(node.backend, node.vjp, g)
    except KernelUnavailable as error:
        if not node.inputs:
            raise
        return node.op.backward_on_host(node.backend, node.inputs, node.options, g, str(error))


def _of_each_result(node: Node, found: dict[int, Array]) -> tuple[Array, ...]:
    """The gradients of an op's results in order, zeros for those that nothing was made of."""
    xp = node.backend.xp
    return tuple(
        found[i] if i in found else xp.zeros(shape, dtype=dtype)
        for i, (shape, dtype) in enumerate(node.results)
    )


def _from_result_to_leaves(start: Node) -> Iterator[Node]:
    """Every node below `start`, each after all nodes that use it (depth first, by a loop)."""
    order: list[Node] = []
    seen: set[int] = set()
    stack: list[tuple[Node, bool]] = [(start, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((p, False) for p in node.parents if p is not None and id(p) not in seen)
    return reversed(order)


def _accumulate(leaf: Tensor, g: Array) -> None:
    from nnkit.tensor import Tensor  # not above: tensors call backward

    if active.session is not None:
        active.session.gradient(leaf)
    xp = leaf.backend.xp
    total = g if leaf.grad is None else xp.add(leaf.grad.data, g)
    leaf.grad = Tensor(xp.ext.contiguous(total), leaf.backend)


def gradcheck(
    function: Callable[..., Tensor],
    inputs: Sequence[Tensor],
    *,
    step: float = 1e-5,
    tolerance: float = 1e-7,
) -> bool:
    """Compare `function`'s gradients with central differences, in float64.

    d f / d x_i ~ (f(x + h e_i) - f(x - h e_i)) / 2h; the result is reduced by a fixed random
    weighting, so that every element of it counts.

    Args:
        function: takes the inputs, gives one tensor.
        inputs: float64 tensors; those with `requires_grad` are checked.
        step: h.
        tolerance: allowed difference as a share of the largest gradient (at least 1).

    Raises:
        GraphError: names the input, the element and both values where they differ.
        TypeError: when an input to be checked is not float64.

    >>> import nnkit
    >>> x = nnkit.tensor([0.5, -2.0], dtype="float64", requires_grad=True)
    >>> gradcheck(lambda x: x.exp() * x, [x])
    True
    """
    from nnkit.numeric import compare_with_differences

    compare_with_differences(function, inputs, step=step, tolerance=tolerance)
    return True
